"""Results of a model version are read and compared, for the desk, the command line and the metrics alike."""

from collections.abc import Sequence
from datetime import timedelta

from bridge.comparison import GROUPS_MAX, Asked, Drift, Group, group
from bridge.db.store import SqlStore, SqlUnit
from bridge.drift import N_MAX, N_MIN, Sample
from bridge.figures import Event

_TICK = timedelta(microseconds=1)


def drift_of(asked: Asked, store: SqlStore) -> Drift:
    """Return what changed between two periods of a model version.

    It is computed when it is asked for, after the transaction: comparison.GROUPS_MAX says how long that may take.
    """
    with store.reading() as unit:
        whole = _periods(asked, None, unit)
        known = unit.samples.groups(asked.model, asked.mode, asked.by) if asked.by else ()
        enough = [name for name, results in known if results >= 2 * N_MIN][:GROUPS_MAX]
        parts = [(name, *_periods(asked, (asked.by, name), unit)) for name in enough]
        events = _events(whole, unit)
    shown = [group(*part) for part in parts if min(map(len, part[1:])) >= N_MIN]
    groups = [group("", *whole), *shown]
    return Drift(asked=asked, groups=groups, hidden=len(known) - len(shown), events=events)


def whole_of(asked: Asked, store: SqlStore) -> Group:
    """Return the comparison of all results together alone."""
    with store.reading() as unit:
        periods = _periods(asked, None, unit)
    return group("", *periods)


def _periods(asked: Asked, of: tuple[str, str] | None, unit: SqlUnit) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """Return the reference and the recent results: no result is in both."""
    take, which = unit.samples.taken, (asked.model, asked.mode)
    if asked.reference:
        reference = take(*which, within=asked.reference, of=of, count=N_MAX)
    else:
        before = asked.recent[0] if asked.recent else None
        reference = take(*which, within=(None, before), of=of, count=asked.count, newest=False)
    if asked.recent:
        return reference, take(*which, within=asked.recent, of=of, count=N_MAX)
    after = asked.reference[1] if asked.reference else max((one.at for one in reference), default=None)
    since = after + _TICK if after and not asked.reference else after
    return reference, take(*which, within=(since, None), of=of, count=asked.count)


def _events(whole: tuple[Sequence[Sample], Sequence[Sample]], unit: SqlUnit) -> Sequence[Event]:
    times = [sample.at for period in whole for sample in period]
    return unit.measures.events(min(times), max(times) + _TICK) if times else ()
