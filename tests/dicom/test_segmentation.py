"""The segmentation holds the endorsed masks voxel by voxel, where the images are."""

import tarfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import highdicom as hd
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset

from dicom_adapters.render.renderer import DicomRenderer
from guarantee.agreement import disagreement
from guarantee.amend import Edits, FindingEdit
from guarantee.content import Content, Presence
from guarantee.errors import Malformed
from guarantee.mask import Grid, Mask
from guarantee.ports import Endorsed, Rendered
from tests.dicom import endorsements as e
from tests.dicom import samples
from tests.peers.dicom_tools import Dicom3Tools

DATA: Final = Path(__file__).parents[2].parent / "shared" / "data" / "dicom"
DIRECTORY: Final = b"1.2.840.10008.1.3.10"
"""Media Storage Directory: a table of contents, not an instance."""

Voxels = np.ndarray[Any, Any]
"""Axes (frame, row, column), 0 or 1."""


def rendered(scene: e.Scene, endorsed: Endorsed) -> Sequence[Rendered]:
    return DicomRenderer(e.OPTIONS, scene.read).render(endorsed)


def said(objects: Sequence[Rendered], content: Content) -> str | None:
    return disagreement(DicomRenderer(e.OPTIONS, lambda _: b"").read_back(objects), content)


def drawn(scene: e.Scene, *masks: Voxels, **changes: Any) -> Content:
    """Return a content with one finding for each mask."""
    numbers = range(1, len(masks) + 1)
    segments = tuple(
        e.segment(n, scene.keep(e.to_mask(scene.grid, m).to_bytes())) for n, m in zip(numbers, masks, strict=True)
    )
    findings = tuple(e.finding(f"organ-{n}", segment=n) for n in numbers)
    return e.content(scene, segments=segments, findings=findings, **changes)


def ball(scene: e.Scene, *, at: float = 0.5) -> Voxels:
    """Return an ellipsoid that touches no border."""
    z, y, x = np.meshgrid(
        *(np.linspace(0, 1, n) for n in (len(scene.grid.frames), scene.grid.rows, scene.grid.columns)), indexing="ij"
    )
    return ((z - at) ** 2 + (y - 0.4) ** 2 + (x - 0.6) ** 2 < 0.06).astype(np.uint8)


def seg_of(objects: Sequence[Rendered]) -> Dataset:
    return dcmread(BytesIO(objects[0].data))


# ------------------------------------------------------------------------------------------------------- voxel by voxel


@pytest.mark.parametrize(
    ("modality", "orientation", "rows", "columns"),
    [
        ("MR", samples.AXIAL, 36, 44),
        ("MR", samples.SAGITTAL, 35, 43),  # a frame does not end at a whole byte
        ("CT", samples.OBLIQUE, 33, 31),
        ("PT", samples.CORONAL, 16, 9),
    ],
)
def test_highdicom_and_pydicom_read_the_voxels_that_were_endorsed(
    modality: str,
    orientation: tuple[float, ...],
    rows: int,
    columns: int,
    tmp_path: Path,
    dicom3tools: Dicom3Tools,
) -> None:
    scene = e.scene(modality=modality, orientation=orientation, rows=rows, columns=columns)
    masks = (ball(scene), ball(scene, at=0.3))
    endorsed = e.endorse(scene, drawn(scene, *masks))
    objects = rendered(scene, endorsed)
    assert said(objects, endorsed.content) is None
    (tmp_path / "seg").write_bytes(objects[0].data)
    assert dicom3tools.errors(tmp_path / "seg") == []
    seg = hd.seg.segread(tmp_path / "seg")
    read = seg.get_pixels_by_source_instance(
        list(scene.grid.frames), segment_numbers=[1, 2], assert_missing_frames_are_empty=True
    )
    assert np.array_equal(np.moveaxis(read, -1, 0), np.stack(masks))
    assert seg.SegmentsOverlap == "YES"
    used = [int(mask[n].any()) for mask in masks for n in range(len(mask))]
    assert sum(used) == seg.NumberOfFrames < len(used)
    assert seg_of(objects).pixel_array.sum() == sum(mask.sum() for mask in masks)


