"""Series and frames for the desk's viewer.

The viewer gets stored values and applies Modality LUT, window and polarity itself, so that a reader can change the
window without asking the server. Source: PS3.3 C.7.6.3 (pixels), C.11.1 (Modality LUT), C.11.2 (windows).

Codes of NotEligible: "no-images"; "size-mixed" and "rescale-mixed" when the frames of a series cannot share one
description; "samples-unsupported", "too-large", "pixels-unreadable" as in decode.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut
from pydicom.uid import SegmentationStorage

from dicom_adapters.image.decode import (
    FRAMES_MAX,
    decode_frame,
    frame_count,
    integer,
    open_header,
    open_image,
    require_decodable,
)
from dicom_adapters.image.geometry import FrameHeader, Plane, dot, edges, numbers, stated_edges
from guarantee.errors import NotEligible

WINDOWS_MAX: Final = 8
"""Most windows offered from a header. Two or three are usual."""

LABEL_CHARS_MAX: Final = 64
"""Longest label of a window, as for LO."""

_KEYWORDS: Final = (
    *("SOPClassUID", "SeriesInstanceUID", "SeriesDescription", "Modality", "InstanceNumber", "NumberOfFrames"),
    *("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "PixelRepresentation", "PhotometricInterpretation"),
    *("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "WindowCenterWidthExplanation"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PatientOrientation", "PixelSpacing", "ImagerPixelSpacing"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
_GREY: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
_COLOUR: Final = frozenset({"RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})

Scalar = float | str | bool | int | None


def describe_series(files: Sequence[tuple[str, bytes | Path]]) -> dict[str, Any]:
    """Return what the viewer needs to know of a series, as JSON values (floats included).

    Frames are sorted along the normal of their planes where every one has a parallel plane, else by Instance Number,
    then by UID and frame. Instances that are no pictures (reports, segmentations, presentation states) are left out.

    Args:
        files: (SOP Instance UID, file) of each instance of one series.

    Returns:
        Keys series, modality, description, rows, columns, frames, pixel, spacing_mm, slice_spacing_mm, windows,
        instances; the form is that of GET /api/results/{id}/series.

    Raises:
        NotEligible: see the codes at the top of this file.
        Unavailable: a file cannot be opened.
    """
    frames = _sorted([frame for uid, file in files for frame in _frames(uid, file)])
    if not frames:
        raise NotEligible("no-images", "the series holds no images")
    kind = frames[0].kind
    if any(frame.kind.shape != kind.shape for frame in frames):
        raise NotEligible("size-mixed", "the images of the series differ in size or in kind of pixels")
    if any(frame.kind != kind for frame in frames):
        raise NotEligible("rescale-mixed", "the images of the series do not share one Modality LUT")
    middle = frames[len(frames) // 2]
    header = frames[0].header
    spacing = middle.spacing_mm or numbers(middle.header, "ImagerPixelSpacing", 2)
    steps = [after - before for before, after in pairwise(_positions(frames))]
    return {
        "series": str(header.get("SeriesInstanceUID") or ""),
        "modality": str(header.get("Modality") or ""),
        "description": str(header.get("SeriesDescription") or ""),
        "rows": kind.rows,
        "columns": kind.columns,
        "frames": len(frames),
        "pixel": kind.to_plain(),
        "spacing_mm": list(spacing) if spacing else None,
        "slice_spacing_mm": round(median(steps), 4) if steps else None,
        "windows": _windows(middle),
        "instances": [frame.to_plain(place) for frame, place in zip(frames, _places(frames), strict=True)],
    }


def read_frame(data: bytes | Path, frame: int) -> bytes:
    """Return one frame, row by row: 16-bit little-endian stored values of a grey image, or RGB, 8 bits a sample.

    Args:
        frame: 1-based.

    Raises:
        NotEligible: "pixels-unreadable" when there is no such frame or no decoder; see also decode.py.
        Unavailable: the file cannot be opened.
    """
    return _shown(open_image(data), frame).tobytes()


# ------------------------------------------------------------------------------------------------------------ frames


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What all frames of a series share."""

    rows: int
    columns: int
    name: str
    signed: bool
    inverted: bool
    slope: float
    intercept: float

    @property
    def shape(self) -> tuple[int, int, str, bool, bool]:
        return self.rows, self.columns, self.name, self.signed, self.inverted

    def to_plain(self) -> dict[str, Scalar]:
        return {
            "kind": self.name,
            "signed": self.signed,
            "slope": self.slope,
            "intercept": self.intercept,
            "inverted": self.inverted,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """One frame of one instance."""

    uid: str
    number: int
    file: bytes | Path
    header: Dataset
    kind: _Kind
    plane: Plane | None
    spacing_mm: tuple[float, float] | None

    def to_plain(self, place_mm: float | None) -> dict[str, Any]:
        sides = edges(self.plane.along_row, self.plane.along_column) if self.plane else stated_edges(self.header)
        return {"sop_instance_uid": self.uid, "frame": self.number, "position_mm": place_mm, "edges": sides}


def _frames(uid: str, file: bytes | Path) -> Iterator[_Frame]:
    header = open_header(file, _KEYWORDS)
    photometric = str(header.get("PhotometricInterpretation") or "")
    if "Rows" not in header or photometric not in _GREY | _COLOUR or header.get("SOPClassUID") == SegmentationStorage:
        return
    require_decodable(header)
    for number, frame in enumerate(FrameHeader.of(header, frame_count(header)), start=1):
        yield _Frame(
            uid=uid,
            number=number,
            file=file,
            header=header,
            kind=_kind(frame, photometric),
            plane=frame.plane,
            spacing_mm=frame.spacing_mm,
        )


def _kind(frame: FrameHeader, photometric: str) -> _Kind:
    header, lut = frame.dataset, frame.group("PixelValueTransformationSequence")
    is_grey = photometric in _GREY
    slope, intercept = (numbers(lut, keyword, 1) for keyword in ("RescaleSlope", "RescaleIntercept"))
    return _Kind(
        rows=integer(header, "Rows"),
        columns=integer(header, "Columns"),
        name="gray16" if is_grey else "rgb8",
        signed=is_grey and integer(header, "PixelRepresentation") == 1,
        inverted=photometric == "MONOCHROME1",
        slope=slope[0] if is_grey and slope and slope[0] else 1.0,
        intercept=intercept[0] if is_grey and intercept else 0.0,
    )


def _sorted(frames: list[_Frame]) -> list[_Frame]:
    if len(frames) > FRAMES_MAX:
        raise NotEligible("too-large", f"{len(frames)} frames, more than {FRAMES_MAX}")
    places = dict(zip(map(id, frames), _places(frames), strict=True))

    def order(frame: _Frame) -> tuple[float, int, str, int]:
        return places[id(frame)] or 0.0, integer(frame.header, "InstanceNumber"), frame.uid, frame.number

    return sorted(frames, key=order)


def _places(frames: Sequence[_Frame]) -> list[float | None]:
    """Return where each frame lies along the common normal, in mm; None for all when they have none in common."""
    planes = [frame.plane for frame in frames if frame.plane is not None]
    if len(planes) != len(frames) or not all(plane.is_parallel_to(planes[0]) for plane in planes):
        return [None] * len(frames)
    return [round(dot(plane.position, planes[0].normal), 4) for plane in planes]


def _positions(frames: Sequence[_Frame]) -> list[float]:
    return sorted({place for place in _places(frames) if place is not None})


# ----------------------------------------------------------------------------------------------------------- windows


def _windows(frame: _Frame) -> list[dict[str, float | str]]:
    """Return the windows of the header, or one that shows the middle 98 % of this frame's pixels; none for colour."""
    if frame.kind.name != "gray16":
        return []
    return _stated_windows(frame.header) or [_computed_window(frame)]


def _stated_windows(header: Dataset) -> list[dict[str, float | str]]:
    centers, widths = _many(header, "WindowCenter"), _many(header, "WindowWidth")
    labels = [str(label)[:LABEL_CHARS_MAX] for label in _values(header, "WindowCenterWidthExplanation")]
    labels += [""] * len(centers)
    pairs = zip(centers[:WINDOWS_MAX], widths, labels, strict=False)
    return [{"center": center, "width": width, "label": label} for center, width, label in pairs if width >= 1]


def _computed_window(frame: _Frame) -> dict[str, float | str]:
    stored = decode_frame(open_image(frame.file), frame.number)
    low, high = np.percentile(stored, (1, 99)) * frame.kind.slope + frame.kind.intercept
    center, width = (low + high) / 2, abs(high - low)
    return {"center": round(float(center), 3), "width": round(max(1.0, float(width)), 3), "label": ""}


def _values(header: Dataset, keyword: str) -> list[Any]:
    value = header.get(keyword)
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str | int | float) else list(value)


