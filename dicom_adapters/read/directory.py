"""Files of a folder or of a DICOMDIR, looked at without being led outside: no link is followed, no ``..``, no device.

A DICOMDIR names files by components (Referenced File ID, PS3.3, F.3). One that names ``..`` or a path reads files
that nobody gave us (CVE-2026-32711): each component is looked at before anything is opened, and opened as what it is.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read.part10 import read_file_meta
from dicom_adapters.read.structure import Encoding, walk

DICOMDIR: Final = "DICOMDIR"

DICOMDIR_BYTES_MAX: Final = 64 * 1024**2
"""Largest DICOMDIR that is read, 64 MiB; structure.walk stops long before that when it is all header."""

COMPONENTS_MAX: Final = 8
"""Most components of a file's name (PS3.10, 8.2)."""

COMPONENT_CHARS_MAX: Final = 64
"""Longest component. The standard says 8; people write longer ones."""

_MEDIA_DIRECTORY: Final = "1.2.840.10008.1.3.10"
_EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
_SEQUENCE: Final = tag_for_keyword("DirectoryRecordSequence")
_FILE_ID: Final = tag_for_keyword("ReferencedFileID")


@dataclass(frozen=True, slots=True)
class Given:
    """One file that was given to us.

    Args:
        name: as a person would find it, below what they gave.
        path: None when it must not be opened.
        code, detail: why not.
    """

    name: str
    path: Path | None
    code: str = ""
    detail: str = ""


def files_of(place: Path) -> list[Given]:
    """Return every file of a folder, in order; or what a DICOMDIR lists; or the one file.

    Raises:
        MalformedInstance: the DICOMDIR cannot be read.
        OSError: there is nothing there, or it may not be read.
    """
    if place.is_dir():
        return sorted(_walk(place), key=lambda given: given.name)
    if place.name.upper() == DICOMDIR:
        return list(_listed(place))
    place.stat()
    return [Given(place.name, place)]


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Yield a plain file, opened as what it was when it was looked at.

    Raises:
        MalformedInstance: "no-file": it is a link, a device or a pipe by now.
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise MalformedInstance("no-file", "a device, a pipe or a folder stands where a file should")
        yield file


def _walk(root: Path) -> Iterator[Given]:
    """Yield every file below ``root``; a DICOMDIR is an index of the others and none of them."""
    closed: list[OSError] = []
    for folder, subfolders, names in os.walk(root, onerror=closed.append):
        links = [name for name in subfolders if (Path(folder) / name).is_symlink()]
        for name in (*links, *names):
            path = Path(folder) / name
            shown = str(path.relative_to(root))
            if path.is_symlink():
                yield Given(shown, None, "link", "a link is not followed")
            elif name.upper() != DICOMDIR:
                yield Given(shown, path)
    for error in closed:
        yield Given(
            os.path.relpath(error.filename, root), None, "unreadable", f"the folder cannot be read: {error.strerror}"
        )


def _listed(directory: Path) -> Iterator[Given]:
    for components in _references(directory):
        shown = "/".join(components)
        if not 0 < len(components) <= COMPONENTS_MAX or not all(map(_is_component, components)):
            yield Given(shown, None, "outside", "the DICOMDIR names a file outside its own folder")
            continue
        found = _below(directory.parent, components)
        yield found if isinstance(found, Given) else Given(shown, found)


def _is_component(text: str) -> bool:
    return text not in {"", ".", ".."} and len(text) <= COMPONENT_CHARS_MAX and not set(text) & set("/\\\0:")


def _below(root: Path, components: list[str]) -> Path | Given:
    """Return the file that components name; media are often read with names in small letters."""
    path = root
    for component in components:
        names = (path / component, path / component.lower())
        there = next((each for each in names if os.path.lexists(each)), None)
        if there is None:
            return Given("/".join(components), None, "missing", "the DICOMDIR names a file that is not there")
        if there.is_symlink():
            return Given("/".join(components), None, "link", "a link is not followed")
        path = there
    return path


def _references(directory: Path) -> list[list[str]]:
    with opened(directory) as file:
        data = file.read(DICOMDIR_BYTES_MAX + 1)
    if len(data) > DICOMDIR_BYTES_MAX:
        raise MalformedInstance("header-too-large", f"the DICOMDIR has more than {DICOMDIR_BYTES_MAX} bytes")
    meta = read_file_meta(data)
    if meta is None or meta.sop_class_uid != _MEDIA_DIRECTORY or meta.transfer_syntax_uid != _EXPLICIT_LITTLE:
        raise MalformedInstance("not-dicom", "this is no DICOMDIR; give the folder instead")
    walk(data, meta.end, Encoding(implicit=False), frozenset())  # bounded from here on: what is wrong is raised here
    records = dcmread(BytesIO(data), specific_tags=[_SEQUENCE]).get(_SEQUENCE)
    return [_components(record) for record in (records.value if records else ()) if _FILE_ID in record]


def _components(record: Dataset) -> list[str]:
    raw = record.get_item(_FILE_ID).value or b""
    text = raw.decode("latin-1") if isinstance(raw, bytes) else "\\".join([raw] if isinstance(raw, str) else raw)
    return [component.strip(" \0") for component in text.split("\\")]