@pytest.mark.parametrize("orientation", [samples.AXIAL, samples.SAGITTAL, samples.OBLIQUE])
def test_a_segment_lies_where_the_images_are(orientation: tuple[float, ...]) -> None:
    scene = e.scene(orientation=orientation, slices=7)
    objects = rendered(scene, e.endorse(scene, drawn(scene, ball(scene))))
    volume = hd.seg.segread(BytesIO(objects[0].data)).get_volume(combine_segments=True)
    images = [dcmread(BytesIO(scene.blobs[s.digest])) for s in scene.sources]
    first = min(images, key=lambda image: image.InstanceNumber)
    truth = hd.get_volume_from_series(sorted(images, key=lambda image: image.InstanceNumber))
    assert np.array_equal(volume.match_geometry(truth).array != 0, ball(scene) != 0)
    assert seg_of(objects).FrameOfReferenceUID == first.FrameOfReferenceUID


def test_the_order_of_the_masks_frames_is_kept_whatever_it_is() -> None:
    scene = e.scene()
    shuffled = Grid(frames=scene.grid.frames[::-2] + scene.grid.frames[::2], rows=36, columns=44)
    scene = replace(scene, grid=shuffled)
    endorsed = e.endorse(scene, drawn(scene, ball(scene)))
    objects = rendered(scene, endorsed)
    assert said(objects, endorsed.content) is None
    ranks = [
        g.FrameContentSequence[0].DimensionIndexValues[1] for g in seg_of(objects).PerFrameFunctionalGroupsSequence
    ]
    heights = [
        float(g.PlanePositionSequence[0].ImagePositionPatient[2])
        for g in seg_of(objects).PerFrameFunctionalGroupsSequence
    ]
    assert sorted(heights) == [height for _, height in sorted(zip(ranks, heights, strict=True))]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_masks_come_back_as_they_were(data: st.DataObject) -> None:
    rows, columns, slices = (data.draw(st.integers(*bounds)) for bounds in ((1, 9), (1, 9), (3, 5)))
    scene = e.scene(slices=slices, rows=rows, columns=columns)
    shape = (slices, rows, columns)
    masks = data.draw(st.lists(arrays.arrays(np.uint8, shape, elements=st.integers(0, 1)), min_size=1, max_size=3))
    endorsed = e.endorse(scene, drawn(scene, *masks))
    assert said(rendered(scene, endorsed), endorsed.content) is None


def test_an_empty_segment_keeps_one_frame_and_is_read_back_empty(tmp_path: Path, dicom3tools: Dicom3Tools) -> None:
    scene = e.scene()
    nothing = np.zeros((6, 36, 44), np.uint8)
    draft = drawn(scene, nothing)
    draft = replace(draft, findings=(replace(draft.findings[0], presence=Presence.ABSENT),))
    endorsed = e.endorse(scene, draft)
    objects = rendered(scene, endorsed)
    assert said(objects, endorsed.content) is None
    assert seg_of(objects).NumberOfFrames == 1
    (tmp_path / "seg").write_bytes(objects[0].data)
    assert dicom3tools.errors(tmp_path / "seg") == []
    assert not hd.seg.segread(tmp_path / "seg").pixel_array.any()


def test_a_dropped_segment_leaves_no_gap_in_the_object_and_none_in_the_content() -> None:
    scene = e.scene()
    draft = drawn(scene, ball(scene), ball(scene, at=0.3), ball(scene, at=0.8))
    endorsed = e.endorse(scene, draft, edits=Edits(findings=(FindingEdit(key="organ-2", keep=False),)))
    assert [segment.number for segment in endorsed.content.segments] == [1, 3]
    objects = rendered(scene, endorsed)
    assert [item.SegmentNumber for item in seg_of(objects).SegmentSequence] == [1, 2]
    assert said(objects, endorsed.content) is None
    report = hd.sr.srread(BytesIO(objects[1].data))
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert [group.referenced_segment.referenced_segment_numbers for group in groups] == [[1], [2]]


def test_segments_that_do_not_touch_are_said_not_to_overlap() -> None:
    scene = e.scene()
    left, right = (np.zeros((6, 36, 44), np.uint8) for _ in range(2))
    left[2, :, :20] = 1
    right[2, :, 20:] = 1
    assert seg_of(rendered(scene, e.endorse(scene, drawn(scene, left, right)))).SegmentsOverlap == "NO"


