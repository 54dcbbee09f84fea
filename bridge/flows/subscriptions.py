"""Our subscription at a record: it is there, it is active, nothing was missed; else it is mended, and people are told.

Nothing of it is remembered in the database. What the record holds is asked of the record; what was missed is looked for
as fetches, which are rows like those of any notification; what was wrong is recorded as what a door refuses is, under
the door "subscription", so that it is counted and shown where refusals are.

    missing, changed, error     asked for again, at first with the next look, then ever more rarely
    off                         somebody at the record switched it off: told, and left to a person
    active                      after a fault, at the start, or when numbers are missing: what changed since is searched
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from bridge.flows import fetch, intake
from guarantee.errors import PortError
from guarantee.ids import derive
from guarantee.ports import Clock, Store
from guarantee.subscription import Held, fault_of
from guarantee.unit import Fetch

LOOK_BACK: Final = timedelta(minutes=5)
"""How far before the last good look a search begins: the record's clock and ours differ."""

AT_START: Final = timedelta(hours=1)
"""How far back the first look searches when all is well: longer than a process takes to start again."""

AT_MOST: Final = timedelta(hours=24)
"""How far back a search goes when nobody knows since when events are missing, and at most. What is older, a person
asks for with ``aval subscriptions repair --since-h``."""

SLICE: Final = timedelta(minutes=5)
"""Length of one search: few enough stays change in it for one fetch (fhir_adapters/read.py: STAYS_MAX)."""

AGAIN_MAX: Final = timedelta(hours=1)
"""Longest pause between two attempts to mend."""

_MENDED: Final = frozenset({"missing", "changed", "error"})

_log = logging.getLogger("aval.subscription")


class Record(Protocol):
    """The record, as far as our subscription goes; see fhir_adapters.subscriptions.SubscriptionClient."""

    def held(self) -> Held | None:
        """Return it, or None."""

    def make(self) -> None:
        """Create it."""

    def renew(self, held: Held) -> None:
        """Ask for it again."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """Looks after one subscription.

    Args:
        name: of the sender, as in the settings.
        search: what is run again for what was missed, e.g. "ServiceRequest?status=active".
        told_after: how long it may be broken before that is recorded as broken.
        missing: how many events up to a number have not come since it was asked before.
    """

    name: str
    site: str
    search: str
    record: Record
    store: Store
    clock: Clock
    told_after: timedelta
    repairs: bool = True
    missing: Callable[[int], int] = lambda _until: 0
    _well_at: datetime | None = None
    _broken_at: datetime | None = None
    _told_at: datetime | None = None
    _attempts: int = 0
    _again_at: datetime | None = None
    _counted: int | None = None

    def look(self) -> str:
        """Look once, and return what is wrong: "" for nothing.

        Raises:
            Unavailable: our own database does not answer.
        """
        now = self.clock.now()
        held: Held | None = None
        try:
            held = self.record.held()
            fault = fault_of(held)
        except PortError as error:
            fault = error.code
        if fault:
            self._broken(fault, held, now)
        else:
            self._well(held, now)
        return fault

    def _well(self, held: Held | None, now: datetime) -> None:
        missed = self._missed(held)
        if missed:
            self._record("missed-events", f"{missed} events did not come; what changed since is searched")
        if self._well_at is None or self._broken_at is not None or missed:
            self.recover(self._since(held, now), now)
        self._well_at = now
        self._broken_at = self._told_at = self._again_at = None
        self._attempts = 0

    def _missed(self, held: Held | None) -> int:
        """Return how many events that the record had counted at the look before have still not come."""
        before, self._counted = self._counted, held.events if held else None
        return self.missing(before) if before is not None else 0

    def _since(self, held: Held | None, now: datetime) -> datetime:
        if self._well_at is not None:
            return max(self._well_at - LOOK_BACK, now - AT_MOST)
        changed = held.changed_at if held else None
        is_old = self._broken_at is None and changed is not None and changed < now - AT_MOST
        return now - (AT_START if is_old else AT_MOST)

    def recover(self, since: datetime, until: datetime) -> int:
        """Note searches for what changed between two times, and return how many were not noted before."""
        # The newest first: what somebody waits for is seldom a day old.
        slices = [self._fetch(begin, end) for begin, end in _slices(since, until)]
        return fetch.note(slices[::-1], store=self.store, clock=self.clock, actor="subscription")

    def _fetch(self, begin: datetime, end: datetime) -> Fetch:
        joint = "&" if "?" in self.search else "?"
        what = f"{self.search}{joint}_lastUpdated=ge{_instant(begin)}&_lastUpdated=lt{_instant(end)}"
        return Fetch(
            id=derive("fetch", self.name, self.name, what, "missed"), sender=self.name, site=self.site, what=what
        )

    def _broken(self, fault: str, held: Held | None, now: datetime) -> None:
        self._broken_at = self._broken_at or now
        if self.repairs and fault in _MENDED and (self._again_at is None or now >= self._again_at):
            self._mend(fault, held, now)
        is_long = now - self._broken_at >= self.told_after
        if is_long and (self._told_at is None or now - self._told_at >= AGAIN_MAX):
            self._told_at = now
            self._record("broken", f"{fault} for {(now - self._broken_at).total_seconds() / 60:.0f} minutes")

    def _mend(self, fault: str, held: Held | None, now: datetime) -> None:
        self._again_at = now + min(timedelta(seconds=30 * 2.0 ** min(self._attempts, 12)), AGAIN_MAX)
        self._attempts += 1
        self._record(fault, "our subscription at the record; it is asked for again")
        try:
            mend(self.record, held)
        except PortError as error:
            _log.warning("subscription.not-mended name=%s code=%s", self.name, error.code)

    def _record(self, code: str, detail: str) -> None:
        _log.warning("subscription.fault name=%s code=%s", self.name, code)
        intake.turn_away("subscription", self.name, code, detail, store=self.store, clock=self.clock)


def mend(record: Record, held: Held | None) -> None:
    """Ask the record for the subscription, whatever its state.

    Raises:
        PortError: the record does not answer, or refuses.
    """
    if held is None:
        record.make()
    else:
        record.renew(held)


def _slices(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield pieces that begin and end at the same moments whoever asks: the same piece is one fetch."""
    midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = midnight + ((since - midnight) // SLICE) * SLICE
    while begin < until:
        yield begin, min(begin + SLICE, until)
        begin += SLICE


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
