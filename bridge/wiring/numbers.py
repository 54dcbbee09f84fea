"""Event numbers of a subscription: the door hears them, who looks after the subscription asks which did not come."""

import threading
from typing import Final

SEEN_MAX: Final = 100_000
"""Event numbers remembered, and looked through at once: a sender may write any number. Beyond them, the oldest count as
come, and what comes counts as missing, which costs a search."""


class Numbers:
    """Event numbers that have come, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: set[int] = set()
        self._from: int | None = None

    def heard(self, numbers: tuple[int, ...]) -> None:
        """Note numbers that were taken."""
        with self._lock:
            if len(self._seen) < SEEN_MAX:
                self._seen.update(numbers)

    def missing(self, until: int) -> int:
        """Return how many numbers up to ``until`` have not come, of those since the first question; then forget them.

        A count that went back belongs to another subscription: counting begins anew.
        """
        with self._lock:
            if self._from is None or until < self._from:
                self._from = until
            wanted = range(max(self._from, until - SEEN_MAX) + 1, until + 1)
            gone = sum(number not in self._seen for number in wanted)
            self._from = until
            self._seen = {number for number in self._seen if number > until}
            return gone
