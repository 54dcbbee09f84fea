"""A stored object to a file under a pseudonym: its header is rewritten, its pixels are copied as they are.

Whatever its size, one object takes the memory of its header and of one block: pixels are never held whole. What follows
them (padding, digital signatures over what is no longer there) is not copied.
"""

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID

from dicom_adapters.errors import NotExportable
from dicom_adapters.export.deidentify import ELEMENT_BYTES_MAX, Deidentifier, flags
from dicom_adapters.read.headers import DEFLATED
from dicom_adapters.read.part10 import part10
from dicom_adapters.read.values import CONVERSION_ERRORS

BLOCK_BYTES: Final = 1024 * 1024
"""How much of the pixels is copied at once, 1 MiB."""

_ITEM: Final = b"\xfe\xff\x00\xe0"
_ITEM_BIG: Final = b"\xff\xfe\xe0\x00"
_UNDEFINED: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What somebody who looked at the pixels allows.

    Args:
        burned_in: images that say they have text burned in.
        recognizable: images that say a face can be recognised.
    """

    burned_in: bool = False
    recognizable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One file that was written."""

    name: str
    sop_class_uid: str
    sha256: str


def export(source: Path | bytes, folder: Path, deidentifier: Deidentifier, allowed: Allowed) -> Exported:
    """Write ``source`` under a pseudonym into ``folder``; the file is whole before it has its name.

    Raises:
        NotExportable: "burned-in", "recognizable", "deflated", "unreadable", or as Deidentifier.header.
        OSError: the folder cannot be written to.
    """
    with _opened(source) as file:
        try:
            header = _header(file)
            _require(header, allowed)
            target = deidentifier.header(header)
            syntax = UID(header.file_meta.TransferSyntaxUID)
            head = _head(target, syntax)
        except (InvalidDicomError, *CONVERSION_ERRORS) as error:
            raise NotExportable("unreadable", f"the stored object cannot be read: {type(error).__name__}") from error
        name = f"{target.SOPInstanceUID}.dcm"
        partial = folder / f"{name}.part"
        body = pixels(file, implicit=syntax.is_implicit_VR, little=syntax.is_little_endian)
        try:
            digest = _write(partial, chain([head], body))
            partial.rename(folder / name)
        finally:
            partial.unlink(missing_ok=True)
    return Exported(name=name, sop_class_uid=str(target.SOPClassUID), sha256=digest)


def _opened(source: Path | bytes) -> BinaryIO:
    return BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _header(file: BinaryIO) -> FileDataset:
    """Return everything before the pixels; ``file`` then stands at them."""
    header = dcmread(file, stop_before_pixels=True, defer_size=ELEMENT_BYTES_MAX)
    if not header.get("SOPInstanceUID") or not header.get("SOPClassUID"):
        raise NotExportable("unreadable", "the stored object does not say what it is: no SOP Class or Instance UID")
    if header.file_meta.TransferSyntaxUID in DEFLATED:
        raise NotExportable("deflated", "a deflated object is not exported")
    return header


def _require(header: Dataset, allowed: Allowed) -> None:
    burned_in, recognizable = flags(header)
    if burned_in and not allowed.burned_in:
        raise NotExportable("burned-in", "the header says that text is burned into the pixels: look, then allow it")
    if recognizable and not allowed.recognizable:
        raise NotExportable("recognizable", "the header says that a face can be recognised: look, then allow it")


def _head(target: Dataset, syntax: UID) -> bytes:
    """Return the file up to its pixels."""
    implicit, little = syntax.is_implicit_VR, syntax.is_little_endian
    target.set_original_encoding(implicit, little)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = implicit, little
    write_dataset(buffer, target)
    return part10(
        buffer.getvalue(),
        sop_class_uid=str(target.SOPClassUID),
        sop_instance_uid=str(target.SOPInstanceUID),
        transfer_syntax_uid=str(syntax),
    )


def pixels(file: BinaryIO, *, implicit: bool, little: bool) -> Iterator[bytes]:
    """Yield the one element that ``file`` stands at, in blocks; nothing when it stands at its end.

    Source: PS3.5, 7.1 (data elements) and A.4 (encapsulated pixels).

    Raises:
        NotExportable: "unreadable", when the file ends inside it.
    """
    head = file.read(8 if implicit else 12)
    if not head:
        return
    order = "<" if little else ">"
    if not implicit and head[4:6] not in {b"OB", b"OW", b"OF", b"OD"}:
        raise NotExportable("unreadable", "the pixels are not written as pixels are")
    (length,) = struct.unpack(f"{order}L", head[-4:])
    yield head
    if length != _UNDEFINED:
        yield from _copied(file, length)
        return
    while True:
        item = file.read(8)
        if len(item) < 8:
            raise NotExportable("unreadable", "the file ends inside the pixels")
        yield item
        if item[:4] not in {_ITEM, _ITEM_BIG}:
            return
        yield from _copied(file, int(struct.unpack(f"{order}L", item[4:])[0]))


def _copied(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length:
        block = file.read(min(BLOCK_BYTES, length))
        if not block:
            raise NotExportable("unreadable", "the file ends inside the pixels")
        length -= len(block)
        yield block


def _write(path: Path, parts: Iterable[bytes]) -> str:
    """Write and flush; return the SHA-256."""
    sha256 = hashlib.sha256()
    with path.open("xb") as file:
        for part in parts:
            file.write(part)
            sha256.update(part)
        file.flush()
        os.fsync(file.fileno())
    return sha256.hexdigest()
