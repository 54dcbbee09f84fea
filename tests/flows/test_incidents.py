"""A discordance is reported: what follows of itself, what people do, and what stays while evidence is frozen."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bridge.flows import incidents as flow
from bridge.flows.holds import Triggers
from guarantee.declarations import DUTIES, Answer
from guarantee.errors import Absent, Held, Malformed, NotAllowed, NotEntitled
from guarantee.ids import ResultId
from guarantee.incident import File, Grade, Kind
from guarantee.opinion import Reader, Reason, Verdict
from guarantee.policy import Role
from guarantee.result import Result
from guarantee.stops import Scope, Stop, in_force
from tests.flows.fakes import COMMITTEE, READER, SECOND, arrival, card
from tests.flows.world import World
from tests.guarantee.samples import a_reader

OFFICER = a_reader("dpo", Role.DPO)
SECRETARY = a_reader("sec", Role.SECRETARY)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, cards=(card(),))
    with made.sql.transaction("setup") as unit:
        for reader in (OFFICER, SECRETARY):
            unit.accounts.add(reader, "x", "x", made.clock.now())
    yield made
    made.engine.dispose()


def tools(world: World, **triggers: int) -> flow.Tools:
    return flow.Tools(store=world.store, clock=world.clock, triggers=Triggers(**triggers))  # type: ignore[arg-type]


def held(world: World) -> list[Stop]:
    with world.sql.reading() as unit:
        return list(in_force(unit.stops.lines()))


def report(world: World, result: Result, grade: Grade = Grade.D4, by: Reader = READER, **triggers: int) -> File:
    return flow.report(result.id, grade, "lobe gauche manqué", by, tools(world, **triggers))


def draft(world: World, study: str = "1.2.3") -> Result:
    return world.drafted(arrival(world.vault, study=study))


def frozen(world: World, file: File) -> int:
    with world.sql.reading() as unit:
        return len(unit.incidents.frozen(file.incident.id))


def forgotten(world: World, before: datetime) -> int:
    with world.sql.transaction("sweep") as unit:
        return unit.judging.forget_conversations(before)


def test_harm_stops_the_version_and_freezes_the_evidence_with_the_report(world: World) -> None:
    result = draft(world)
    file = report(world, result)
    (stop,) = held(world)
    assert (stop.scope, stop.target, stop.by) == (Scope.VERSION, result.model.id, READER.login)
    assert frozen(world, file) == 1
    with pytest.raises(Held):
        world.answer(result)


@pytest.mark.parametrize("grade", [Grade.D0, Grade.D1, Grade.D2, Grade.D3])
def test_below_harm_nothing_stops_and_nothing_is_frozen(world: World, grade: Grade) -> None:
    file = report(world, draft(world), grade)
    assert (held(world), frozen(world, file)) == ([], 0)
    assert file.is_open is (grade in {Grade.D2, Grade.D3})


def test_a_second_report_of_harm_adds_no_second_stop_and_a_higher_grade_sets_off_the_rest(world: World) -> None:
    file = report(world, draft(world), Grade.D2)
    for _ in range(2):
        world.clock.advance(seconds=1)
        flow.grade_again(file.incident.id, Grade.D4, "scanner relu", SECOND, tools(world))
    assert (len(held(world)), frozen(world, file)) == (1, 1)
    lower = flow.grade_again(file.incident.id, Grade.D1, "relu à deux", COMMITTEE, tools(world))
    assert (lower.grade, len(lower.of(Kind.GRADE))) == (Grade.D1, 4)
    assert (len(held(world)), frozen(world, file)) == (1, 1), "what is in force, people end"


def test_what_nobody_accepted_was_caught(world: World) -> None:
    rejected, accepted = draft(world), draft(world, "1.2.4")
    world.answer(rejected, Verdict.REJECT, reason=Reason.FALSE_NEGATIVE)
    assert report(world, rejected, Grade.D3).is_near_miss
    world.answer(accepted)
    assert not report(world, accepted, Grade.D3).incident.caught


def test_serious_reports_that_add_up_suspend_where_the_site_said_so(world: World) -> None:
    first, second = draft(world), draft(world, "1.2.4")
    report(world, first, Grade.D3, discordances=2)
    assert held(world) == []
    world.clock.advance(days=31)
    report(world, second, Grade.D3, discordances=2)
    assert held(world) == [], "the first one is older than a month"
    report(world, first, Grade.D3, SECOND, discordances=2)
    (stop,) = held(world)
    assert (stop.target, stop.by) == (first.model.id, "trigger")


def test_who_may_not_report_reports_nothing_and_a_result_must_exist(world: World) -> None:
    result = draft(world)
    with pytest.raises(NotEntitled):
        report(world, result, by=SECRETARY)
    with pytest.raises(Absent):
        flow.report(ResultId("00000000-0000-0000-0000-000000000000"), Grade.D4, "rien", READER, tools(world))
    assert held(world) == []


def test_from_report_to_closure(world: World) -> None:
    file = report(world, draft(world))
    key, its = file.incident.id, tools(world)
    flow.answer_form(key, {"data": Answer.NO}, OFFICER, its)
    flow.ask_action(key, "seuil revu avec le fabricant", "2026-12-31", COMMITTEE, its)
    with pytest.raises(NotAllowed, match="action 1 is not done"):
        flow.close(key, "vingt cas relus", COMMITTEE, its, second=OFFICER.login)
    flow.say_done(key, "1", "version 1.0.1 validée", COMMITTEE, its)
    with pytest.raises(NotAllowed, match="nobody declared fei"):
        flow.close(key, "vingt cas relus", COMMITTEE, its, second=OFFICER.login)
    for duty in DUTIES[1:]:
        flow.set_aside(key, duty.code, "sans objet, vu avec la qualité", OFFICER, its)
    flow.say_declared(key, "fei", "FEI-2026-17", "déclaré", OFFICER, its)
    with pytest.raises(NotAllowed, match="two different people"):
        flow.close(key, "vingt cas relus", COMMITTEE, its)
    assert flow.close(key, "vingt cas relus", COMMITTEE, its, second=OFFICER.login).is_closed
    with pytest.raises(NotAllowed, match="open it again"):
        flow.ask_action(key, "autre chose", "", COMMITTEE, its)
    assert flow.reopen(key, "un nouveau cas", COMMITTEE, its).is_open


def test_what_nobody_knows_is_refused(world: World) -> None:
    key, its = report(world, draft(world)).incident.id, tools(world)
    for step, says in (
        (lambda: flow.answer_form(key, {}, OFFICER, its), "no question"),
        (lambda: flow.set_aside(key, "weather", "x", OFFICER, its), "no declaration"),
    ):
        with pytest.raises(Malformed, match=says):
            step()


def test_frozen_evidence_outlives_the_sweeper_until_two_people_lift_it(world: World) -> None:
    for study in ("1.2.3", "1.2.4"):
        world.receive(arrival(world.vault, study=study, conversation=study))
        with world.sql.transaction("scp") as unit:
            unit.judging.hang_up(study, world.clock.now(), broken_off=False)
    world.complete()
    world.infer_all()
    kept, _ = world.results()
    file = report(world, kept)
    later = world.clock.now() + timedelta(days=400)
    assert forgotten(world, later) == 1, "of two"
    for readers in ((READER, OFFICER), (OFFICER, READER)):
        with pytest.raises(NotEntitled):
            flow.lift(file.incident.id, "revue close", readers, tools(world))
    with pytest.raises(Malformed):
        flow.lift(file.incident.id, "revue close", (OFFICER, OFFICER), tools(world))
    assert flow.lift(file.incident.id, "revue close", (COMMITTEE, OFFICER), tools(world)) == 1
    assert forgotten(world, later) == 1
    with pytest.raises(Malformed, match="nothing is frozen"):
        flow.lift(file.incident.id, "encore", (COMMITTEE, OFFICER), tools(world))
    with pytest.raises(NotEntitled):
        flow.freeze(file.incident.id, READER, tools(world))
    world.clock.advance(seconds=1)
    assert len(flow.freeze(file.incident.id, OFFICER, tools(world))) == 1


def test_the_journal_tells_of_each_line_and_repeats_none_of_its_words(world: World) -> None:
    result = draft(world)
    file = report(world, result)
    with world.sql.reading() as unit:
        links = [link for link in unit.views.timeline(result.id) if file.incident.id in link.body]
    assert [link.action for link in links] == ["incident.reported", "incident.grade", "evidence.frozen"]
    assert not any("lobe" in link.body for link in links)
