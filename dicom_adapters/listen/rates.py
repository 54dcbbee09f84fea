"""How much one sender may bring, so that none of them takes the listener from the others.

Counted in this process alone: where several share a port, each allows as much.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from guarantee.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A limit; 0 is none.

    Args:
        instances_per_s: on average; as many as in one second may come at once.
        bytes_per_min: on average; as many as in one minute may come at once.
    """

    instances_per_s: float = 0.0
    bytes_per_min: int = 0


class _Bucket:
    """Fills at ``per_s`` up to ``size``. When full it may be overdrawn: the largest instance still gets through."""

    def __init__(self, per_s: float, size: float, now: float) -> None:
        self._per_s, self._size = per_s, size
        self._level, self._at = size, now

    def lacks(self, amount: float, now: float) -> bool:
        self._level = min(self._size, self._level + (now - self._at) * self._per_s)
        self._at = now
        return self._level < min(amount, self._size)

    def take(self, amount: float) -> None:
        self._level -= amount


class Rates:
    """Watches every sender that has a limit. Safe to use from several threads.

    Args:
        clock: seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[_Bucket, ...]] = {}

    def take(self, sender: str, rate: Rate, size_bytes: int) -> None:
        """Count one instance of ``sender``.

        Raises:
            Unavailable: it has brought too much lately; it is told to send again later (0xA700).
        """
        if not (rate.instances_per_s or rate.bytes_per_min):
            return  # and no bucket either: a peer that nobody knows may give itself any number of names
        limits = ((rate.instances_per_s, max(1.0, rate.instances_per_s)), (rate.bytes_per_min / 60, rate.bytes_per_min))
        with self._lock:
            now = self._clock()
            buckets = self._buckets.get(sender)
            if buckets is None:
                buckets = self._buckets[sender] = tuple(_Bucket(per_s, size, now) for per_s, size in limits)
            used = [
                (bucket, amount)
                for bucket, (per_s, _), amount in zip(buckets, limits, (1, size_bytes), strict=True)
                if per_s
            ]
            if any(bucket.lacks(amount, now) for bucket, amount in used):
                raise Unavailable("rate-exceeded", f"{sender} sends more than its limit; send again later")
            for bucket, amount in used:
                bucket.take(amount)
