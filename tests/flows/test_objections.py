"""A patient objects to AI: before the exam, while it is computed, read or sent; and no longer."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from bridge.db import tables
from bridge.flows import deliver, destinations, first_read, infer, objections, review
from bridge.flows.objections import Settled
from bridge.flows.retract import withdraw
from guarantee.card import Card
from guarantee.errors import NotAllowed, Objected
from guarantee.ids import ResultId
from guarantee.inputs import Inputs
from guarantee.objections import OBJECTION, Objection, Word
from guarantee.policy import OnObjection
from guarantee.ports import Proposal
from guarantee.release import Kind, WithdrawalReason
from guarantee.result import Result
from guarantee.runs import Outcome
from guarantee.states import ResultState
from tests.flows.fakes import PATIENT, POLICY, READER, FakeDestination, arrival
from tests.flows.world import World

WAITING, EXCLUDED, QUEUED = ResultState.AWAITING_REVIEW, ResultState.EXCLUDED, ResultState.QUEUED


class Hiding(World):
    """A site whose policy lets models run for patients who object, and shows nothing of it."""

    policies = (replace(POLICY, objection=OnObjection.HIDE),)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture
def hiding(tmp_path: Path) -> Iterator[World]:
    made = Hiding(tmp_path)
    yield made
    made.engine.dispose()


def say(world: World, word: Word = Word.RECORD, identifier: str = PATIENT.identifier) -> Settled:
    """Say it as the command line does."""
    _, settled = objections.say(
        word,
        [PATIENT.issuer],
        identifier,
        by="operator:root",
        reason="courrier",
        store=world.store,
        clock=world.clock,
    )
    return settled


def only(world: World) -> Result:
    (found,) = world.results()
    return found


def told(world: World) -> tuple[ResultState, str]:
    return only(world).state, only(world).cause.code if only(world).cause else ""  # type: ignore[union-attr]


def queued(world: World) -> ResultId:
    world.receive(arrival(world.vault))
    world.complete()
    return only(world).id


def waits_for(world: World, result: ResultId) -> set[str]:
    with world.sql.reading() as unit:
        return {row.cause.code for row in unit.views.sent(result) if row.cause}


# ----------------------------------------------------------------------------------------------- before a model runs


def test_an_exam_that_comes_after_the_objection_is_excluded_and_runs_when_it_is_lifted(world: World) -> None:
    say(world)
    result = queued(world)
    assert told(world) == (EXCLUDED, OBJECTION)
    assert not [fact for _, fact in world.pending()], "nobody is rung for"
    assert say(world, Word.LIFT) == Settled(excluded=(), requeued=(result,))
    assert told(world) == (QUEUED, "")
    world.infer_all()
    assert only(world).state is WAITING


def test_what_was_queued_before_the_objection_is_excluded_at_once(world: World) -> None:
    result = queued(world)
    assert say(world) == Settled(excluded=(result,), requeued=())
    assert told(world) == (EXCLUDED, OBJECTION)
    world.infer_all()
    assert (told(world), world.model.runs) == ((EXCLUDED, OBJECTION), 0)


def test_somebody_else_with_another_number_is_not_concerned(world: World) -> None:
    queued(world)
    assert say(world, identifier="P2") == Settled(excluded=(), requeued=())
    world.infer_all()
    assert only(world).state is WAITING


def test_a_number_that_came_without_its_issuer_may_be_theirs(world: World) -> None:
    say(world)
    world.receive(replace(arrival(world.vault), patient=replace(PATIENT, issuer="")))
    world.complete()
    assert told(world) == (EXCLUDED, OBJECTION)


def test_a_worker_that_claims_before_the_rest_is_settled_excludes(world: World) -> None:
    result = queued(world)
    with world.store.transaction("fhir") as unit:
        unit.objections.add(a_line(world))
    assert infer.infer(result, world.inference) is False
    assert (told(world), world.model.runs) == ((EXCLUDED, OBJECTION), 0)


def test_a_draft_that_comes_after_the_objection_is_not_kept(world: World) -> None:
    result = queued(world)
    honest = world.model.run

    def run(card: Card, inputs: Inputs) -> Proposal:
        with world.store.transaction("objections:root") as unit:
            unit.objections.add(a_line(world))
        return honest(card, inputs)

    world.model.run = run  # type: ignore[method-assign]
    infer.infer(result, world.inference)
    assert told(world) == (EXCLUDED, OBJECTION)
    assert only(world).draft is None
    with world.sql.reading() as unit:
        row = unit.connection.execute(select(tables.runs).where(tables.runs.c.result_id == result)).one()
    assert (row.outcome, row.cause_code) == (str(Outcome.EXCLUDED), OBJECTION)


def a_line(world: World, **changes: str) -> Objection:
    said = {"authority": PATIENT.issuer, "identifier": PATIENT.identifier, "by": "record:dpi", "source": "Consent/1"}
    return Objection(**(said | changes), word=Word.RECORD, reason="Consent", at=world.clock.now())


def test_two_objections_are_both_lifted_before_anything_runs(world: World) -> None:
    """The case's number came without an issuer, and two patients with that number object."""
    world.receive(replace(arrival(world.vault), patient=replace(PATIENT, issuer="")))
    world.complete()
    say(world)
    with world.store.transaction("fhir") as unit:
        unit.objections.add(a_line(world, authority="elsewhere"))
    assert say(world, Word.LIFT).requeued == ()
    assert told(world) == (EXCLUDED, OBJECTION)


