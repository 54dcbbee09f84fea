"""What each sender has left of its rate, for several processes on one machine: a small file, and a lock on it.

A place a sender, in the order of their names, marked with the sender whose it is: after a change of the configuration a
mark that is another's is a fresh place. The kernel lets the lock of a process go that ends, however it ends.
"""

import fcntl
import hashlib
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from guarantee.errors import Unavailable

_PLACE: Final = struct.Struct("<8s4d")
"""Mark of the sender; level and time of its instances, then of its bytes."""


class Levels:
    """The levels of some senders, for as long as the process lasts.

    Args:
        path: made when absent.
        senders: names of those that have a limit.

    Raises:
        Unavailable: the file cannot be made or written.
    """

    def __init__(self, path: Path, senders: Iterable[str]) -> None:
        self._places = {name: number * _PLACE.size for number, name in enumerate(sorted(set(senders)))}
        size = len(self._places) * _PLACE.size
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            missing = size - os.fstat(self._descriptor).st_size
            if missing > 0:  # written now, so that a full disk refuses it now
                os.pwrite(self._descriptor, bytes(missing), size - missing)
        except OSError as error:
            raise Unavailable("listener", f"{path.name}, where rates are counted: {error.strerror}") from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no other process read or write until the block ends. One thread at a time."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def read(self, sender: str) -> Sequence[tuple[float, float]]:
        """Return (level, time) of each of its limits; none when it has no place, or a fresh one."""
        if sender not in self._places:
            return ()
        mark, *levels = _PLACE.unpack(os.pread(self._descriptor, _PLACE.size, self._places[sender]))
        return ((levels[0], levels[1]), (levels[2], levels[3])) if mark == _mark(sender) else ()

    def write(self, sender: str, levels: Sequence[tuple[float, float]]) -> None:
        """Set (level, time) of both of its limits."""
        if sender in self._places:
            (first, second) = levels
            os.pwrite(self._descriptor, _PLACE.pack(_mark(sender), *first, *second), self._places[sender])


def _mark(sender: str) -> bytes:
    return hashlib.sha256(sender.encode()).digest()[:8]
