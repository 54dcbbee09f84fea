"""Discordances and incidents: what somebody reports of a result, what follows at once, and when it may be closed.

An incident is a report and its lines, appended, never edited; the last grade counts. What a grade sets off is a table
(printed in README.md). Only the safe direction is automatic: a freeze and a stop; whatever ends one is two people's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from guarantee.case import CaseKind
from guarantee.errors import Malformed, NotAllowed, NotEntitled
from guarantee.ids import ResultId, derive
from guarantee.policy import Role

NOTE_CHARS_MAX: Final = 2_000
"""Longest text of a line."""

LINES_MAX: Final = 500
"""Most lines of one incident: a year of weekly meetings, several times over."""


class Grade(StrEnum):
    """How far what the system said was from what is true, and what that did; one scale for AI and for readers."""

    D0 = "D0"
    D1 = "D1"
    D2 = "D2"
    D3 = "D3"
    D4 = "D4"

    @property
    def is_serious(self) -> bool:
        """Whether care changes now, or harm was done or near."""
        return self in {Grade.D3, Grade.D4}


class Effect(StrEnum):
    """What follows of itself when a grade is given."""

    COUNT = "count"
    TICKET = "ticket"
    SECOND_READER = "second-reader"
    FREEZE = "freeze"
    STOP = "stop"
    FEI = "fei"
    SIMILAR = "similar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """One row of the table.

    Args:
        means: the grade in words.
        effects: what happens of itself.
        people: what people do.
        within: how long they have, from the grade on; None where nobody has to.
    """

    means: str
    effects: frozenset[Effect]
    people: str
    within: timedelta | None


_SERIOUS: Final = frozenset({Effect.COUNT, Effect.TICKET, Effect.SECOND_READER, Effect.FEI, Effect.SIMILAR})

TABLE: Final[Mapping[Grade, Consequence]] = {
    Grade.D0: Consequence(means="none", effects=frozenset({Effect.COUNT}), people="–", within=None),
    Grade.D1: Consequence(means="wording", effects=frozenset({Effect.COUNT}), people="–", within=None),
    Grade.D2: Consequence(
        means="follow-up changes",
        effects=frozenset({Effect.COUNT, Effect.TICKET}),
        people="the monthly review",
        within=timedelta(days=31),
    ),
    Grade.D3: Consequence(
        means="management changes now", effects=_SERIOUS, people="the college", within=timedelta(days=15)
    ),
    Grade.D4: Consequence(
        means="harm or near-harm",
        effects=_SERIOUS | {Effect.FREEZE, Effect.STOP},
        people="quality and vigilance the same day, the college in extraordinary session",
        within=timedelta(days=1),
    ),
}
"""What each grade sets off. A site may do more; the database and the flow never do less."""

REPEATED: Final = timedelta(days=30)
"""Within this time, serious grades on one version add up (bridge/flows/holds.py: Triggers)."""


class Kind(StrEnum):
    """What a line says."""

    GRADE = "grade"
    ANSWERS = "answers"
    ACTION = "action"
    DONE = "done"
    DECLARED = "declared"
    SET_ASIDE = "set-aside"
    CLOSED = "closed"
    REOPENED = "reopened"


GRADERS: Final = frozenset({Role.RADIOLOGIST, Role.CLINICIAN, Role.COMMITTEE})
"""Who grades again what somebody reported."""

OVERSEERS: Final = frozenset({Role.COMMITTEE, Role.DPO, Role.SECURITY})
"""Who follows incidents, says what was declared to whom, and lifts a freeze."""

_WORKING: Final = frozenset(Role) - {Role.SECRETARY, Role.LEARNER}

MAY: Final[Mapping[Kind, frozenset[Role]]] = {
    Kind.GRADE: frozenset(Role) - {Role.SECRETARY},
    Kind.ANSWERS: _WORKING,
    Kind.ACTION: _WORKING,
    Kind.DONE: _WORKING,
    Kind.DECLARED: OVERSEERS,
    Kind.SET_ASIDE: OVERSEERS,
    Kind.CLOSED: frozenset({Role.COMMITTEE}),
    Kind.REOPENED: frozenset({Role.COMMITTEE}),
}
"""Who writes each line. Whoever sees harm can say so: a first grade is given by anybody who sees results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """That somebody reported a discordance on a result.

    Args:
        caught: whether what the model said had not left as it was: nobody had accepted it. A near-miss.
    """

    id: str
    result: ResultId
    by: str
    caught: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an incident.

    Args:
        n: 1, 2, 3… without a gap; the first is a grade.
        subject: number of the action, or code of the duty (declarations.py), that it is about; "" for none.
        word: the grade; the reference of a declaration; the day an action is due, e.g. "2026-12-31"; "" otherwise.
        note: why, what was done, or how the effect was checked; coded answers of the form. No patient data.
        second: the other person who closes; "" for none.
    """

    incident: str
    n: int
    kind: Kind
    subject: str = ""
    word: str = ""
    note: str
    by: str
    role: Role
    second: str = ""
    at: datetime

    def __post_init__(self) -> None:
        if not self.by or not self.note.strip():
            raise Malformed("a line of an incident says who and why")
        if max(len(self.note), len(self.word), len(self.subject)) > NOTE_CHARS_MAX:
            raise Malformed(f"a text of an incident has at most {NOTE_CHARS_MAX} characters")
        if not 1 <= self.n <= LINES_MAX:
            raise Malformed(f"an incident has 1 to {LINES_MAX} lines")
        if self.kind is Kind.GRADE and self.word not in set(Grade):
            raise Malformed(f"a grade is one of {', '.join(Grade)}")
        if (self.kind in {Kind.DONE, Kind.DECLARED, Kind.SET_ASIDE, Kind.ACTION}) != bool(self.subject):
            raise Malformed(f"a line that says {self.kind} is {'about something' if not self.subject else 'no part'}")
        if self.kind is Kind.DECLARED and not self.word.strip():
            raise Malformed("a declaration has a reference, or the day and the way it was made")
        if self.second == self.by:
            raise Malformed("two different people close a serious incident")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An incident and everything that was said of it, oldest line first."""

    incident: Incident
    lines: tuple[Line, ...]

    def last(self, *kinds: Kind) -> Line | None:
        """Return the last line of these kinds; None when there is none."""
        return next((line for line in reversed(self.lines) if line.kind in kinds), None)

    def of(self, *kinds: Kind) -> tuple[Line, ...]:
        """Return the lines of these kinds, oldest first."""
        return tuple(line for line in self.lines if line.kind in kinds)

    @property
    def grade(self) -> Grade:
        """The last grade.

        Raises:
            Malformed: there is none, which the database refuses.
        """
        line = self.last(Kind.GRADE)
        if line is None:
            raise Malformed(f"incident {self.incident.id} has no grade")
        return Grade(line.word)

    @property
    def is_closed(self) -> bool:
        """Whether people closed it, and nobody opened it again."""
        line = self.last(Kind.CLOSED, Kind.REOPENED)
        return line is not None and line.kind is Kind.CLOSED

    @property
    def is_open(self) -> bool:
        """Whether people still have something to do; a D0 or D1 is counted, and no more."""
        return not self.is_closed and TABLE[self.grade].within is not None

    @property
    def is_near_miss(self) -> bool:
        """Whether it was serious and the gate caught it."""
        return self.incident.caught and self.grade.is_serious

    @property
    def undone(self) -> tuple[Line, ...]:
        """The corrective actions that nobody has said are done."""
        done = {line.subject for line in self.of(Kind.DONE)}
        return tuple(line for line in self.of(Kind.ACTION) if line.subject not in done)

    @property
    def due(self) -> datetime | None:
        """When people must have looked at it: counted from the first line that gave it its grade; None for never."""
        within = TABLE[self.grade].within
        first = next(line for line in self.lines if line.kind is Kind.GRADE and line.word == self.grade)
        return None if within is None else first.at + within

    def is_overdue(self, now: datetime) -> bool:
        """Return whether it is open and people should have looked at it before ``now``."""
        return self.is_open and self.due is not None and self.due < now


