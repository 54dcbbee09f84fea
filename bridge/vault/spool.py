"""Bytes on their way to an object store: on the local disk, because their digest, which is their name, comes last.

A spool file has no name, so that a crash leaves nothing behind; nothing of it is flushed, for nobody was told yet that
the bytes are safe. All spool files of a process together are bounded: together with the bound of the cache that is
what the local disk must hold.
"""

import hashlib
import mmap
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bridge.vault.body import Body
from bridge.vault.disk import refusals, write_all
from guarantee.errors import Unavailable

_MIB: Final = 1024 * 1024


class Spool:
    """The spool files of one process.

    Args:
        folder: created when absent.
        bytes_max: size of all of them together.
    """

    def __init__(self, folder: Path, bytes_max: int) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._used = 0
        folder.mkdir(parents=True, exist_ok=True)

    def begin(self) -> "SpoolFile":
        """Begin a file.

        Raises:
            Unavailable: the disk refuses.
        """
        with refusals("begin"):
            return SpoolFile(self, self._folder)

    def take(self, size: int) -> None:
        """Count ``size`` bytes more.

        Raises:
            Unavailable: too many are on their way.
        """
        with self._lock:
            if self._used + size > self._bytes_max:
                limit = self._bytes_max // _MIB
                raise Unavailable("storage-low", f"more than {limit} MiB are on their way to the object store")
            self._used += size

    def give(self, size: int) -> None:
        """Count ``size`` bytes less."""
        with self._lock:
            self._used -= size


class SpoolFile:
    """A file without a name, written once, read as often as it is sent."""

    def __init__(self, spool: Spool, folder: Path) -> None:
        self._spool = spool
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by `close`
        self._sha256 = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``.

        Raises:
            Unavailable: too much is on its way, or the disk refuses.
        """
        self._spool.take(len(data))
        self._size += len(data)
        self._sha256.update(data)
        with refusals(f"take {len(data)} bytes"):
            write_all(self._file.fileno(), data)

    @contextmanager
    def view(self) -> Iterator[bytes | mmap.mmap]:
        """Lend what was written, as one buffer."""
        if self._size == 0:
            yield b""
            return
        with mmap.mmap(self._file.fileno(), self._size, prot=mmap.PROT_READ) as view:
            yield view

    def body(self) -> Body:
        """Return what was written, as the body of a request."""
        descriptor = self._file.fileno()
        return Body(self._sha256.hexdigest(), self._size, lambda size, offset: os.pread(descriptor, size, offset))

    def close(self) -> None:
        """Forget the bytes; harmless when they were forgotten."""
        if not self._file.closed:
            self._file.close()
            self._spool.give(self._size)
