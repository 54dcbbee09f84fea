"""The Vault port on a file system: bytes under their digest, durable before ``keep`` returns, with one flush.

    incoming/<random>             being written; nobody can ask for it
    incoming/<digest>.<random>    whole, and about to be flushed: a second name of …
    ab/<digest>                   what is asked for: the file, or a link that names a record (records.py)
    cache/<digest>                a record as a file, for those who need one; it can be made again

The digest is known only at the end, so a blob is written under a name of chance and then given its own, beside a name
in ``incoming`` that says: perhaps not flushed. Then it is flushed, the one flush there is, and then the second name
goes. After a power cut a blob with one name holds whole bytes, and one with two is looked at before anybody believes
it. No identifier from outside ever becomes a path.
"""

import contextlib
import fcntl
import hashlib
import mmap
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bridge.vault.disk import (
    NAMES_FLUSHED_WITH_FILE,
    begin_flush,
    digest_at,
    file_system_of,
    flush_folder,
    flush_names,
    free_bytes,
    missing,
    refusals,
    require_room,
    write_all,
)
from bridge.vault.notes import write_note
from bridge.vault.records import Record, is_whole, open_segment, records_of
from guarantee.errors import BlobMissing, Unavailable
from guarantee.ids import Digest, parse_digest
from guarantee.ports import Incoming

CACHED_S: Final = 86_400.0
"""How long a file that was made of a record stays after it was last asked for, one day."""

FLUSH_BYTES: Final = 256 * 1024
"""How much is written before the disk is told to begin with it, 256 KiB: it writes while more arrives, while the digest
is computed and while the header is read, and the flush at the end waits for a third as long (0.24 ms for 0.62 ms, CT of
526 kB, ext4). Smaller pieces cost more calls than they gain."""

_INCOMING: Final = "incoming"


