"""Copies on the local disk of what was read from an object store: a study is read by a worker and, image by image, by
the viewer. Bounded by size; what was not asked for the longest goes first.

    cache/<digest>    whole; its time of change says when it was last asked for
    cache/.<random>   being fetched

Nothing here is flushed, for all of it can be fetched again. So a copy is believed only after it was compared with its
digest: each time its bytes are handed out, and once by each process where a path is.
"""

import hashlib
import logging
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from bridge.vault.disk import digest_at
from guarantee.ids import Digest

IN_USE_S: Final = 60.0
"""How long a copy surely stays after it was asked for: whoever was given its path must have opened it by then. What is
asked for in one such time may pass the limit of the cache."""

LEFTOVER_S: Final = 3600.0
"""Age at which what was being fetched was left there by a crash; no fetch takes longer than its time-outs allow."""

SLACK: Final = 16
"""The folder is looked through after every sixteenth of its limit: looking at 10,000 files costs some 30 ms."""

BELIEVED_MAX: Final = 100_000
"""Most copies that a process remembers to have compared; after that it compares again."""

_log = logging.getLogger(__name__)


class Cache:
    """The copies; several processes may share the folder.

    Args:
        folder: created when absent.
        bytes_max: size of all copies together, apart from what was asked for within IN_USE_S.
    """

    def __init__(self, folder: Path, bytes_max: int) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._added = 0
        self._believed: dict[Digest, tuple[int, int]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, name: Digest) -> bytes | None:
        """Return the bytes; None when there is no copy, or a damaged one, which goes."""
        place = self._folder / name
        try:
            data = place.read_bytes()
            os.utime(place)
        except FileNotFoundError:
            return None
        if hashlib.sha256(data).hexdigest() != name:
            self._forget(name)
            return None
        return data

    def path(self, name: Digest) -> Path | None:
        """Return the copy, for IN_USE_S at least; None when there is none, or a damaged one, which goes."""
        place = self._folder / name
        try:
            os.utime(place)
            with place.open("rb") as file:
                whole = self._is_whole(name, file)
        except FileNotFoundError:
            return None
        if not whole:
            self._forget(name)
            return None
        return place

    @contextmanager
    def fetching(self) -> Iterator[Path]:
        """Lend a name for a copy that is being fetched; what is left under it afterwards goes."""
        beside = self._folder / f".{uuid.uuid4().hex}"
        try:
            yield beside
        finally:
            beside.unlink(missing_ok=True)

    def add(self, beside: Path, name: Digest) -> Path:
        """Keep what was fetched as the copy of ``name``, whose bytes the caller has compared.

        Raises:
            OSError: the disk refuses.
        """
        place = beside.replace(self._folder / name)
        status = place.stat()
        with self._lock:
            self._believe(name, status)
            self._added += status.st_size
            is_due = self._added > self._bytes_max // SLACK
            if is_due:
                self._added = 0
        if is_due:
            self.make_room(time.time())
        return place

    def make_room(self, now_s: float) -> int:
        """Remove what is too much or was left by a crash; return how many files went."""
        used, gone = 0, 0
        for asked_s, size, path in sorted(self._entries(), reverse=True):
            age_s = now_s - asked_s
            used += size
            is_leftover = path.name.startswith(".") and age_s > LEFTOVER_S
            if is_leftover or (used > self._bytes_max and age_s > IN_USE_S and not path.name.startswith(".")):
                path.unlink(missing_ok=True)
                used -= size
                gone += 1
        return gone

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # another process removed it
                    status = entry.stat(follow_symlinks=False)
                    yield status.st_mtime, status.st_size, Path(entry.path)

    def _is_whole(self, name: Digest, file: IO[bytes]) -> bool:
        status = os.fstat(file.fileno())
        with self._lock:
            if self._believed.get(name) == (status.st_ino, status.st_size):
                return True
        if digest_at(file.fileno(), 0, status.st_size) != name:
            return False
        with self._lock:
            self._believe(name, status)
        return True

    def _believe(self, name: Digest, status: os.stat_result) -> None:
        if len(self._believed) >= BELIEVED_MAX:
            self._believed.clear()
        self._believed[name] = (status.st_ino, status.st_size)

    def _forget(self, name: Digest) -> None:
        _log.warning("vault.copy_damaged")
        with self._lock:
            self._believed.pop(name, None)
        (self._folder / name).unlink(missing_ok=True)
