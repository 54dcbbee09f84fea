"""A vault that keeps what arrives in segments: large files, written beforehand, filled one record after another.

A new file costs its disk a journal entry; a record in a segment whose blocks exist costs a flush of its bytes and
nothing else. A blob is still found at ``ab/<digest>``: a symbolic link that names its record. The link need not survive
a power cut, for it is made again from the segment; after that the segment is sealed.

What does not fit, or comes while no segment is ready, becomes a file: nobody waits while a segment is being written
beforehand.
"""

import fcntl
import hashlib
import logging
import mmap
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.vault.disk import READ_BYTES, begin_flush, flush_folder, refusals, write_all_at
from bridge.vault.files import FileVault, IncomingFile
from bridge.vault.notes import NOTE_BYTES_MAX
from bridge.vault.records import BLOCK, Record, header
from guarantee.errors import Unavailable
from guarantee.ids import Digest
from guarantee.ports import Incoming

SEGMENT_BYTES: Final = 64 * 1024 * 1024
"""Size of a segment, 64 MiB: some 120 CT images. Larger ones take longer to write beforehand, smaller ones are opened
more often."""

ROOM_BYTES: Final = 8 * 1024 * 1024
"""Least room for a record to be begun, 8 MiB: an uncompressed mammogram is larger and becomes a file."""

READY: Final = 2
"""Segments that stand ready and unused: the next one, and one while that is being filled."""

OPEN_MAX: Final = 16
"""Most segments that one process fills at once, 1 GiB; further associations write files."""

