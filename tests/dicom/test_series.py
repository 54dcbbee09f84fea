"""Series as volumes: the grid, the values, and every reason not to make one."""

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComprehensiveSRStorage,
    ComputedRadiographyImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from dicom_adapters.image import series as series_module
from dicom_adapters.image.series import read_volume
from guarantee.errors import NotEligible, Unavailable
from guarantee.inputs import Volume
from tests.dicom import samples
from tests.dicom.samples import AXIAL, CORONAL, OBLIQUE, SAGITTAL, to_files


def voxels_of(volume: Volume) -> NDArray[np.generic]:
    return np.frombuffer(volume.voxels, volume.dtype).reshape(volume.shape)


def point(volume: Volume, column: float, row: float, slice_: float) -> list[float]:
    matrix = np.array(volume.affine).reshape(4, 4)
    return [float(v) for v in (matrix @ [column, row, slice_, 1.0])[:3]]


def code_of(files: Sequence[bytes | Path]) -> str:
    with pytest.raises(NotEligible) as refused:
        read_volume(files)
    assert "DURAND" not in str(refused.value)
    return refused.value.code


def moved(dataset: Dataset, *offset_mm: float) -> None:
    place = [float(v) + d for v, d in zip(dataset.ImagePositionPatient, offset_mm, strict=True)]
    dataset.ImagePositionPatient = [f"{v:.6f}" for v in place]


# ----------------------------------------------------------------------------------------------------------- the grid


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_a_regular_series_is_a_volume(modality: str) -> None:
    volume = read_volume(to_files(samples.series(modality)))

    assert volume.shape == (8, 36, 44)
    assert volume.modality == modality
    assert np.array_equal(voxels_of(volume), samples.pixels(8, 36, 44, signed=modality == "CT"))
    assert [s.sop_instance_uid for s in volume.slices] == [samples.uid("instance", "1", 1, n) for n in range(8)]
    assert {s.sop_class_uid for s in volume.slices} == {samples.CLASSES[modality]}


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, CORONAL, OBLIQUE])
def test_the_affine_says_where_each_voxel_lies(orientation: tuple[float, ...]) -> None:
    datasets = samples.series("MR", orientation=orientation, spacing_mm=(1.5, 1.25), step_mm=3.0)

    volume = read_volume(to_files(datasets))

    along_row, along_column = np.array(orientation[:3]), np.array(orientation[3:])
    for index, dataset in enumerate(datasets):
        corner = np.array([float(v) for v in dataset.ImagePositionPatient])
        assert point(volume, 0, 0, index) == pytest.approx(corner.tolist(), abs=1e-6)
        expected = corner + 7 * 1.25 * along_row + 5 * 1.5 * along_column
        assert point(volume, 7, 5, index) == pytest.approx(expected.tolist(), abs=1e-6)


def test_file_order_and_instance_numbers_do_not_matter() -> None:
    datasets = samples.series("CT", orientation=SAGITTAL)
    expected = read_volume(to_files(datasets))
    chance = random.Random(1)
    for dataset in datasets:
        dataset.InstanceNumber = chance.randrange(1_000)
    files = to_files(datasets)
    chance.shuffle(files)

    assert read_volume(files) == expected
    assert read_volume(files[::-1]) == expected


def test_files_may_be_paths(tmp_path: Path) -> None:
    files = to_files(samples.series("MR"))
    paths = [tmp_path / f"{n}" for n in range(len(files))]
    for path, file in zip(paths, files, strict=True):
        path.write_bytes(file)

    assert read_volume(paths) == read_volume(files)


