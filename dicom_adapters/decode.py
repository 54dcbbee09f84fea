"""The pixels of one frame, decoded within limits.

Source: PS3.5, 8 (encoding of pixel data) and A.4 (transfer syntaxes).
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.uid import (
    JPEG2000,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from guarantee.errors import NotEligible, Unavailable

SIDE_PX_MAX: Final = 16_384
"""Most rows or columns. Mammograms have 5,900, stitched radiographs about 10,000."""

FRAME_BYTES_MAX: Final = 256 * 1024 * 1024
"""Most bytes of one decoded frame, 256 MiB: 11,000 x 11,000 of 16 bits."""

FRAMES_MAX: Final = 20_000
"""Most frames of one instance or series. A long cine run has a few thousand."""

PLUGINS: Final[dict[str, tuple[str, ...]]] = {
    RLELossless: ("pydicom",),
    JPEGBaseline8Bit: ("gdcm", "pillow"),
    JPEGExtended12Bit: ("gdcm", "pillow"),
    JPEGLossless: ("gdcm",),
    JPEGLosslessSV1: ("gdcm",),
    JPEGLSLossless: ("pyjpegls", "gdcm"),
    JPEGLSNearLossless: ("pyjpegls", "gdcm"),
    JPEG2000Lossless: ("gdcm", "pillow"),
    JPEG2000: ("gdcm", "pillow"),
}
"""Decoders of each compressed transfer syntax, the fastest first; measured on CT: JPEG-LS 5.6 ms by pyjpegls against
10.9 ms by GDCM, JPEG 2000 28 ms by GDCM against 47 ms by Pillow."""


def open_header(data: bytes | Path, keywords: Sequence[str] = ()) -> Dataset:
    """Return the data set of a DICOM file up to its pixels.

    Args:
        keywords: the elements wanted; () for all. A thousand whole headers take 100 MB with some vendors.

    Raises:
        NotEligible: "pixels-unreadable", not a DICOM file.
        Unavailable: the file cannot be opened.
    """
    return _open(data, stop_before_pixels=True, specific_tags=list(keywords) or None)


def open_image(data: bytes | Path) -> Dataset:
    """Return the data set of a DICOM file with its encoded pixels.

    Raises:
        NotEligible: "pixels-unreadable", not a DICOM file.
        Unavailable: the file cannot be opened.
    """
    return _open(data)


def integer(dataset: Dataset, keyword: str, default: int = 0) -> int:
    """Return the value of an element as an integer; ``default`` when it is absent or is none."""
    value = dataset.get(keyword)
    try:
        return default if value is None else int(value)
    except (TypeError, ValueError):
        return default


def frame_count(dataset: Dataset) -> int:
    """Return how many frames the header announces; at least 1."""
    return max(1, integer(dataset, "NumberOfFrames", 1))


def require_decodable(dataset: Dataset) -> None:
    """Return when the header announces pixels that may be decoded.

    Raises:
        NotEligible: "pixels-unreadable" without a size, "too-large" beyond a limit, "samples-unsupported" for samples
            of neither 8 nor 16 bits.
    """
    rows, columns = integer(dataset, "Rows"), integer(dataset, "Columns")
    samples, bits = integer(dataset, "SamplesPerPixel", 1), integer(dataset, "BitsAllocated")
    if rows < 1 or columns < 1:
        raise NotEligible("pixels-unreadable", f"an image of {rows} rows and {columns} columns")
    if bits not in {8, 16} or samples not in {1, 3}:
        raise NotEligible("samples-unsupported", f"{samples} samples of {bits} bits for each pixel")
    frames, size = frame_count(dataset), rows * columns * samples * bits // 8
    if max(rows, columns) > SIDE_PX_MAX or size > FRAME_BYTES_MAX or frames > FRAMES_MAX:
        raise NotEligible("too-large", f"{frames} frames of {rows} x {columns}")


def decode_frame(dataset: Dataset, frame: int) -> NDArray[Any]:
    """Return one frame: axes (row, column) of stored values, or (row, column, 3) RGB.

    Args:
        frame: 1-based.

    Raises:
        NotEligible: "pixels-unreadable" when no decoder can, or see :func:`require_decodable`.
    """
    require_decodable(dataset)
    if not 1 <= frame <= frame_count(dataset):
        raise NotEligible("pixels-unreadable", f"frame {frame} of {frame_count(dataset)}")
    syntax = str(getattr(dataset.file_meta, "TransferSyntaxUID", ""))
    failures = []
    for plugin in PLUGINS.get(syntax, ("",)):
        try:
            array, _ = get_decoder(syntax).as_array(dataset, index=frame - 1, decoding_plugin=plugin)
        except Exception as error:  # noqa: BLE001 - decoders of hostile input raise anything; it is said below
            failures.append(f"{plugin or 'pydicom'}: {type(error).__name__}")
            continue
        return _checked(array, dataset)
    raise NotEligible("pixels-unreadable", f"transfer syntax {syntax} could not be decoded ({', '.join(failures)})")


def _checked(array: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    samples = integer(dataset, "SamplesPerPixel", 1)
    shape = (dataset.Rows, dataset.Columns) if samples == 1 else (dataset.Rows, dataset.Columns, 3)
    if array.shape != shape or array.dtype.kind not in "iu":
        raise NotEligible("pixels-unreadable", f"decoded to {array.shape}, announced as {shape}")
    if array.dtype.itemsize > 2:
        raise NotEligible("samples-unsupported", f"decoded to samples of {8 * array.dtype.itemsize} bits")
    return np.ascontiguousarray(array)


def _open(data: bytes | Path, **how: Any) -> Dataset:
    try:
        file = BytesIO(data) if isinstance(data, bytes) else data.open("rb")
    except OSError as error:
        raise Unavailable("vault", f"a kept file cannot be opened: {error.strerror}") from error
    with file:
        try:
            return dcmread(file, **how)
        except Exception as error:
            raise NotEligible("pixels-unreadable", f"not a DICOM file: {type(error).__name__}") from error
