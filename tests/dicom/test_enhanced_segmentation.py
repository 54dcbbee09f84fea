"""A mask on the frames of a multi-frame image becomes a segmentation that points at those frames, where they lie."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_adapters.image.series import read_volume
from dicom_adapters.render.renderer import DicomRenderer
from guarantee.agreement import disagreement
from guarantee.content import Content
from guarantee.errors import Malformed
from guarantee.inputs import Volume
from guarantee.mask import Grid
from guarantee.ports import Rendered
from tests.dicom import endorsements as e
from tests.dicom import samples
from tests.dicom.enhanced import enhanced
from tests.peers.dicom_tools import Dicom3Tools

ORDER = (5, 0, 3, 1, 4, 2)


def scene_of(modality: str = "MR", **series: Any) -> tuple[e.Scene, Volume]:
    """Return a case over one multi-frame image whose frames are shuffled, and the volume that a model sees."""
    datasets = samples.series(modality, slices=len(ORDER), **series)
    file = samples.to_file(enhanced(datasets, ORDER))
    scene, volume = e.scene([file]), read_volume([file])
    grid = Grid(frames=tuple(image.name for image in volume.slices), rows=volume.shape[1], columns=volume.shape[2])
    return replace(scene, grid=grid), volume


def drawn(scene: e.Scene, *masks: np.ndarray[Any, Any]) -> Content:
    numbers = range(1, len(masks) + 1)
    segments = tuple(
        e.segment(n, scene.keep(e.to_mask(scene.grid, m).to_bytes())) for n, m in zip(numbers, masks, strict=True)
    )
    findings = tuple(e.finding(f"organ-{n}", segment=n) for n in numbers)
    return e.content(scene, segments=segments, findings=findings)


def box(volume: Volume, start: tuple[int, int, int], stop: tuple[int, int, int]) -> np.ndarray[Any, Any]:
    mask = np.zeros(volume.shape, np.uint8)
    mask[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = 1
    return mask


def centre_by_volume(volume: Volume, mask: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return where the middle of a mask is in the patient, by the grid that the model had."""
    slices, rows, columns = (axis.mean() for axis in np.nonzero(mask))
    return np.asarray(volume.affine).reshape(4, 4)[:3] @ (columns, rows, slices, 1)


def centre_by_frames(seg: Dataset, number: int) -> np.ndarray[Any, Any]:
    """Return where the middle of a segment is, by what each frame of the object says of itself."""
    places, pixels = [], seg.pixel_array
    shared = seg.SharedFunctionalGroupsSequence[0]
    cosines = np.asarray(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    between_rows, between_columns = (float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing)
    for group, frame in zip(seg.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        if group.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number:
            origin = np.asarray(group.PlanePositionSequence[0].ImagePositionPatient, float)
            for row, column in zip(*np.nonzero(frame), strict=True):
                places.append(origin + cosines[:3] * column * between_columns + cosines[3:] * row * between_rows)
    return np.mean(places, axis=0)


@pytest.mark.parametrize(
    ("modality", "orientation", "rows", "columns"),
    [("MR", samples.AXIAL, 36, 44), ("CT", samples.OBLIQUE, 33, 31), ("PT", samples.SAGITTAL, 16, 9)],
)
def test_a_mask_comes_back_on_its_frames_and_in_its_place(
    modality: str,
    orientation: tuple[float, ...],
    rows: int,
    columns: int,
    tmp_path: Path,
    dicom3tools: Dicom3Tools,
) -> None:
    scene, volume = scene_of(modality, orientation=orientation, rows=rows, columns=columns)
    masks = box(volume, (1, 2, 3), (3, 9, 6)), box(volume, (2, 4, 1), (6, 12, 7))
    content = drawn(scene, *masks)

    objects = DicomRenderer(e.OPTIONS, scene.read).render(e.endorse(scene, content))

    assert said(objects, content) is None
    (tmp_path / "seg").write_bytes(objects[0].data)
    assert dicom3tools.errors(tmp_path / "seg") == []
    seg = hd.seg.segread(tmp_path / "seg")
    numbers = [image.frame for image in volume.slices]
    read = seg.get_pixels_by_source_frame(volume.slices[0].sop_instance_uid, numbers, segment_numbers=[1, 2])
    assert np.array_equal(np.moveaxis(read, -1, 0), np.stack(masks))
    half_a_voxel_mm = min(1.25, 1.5, 3.0) / 2
    for number, mask in enumerate(masks, start=1):
        away_mm = np.linalg.norm(centre_by_frames(seg, number) - centre_by_volume(volume, mask))
        assert away_mm < half_a_voxel_mm / 10


def test_an_empty_segment_keeps_the_whole_grid() -> None:
    scene, volume = scene_of()
    content = drawn(scene, np.zeros(volume.shape, np.uint8))

    objects = DicomRenderer(e.OPTIONS, scene.read).render(e.endorse(scene, content))

    assert said(objects, content) is None
    assert dcmread(BytesIO(objects[0].data)).NumberOfFrames == len(ORDER)


def test_a_frame_that_points_at_another_frame_is_noticed() -> None:
    scene, volume = scene_of()
    content = drawn(scene, box(volume, (1, 2, 3), (3, 9, 6)))
    objects = list(DicomRenderer(e.OPTIONS, scene.read).render(e.endorse(scene, content)))
    seg = dcmread(BytesIO(objects[0].data))
    groups = seg.PerFrameFunctionalGroupsSequence
    first, second = (groups[n].DerivationImageSequence[0].SourceImageSequence[0] for n in (1, 4))
    first.ReferencedFrameNumber, second.ReferencedFrameNumber = (
        second.ReferencedFrameNumber,
        first.ReferencedFrameNumber,
    )
    out = BytesIO()
    seg.save_as(out)

    assert said([replace(objects[0], data=out.getvalue()), *objects[1:]], content) is not None


@pytest.mark.parametrize("name", ["{uid}#7", "{uid}#0", "{uid}#x", "{uid}"])
def test_a_mask_on_frames_that_are_not_there_is_refused(name: str) -> None:
    scene, volume = scene_of()
    frames = (*scene.grid.frames[:-1], name.format(uid=volume.slices[0].sop_instance_uid))
    scene = replace(scene, grid=replace(scene.grid, frames=frames))
    content = drawn(scene, np.zeros(volume.shape, np.uint8))

    with pytest.raises(Malformed):
        DicomRenderer(e.OPTIONS, scene.read).render(e.endorse(scene, content))


def said(objects: Any, content: Content) -> str | None:
    found: list[Rendered] = list(objects)
    return disagreement(DicomRenderer(e.OPTIONS, lambda _: b"").read_back(found), content)
