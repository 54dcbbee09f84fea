"""One short story per flow: what was before, the step in which the process dies, who tries again, how it must end."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from bridge.flows import completeness, deliver, fetch, infer, intake, review
from bridge.flows.admit import admit
from bridge.flows.retract import withdraw
from bridge.flows.stop import resume, stop
from guarantee.amend import Edits, FindingEdit, QuantityEdit
from guarantee.case import CaseKind, case_id
from guarantee.errors import GuaranteeError, NotEligible
from guarantee.events import DeliveryDue, EventReceived, ResultQueued
from guarantee.opinion import Reason, Verdict
from guarantee.release import WithdrawalReason
from guarantee.stops import Scope
from guarantee.unit import Fetch
from tests.flows.fakes import READER, SECOND, arrival, somebody_else
from tests.flows.losing import give_right, revoke_right
from tests.flows.machine import Machine, hang_up

Step = Callable[[Machine], None]

AMENDED = Edits(
    report="Volume mesuré à la main.",
    findings=(FindingEdit(key="brain", quantities=(QuantityEdit(index=0, value=Decimal("1500.00")),)),),
)
FETCH = Fetch(id="f1", sender="dpi", site="site-1", what="Encounter/7")


def _nobody(_machine: Machine) -> None:
    """Nobody tries again: the sweeper must."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a flow does, and what must be true when everything has come to rest afterwards.

    Args:
        act: the step that dies somewhere.
        again: what a sender or a person does who was told nothing.
        then: what somebody does next, whether the step died or not.
        ends: how many results end in each state; the reader accepts whatever waits.
        copies: result objects at each destination at the end.
    """

    name: str
    before: Step = _nobody
    act: Step
    again: Step
    then: Step = _nobody
    ends: Mapping[str, int] = field(default_factory=lambda: {"delivered": 1})
    copies: int = 1


# ------------------------------------------------------------------------------------------------------ before


def received(machine: Machine) -> None:
    machine.send(arrival(machine.disk))


def quiet(machine: Machine) -> None:
    received(machine)
    machine.clock.advance(seconds=301)


def queued(machine: Machine) -> None:
    quiet(machine)
    completeness.complete_due(machine.completion)


def drafted(machine: Machine) -> None:
    queued(machine)
    infer_queued(machine)


def decided(machine: Machine) -> None:
    drafted(machine)
    machine.answer(machine.awaiting()[0])


def delivered(machine: Machine) -> None:
    decided(machine)
    deliver_due(machine)


def half_sent(machine: Machine) -> None:
    """One destination holds the result, the other is down and was tried."""
    decided(machine)
    machine.destinations["pacs"].troubles = ["down"]
    deliver_due(machine)


def stopped(machine: Machine) -> None:
    decided(machine)
    stop(Scope.MODEL, "toy", by="dr.martin", reason="essai", store=machine.store, clock=machine.clock)


def a_record(machine: Machine) -> None:
    machine.record["Encounter/7"] = b"a bundle"


def noted(machine: Machine) -> None:
    a_record(machine)
    note(machine)


def record_queued(machine: Machine) -> None:
    machine.send(arrival(machine.disk, study="urn:x|7", kind=CaseKind.RECORD))
    machine.clock.advance(seconds=301)
    completeness.complete_due(machine.completion)


# --------------------------------------------------------------------------------------------------------- acts


def receive_one(machine: Machine) -> None:
    machine.send(arrival(machine.disk))


def receive_many(machine: Machine) -> None:
    machine.send(*(arrival(machine.disk, study=study, image=image) for study in ("1.2.3", "1.2.4") for image in (1, 2)))


def receive_other_bytes(machine: Machine) -> None:
    machine.send(arrival(machine.disk, data=b"other pixels"))


def receive_somebody_else(machine: Machine) -> None:
    machine.send(arrival(machine.disk, image=2, patient=somebody_else()))


def held(machine: Machine) -> None:
    received(machine)
    receive_somebody_else(machine)


def admit_held(machine: Machine) -> None:
    first = case_id(CaseKind.STUDY, "1.2.3", 1)
    with suppress(GuaranteeError):  # said before the death
        admit(first, by="operator:root", reason="vu", store=machine.store, clock=machine.clock)


def receive_late(machine: Machine) -> None:
    machine.send(arrival(machine.disk, image=2))


def end_association(machine: Machine) -> None:
    hang_up(machine, "assoc")


def in_association(machine: Machine) -> None:
    machine.send(arrival(machine.disk, conversation="assoc"))


def turn_away(machine: Machine) -> None:
    intake.turn_away("scp", "?", "not-dicom", "not DICOM", store=machine.store, clock=machine.clock)


def complete(machine: Machine) -> None:
    completeness.complete_due(machine.completion)


def infer_queued(machine: Machine) -> None:
    for _, fact in machine.pending():
        if isinstance(fact, ResultQueued):
            infer.infer(fact.result, machine.inference)


def deliver_due(machine: Machine) -> None:
    for _, fact in machine.pending():
        if isinstance(fact, DeliveryDue):
            deliver.deliver(fact.delivery, machine.dispatch)


def ask(machine: Machine) -> None:
    for result in machine.awaiting():
        review.ask(result.id, READER, machine.review)


def accept(machine: Machine) -> None:
    for result in machine.awaiting():
        machine.answer(result)


def second_accepts(machine: Machine) -> None:
    for result in machine.awaiting():
        machine.answer(result, reader=SECOND)


def amend(machine: Machine) -> None:
    for result in machine.awaiting():
        machine.answer(result, Verdict.AMEND, reason=Reason.WRONG_MEASURE, edits=AMENDED)


def reject(machine: Machine) -> None:
    for result in machine.awaiting():
        machine.answer(result, Verdict.REJECT, reason=Reason.FALSE_POSITIVE)


def take_back(machine: Machine) -> None:
    for result in machine.results():
        withdraw(
            result.id,
            by="dr.martin",
            reason=WithdrawalReason.WRONG_RESULT,
            comment="erreur",
            tools=machine.review,
        )


def stop_model(machine: Machine) -> None:
    stop(Scope.MODEL, "toy", by="dr.martin", reason="essai", store=machine.store, clock=machine.clock)


def resume_model(machine: Machine) -> None:
    resume(
        Scope.MODEL,
        "toy",
        by="dr.martin",
        second="dr.nguyen",
        reason="fini",
        examine=machine.examine,
        store=machine.store,
        clock=machine.clock,
    )


def revoked(machine: Machine) -> None:
    decided(machine)
    revoke_right(machine)


def nothing_is_sent_until_given_again(machine: Machine) -> None:
    machine.round()
    assert not any(place.stored for place in machine.destinations.values()), "a revoked right let something go"
    give_right(machine)


def nothing_begins_until_resumed(machine: Machine) -> None:
    before = {name: dict(place.stored) for name, place in machine.destinations.items()}
    machine.round()
    machine.round()
    after = {name: dict(place.stored) for name, place in machine.destinations.items()}
    assert before == after, "something began to be sent under a stop"
    resume_model(machine)


def note(machine: Machine) -> None:
    fetch.note([FETCH], store=machine.store, clock=machine.clock, actor="fhir")


def fetch_noted(machine: Machine) -> None:
    for _, fact in machine.pending():
        if isinstance(fact, EventReceived):
            fetch.fetch(fact.event, machine.fetching)


def relay(machine: Machine) -> None:
    machine.relay()


def sweep(machine: Machine) -> None:
    machine.sweeper.ring_due()
    machine.sweeper.expire()
    machine.sweeper.forget()


def expire(machine: Machine) -> None:
    machine.clock.advance(days=2)
    machine.sweeper.expire()


def drafted_failing(machine: Machine, failures: list[Exception]) -> None:
    queued(machine)
    machine.model.failures = list(failures)


def already(act: Step) -> Step:
    """A person or sender who was told nothing does it again; what is already done may be refused."""

    def again(machine: Machine) -> None:
        with suppress(GuaranteeError):
            act(machine)

    return again


_NONE: Mapping[str, int] = {}
_REVISED = {"stale": 1, "delivered": 1}

STORIES = (
    Story(name="receive one", act=receive_one, again=receive_one),
    Story(name="receive many", act=receive_many, again=receive_many, ends={"delivered": 2}, copies=2),
    Story(name="receive it again", before=received, act=receive_one, again=receive_one),
    Story(
        name="receive other bytes",
        before=received,
        act=receive_other_bytes,
        again=receive_other_bytes,
        ends=_NONE,
        copies=0,
    ),
    Story(
        name="receive somebody else",
        before=received,
        act=receive_somebody_else,
        again=receive_somebody_else,
        ends=_NONE,
        copies=0,
    ),
    Story(
        name="receive somebody else late",
        before=drafted,
        act=receive_somebody_else,
        again=receive_somebody_else,
        ends={"stale": 1},
        copies=0,
    ),
    Story(name="admit what is held", before=held, act=admit_held, again=admit_held),
    Story(name="receive late, draft open", before=drafted, act=receive_late, again=receive_late, ends=_REVISED),
    Story(name="receive late, decided", before=decided, act=receive_late, again=receive_late, ends=_REVISED),
    Story(
        name="receive late, sent",
        before=delivered,
        act=receive_late,
        again=receive_late,
        ends={"delivered": 2},
        copies=2,
    ),
    Story(name="end the association", before=in_association, act=end_association, again=_nobody),
    Story(name="turn away", before=received, act=turn_away, again=_nobody),
    Story(name="complete", before=quiet, act=complete, again=_nobody),
    Story(name="infer study", before=queued, act=infer_queued, again=_nobody),
    Story(name="infer record", before=record_queued, act=infer_queued, again=_nobody),
    Story(
        name="infer what is not eligible",
        before=lambda machine: drafted_failing(machine, [NotEligible("slices-missing", "two slices are missing")]),
        act=infer_queued,
        again=lambda machine: drafted_failing_again(machine, NotEligible("slices-missing", "two slices are missing")),
        ends={"excluded": 1},
        copies=0,
    ),
    Story(name="ask", before=drafted, act=ask, again=ask),
    Story(name="accept", before=drafted, act=accept, again=accept),
    Story(name="amend", before=drafted, act=amend, again=amend),
    Story(name="reject", before=drafted, act=reject, again=reject, ends={"rejected": 1}, copies=0),
    Story(name="deliver", before=decided, act=deliver_due, again=_nobody),
    Story(name="deliver again", before=half_sent, act=deliver_due, again=_nobody),
    Story(
        name="deliver, then take it back",
        before=decided,
        act=deliver_due,
        again=_nobody,
        then=take_back,
        ends={"retracted": 1},
        copies=-1,
    ),
    Story(
        name="take back what was sent", before=delivered, act=take_back, again=already(take_back), ends={"retracted": 1}
    ),
    Story(
        name="take back what was half sent",
        before=half_sent,
        act=take_back,
        again=already(take_back),
        ends={"retracted": 1},
        copies=-1,
    ),
    Story(
        name="stop",
        before=decided,
        act=stop_model,
        again=stop_model,
        then=nothing_begins_until_resumed,
    ),
    Story(
        name="revoke a right",
        before=decided,
        act=revoke_right,
        again=already(revoke_right),
        then=nothing_is_sent_until_given_again,
    ),
    Story(name="give a right again", before=revoked, act=give_right, again=give_right),
    Story(name="resume", before=stopped, act=resume_model, again=already(resume_model)),
    Story(name="note a fetch", before=a_record, act=note, again=note),
    Story(name="fetch", before=noted, act=fetch_noted, again=_nobody),
    Story(name="relay", before=decided, act=relay, again=_nobody),
    Story(name="sweep", before=decided, act=sweep, again=_nobody),
    Story(name="sweep what is queued", before=queued, act=sweep, again=_nobody),
    Story(name="expire", before=drafted, act=expire, again=expire, ends={"expired": 1}, copies=0),
)


def drafted_failing_again(machine: Machine, failure: Exception) -> None:
    """The model says the same of the same inputs, however often it is asked."""
    machine.model.failures = [failure] * 5
