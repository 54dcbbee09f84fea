"""Is everything here? One decision table over what arrived, what was announced and what is known of the senders.

The table is data: the README prints it, ``judge`` reads it. Two rules keep it honest. What was announced can only delay
or explain, and never for longer than the deadline: a wrong announcement costs time, not a case. And judging early is
safe: what comes late opens a new revision.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Final

from guarantee.content import Text
from guarantee.errors import Malformed


class Incomplete(StrEnum):
    """What a model does with a case of which something is known to be missing."""

    WAIT = "wait"
    """Wait until the deadline, then run; the draft says what was missing."""

    RUN = "run-with-banner"
    """Run at once on what is there; the draft says what was missing."""

    REFUSE = "refuse"
    """Wait until the deadline, then do not run: the result is excluded, and says why."""


class Basis(IntEnum):
    """What an announcement rests on; where several speak of the same thing, the strongest counts alone."""

    HINT = 1
    """Counts of an acquisition in image headers: often of several series together."""

    HEADER = 2
    """Counts of a study or series in image headers."""

    QUERY = 3
    """The source was asked how much it holds."""

    LIST = 4
    """A list of the very instances: Instance Availability Notification, Modality Performed Procedure Step."""


class Status(StrEnum):
    """How final an announcement is."""

    SAID = "said"
    IN_PROGRESS = "in-progress"
    DISCONTINUED = "discontinued"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What somebody said there would be.

    Args:
        group: Series Instance UID; "" for the whole study.
        instances: how many.
        listed: exactly which; None when only their number is known.
    """

    basis: Basis
    group: str
    instances: int
    listed: frozenset[str] | None = None
    status: Status = Status.SAID

    def __post_init__(self) -> None:
        if (self.basis is Basis.LIST) != (self.listed is not None):
            raise Malformed("a list names its instances; nothing else does")
        if self.instances < 0:
            raise Malformed(f"{self.instances} instances cannot be announced")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One series as it stands here.

    Args:
        quiet_s: quiet time of its modality, in seconds.
    """

    group: str
    instances: frozenset[str]
    last_at: datetime
    quiet_s: float


class Lack(StrEnum):
    """What is missing, or may be."""

    INSTANCES = "instances"
    STEP_IN_PROGRESS = "step-in-progress"
    STEP_DISCONTINUED = "step-discontinued"
    BROKEN_OFF = "transfer-broken-off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """One thing that is missing.

    Args:
        group: the series; "" for the study as a whole.
        announced, arrived: instances; 0 where the lack is of another kind.
    """

    lack: Lack
    group: str = ""
    announced: int = 0
    arrived: int = 0

    def concerns(self, focus: str) -> bool:
        """Return whether a result on the series ``focus`` may lack something: the series, or the study, is short."""
        return self.group in {"", focus}

    @property
    def said(self) -> Text:
        """What a reader is told."""
        if self.lack is not Lack.INSTANCES:
            return _SAID[self.lack]
        where = ("de l'examen", "of the exam") if not self.group else ("de la série analysée", "of the analysed series")
        return Text(
            fr=f"Examen incomplet au moment du calcul\u00a0: {self.arrived} images {where[0]} reçues sur "
            f"{self.announced} annoncées.",
            en=f"Incomplete when computed: {self.arrived} images {where[1]} received of {self.announced} announced.",
        )


_SAID: Final[Mapping[Lack, Text]] = {
    Lack.STEP_IN_PROGRESS: Text(
        fr="L'appareil n'avait pas annoncé la fin de l'examen au moment du calcul.",
        en="The modality had not announced the end of the exam when this was computed.",
    ),
    Lack.STEP_DISCONTINUED: Text(
        fr="Examen interrompu, selon l'appareil\u00a0: des images peuvent manquer.",
        en="Exam discontinued, says the modality: images may be missing.",
    ),
    Lack.BROKEN_OFF: Text(
        fr="Le dernier envoi d'images s'est interrompu\u00a0: des images peuvent manquer.",
        en="The last transfer of images was broken off: images may be missing.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything that the table looks at.

    Args:
        last_at: when the last input came; even when nothing that came may be used.
        is_open: whether an association that brought some of it is still open.
        broken_off: whether the last such association ended otherwise than by release.
        broken_s: how much longer the quiet time is then, in seconds.
        waits: whether a model of this case would rather wait (``Incomplete.WAIT`` or ``REFUSE``).
        deadline_s: longest wait for what is missing, from the last input, in seconds.
    """

    arrived: Sequence[Arrived]
    announced: Sequence[Announced]
    last_at: datetime
    is_open: bool
    broken_off: bool
    broken_s: float
    waits: bool
    deadline_s: float


