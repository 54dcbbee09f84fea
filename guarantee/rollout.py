"""Which version of a model works for patients, and which one is tried beside it.

Both are appended, never edited. The version in routine of a name is that of its last *appointment*; to go back is one
more appointment, so that there is no moment in which half of it happened. A *trial* is begun under one appointment and
is over with it: whoever promotes or rolls back ends every trial of that name by doing so, and none comes back to life.
Which of them a version may be follows from its life (lifecycle.py); two people promote, one person goes back.

Which studies a canary gets is drawn from a seed that is committed in the journal when the trial begins, and from what
the case is called: anybody can repeat the draw, nobody can choose, and a later revision of a case stays where it was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from guarantee.case import CaseKind
from guarantee.errors import Malformed, NotAllowed
from guarantee.ids import ResultId, derive, digest
from guarantee.lifecycle import INSTALLER, STAGES, Line, Stage, standing
from guarantee.result import Mode, ModelVersion
from guarantee.states import ResultState

SEED_CHARS: Final = 32
"""Length of a seed: 16 random bytes, hexadecimal."""

SHARE_MAX: Final = 99
"""Largest share of a canary, in percent: what gets everything is in routine, and is promoted."""


class Step(StrEnum):
    """How a version came into routine."""

    FIRST = "first"
    PROMOTE = "promote"
    ROLLBACK = "rollback"


class Part(StrEnum):
    """Why a version looks at a case."""

    ROUTINE = "routine"
    CANARY = "canary"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """From now on this version is the one in routine.

    Args:
        seq: number of the line; the last one of a name counts.
        model: "name@version".
        below: the line that a rollback of this one goes back to; None when there is none.
        by: who says so; the installer of the first version alone.
        second: who grants it; "" for a rollback, which one person may say, and for the installer.
        reason: why.
    """

    seq: int
    model: str
    step: Step
    below: int | None
    by: str
    second: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        _require_version(self.model)
        _require_signed(self.by, self.reason)
        if self.by == INSTALLER and self.step is not Step.FIRST:
            raise Malformed("an installer appoints the first version; people promote, or go back")
        if self.needs_two and self.second in {"", self.by}:
            raise Malformed("two different people put a version into routine")
        if self.step is Step.FIRST and self.below is not None:
            raise Malformed("below the first version there is none")
        if self.step is Step.PROMOTE and self.below is None:
            raise Malformed("a promotion says which appointment it replaces")

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.model.partition("@")[0]

    @property
    def needs_two(self) -> bool:
        """Whether two people say so: always but for a rollback, the safe direction, and the first installation."""
        return self.step is not Step.ROLLBACK and self.by != INSTALLER


def in_routine(lines: Iterable[Appointment]) -> dict[str, Appointment]:
    """Return the appointment in force of each name, given every line, oldest first."""
    return {line.name: line for line in lines}


def promoted(
    model: str, lines: Iterable[Appointment], *, by: str, second: str, reason: str, at: datetime
) -> Appointment:
    """Return the line that puts ``model`` in routine. Whether it may be is lifecycle.require_granted's.

    Args:
        lines: every appointment of its name, oldest first.

    Raises:
        NotAllowed: it is in routine already.
    """
    present = next(reversed(tuple(lines)), None)
    if present is not None and present.model == model:
        raise NotAllowed(f"{model} is in routine already, since {present.at:%Y-%m-%d} ({present.by}: {present.reason})")
    step, below = (Step.PROMOTE, present.seq) if present else (Step.FIRST, None)
    return Appointment(seq=0, model=model, step=step, below=below, by=by, second=second, reason=reason, at=at)


def rolled_back(
    name: str, lines: Iterable[Appointment], *, by: str, reason: str, at: datetime, further: bool = False
) -> Appointment:
    """Return the line that puts the version before the present one in routine again.

    Args:
        lines: every appointment of ``name``, oldest first.
        further: whether to go back once more from a version that was itself gone back to. Without it two people who
            both want to be rid of a version do not go back two versions.

    Raises:
        NotAllowed: there is no version before the present one, or somebody went back already.
    """
    known = {line.seq: line for line in lines}
    if not known:
        raise NotAllowed(
            f"no version of {name} was ever in routine here: `aval models list` says which models are known"
        )
    present = known[max(known)]
    if present.step is Step.ROLLBACK and not further:
        raise NotAllowed(
            f"{name} was rolled back to {present.model} on {present.at:%Y-%m-%d} by {present.by}: {present.reason}. "
            "Say --further to go back to the version before that one too"
        )
    if present.below is None:
        raise NotAllowed(
            f"{present.model} is in routine and there was none before it: stop it, or promote another version"
        )
    target = known[present.below]
    return Appointment(
        seq=0, model=target.model, step=Step.ROLLBACK, below=target.below, by=by, second="", reason=reason, at=at
    )


# ----------------------------------------------------------------------------------------------------------- trials


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A version that is tried beside the one in routine.

    Args:
        model: the version that is tried, "name@version".
        under: line of the appointment that it is tried against; the trial is over when another one is in force.
        shadow: whether the version that a case does not get for care looks at it too, in shadow mode.
        share: of the cases that get the new version for care instead, in percent; 0 for none.
        site: only cases of this site; "" for every site.
        seed: what the draw begins with; random, committed in the journal before the first case.
        by: who began it.
        reason: why.
    """

    model: str
    under: int
    shadow: bool
    share: int
    site: str
    seed: str
    by: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        _require_version(self.model)
        _require_signed(self.by, self.reason)
        if not 0 <= self.share <= SHARE_MAX:
            raise Malformed(
                f"the share of a canary is a whole number of percent from 1 to {SHARE_MAX}, not {self.share}"
            )
        if not self.shadow and not self.share:
            raise Malformed("a trial has a shadow, a canary, or both")
        if len(self.seed) != SEED_CHARS or not set(self.seed) <= set("0123456789abcdef"):
            raise Malformed(f"a seed is {SEED_CHARS} hexadecimal characters")

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.model.partition("@")[0]

    @property
    def id(self) -> str:
        """Identifier: one version is begun once under one appointment, at one site, with one seed."""
        return derive("trial", self.model, str(self.under), self.site, self.seed)

    @property
    def drawn_below(self) -> str:
        """Draws below this one go to the canary: eight hexadecimal characters that compare as text."""
        return f"{self.share * 2**32 // 100:08x}"

    def covers(self, site: str) -> bool:
        """Return whether cases of ``site`` take part."""
        return self.site in {"", site}

    def draw(self, kind: CaseKind, uid: str) -> str:
        """Return what a case drew: the SHA-256 of the seed and its name, the same for each of its revisions."""
        return digest(f"{self.seed}:{kind}:{uid}".encode())

    def takes(self, kind: CaseKind, uid: str) -> bool:
        """Return whether a case gets the new version for care."""
        return self.draw(kind, uid) < self.drawn_below


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnd:
    """A trial is over, because somebody said so.

    Args:
        trial: identifier of the trial.
    """

    trial: str
    by: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        _require_signed(self.by, self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """One version that looks at a case, and why.

    Args:
        trial: the trial that says so, or beside which it is in routine; None without one.
        draw: what the case drew in it, in percent of all draws; None when there is no share.
    """

    model: str
    mode: Mode
    part: Part
    trial: Trial | None = None
    draw: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """What is in routine and what is tried, now.

    Args:
        appointments: those in force, by name.
        trials: those that are not over.
        known: every version that either names, by "name@version".
        lives: the last line of each version's life, by "name@version".
    """

    appointments: Mapping[str, Appointment] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    known: Mapping[str, ModelVersion] = field(default_factory=dict)
    lives: Mapping[str, Line] = field(default_factory=dict)

    def assigned(self, name: str, site: str, kind: CaseKind, uid: str) -> tuple[Assigned, ...]:
        """Return the versions of a model that look at a case, that of care first; () when none was ever appointed."""
        present = self.appointments.get(name)
        if present is None:
            return ()
        trial = next((t for t in self.trials if t.name == name and t.covers(site)), None)
        if trial is None:
            return (Assigned(model=present.model, mode=Mode.CARE, part=Part.ROUTINE),)
        chosen = trial.takes(kind, uid)
        draw = int(trial.draw(kind, uid)[:8], 16) * 100 / 2**32 if trial.share else None
        care, other = (trial.model, present.model) if chosen else (present.model, trial.model)
        part = Part.CANARY if chosen else Part.ROUTINE
        found = [Assigned(model=care, mode=Mode.CARE, part=part, trial=trial, draw=draw)]
        if trial.shadow:
            found.append(Assigned(model=other, mode=Mode.SHADOW, part=Part.SHADOW, trial=trial, draw=draw))
        return tuple(found)

    def stage(self, model_id: str) -> Stage | None:
        """Return what the last line of a version says; None for one whose life nobody began."""
        return self.lives[model_id].stage if model_id in self.lives else None

    def standing(self, model_id: str, *, suspended: bool, retired: bool) -> Stage:
        """Return where a version stands (lifecycle.standing), given whether a stop suspends it and it is retired."""
        present = self.appointments.get(model_id.partition("@")[0])
        routine = present is not None and present.model == model_id
        return standing(self.lives.get(model_id), routine=routine, suspended=suspended, retired=retired)

    def foremost(self, name: str, highest: str) -> str:
        """Return which version looks at cases while none of its name was ever appointed: the one that came furthest.

        A version that is installed later and stands lower takes nothing from the one that is piloted.

        Args:
            highest: the highest version that is installed, "name@version"; it is chosen where others came no further.
        """
        others = (line for line in self.lives.values() if line.model.partition("@")[0] == name)
        ahead = max(others, key=lambda line: (STAGES.index(line.stage), line.at), default=None)
        mine = self.stage(highest) or Stage.IDEA
        return ahead.model if ahead and STAGES.index(ahead.stage) > STAGES.index(mine) else highest

    def versions(self, name: str) -> tuple[str, ...]:
        """Return every version of a model that gets work now, the one in routine first."""
        present = self.appointments.get(name)
        tried = dict.fromkeys(trial.model for trial in self.trials if trial.name == name)
        return (present.model, *tried) if present else ()


class Rollouts(Protocol):
    """Appointments and trials; append-only."""

    def now(self) -> Rollout:
        """Return what is in routine and what is tried."""

    def appointments(self, name: str = "") -> tuple[Appointment, ...]:
        """Return every appointment of a name, or of all of them, oldest first."""

    def appoint(self, line: Appointment) -> None:
        """Append an appointment; its number is given by the list.

        Raises:
            Refused: it does not follow from the one in force, the version is retired, or was never known here.
        """

    def begin(self, trial: Trial) -> None:
        """Append a trial.

        Raises:
            Refused: another appointment is in force, another trial covers the place, or the version is retired.
        """

    def end(self, line: TrialEnd) -> None:
        """Append the end of a trial.

        Raises:
            Refused: it was ended already.
        """

    def work(self, model: str) -> Mapping[tuple[Mode, ResultState], int]:
        """Return how many results of exactly this version there are, by mode and state."""

    def left_waiting(self) -> tuple[ResultId, ...]:
        """Return what is to be given to the version that was gone back to, the most urgent first, then the oldest.

        Results for care of the version that a rollback in force left, queued before it, that wait for a worker or for
        a reader. Not those of cases that the older version was given too: it has said what it says.
        """


def _require_version(model: str) -> None:
    name, _, version = model.partition("@")
    if not name or not version:
        raise Malformed(f"a version is named as name@version, not {model!r}")


def _require_signed(by: str, reason: str) -> None:
    if not by or not reason.strip():
        raise Malformed("whoever appoints, tries or ends says who and why")