class FileVault:
    """The Vault port over one folder. It also finds what SegmentVault wrote there.

    Args:
        root: created when absent.
        reserve_bytes: free space below which ``begin`` takes nothing: what is left is for what must still be written
            about the instances that were taken.
    """

    def __init__(self, root: Path, *, reserve_bytes: int = 0) -> None:
        self._root = root
        self._reserve_bytes = reserve_bytes
        self._incoming = root / _INCOMING
        self._cache = root / "cache"
        self._segments = root / "segments"
        self.open_segments = self._segments / "open"
        self._flushes_folders = file_system_of(root) not in NAMES_FLUSHED_WITH_FILE
        self._make_folders()

    # ---------------------------------------------------------------------------------------------------- what comes

    def begin(self) -> Incoming:
        """Begin to take bytes.

        Raises:
            Unavailable: too little space, or the disk refuses.
        """
        self.require_room()
        return self.begin_file()

    def begin_file(self) -> "IncomingFile":
        """Begin a file, whatever space there is."""
        with refusals("begin"):
            return IncomingFile(self, self._incoming / uuid.uuid4().hex)

    def put(self, data: bytes) -> Digest:
        """Keep ``data`` and return its digest, once it would survive a power cut.

        Raises:
            Unavailable: no space, or the disk refuses.
        """
        incoming = self.begin_file()
        try:
            incoming.write(data)
            return incoming.keep()
        finally:
            incoming.discard()

    def free_bytes(self) -> int:
        """Return how much more the disk holds."""
        return free_bytes(self._root)

    def require_room(self) -> None:
        """Raise Unavailable when less than the reserve is left."""
        require_room(self._root, self._reserve_bytes)

    # ------------------------------------------------------------------------------------------------- what is there

    def get(self, name: Digest) -> bytes:
        """Return the bytes, after checking them against their digest.

        Raises:
            BlobMissing: not held, or no longer what the digest says.
        """
        data = self._read(name)
        if hashlib.sha256(data).hexdigest() != name:
            raise BlobMissing("blob-damaged", f"blob {name[:12]}… is held, but its bytes changed on disk")
        return data

    def has(self, name: Digest) -> bool:
        """Return whether the bytes are held."""
        return os.path.lexists(self.place(name))

    def path(self, name: Digest) -> Path:
        """Return a file that holds the bytes; a record is copied into one, which stays for CACHED_S.

        Raises:
            BlobMissing: not held, or a record that is no longer what the digest says.
        """
        place = self.place(name)
        if self._record(name) is not None:
            return self._cached(name)
        if not place.exists():
            raise missing(name)
        return place

    def holds(self, name: Digest) -> bool:
        """Return whether the bytes are held, flushed, and what the digest says."""
        record, place = self._record(name), self.place(name)
        try:
            if record is not None:
                with self._opened(record) as descriptor:
                    return is_whole(descriptor, name, record)
            with place.open("rb") as file:
                status = os.fstat(file.fileno())
                return status.st_nlink == 1 and digest_at(file.fileno(), 0, status.st_size) == name
        except FileNotFoundError:
            return False

    def place(self, name: Digest) -> Path:
        """Return where ``name`` is found, or would be."""
        parse_digest(name)
        return self._root / name[:2] / name

    def link(self, name: Digest, record: Record) -> None:
        """Let ``record`` be found under ``name``; what was there instead is forgotten."""
        place = self.place(name)
        with refusals("name a record"):
            try:
                place.symlink_to(record.to_text())
            except FileExistsError:
                beside = self._incoming / uuid.uuid4().hex
                beside.symlink_to(record.to_text())
                beside.replace(place)

    def _read(self, name: Digest) -> bytes:
        record = self._record(name)
        try:
            if record is None:
                return self.place(name).read_bytes()
            with self._opened(record) as descriptor:
                return os.pread(descriptor, record.size, record.data_at)
        except FileNotFoundError:
            raise missing(name) from None
        except OSError as error:
            raise Unavailable("vault", f"the vault could not read: {error.strerror}") from error

    def _record(self, name: Digest) -> Record | None:
        """Return the record that ``name`` is; None when it is a file, or nothing."""
        place = self.place(name)
        return Record.from_text(str(place.readlink())) if place.is_symlink() else None

    @contextmanager
    def _opened(self, record: Record) -> Iterator[int]:
        descriptor = open_segment(self._segments, record.segment)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _cached(self, name: Digest) -> Path:
        cached = self._cache / name
        with contextlib.suppress(FileNotFoundError):
            os.utime(cached)
            return cached
        data = self.get(name)
        with refusals(f"copy {len(data)} bytes out of a segment"):
            beside = self._incoming / uuid.uuid4().hex
            beside.write_bytes(data)
            return beside.replace(cached)

    # ----------------------------------------------------------------------------------------- what a crash left behind

    def recover(self) -> None:
        """Name the records that a power cut took the names of; call it before anything is looked for."""
        for path in sorted(self.open_segments.iterdir()):
            with contextlib.suppress(FileNotFoundError, BlockingIOError):  # sealed meanwhile; its process lives
                descriptor = os.open(path, os.O_RDWR)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self.seal(path, descriptor)
                finally:
                    os.close(descriptor)

    def seal(self, path: Path, descriptor: int) -> None:
        """Make an open segment one that nothing is added to, each of its records named."""
        records = list(records_of(descriptor, path.name))
        if records and not is_whole(descriptor, *records[-1]):
            records.pop()
        if not records:
            path.unlink()
            return
        os.ftruncate(descriptor, min(records[-1][1].end, os.fstat(descriptor).st_size))
        os.fsync(descriptor)  # before any name: a name says that the disk has the bytes
        for name, record in records:
            if not self.has(Digest(name)):
                self.link(Digest(name), record)
        flush_names({self.place(Digest(name)).parent for name, _ in records})
        path.rename(self._segments / path.name)
        flush_folder(self._segments)

    def sweep(self, older_than_s: float, now_s: float) -> int:
        """Settle what a crash left in ``incoming``, and make room in the cache; return how many names went.

        Args:
            older_than_s: what was written since then may still be on its way.
            now_s: the time, as file systems count it.
        """
        self.recover()
        old = self._older(self._incoming, now_s - older_than_s)
        for leftover in old:
            self._settle(leftover)
        unused = self._older(self._cache, now_s - CACHED_S)
        for path in unused:
            path.unlink(missing_ok=True)
        return len(old) + len(unused)

    def _older(self, folder: Path, than_s: float) -> list[Path]:
        with os.scandir(folder) as entries:
            return [Path(each.path) for each in entries if _time_of(each) < than_s]

    def _settle(self, leftover: Path) -> None:
        """A whole blob keeps its own name; half a blob loses it."""
        name, _, chance = leftover.name.partition(".")
        place = self.place(Digest(name)) if chance else None
        if place is not None and place.exists() and place.samefile(leftover):
            with place.open("rb") as file:
                if digest_at(file.fileno(), 0, place.stat().st_size) == name:
                    self.flush(file.fileno(), place)
                else:
                    place.unlink()
        leftover.unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is held open between two calls."""

    def flush(self, descriptor: int, place: Path) -> None:
        """Flush a file and its name ``place``."""
        os.fsync(descriptor)
        if self._flushes_folders:
            flush_folder(place.parent)

    def _make_folders(self) -> None:
        """Make every folder once, so that no blob waits for the flush of a new one."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        self._cache.mkdir(exist_ok=True)
        self.open_segments.mkdir(parents=True, exist_ok=True)
        folders = [self._root / f"{number:02x}" for number in range(256)]
        if not folders[-1].exists():
            for folder in folders:
                folder.mkdir(exist_ok=True)
            flush_folder(self._root)