@pytest.mark.parametrize("name", ["mr_t1_brain_vsseg001_jpegls.tar", "ct_head_phantom_philips.tar.xz"])
def test_a_real_series_gives_objects_without_an_error(name: str, tmp_path: Path, dicom3tools: Dicom3Tools) -> None:
    archive = DATA / name
    if not archive.exists():
        pytest.skip(f"{archive} is not here")
    with tarfile.open(archive) as tar:
        files = [part.read() for member in tar if (part := tar.extractfile(member)) is not None]
    scene = e.scene([f for f in files if f[128:132] == b"DICM" and DIRECTORY not in f[:400]])
    endorsed = e.endorse(scene, drawn(scene, ball(scene)))
    objects = rendered(scene, endorsed)
    assert said(objects, endorsed.content) is None
    for part in objects:
        (tmp_path / part.name).write_bytes(part.data)
        assert dicom3tools.errors(tmp_path / part.name) == []


# ------------------------------------------------------------------------------------------------ one bit, one frame


def altered(objects: Sequence[Rendered], change: Callable[[Dataset], object]) -> list[Rendered]:
    dataset = seg_of(objects)
    change(dataset)
    out = BytesIO()
    dcmwrite(out, dataset)
    return [replace(objects[0], data=out.getvalue()), *objects[1:]]


@pytest.mark.parametrize("bit", [0, 1, 1583, 1584, 3000])
def test_one_flipped_bit_is_noticed(bit: int) -> None:
    scene = e.scene()
    endorsed = e.endorse(scene, drawn(scene, ball(scene)))
    objects = rendered(scene, endorsed)

    def flip(dataset: Dataset) -> None:
        pixels = bytearray(dataset.PixelData)
        pixels[bit // 8] ^= 1 << bit % 8
        dataset.PixelData = bytes(pixels)

    assert "voxel by voxel" in (said(altered(objects, flip), endorsed.content) or "")


def test_a_frame_that_points_at_another_image_is_noticed() -> None:
    scene = e.scene()
    endorsed = e.endorse(scene, drawn(scene, ball(scene)))

    def move(dataset: Dataset) -> None:
        source = dataset.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
        source.ReferencedSOPInstanceUID = scene.grid.frames[-1]

    assert "voxel by voxel" in (said(altered(rendered(scene, endorsed), move), endorsed.content) or "")


def test_an_image_left_out_of_the_grid_is_noticed() -> None:
    scene = e.scene()
    endorsed = e.endorse(scene, drawn(scene, ball(scene)))

    def shorten(dataset: Dataset) -> None:
        del dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence[-1]

    assert "voxel by voxel" in (said(altered(rendered(scene, endorsed), shorten), endorsed.content) or "")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: setattr(d, "PixelData", d.PixelData[:-2]),
        lambda d: setattr(d, "NumberOfFrames", d.NumberOfFrames + 1),
        lambda d: delattr(d, "ReferencedSeriesSequence"),
        lambda d: delattr(d, "PerFrameFunctionalGroupsSequence"),
        lambda d: setattr(
            d.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0], "AlgorithmParameters", ""
        ),
        lambda d: delattr(d.PerFrameFunctionalGroupsSequence[0], "DerivationImageSequence"),
        lambda d: setattr(
            d.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0],
            "ReferencedSOPInstanceUID",
            "1.2.3",
        ),
    ],
)
def test_an_object_that_lost_something_is_refused_when_read_back(change: Callable[[Dataset], object]) -> None:
    scene = e.scene()
    endorsed = e.endorse(scene, drawn(scene, ball(scene)))
    with pytest.raises(Malformed):
        said(altered(rendered(scene, endorsed), change), endorsed.content)


# --------------------------------------------------------------------------------------------------- what it says


def test_a_segment_says_who_drew_it_and_which_finding_it_shows() -> None:
    scene = e.scene()
    draft = drawn(scene, ball(scene))
    accepted = seg_of(rendered(scene, e.endorse(scene, draft))).SegmentSequence[0]
    assert accepted.SegmentAlgorithmType == "AUTOMATIC"
    assert accepted.SegmentLabel == "Encéphale"
    assert accepted.TrackingID == "organ-1"
    assert accepted.AnatomicRegionSequence[0].CodeValue == e.BRAIN.code
    amended = seg_of(rendered(scene, e.endorse(scene, draft, edits=Edits(report="Relu.")))).SegmentSequence[0]
    assert amended.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert amended.TrackingUID == accepted.TrackingUID