def test_what_is_out_of_date_stays_excluded_when_it_is_lifted(world: World) -> None:
    say(world)
    queued(world)
    world.receive(arrival(world.vault, image=2))
    assert say(world, Word.LIFT).requeued == ()
    world.complete()
    world.infer_all()
    assert sorted(result.state for result in world.results()) == [WAITING, EXCLUDED]


# -------------------------------------------------------------------------------------------------- shown and decided


@pytest.mark.parametrize("policy", OnObjection)
def test_a_draft_is_hidden_while_it_stands_and_shown_again(tmp_path: Path, policy: OnObjection) -> None:
    world = World(tmp_path) if policy is OnObjection.STOP else Hiding(tmp_path)
    result = world.drafted(arrival(world.vault))
    assert say(world) == Settled(excluded=(), requeued=())
    for asks in (
        lambda: review.ask(result.id, READER, world.review),
        lambda: first_read.begin(result.id, READER, world.review),
    ):
        with pytest.raises(Objected):
            asks()
    assert [cause.code for cause in review.what_forbids(result.id, world.review)] == [OBJECTION]
    say(world, Word.LIFT)
    assert world.answer(result) is not None
    world.engine.dispose()


def test_under_a_policy_that_hides_the_model_runs_and_nobody_sees_it(hiding: World) -> None:
    say(hiding)
    queued(hiding)
    hiding.infer_all()
    assert (told(hiding), hiding.model.runs) == ((WAITING, ""), 1)
    with pytest.raises(Objected):
        review.ask(only(hiding).id, READER, hiding.review)


