"""An input arrives. Its bytes are already in the vault; after this, its row is committed and the sender may be told.

What is decided here, and nowhere else: whether an input is new, the same again, or other bytes under a known name;
whether it opens a case, joins one, or comes late and opens a new revision; whether it belongs to somebody else.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum

from bridge.flows.orders import hear
from bridge.flows.overtaking import Latest, overtake
from guarantee.case import Case, CaseKind, Patient, case_id
from guarantee.identity import CONSEQUENCE, Doubt, Likeness, likeness, person
from guarantee.judging import STILL_TRUE, Rejection
from guarantee.ports import Clock, Store
from guarantee.result import Cause
from guarantee.states import CaseState, CaseVerb
from guarantee.unit import Arrival, Input, Unit


class Outcome(StrEnum):
    """What an input turned out to be."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


def receive(arrivals: Sequence[Arrival], *, store: Store, clock: Clock, actor: str) -> tuple[Outcome, ...]:
    """Commit ``arrivals`` together and return what each turned out to be.

    Raises:
        Unavailable: the database does not answer; nothing was kept and the sender must try again.
    """
    is_noted = bool(arrivals) and all(arrival.is_noted for arrival in arrivals)
    with store.transaction(actor, is_noted=is_noted) as unit:
        return take_in(arrivals, lock(arrivals, unit), unit, clock.now)


def lock(arrivals: Sequence[Arrival], unit: Unit) -> Latest:
    """Lock every case that ``arrivals`` touch, before the first write: two bundles cannot wait in a circle."""
    names = sorted({name for arrival in arrivals for name in (*_cases(arrival), *_exams(arrival, unit))})
    return {name: unit.cases.latest(*name) for name in names}


def take_in(
    arrivals: Sequence[Arrival], latest: Latest, unit: Unit, now: Callable[[], datetime]
) -> tuple[Outcome, ...]:
    """Receive ``arrivals`` inside an open transaction.

    Args:
        latest: the newest revision of each of their cases, locked: what was read is true until the end.
    """
    return tuple(_receive(arrival, latest, unit, now()) for arrival in arrivals)


def _cases(arrival: Arrival) -> Iterator[tuple[CaseKind, str]]:
    """Yield every case that an input touches: its own, and those that it rejects images of."""
    yield arrival.kind, arrival.uid
    for rejection in arrival.rejects:
        yield CaseKind.STUDY, rejection.study


def _exams(arrival: Arrival, unit: Unit) -> Iterator[tuple[CaseKind, str]]:
    """Yield the exams that the orders in an input may be about."""
    for order in arrival.orders:
        for exam in unit.orders.exams(order):
            yield exam.kind, exam.uid


def _receive(arrival: Arrival, latest: Latest, unit: Unit, at: datetime) -> Outcome:
    known = unit.cases.known(arrival.kind, arrival.uid, arrival.source.uid)
    _take_out(arrival, latest, unit, at)
    if any(before.source.digest == arrival.source.digest for before in known):
        return Outcome.DUPLICATE
    for order in arrival.orders:
        hear(order, arrival.source.digest, arrival.sender, latest, unit, at)
    outcome = Outcome.CONFLICT if known else Outcome.NEW
    # A rejection note shows nothing to a model: what it takes away has opened the new revision already.
    late = _matters(arrival, known) and not arrival.rejects
    case = _open_case(arrival, latest[arrival.kind, arrival.uid], unit, at, late=late)
    unit.cases.add_input(case, arrival, conflict=bool(known), at=at)
    case = _held_when_doubtful(case, arrival, known, unit, at)
    latest[arrival.kind, arrival.uid] = case
    return outcome


def _take_out(arrival: Arrival, latest: Latest, unit: Unit, at: datetime) -> None:
    """Do what a rejection note says; one whose sender is in doubt says nothing until a person has it sent again."""
    for rejection in arrival.rejects:
        if arrival.doubt:
            unit.messages.turn_away("intake", arrival.sender, "rejection-held", "a rejection note in doubt", at)
        else:
            name = (CaseKind.STUDY, rejection.study)
            latest[name] = _reject(rejection, latest[name], unit, at)


