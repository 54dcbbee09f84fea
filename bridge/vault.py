"""The Vault port on a file system: bytes under their digest, durable before ``keep`` returns, with one flush.

    incoming/<random>             being written; nobody can ask for it
    incoming/<digest>.<random>    whole, and about to be flushed: a second name of …
    ab/<digest>                   what is asked for

The digest is known only at the end, so a blob is written under a name of chance and then given its own, beside a name
in ``incoming`` that says: perhaps not flushed. Then it is flushed, the one flush there is, and then the second name
goes. After a power cut a blob with one name holds whole bytes, and one with two is looked at before anybody believes
it. No identifier from outside ever becomes a path.
"""

import contextlib
import hashlib
import mmap
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from guarantee.errors import BlobMissing, Unavailable
from guarantee.ids import Digest, parse_digest

NAMES_FLUSHED_WITH_FILE: Final = frozenset({"ext4", "xfs", "btrfs"})
"""File systems where flushing a file also flushes the names it was given before: their journal writes both together.
Elsewhere (NFS, for one) the folder is flushed too."""

READ_BYTES: Final = 1024 * 1024
"""How much is read at once to compare a blob with its digest, 1 MiB."""

_INCOMING: Final = "incoming"


class FileVault:
    """The Vault port over one folder.

    Args:
        root: created when absent.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / _INCOMING
        self._flushes_folders = file_system_of(root) not in NAMES_FLUSHED_WITH_FILE
        self._make_folders()

    def begin(self) -> "IncomingFile":
        """Begin to take bytes.

        Raises:
            Unavailable: no space, or the disk refuses.
        """
        with refusals("begin"):
            return IncomingFile(self, self._incoming / uuid.uuid4().hex)

    def put(self, data: bytes) -> Digest:
        """Keep ``data`` and return its digest, once it would survive a power cut.

        Raises:
            Unavailable: no space, or the disk refuses.
        """
        incoming = self.begin()
        try:
            incoming.write(data)
            return incoming.keep()
        finally:
            incoming.discard()

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
        return self.place(name).exists()

    def path(self, name: Digest) -> Path:
        """Return the file that holds the bytes.

        Raises:
            BlobMissing: not held.
        """
        place = self.place(name)
        if not place.exists():
            raise missing(name)
        return place

    def place(self, name: Digest) -> Path:
        """Return where the file of ``name`` is, or would be."""
        parse_digest(name)
        return self._root / name[:2] / name

    def sweep(self, older_than_s: float, now_s: float) -> int:
        """Settle what a crash left in ``incoming``; return how many names were taken away.

        Args:
            older_than_s: what was written since then may still be on its way.
            now_s: the time, as file systems count it.
        """
        with os.scandir(self._incoming) as entries:
            old = [each for each in entries if now_s - each.stat().st_mtime > older_than_s]
        for entry in old:
            self._settle(Path(entry.path))
        return len(old)

    def _settle(self, leftover: Path) -> None:
        """A whole blob keeps its own name; half a blob loses it."""
        name, _, chance = leftover.name.partition(".")
        place = self.place(Digest(name)) if chance else None
        if place is not None and place.exists() and place.samefile(leftover):
            if _digest_of(place) == name:
                with place.open("rb") as file:
                    self.flush(file.fileno(), place)
            else:
                place.unlink()
        leftover.unlink(missing_ok=True)

    def flush(self, descriptor: int, place: Path) -> None:
        """Flush a file and its name ``place``."""
        os.fsync(descriptor)
        if self._flushes_folders:
            flush_folder(place.parent)

    def _make_folders(self) -> None:
        """Make every folder once, so that no blob waits for the flush of a new one."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        folders = [self._root / f"{number:02x}" for number in range(256)]
        if not folders[-1].exists():
            for folder in folders:
                folder.mkdir(exist_ok=True)
            flush_folder(self._root)

    def _read(self, name: Digest) -> bytes:
        try:
            return self.place(name).read_bytes()
        except FileNotFoundError:
            raise missing(name) from None
        except OSError as error:
            raise Unavailable("vault", f"the vault could not read: {error.strerror}") from error


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
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        self._is_open = True

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``.

        Raises:
            Unavailable: no space, or the disk refuses.
        """
        with refusals(f"take {len(data)} bytes"):
            write_all(self._descriptor, data)
        self._sha256.update(data)
        self._size += len(data)

    @contextmanager
    def view(self) -> Iterator[bytes | mmap.mmap]:
        """Lend what was written, as one buffer; the kernel has it in memory already."""
        if self._size == 0:
            yield b""
            return
        with mmap.mmap(self._descriptor, self._size, prot=mmap.PROT_READ) as view:
            yield view

    def keep(self) -> Digest:
        """Give the bytes their name, flush both, and return the digest.

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
                self._flush(place)
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
        if place.stat().st_nlink == 1 and _digest_of(place) == name:
            return
        os.fsync(self._descriptor)
        self._path.replace(place)
        self._vault.flush(self._descriptor, place)

    def discard(self) -> None:
        """Close, and take the name in ``incoming`` away."""
        if not self._is_open:
            return
        self._is_open = False
        os.close(self._descriptor)
        with contextlib.suppress(OSError):  # the sweeper removes what a failing disk leaves
            self._path.unlink(missing_ok=True)


# ----------------------------------------------------------------------------------------------- what disks do


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


def flush_folder(path: Path) -> None:
    """Flush the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
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


def _digest_of(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(READ_BYTES):
            found.update(data)
    return found.hexdigest()