def test_an_opinion_signed_after_the_objection_is_refused_and_leaves_nothing(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    honest = review.ask

    def ask(*given: object) -> review.Question:
        question = honest(*given)  # type: ignore[arg-type]
        say(world)
        return question

    review.ask = ask  # type: ignore[assignment]
    try:
        with pytest.raises(Objected):
            world.answer(result)
    finally:
        review.ask = honest
    with world.sql.reading() as unit:
        assert unit.gate.opinions(result.id) == ()


# ------------------------------------------------------------------------------------------------------ sent, delivered


def test_nothing_more_is_sent_while_it_stands_and_what_waited_goes_when_it_is_lifted(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    world.answer(result)
    say(world)
    world.deliver_all()
    assert set(world.deliveries(result.id).values()) == {"due"}
    assert waits_for(world, result.id) == {OBJECTION}
    assert not any(place.held for place in world.destinations.values())
    say(world, Word.LIFT)
    world.clock.advance(seconds=10)
    world.deliver_all()
    assert only(world).state is ResultState.DELIVERED


def test_it_is_looked_at_between_two_sends(world: World) -> None:
    """One destination holds its copy already: it keeps it, and the other one gets none."""
    result = world.drafted(arrival(world.vault))
    world.answer(result)
    pacs: FakeDestination = world.destinations["pacs"]
    honest = pacs.send

    def send(release: object) -> object:
        say(world)
        return honest(release)  # type: ignore[arg-type]

    pacs.send = send  # type: ignore[method-assign, assignment]
    with world.store.reading() as unit:
        due = sorted(unit.deliveries.due(now=world.clock.now()), key=lambda one: one.destination != "pacs")
    for delivery in due:
        deliver.deliver(delivery.id, world.dispatch)
    assert world.deliveries(result.id) == {"pacs": "confirmed", "dpi": "due"}
    assert not world.destinations["dpi"].held


def test_what_was_delivered_stays_is_listed_and_is_not_sent_again(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    world.answer(result)
    world.deliver_all()
    line, settled = objections.say(
        Word.RECORD,
        [PATIENT.issuer],
        PATIENT.identifier,
        by="operator:root",
        reason="courrier",
        store=world.store,
        clock=world.clock,
    )
    assert (only(world).state, settled) == (ResultState.DELIVERED, Settled(excluded=(), requeued=()))
    with world.sql.reading() as unit:
        assert unit.objections.touched(line) == {"delivered": (result.id,)}
    with pytest.raises(Objected):
        destinations.resend(result.id, "pacs", by="root", reason="perdu", store=world.store, clock=world.clock)


def test_a_withdrawal_goes_whatever_the_patient_says(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    world.answer(result)
    world.deliver_all()
    say(world)
    said = {"by": READER.login, "reason": WithdrawalReason.WRONG_RESULT, "comment": "faux"}
    withdraw(result.id, **said, tools=world.review)  # type: ignore[arg-type]
    world.deliver_all()
    assert set(world.deliveries(result.id, Kind.WITHDRAWAL).values()) == {"confirmed"}


# ------------------------------------------------------------------------------------------------------ who says it


def test_a_person_says_it_once_and_lifts_what_stands(world: World) -> None:
    with pytest.raises(NotAllowed, match="nothing to lift"):
        say(world, Word.LIFT)
    say(world)
    with pytest.raises(NotAllowed, match="stands already"):
        say(world)
    say(world, Word.LIFT)
    say(world)
    with world.sql.reading() as unit:
        assert len(unit.objections.standing()) == 1
        noted = [link for link in unit.journal.links() if link.action.startswith("objection.")]
    assert [link.action for link in noted] == ["objection.record", "objection.lift", "objection.record"]
    assert not any(PATIENT.identifier in link.subject + link.body for link in noted)


def test_the_record_says_the_same_again_and_a_person_had_lifted_it(world: World) -> None:
    hear = {"store": world.store, "clock": world.clock, "actor": "fhir"}
    result = queued(world)
    assert objections.hear((), **hear) == 0  # type: ignore[arg-type]
    assert objections.hear((a_line(world),), **hear) == 1  # type: ignore[arg-type]
    assert told(world) == (EXCLUDED, OBJECTION)
    assert say(world, Word.LIFT).requeued == (result,)
    assert objections.hear((a_line(world),), **hear) == 0  # type: ignore[arg-type]
    assert told(world) == (QUEUED, ""), "the same word of the record is no second objection"
    assert objections.hear((a_line(world, source="Consent/2"),), **hear) == 1  # type: ignore[arg-type]
    assert told(world) == (EXCLUDED, OBJECTION)


def test_the_sweeper_finishes_what_a_crash_left(world: World) -> None:
    result = queued(world)
    with world.store.transaction("fhir") as unit:
        unit.objections.add(a_line(world))
    settled = objections.settle(store=world.store, clock=world.clock, actor="sweep:objections")
    assert settled == Settled(excluded=(result,), requeued=())
    assert objections.settle(store=world.store, clock=world.clock, actor="sweep") == Settled(excluded=(), requeued=())