@pytest.mark.parametrize(
    "syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_lossless_twins_are_the_same_volume(modality: str, syntax: str) -> None:
    datasets = samples.series(modality)

    assert read_volume(to_files(datasets, syntax)) == read_volume(to_files(datasets))


def test_a_series_may_mix_transfer_syntaxes() -> None:
    datasets = samples.series("CT")
    mixed = to_files(datasets[:4], JPEGLSLossless) + to_files(datasets[4:], JPEG2000Lossless)

    assert read_volume(mixed) == read_volume(to_files(datasets))


@pytest.mark.parametrize("step_mm", [0.2, 0.5, 5.0])
def test_positions_that_were_rounded_are_regular(step_mm: float) -> None:
    datasets = samples.series("CT", slices=40, step_mm=step_mm)
    chance = random.Random(2)
    for dataset in datasets:
        moved(dataset, 0, 0, chance.uniform(-0.004, 0.004))

    volume = read_volume(to_files(datasets))

    assert point(volume, 0, 0, 39)[2] - point(volume, 0, 0, 0)[2] == pytest.approx(39 * step_mm, abs=0.01)


def test_a_small_lean_is_kept_in_the_affine() -> None:
    datasets = samples.series("CT", step_mm=3.0)
    lean = 3.0 * math.tan(math.radians(0.3))
    for index, dataset in enumerate(datasets):
        moved(dataset, 0, lean * index, 0)

    volume = read_volume(to_files(datasets))

    for index, dataset in enumerate(datasets):
        corner = [float(v) for v in dataset.ImagePositionPatient]
        assert point(volume, 0, 0, index) == pytest.approx(corner, abs=1e-5)


# --------------------------------------------------------------------------------------------------------- the values


@pytest.mark.parametrize(
    ("changes", "dtype", "value_of"),
    [
        ({}, "<i2", lambda v: v),
        ({"signed": False, "slope": 1.0, "intercept": -1024.0}, "<i2", lambda v: v - 1024.0),
        ({"signed": False, "slope": 1.0, "intercept": 40_000.0}, "<u2", lambda v: v + 40_000.0),
        ({"signed": False, "slope": 1.0, "intercept": -40_000.0}, "<f4", lambda v: v - 40_000.0),
        ({"signed": False, "slope": 0.5, "intercept": 0.0}, "<f4", lambda v: v * 0.5),
        ({"signed": False, "slope": 1.0, "intercept": 0.25}, "<f4", lambda v: v + 0.25),
        ({"signed": False, "slope": -1.0, "intercept": 0.0}, "<f4", lambda v: -v),
    ],
)
def test_values_are_what_the_modality_lut_gives(
    changes: dict[str, float], dtype: str, value_of: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> None:
    signed = bool(changes.get("signed", True))
    volume = read_volume(to_files(samples.series("CT", **changes)))  # type: ignore[arg-type]

    assert volume.dtype == dtype
    expected = value_of(samples.pixels(8, 36, 44, signed=signed).astype(np.float64))
    assert np.array_equal(voxels_of(volume), expected.astype(dtype))


def test_slices_with_different_slopes_are_brought_to_one_scale() -> None:
    datasets = samples.series("PT")
    for index, dataset in enumerate(datasets):
        dataset.RescaleSlope = str(0.5 * (index + 1))

    volume = read_volume(to_files(datasets))

    scale = 0.5 * np.arange(1, 9).reshape(8, 1, 1)
    assert volume.dtype == "<f4"
    assert np.array_equal(voxels_of(volume), (samples.pixels(8, 36, 44) * scale).astype("<f4"))


def test_one_slice_with_a_fraction_makes_all_of_them_floats() -> None:
    datasets = samples.series("CT")
    datasets[3].RescaleIntercept = "0.5"

    assert read_volume(to_files(datasets)).dtype == "<f4"


def test_a_modality_lut_table_is_applied() -> None:
    datasets = samples.series("MR", rows=36, columns=36)
    for dataset in datasets:
        item = Dataset()
        item.add_new("LUTDescriptor", "US", [4096, 0, 16])
        item.add_new("LUTData", "US", [4095 - n for n in range(4096)])
        item.ModalityLUTType = "US"
        dataset.ModalityLUTSequence = [item]

    volume = read_volume(to_files(datasets))

    assert np.array_equal(voxels_of(volume), 4095 - samples.pixels(8, 36, 36).astype("<i2"))


def test_bits_that_are_not_stored_are_ignored() -> None:
    datasets = samples.series("MR", slices=3)
    for dataset in datasets:
        dirty = np.frombuffer(dataset.PixelData, "<u2") | 0xF000
        dataset.PixelData = dirty.tobytes()

    assert np.array_equal(voxels_of(read_volume(to_files(datasets))), samples.pixels(3, 36, 44))


def test_eight_bit_images_are_read() -> None:
    datasets = samples.series("MR", slices=3)
    small = (samples.pixels(3, 36, 44) // 16).astype("u1")
    for index, dataset in enumerate(datasets):
        samples.set_pixels(dataset, small[index])

    assert np.array_equal(voxels_of(read_volume(to_files(datasets))), small)


@pytest.mark.parametrize(
    ("age", "birth", "years"),
    [("", "19800229", 46.0), ("041Y", "19800229", 41.0), ("006M", "", 0.5), ("", "", None)],
)
def test_the_age_is_that_at_the_study(age: str, birth: str, years: float | None) -> None:
    datasets = samples.series("MR", slices=3)
    for dataset in datasets:
        dataset.PatientAge, dataset.PatientBirthDate = age, birth

    assert read_volume(to_files(datasets)).patient_age_years == years


# -------------------------------------------------------------------------------------------------------- the refusals


def change(keyword: str, value: object, *, which: slice = slice(None)) -> Callable[[list[Dataset]], None]:
    """Return a fault: another value, or none, in some of the slices."""

    def apply(datasets: list[Dataset]) -> None:
        for dataset in datasets[which]:
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)

    return apply


ONE = slice(3, 4)


def shift(index: int, *offset_mm: float) -> Callable[[list[Dataset]], None]:
    return lambda datasets: moved(datasets[index], *offset_mm)


def without(*indices: int) -> Callable[[list[Dataset]], None]:
    def apply(datasets: list[Dataset]) -> None:
        datasets[:] = [dataset for n, dataset in enumerate(datasets) if n not in indices]

    return apply


def tilt(degrees: float) -> Callable[[list[Dataset]], None]:
    def apply(datasets: list[Dataset]) -> None:
        for index, dataset in enumerate(datasets):
            moved(dataset, 0, 3.0 * index * math.tan(math.radians(degrees)), 0)

    return apply


def in_colour(datasets: list[Dataset]) -> None:
    for dataset in datasets:
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0


def as_frames(datasets: list[Dataset]) -> None:
    samples.set_pixels(datasets[0], samples.pixels(4, 36, 44))


def smaller(datasets: list[Dataset]) -> None:
    samples.set_pixels(datasets[3], samples.pixels(1, 36, 40)[0])


def with_a_report(datasets: list[Dataset]) -> None:
    datasets.append(samples.document(ComprehensiveSRStorage, "SR", number=1))


def with_another_series(datasets: list[Dataset]) -> None:
    datasets.extend(samples.series("CT", number=2, origin_mm=(-20.0, -30.0, -16.0)))


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("no-images", without(*range(8))),
        ("not-a-volume", with_a_report),
        ("not-a-volume", with_another_series),
        ("not-a-volume", change("ImagePositionPatient", None, which=ONE)),
        ("not-a-volume", change("ImageOrientationPatient", None)),
        ("not-a-volume", change("ImageOrientationPatient", ["0", "0", "0", "0", "0", "0"])),
        ("not-a-volume", change("ImageOrientationPatient", ["1", "0", "0", "1", "0", "0"])),
        ("not-a-volume", change("ImagePositionPatient", ["0", "0"], which=ONE)),
        ("not-a-volume", change("PixelSpacing", None, which=ONE)),
        ("not-a-volume", change("PixelSpacing", ["0", "1"], which=ONE)),
        ("not-a-volume", change("SOPClassUID", ComputedRadiographyImageStorage)),
        ("multi-frame-not-supported", change("SOPClassUID", EnhancedCTImageStorage, which=slice(0, 1))),
        ("multi-frame-not-supported", as_frames),
        ("samples-unsupported", in_colour),
        ("samples-unsupported", change("PhotometricInterpretation", "MONOCHROME1", which=ONE)),
        ("samples-unsupported", change("BitsAllocated", 32, which=ONE)),
        ("samples-unsupported", change("RescaleSlope", "0", which=ONE)),
        ("samples-unsupported", change("RescaleSlope", "1e300", which=ONE)),
        ("samples-unsupported", change("ModalityLUTSequence", [Dataset()], which=ONE)),
        ("size-mixed", smaller),
        ("size-mixed", change("PixelSpacing", ["1.6", "1.25"], which=ONE)),
        ("frame-of-reference-mixed", change("FrameOfReferenceUID", "1.2.3", which=ONE)),
        ("frame-of-reference-mixed", change("FrameOfReferenceUID", None, which=ONE)),
        ("orientation-mixed", change("ImageOrientationPatient", [f"{v}" for v in SAGITTAL], which=ONE)),
        ("orientation-mixed", change("ImageOrientationPatient", ["-1", "0", "0", "0", "-1", "0"], which=ONE)),
        ("gantry-tilt", tilt(15)),
        ("gantry-tilt", tilt(1)),
        ("duplicate-position", shift(3, 0, 0, 3.0)),
        ("duplicate-position", shift(3, 0, 0, 2.995)),
        ("slices-missing", without(3)),
        ("slices-missing", without(3, 4)),
        ("slices-missing", without(2, 5)),
        ("spacing-irregular", shift(3, 0, 0, 0.5)),
        ("spacing-irregular", shift(7, 0, 0, 1.5)),
        ("spacing-irregular", shift(4, 1.0, 0, 0)),
        ("too-few-slices", without(*range(2, 8))),
        ("pixels-unreadable", change("PixelData", None, which=ONE)),
        ("pixels-unreadable", change("PixelData", b"\0" * 100, which=ONE)),
        ("pixels-unreadable", change("Rows", 0, which=ONE)),
        ("too-large", change("Rows", 40_000, which=ONE)),
    ],
)
def test_what_is_no_regular_volume_is_refused_by_name(code: str, fault: Callable[[list[Dataset]], None]) -> None:
    datasets = samples.series("CT")

    fault(datasets)

    files = to_files(datasets)
    random.Random(3).shuffle(files)
    assert code_of(files) == code


