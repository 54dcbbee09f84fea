"""C-STORE on the wire: the plain request that is nearly every message, and its response (PS3.7, 9.3.1).

A request that is in any way not plain is left to pynetdicom and to reception.py, which know what to do with it.
"""

import struct
from dataclasses import dataclass
from typing import Final

from dicom_adapters.associate.refusals import Answer
from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read.values import parse_uid

COMMAND, LAST = 1, 2
"""Bits of a message control header (PS3.8, E.2)."""

_CLASS, _FIELD, _MESSAGE, _ANSWERED, _HAS_DATA = 0x0002, 0x0100, 0x0110, 0x0120, 0x0800
_STATUS, _COMMENT, _INSTANCE = 0x0900, 0x0902, 0x1000
_STORE_RQ: Final = b"\x01\x00"
_STORE_RSP: Final = b"\x01\x80"
_NO_DATA_SET: Final = b"\x01\x01"
_ELEMENT: Final = struct.Struct("<HHL")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRequest:
    """A C-STORE-RQ with a data set.

    Args:
        context: identifier of its presentation context.
        message: Message ID (0000,0110), as sent.
        named: Affected SOP Class UID and Affected SOP Instance UID, as sent.
    """

    context: int
    message: bytes
    named: tuple[bytes, bytes]
    sop_class_uid: str
    sop_instance_uid: str


def read_store_request(command: bytes, context: int) -> StoreRequest | None:
    """Return the request that ``command`` is; None when it is another one, or not a plain one.

    Args:
        command: a whole command set, implicit VR little endian (PS3.7, 6.3.1).
    """
    found = _elements(command)
    if found.get(_FIELD) != _STORE_RQ or found.get(_HAS_DATA, _NO_DATA_SET) == _NO_DATA_SET:
        return None
    if len(found.get(_MESSAGE, b"")) != 2 or len(found[_HAS_DATA]) != 2:
        return None
    named = found.get(_CLASS, b""), found.get(_INSTANCE, b"")
    try:
        uids = [parse_uid(name.decode("ascii"), "UID") for name in named]
    except (MalformedInstance, UnicodeDecodeError):
        return None
    return StoreRequest(
        context=context, message=found[_MESSAGE], named=named, sop_class_uid=uids[0], sop_instance_uid=uids[1]
    )


def _elements(command: bytes) -> dict[int, bytes]:
    """Return the elements of a command set by number; {} when one does not fit, or stands there twice."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(command):
        if at + 8 > len(command):
            return {}
        group, number, length = _ELEMENT.unpack_from(command, at)
        at += 8 + length
        if group != 0 or number in found or at > len(command):
            return {}
        found[number] = command[at - length : at]
    return found


def store_response(request: StoreRequest, answer: Answer) -> bytes:
    """Return the C-STORE-RSP to ``request`` as one P-DATA-TF PDU (PS3.7, 9.3.1.2; PS3.8, 9.3.5).

    It is sent by one write. Two small writes are what makes others wait 40 ms for a delayed acknowledgement.
    """
    sop_class, sop_instance = request.named
    comment = answer.comment.encode("ascii")
    body = b"".join(
        (
            _element(_CLASS, sop_class),
            _element(_FIELD, _STORE_RSP),
            _element(_ANSWERED, request.message),
            _element(_HAS_DATA, _NO_DATA_SET),
            _element(_STATUS, answer.status.to_bytes(2, "little")),
            _element(_COMMENT, comment + b" " * (len(comment) % 2)) if comment else b"",
            _element(_INSTANCE, sop_instance),
        )
    )
    command = _element(0x0000, struct.pack("<L", len(body))) + body
    return struct.pack(">BBLLBB", 4, 0, len(command) + 6, len(command) + 2, request.context, 3) + command


def _element(number: int, value: bytes) -> bytes:
    return _ELEMENT.pack(0, number, len(value)) + value
