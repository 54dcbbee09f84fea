"""How much one sender may bring, so that none of them takes the listener from the others.

Where several processes share a port, a sender has its limit once: what it has left stands in a small file (levels.py).
"""

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from dicom_adapters.listen.levels import Levels
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

    @property
    def state(self) -> tuple[float, float]:
        """How full it is, and since when."""
        return self._level, self._at

    def resume(self, level: float, at: float, now: float) -> None:
        """Go on from what another process left; a time to come is that of a machine before it started again."""
        if 0 < at <= now:
            self._level, self._at = min(level, self._size), at


class Rates:
    """Watches every sender that has a limit. Safe to use from several threads.

    Args:
        clock: seconds, never going back; on one machine the same in every process.
        levels: shared with other processes; None to count in this one alone.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, levels: Levels | None = None) -> None:
        self._clock = clock
        self._levels = levels
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
        with self._lock, self._levels.held() if self._levels else nullcontext():
            now = self._clock()
            buckets = self._buckets.get(sender)
            if buckets is None:
                buckets = self._buckets[sender] = tuple(_Bucket(per_s, size, now) for per_s, size in limits)
            self._resume(sender, buckets, now)
            used = [
                (bucket, amount)
                for bucket, (per_s, _), amount in zip(buckets, limits, (1, size_bytes), strict=True)
                if per_s
            ]
            if any(bucket.lacks(amount, now) for bucket, amount in used):
                raise Unavailable("rate-exceeded", f"{sender} sends more than its limit; send again later")
            for bucket, amount in used:
                bucket.take(amount)
            if self._levels is not None:
                self._levels.write(sender, [bucket.state for bucket in buckets])

    def _resume(self, sender: str, buckets: tuple[_Bucket, ...], now: float) -> None:
        said = self._levels.read(sender) if self._levels else []
        for bucket, (level, at) in zip(buckets, said, strict=False):  # none of a sender that has no place there
            bucket.resume(level, at, now)
