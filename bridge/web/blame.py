"""What the slowest drafts have in common: where somebody who asks why a night was slow begins to look.

Said only where it is plain: a device, say, that three in four of them share and few of the others do. It is a place to
look, not a cause: whatever is slow for everybody has no device in common, and then that is said.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bridge.figures import Event, Observation

KEYS: Final[Mapping[str, Callable[[Observation], str]]] = {
    "model": lambda seen: seen.model,
    "scanner": lambda seen: seen.scanner,
    "sender": lambda seen: seen.sender,
    "site": lambda seen: seen.site,
}
"""What results are grouped by. Of two that say the same, the first is told: a device rather than its only sender."""

SLOW_MIN: Final = 3
"""Fewest slow drafts of which anything is said: two may share a device by chance."""

SHARE_MIN: Final = 0.75
"""Share of the slow drafts that must have something in common."""

EXCESS_MIN: Final = 0.3
"""How much larger than among all drafts that share must be: what nearly every draft has explains nothing."""

SPAN_MAX: Final = 0.25
"""Part of the window within which the slow drafts were queued, for that to be said."""

BEFORE: Final = timedelta(minutes=30)
"""How long before the first slow draft an event may explain it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """Something that most of the slow drafts have, and few of the others.

    Args:
        key: of KEYS.
        of_slow, of_all: share of the slow drafts, and of all, that have it.
    """

    key: str
    value: str
    of_slow: float
    of_all: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """What the slow drafts have in common.

    Args:
        common: None where nothing stands out.
        between: when the first and the last of them were queued; None where they are spread over the window.
        event: what happened shortly before or meanwhile; None without ``between``, or when nothing did.
    """

    common: Common | None
    between: tuple[datetime, datetime] | None
    event: Event | None


def blame(
    slow: Sequence[Observation], drafts: Sequence[Observation], events: Sequence[Event], span: timedelta
) -> Blame | None:
    """Return what the slow drafts have in common; None where they are too few.

    Args:
        slow: some of ``drafts``.
        span: of the window.
    """
    if len(slow) < SLOW_MIN or len(slow) == len(drafts):
        return None
    found = [_common(key, slow, drafts) for key in KEYS]
    common = max((one for one in found if one), key=lambda one: one.of_slow - one.of_all, default=None)
    between = _between(slow, drafts, span)
    return Blame(common=common, between=between, event=_event(events, between) if between else None)


def _common(key: str, slow: Sequence[Observation], drafts: Sequence[Observation]) -> Common | None:
    read = KEYS[key]
    ((value, many),) = Counter(map(read, slow)).most_common(1)
    of_slow, of_all = many / len(slow), sum(read(one) == value for one in drafts) / len(drafts)
    if not value or of_slow < SHARE_MIN or of_slow - of_all < EXCESS_MIN:
        return None
    return Common(key=key, value=value, of_slow=of_slow, of_all=of_all)


def _between(
    slow: Sequence[Observation], drafts: Sequence[Observation], span: timedelta
) -> tuple[datetime, datetime] | None:
    """Return when the slow ones were queued, where that is a small part of when drafts were."""
    first, last = min(one.queued_at for one in slow), max(one.queued_at for one in slow)
    within = sum(first <= one.queued_at <= last for one in drafts) / len(drafts)
    return (first, last) if last - first <= span * SPAN_MAX and within < 1 - EXCESS_MIN else None


def _event(events: Sequence[Event], between: tuple[datetime, datetime]) -> Event | None:
    first, last = between
    near = [one for one in events if first - BEFORE <= one.at <= last]
    return min(near, key=lambda one: abs(one.at - first), default=None)
