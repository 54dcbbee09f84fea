"""A package as one file: a plain tar of which every byte follows from the package, so that two machines write the same.

Written: the card, its signature, what the card lists by name, the licence; nothing compressed, no time, no owner.
Read: exactly that, and nothing else that a tar may be. A header must be, byte for byte, the one we would write for that
name and size. So there is no link, device, long name, sparse file or second spelling to be careful with, and a name
reaches the file system only when it is one of the few that a package has.
"""

import hashlib
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final

from guarantee.ids import Digest, digest
from guarantee.opinion import Seal
from inference.card import (
    CARD_BYTES_MAX,
    CARD_FILE,
    LICENCE_FILE,
    MODEL_BYTES_MAX,
    SIGNATURE_BYTES_MAX,
    SIGNATURE_FILE,
    Package,
    listed,
    load_package,
    read_file,
)
from inference.errors import PackageRefused
from inference.signature import parse_signature, write_signature

SUFFIX: Final = ".avalmodel"

ARCHIVE_BYTES_MAX: Final = 2 * 1024**3
"""Largest sum of the files of an archive, 2 GiB: one model of MODEL_BYTES_MAX and as much again around it. It bounds
what an archive can write to the disk before it is refused; nothing in it is compressed, so it is no smaller itself."""

BLOCK: Final = 512
CHUNK: Final = 1024**2
_END: Final = bytes(2 * BLOCK)

_KINDS: Final = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"5": "a folder",
    b"6": "a pipe",
    b"x": "a pax header",
    b"g": "a pax header",
    b"L": "a GNU long name",
    b"K": "a GNU long link",
    b"S": "a sparse file",
}


def pack(package: Package, target: Path, seal: Seal | None) -> None:
    """Write the archive of ``package`` to ``target``, whole or not at all.

    Args:
        seal: the publisher's signature; None leaves the package unsigned.

    Raises:
        PackageRefused: the package changed since it was loaded, or is larger than an archive may be.
        FileExistsError: there is something at ``target``.
    """
    with TemporaryDirectory(dir=target.parent, prefix=".packing-") as made:
        path = Path(made) / target.name
        with path.open("xb") as out:
            written = 0
            for name, read in _contents(package, seal):
                data = read()
                written += len(data)
                if written > ARCHIVE_BYTES_MAX:
                    raise PackageRefused(f"{package.folder.name}: more than {ARCHIVE_BYTES_MAX} bytes in all")
                out.write(header(name, len(data)) + data + bytes(-len(data) % BLOCK))
            out.write(_END)
        target.hardlink_to(path)  # fails when something is there: an archive is never written over


@contextmanager
def opened(path: Path, beside: Path | None = None) -> Iterator[Package]:
    """Lend the package in ``path``, a folder or an archive; an archive is unpacked for as long as the block lasts.

    Args:
        beside: folder to unpack in, so that the disk that will hold the package is the one that is filled; the
            system's own place by default.

    Raises:
        PackageRefused: it must not be run; the message says which file, where in it, and why.
    """
    if path.is_dir():
        yield load_package(path)
        return
    if beside is not None:
        beside.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=beside, prefix=".unpacking-") as made:
        folder = Path(made) / "package"
        folder.mkdir()
        unpack(path, folder)
        try:
            package = load_package(folder)
        except PackageRefused as error:
            raise PackageRefused(f"{path.name}: {error}") from error
        yield package


def unpack(archive: Path, folder: Path) -> None:
    """Write what is in ``archive`` into ``folder``, which is new and empty, each file as it is read.

    Raises:
        PackageRefused: it is not an archive that :func:`pack` writes; the message says which entry, where, and why.
    """
    if not archive.is_file():
        raise PackageRefused(f"{archive.name}: not a file")
    with archive.open("rb") as file:
        try:
            _Reader(file, folder).read()
        except PackageRefused as error:
            raise PackageRefused(f"{archive.name}: {error}") from error


