"""A series as one regular grid, or the reason why it is none.

The order of slices comes from where they lie in the patient, never from file names, arrival or Instance Number. One
image that cannot be used stops the series: a model must not see part of what it was said to see.

Codes of NotEligible:

    no-images                    nothing with pixels
    not-a-volume                 another kind of image, or position, orientation or spacing is missing
    multi-frame-not-supported    frames without functional groups, of several stacks, or of several points in time
    samples-unsupported          colour, inverted grey (MONOCHROME1), other than 8 or 16 bits, or a Modality LUT of zero
    size-mixed                   slices of different size or pixel spacing
    frame-of-reference-mixed     positions that cannot be compared
    orientation-mixed            planes that are not parallel, e.g. localizers
    gantry-tilt                  slices stacked askew to their normal
    duplicate-position           two slices at one place
    slices-missing               a gap of two or more steps
    spacing-irregular            uneven steps, or slices that do not lie on one line
    too-few-slices, too-large    outside SLICES_MIN, SLICES_MAX, VOXELS_MAX
    pixels-unreadable            an image that cannot be decoded
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    EnhancedPETImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)

from dicom_adapters.image.decode import decode_frame, frame_count, integer, open_header, open_image, require_decodable
from dicom_adapters.image.geometry import FrameHeader, Plane, Vector, dot, looked_up, numbers
from dicom_adapters.read.values import age_years, parse_day
from guarantee.errors import NotEligible
from guarantee.inputs import Slice, Volume

SLICES_MIN: Final = 3
"""Two slices have one gap, which says nothing of missing ones."""

SLICES_MAX: Final = 4_096
"""Whole-body CT at 0.5 mm has about 4,000."""

VOXELS_MAX: Final = 2**28
"""Most voxels: 1,024 slices of 512 x 512, 1 GiB while they are built."""

GAP_TOLERANCE: Final = 0.05
GAP_TOLERANCE_MM: Final = 0.1
"""A step may differ from the median by 5 %, or by 0.1 mm where that is more: senders round positions to 0.001 mm and
tables move to about 0.05 mm, while a missing slice is at least 100 %."""

DUPLICATE_MM: Final = 0.01
"""Two slices closer than this are at one place; the thinnest slices are 0.2 mm apart."""

TILT_COSINE_MIN: Final = math.cos(math.radians(0.5))
"""How far the stacking direction may be from the normal: 0.5 degrees, 1.7 mm over a head of 200 mm. The grid keeps such
a lean exactly; models are not made for more."""

SPACING_TOLERANCE: Final = 1e-3
"""Relative difference of pixel spacings that is rounding: half a millimetre over 512 pixels of 1 mm."""

_KEYWORDS: Final = (
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality", "StudyDate"),
    *("PatientAge", "PatientBirthDate", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "PhotometricInterpretation"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
_ONE_STACK: Final = ("StackID", "TemporalPositionIndex")
"""What all frames share that are one volume (PS3.3, C.7.6.16.2.2). Echoes and phases lie at one place."""

_SINGLE_FRAME: Final = frozenset({CTImageStorage, MRImageStorage, PositronEmissionTomographyImageStorage})
_MULTI_FRAME: Final = frozenset(
    {
        EnhancedCTImageStorage,
        EnhancedMRImageStorage,
        EnhancedPETImageStorage,
        LegacyConvertedEnhancedCTImageStorage,
        LegacyConvertedEnhancedMRImageStorage,
        LegacyConvertedEnhancedPETImageStorage,
    }
)


def read_volume(files: Sequence[bytes | Path]) -> Volume:
    """Return the volume that ``files`` make.

    Values are what the Modality LUT gives (PS3.3 C.11.1): 16-bit integers where it only shifts by a whole number and
    the result fits, 32-bit floats otherwise; one type for all slices.

    Args:
        files: the instances of one series, in any order, as kept by the vault.

    Raises:
        NotEligible: see the codes at the top of this file.
        Unavailable: a file cannot be opened.
    """
    if len(files) > SLICES_MAX:
        raise NotEligible("too-large", f"{len(files)} images, more than {SLICES_MAX}")
    headers = [open_header(file, _KEYWORDS) for file in files]
    pictures = sum("Rows" in header for header in headers)
    if not pictures:
        raise NotEligible("no-images", "the series holds no images")
    if pictures < len(files):
        raise NotEligible("not-a-volume", f"{len(files) - pictures} of {len(files)} instances are not images")
    images = [image for header, file in zip(headers, files, strict=True) for image in _images(header, file)]
    _require_alike(images)
    normal = images[0].plane.normal
    images.sort(key=lambda image: dot(image.plane.position, normal))
    step = _step(images)
    voxels = _voxels(images)
    header, first = images[0].header, images[0]
    return Volume(
        voxels=voxels.data.cast("B"),
        dtype=voxels.dtype.str,
        shape=(len(images), first.rows, first.columns),
        affine=_affine(first, step),
        slices=tuple(image.source for image in images),
        modality=str(header.get("Modality") or ""),
        patient_age_years=age_years(
            str(header.get("PatientAge") or ""),
            parse_day(str(header.get("PatientBirthDate") or "")),
            parse_day(str(header.get("StudyDate") or "")),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    """One slice, its pixels not yet read.

    Args:
        spacing_mm: between rows, then between columns.
    """

    file: bytes | Path
    header: Dataset
    source: Slice
    plane: Plane
    spacing_mm: tuple[float, float]
    rows: int
    columns: int
    frame_of_reference: str
    series: str

    @classmethod
    def of(cls, frame: FrameHeader, file: bytes | Path, number: int) -> "_Image":
        header, plane, spacing = frame.dataset, frame.plane, frame.spacing_mm
        if plane is None or spacing is None:
            raise NotEligible("not-a-volume", "position, orientation or pixel spacing is missing or makes no sense")
        return cls(
            file=file,
            header=header,
            source=Slice(
                sop_class_uid=str(header.get("SOPClassUID") or ""),
                sop_instance_uid=str(header.get("SOPInstanceUID") or ""),
                frame=number,
            ),
            plane=plane,
            spacing_mm=spacing,
            rows=integer(header, "Rows"),
            columns=integer(header, "Columns"),
            frame_of_reference=str(header.get("FrameOfReferenceUID") or ""),
            series=str(header.get("SeriesInstanceUID") or ""),
        )


def _images(header: Dataset, file: bytes | Path) -> list[_Image]:
    """Return the slices of one instance: itself, or each of its frames."""
    sop_class, count = str(header.get("SOPClassUID") or ""), frame_count(header)
    if sop_class not in _SINGLE_FRAME | _MULTI_FRAME:
        raise NotEligible("not-a-volume", f"images of class {sop_class} are not slices of a volume")
    _require_grey(header)
    if sop_class in _SINGLE_FRAME:
        if count > 1:
            raise NotEligible("multi-frame-not-supported", f"{count} frames of a class that has one")
        return [_Image.of(frame, file, 0) for frame in FrameHeader.of(header, 1)]
    if count > SLICES_MAX:
        raise NotEligible("too-large", f"{count} frames, more than {SLICES_MAX}")
    frames = FrameHeader.of(header, count)
    if not all(frame.own for frame in frames):
        raise NotEligible("multi-frame-not-supported", f"{count} frames that do not say where they lie")
    for keyword in _ONE_STACK:
        if len({str(looked_up(frame.item("FrameContentSequence"), keyword)) for frame in frames}) > 1:
            raise NotEligible("multi-frame-not-supported", f"frames that differ in {keyword}")
    return [_Image.of(frame, file, number) for number, frame in enumerate(frames, start=1)]


def _require_grey(header: Dataset) -> None:
    require_decodable(header)
    photometric, samples = str(header.get("PhotometricInterpretation") or ""), integer(header, "SamplesPerPixel", 1)
    if (photometric, samples) != ("MONOCHROME2", 1):
        raise NotEligible("samples-unsupported", f"{samples} samples of {photometric or 'an unknown kind'}")


# ---------------------------------------------------------------------------------------------------------- the grid


def _require_alike(images: Sequence[_Image]) -> None:
    first = images[0]
    if len(images) < SLICES_MIN:
        raise NotEligible("too-few-slices", f"{len(images)} slices; at least {SLICES_MIN} make a volume")
    if len({image.series for image in images}) > 1:
        raise NotEligible("not-a-volume", "the images are of more than one series")
    if len({image.frame_of_reference for image in images}) > 1:
        raise NotEligible("frame-of-reference-mixed", "positions refer to more than one frame of reference")
    if not all(image.plane.is_parallel_to(first.plane) for image in images):
        raise NotEligible("orientation-mixed", "the planes of the images are not parallel")
    sizes = {(image.rows, image.columns) for image in images}
    if len(sizes) > 1 or not all(_is_close(image.spacing_mm, first.spacing_mm) for image in images):
        raise NotEligible("size-mixed", f"{len(sizes)} sizes, or more than one pixel spacing")
    if len(images) * first.rows * first.columns > VOXELS_MAX:
        raise NotEligible("too-large", f"{len(images)} slices of {first.rows} x {first.columns}")


def _is_close(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return all(math.isclose(x, y, rel_tol=SPACING_TOLERANCE) for x, y in zip(a, b, strict=True))


def _step(images: Sequence[_Image]) -> Vector:
    """Return the way from one slice to the next, in mm; ``images`` are sorted along their normal."""
    positions = np.array([image.plane.position for image in images])
    normal = np.array(images[0].plane.normal)
    gaps = np.diff(positions @ normal)
    if gaps.min() < DUPLICATE_MM:
        raise NotEligible("duplicate-position", f"{int((gaps < DUPLICATE_MM).sum()) + 1} slices share a place")
    span = positions[-1] - positions[0]
    if span @ normal < TILT_COSINE_MIN * np.linalg.norm(span):
        angle = math.degrees(math.acos(span @ normal / np.linalg.norm(span)))
        raise NotEligible("gantry-tilt", f"slices are stacked {angle:.1f} degrees away from their normal")
    _require_even(gaps)
    step = span / (len(images) - 1)
    beside = np.linalg.norm(positions - positions[0] - np.outer(np.arange(len(images)), step), axis=1)
    if beside.max() > max(GAP_TOLERANCE * float(np.median(gaps)), GAP_TOLERANCE_MM):
        raise NotEligible("spacing-irregular", f"a slice lies {beside.max():.2f} mm beside the line of the others")
    return float(step[0]), float(step[1]), float(step[2])


def _require_even(gaps: NDArray[np.float64]) -> None:
    median = float(np.median(gaps))
    tolerance = max(GAP_TOLERANCE * median, GAP_TOLERANCE_MM)
    odd = gaps[np.abs(gaps - median) > tolerance]
    if not odd.size:
        return
    steps = np.round(odd / median)
    if bool(np.all((steps >= 2) & (np.abs(odd - steps * median) <= tolerance * steps))):
        raise NotEligible("slices-missing", f"{int((steps - 1).sum())} slices are missing in {odd.size} gaps")
    detail = f"steps of {gaps.min():.2f} to {gaps.max():.2f} mm, median {median:.2f} mm"
    raise NotEligible("spacing-irregular", detail)


def _affine(first: _Image, step: Vector) -> tuple[float, ...]:
    """Return the 4 x 4 matrix, row by row, from (column, row, slice, 1) to patient coordinates."""
    row_mm, column_mm = first.spacing_mm
    lines = zip(first.plane.along_row, first.plane.along_column, step, first.plane.position, strict=True)
    spatial = [v for x, y, z, origin in lines for v in (x * column_mm, y * row_mm, z, origin)]
    return (*spatial, 0.0, 0.0, 0.0, 1.0)


# -------------------------------------------------------------------------------------------------------- the values


def _voxels(images: Sequence[_Image]) -> NDArray[Any]:
    """Return the values of all slices: axes (slice, row, column), C order, little-endian.

    They are gathered as 32-bit floats, which hold every whole number up to 2**24 exactly, and become 16-bit integers
    when all of them are whole and fit: the range that a header allows says nothing (a CT of 12 bits in 16, shifted by
    -1024, does not fit by its header, and does by its values).
    """
    voxels = np.empty((len(images), images[0].rows, images[0].columns), dtype="<f4")
    is_whole = True
    file: bytes | Path | None = None
    frames: list[FrameHeader] = []
    for index, image in enumerate(images):
        if image.file is not file:  # the frames of one instance lie side by side: it is opened once
            file, dataset = image.file, open_image(image.file)
            frames = FrameHeader.of(dataset, frame_count(dataset))
        values, whole = _values(frames, image.source.frame or 1)
        with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused below
            voxels[index] = values
        is_whole = is_whole and whole
    lowest, highest = float(voxels.min()), float(voxels.max())
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        raise NotEligible("samples-unsupported", "rescaled values are beyond 32-bit floats")
    for kind in ("<i2", "<u2") if is_whole else ():
        if np.iinfo(kind).min <= lowest and highest <= np.iinfo(kind).max:
            return voxels.astype(kind)
    return voxels


def _values(frames: Sequence[FrameHeader], number: int) -> tuple[NDArray[Any], bool]:
    """Return the values of one frame after its Modality LUT, and whether they are whole numbers by construction."""
    frame = frames[number - 1]
    stored = decode_frame(frame.dataset, number)
    lut = frame.group("PixelValueTransformationSequence")
    if looked_up(lut, "ModalityLUTSequence"):
        return _looked_up(stored, lut), True
    slope, intercept = (numbers(lut, keyword, 1) for keyword in ("RescaleSlope", "RescaleIntercept"))
    a = 1.0 if "RescaleSlope" not in lut else slope[0] if slope else 0.0
    b = 0.0 if "RescaleIntercept" not in lut else intercept[0] if intercept else math.nan
    if a == 0 or math.isnan(b):
        raise NotEligible("samples-unsupported", "rescale slope or intercept is no number, or the slope is zero")
    if a == 1 and b.is_integer() and abs(b) < 2**23:
        return stored.astype(np.int32) + int(b), True
    return stored * a + b, False


def _looked_up(stored: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    try:
        looked_up: NDArray[Any] = apply_modality_lut(stored, dataset)
    except Exception as error:
        raise NotEligible("samples-unsupported", f"the Modality LUT cannot be read: {type(error).__name__}") from error
    return looked_up
