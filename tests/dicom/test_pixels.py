"""Series and frames for the viewer."""

import hashlib
import json
import random
import warnings
from collections.abc import Callable
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComprehensiveSRStorage,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    JPEG2000Lossless,
    JPEGLSLossless,
    KeyObjectSelectionDocumentStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from dicom_adapters import decode
from dicom_adapters.pixels import describe_series, read_frame
from guarantee.errors import NotEligible, Unavailable
from tests.dicom import samples
from tests.dicom.conftest import SHARED
from tests.dicom.samples import AXIAL, CORONAL, OBLIQUE, SAGITTAL, to_file

CORPUS = Path(pydicom.__file__).parent / "data" / "test_files"


def listed(datasets: list[Dataset], syntax: str = ExplicitVRLittleEndian) -> list[tuple[str, bytes | Path]]:
    return [(str(dataset.SOPInstanceUID), to_file(dataset, syntax)) for dataset in datasets]


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(NotEligible) as refused:
        call()
    assert "DURAND" not in str(refused.value)
    return refused.value.code


def order_of(description: dict[str, Any]) -> list[str]:
    return [instance["sop_instance_uid"] for instance in description["instances"]]


def uids(count: int) -> list[str]:
    return [samples.uid("instance", "1", 1, n) for n in range(count)]


def capture(stored: NDArray[Any], photometric: str = "MONOCHROME2", **changes: object) -> Dataset:
    """Return an image without geometry."""
    dataset = samples.document(SecondaryCaptureImageStorage, "OT")
    dataset.PhotometricInterpretation = photometric
    if stored.ndim == 3 and photometric != "MONOCHROME2":
        dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
        dataset.Rows, dataset.Columns = stored.shape[:2]
        dataset.BitsAllocated = dataset.BitsStored = stored.dtype.itemsize * 8
        dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
        dataset.add_new("PixelData", "OB" if stored.dtype.itemsize == 1 else "OW", stored.tobytes())
    else:
        samples.set_pixels(dataset, stored)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


# --------------------------------------------------------------------------------------------------- the description


