"""The life of a model version: idea, framing, PoC, shadow, pilot, routine; each step signed, none skipped.

A version that stands below pilot treats no patient: whatever its card asks for, it is not run at all, or its results
are shadow results (:func:`allowed`, which the router asks, and the database again). Lines are appended, never edited;
the last one of a version counts. Which version of a name gets the work is another question, and is not answered here.

*Suspended* and *retired* are not lines: a stop suspends a version wherever it stands, and two people resume it there
(stops.py); a retirement ends it (retirement.py). :func:`standing` says all eight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from guarantee.errors import Malformed, NotAllowed, NotEntitled
from guarantee.opinion import Reader
from guarantee.policy import Role
from guarantee.result import Mode
from guarantee.revalidation import Level


class Stage(StrEnum):
    """Where a version stands."""

    IDEA = "idea"
    FRAMING = "framing"
    POC = "poc"
    SHADOW = "shadow"
    PILOT = "pilot"
    ROUTINE = "routine"
    SUSPENDED = "suspended"
    RETIRED = "retired"


class Move(StrEnum):
    """What can happen to a version."""

    ADVANCE = "advance"
    RETURN = "return"


MODEL_LIFE: Final[Mapping[tuple[Stage, Move], Stage]] = {
    (Stage.IDEA, Move.ADVANCE): Stage.FRAMING,
    (Stage.FRAMING, Move.ADVANCE): Stage.POC,
    (Stage.POC, Move.ADVANCE): Stage.SHADOW,
    (Stage.POC, Move.RETURN): Stage.FRAMING,
    (Stage.SHADOW, Move.ADVANCE): Stage.PILOT,
    (Stage.SHADOW, Move.RETURN): Stage.POC,
    (Stage.PILOT, Move.ADVANCE): Stage.ROUTINE,
    (Stage.PILOT, Move.RETURN): Stage.SHADOW,
    (Stage.ROUTINE, Move.RETURN): Stage.PILOT,
}

STAGES: Final = tuple(stage for stage in Stage if stage not in {Stage.SUSPENDED, Stage.RETIRED})
"""The stages that a line says, in their order."""

READERS: Final = frozenset({Role.RADIOLOGIST, Role.CLINICIAN})
"""Who may grant that a version treats patients."""

INSTALLER: Final = "installer"
"""Who begins a life, in its first line and in no other: never a person, and never into routine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """What a stage asks of those who sign for it.

    Args:
        runs: what a version that stands there does.
        signs: who signs, in words.
    """

    runs: str
    signs: str


ASKS: Final[Mapping[Stage, Asks]] = {
    Stage.IDEA: Asks(runs="not run", signs="–"),
    Stage.FRAMING: Asks(runs="not run", signs="one person, no learner"),
    Stage.POC: Asks(runs="shadow results", signs="one person, no learner"),
    Stage.SHADOW: Asks(runs="shadow results", signs="one person, no learner"),
    Stage.PILOT: Asks(runs="as its card says", signs="one radiologist or clinician"),
    Stage.ROUTINE: Asks(
        runs="as its card says",
        signs="one person, no learner, and another: a radiologist or clinician who asked for none of its stages",
    ),
    Stage.SUSPENDED: Asks(runs="held (`aval stop`)", signs="one person stops; two resume it where it stood"),
    Stage.RETIRED: Asks(runs="never again (`aval models retire`)", signs="the operator; final"),
}

BEGINS: Final[Mapping[Level, Stage]] = {
    Level.NONE: Stage.SHADOW,
    Level.TEXTS: Stage.SHADOW,
    Level.GOLDEN: Stage.SHADOW,
    Level.OWN_CASES: Stage.POC,
    Level.NEW_MODEL: Stage.IDEA,
}
"""Where the life of a new version begins, by what must be shown again; never further than the version it follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a version's life.

    Args:
        model: "name@version".
        n: number of the line, from 1 on.
        by: login of whoever asks for it.
        second: login of whoever grants it, where two people sign; "" elsewhere.
    """

    model: str
    n: int
    stage: Stage
    by: str
    second: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        if "@" not in self.model or self.stage not in STAGES or self.n < 1:
            raise Malformed(f"a version, as name@version, is put at one of {[str(stage) for stage in STAGES]}")
        if not self.by or not self.reason.strip():
            raise Malformed("whoever signs for a stage says who and why")
        if self.stage is Stage.ROUTINE and self.second in {"", self.by}:
            raise Malformed("two different people put a version into routine")
        if self.by == INSTALLER and (self.n > 1 or self.stage is Stage.ROUTINE):
            raise Malformed("an installer begins a life, and puts nothing into routine")


