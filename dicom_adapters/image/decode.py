"""The pixels of one frame, decoded within limits; compressed ones by a child process (child.py).

Source: PS3.5, 8 (encoding of pixel data) and A.4 (transfer syntaxes).
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from dicom_adapters.image.child import DecoderChild
from dicom_adapters.image.coded import coded_size
from dicom_adapters.read.values import CONVERSION_ERRORS
from guarantee.errors import NotEligible, Unavailable

SIDE_PX_MAX: Final = 16_384
"""Most rows or columns. Mammograms have 5,900, stitched radiographs about 10,000."""

FRAME_BYTES_MAX: Final = 256 * 1024 * 1024
"""Most bytes of one decoded frame, 256 MiB: 11,000 x 11,000 of 16 bits."""

FRAMES_MAX: Final = 20_000
"""Most frames of one instance or series. A long cine run has a few thousand."""

PLUGINS: Final[dict[str, str]] = {
    RLELossless: "pydicom",
    JPEGBaseline8Bit: "pillow",
    JPEGExtended12Bit: "pillow",
    JPEGLossless: "gdcm",
    JPEGLosslessSV1: "gdcm",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "gdcm",
    JPEG2000: "gdcm",
    HTJ2KLossless: "pylibjpeg",
    HTJ2KLosslessRPCL: "pylibjpeg",
    HTJ2K: "pylibjpeg",
}
"""Decoder of each compressed transfer syntax: one, for where a second succeeds after the first has refused, it shows
noise. For CT: JPEG-LS 5.6 ms by pyjpegls (10.9 by GDCM), JPEG 2000 28 ms by GDCM (47 by Pillow)."""

UNREADABLE: Final = "unreadable"
"""Stands for a value that pydicom cannot convert: there, but no number."""

_LOOKED_AT: Final = (
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PlanarConfiguration", "PhotometricInterpretation"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "RescaleSlope", "RescaleIntercept", "PixelData"),
    *("ModalityLUTSequence", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
"""What is asked of an image with its pixels."""

_STATES_NO_SIZE: Final = frozenset({RLELossless})
_CHILD: Final = DecoderChild()


def open_header(data: bytes | Path, keywords: Sequence[str] = ()) -> Dataset:
    """Return the data set of a DICOM file up to its pixels.

    Args:
        keywords: the elements wanted; () for all. A thousand whole headers take 100 MB with some vendors.

    Raises:
        NotEligible: "pixels-unreadable", not a DICOM file.
        Unavailable: the file cannot be opened.
    """
    return _settled(_open(data, stop_before_pixels=True, specific_tags=list(keywords) or None), keywords)


def open_image(data: bytes | Path) -> Dataset:
    """Return the data set of a DICOM file with its encoded pixels.

    Raises:
        NotEligible: "pixels-unreadable", not a DICOM file.
        Unavailable: the file cannot be opened.
    """
    return _settled(_open(data), _LOOKED_AT)


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
    syntax = UID(str(getattr(dataset.file_meta, "TransferSyntaxUID", "")))
    if syntax in PLUGINS:
        return _checked(_decode_coded(dataset, frame, syntax), dataset)
    _require_no_more(dataset)
    try:
        array, _ = get_decoder(syntax).as_array(dataset, index=frame - 1)
    except Exception as error:
        detail = f"transfer syntax {syntax} could not be decoded: {type(error).__name__}"
        raise NotEligible("pixels-unreadable", detail) from error
    return _checked(array, dataset)


def _require_no_more(dataset: Dataset) -> None:
    """Refuse pixels for more rows than are announced: half a picture looks like a whole one. Less is padding."""
    row = integer(dataset, "Columns") * integer(dataset, "SamplesPerPixel", 1) * integer(dataset, "BitsAllocated") // 8
    announced = row * integer(dataset, "Rows") * frame_count(dataset)
    pixels = dataset.get("PixelData")
    if isinstance(pixels, bytes) and len(pixels) >= announced + max(row, 2):
        raise NotEligible("pixels-unreadable", f"{len(pixels)} bytes of pixels, {announced} are announced")


def _decode_coded(dataset: Dataset, frame: int, syntax: UID) -> NDArray[Any]:
    """Return a compressed frame, decoded by the child process."""
    coded = coded_frame(dataset, frame)
    if syntax not in _STATES_NO_SIZE:
        _require_same_size(coded, dataset)
    options = {
        "rows": integer(dataset, "Rows"),
        "columns": integer(dataset, "Columns"),
        "samples_per_pixel": integer(dataset, "SamplesPerPixel", 1),
        "bits_allocated": integer(dataset, "BitsAllocated"),
        "bits_stored": integer(dataset, "BitsStored"),
        "pixel_representation": integer(dataset, "PixelRepresentation"),
        "photometric_interpretation": str(dataset.get("PhotometricInterpretation") or ""),
    }
    if options["samples_per_pixel"] != 1:
        options["planar_configuration"] = integer(dataset, "PlanarConfiguration")
    request = {"syntax": str(syntax), "plugin": PLUGINS[syntax], "options": options}
    answer, pixels = _CHILD.decode(coded, request, FRAME_BYTES_MAX)
    try:
        return np.frombuffer(pixels, answer["dtype"]).reshape(answer["shape"])
    except (KeyError, TypeError, ValueError) as error:
        raise NotEligible("pixels-unreadable", "the decoder's answer makes no sense") from error


def coded_frame(dataset: Dataset, frame: int) -> bytes:
    """Return one compressed frame as it was received.

    Args:
        frame: 1-based.

    Raises:
        NotEligible: "pixels-unreadable" when it cannot be found.
    """
    try:
        coded: bytes = get_frame(dataset.PixelData, frame - 1, number_of_frames=frame_count(dataset))
    except Exception as error:
        raise NotEligible("pixels-unreadable", f"frame {frame} cannot be found: {type(error).__name__}") from error
    return coded


def _require_same_size(coded: bytes, dataset: Dataset) -> None:
    size = coded_size(coded)
    said = integer(dataset, "Rows"), integer(dataset, "Columns"), integer(dataset, "SamplesPerPixel", 1)
    if size is None or (size.rows, size.columns, size.samples) != said:
        found = f"{size.rows} x {size.columns} x {size.samples}" if size else "of unknown size"
        raise NotEligible("pixels-unreadable", f"the header announces {said}, the coded frame is {found}")
    if size.bits > integer(dataset, "BitsAllocated"):
        raise NotEligible("pixels-unreadable", f"a coded frame of {size.bits} bits does not fit the announced ones")


def _checked(array: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    rows, columns = integer(dataset, "Rows"), integer(dataset, "Columns")
    shape = (rows, columns) if integer(dataset, "SamplesPerPixel", 1) == 1 else (rows, columns, 3)
    if array.shape != shape or array.dtype.kind not in "iu" or array.dtype.itemsize > 2:
        raise NotEligible("pixels-unreadable", f"decoded to {array.shape} of {array.dtype}, announced as {shape}")
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


def _settled(dataset: Dataset, keywords: Sequence[str]) -> Dataset:
    """Return ``dataset`` with the elements of ``keywords`` converted: pydicom does so, and raises, at the first look.

    Raises:
        NotEligible: a UID or a sequence cannot be read. Other values become UNREADABLE.
    """
    for keyword in keywords:
        try:
            dataset.get(keyword)
        except CONVERSION_ERRORS as error:
            tag, vr = tag_for_keyword(keyword), dictionary_VR(keyword)
            if vr in {"UI", "SQ"}:
                raise NotEligible("pixels-unreadable", f"{keyword} cannot be read: {type(error).__name__}") from error
            dataset[tag] = DataElement(tag, "LO", UNREADABLE)
    return dataset
