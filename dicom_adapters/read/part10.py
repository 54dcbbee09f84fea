"""A received data set as a file (PS3.10), byte for byte as it came, under a preamble and file meta of our own.

The file meta holds nothing of the moment or of the route: the same data set in the same transfer syntax is the same
file, has the same digest, and is kept once, whichever door it came through. So of a file that somebody sends whole,
the preamble and the file meta are read and replaced.
"""

import struct
from dataclasses import dataclass
from typing import Final

from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read.headers import FILE_META_BYTES_MAX
from dicom_adapters.read.structure import Element, Encoding, walk
from dicom_adapters.read.values import parse_uid
from dicom_adapters.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

PREFIX: Final = bytes(128) + b"DICM"

_META_AT: Final = 144
"""Where file meta information goes on behind its group length."""

_CLASS, _INSTANCE, _SYNTAX = 0x00020002, 0x00020003, 0x00020010
_EXECUTABLES: Final = (b"MZ", b"\x7fELF", b"#!")


def file_head(*, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Return what stands before the data set in a file. The UIDs are already known to be UIDs.

    Source: PS3.10, 7.1 (file meta information, explicit VR little endian).
    """
    elements = b"".join(
        (
            b"\x02\0\x01\0OB\0\0\x02\0\0\0\0\x01",
            _text(0x0002, "UI", sop_class_uid),
            _text(0x0003, "UI", sop_instance_uid),
            _text(0x0010, "UI", transfer_syntax_uid),
            _text(0x0012, "UI", IMPLEMENTATION_CLASS_UID),
            _text(0x0013, "SH", IMPLEMENTATION_VERSION_NAME),
        )
    )
    return b"".join((PREFIX, struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(elements)), elements))


def part10(data_set: bytes, *, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Return ``data_set`` as a file."""
    head = file_head(
        sop_class_uid=sop_class_uid, sop_instance_uid=sop_instance_uid, transfer_syntax_uid=transfer_syntax_uid
    )
    return head + data_set


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMeta:
    """What the file meta information of somebody else's file says.

    Args:
        end: offset of the data set.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    end: int


def read_file_meta(beginning: bytes) -> FileMeta | None:
    """Return the file meta information, or None while ``beginning`` does not hold all of it yet.

    Raises:
        MalformedInstance: "not-dicom", "executable", "truncated", "uid-missing", "uid-form", or as walk says.
    """
    if beginning.startswith(_EXECUTABLES):
        raise MalformedInstance("executable", "the preamble is that of a program; such files are not kept")
    if len(beginning) >= len(PREFIX) and beginning[128:132] != b"DICM":
        raise MalformedInstance("not-dicom", "no DICOM file: the prefix behind the preamble is missing")
    if len(beginning) < _META_AT:
        return None
    if beginning[132:140] != b"\x02\0\0\0UL\x04\0":
        raise MalformedInstance("not-dicom", "no DICOM file: the file meta information has no group length")
    size = int.from_bytes(beginning[140:_META_AT], "little")
    if size > FILE_META_BYTES_MAX:
        raise MalformedInstance("truncated", f"more than {FILE_META_BYTES_MAX} bytes of file meta information")
    end = _META_AT + size
    if len(beginning) < end:
        return None
    wanted = frozenset({_CLASS, _INSTANCE, _SYNTAX})
    found = walk(beginning[_META_AT:end], 0, Encoding(implicit=False), wanted, only_group=0x0002)
    return FileMeta(
        sop_class_uid=_uid(found, _CLASS, "MediaStorageSOPClassUID"),
        sop_instance_uid=_uid(found, _INSTANCE, "MediaStorageSOPInstanceUID"),
        transfer_syntax_uid=_uid(found, _SYNTAX, "TransferSyntaxUID"),
        end=end,
    )


def _uid(found: dict[int, Element], tag: int, what: str) -> str:
    return parse_uid(found[tag].value.decode("latin-1") if tag in found else "", what)


def _text(number: int, vr: str, value: str) -> bytes:
    data = value.encode("ascii")
    data += (b"\0" if vr == "UI" else b" ") * (len(data) % 2)
    return struct.pack("<HH2sH", 2, number, vr.encode(), len(data)) + data
