"""What is kept beside the bytes of an instance, in the same flush: its arrival, so that a power cut may take the row.

The row of an image is committed without a flush of its own when its note is on the disk (guarantee.ports.Incoming). One
flush for each image instead of two; and after a power cut the rows that it took are written again from here.

    a file      extended attribute ``user.aval.arrival``; a file system without them (NFS before 4.2, some containers'
                layers) notes nothing, and the row is flushed as any other
    a record    in its header block (records.py)
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bridge.vault.records import is_whole, note_of, records_of
from guarantee.ids import Digest

NOTE_BYTES_MAX: Final = 3_500
"""Longest note. ext4 has one block of 4096 bytes for all attributes of a file, a record one for its header. The arrival
of a CT image takes some 1,200; a longer one is not noted."""

ATTRIBUTE: Final = "user.aval.arrival"

_DIGEST_CHARS: Final = 64


def write_note(descriptor: int, note: bytes) -> bool:
    """Give a file its note, not flushed yet; return whether it has one now."""
    if not 0 < len(note) <= NOTE_BYTES_MAX:
        return False
    try:
        os.setxattr(descriptor, ATTRIBUTE, note)
    except OSError:
        return False
    return True


def notes_since(root: Path, since_s: float) -> Iterator[tuple[Digest, bytes]]:
    """Yield (digest, note) of everything that was kept since then and has a note; whole bytes alone.

    Args:
        root: of a FileVault or SegmentVault that was recovered.
        since_s: time as file systems count it.
    """
    for folder in sorted(root.glob("[0-9a-f][0-9a-f]")):
        yield from _notes_of_files(folder, since_s)
    with os.scandir(root / "segments") as entries:
        sealed = [entry.path for entry in entries if entry.is_file() and entry.stat().st_mtime >= since_s]
    for path in sealed:
        yield from _notes_of_records(Path(path))


def _notes_of_files(folder: Path, since_s: float) -> Iterator[tuple[Digest, bytes]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink() or len(entry.name) != _DIGEST_CHARS or entry.stat().st_ctime < since_s:
                continue
            with contextlib.suppress(OSError):  # it has none
                yield Digest(entry.name), os.getxattr(entry.path, ATTRIBUTE)


def _notes_of_records(path: Path) -> Iterator[tuple[Digest, bytes]]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for name, record in records_of(descriptor, path.name):
            note = note_of(descriptor, record)
            if note and is_whole(descriptor, name, record):
                yield Digest(name), note
    finally:
        os.close(descriptor)