def header(name: str, size: int) -> bytes:
    """Return the header of one file, 512 bytes.

    Source: POSIX.1-2017, pax, "ustar Interchange Format". Written here, and not by the standard library, whose bytes
    for unused fields changed between two versions of Python.
    """
    fields = (name.encode(), b"0000644", b"0000000", b"0000000", b"%011o" % size, b"00000000000", b" " * 8, b"0", b"")
    rest = (b"ustar", b"00", b"", b"", b"0000000", b"0000000", b"", b"")
    block = struct.pack("100s8s8s8s12s12s8s1s100s6s2s32s32s8s8s155s12s", *fields, *rest)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _contents(package: Package, seal: Seal | None) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield each file of an archive, in order, and what reads it: one is in memory at a time."""
    card = read_file(package.folder / CARD_FILE, CARD_BYTES_MAX)
    if digest(card) != package.card.model.card:
        raise PackageRefused(f"{package.folder.name}/{CARD_FILE}: changed since it was loaded")
    yield CARD_FILE, lambda: card
    if seal is not None:
        signature = write_signature(seal)
        yield SIGNATURE_FILE, lambda: signature
    for name in sorted(package.files):
        yield name, lambda name=name: package.read(name)  # type: ignore[misc]
    licence = package.folder / LICENCE_FILE
    if licence.exists():
        yield LICENCE_FILE, lambda: read_file(licence, CARD_BYTES_MAX)


@dataclass(slots=True)
class _Reader:
    """One archive, read from its beginning to its end once."""

    file: BinaryIO
    folder: Path
    order: list[str] = field(default_factory=lambda: [CARD_FILE])
    """Names that may still come, in the order in which they must."""
    digests: Mapping[str, Digest] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    left: int = field(default_factory=lambda: ARCHIVE_BYTES_MAX)

    def read(self) -> None:
        while (block := self._block()) != bytes(BLOCK):
            self._entry(block)
        at = self.file.tell() - BLOCK
        if self.file.read(BLOCK + 1) != bytes(BLOCK):
            raise PackageRefused(f"at byte {at}: an archive ends with two empty blocks, and nothing follows them")
        if missing := sorted({CARD_FILE, *self.digests} - self.seen):
            raise PackageRefused(f"at byte {at}: it ends without {missing}")

    def _entry(self, block: bytes) -> None:
        at = self.file.tell() - BLOCK
        name = block[:100].split(b"\0")[0].decode("utf-8", "replace")
        where = f"{ascii(name)[1:-1]} at byte {at}"  # a name is printed: no control character of it is
        size = _size(block)
        if size is None or block != header(name, size):
            raise PackageRefused(f"{where}: {_why_not(block, name)}")
        if name in self.seen:
            raise PackageRefused(f"{where}: is in the archive twice")
        if name not in self.order:
            raise PackageRefused(f"{where}: {self._stray(name)}")
        del self.order[: self.order.index(name) + 1]
        self._take(name, size, where)

    def _stray(self, name: str) -> str:
        if not self.seen:
            return f"the first file of an archive is {CARD_FILE}"
        if name in {SIGNATURE_FILE, LICENCE_FILE, *self.digests}:
            return "is not in its place: the card, its signature, what it lists by name, the licence"
        return "is not in the card"

    def _take(self, name: str, size: int, where: str) -> None:
        if size > min(_most(name), self.left):
            raise PackageRefused(f"{where}: {size} bytes; at most {min(_most(name), self.left)} of this file here")
        self.left -= size
        self.seen.add(name)
        found = self._copy(name, size, where)
        if name in self.digests and found != self.digests[name]:
            raise PackageRefused(f"{where}: SHA-256 is {found}, the card says otherwise")
        if any(self._read(-size % BLOCK, where)):
            raise PackageRefused(f"{where}: something is hidden behind its end")
        if name == CARD_FILE:
            self.digests = listed((self.folder / CARD_FILE).read_bytes())
            self.order = [SIGNATURE_FILE, *sorted(self.digests), LICENCE_FILE]
        elif name == SIGNATURE_FILE:
            parse_signature((self.folder / name).read_bytes(), where)

    def _copy(self, name: str, size: int, where: str) -> Digest:
        hashed = hashlib.sha256()
        with (self.folder / name).open("xb") as out:
            for start in range(0, size, CHUNK):
                data = self._read(min(CHUNK, size - start), where)
                hashed.update(data)
                out.write(data)
        return Digest(hashed.hexdigest())

    def _block(self) -> bytes:
        return self._read(BLOCK, f"at byte {self.file.tell()}")

    def _read(self, size: int, where: str) -> bytes:
        data = self.file.read(size)
        if len(data) < size:
            raise PackageRefused(f"{where}: the archive is cut off")
        return data


def _most(name: str) -> int:
    return {CARD_FILE: CARD_BYTES_MAX, SIGNATURE_FILE: SIGNATURE_BYTES_MAX, LICENCE_FILE: CARD_BYTES_MAX}.get(
        name, MODEL_BYTES_MAX
    )


def _size(block: bytes) -> int | None:
    """Return the size that a header states in octal; None for every other way of stating one."""
    text = block[124:135]
    return int(text, 8) if all(48 <= digit <= 55 for digit in text) else None


def _why_not(block: bytes, name: str) -> str:
    """Return why a header is not one of ours, in the words of whoever looks for the cause."""
    if block[257:262] != b"ustar":
        return "not a plain tar (a compressed one is none)"
    if name.startswith(("/", "\\")) or ".." in name.split("/"):
        return "a name that leaves its folder"
    if (kind := _KINDS.get(block[156:157])) is not None:
        return f"{kind}, where only files may be"
    if "/" in name or any(block[345:500]):
        return "a name with a folder in it"
    return "not a header as `aval models pack` writes it"