def test_a_series_is_described_for_the_viewer_exactly_so() -> None:
    datasets = samples.series("MR", slices=3)
    for dataset in datasets:
        dataset.WindowCenter, dataset.WindowWidth = ["600", "40"], ["1200", "80"]
        dataset.WindowCenterWidthExplanation = ["Tissu", "Étroit"]

    description = describe_series(listed(datasets))

    sides = {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    assert description == {
        "series": samples.uid("series", "1", 1),
        "modality": "MR",
        "description": "Série 1",
        "rows": 36,
        "columns": 44,
        "frames": 3,
        "pixel": {"kind": "gray16", "signed": False, "slope": 1.0, "intercept": 0.0, "inverted": False},
        "spacing_mm": [1.5, 1.25],
        "slice_spacing_mm": 3.0,
        "windows": [
            {"center": 600.0, "width": 1200.0, "label": "Tissu"},
            {"center": 40.0, "width": 80.0, "label": "Étroit"},
        ],
        "instances": [
            {"sop_instance_uid": uid, "frame": 1, "position_mm": position, "edges": sides}
            for uid, position in zip(uids(3), (-40.0, -37.0, -34.0), strict=True)
        ],
    }
    assert json.loads(json.dumps(description)) == description


def test_a_ct_says_how_values_become_hounsfield_units() -> None:
    pixel = describe_series(listed(samples.series("CT", signed=False, slope=2.0, intercept=-1024.0)))["pixel"]

    assert (pixel["signed"], pixel["slope"], pixel["intercept"]) == (False, 2.0, -1024.0)


def test_slices_are_sorted_by_place_whatever_their_numbers() -> None:
    datasets = samples.series("CT", orientation=SAGITTAL)
    for dataset in datasets:
        dataset.InstanceNumber = 100 - int(dataset.InstanceNumber)
    files = listed(datasets)
    random.Random(1).shuffle(files)

    assert order_of(describe_series(files)) == uids(8)


def test_without_places_images_are_sorted_by_number_then_by_name() -> None:
    datasets = samples.series("MR", slices=4)
    for dataset, number in zip(datasets, (2, 1, 1, None), strict=True):
        del dataset["ImagePositionPatient"]
        dataset.InstanceNumber = number
    files = listed(datasets)
    expected = [uids(4)[3], *sorted(uids(4)[1:3]), uids(4)[0]]

    description = describe_series(files[::-1])

    assert order_of(description) == expected
    assert description["slice_spacing_mm"] is None
    assert {instance["position_mm"] for instance in description["instances"]} == {None}


def test_a_localizer_with_crossing_planes_is_sorted_by_number() -> None:
    planes = (AXIAL, SAGITTAL, CORONAL)
    datasets = [samples.series("MR", slices=1, orientation=plane)[0] for plane in planes]
    for index, dataset in enumerate(datasets):
        dataset.SOPInstanceUID, dataset.InstanceNumber = f"1.2.{index}", 3 - index

    description = describe_series(listed(datasets))

    assert order_of(description) == ["1.2.2", "1.2.1", "1.2.0"]
    assert [instance["edges"]["left"] for instance in description["instances"]] == ["R", "A", "R"]


@pytest.mark.parametrize(
    ("orientation", "sides"),
    [
        (AXIAL, "RLAP"),
        (SAGITTAL, "APHF"),
        (CORONAL, "RLHF"),
        ((-1.0, 0.0, 0.0, 0.0, -1.0, 0.0), "LRPA"),
    ],
)
def test_edges_are_named_by_where_they_point(orientation: tuple[float, ...], sides: str) -> None:
    description = describe_series(listed(samples.series("MR", slices=1, orientation=orientation)))

    assert description["instances"][0]["edges"] == dict(zip(("left", "right", "top", "bottom"), sides, strict=True))


def test_an_oblique_edge_has_two_letters() -> None:
    edges = describe_series(listed(samples.series("MR", slices=1, orientation=OBLIQUE)))["instances"][0]["edges"]

    assert edges == {"left": "RA", "right": "LP", "top": "AL", "bottom": "PR"}


def test_a_projection_states_its_edges() -> None:
    image = capture(samples.pixels(1, 36, 44)[0], PatientOrientation=["L", "F"], ImagerPixelSpacing=["0.2", "0.3"])

    description = describe_series(listed([image]))

    assert description["instances"][0]["edges"] == {"left": "R", "right": "L", "top": "H", "bottom": "F"}
    assert description["spacing_mm"] == [0.2, 0.3]


@pytest.mark.parametrize("stated", ["", ["L"], ["L", ""], ["X", "F"], ["L", "F", "A"]])
def test_edges_that_are_stated_badly_are_not_shown(stated: object) -> None:
    image = capture(samples.pixels(1, 36, 44)[0], PatientOrientation=stated)

    assert describe_series(listed([image]))["instances"][0]["edges"] is None


def test_without_a_window_the_middle_frame_gives_one() -> None:
    datasets = samples.series("CT", slices=3, signed=False, slope=1.0, intercept=-1024.0)

    (window,) = describe_series(listed(datasets))["windows"]

    low, high = np.percentile(samples.pixels(3, 36, 44)[1].astype(float) - 1024, (1, 99))
    assert window["center"] == pytest.approx((low + high) / 2, abs=0.01)
    assert window["width"] == pytest.approx(high - low, abs=0.01)


def test_a_flat_image_has_a_window_of_one() -> None:
    image = capture(np.full((36, 44), 7, dtype="<u2"))

    assert describe_series(listed([image]))["windows"] == [{"center": 7.0, "width": 1.0, "label": ""}]


@pytest.mark.parametrize(("center", "width"), [("x", "80"), ("40", "0"), (["40", "x"], ["80", "1"])])
def test_a_window_that_makes_no_sense_is_replaced(center: object, width: object) -> None:
    image = capture(samples.pixels(1, 36, 44)[0])
    image.add_new("WindowCenter", "LO", center)  # as senders write it, not as pydicom would let us
    image.add_new("WindowWidth", "LO", width)

    (window,) = describe_series(listed([image]))["windows"]

    assert window["width"] > 100


def test_what_is_no_picture_is_left_out() -> None:
    datasets = samples.series("MR", slices=2)
    others = (
        (ComprehensiveSRStorage, "SR"),
        (KeyObjectSelectionDocumentStorage, "KO"),
        (GrayscaleSoftcopyPresentationStateStorage, "PR"),
    )
    documents = [samples.document(sop_class, modality, number=90 + n) for n, (sop_class, modality) in enumerate(others)]
    segmentation = capture(np.ones((36, 44), dtype="u1"), SOPClassUID=SegmentationStorage, SOPInstanceUID="1.2.99")

    assert order_of(describe_series(listed([*documents, *datasets, segmentation]))) == uids(2)
    assert code_of(lambda: describe_series(listed([*documents, segmentation]))) == "no-images"
    assert code_of(lambda: describe_series([])) == "no-images"


def larger(dataset: Dataset) -> None:
    samples.set_pixels(dataset, samples.pixels(1, 40, 44)[0])


def with_sign(dataset: Dataset) -> None:
    dataset.PixelRepresentation = 1


def inverted(dataset: Dataset) -> None:
    dataset.PhotometricInterpretation = "MONOCHROME1"


def rescaled(dataset: Dataset) -> None:
    dataset.RescaleSlope, dataset.RescaleIntercept = "2", "0"


@pytest.mark.parametrize(
    ("code", "fault"),
    [("size-mixed", larger), ("size-mixed", with_sign), ("size-mixed", inverted), ("rescale-mixed", rescaled)],
)
def test_frames_that_cannot_share_a_description_are_refused(code: str, fault: Callable[[Dataset], None]) -> None:
    datasets = samples.series("MR", slices=3)

    fault(datasets[1])

    assert code_of(lambda: describe_series(listed(datasets))) == code


def enhanced() -> Dataset:
    """Return an enhanced CT of four frames, stored from the head down."""
    dataset = samples.document(EnhancedCTImageStorage, "CT")
    samples.set_pixels(dataset, samples.pixels(4, 36, 44))
    shared, turn, measures, lut = Dataset(), Dataset(), Dataset(), Dataset()
    turn.ImageOrientationPatient = [str(v) for v in AXIAL]
    measures.PixelSpacing = ["0.5", "0.75"]
    lut.RescaleSlope, lut.RescaleIntercept = "1", "-1024"
    shared.PlaneOrientationSequence = [turn]
    shared.PixelMeasuresSequence = [measures]
    shared.PixelValueTransformationSequence = [lut]
    dataset.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for index in range(4):
        group, place = Dataset(), Dataset()
        place.ImagePositionPatient = ["0", "0", str(30 - 10 * index)]
        group.PlanePositionSequence = [place]
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(groups)
    return dataset


def test_a_multi_frame_image_is_a_stack_of_its_frames() -> None:
    dataset = enhanced()

    description = describe_series(listed([dataset]))

    assert description["frames"] == 4
    assert [i["frame"] for i in description["instances"]] == [4, 3, 2, 1]
    assert [i["position_mm"] for i in description["instances"]] == [0.0, 10.0, 20.0, 30.0]
    assert description["spacing_mm"] == [0.5, 0.75]
    assert (description["slice_spacing_mm"], description["pixel"]["intercept"]) == (10.0, -1024.0)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_each_frame_of_a_multi_frame_image_can_be_read(syntax: str) -> None:
    data = to_file(enhanced(), syntax)

    for index in range(4):
        assert read_frame(data, index + 1) == samples.pixels(4, 36, 44)[index].tobytes()


def test_files_may_be_paths(tmp_path: Path) -> None:
    (uid, data), *_ = listed(samples.series("MR", slices=1))
    (tmp_path / "blob").write_bytes(data)  # type: ignore[arg-type]

    assert describe_series([(uid, tmp_path / "blob")]) == describe_series([(uid, data)])
    assert read_frame(tmp_path / "blob", 1) == read_frame(data, 1)
    with pytest.raises(Unavailable):
        read_frame(tmp_path / "gone", 1)


# --------------------------------------------------------------------------------------------------------- the frames


@pytest.mark.parametrize("modality", ["CT", "MR"])
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless]
)
def test_a_frame_is_its_stored_values(modality: str, syntax: str) -> None:
    dataset = samples.series(modality, slices=1)[0]

    frame = read_frame(to_file(dataset, syntax), 1)

    assert frame == samples.pixels(1, 36, 44, signed=modality == "CT")[0].tobytes()


