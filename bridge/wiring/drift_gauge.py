"""How many features of each model version deserve a look, for a monitoring system: looked at now and then."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from bridge.comparison import Asked, Version
from bridge.db.store import SqlStore
from bridge.drift import Side, Verdict
from bridge.wiring.drift import whole_of

EVERY: Final = timedelta(hours=1)
"""Age at which a comparison is made anew. What drifts drifts over days."""

IN_USE: Final = timedelta(days=28)
"""A version whose last answer is older is not compared: it is not used any more."""

VERSIONS_MAX: Final = 20
"""Most versions that are compared, those that answered last."""


LIST_EVERY: Final = timedelta(minutes=1)
"""How often it is asked which versions there are, and one of them is compared at most."""


class DriftGauge:
    """Keeps what was found of each version, as its page shows it unless somebody asks for other periods.

    One version is compared at a time, so that no scrape waits for more than one: below a second.
    """

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._found: dict[str, Mapping[tuple[str, str], int]] = {}
        self._compared_at: dict[str, datetime] = {}
        self._listed_at: datetime | None = None

    def values(self, now: datetime) -> Mapping[tuple[str, str, str], int]:
        """Return how many features of each version, side and verdict there are; the oldest comparison is renewed.

        Raises:
            Unavailable: the database does not answer.
        """
        if self._listed_at is None or now - self._listed_at >= LIST_EVERY:
            self._look(now)
            self._listed_at = now
        return {(name, *key): count for name, counts in self._found.items() for key, count in counts.items()}

    def _look(self, now: datetime) -> None:
        with self._store.reading() as unit:
            versions = [one for one in unit.samples.versions() if _is_in_use(one, now)][:VERSIONS_MAX]
        names = [one.model for one in versions]
        self._found = {name: self._found[name] for name in names if name in self._found}
        never = [name for name in names if name not in self._found]
        oldest = min(self._found, key=self._compared_at.__getitem__, default=None)
        if never:
            self._renew(never[0], now)
        elif oldest is not None and now - self._compared_at[oldest] >= EVERY:
            self._renew(oldest, now)

    def _renew(self, model: str, now: datetime) -> None:
        rows = whole_of(Asked(model=model), self._store).rows
        counts = {(str(side), str(verdict)): 0 for side in Side for verdict in Verdict}
        for row in rows:
            counts[str(row.side), str(row.verdict)] += 1
        self._found[model], self._compared_at[model] = counts, now


def _is_in_use(version: Version, now: datetime) -> bool:
    return version.mode == "care" and now - version.last_at <= IN_USE
