"""Outbox to bell: hand facts over, wait until they are taken, mark them.

A fact may be handed over twice (we die between the two steps); whoever hears it looks at the row first.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from guarantee.errors import PortError, Unavailable
from guarantee.events import Fact, topic
from guarantee.ports import Bell, Clock, Store

BATCH: Final = 100
"""Facts handed over between two looks at the outbox."""

WINDOW: Final = 64
"""Facts on their way to the broker at once: a confirm takes a millisecond, whether one waits for it or sixty. A topic
that refuses is asked so many times in vain each round, and a quorum queue exceeds its length by as many at most."""

POLL_S: Final = 0.5
"""How often the outbox is looked at when nothing wakes us; it bounds the delay when another process wrote."""

REFUSED_MAX: Final = 10_000
"""Most refused facts that are looked past. A destination that is gone, or whose queue is full, must not hold up the
others; beyond this many the sweeper still rings for whatever is due."""

_NOBODY_TAKES_ANYTHING: Final = frozenset({"broker", "closing"})

_log = logging.getLogger("aval.relay")


class Relay:
    """Hands facts from the outbox to the bell until stopped."""

    def __init__(self, store: Store, bell: Bell, clock: Clock, *, wake: threading.Event) -> None:
        """Make a relay; ``wake`` is set whenever a transaction of this process has committed."""
        self._store = store
        self._bell = bell
        self._clock = clock
        self._wake = wake
        self._refused = 0

    def run(self, stopping: threading.Event) -> None:
        """Relay until ``stopping`` is set."""
        while not stopping.is_set():
            self._wake.clear()
            try:
                moved = self.relay_once()
            except PortError as error:
                _log.warning("relay.waiting code=%s", error.code)
                moved = 0
            if not moved:
                self._wake.wait(POLL_S)

    def relay_once(self) -> int:
        """Hand over one batch and return how many were taken.

        Raises:
            Unavailable: the database does not answer.
        """
        with self._store.reading() as unit:
            pending = list(unit.messages.pending(BATCH + self._refused))
        taken, refused = self._hand_over(pending)
        self._refused = min(refused, REFUSED_MAX)
        if taken:
            with self._store.transaction("relay") as unit:
                unit.messages.rung(taken, self._clock.now())
        return len(taken)

    def _hand_over(self, pending: Sequence[tuple[str, Fact]]) -> tuple[list[str], int]:
        """Ring for each fact, topic by topic; return the messages that were taken, and how many were refused."""
        topics: defaultdict[str, list[tuple[str, Fact]]] = defaultdict(list)
        for message_id, fact in pending:
            topics[topic(fact)].append((message_id, fact))
        taken: list[str] = []
        refused = 0
        for rings in topics.values():
            mine, error = self._ring(rings)
            taken += mine
            if error is not None and error.code in _NOBODY_TAKES_ANYTHING:
                break
            refused += len(rings) - len(mine)
        return taken, refused

    def _ring(self, rings: Sequence[tuple[str, Fact]]) -> tuple[list[str], Unavailable | None]:
        """Ring for facts of one topic; return the messages that were taken, and the first refusal, after which few are
        tried."""
        taken: list[str] = []
        for window in (rings[start : start + WINDOW] for start in range(0, len(rings), WINDOW)):
            ends = list(zip(window, self._bell.ring_all(window), strict=True))
            taken += [message_id for (message_id, _), error in ends if error is None]
            for (message_id, _), error in ends:
                if error is not None:
                    _log.warning("relay.refused message=%s code=%s", message_id, error.code)
                    return taken, error
        return taken, None
