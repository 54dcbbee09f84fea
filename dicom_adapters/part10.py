"""A received data set as a file (PS3.10), byte for byte as it came, under a preamble and file meta of our own.

The file meta holds nothing of the moment or of the route: the same data set in the same transfer syntax is the same
file, has the same digest, and is kept once.
"""

import struct
from collections.abc import Sequence
from typing import Final

from dicom_adapters.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

PREFIX: Final = bytes(128) + b"DICM"


def part10(
    data_set: bytes | memoryview, *, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str
) -> bytes:
    """Return ``data_set`` as a file. The UIDs are already known to be UIDs.

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
    parts: Sequence[bytes | memoryview] = (
        PREFIX,
        struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(elements)),
        elements,
        data_set,
    )
    return b"".join(parts)


def _text(number: int, vr: str, value: str) -> bytes:
    data = value.encode("ascii")
    data += (b"\0" if vr == "UI" else b" ") * (len(data) % 2)
    return struct.pack("<HH2sH", 2, number, vr.encode(), len(data)) + data
