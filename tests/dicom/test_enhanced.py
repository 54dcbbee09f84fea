"""Enhanced multi-frame images as volumes: the same grid and values as the single-frame series they were made of."""

from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from dicom_adapters.image.series import read_volume
from guarantee.errors import NotEligible
from tests.dicom import samples
from tests.dicom.enhanced import enhanced
from tests.dicom.samples import to_file, to_files

ORDER = (3, 0, 7, 1, 6, 2, 5, 4)


def code_of(image: Dataset) -> str:
    with pytest.raises(NotEligible) as refused:
        read_volume([to_file(image)])
    return refused.value.code


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize("orientation", [samples.AXIAL, samples.SAGITTAL, samples.OBLIQUE])
def test_a_multi_frame_image_is_the_volume_of_its_slices(modality: str, orientation: tuple[float, ...]) -> None:
    datasets = samples.series(modality, orientation=orientation)
    single, multi = read_volume(to_files(datasets)), read_volume([to_file(enhanced(datasets, ORDER))])

    assert (multi.shape, multi.dtype) == (single.shape, single.dtype)
    assert bytes(multi.voxels) == bytes(single.voxels)
    assert multi.affine == single.affine
    assert [place.frame for place in multi.slices] == [ORDER.index(index) + 1 for index in range(8)]
    assert len({place.sop_instance_uid for place in multi.slices}) == 1
    assert len({place.name for place in multi.slices}) == 8


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless])
def test_compressed_frames_are_the_same_volume(syntax: str) -> None:
    datasets = samples.series("MR")
    multi = read_volume([to_file(enhanced(datasets, ORDER), syntax)])

    assert bytes(multi.voxels) == bytes(read_volume(to_files(datasets)).voxels)


def test_each_frame_has_its_own_slope() -> None:
    datasets = samples.series("PT")
    for index, dataset in enumerate(datasets):
        dataset.RescaleSlope = f"{1 + index / 4}"

    multi = read_volume([to_file(enhanced(datasets, ORDER))])

    assert multi.dtype == "<f4"
    assert bytes(multi.voxels) == bytes(read_volume(to_files(datasets)).voxels)


def test_two_instances_of_one_series_are_one_stack() -> None:
    datasets = samples.series("CT")
    parts = [enhanced(datasets, (0, 2, 4, 6), name="even"), enhanced(datasets, (1, 3, 5, 7), name="odd")]

    multi = read_volume(to_files(parts))

    assert bytes(multi.voxels) == bytes(read_volume(to_files(datasets)).voxels)
    assert [place.frame for place in multi.slices] == [1, 1, 2, 2, 3, 3, 4, 4]


def frame(index: int, group: str, keyword: str, value: object) -> Callable[[Dataset], None]:
    """Return a fault of one frame."""
    return lambda image: setattr(image.PerFrameFunctionalGroupsSequence[index][group][0], keyword, value)


def without(keyword: str) -> Callable[[Dataset], None]:
    return lambda image: image.__delitem__(keyword)


def shorter(image: Dataset) -> None:
    del image.PerFrameFunctionalGroupsSequence[-1]


def cut(image: Dataset) -> None:
    image.PixelData = image.PixelData[:-2_000]


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("multi-frame-not-supported", frame(3, "FrameContentSequence", "TemporalPositionIndex", 2)),
        ("multi-frame-not-supported", frame(3, "FrameContentSequence", "StackID", "2")),
        ("multi-frame-not-supported", without("PerFrameFunctionalGroupsSequence")),
        ("multi-frame-not-supported", shorter),
        ("not-a-volume", without("SharedFunctionalGroupsSequence")),
        ("not-a-volume", frame(3, "PlanePositionSequence", "ImagePositionPatient", ["1", "2"])),
        ("duplicate-position", frame(3, "PlanePositionSequence", "ImagePositionPatient", ["-20", "-30", "-40"])),
        ("spacing-irregular", frame(7, "PlanePositionSequence", "ImagePositionPatient", ["-20", "-30", "-17"])),
        ("slices-missing", frame(7, "PlanePositionSequence", "ImagePositionPatient", ["-20", "-30", "-16"])),
        ("samples-unsupported", frame(3, "PixelValueTransformationSequence", "RescaleSlope", "0")),
        ("pixels-unreadable", cut),
    ],
)
def test_what_is_not_one_stack_is_refused_by_name(code: str, fault: Callable[[Dataset], None]) -> None:
    image = enhanced(samples.series("CT"))

    fault(image)

    assert code_of(image) == code