def _reject(rejection: Rejection, case: Case | None, unit: Unit, at: datetime) -> Case | None:
    """Take images out of use: what was drafted from them is stale, and a new revision is judged without them.

    Their bytes are kept. What was released stays released: a person looks at it, and may take it back. Images that have
    only grown old leave what was drafted from them as it is.
    """
    before = unit.cases.inputs(CaseKind.STUDY, rejection.study)
    unit.judging.reject(CaseKind.STUDY, rejection, at)
    loses = any(used.is_used and used.source.uid in rejection.uids for used in before)
    if case is None or case.state is not CaseState.COMPLETE or not loses or rejection.title in STILL_TRUE:
        return case
    cause = Cause(code="inputs-rejected", detail=f"a rejection note ({rejection.title}) took images out of use")
    unit.cases.move(case.after(CaseVerb.SUPERSEDE), at)
    overtake(case, cause, unit, at)
    again = case.following()
    unit.cases.add(again, at)
    return again


def _matters(arrival: Arrival, known: Sequence[Input]) -> bool:
    """Return whether the input can change what a model would see.

    The same image again in another transfer syntax is common (another route, another archive) and changes nothing:
    the first copy stays the one that is used. Other bytes in the *same* syntax are another image under the same name.
    """
    syntax = arrival.facts.get("TransferSyntaxUID", frozenset())
    return not known or any(before.facts.get("TransferSyntaxUID", frozenset()) == syntax for before in known)


def _open_case(arrival: Arrival, case: Case | None, unit: Unit, at: datetime, *, late: bool) -> Case:
    if case is None:
        return _add_revision(arrival, 1, arrival.patient, unit, at)
    if case.state is CaseState.COMPLETE and late:
        unit.cases.move(case.after(CaseVerb.SUPERSEDE), at)
        detail = f"inputs arrived after revision {case.revision} was complete"
        overtake(case, Cause(code="inputs-changed", detail=detail), unit, at)
        # Somebody else's input does not make the case somebody else's: it keeps its patient, and ``_doubts`` sees two.
        alike = likeness(case.patient, arrival.patient) is Likeness.IDENTICAL
        patient = arrival.patient if alike else case.patient
        return _add_revision(arrival, case.revision + 1, patient, unit, at, before=case)
    return case


def _add_revision(
    arrival: Arrival, revision: int, patient: Patient, unit: Unit, at: datetime, *, before: Case | None = None
) -> Case:
    case = Case(
        id=case_id(arrival.kind, arrival.uid, revision),
        kind=arrival.kind,
        uid=arrival.uid,
        revision=revision,
        state=CaseState.RECEIVING,
        version=0,
        site=arrival.site,
        patient=patient,
        order=arrival.order,
        identity_version=before.identity_version if before else 1,
        modality=arrival.modality,
        description=arrival.description,
        started=arrival.started,
        encounter=arrival.encounter,
        manifest=None,
        cause="",
        admitted=before.admitted if before else "",
    )
    unit.cases.add(case, at)
    return case


def _held_when_doubtful(case: Case, arrival: Arrival, known: Sequence[Input], unit: Unit, at: datetime) -> Case:
    """Note every doubt that ``arrival`` raises and that nobody let through before; the first one holds the case."""
    standing = [
        doubt for doubt, subject in _doubts(arrival, case, known) if unit.identities.doubt(case, doubt, subject, at)
    ]
    cause = next((doubt for doubt in standing if doubt.holds), None)
    if cause is None or case.state is not CaseState.RECEIVING:
        return case
    held = case.after(CaseVerb.QUARANTINE, cause=cause)
    unit.cases.move(held, at)
    return held


def _doubts(arrival: Arrival, case: Case, known: Sequence[Input]) -> Iterator[tuple[Doubt, str]]:
    """Yield why ``case`` may not be what it seems, and what each doubt is about."""
    if arrival.doubt:
        yield Doubt(arrival.doubt), arrival.sender
    doubt = CONSEQUENCE[likeness(case.patient, arrival.patient)]
    if doubt is not None:
        yield doubt, person(arrival.patient)
    if known and _matters(arrival, known):
        yield Doubt.CHANGED_BYTES, arrival.source.digest


def hang_up(conversation: str, *, broken_off: bool, store: Store, clock: Clock, actor: str) -> None:
    """Note that an association ended; from now on only the quiet time keeps its studies open.

    Args:
        broken_off: whether it ended otherwise than by a release.
    """
    with store.transaction(actor) as unit:
        unit.judging.hang_up(conversation, clock.now(), broken_off=broken_off)


def turn_away(door: str, sender: str, code: str, detail: str, *, store: Store, clock: Clock) -> None:
    """Record what was refused at a door, and why."""
    with store.transaction(door) as unit:
        unit.messages.turn_away(door, sender, code, detail, clock.now())
