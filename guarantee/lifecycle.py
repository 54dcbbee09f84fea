"""The life of a model version: idea, framing, PoC, shadow, pilot, routine; each step signed, none skipped.

A version that stands below pilot treats no patient: whatever its card asks for, it is not run at all, or its results
are shadow results (:func:`allowed`, which the router asks, and the database again). Lines are appended, never edited;
the last one of a version counts.

Nothing is kept twice. A line says a stage up to pilot. *Routine* is the appointment in force of its name (rollout.py):
two people promote a version that stands at pilot, and one that is replaced stands at pilot again. *Suspended* is a stop
in force, wherever it stands, and two people resume it there (stops.py). *Retired* is a retirement (retirement.py).
:func:`standing` says all eight; what is tried, promoted or signed for is held against it by the functions below.
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
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    REPLACE = "replace"


MODEL_LIFE: Final[Mapping[tuple[Stage, Move], Stage]] = {
    (Stage.IDEA, Move.ADVANCE): Stage.FRAMING,
    (Stage.FRAMING, Move.ADVANCE): Stage.POC,
    (Stage.POC, Move.ADVANCE): Stage.SHADOW,
    (Stage.POC, Move.RETURN): Stage.FRAMING,
    (Stage.SHADOW, Move.ADVANCE): Stage.PILOT,
    (Stage.SHADOW, Move.RETURN): Stage.POC,
    (Stage.PILOT, Move.RETURN): Stage.SHADOW,
    (Stage.PILOT, Move.PROMOTE): Stage.ROUTINE,
    (Stage.PILOT, Move.ROLLBACK): Stage.ROUTINE,
    (Stage.ROUTINE, Move.REPLACE): Stage.PILOT,
}

SIGNED: Final = (Move.ADVANCE, Move.RETURN)
"""The moves that are a line of a version's own; the others are appointments of its name."""

STAGES: Final = (Stage.IDEA, Stage.FRAMING, Stage.POC, Stage.SHADOW, Stage.PILOT)
"""The stages that a line says, in their order."""

READERS: Final = frozenset({Role.RADIOLOGIST, Role.CLINICIAN})
"""Who may grant that a version treats patients."""