@pytest.mark.parametrize("kind", ["u1", "i1"])
def test_eight_bits_are_widened_to_sixteen(kind: str) -> None:
    stored = (np.arange(36 * 44) % 256).astype("u1").view(kind).reshape(36, 44)
    image = capture(stored)
    image.BitsStored, image.HighBit = 8, 7

    assert read_frame(to_file(image), 1) == stored.astype(f"<{kind[0]}2").tobytes()
    assert describe_series(listed([image]))["pixel"]["signed"] == (kind == "i1")


def rainbow() -> NDArray[np.uint8]:
    y, x = np.mgrid[:36, :44]
    return np.stack([x * 5, y * 7, (x + y) * 3], axis=-1).astype("u1")


def test_colours_are_rgb() -> None:
    image = capture(rainbow(), "RGB")

    description = describe_series(listed([image]))

    assert description["pixel"] == {
        "kind": "rgb8",
        "signed": False,
        "slope": 1.0,
        "intercept": 0.0,
        "inverted": False,
    }
    assert description["windows"] == []
    assert read_frame(to_file(image), 1) == rainbow().tobytes()
    assert read_frame(to_file(image, RLELossless), 1) == rainbow().tobytes()


def test_colours_by_planes_and_of_sixteen_bits_are_rgb() -> None:
    planes = capture(rainbow(), "RGB", PlanarConfiguration=1, PixelData=np.moveaxis(rainbow(), -1, 0).tobytes())
    deep = capture(rainbow().astype("<u2") * 257, "RGB")

    assert read_frame(to_file(planes), 1) == rainbow().tobytes()
    assert read_frame(to_file(deep), 1) == rainbow().tobytes()


