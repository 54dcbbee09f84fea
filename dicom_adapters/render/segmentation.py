"""The masks of a content as one DICOM segmentation, and back.

The bits that were endorsed are the bits that are written: a mask's frames are copied, not drawn again. The data set is
assembled here and not by highdicom's ``Segmentation``, which stamps the present time, draws a random dimension UID,
logs the study and, for a name without a caret, warns with the patient's name; the parts are highdicom's.

Frames where a segment is empty are left out (a segment that is empty everywhere keeps its first). The grid survives
all the same: Referenced Series Sequence lists every source image in the order of the mask. It cannot list the frames of
a multi-frame image, so on such a source every frame is written, empty or not.

Source: PS3.3, A.51 and C.8.20 (Segmentation), C.7.6.16 (functional groups), C.7.6.17 (dimensions).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import SegmentDescription
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import SegmentationStorage

from dicom_adapters.render.draft import (
    CONTENT_LABEL,
    UNVALIDATED,
    Draft,
    Subject,
    is_amended,
    made_at,
    number_of,
    uid_of,
)
from dicom_adapters.render.envelope import (
    Identity,
    Options,
    add_model,
    begin,
    coded,
    model_maker,
    parameters,
    reference,
    segment_label,
    series_label,
    shortened,
)
from dicom_adapters.render.source import Read, Sources
from dicom_adapters.uids import derive_uid
from guarantee.content import Finding, Segment, Text
from guarantee.errors import Malformed
from guarantee.ids import Digest, digest
from guarantee.mask import Grid, Mask, frame_name, frame_of

FRAMES_MAX: Final = 20_000
"""Most frames written. Ten organs on 2,000 slices; each frame costs about 500 bytes of header, and viewers give up long
before."""

_DERIVATION: Final = ("113076", "DCM", "Segmentation")
_SOURCE_IMAGE: Final = ("121322", "DCM", "Source image for image processing operation")
_NUMBER: Final = "content_segment"
_VALIDATED: Final = Text(fr="segmentation validée", en="validated segmentation")
_GEOMETRY: Final = (("ImagePositionPatient", 3), ("ImageOrientationPatient", 6), ("PixelSpacing", 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """The object, and where the report finds each segment in it.

    Args:
        numbers: of the segments in the object (1, 2, 3…), by their number in the content, which may have gaps.
        series: Series Instance UID of the source images.
    """

    dataset: Dataset
    numbers: dict[int, int]
    series: str


def build_segmentation(subject: Subject, sources: Sources, read: Read, options: Options) -> Segmentation:
    """Return the segmentation of the content's segments.

    Args:
        read: returns the bytes of a mask.

    Raises:
        Malformed: there is no segment, a mask does not fit the sources, or the sources have no geometry.
        BlobMissing: the vault does not hold a mask.
    """
    content = subject.content
    masks = {segment.number: Mask.from_bytes(read(segment.mask)) for segment in content.segments}
    grid = _common_grid(tuple(masks.values()))
    series = _series(grid, sources)
    numbers = {segment.number: n for n, segment in enumerate(content.segments, start=1)}
    frames = [(numbers[number], index) for number, mask in masks.items() for index in _used(mask)]
    if len(frames) > FRAMES_MAX:
        raise Malformed(f"a segmentation of {len(frames)} frames; at most {FRAMES_MAX} are written")
    dataset = _begin(subject, sources, options)
    dataset.SegmentSequence = [
        _description(segment, numbers[segment.number], subject, options) for segment in content.segments
    ]
    dataset.SegmentsOverlap = "YES" if _overlap(tuple(masks.values())) else "NO"
    _add_source_geometry(dataset, grid, [sources.frame(grid.frames[index]) for _, index in frames])
    _add_frames(dataset, grid, frames, sources, options, subject)
    by_number = {numbers[number]: mask for number, mask in masks.items()}
    dataset.PixelData = _packed(grid, [by_number[number].frame(index) for number, index in frames])
    _add_grid(dataset, grid, series, sources)
    return Segmentation(dataset=dataset, numbers=numbers, series=series)


def tracking(finding: Finding, subject: Subject, options: Options) -> tuple[str, str]:
    """Return tracking identifier and tracking UID of a finding: the same after a correction or a new revision."""
    case, result = subject.case, subject.result
    return finding.key, derive_uid(
        options.site_namespace, "tracking", case.uid, result.focus, result.model.id, finding.key
    )


# ------------------------------------------------------------------------------------------------------ what is where


def _common_grid(masks: Sequence[Mask]) -> Grid:
    if not masks:
        raise Malformed("a content without segments has no segmentation")
    grid = masks[0].grid
    if any(mask.grid != grid for mask in masks):
        raise Malformed("the masks of one draft lie on the same images, in the same order; these do not")
    return grid


def _series(grid: Grid, sources: Sources) -> str:
    series = sources.focus[0].group
    uids = {frame_of(name)[0] for name in grid.frames}
    if any(sources.named(uid).group != series for uid in uids) or len(set(grid.frames)) != len(grid.frames):
        raise Malformed("a mask lies on the images of the series that the model was chosen for, each once")
    return series


def _used(mask: Mask) -> list[int]:
    """Return the frames to write: those with a pixel, or the first of a mask that is empty everywhere.

    On frames of multi-frame images: all, for nothing else would say which there are, and in which order.
    """
    names = mask.grid.frames
    if any(frame_of(name)[1] for name in names):
        return list(range(len(names)))
    return [index for index in range(len(names)) if any(mask.frame(index))] or [0]


def _overlap(masks: Sequence[Mask]) -> bool:
    seen = 0
    for mask in masks:
        bits = int.from_bytes(mask.bits)
        if seen & bits:
            return True
        seen |= bits
    return False


def _packed(grid: Grid, frames: Sequence[bytes]) -> bytes:
    """Return the frames one after the other, one bit a pixel, lowest bit first, padded to an even length at the end.

    Source: PS3.5, 8.1.1 (bits allocated 1); PS3.3, C.8.20.2.1.
    """
    pixels = grid.rows * grid.columns
    if pixels % 8 == 0:
        data = b"".join(frames)
    else:
        bits = [np.unpackbits(np.frombuffer(f, np.uint8), count=pixels, bitorder="little") for f in frames]
        data = np.packbits(np.concatenate(bits), bitorder="little").tobytes()
    return data + b"\0" * (len(data) % 2)


# ---------------------------------------------------------------------------------------------------- the data set


def _begin(subject: Subject, sources: Sources, options: Options) -> Dataset:
    card, is_draft = subject.card, isinstance(subject, Draft)
    identity = Identity(
        sop_class_uid=SegmentationStorage,
        sop_instance_uid=uid_of("seg", subject, options.site_namespace),
        series_uid=uid_of("seg-series", subject, options.site_namespace),
        number=number_of(1, subject),
        modality="SEG",
        description=UNVALIDATED if is_draft else series_label(subject, _VALIDATED),
    )
    at, source = made_at(subject), sources.first
    dataset = begin(identity, model_maker(card, options), source=source, at=at, options=options)
    add_model(dataset, subject, source=source, at=at, options=options)
    for keyword in ("BodyPartExamined", "Laterality"):  # an image says which side; a report says it of each finding
        if source.get(keyword):
            dataset.add(source[keyword])
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelRepresentation = 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 1, 1, 0
    dataset.SegmentationType = "BINARY"
    dataset.ContentLabel = CONTENT_LABEL if is_draft else "AI_SEG"
    dataset.ContentDescription = shortened(identity.description)
    dataset.ContentCreatorName = f"IA^{shortened(card.model.name, 60)}"
    return dataset


def _description(segment: Segment, number: int, subject: Subject, options: Options) -> Any:
    content, model = subject.content, subject.card.model
    findings = [finding for finding in content.findings if finding.segment == segment.number]
    tracked = tracking(findings[0], subject, options) if findings else (None, None)
    algorithm = AlgorithmIdentificationSequence(
        name=shortened(model.name),
        version=shortened(model.version),
        source=shortened(subject.card.manufacturer),
        family=codes.cid7162.ArtificialIntelligence,
        parameters={_NUMBER: str(segment.number), **parameters(subject)},
    )
    return SegmentDescription(
        segment_number=number,
        segment_label=segment_label(segment.label, subject),
        segmented_property_category=coded(segment.category),
        segmented_property_type=coded(segment.type),
        algorithm_type="SEMIAUTOMATIC" if is_amended(subject) else "AUTOMATIC",
        algorithm_identification=algorithm,
        tracking_id=tracked[0],
        tracking_uid=tracked[1],
        anatomic_regions=[coded(findings[0].site)] if findings and findings[0].site else None,
    )


def _add_source_geometry(dataset: Dataset, grid: Grid, images: Sequence[Dataset]) -> None:
    """Add what all frames share, after checking that they do."""
    first = images[0]
    for image in images:
        if not image.get("FrameOfReferenceUID") or not _has_geometry(image):
            raise Malformed("the source images of a mask say where they are in the patient; one of these does not")
        if any(image.get(k) != first.get(k) for k in ("FrameOfReferenceUID", "ImageOrientationPatient")):
            raise Malformed("the source images of a mask are parallel and in one frame of reference")
        if (image.Rows, image.Columns) != (grid.rows, grid.columns):
            raise Malformed("a mask has the size of its source images")
    dataset.Rows, dataset.Columns = grid.rows, grid.columns
    dataset.FrameOfReferenceUID = first.FrameOfReferenceUID
    dataset.PositionReferenceIndicator = first.get("PositionReferenceIndicator", "")
    dataset.LossyImageCompression = "01" if any(i.get("LossyImageCompression") == "01" for i in images) else "00"
    for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        if dataset.LossyImageCompression == "01" and first.get(keyword):
            dataset.add(first[keyword])
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    for keyword in ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"):
        if first.get(keyword):
            measures.add(first[keyword])
    orientation.add(first["ImageOrientationPatient"])
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    dataset.SharedFunctionalGroupsSequence = [shared]


def _has_geometry(image: Dataset) -> bool:
    return all(keyword in image and count == image[keyword].VM for keyword, count in _GEOMETRY)


def _add_frames(
    dataset: Dataset,
    grid: Grid,
    frames: Sequence[tuple[int, int]],
    sources: Sources,
    options: Options,
    subject: Subject,
) -> None:
    """Add one functional group for each frame, given as (segment number, index in the grid)."""
    organisation = uid_of("seg-dimensions", subject, options.site_namespace)
    dataset.NumberOfFrames = len(frames)
    dataset.DimensionOrganizationSequence = [Dataset()]
    dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID = organisation
    dataset.DimensionIndexSequence = [
        _dimension(organisation, 0x0062000B, 0x0062000A),  # Referenced Segment Number, Segment Identification
        _dimension(organisation, 0x00200032, 0x00209113),  # Image Position (Patient), Plane Position
    ]
    images = {index: sources.frame(grid.frames[index]) for _, index in frames}
    places = _ranks(images)
    dataset.PerFrameFunctionalGroupsSequence = [
        _frame(number, places[index], images[index], frame_of(grid.frames[index])[1]) for number, index in frames
    ]


def _dimension(organisation: str, pointer: int, group: int) -> Dataset:
    item = Dataset()
    item.DimensionOrganizationUID = organisation
    item.DimensionIndexPointer = pointer
    item.FunctionalGroupPointer = group
    return item


def _ranks(images: dict[int, Dataset]) -> dict[int, int]:
    """Return the place of each image along the normal of the common plane, from 1."""
    orientation = np.asarray(next(iter(images.values())).ImageOrientationPatient, float)
    normal = np.cross(orientation[:3], orientation[3:])
    heights = {index: float(normal @ np.asarray(i.ImagePositionPatient, float)) for index, i in images.items()}
    ordered = sorted(heights, key=lambda index: (heights[index], index))
    return {index: rank for rank, index in enumerate(ordered, start=1)}


def _frame(number: int, place: int, image: Dataset, source_frame: int) -> Dataset:
    """Return the functional groups of one frame.

    Args:
        source_frame: of a multi-frame image; 0 for an image that is one frame.
    """
    item, content, position, segment, derivation = (Dataset() for _ in range(5))
    content.DimensionIndexValues = [number, place]
    item.FrameContentSequence = [content]
    position.add(image["ImagePositionPatient"])
    item.PlanePositionSequence = [position]
    segment.ReferencedSegmentNumber = number
    item.SegmentIdentificationSequence = [segment]
    source = reference(image.SOPClassUID, image.SOPInstanceUID)
    if source_frame:
        source.ReferencedFrameNumber = source_frame
    source.PurposeOfReferenceCodeSequence = [_code(_SOURCE_IMAGE)]
    source.SpatialLocationsPreserved = "YES"
    derivation.SourceImageSequence = [source]
    derivation.DerivationCodeSequence = [_code(_DERIVATION)]
    item.DerivationImageSequence = [derivation]
    return item


def _code(code: tuple[str, str, str]) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code
    return item


def _add_grid(dataset: Dataset, grid: Grid, series: str, sources: Sources) -> None:
    """List every source image in the order of the mask (PS3.3, C.12.2, Common Instance Reference)."""
    item = Dataset()
    item.SeriesInstanceUID = series
    uids = dict.fromkeys(frame_of(name)[0] for name in grid.frames)
    item.ReferencedInstanceSequence = [reference(sources.named(uid).kind, uid) for uid in uids]
    dataset.ReferencedSeriesSequence = [item]


# -------------------------------------------------------------------------------------------------------------- back


def read_masks(dataset: Dataset) -> tuple[tuple[int, Digest], ...]:
    """Return (number in the content, digest of the mask) of each segment, from the data set alone.

    Raises:
        Malformed: the object does not say what is needed to rebuild a mask.
    """
    grid = Grid(
        frames=_names(dataset),
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
    )
    places = {uid: index for index, uid in enumerate(grid.frames)}
    bits = {int(s.SegmentNumber): [bytes(grid.frame_bytes)] * len(grid.frames) for s in dataset.SegmentSequence}
    frames = _unpacked(dataset.PixelData, grid, int(dataset.NumberOfFrames))
    for group, frame in zip(dataset.PerFrameFunctionalGroupsSequence, frames, strict=True):
        number = int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        bits[number][places[_source_name(group)]] = frame
    return tuple(
        (_content_number(s), digest(Mask(grid=grid, bits=b"".join(bits[int(s.SegmentNumber)])).to_bytes()))
        for s in dataset.SegmentSequence
    )


def _names(dataset: Dataset) -> tuple[str, ...]:
    """Return what the mask called its images, in its order."""
    named = dict.fromkeys(_source_name(group) for group in dataset.PerFrameFunctionalGroupsSequence)
    if any(frame_of(name)[1] for name in named):
        return tuple(named)
    instances = dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    return tuple(str(item.ReferencedSOPInstanceUID) for item in instances)


def _source_name(group: Dataset) -> str:
    source = group.DerivationImageSequence[0].SourceImageSequence[0]
    return frame_name(str(source.ReferencedSOPInstanceUID), int(source.get("ReferencedFrameNumber") or 0))


def _unpacked(data: bytes, grid: Grid, count: int) -> list[bytes]:
    pixels = grid.rows * grid.columns
    if len(data) < (pixels * count + 7) // 8:
        raise Malformed("the pixels of a segmentation end too early")
    if pixels % 8 == 0:
        return [data[n * grid.frame_bytes : (n + 1) * grid.frame_bytes] for n in range(count)]
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=pixels * count, bitorder="little").reshape(count, pixels)
    return [np.packbits(frame, bitorder="little").tobytes() for frame in bits]


def _content_number(segment: Dataset) -> int:
    parameters = segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters
    found = dict(part.split("=", maxsplit=1) for part in parameters.split(",") if "=" in part)
    if not found.get(_NUMBER, "").isdecimal():
        raise Malformed("a segment does not say its number in the content")
    return int(found[_NUMBER])