def _many(header: Dataset, keyword: str) -> list[float]:
    values = _values(header, keyword)
    return (
        list(numbers({keyword: values if len(values) > 1 else values[0]}, keyword, len(values)) or ()) if values else []
    )


# ------------------------------------------------------------------------------------------------------------ pixels


def _shown(dataset: Dataset, frame: int) -> NDArray[Any]:
    photometric = str(dataset.get("PhotometricInterpretation") or "")
    if photometric not in _GREY | _COLOUR:
        raise NotEligible("samples-unsupported", f"pixels of the kind {photometric[:16]!r} are not shown")
    stored = decode_frame(dataset, frame)
    if photometric in _GREY:
        if stored.ndim != 2:
            raise NotEligible("samples-unsupported", "a grey image with more than one sample a pixel")
        return stored.astype("<i2" if stored.dtype.kind == "i" else "<u2")
    colours = _painted(stored, dataset) if photometric == "PALETTE COLOR" else stored
    if colours.ndim != 3:
        raise NotEligible("samples-unsupported", "a colour image with one sample a pixel")
    if colours.dtype.itemsize == 1:
        return colours.astype("u1")
    bits = 16 if photometric == "PALETTE COLOR" else max(8, integer(dataset, "BitsStored", 16))
    return (colours >> (bits - 8)).astype("u1")


def _painted(stored: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    try:
        painted: NDArray[Any] = apply_color_lut(stored, dataset)
    except Exception as error:
        raise NotEligible("pixels-unreadable", f"the palette cannot be read: {type(error).__name__}") from error
    return painted[..., :3]
