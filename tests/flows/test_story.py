"""The story of one study, from its first image to its withdrawal, and the ways it can go elsewhere."""

from decimal import Decimal

import pytest

from bridge.flows import intake, review
from bridge.flows.infer import STARTS_MAX
from bridge.flows.intake import Outcome
from bridge.flows.retract import withdraw
from bridge.flows.stop import resume, stop
from guarantee.amend import Edits, FindingEdit, QuantityEdit
from guarantee.answer import Answer
from guarantee.case import CaseKind
from guarantee.content import Content, Presence, Text
from guarantee.errors import (
    Declined,
    Held,
    ModelFailed,
    NonceRefused,
    NotAllowed,
    NotEligible,
    Refused,
    Unavailable,
    WorldChanged,
)
from guarantee.journal import verify
from guarantee.opinion import Reason, Verdict
from guarantee.release import Kind, WithdrawalReason
from guarantee.rules import Condition
from guarantee.states import CaseState, ResultState
from guarantee.stops import Scope
from tests.flows.crashes import Crash
from tests.flows.fakes import READER, FakeCatalogue, arrival, card, somebody_else
from tests.flows.world import World


def test_a_study_is_endorsed_and_reaches_both_destinations_once(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    assert result.state is ResultState.AWAITING_REVIEW
    assert not world.destinations["pacs"].held, "nothing leaves before the decision"
    world.answer(result)
    assert world.result(result.id).state is ResultState.VALIDATED
    world.deliver_all()
    assert world.result(result.id).state is ResultState.DELIVERED
    for destination in world.destinations.values():
        assert set(destination.stored.values()) == {1}
        assert b"1498,90 mL" in destination.results[0]
    with world.sql.reading() as unit:
        verify(unit.journal.links())


def test_a_rejected_draft_leaves_nothing(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    world.answer(result, Verdict.REJECT, reason=Reason.FALSE_POSITIVE)
    world.deliver_all()
    assert world.result(result.id).state is ResultState.REJECTED
    assert not any(destination.held for destination in world.destinations.values())


def test_an_amended_draft_leaves_as_the_reader_made_it(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    edits = Edits(
        report="Volume mesuré à la main.",
        findings=(FindingEdit(key="brain", quantities=(QuantityEdit(index=0, value=Decimal("1500.00")),)),),
    )
    world.answer(result, Verdict.AMEND, reason=Reason.WRONG_MEASURE, edits=edits)
    world.deliver_all()
    assert world.result(result.id).state is ResultState.DELIVERED
    assert "Volume mesuré" in world.destinations["dpi"].results[0].decode()


def test_the_same_image_again_changes_nothing(world: World) -> None:
    image = arrival(world.vault)
    assert world.receive(image, arrival(world.vault, image=2)) == (Outcome.NEW, Outcome.NEW)
    assert world.receive(image) == (Outcome.DUPLICATE,)


def test_other_bytes_under_a_known_name_quarantine_the_study(world: World) -> None:
    world.receive(arrival(world.vault))
    assert world.receive(arrival(world.vault, data=b"other pixels")) == (Outcome.CONFLICT,)
    world.complete()
    assert world.results() == []
    with world.sql.reading() as unit:
        (case,) = unit.views.cases(10)
    assert (case.state, case.cause) == (CaseState.QUARANTINED, "changed-bytes")


def test_two_patients_in_a_study_quarantine_it(world: World) -> None:
    world.receive(arrival(world.vault), arrival(world.vault, image=2, patient=somebody_else()))
    world.complete()
    assert world.results() == []


def test_somebody_elses_late_image_quarantines_the_study_instead_of_taking_it_over(world: World) -> None:
    world.drafted(arrival(world.vault))
    world.receive(arrival(world.vault, image=2, patient=somebody_else()))
    world.complete()
    world.infer_all()
    assert [result.state for result in world.results()] == [ResultState.STALE]
    with world.sql.reading() as unit:
        newest, _ = unit.views.cases(10)
    assert (newest.state, newest.cause, newest.patient.identifier) == (CaseState.QUARANTINED, "two-patients", "P1")


def test_a_study_stays_open_while_an_association_still_carries_it(world: World) -> None:
    world.receive(arrival(world.vault, conversation="assoc"))
    world.clock.advance(seconds=290)
    world.receive(arrival(world.vault, image=2, conversation="assoc"))
    world.clock.advance(seconds=30)
    world.complete()
    assert not world.results(), "an association that fell silent was broken off: the wait is longer"
    world.complete()
    assert world.results(), "but it does not keep a study open for ever"


def test_late_images_make_the_draft_stale_and_open_a_new_revision(world: World) -> None:
    first = world.drafted(arrival(world.vault))
    world.receive(arrival(world.vault, image=2))
    assert world.result(first.id).state is ResultState.STALE
    world.complete()
    world.infer_all()
    second = next(r for r in world.results() if r.id != first.id)
    assert second.state is ResultState.AWAITING_REVIEW
    assert second.case != first.case


def test_late_images_after_the_decision_withhold_what_was_not_sent(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    world.answer(result)
    world.receive(arrival(world.vault, image=2))
    assert world.result(result.id).state is ResultState.STALE
    world.deliver_all()
    assert not any(destination.held for destination in world.destinations.values())
    assert set(world.deliveries(result.id).values()) == {"withheld"}


def test_late_images_between_two_sends_leave_the_first_copy_for_a_person_to_withdraw(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    world.answer(result)
    world.destinations["pacs"].troubles = ["down"]
    world.deliver_all()
    world.receive(arrival(world.vault, image=2))
    assert world.result(result.id).state is ResultState.VALIDATED, "a copy is at the DPI: stale would hide it"
    world.clock.advance(seconds=400)
    world.deliver_all()
    assert world.deliveries(result.id) == {"dpi": "confirmed", "pacs": "withheld"}
    withdraw(
        result.id, by="dr.martin", reason=WithdrawalReason.SUPERSEDED, comment="images tardives", tools=world.review
    )
    world.clock.advance(seconds=400)
    world.deliver_all()
    assert world.result(result.id).state is ResultState.RETRACTED
    assert world.destinations["dpi"].withdrawn == set(world.destinations["dpi"].stored) - {
        uid for uid, data in world.destinations["dpi"].held.items() if b"takes_back" in data
    }


def test_a_dead_pacs_never_delays_the_dpi(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    world.answer(result)
    world.destinations["pacs"].troubles = ["down"] * 3
    world.deliver_all()
    assert world.deliveries(result.id) == {"dpi": "confirmed", "pacs": "due"}
    for _ in range(4):
        world.clock.advance(seconds=400)
        world.deliver_all()
    assert world.result(result.id).state is ResultState.DELIVERED


def test_an_answer_that_is_lost_ends_in_one_object(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    world.answer(result)
    world.destinations["pacs"].troubles = ["mute"]
    world.deliver_all()
    world.clock.advance(seconds=400)
    world.deliver_all()
    assert world.deliveries(result.id) == {"dpi": "confirmed", "pacs": "confirmed"}
    assert len(world.destinations["pacs"].held) == 1


def test_a_refusal_by_a_destination_is_seen_by_a_person(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    world.answer(result)
    world.destinations["dpi"].troubles = [Declined("invalid", "unknown code")]
    world.deliver_all()
    assert world.deliveries(result.id)["dpi"] == "declined"
    assert world.result(result.id).state is ResultState.VALIDATED


def test_an_unreliable_rendering_is_never_released(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    world.renderers["pacs"].lies = True
    with pytest.raises(Refused, match="not what was endorsed"):
        world.answer(result)
    assert world.result(result.id).state is ResultState.AWAITING_REVIEW


def test_a_question_is_answered_once(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    question = review.ask(result.id, READER, world.review)
    given = Answer(
        nonce=question.nonce,
        shown=question.shown,
        verdict=Verdict.ACCEPT,
        reason=None,
        comment="",
        patient_informed="yes",
        edits=None,
    )
    review.answer(result.id, READER, "password+totp", given, world.review)
    with pytest.raises((NonceRefused, NotAllowed)):
        review.answer(result.id, READER, "password+totp", given, world.review)


def test_an_answer_to_no_question_is_refused(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    with pytest.raises(NonceRefused):
        world.answer(result, nonce="made-up")


def test_a_draft_that_changed_underneath_is_refused(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    question = review.ask(result.id, READER, world.review)
    world.receive(arrival(world.vault, image=2))
    given = Answer(
        nonce=question.nonce,
        shown=question.shown,
        verdict=Verdict.ACCEPT,
        reason=None,
        comment="",
        patient_informed="yes",
        edits=None,
    )
    with pytest.raises((WorldChanged, NotAllowed)):
        review.answer(result.id, READER, "password+totp", given, world.review)


def test_a_stop_holds_decisions_and_sends_until_two_people_resume(world: World) -> None:
    result, other = world.drafted(arrival(world.vault)), world.drafted(arrival(world.vault, study="1.2.4"))
    world.answer(result)
    stop(Scope.MODEL, "toy", by="dr.martin", reason="essai", store=world.store, clock=world.clock)
    world.deliver_all()
    assert not any(destination.held for destination in world.destinations.values())
    with pytest.raises(Held):
        world.answer(other)
    tools = {"examine": world.examine, "store": world.store, "clock": world.clock}
    resume(Scope.MODEL, "toy", by="dr.martin", second="dr.nguyen", reason="fini", **tools)
    world.clock.advance(seconds=10)
    world.deliver_all()
    assert world.result(result.id).state is ResultState.DELIVERED


def test_a_delivered_result_is_taken_back_everywhere(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    world.answer(result)
    world.deliver_all()
    withdraw(result.id, by="dr.martin", reason=WithdrawalReason.WRONG_RESULT, comment="erreur", tools=world.review)
    assert world.result(result.id).state is ResultState.RETRACTED
    world.deliver_all()
    assert set(world.deliveries(result.id, Kind.WITHDRAWAL).values()) == {"confirmed"}
    assert all(destination.withdrawn for destination in world.destinations.values())
    with pytest.raises(NotAllowed):
        withdraw(result.id, by="x", reason=WithdrawalReason.OTHER, comment="encore", tools=world.review)


def test_a_series_outside_the_envelope_is_excluded_with_its_reason(world: World) -> None:
    only_ct = Condition(
        fact="Modality", one_of=("CT",), why=Text(fr="scanner seulement", en="CT only"), code="modality"
    )
    world.catalogue = FakeCatalogue(card(envelope=(only_ct,)))
    world.receive(arrival(world.vault))
    world.complete()
    (result,) = world.results()
    assert result.state is ResultState.EXCLUDED
    assert result.cause is not None
    assert result.cause.code == "modality"


def test_what_the_model_cannot_use_is_excluded_and_a_crash_is_failed(world: World) -> None:
    world.model.failures = [NotEligible("slices-missing", "two slices are missing")]
    assert world.drafted(arrival(world.vault)).state is ResultState.EXCLUDED
    world.model.failures = [ModelFailed("crashed", "signal 11")] * 3
    world.receive(arrival(world.vault, study="1.2.5"))
    world.complete()
    for _ in range(2):
        with pytest.raises(Unavailable, match="crashed"):  # the bell catches it and rings again
            world.infer_all()
    world.infer_all()
    assert {r.state for r in world.results()} == {ResultState.EXCLUDED, ResultState.FAILED}


def test_a_study_that_kills_its_worker_each_time_is_failed_in_the_end(world: World) -> None:
    world.receive(arrival(world.vault))
    world.complete()
    world.model.failures = [Crash("killed")] * 1_000
    for _ in range(STARTS_MAX):
        with pytest.raises(Crash):
            world.infer_all()
        world.clock.advance(minutes=10)
    world.infer_all()
    (result,) = world.results()
    assert (result.state, result.cause and result.cause.code) == (ResultState.FAILED, "worker-died")
    assert world.model.runs == STARTS_MAX


def test_an_outage_uses_up_no_attempt(world: World) -> None:
    world.receive(arrival(world.vault))
    world.complete()
    world.model.failures = [Unavailable("vault", "the disk is away")] * 2 * STARTS_MAX
    for _ in range(2 * STARTS_MAX):
        with pytest.raises(Unavailable):
            world.infer_all()
    world.infer_all()
    (result,) = world.results()
    assert (result.state, result.attempts) == (ResultState.AWAITING_REVIEW, 1)


def test_what_was_shown_is_what_was_sealed(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    decision = world.answer(result)
    assert decision is not None
    assert decision.content is not None
    content = Content.from_bytes(world.vault.get(decision.content))
    assert content.findings[0].presence is Presence.PRESENT
    with world.sql.reading() as unit:
        (opinion,) = unit.gate.opinions(result.id)
    assert opinion.statement.shown == opinion.statement.content == content.digest


def test_what_several_associations_bring_of_one_study_may_be_one_transaction(world: World) -> None:
    """The same image twice, other bytes under a known name, another study: each is judged as if it had come alone."""
    vault = world.vault
    together = [
        arrival(vault, image=1),
        arrival(vault, image=1),
        arrival(vault, image=2),
        arrival(vault, image=1, data=b"other bytes"),
        arrival(vault, study="1.2.4"),
    ]
    outcomes = intake.receive(together, store=world.store, clock=world.clock, actor="scp")

    assert [str(outcome) for outcome in outcomes] == ["new", "duplicate", "new", "conflict", "new"]
    with world.store.reading() as unit:
        held, other = (unit.cases.latest(CaseKind.STUDY, uid) for uid in ("1.2.3", "1.2.4"))
    assert held is not None
    assert (held.state, held.cause) == (CaseState.QUARANTINED, "changed-bytes")
    assert other is not None
    assert other.state is CaseState.RECEIVING