PAUSE_S: Final = 10.0
"""How long no segment is made after one could not be made: the disk is full."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Segment:
    """A segment of ours that is being filled.

    Args:
        end: offset of the next record.
    """

    path: Path
    descriptor: int
    size: int
    end: int = 0


class SegmentPool:
    """Makes segments ready on a thread of its own, and seals those that are full.

    Args:
        vault: whose segments they are.
    """

    def __init__(self, vault: "SegmentVault", size: int, room: int) -> None:
        self._vault = vault
        self._size = size
        self._room = room
        self._lock = threading.Lock()
        self._ready: list[Segment] = []
        self._full: list[Segment] = []
        self._used = 0
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self) -> Segment | None:
        """Return a segment with room, for the caller alone; None when there is none ready."""
        with self._lock:
            segment = self._ready.pop() if self._ready else None
            self._used += segment is not None
            if len(self._ready) < READY:
                self._want()
        return segment

    def give(self, segment: Segment) -> None:
        """Take a segment back."""
        with self._lock:
            self._used -= 1
            if segment.size - segment.end >= self._room:
                self._ready.append(segment)
            else:
                self._full.append(segment)
                self._want()

    def let_go(self) -> None:
        """Close the segments that nobody fills; whoever recovers the vault next seals them."""
        with self._lock:
            for segment in (*self._ready, *self._full):
                os.close(segment.descriptor)
            self._ready, self._full = [], []

    def _want(self) -> None:
        self._wanted.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="vault-segments", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            try:
                with refusals("make or seal a segment"):
                    self.catch_up()
            except Unavailable as error:  # no space: what comes meanwhile goes into files, or is refused there
                _log.warning("segments.waiting error=%s", error.detail)
                threading.Event().wait(PAUSE_S)

    def catch_up(self) -> None:
        """Make the segments that are missing; seal those that are full, or leave them to whoever recovers the vault."""
        while self._lacks():
            segment = self._make()
            with self._lock:
                self._ready.insert(0, segment)
        while (full := self._next_full()) is not None:
            try:
                self._vault.seal(full.path, full.descriptor)
            finally:
                os.close(full.descriptor)

    def _next_full(self) -> Segment | None:
        with self._lock:
            return self._full.pop() if self._full else None

    def _lacks(self) -> bool:
        with self._lock:
            return len(self._ready) < READY and self._used + len(self._ready) < OPEN_MAX

    def _make(self) -> Segment:
        """Write a segment of zeros: its blocks exist, are ours, and are on the disk."""
        path = self._vault.open_segments / uuid.uuid4().hex
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        zeros = bytes(min(READ_BYTES, self._size))
        try:
            require_ours(path, descriptor)
            os.posix_fallocate(descriptor, 0, self._size)
            for offset in range(0, self._size, len(zeros)):
                write_all_at(descriptor, zeros, offset)
            os.fsync(descriptor)
            flush_folder(path.parent)
        except OSError:
            with suppress(OSError):
                path.unlink()
            os.close(descriptor)
            raise
        return Segment(path, descriptor, self._size)


def require_ours(path: Path, descriptor: int) -> None:
    """Lock a new segment for as long as this process lives.

    Raises:
        OSError: somebody took it for one that was left behind.
    """
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if not os.path.samestat(os.fstat(descriptor), path.stat()):
        raise FileNotFoundError(f"segment {path.name} was taken away")


class SegmentVault(FileVault):
    """The Vault port over segments, and over files for what is large, rare or sudden. It reads what FileVault wrote.

    Args:
        root: created when absent.
        segment_bytes: size of a segment.
        room_bytes: least room in a segment for a record to be begun.
    """

    def __init__(
        self,
        root: Path,
        *,
        reserve_bytes: int = 0,
        segment_bytes: int = SEGMENT_BYTES,
        room_bytes: int = ROOM_BYTES,
    ) -> None:
        super().__init__(root, reserve_bytes=reserve_bytes)
        self.pool = SegmentPool(self, segment_bytes, room_bytes)

    def begin(self) -> Incoming:
        """Begin to take bytes.

        Raises:
            Unavailable: no space, or the disk refuses.
        """
        self.require_room()
        segment = self.pool.take()
        return IncomingRecord(self, segment) if segment else self.begin_file()


class IncomingRecord:
    """A record that is being written.

    Args:
        segment: nobody else's until the record is kept or discarded.
    """

    def __init__(self, vault: SegmentVault, segment: Segment) -> None:
        self._vault = vault
        self._segment: Segment | None = segment
        self._start = segment.end
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._file: IncomingFile | None = None
        self._is_noted = False

    @property
    def is_noted(self) -> bool:
        """Return whether the note is on the disk; see guarantee.ports.Incoming."""
        return self._is_noted if self._file is None else self._file.is_noted

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``; see guarantee.ports.Incoming."""
        if self._segment is not None and self._start + BLOCK + self._size + len(data) > self._segment.size:
            self._become_file(self._segment)
        if self._segment is None:
            self._written_file.write(data)
            return
        with refusals(f"take {len(data)} bytes"):
            at = self._start + BLOCK + self._size
            write_all_at(self._segment.descriptor, data, at)
            begin_flush(self._segment.descriptor, at, len(data))
        self._sha256.update(data)
        self._size += len(data)

    @contextmanager
    def view(self) -> Iterator[bytes | mmap.mmap]:
        """Lend what was written; see guarantee.ports.Incoming."""
        if self._segment is None:
            with self._written_file.view() as seen:
                yield seen
        elif self._size == 0:
            yield b""
        else:
            at = self._start + BLOCK
            with mmap.mmap(self._segment.descriptor, self._size, prot=mmap.PROT_READ, offset=at) as view:
                yield view

    def keep(self, note: bytes = b"") -> Digest:
        """Write the header with ``note``, flush both, and return the digest; see guarantee.ports.Incoming."""
        if self._segment is None:
            return self._written_file.keep(note)
        name = Digest(self._sha256.hexdigest())
        if not self._vault.holds(name):
            with refusals(f"keep {self._size} bytes"):
                self._keep(name, self._segment, note if len(note) <= NOTE_BYTES_MAX else b"")
        self.discard()
        return name

    def _keep(self, name: Digest, segment: Segment, note: bytes) -> None:
        record = Record(segment.path.name, self._start, self._size)
        try:
            write_all_at(segment.descriptor, header(name, self._size, note), self._start)
            os.fdatasync(segment.descriptor)
        except OSError:
            segment.size = segment.end  # what the disk now holds is unknown: nothing more is put here
            with suppress(OSError):
                os.ftruncate(segment.descriptor, segment.end)  # nor is it named when the segment is sealed
            raise
        segment.end = record.end
        self._vault.link(name, record)
        self._is_noted = bool(note)

    def discard(self) -> None:
        """Give the segment back; what was not kept is written over."""
        if self._segment is not None:
            self._vault.pool.give(self._segment)
            self._segment = None
        elif self._file is not None:
            self._file.discard()

    @property
    def _written_file(self) -> IncomingFile:
        if self._file is None:
            raise ValueError("a record that was kept or discarded takes nothing more")
        return self._file

    def _become_file(self, segment: Segment) -> None:
        """The record is larger than the room that is left: what was written so far moves into a file."""
        self._file = self._vault.begin_file()
        with refusals("move a record into a file"):
            done = 0
            while done < self._size:
                data = os.pread(segment.descriptor, min(READ_BYTES, self._size - done), self._start + BLOCK + done)
                self._file.write(data)
                done += len(data)
        self._segment = None
        self._vault.pool.give(segment)