def test_a_segment_without_a_finding_is_still_written() -> None:
    scene = e.scene()
    endorsed = e.endorse(scene, replace(drawn(scene, ball(scene)), findings=()))
    objects = rendered(scene, endorsed)
    assert said(objects, endorsed.content) is None
    assert "TrackingID" not in seg_of(objects).SegmentSequence[0]


def test_a_lossy_source_stays_lossy() -> None:
    def lossy(dataset: Dataset) -> None:
        dataset.LossyImageCompression = "01"
        dataset.LossyImageCompressionRatio = "8.5"
        dataset.LossyImageCompressionMethod = "ISO_15444_1"

    for change, expected in ((lossy, "01"), (None, "00")):
        scene = e.scene(change=change)
        seg = seg_of(rendered(scene, e.endorse(scene, drawn(scene, ball(scene)))))
        assert seg.LossyImageCompression == expected
        assert ("LossyImageCompressionRatio" in seg) == (expected == "01")


def test_only_headers_of_frames_with_a_segment_are_read() -> None:
    scene = e.scene(slices=30)
    endorsed = e.endorse(scene, drawn(scene, ball(scene), key_images=()))
    read: list[str] = []

    def counting(name: Any) -> bytes:
        read.append(name)
        return scene.read(name)

    objects = DicomRenderer(e.OPTIONS, counting).render(endorsed)
    frames = int(seg_of(objects).NumberOfFrames)
    assert len(read) <= frames + 2  # the frames, one header for the patient, one mask
    assert len(read) == len(set(read))


# ------------------------------------------------------------------------------------------------------------ refusals


def refused(scene: e.Scene, draft: Content) -> str:
    with pytest.raises(Malformed) as caught:
        rendered(scene, e.endorse(scene, draft))
    return str(caught.value)


def test_masks_on_different_images_are_refused() -> None:
    scene = e.scene()
    draft = drawn(scene, ball(scene))
    other = Mask(grid=Grid(frames=scene.grid.frames[:1], rows=36, columns=44), bits=bytes(scene.grid.frame_bytes))
    segments = (*draft.segments, e.segment(2, scene.keep(other.to_bytes())))
    assert "same images" in refused(scene, replace(draft, segments=segments))


def test_a_mask_that_does_not_fit_its_images_is_refused() -> None:
    scene = e.scene()
    for grid, words in (
        (Grid(frames=scene.grid.frames, rows=44, columns=36), "size of its source images"),
        (Grid(frames=("1.2.3",), rows=36, columns=44), "not among"),
        (Grid(frames=scene.grid.frames[:1] * 2, rows=36, columns=44), "each once"),
    ):
        bits = b"\xff" * (len(grid.frames) * grid.frame_bytes)
        mask = scene.keep(Mask(grid=grid, bits=bits).to_bytes())
        draft = e.content(scene, segments=(e.segment(1, mask),), findings=())
        assert words in refused(scene, draft)


def test_a_mask_on_another_series_than_the_one_in_focus_is_refused() -> None:
    other = samples.series("MR", slices=6, number=2)
    scene = e.scene(samples.to_files([*samples.series("MR", slices=6), *other]))
    frames = tuple(str(dataset.SOPInstanceUID) for dataset in other)
    scene = replace(scene, grid=replace(scene.grid, frames=frames))
    assert "that the model was chosen for" in refused(scene, drawn(scene, ball(scene), key_images=()))


@pytest.mark.parametrize(
    "keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "FrameOfReferenceUID"]
)
def test_images_without_a_place_in_the_patient_have_no_segmentation(keyword: str) -> None:
    scene = e.scene(change=lambda dataset: delattr(dataset, keyword))
    assert "where they are in the patient" in refused(scene, drawn(scene, ball(scene)))


def test_images_that_are_not_parallel_have_no_segmentation() -> None:
    datasets = samples.series("MR", slices=6)
    datasets[2].ImageOrientationPatient = [*samples.OBLIQUE]
    scene = e.scene(samples.to_files(datasets))
    assert "parallel" in refused(scene, drawn(scene, ball(scene)))