INSTALLER: Final = "installer"
"""Who begins a life, in its first line and in no other, and who puts the models of a first installation in routine:
never a person. Everybody who looks is told that nobody of the hospital granted it."""


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
    Stage.POC: Asks(runs="shadow results, where no version of its name is in routine", signs="one person, no learner"),
    Stage.SHADOW: Asks(runs="the same, and a trial in shadow mode", signs="one person, no learner"),
    Stage.PILOT: Asks(
        runs="as its card says, where no version of its name is in routine; and a canary",
        signs="one radiologist or clinician",
    ),
    Stage.ROUTINE: Asks(
        runs="as its card says",
        signs="one person, no learner, and another: a radiologist or clinician who asked for none of its stages; "
        "one person alone goes back to it",
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
        by: login of whoever signs for it.
    """

    model: str
    n: int
    stage: Stage
    by: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        if "@" not in self.model or self.stage not in STAGES or self.n < 1:
            raise Malformed(f"a version, as name@version, is put at one of {[str(stage) for stage in STAGES]}")
        if not self.by or not self.reason.strip():
            raise Malformed("whoever signs for a stage says who and why")
        if self.by == INSTALLER and self.n > 1:
            raise Malformed("an installer begins a life; people go on with it")


class Lives(Protocol):
    """The lines of every version; append-only."""

    def of(self, model_id: str) -> tuple[Line, ...]:
        """Return the lines of exactly this version, oldest first."""

    def last(self) -> Mapping[str, Line]:
        """Return the last line of every version that has one, by "name@version"."""

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


def signed(line: Line, by: Reader, here: Stage) -> Line:
    """Return ``line`` when it follows from where the version stands and whoever signs may.

    Args:
        by: the person whose login the line has.
        here: where the version stands.

    Raises:
        NotAllowed: the life of a version has no such step, or none now.
        NotEntitled: this person may not sign it; the message says who may.
    """
    if here in _LEFT_BY:
        raise NotAllowed(f"{line.model} is {_LEFT_BY[here]}")
    possible = [target for (source, move), target in MODEL_LIFE.items() if source is here and move in SIGNED]
    if line.stage not in possible:
        words = " or ".join(map(str, possible))
        raise NotAllowed(f"{line.model} is at {here}; from there it goes to {words}, not to {line.stage}")
    if by.role is Role.LEARNER or (line.stage is Stage.PILOT and by.role not in READERS):
        raise NotEntitled(f"{by.login} is {by.role}: {line.stage} is signed for by {ASKS[line.stage].signs}")
    return line


_LEFT_BY: Final[Mapping[Stage, str]] = {
    Stage.ROUTINE: "in routine: it leaves it when another version is promoted, or by a rollback; a stop suspends it",
    Stage.SUSPENDED: "suspended: two people resume it where it stood (aval resume)",
    Stage.RETIRED: "retired: its life is over",
}
"""Where no line leads from, and what does."""


def require_untried(model: str, to: Stage, *, share: int) -> None:
    """Return when a version that is being tried may go to ``to``: a trial never outlives what it needs.

    Args:
        share: of the canary, in percent; 0 for a trial in shadow mode alone.

    Raises:
        NotAllowed: the trial needs more.
    """
    if STAGES.index(to) < STAGES.index(_tried_from(share)):
        raise NotAllowed(f"{model} is being tried, which needs {_tried_from(share)}: end the trial before (trial end)")


def require_triable(model: str, here: Stage, *, share: int) -> None:
    """Return when a version that stands at ``here`` may be tried: for care from pilot on, else from shadow on.

    Raises:
        NotAllowed: it stands below, or is suspended or retired.
    """
    if here not in STAGES or STAGES.index(here) < STAGES.index(_tried_from(share)):
        how = "for care" if share else "in shadow mode"
        raise NotAllowed(f"{model} is at {here}: it is tried {how} from {_tried_from(share)} on (aval models advance)")


def _tried_from(share: int) -> Stage:
    return Stage.PILOT if share else Stage.SHADOW


def require_granted(model: str, lines: Sequence[Line], here: Stage, by: Reader, second: Reader) -> None:
    """Return when these two people may put a version in routine.

    Args:
        lines: of its life.
        here: where it stands.
        by, second: who asks for it, and who grants it.

    Raises:
        NotAllowed: it does not stand at pilot.
        NotEntitled: one of them may not; the message says who and why.
    """
    if here is not Stage.PILOT:
        raise NotAllowed(f"{model} is at {here}: a version is promoted from pilot (aval models advance)")
    if by.role is Role.LEARNER or second.role not in READERS or second.login == by.login:
        raise NotEntitled(f"{Stage.ROUTINE} is signed for by {ASKS[Stage.ROUTINE].signs}")
    if any(earlier.by == second.login for earlier in lines):
        raise NotEntitled(f"{second.login} asked for an earlier stage of {model}: somebody else grants its routine")


def require_kept(model: str, lines: Sequence[Line]) -> None:
    """Return when one may go back to a version that was in routine: nobody has taken its pilot away since.

    Raises:
        NotAllowed: somebody did.
    """
    if not lines or lines[-1].stage is not Stage.PILOT:
        stage = lines[-1].stage if lines else Stage.IDEA
        raise NotAllowed(f"{model} was returned to {stage} since it was in routine: nobody is treated with it")


def allowed(stage: Stage | None, mode: Mode) -> Mode | None:
    """Return how a version that stands at ``stage`` runs where ``mode`` is asked for; None for not at all.

    Args:
        stage: None for a version whose life nobody began.
        mode: what its card, or a trial, asks for.
    """
    if stage in {None, Stage.IDEA, Stage.FRAMING, Stage.RETIRED}:
        return None
    return Mode.SHADOW if stage in {Stage.POC, Stage.SHADOW} else mode


def standing(line: Line | None, *, routine: bool, suspended: bool, retired: bool) -> Stage:
    """Return where a version stands: the first that holds of retired, suspended, in routine, and its last line.

    Args:
        line: its last one; None before its life was begun.
        routine: whether the appointment in force of its name is of this version.
        suspended: whether a stop of everything, of its name or of itself is in force.
    """
    if retired:
        return Stage.RETIRED
    if suspended:
        return Stage.SUSPENDED
    if routine:
        return Stage.ROUTINE
    return line.stage if line else Stage.IDEA


def printed() -> str:
    """Return the stages in Markdown, for the README."""
    head = ("stage", "a version there is", "signed for by", "goes on to", "begins here when what changed asks for")
    rows = [(f"`{stage}`", ASKS[stage].runs, ASKS[stage].signs, _onward(stage), _begun(stage)) for stage in Stage]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows))


def _onward(stage: Stage) -> str:
    return ", ".join(f"{move} → {target}" for (source, move), target in MODEL_LIFE.items() if source is stage) or "–"


def _begun(stage: Stage) -> str:
    return ", ".join(f"`{level}`" for level, begins in BEGINS.items() if begins is stage) or "–"