class IncomingFile:
    """A file that is being written.

    Args:
        path: a new name.
    """

    def __init__(self, vault: FileVault, path: Path) -> None:
        self._vault = vault
        self._path = path
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._begun = 0
        self.is_noted = False
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        self._is_open = True

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``.

        Raises:
            Unavailable: no space, or the disk refuses.
        """
        with refusals(f"take {len(data)} bytes"):
            write_all(self._descriptor, data)
            if self._size + len(data) - self._begun >= FLUSH_BYTES:
                self._begin_flush(self._size + len(data))
        self._sha256.update(data)
        self._size += len(data)

    @contextmanager
    def view(self) -> Iterator[bytes | mmap.mmap]:
        """Lend what was written, as one buffer; the kernel has it in memory already."""
        if self._size == 0:
            yield b""
            return
        self._begin_flush(self._size)
        with mmap.mmap(self._descriptor, self._size, prot=mmap.PROT_READ) as view:
            yield view

    def _begin_flush(self, end: int) -> None:
        begin_flush(self._descriptor, self._begun, end - self._begun)
        self._begun = end

    def keep(self, note: bytes = b"") -> Digest:
        """Give the bytes their name, flush both with ``note``, and return the digest.

        Raises:
            Unavailable: no space, or the disk refuses; nothing was kept.
        """
        name = Digest(self._sha256.hexdigest())
        place = self._vault.place(name)
        with refusals(f"keep {self._size} bytes"):
            self._path = self._path.rename(self._path.with_name(f"{name}.{self._path.name}"))
            try:
                place.hardlink_to(self._path)
            except FileExistsError:
                self._keep_again(name, place)
            else:
                is_written = write_note(self._descriptor, note)
                self._flush(place)
                self.is_noted = is_written
        self.discard()
        return name

    def _flush(self, place: Path) -> None:
        try:
            self._vault.flush(self._descriptor, place)
        except OSError:
            with contextlib.suppress(OSError):
                if place.samefile(self._path):  # somebody may have put their own copy there
                    place.unlink()
            raise

    def _keep_again(self, name: Digest, place: Path) -> None:
        """The name is there. It counts when it is flushed, as one name says, and whole; else ours replaces it."""
        if self._vault.holds(name):
            return
        os.fsync(self._descriptor)
        twin = self._path.with_name(f"{self._path.name}.twin")  # two names until the flush: nobody trusts it before
        twin.hardlink_to(self._path)
        twin.replace(place)
        try:
            self._vault.flush(self._descriptor, place)
        except OSError:
            twin.hardlink_to(self._path)  # it outlives `discard`: who comes next flushes, or the sweeper does
            raise

    def discard(self) -> None:
        """Close, and take the name in ``incoming`` away."""
        if not self._is_open:
            return
        self._is_open = False
        os.close(self._descriptor)
        with contextlib.suppress(OSError):  # the sweeper removes what a failing disk leaves
            self._path.unlink(missing_ok=True)


def _time_of(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return float("inf")
