"""A version is tried in shadow mode or by lot, promoted, and gone back from; new work obeys at once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bridge.flows import retire, review, rollout
from bridge.flows.rollout import Plan, Word
from bridge.wiring.desk import RealDesk
from bridge.wiring.launches import Launching
from guarantee.case import CaseKind
from guarantee.completeness import Incomplete
from guarantee.errors import Absent, Malformed, NotAllowed, Refused, WorldChanged
from guarantee.events import DeliveryDue
from guarantee.ids import digest
from guarantee.result import Mode, Priority, Result
from guarantee.rollout import Trial
from guarantee.states import ResultState
from guarantee.stops import in_force
from tests.flows.fakes import READER, SECOND, FakeCatalogue, arrival, card
from tests.flows.judging import announce, count, look
from tests.flows.world import World

OLD = card()
NEW = replace(OLD, model=replace(OLD.model, version="2.0.0", digest=digest(b"newer"), card=digest(b"newer card")))
WORD = Word(by="operator:root", reason="essai")
SEED = "5eed" * 8


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, cards=(OLD, NEW))
    with made.sql.transaction("register") as unit:
        unit.registry.appoint_first(OLD.model, made.clock.now())
        unit.registry.appoint_first(NEW.model, made.clock.now())  # installed later: it takes nothing over
    yield made
    made.engine.dispose()


def try_new(world: World, *, shadow: bool = False, share: int = 0, site: str = "", against: str = "") -> Trial:
    plan = Plan(model=NEW.model.id, against=against, shadow=shadow, share=share, site=site, seed=SEED)
    return rollout.begin(plan, WORD, store=world.store, clock=world.clock)


def promote(world: World, model: str = NEW.model.id) -> rollout.Replaced:
    return rollout.promote(model, READER, SECOND, reason="essai", store=world.store, clock=world.clock)


def back(world: World, *, stop: bool = False, further: bool = False) -> rollout.Replaced:
    return rollout.roll_back("toy", WORD, stop=stop, further=further, store=world.store, clock=world.clock)


def sent(world: World, *studies: str) -> list[Result]:
    """Let these studies come in and be complete; return their results."""
    before = {result.id for result in world.results()}
    world.receive(*(arrival(world.vault, study=study) for study in studies))
    world.complete()
    return [result for result in world.results() if result.id not in before]


def versions(results: list[Result]) -> list[tuple[str, Mode]]:
    return sorted((result.model.version, result.mode) for result in results)


# ------------------------------------------------------------------------------------------------------------- shadow


def test_a_version_that_is_installed_later_gets_no_work_by_being_higher(world: World) -> None:
    assert versions(sent(world, "1.2.1")) == [("1.0.0", Mode.CARE)]


def test_a_shadow_looks_at_every_case_and_no_reader_and_no_destination_ever_sees_it(world: World) -> None:
    try_new(world, shadow=True)
    assert versions(sent(world, "1.2.1")) == [("1.0.0", Mode.CARE), ("2.0.0", Mode.SHADOW)]
    world.infer_all()
    care, shadow = sorted(world.results(), key=lambda result: result.model.version)
    assert (care.state, shadow.state) == (ResultState.AWAITING_REVIEW, ResultState.AWAITING_REVIEW)
    with world.sql.reading() as unit:
        assert [row.result.id for row in unit.views.results((), limit=9)] == [care.id]
        assert unit.views.counts() == {"awaiting_review": 1}
        assert [(w.place, w.of, w.count) for w in unit.measures.waiting() if w.place == "review"] == [
            ("review", OLD.model.id, 1)
        ]
    with pytest.raises(WorldChanged, match="shadow"):
        review.ask(shadow.id, READER, world.review)
    world.answer(care)
    world.deliver_all()
    assert world.result(care.id).state is ResultState.DELIVERED
    assert world.result(shadow.id).state is ResultState.AWAITING_REVIEW
    told = [fact for _, fact in world.pending() if isinstance(fact, DeliveryDue)]
    assert len(told) == len(world.deliveries(care.id))
    assert world.deliveries(shadow.id) == {}


def test_the_desk_knows_no_shadow_result_by_any_of_its_doors(world: World) -> None:
    try_new(world, shadow=True)
    sent(world, "1.2.1")
    world.infer_all()
    care, shadow = sorted(world.results(), key=lambda result: result.model.version)
    desk = RealDesk(
        store=world.sql,
        review=world.review,
        sign_ins=Any,  # type: ignore[arg-type] # nobody signs in here
        catalogue=world.catalogue,
        installed=world.catalogue.cards,
        places=(),
        launching=Launching(store=world.sql, clock=world.clock, launchers=(), zone=ZoneInfo("Europe/Paris")),
        signing=Any,  # type: ignore[arg-type] # nor signs by passkey
        entrance=Any,  # type: ignore[arg-type] # nor comes from elsewhere
        reporting=Any,  # type: ignore[arg-type] # nor reports anything
        examine=world.examine,
        imaging=Any,  # type: ignore[arg-type] # tests/dicomweb
    )
    doors: dict[str, Callable[[str], object]] = {
        "view": lambda result: desk.view(result, READER),
        "open": lambda result: desk.open(result, READER),
        "timeline": desk.timeline,
        "mask": lambda result: desk.mask(result, 1),
    }
    for name, door in doors.items():
        assert door(care.id), name
        with pytest.raises(Absent):
            door(shadow.id)
    for images in (desk.series, lambda result: desk.frame(result, "1.2.1.0", 0)):  # the bytes here are no DICOM
        with pytest.raises(Absent):
            images(shadow.id)


def test_nobody_waits_for_a_shadow_so_it_is_never_urgent(world: World) -> None:
    try_new(world, shadow=True)
    image = arrival(world.vault)
    urgent = {**image.facts, "RequestedProcedurePriority": frozenset({"STAT"})}
    world.receive(replace(image, facts=urgent))
    world.complete()
    assert {result.mode: result.priority for result in world.results()} == {
        Mode.CARE: Priority.STAT,
        Mode.SHADOW: Priority.ROUTINE,
    }


def test_a_shadow_that_would_wait_for_a_late_image_does_not_delay_care(world: World) -> None:
    world.catalogue = FakeCatalogue(replace(OLD, incomplete=Incomplete.RUN), replace(NEW, incomplete=Incomplete.WAIT))
    try_new(world, shadow=True)
    world.receive(arrival(world.vault))
    announce(world, count(2))
    judged = look(world, after_s=301)
    assert judged is not None
    assert judged.how == "not-awaited"


def test_a_trial_at_one_site_leaves_another_alone(world: World) -> None:
    try_new(world, shadow=True, site="site-2")
    assert versions(sent(world, "1.2.1")) == [("1.0.0", Mode.CARE)]


# ------------------------------------------------------------------------------------------------------------- canary


def test_the_lot_and_nothing_else_says_which_case_gets_the_new_version(world: World) -> None:
    trial = try_new(world, share=30)
    studies = [f"1.2.{n}" for n in range(20)]
    expected = {study: "2.0.0" if trial.takes(CaseKind.STUDY, study) else "1.0.0" for study in studies}
    assert set(expected.values()) == {"1.0.0", "2.0.0"}
    found = {}
    for study in studies:
        (result,) = sent(world, study)
        assert result.mode is Mode.CARE
        found[study] = result.model.version
    assert found == expected


def test_a_late_image_does_not_draw_again(world: World) -> None:
    trial = try_new(world, share=50)
    taken = next(f"1.2.{n}" for n in range(99) if trial.takes(CaseKind.STUDY, f"1.2.{n}"))
    assert versions(sent(world, taken)) == [("2.0.0", Mode.CARE)]
    for image in (2, 3, 4):
        world.receive(arrival(world.vault, study=taken, image=image))
        world.complete()
    assert [result.model.version for result in world.results()] == ["2.0.0"] * 4


def test_with_both_the_version_that_a_case_did_not_draw_looks_in_shadow_mode(world: World) -> None:
    trial = try_new(world, shadow=True, share=50)
    taken, left = (
        next(f"1.2.{n}" for n in range(99) if trial.takes(CaseKind.STUDY, f"1.2.{n}") is yes) for yes in (True, False)
    )
    assert versions(sent(world, taken)) == [("1.0.0", Mode.SHADOW), ("2.0.0", Mode.CARE)]
    assert versions(sent(world, left)) == [("1.0.0", Mode.CARE), ("2.0.0", Mode.SHADOW)]


def test_a_version_that_is_not_held_here_fails_visibly_and_the_others_go_on(world: World) -> None:
    try_new(world, shadow=True)
    world.catalogue = FakeCatalogue(OLD)
    results = {result.model.version: result for result in sent(world, "1.2.1")}
    assert results["1.0.0"].state is ResultState.QUEUED
    gone = results["2.0.0"]
    assert (gone.state, gone.mode, gone.model) == (ResultState.FAILED, Mode.SHADOW, NEW.model)
    assert gone.cause is not None
    assert gone.cause.code == "model-missing"


# ------------------------------------------------------------------------------------------- promotion and going back


def test_a_promotion_and_a_rollback_hold_for_the_next_case(world: World) -> None:
    assert versions(sent(world, "1.2.1")) == [("1.0.0", Mode.CARE)]
    done = promote(world)
    assert (done.left, done.line.model) == (OLD.model.id, NEW.model.id)
    assert versions(sent(world, "1.2.2")) == [("2.0.0", Mode.CARE)]
    done = back(world)
    assert (done.left, done.line.model, done.stopped) == (NEW.model.id, OLD.model.id, False)
    assert done.work == {(Mode.CARE, ResultState.QUEUED): 1}
    assert versions(sent(world, "1.2.3")) == [("1.0.0", Mode.CARE)]
    with world.sql.reading() as unit:
        told = [(link.action, link.subject) for link in unit.journal.links() if link.action.startswith("appointment.")]
    assert told == [("appointment.first", "toy"), ("appointment.promote", "toy"), ("appointment.rollback", "toy")]


def test_a_rollback_counts_what_the_newer_version_left_behind(world: World) -> None:
    promote(world)
    for study in ("1.2.1", "1.2.2", "1.2.3"):
        sent(world, study)
    world.infer_all()
    world.answer(world.results()[0])
    world.deliver_all()
    sent(world, "1.2.4")
    assert back(world).work == {
        (Mode.CARE, ResultState.QUEUED): 1,
        (Mode.CARE, ResultState.AWAITING_REVIEW): 2,
        (Mode.CARE, ResultState.DELIVERED): 1,
    }


def test_a_rollback_that_stops_holds_what_waits_in_the_same_transaction(world: World) -> None:
    promote(world)
    sent(world, "1.2.1")
    done = back(world, stop=True)
    assert done.stopped
    world.infer_all()
    (waiting,) = world.results()
    assert (waiting.state, waiting.attempts) == (ResultState.QUEUED, 0)
    with world.sql.reading() as unit:
        assert [(stop.target, stop.by, stop.reason) for stop in in_force(unit.stops.lines())] == [
            (NEW.model.id, WORD.by, WORD.reason)
        ]


def test_a_rollback_that_cannot_be_stops_nothing_either(world: World) -> None:
    promote(world)
    retire.retire(OLD.model.id, by="operator:root", reason="remplacé", store=world.store, clock=world.clock)
    with pytest.raises(Refused, match="retired"):
        back(world, stop=True)
    with world.sql.reading() as unit:
        assert in_force(unit.stops.lines()) == ()
        assert unit.rollouts.now().appointments["toy"].model == NEW.model.id


def test_two_people_who_both_roll_back_go_back_once(world: World) -> None:
    promote(world)
    back(world)
    with pytest.raises(NotAllowed, match="--further"):
        back(world)
    with pytest.raises(NotAllowed, match="none before it"):
        back(world, further=True)


def test_a_trial_is_over_with_its_appointment_and_never_comes_back(world: World) -> None:
    begun = try_new(world, shadow=True, share=40)
    assert promote(world).ended == (begun,)
    assert versions(sent(world, "1.2.1")) == [("2.0.0", Mode.CARE)]
    assert back(world).ended == ()
    assert versions(sent(world, "1.2.2")) == [("1.0.0", Mode.CARE)]


def test_an_ended_trial_gets_no_more_cases_and_what_is_queued_is_computed(world: World) -> None:
    begun = try_new(world, shadow=True)
    sent(world, "1.2.1")
    assert rollout.end(begun.id[:8], WORD, store=world.store, clock=world.clock) == begun
    assert versions(sent(world, "1.2.2")) == [("1.0.0", Mode.CARE)]
    world.infer_all()
    assert {result.state for result in world.results()} == {ResultState.AWAITING_REVIEW}
    for name in (begun.id, "", "nothing"):
        with pytest.raises(Malformed, match="aval models trial list"):
            rollout.end(name, WORD, store=world.store, clock=world.clock)


def test_a_trial_is_against_the_version_in_routine_and_there_is_one(world: World) -> None:
    with pytest.raises(NotAllowed, match=r"toy@1\.0\.0 is in routine, not toy@0\.9\.0"):
        try_new(world, shadow=True, against="toy@0.9.0")
    of_itself = Plan(model=OLD.model.id, against="", shadow=True, share=0, site="", seed=SEED)
    with pytest.raises(NotAllowed, match="another version is tried against it"):
        rollout.begin(of_itself, WORD, store=world.store, clock=world.clock)
    try_new(world, shadow=True, against=OLD.model.id)
    with pytest.raises(Refused, match="another trial"):
        try_new(world, share=10)
    nobody = Plan(model="nobody@1.0.0", against="", shadow=True, share=0, site="", seed=SEED)
    with pytest.raises(NotAllowed, match="nothing to try"):
        rollout.begin(nobody, WORD, store=world.store, clock=world.clock)


def test_a_version_of_a_name_that_was_never_known_has_no_life(world: World) -> None:
    with pytest.raises(NotAllowed, match="is at idea"):
        promote(world, "nobody@1.0.0")
