"""Frames as WADO-RS hands them out: decoded, or in the compressed form that was received.

Source: PS3.18, 8.7.3 (media types) and 10.4 (retrieve).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from dicom_adapters.image.attributes import syntax_of
from dicom_adapters.image.decode import (
    PLUGINS,
    coded_frame,
    decode_frame,
    frame_count,
    integer,
    open_header,
    open_image,
)
from guarantee.errors import NotEligible

OCTETS: Final = "application/octet-stream"

MEDIA_TYPES: Final[dict[str, str]] = {
    JPEGBaseline8Bit: "image/jpeg",
    JPEGExtended12Bit: "image/jpeg",
    JPEGLossless: "image/jpeg",
    JPEGLosslessSV1: "image/jpeg",
    RLELossless: "image/dicom-rle",
    JPEGLSLossless: "image/jls",
    JPEGLSNearLossless: "image/jls",
    JPEG2000Lossless: "image/jp2",
    JPEG2000: "image/jp2",
    HTJ2KLossless: "image/jphc",
    HTJ2KLosslessRPCL: "image/jphc",
    HTJ2K: "image/jphc",
}
"""Media type of one frame in each compressed transfer syntax (PS3.18, table 8.7.3-5)."""

_NATIVE: Final = frozenset({ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian})


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How the pixels of an instance are kept.

    Args:
        syntax: Transfer Syntax UID.
        media_type: of one frame as it is kept; OCTETS when it is not compressed.
        frames: how many there are.
    """

    syntax: str
    media_type: str
    frames: int


def encoding_of(data: bytes | Path) -> Encoding:
    """Return how the pixels of a DICOM file are kept.

    Raises:
        NotEligible: "pixels-unreadable", not a DICOM file.
        Unavailable: the file cannot be opened.
    """
    header = open_header(data, ("NumberOfFrames",))
    syntax = syntax_of(header)
    return Encoding(syntax=syntax, media_type=MEDIA_TYPES.get(syntax, OCTETS), frames=frame_count(header))


def decoded_frame(data: bytes | Path, frame: int) -> bytes:
    """Return the pixels of one frame, little-endian, as Bits Allocated says; one bit a pixel is packed, lowest first.

    Uncompressed pixels are the bytes that were received; a compressed colour frame becomes RGB.

    Args:
        frame: 1-based.

    Raises:
        NotEligible: "pixels-unreadable" when there is no such frame or no decoder; see also decode.py.
        Unavailable: the file cannot be opened, or no decoder can be started.
    """
    dataset = open_image(data)
    if syntax_of(dataset) in _NATIVE:
        return _native(dataset, frame)
    if syntax_of(dataset) in PLUGINS or integer(dataset, "BitsAllocated") > 1:
        array = decode_frame(dataset, frame)
        return array.astype(array.dtype.newbyteorder("<")).tobytes()
    raise NotEligible("pixels-unreadable", f"transfer syntax {syntax_of(dataset)} is not decoded")


def stored_frame(data: bytes | Path, frame: int) -> bytes:
    """Return one compressed frame as it was received.

    Raises:
        NotEligible: "pixels-unreadable" when there is none.
        Unavailable: the file cannot be opened.
    """
    dataset = open_image(data)
    _require_frame(dataset, frame)
    return coded_frame(dataset, frame)


def _require_frame(dataset: Dataset, frame: int) -> None:
    if not 1 <= frame <= frame_count(dataset):
        raise NotEligible("pixels-unreadable", f"frame {frame} of {frame_count(dataset)}")


def _native(dataset: Dataset, frame: int) -> bytes:
    _require_frame(dataset, frame)
    pixels = dataset.get("PixelData")
    samples = integer(dataset, "SamplesPerPixel", 1) * integer(dataset, "Rows") * integer(dataset, "Columns")
    bits = integer(dataset, "BitsAllocated")
    if str(dataset.get("PhotometricInterpretation") or "") == "YBR_FULL_422":
        samples = samples * 2 // 3
    end = (samples * bits * frame + 7) // 8
    if not isinstance(pixels, bytes) or samples < 1 or bits < 1 or len(pixels) < end:
        raise NotEligible("pixels-unreadable", f"the pixels end before frame {frame}")
    if (samples * bits) % 8 == 0:
        return pixels[samples * bits // 8 * (frame - 1) : end]
    first = samples * bits * (frame - 1)
    coded = np.frombuffer(pixels[first // 8 : end], np.uint8)
    found = np.unpackbits(coded, bitorder="little")[first % 8 : first % 8 + samples * bits]
    return np.packbits(found, bitorder="little").tobytes()
