"""Segments and the records in them, as they lie on the disk.

    segments/open/<random>    being filled, by the process that holds its lock
    segments/<random>         sealed: nothing is ever added

A segment is a row of records. A record begins at a multiple of 4096 with a header block, the bytes follow in the next
block. What names a record elsewhere, a symbolic link ``ab/<digest>`` that says ``<segment>:<offset>:<size>``, can
be made again from the headers.

    offset  size
         0     8    "AVALSEG1"
         8     8    size of the bytes, little endian
        16    32    their SHA-256
        48     4    CRC-32 of the 48 bytes before
        52     4    size of the note, little endian; 0 for none
        56     4    CRC-32 of the note
        60     -    the note: what else was kept in the same flush (notes.py)
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.vault.disk import digest_at

BLOCK: Final = 4096
"""Records begin, and their bytes begin, at multiples of this: a page, so that the bytes can be mapped."""

_MAGIC: Final = b"AVALSEG1"
_HEADER: Final = struct.Struct("<8sQ32s")
_CHECK: Final = struct.Struct("<L")
_NOTE: Final = struct.Struct("<LL")
_NOTE_AT: Final = _HEADER.size + _CHECK.size


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Args:
        segment: name of its segment.
        offset: of its header.
        size: of its bytes.
    """

    segment: str
    offset: int
    size: int

    @property
    def data_at(self) -> int:
        """Offset of the bytes."""
        return self.offset + BLOCK

    @property
    def end(self) -> int:
        """Offset of the next record."""
        return self.data_at + -(-self.size // BLOCK) * BLOCK

    def to_text(self) -> str:
        """Return what a symbolic link says."""
        return f"{self.segment}:{self.offset}:{self.size}"

    @classmethod
    def from_text(cls, text: str) -> "Record":
        """Return the record that a symbolic link names."""
        segment, offset, size = text.split(":")
        return cls(segment, int(offset), int(size))


def header(name: str, size: int, note: bytes = b"") -> bytes:
    """Return the header of a record of ``size`` bytes whose digest is ``name``.

    Args:
        note: at most NOTE_BYTES_MAX.
    """
    head = _HEADER.pack(_MAGIC, size, bytes.fromhex(name))
    return head + _CHECK.pack(zlib.crc32(head)) + _NOTE.pack(len(note), zlib.crc32(note)) + note


def note_of(descriptor: int, record: Record) -> bytes:
    """Return the note of a record; nothing where there is none, or where the disk holds another."""
    block = os.pread(descriptor, BLOCK, record.offset)
    size, check = _NOTE.unpack_from(block, _NOTE_AT)
    note = block[_NOTE_AT + _NOTE.size :][:size]
    return note if len(note) == size and zlib.crc32(note) == check else b""


def records_of(descriptor: int, segment: str) -> Iterator[tuple[str, Record]]:
    """Yield (digest, record) of each record of a segment, to the first block that is no header.

    All but the last were flushed before the next was begun; the last may be torn (``is_whole``).
    """
    end = os.fstat(descriptor).st_size
    offset = 0
    while offset + BLOCK <= end:
        block = os.pread(descriptor, _HEADER.size + _CHECK.size, offset)
        head = block[: _HEADER.size]
        magic, size, digest = _HEADER.unpack(head)
        if magic != _MAGIC or block[_HEADER.size :] != _CHECK.pack(zlib.crc32(head)):
            return
        record = Record(segment, offset, size)
        yield digest.hex(), record
        offset = record.end


def is_whole(descriptor: int, name: str, record: Record) -> bool:
    """Return whether the bytes of ``record`` are those that ``name`` is the digest of."""
    return digest_at(descriptor, record.data_at, record.size) == name


def open_segment(folder: Path, name: str) -> int:
    """Return a descriptor to read a segment, which may be sealed meanwhile.

    Raises:
        FileNotFoundError: there is none.
    """
    for path in (folder / name, folder / "open" / name, folder / name):
        try:
            return os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
    raise FileNotFoundError(f"no segment {name}")
