"""What a compressed frame says of itself, before a decoder is trusted with it.

A decoder that believes the header over the frame writes past a buffer or returns a picture of noise; both were seen.
"""

import struct
from dataclasses import dataclass
from typing import Final

MARKERS_MAX: Final = 200
"""Most segments read before the frame header of a JPEG. There are about 5; comments may add a few."""

_JPEG_FRAMES: Final = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers (ISO/IEC 10918-1, Table B.1), and that of JPEG-LS (ISO/IEC 14495-1, C.1.2)."""

_JPEG2000_START: Final = b"\xff\x4f\xff\x51"
_JP2_SIGNATURE: Final = b"\0\0\0\x0cjP  "
_JP2_HEADER_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedSize:
    """Size of a compressed frame.

    Args:
        bits: of the widest component.
    """

    rows: int
    columns: int
    samples: int
    bits: int


def coded_size(frame: bytes) -> CodedSize | None:
    """Return the size that a JPEG, JPEG-LS or JPEG 2000 code stream states; None when it states none."""
    try:
        if frame.startswith(_JP2_SIGNATURE):  # PS3.5 A.4.4 wants the bare stream; some senders write the whole file
            frame = frame[frame.index(_JPEG2000_START, 0, _JP2_HEADER_BYTES_MAX) :]
        return _jpeg2000_size(frame) if frame.startswith(_JPEG2000_START) else _jpeg_size(frame)
    except (struct.error, ValueError, IndexError):
        return None


def _jpeg2000_size(frame: bytes) -> CodedSize:
    """Read the SIZ segment (ISO/IEC 15444-1, A.5.1)."""
    width, height, left, top = struct.unpack_from(">LLLL", frame, 8)
    (samples,) = struct.unpack_from(">H", frame, 40)
    bits = max((frame[42 + 3 * n] & 0x7F) + 1 for n in range(min(samples, 4)))
    return CodedSize(rows=height - top, columns=width - left, samples=samples, bits=bits)


def _jpeg_size(frame: bytes) -> CodedSize | None:
    """Read the first frame header (ISO/IEC 10918-1, B.2.2)."""
    if not frame.startswith(b"\xff\xd8"):
        return None
    at = 2
    for _ in range(MARKERS_MAX):
        while frame[at] == 0xFF and frame[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker, length = struct.unpack_from(">HH", frame, at)
        if marker >> 8 != 0xFF:
            return None
        if marker & 0xFF in _JPEG_FRAMES:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", frame, at + 4)
            return CodedSize(rows=rows, columns=columns, samples=samples, bits=bits)
        at += 2 + length
    return None