@pytest.mark.parametrize("limit", ["VOXELS_MAX", "SLICES_MAX"])
def test_a_volume_beyond_the_limits_is_refused(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files = to_files(samples.series("CT"))
    monkeypatch.setattr(series_module, limit, {"VOXELS_MAX": 8 * 36 * 44 - 1, "SLICES_MAX": 7}[limit])

    assert code_of(files) == "too-large"


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_one_damaged_image_stops_the_series(syntax: str) -> None:
    files = to_files(samples.series("CT"), syntax)
    at = files[3].index(b"\xe0\x7f\x10\x00")
    files[3] = files[3][: at + 40] + bytes(len(files[3]) - at - 48) + files[3][-8:]

    assert code_of(files) == "pixels-unreadable"


def test_a_file_that_is_no_dicom_stops_the_series() -> None:
    assert code_of([*to_files(samples.series("CT")), b"no DICOM"]) == "pixels-unreadable"


def test_a_file_that_is_gone_is_a_matter_for_later(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        read_volume([tmp_path / "gone"])


# --------------------------------------------------------------------------------------------------------- real series


def test_a_real_brain_series_is_one_volume(real_files: Callable[[str, str], list[bytes]]) -> None:
    files = real_files("mr_t1_brain_vsseg001_jpegls.tar", "")
    random.Random(4).shuffle(files)

    volume = read_volume(files)

    assert volume.shape == (120, 512, 512)
    assert (volume.modality, volume.patient_age_years) == ("MR", 60.0)
    assert point(volume, 0, 0, 119)[2] - point(volume, 0, 0, 0)[2] == pytest.approx(119 * 1.5, abs=0.01)
    assert point(volume, 512, 0, 0)[0] - point(volume, 0, 0, 0)[0] == pytest.approx(210.0, abs=0.01)
    assert 0 <= int(voxels_of(volume).min()) < int(voxels_of(volume).max()) < 4_096


def test_a_real_head_ct_is_one_volume_in_hounsfield_units(real_files: Callable[[str, str], list[bytes]]) -> None:
    files = real_files("ct_head_phantom_philips.tar.xz", "I")

    volume = read_volume(files)

    assert volume.shape == (28, 512, 512)
    assert volume.dtype == "<i2"
    assert point(volume, 0, 0, 27)[2] - point(volume, 0, 0, 0)[2] == pytest.approx(27 * 5.0, abs=0.01)
    assert int(voxels_of(volume)[0, 0, 0]) <= -900, "the corner of the field is air"
