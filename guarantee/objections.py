"""Objections: a patient does not want AI to look at their exams. It is honoured before a model runs and before a send.

An objection is about a number and who gave it, never about a name. Objections are appended, never edited; the last line
of each number counts. What one does to a result follows from where the result stands and from its policy, by the table
below. Nothing that was delivered is withdrawn by itself: a person is told which results those are. Lifting undoes it:
what was stopped is queued again, what was hidden is shown, what waited is sent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from guarantee.case import Patient
from guarantee.errors import Malformed, NotAllowed
from guarantee.feed import Number
from guarantee.ids import ResultId, derive
from guarantee.policy import OnObjection
from guarantee.result import Cause
from guarantee.states import ResultState

OBJECTION: Final = "objection"
"""Code of the cause of whatever an objection stops or holds back."""

NUMBER_CHARS_MAX: Final = 256
"""Longest number, and longest name of who gave it; both doors and every record stay far below."""

REASON_CHARS_MAX: Final = 2_000
"""Longest reason: a page of text."""


class Word(StrEnum):
    """What a line says."""

    RECORD = "record"
    LIFT = "lift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One line of the append-only list.

    Args:
        authority, identifier: the patient number that it is about, and who gave it, as the doors call them.
        word: whether it is recorded or lifted.
        by: a login, "operator:root", or "record:<sender>" for what the record said.
        reason: one sentence of a person; never a name or a number of a patient.
        source: names what the record said, so that the same again changes nothing; "" for a person's word.
    """

    authority: str
    identifier: str
    word: Word
    by: str
    reason: str
    source: str
    at: datetime

    def __post_init__(self) -> None:
        if not (self.authority.strip() and self.identifier.strip()):
            raise Malformed("an objection names a patient number and who gave it")
        if max(len(self.authority), len(self.identifier)) > NUMBER_CHARS_MAX:
            raise Malformed(f"a patient number and who gave it have at most {NUMBER_CHARS_MAX} characters each")
        if not self.by or not self.reason.strip() or len(self.reason) > REASON_CHARS_MAX:
            raise Malformed(f"an objection, or its end, says who and why, in at most {REASON_CHARS_MAX} characters")
        if self.word is Word.LIFT and self.source:
            raise Malformed("a person lifts an objection; a message of the record does not")

    @property
    def id(self) -> str:
        """Derived: what the record says again is the same line."""
        cause = self.source or self.at.isoformat()
        return derive("objection", self.authority, self.identifier, str(self.word), cause)

    def covers(self, patient: Patient) -> bool:
        """Return whether ``patient`` has this number; one without an issuer may have it, so that it is covered."""
        return Number(value=self.identifier, issuer=self.authority).is_of(patient)


def standing(lines: Iterable[Objection]) -> tuple[Objection, ...]:
    """Return the objections that stand, given every line, oldest first."""
    last = {(line.authority, line.identifier): line for line in lines}
    return tuple(line for line in last.values() if line.word is Word.RECORD)


def require_new(line: Objection, lines: Iterable[Objection]) -> None:
    """Return when ``line``, a person's word, changes something.

    Raises:
        NotAllowed: it was recorded already, or there is nothing to lift.
    """
    stands = any((one.authority, one.identifier) == (line.authority, line.identifier) for one in standing(lines))
    if stands and line.word is Word.RECORD:
        raise NotAllowed("an objection under this number stands already; nothing was recorded twice")
    if not stands and line.word is Word.LIFT:
        raise NotAllowed("no objection stands under this number; there is nothing to lift")


class Consequence(StrEnum):
    """What an objection does to one result while it stands."""

    EXCLUDED = "is excluded; queued again when lifted"
    HIDDEN = "is shown to nobody, and nobody decides on it"
    WAITS = "waits before each send"
    LISTED = "stays where it is; a person is told"
    RUNS = "runs; its draft is then hidden"
    NONE = "–"


CONSEQUENCES: Final[dict[ResultState, dict[OnObjection, Consequence]]] = {
    state: dict(zip((OnObjection.STOP, OnObjection.HIDE), row, strict=True))
    for state, row in {
        ResultState.QUEUED: (Consequence.EXCLUDED, Consequence.RUNS),
        ResultState.FAILED: (Consequence.NONE, Consequence.NONE),
        ResultState.AWAITING_REVIEW: (Consequence.HIDDEN, Consequence.HIDDEN),
        ResultState.VALIDATED: (Consequence.WAITS, Consequence.WAITS),
        ResultState.AMENDED: (Consequence.WAITS, Consequence.WAITS),
        ResultState.DELIVERED: (Consequence.LISTED, Consequence.LISTED),
        ResultState.EXCLUDED: (Consequence.NONE, Consequence.NONE),
        ResultState.REJECTED: (Consequence.NONE, Consequence.NONE),
        ResultState.EXPIRED: (Consequence.NONE, Consequence.NONE),
        ResultState.STALE: (Consequence.NONE, Consequence.NONE),
        ResultState.RETRACTED: (Consequence.NONE, Consequence.NONE),
    }.items()
}
"""The table. A result that failed does nothing by itself; whoever queues it again meets the first line."""


def cause_of(objection: Objection) -> Cause:
    """Return what is noted on a result: which line, by its identifier; who the patient is stands nowhere in it."""
    return Cause(code=OBJECTION, detail=f"the patient objects to AI: objection {objection.id}")


def stops(objections: Sequence[Objection], says: OnObjection) -> Cause | None:
    """Return why a model does not look at a result under a policy that says ``says``; None when it may.

    Args:
        objections: those that stand and cover its patient.
    """
    if not objections or CONSEQUENCES[ResultState.QUEUED][says] is not Consequence.EXCLUDED:
        return None
    return cause_of(objections[0])


def printed() -> str:
    """Return the table for the README."""
    rows = ["| a result that is | under `objection: stop` | under `objection: hide` |", "| --- | --- | --- |"]
    rows += [
        f"| `{state}` | {found[OnObjection.STOP]} | {found[OnObjection.HIDE]} |"
        for state, found in CONSEQUENCES.items()
        if set(found.values()) != {Consequence.NONE}
    ]
    return "\n".join(rows)


class Objections(Protocol):
    """The append-only list of objections, and what they do."""

    def lines(self, authority: str, identifier: str) -> tuple[Objection, ...]:
        """Return every line about one number, oldest first."""

    def standing(self) -> tuple[Objection, ...]:
        """Return every objection that stands, oldest first."""

    def over(self, patient: Patient) -> tuple[Objection, ...]:
        """Return the objections that stand and cover ``patient``."""

    def add(self, objection: Objection) -> bool:
        """Append a line; return False when the record has said the same before."""

    def to_exclude(self) -> tuple[ResultId, ...]:
        """Return queued results that an objection stops, not locked."""

    def to_requeue(self) -> tuple[ResultId, ...]:
        """Return results that were excluded for an objection and that none stops any more, not locked.

        Only those whose case is still the one they were made for.
        """