def test_a_palette_is_painted() -> None:
    image = capture((np.arange(36 * 44) % 256).astype("u1").reshape(36, 44))
    image.PhotometricInterpretation = "PALETTE COLOR"
    for shift, colour in enumerate(("Red", "Green", "Blue")):
        image[f"{colour}PaletteColorLookupTableDescriptor"] = pydicom.DataElement(
            f"{colour}PaletteColorLookupTableDescriptor", "US", [256, 0, 16]
        )
        table = (np.arange(256) * 257 // (shift + 1)).astype("<u2")
        image[f"{colour}PaletteColorLookupTableData"] = pydicom.DataElement(
            f"{colour}PaletteColorLookupTableData", "OW", table.tobytes()
        )

    painted = np.frombuffer(read_frame(to_file(image), 1), "u1").reshape(36, 44, 3)

    index = np.arange(36 * 44) % 256
    assert describe_series(listed([image]))["pixel"]["kind"] == "rgb8"
    for channel in range(3):
        assert np.array_equal(painted[..., channel].ravel(), (index * 257 // (channel + 1)) >> 8)


def test_inverted_grey_keeps_its_values_and_says_so() -> None:
    image = capture(samples.pixels(1, 36, 44)[0], PhotometricInterpretation="MONOCHROME1")

    assert describe_series(listed([image]))["pixel"]["inverted"] is True
    assert read_frame(to_file(image), 1) == samples.pixels(1, 36, 44)[0].tobytes()


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("pixels-unreadable", {"PixelData": b"\0" * 10}),
        ("pixels-unreadable", {"Rows": 0}),
        ("pixels-unreadable", {"Rows": 50}),
        ("too-large", {"Rows": 60_000}),
        ("too-large", {"NumberOfFrames": 1_000_000}),
        ("samples-unsupported", {"BitsAllocated": 32}),
        ("samples-unsupported", {"SamplesPerPixel": 4}),
        ("samples-unsupported", {"PhotometricInterpretation": "HSV"}),
        ("samples-unsupported", {"PhotometricInterpretation": "RGB"}),
        ("samples-unsupported", {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "Rows": 12}),
        ("pixels-unreadable", {"PhotometricInterpretation": "PALETTE COLOR"}),
    ],
)
def test_a_frame_that_cannot_be_shown_is_refused_by_name(code: str, changes: dict[str, object]) -> None:
    image = capture(samples.pixels(1, 36, 44)[0], **changes)

    assert code_of(lambda: read_frame(to_file(image), 1)) == code


@pytest.mark.parametrize("frame", [0, 2, -1])
def test_a_frame_that_does_not_exist_is_refused(frame: int) -> None:
    data = to_file(samples.series("MR", slices=1)[0])

    assert code_of(lambda: read_frame(data, frame)) == "pixels-unreadable"


@pytest.mark.parametrize(
    ("syntax", "size"),
    [
        *product((RLELossless, JPEGLSLossless, JPEG2000Lossless), ((50, 44), (36, 50), (20, 44), (36, 22))),
        *product((JPEGLSLossless, JPEG2000Lossless), ((44, 36),)),  # run-length frames say nothing of their shape
    ],
)
def test_a_coded_frame_of_another_size_than_its_header_is_refused(syntax: str, size: tuple[int, int]) -> None:
    """GDCM ends its process at such a frame, or returns noise."""
    dataset = pydicom.dcmread(BytesIO(to_file(samples.series("MR", slices=1)[0], syntax)))
    dataset.Rows, dataset.Columns = size
    out = BytesIO()
    dataset.save_as(out)

    assert code_of(lambda: read_frame(out.getvalue(), 1)) == "pixels-unreadable"


def test_too_many_frames_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom_adapters.pixels.FRAMES_MAX", 2)

    assert code_of(lambda: describe_series(listed(samples.series("MR", slices=3)))) == "too-large"


def test_a_frame_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "FRAME_BYTES_MAX", 36 * 44 * 2 - 1)

    assert code_of(lambda: read_frame(to_file(samples.series("MR", slices=1)[0]), 1)) == "too-large"