def incident_id(result: ResultId, by: str, at: datetime) -> str:
    """Return the identifier that this report always has."""
    return derive("incident", result, by, at.isoformat())


def require_may(kind: Kind, role: Role, file: File | None) -> None:
    """Return when somebody of ``role`` may write such a line.

    Args:
        file: the incident so far; None for a new one.

    Raises:
        NotEntitled: somebody of another role does.
        NotAllowed: it is closed, or not closed.
    """
    may = GRADERS if kind is Kind.GRADE and file is not None else MAY[kind]
    if role not in may:
        raise NotEntitled(f"a {role} does not write this line; {', '.join(sorted(may))} do")
    closed = file is not None and file.is_closed
    if closed != (kind is Kind.REOPENED):
        raise NotAllowed("the incident is closed: open it again first" if closed else "the incident is not closed")


def require_closable(file: File, *, second: str, open_duties: Sequence[str]) -> None:
    """Return when ``file`` may be closed.

    Args:
        open_duties: codes of the declarations that nobody made or set aside (declarations.py).

    Raises:
        NotAllowed: an action is not done, a declaration is open, or a serious one has no action or one person only.
    """
    if file.undone:
        raise NotAllowed(f"action {file.undone[0].subject} is not done")
    if open_duties:
        raise NotAllowed(f"nobody declared {open_duties[0]}, or said why it is not to be declared")
    if file.grade.is_serious and not (file.of(Kind.ACTION) and file.of(Kind.ANSWERS)):
        raise NotAllowed(f"a {file.grade} is closed with the form answered and at least one corrective action")
    if file.grade.is_serious and not second:
        raise NotAllowed(f"two different people close a {file.grade}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """That nothing of a case is deleted, until two people say otherwise.

    Args:
        kind, uid: of the case, all its revisions.
    """

    id: str
    incident: str
    kind: CaseKind
    uid: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Thaw:
    """That two people lifted a freeze."""

    freeze: str
    by: str
    second: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        if not self.by or self.second in {"", self.by} or not self.reason.strip():
            raise Malformed("two different people lift a freeze, and say why")


class Incidents(Protocol):
    """Incidents, their lines, and the freezes of evidence."""

    def report(self, incident: Incident, line: Line) -> None:
        """Insert an incident and its first line."""

    def get(self, incident: str) -> File:
        """Return an incident with its lines.

        Raises:
            Absent: there is none.
        """

    def add(self, line: Line) -> None:
        """Append a line."""

    def was_accepted(self, result: ResultId) -> bool:
        """Return whether a person accepted what the model said of it."""

    def freeze(self, freeze: Freeze) -> None:
        """Append a freeze."""

    def frozen(self, incident: str) -> tuple[Freeze, ...]:
        """Return the freezes of an incident that are in force, oldest first."""

    def thaw(self, thaw: Thaw) -> None:
        """Append the end of a freeze."""

    def serious(self, model: str, since: datetime) -> int:
        """Return how many incidents on a version ("name@version") that are D3 or D4 were reported since ``since``."""


def near_misses(files: Iterable[File]) -> int:
    """Return how many of ``files`` were serious and caught by the gate."""
    return sum(file.is_near_miss for file in files)


def printed() -> str:
    """Return the table of grades for README.md."""
    rows = ["| grade | means | of itself | people | within |", "| --- | --- | --- | --- | --- |"]
    for grade, row in TABLE.items():
        effects = ", ".join(str(effect) for effect in Effect if effect in row.effects)
        within = f"{row.within.days} days" if row.within else "–"
        rows.append(f"| {grade} | {row.means} | {effects} | {row.people} | {within} |")
    return "\n".join(rows)
