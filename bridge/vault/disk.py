"""What disks do, and how we ask them: flushes, whole writes, errors as our own."""

import ctypes
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from guarantee.errors import BlobMissing, Unavailable
from guarantee.ids import Digest

NAMES_FLUSHED_WITH_FILE: Final = frozenset({"ext4", "xfs", "btrfs"})
"""File systems where flushing a file also flushes the names it was given before: their journal writes both together.
Elsewhere (NFS, for one) the folder is flushed too."""

READ_BYTES: Final = 1024 * 1024
"""How much is read at once to compare a blob with its digest, 1 MiB."""


_SYNC_FILE_RANGE_WRITE: Final = 2
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def free_bytes(folder: Path) -> int:
    """Return how much more the disk holds."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def require_room(folder: Path, reserve_bytes: int) -> None:
    """Raise Unavailable when less than the reserve is left; a reserve of 0 asks for nothing."""
    if reserve_bytes and free_bytes(folder) < reserve_bytes:
        reserve = reserve_bytes // 1024**2
        raise Unavailable("storage-low", f"less than {reserve} MiB are free for the vault; nothing is taken")


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """Turn what the disk raises while it should ``what`` into Unavailable."""
    try:
        yield
    except OSError as error:
        raise Unavailable("vault", f"the vault could not {what}: {error.strerror}") from error


def missing(name: Digest) -> BlobMissing:
    """Return that the vault does not hold ``name``."""
    return BlobMissing("blob-missing", f"blob {name[:12]}… is not in the vault")


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of ``data``: the kernel may take less at a time."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def write_all_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Write all of ``data`` at ``offset``."""
    written = os.pwrite(descriptor, data, offset)
    while written < len(data):
        written += os.pwrite(descriptor, memoryview(data)[written:], offset + written)


def begin_flush(descriptor: int, offset: int, size: int) -> None:
    """Let the disk begin with what was just written, so that the flush finds less to do; Linux alone has this.

    It is no promise of anything: what was begun is durable when the flush returns, not before.
    """
    if hasattr(_LIBC, "sync_file_range"):
        _LIBC.sync_file_range(descriptor, ctypes.c_int64(offset), ctypes.c_int64(size), _SYNC_FILE_RANGE_WRITE)


def digest_at(descriptor: int, offset: int, size: int) -> str:
    """Return the SHA-256 of ``size`` bytes at ``offset``; fewer when the file ends before."""
    found = hashlib.sha256()
    end = offset + size
    while offset < end and (data := os.pread(descriptor, min(READ_BYTES, end - offset), offset)):
        found.update(data)
        offset += len(data)
    return found.hexdigest()


def flush_folder(path: Path) -> None:
    """Flush the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_names(folders: Iterable[Path]) -> None:
    """Flush the names in many folders.

    Where there is a flush of the whole file system (Linux), it is one: a flush of each folder makes the disk empty its
    cache as often as there are folders, and whoever receives meanwhile waits for each.
    """
    several = sorted(folders)
    if len(several) < 2 or not hasattr(_LIBC, "syncfs"):
        for folder in several:
            flush_folder(folder)
        return
    descriptor = os.open(several[0], os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _LIBC.syncfs(descriptor):
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
    finally:
        os.close(descriptor)


def file_system_of(path: Path) -> str:
    """Return the type of the file system that ``path`` is, or will be, on; "" when the kernel does not say."""
    while not path.exists():
        path = path.parent
    device = path.stat().st_dev
    mark = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if fields[2] == mark:
            return fields[fields.index("-") + 1]
    return ""
