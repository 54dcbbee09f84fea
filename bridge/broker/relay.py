"""Outbox to bell: hand facts over, wait until they are taken, mark them.

A fact may be handed over twice (we die between the two steps); whoever hears it looks at the row first.
"""

import logging
import threading
from collections.abc import Sequence
from typing import Final

from guarantee.errors import PortError, Unavailable
from guarantee.events import Fact, topic
from guarantee.ports import Bell, Clock, Store

BATCH: Final = 100
"""Facts handed over between two looks at the outbox."""

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
        """Ring for each fact; return the messages that were taken, and how many were refused.

        A topic that refuses one is asked no further.
        """
        taken: list[str] = []
        refused = 0
        deaf: set[str] = set()
        for message_id, fact in pending:
            if topic(fact) in deaf:
                refused += 1
                continue
            try:
                self._bell.ring(message_id, fact)
            except Unavailable as error:
                _log.warning("relay.refused message=%s code=%s", message_id, error.code)
                if error.code in _NOBODY_TAKES_ANYTHING:
                    break
                deaf.add(topic(fact))
                refused += 1
            else:
                taken.append(message_id)
        return taken, refused