class Lives(Protocol):
    """The lines of every version; append-only."""

    def of(self, model_id: str) -> tuple[Line, ...]:
        """Return the lines of exactly this version, oldest first."""

    def stages(self) -> Mapping[str, Stage]:
        """Return the stage of every version that has a line, by "name@version"."""

    def add(self, line: Line) -> None:
        """Append one.

        Raises:
            Refused: it does not follow from the last one, somebody may not sign it, or the version is retired.
        """


def beginning(level: Level, before: Stage | None) -> Stage:
    """Return where the life of a new version begins.

    Args:
        level: what must be shown again of it.
        before: where the version stands that it follows; None when there is none.
    """
    stage = BEGINS[level]
    return stage if before is None else min(stage, before, key=STAGES.index)


def signed(lines: Sequence[Line], line: Line, by: Reader, second: Reader | None) -> Line:
    """Return ``line`` when it follows from ``lines`` and those who sign may.

    Args:
        lines: of the same version, oldest first.
        by, second: the people whose logins the line has.

    Raises:
        NotAllowed: the life of a version has no such step.
        NotEntitled: somebody may not sign it; the message says who and why.
    """
    here = lines[-1].stage if lines else Stage.IDEA
    possible = [target for (source, _), target in MODEL_LIFE.items() if source is here]
    if line.stage not in possible:
        words = " or ".join(map(str, possible))
        raise NotAllowed(f"{line.model} is at {here}; from there it goes to {words}, not to {line.stage}")
    if by.role is Role.LEARNER or (line.stage is Stage.PILOT and by.role not in READERS):
        raise NotEntitled(f"{by.login} is {by.role}: {line.stage} is signed for by {ASKS[line.stage].signs}")
    if line.stage is Stage.ROUTINE and (second is None or second.role not in READERS):
        raise NotEntitled(f"{line.stage} is signed for by {ASKS[line.stage].signs}")
    if line.stage is Stage.ROUTINE and any(earlier.by == line.second for earlier in lines):
        raise NotEntitled(f"{line.second} asked for an earlier stage of {line.model}: somebody else grants its routine")
    return line


def allowed(stage: Stage | None, mode: Mode) -> Mode | None:
    """Return how a version that stands at ``stage`` runs where ``mode`` is asked for; None for not at all.

    Args:
        stage: None for a version whose life nobody began: it is bound by none, and `aval check` says so.
        mode: what its card, or a trial, asks for.
    """
    if stage in {Stage.IDEA, Stage.FRAMING, Stage.RETIRED}:
        return None
    return Mode.SHADOW if stage in {Stage.POC, Stage.SHADOW} else mode


def standing(stage: Stage | None, *, suspended: bool, retired: bool) -> Stage | None:
    """Return where a version stands, given its last line, whether a stop covers it and whether it is retired."""
    if retired:
        return Stage.RETIRED
    return Stage.SUSPENDED if suspended else stage


def printed() -> str:
    """Return the stages in Markdown, for the README."""
    head = ("stage", "a version there is", "signed for by", "goes on to", "begins here when what changed asks for")
    rows = [(f"`{stage}`", ASKS[stage].runs, ASKS[stage].signs, _onward(stage), _begun(stage)) for stage in Stage]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows))


def _onward(stage: Stage) -> str:
    return ", ".join(f"{move} → {target}" for (source, move), target in MODEL_LIFE.items() if source is stage) or "–"


def _begun(stage: Stage) -> str:
    return ", ".join(f"`{level}`" for level, begins in BEGINS.items() if begins is stage) or "–"