class Told(StrEnum):
    """What the announcements say, taken together."""

    ALL_LISTED = "all here, by list"
    ALL_COUNTED = "all here, by count"
    MISSING = "something missing"
    NOTHING = "nothing decisive"


class Verdict(StrEnum):
    """What becomes of the case."""

    WAIT = "wait"
    COMPLETE = "complete"
    SHORT = "short"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table; None means that it does not matter.

    Args:
        doubt: whether the last transfer was broken off, or the exam discontinued.
        how: why, in one word; stored with the judgement, and shown.
    """

    told: frozenset[Told] | None = None
    is_open: bool | None = None
    quiet: bool | None = None
    doubt: bool | None = None
    waits: bool | None = None
    overdue: bool | None = None
    verdict: Verdict
    how: str


_SILENT: Final = frozenset({Told.NOTHING})
_MISSING: Final = frozenset({Told.MISSING})

TABLE: Final[tuple[Row, ...]] = (
    Row(told=frozenset({Told.ALL_LISTED}), verdict=Verdict.COMPLETE, how="listed"),
    Row(is_open=True, verdict=Verdict.WAIT, how="open"),
    Row(told=frozenset({Told.ALL_COUNTED}), verdict=Verdict.COMPLETE, how="counted"),
    Row(quiet=False, verdict=Verdict.WAIT, how="quiet-time"),
    Row(told=_SILENT, doubt=False, verdict=Verdict.COMPLETE, how="quiet"),
    Row(told=_SILENT, doubt=True, verdict=Verdict.SHORT, how="doubt"),
    Row(told=_MISSING, waits=False, verdict=Verdict.SHORT, how="not-awaited"),
    Row(told=_MISSING, waits=True, overdue=False, verdict=Verdict.WAIT, how="missing"),
    Row(told=_MISSING, waits=True, overdue=True, verdict=Verdict.SHORT, how="deadline"),
)
"""Read from the top: the first row whose conditions all hold decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the table says of a case.

    Args:
        until: when to look again, if nothing happens before; None while only an event can change it.
        shortages: what is missing; for a verdict of "short", never empty.
        instances: how many are here.
        last_at: when the last input came.
    """

    verdict: Verdict
    how: str
    shortages: tuple[Shortage, ...]
    instances: int
    last_at: datetime
    until: datetime | None = None

    def concerning(self, focus: str) -> tuple[Shortage, ...]:
        """Return what a result on ``focus`` may lack."""
        return tuple(short for short in self.shortages if short.concerns(focus))


def judge(situation: Situation, now: datetime) -> Judgement:
    """Return what the table says at ``now``."""
    shortages = _shortages(situation)
    quiet_at = _quiet_at(situation)
    deadline_at = situation.last_at + timedelta(seconds=situation.deadline_s)
    seen: dict[str, object] = {
        "told": _told(situation, shortages),
        "is_open": situation.is_open,
        "quiet": now >= quiet_at,
        "doubt": any(short.lack in _DOUBTS for short in shortages),
        "waits": situation.waits,
        "overdue": now >= deadline_at,
    }
    row = next(row for row in TABLE if _holds(row, seen))
    return Judgement(
        verdict=row.verdict,
        how=row.how,
        shortages=shortages if row.verdict is not Verdict.COMPLETE else (),
        instances=sum(len(series.instances) for series in situation.arrived),
        last_at=situation.last_at,
        until={"quiet-time": quiet_at, "missing": deadline_at}.get(row.how),
    )


def _holds(row: Row, seen: Mapping[str, object]) -> bool:
    return all(
        wanted is None or (seen[name] in wanted if isinstance(wanted, frozenset) else seen[name] is wanted)
        for name, wanted in ((name, getattr(row, name)) for name in seen)
    )


def _quiet_at(situation: Situation) -> datetime:
    """Return when every series has been quiet for its own time: one that is not keeps the study open."""
    latest = max((s.last_at + timedelta(seconds=s.quiet_s) for s in situation.arrived), default=situation.last_at)
    return latest + timedelta(seconds=situation.broken_s if situation.broken_off else 0)


_DOUBTS: Final = frozenset({Lack.STEP_DISCONTINUED, Lack.BROKEN_OFF})
"""What nothing more is expected from: waiting would not help."""


def _told(situation: Situation, shortages: Sequence[Shortage]) -> Told:
    if any(short.lack not in _DOUBTS for short in shortages):
        return Told.MISSING
    if any(said.status is Status.DISCONTINUED for said in situation.announced):
        return Told.NOTHING
    settled = _settled(situation)
    if settled is None:
        return Told.NOTHING
    return Told.ALL_LISTED if settled is Basis.LIST else Told.ALL_COUNTED


def _settled(situation: Situation) -> Basis | None:
    """Return the strongest basis on which the study, as a whole, is exactly what is here; None without one."""
    here = _together(series.instances for series in situation.arrived)
    listed = _together(said.listed or () for said in situation.announced)
    if here and listed == here:
        return Basis.LIST
    counted = _counted([said for said in situation.announced if not said.group])
    return counted[0] if here and counted[1] == len(here) else None


def _each_series_confirmed(situation: Situation) -> bool:
    """Return whether the source holds exactly what is here of every series: then nothing was cut off."""
    counted = {said.group: said.instances for said in situation.announced if said.basis is Basis.QUERY}
    return all(counted.get(series.group) == len(series.instances) for series in situation.arrived)


def _shortages(situation: Situation) -> tuple[Shortage, ...]:
    """Return what is missing. A study that is whole on one basis lacks nothing on a weaker one."""
    arrived = {series.group: series.instances for series in situation.arrived}
    settled = _settled(situation) or Basis.HINT
    by_group: dict[str, list[Announced]] = defaultdict(list)
    for said in situation.announced:
        if said.basis >= settled:
            by_group[said.group].append(said)
    found = [_short(group, by_group[group], arrived) for group in sorted(by_group)]
    states = {said.status for said in situation.announced}
    flags = (
        (Lack.STEP_IN_PROGRESS, Status.IN_PROGRESS in states),
        (Lack.STEP_DISCONTINUED, Status.DISCONTINUED in states),
        (Lack.BROKEN_OFF, situation.broken_off and not _each_series_confirmed(situation)),
    )
    return (
        *(short for short in found if short.announced > short.arrived),
        *(Shortage(lack=lack) for lack, is_so in flags if is_so),
    )


def _short(group: str, said: Sequence[Announced], arrived: Mapping[str, frozenset[str]]) -> Shortage:
    """Return what the strongest announcement of ``group`` asks for, and how much of that is here."""
    here = arrived.get(group, frozenset()) if group else _together(arrived.values())
    wanted = _together(one.listed or () for one in said)
    if wanted:
        return Shortage(lack=Lack.INSTANCES, group=group, announced=len(wanted), arrived=len(wanted & here))
    return Shortage(lack=Lack.INSTANCES, group=group, announced=_counted(said)[1], arrived=len(here))


def _counted(said: Sequence[Announced]) -> tuple[Basis, int]:
    """Return the strongest basis on which somebody counted, and the largest count on it; nothing is a count of 0."""
    counts = [(one.basis, one.instances) for one in said if one.listed is None]
    return max(counts, default=(Basis.HINT, 0))


def _together(sets: Iterable[Iterable[str]]) -> frozenset[str]:
    return frozenset(uid for each in sets for uid in each)


def printed() -> str:
    """Return the table in Markdown, for the README."""
    head = ("announced", "association open", "quiet times over", "broken off or discontinued")
    names = (*head, "a model waits", "deadline passed", "verdict", "why")
    rows = [(*(_cell(getattr(row, field)) for field in _FIELDS), f"**{row.verdict}**", row.how) for row in TABLE]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (names, ("---",) * len(names), *rows))


_FIELDS: Final = ("told", "is_open", "quiet", "doubt", "waits", "overdue")


def _cell(wanted: object) -> str:
    if wanted is None:
        return "–"
    return ", ".join(sorted(wanted)) if isinstance(wanted, frozenset) else "yes" if wanted else "no"
