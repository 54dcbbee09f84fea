"""How many wrong passwords and codes are looked at: few for one login, more for one address, then a pause."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from bridge.web.errors import TooManyAttempts

WINDOW_S: Final = 300
"""An attempt is forgotten after five minutes. Three codes of a million are good at a time: 8 tries find one in
40,000 windows."""

LOGIN_TRIES_MAX: Final = 8
"""Attempts on one login in a window. More than anybody mistypes; no longer lock, which would let a stranger shut a
clinician out all day."""

ADDRESS_TRIES_MAX: Final = 60
"""Attempts from one address in a window. A whole ward may sit behind one address."""

KEYS_MAX: Final = 10_000
"""Logins and addresses remembered. The oldest go first, so made-up logins cannot fill the memory."""


class Throttle:
    """Counts attempts in this process. Several desk processes each count their own: the limits then add up."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def attempt(self, *, login: str, address: str) -> None:
        """Count one attempt.

        Raises:
            TooManyAttempts: it must not even be looked at.
        """
        with self._lock:
            now = self._clock_s()
            self._count(f"login:{login.casefold()}", LOGIN_TRIES_MAX, now)
            self._count(f"address:{address}", ADDRESS_TRIES_MAX, now)

    def begin(self, *, address: str) -> None:
        """Count one departure for the identity provider, as one attempt from that address.

        Raises:
            TooManyAttempts: it must not even be begun.
        """
        with self._lock:
            self._count(f"address:{address}", ADDRESS_TRIES_MAX, self._clock_s())

    def forgive(self, *, login: str) -> None:
        """Forget the attempts on ``login``: it was its owner."""
        with self._lock:
            self._tries.pop(f"login:{login.casefold()}", None)

    def _count(self, key: str, most: int, now: float) -> None:
        tries = self._tries.setdefault(key, deque(maxlen=most))
        self._tries.move_to_end(key)
        while tries and tries[0] <= now - WINDOW_S:
            tries.popleft()
        if len(tries) == most:
            raise TooManyAttempts(int(tries[0] + WINDOW_S - now) + 1)
        tries.append(now)
        while len(self._tries) > KEYS_MAX:
            self._tries.popitem(last=False)