# ---------------------------------------------------------------------------------------------------------- real files


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small.dcm",
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "JPEG2000.dcm",
        "SC_rgb_rle.dcm",
        "SC_rgb_rle_16bit.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_gdcm_KY.dcm",
        "SC_rgb_small_odd.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "examples_ybr_color.dcm",
        "examples_jpeg2k.dcm",
        "examples_palette.dcm",
        "J2K_pixelrep_mismatch.dcm",
    ],
)
def test_a_real_frame_is_what_pydicom_makes_of_it(name: str) -> None:
    data = (CORPUS / name).read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(BytesIO(data))
        expected = pydicom.pixels.pixel_array(dataset, index=0)
        frame = read_frame(data, 1)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        expected = pydicom.pixels.apply_color_lut(expected, dataset)
    if expected.ndim == 2:
        expected = expected.astype("<i2" if dataset.PixelRepresentation else "<u2")
    elif expected.dtype.itemsize == 2:
        expected = (expected >> 8).astype("u1")

    assert frame == expected.astype(expected.dtype.newbyteorder("<")).tobytes()


@pytest.mark.parametrize("name", ["JPEG-lossy.dcm", "JPGExtended.dcm"])
def test_a_real_jpeg_of_twelve_bits_is_an_undecodable_image_and_said_to_be(name: str) -> None:
    assert code_of(lambda: read_frame((CORPUS / name).read_bytes(), 1)) == "pixels-unreadable"


def test_a_syntax_without_a_decoder_is_said_to_be_undecodable() -> None:
    data = to_file(samples.series("MR", slices=1)[0], JPEG2000Lossless)
    htj2k = data.replace(b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.4.20").replace(b".4.20\0\0", b".4.201\0")

    assert code_of(lambda: read_frame(htj2k, 1)) == "pixels-unreadable"


WG04 = ("CT1_UNC", "CT1_J2KR", "CT1_JLSL", "CT1_JPLL", "CT1_RLE", "CT1_J2KI", "CT1_JLSN")
WG04_COLOUR = ("US1_UNC", "US1_J2KR", "US1_RLE", "US1_J2KI")


@pytest.mark.parametrize("name", [*WG04, *WG04_COLOUR])
def test_a_real_image_in_each_syntax_shows_the_pixels_that_were_published(name: str) -> None:
    """The digests were taken with other decoders; the lossless twins share one."""
    path = SHARED / "wg04" / f"{name}.dcm"
    if not path.exists():
        pytest.skip("the WG-04 images are not beside this checkout")
    known = json.loads((SHARED.parent / "MANIFEST.json").read_text())

    shown = hashlib.sha256(read_frame(path, 1)).hexdigest()

    assert shown.startswith(known[f"dicom/wg04/{name}.dcm"]["pixels"][0])
