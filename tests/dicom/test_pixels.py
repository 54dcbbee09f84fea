"""Series for the viewer: how they are described."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComprehensiveSRStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    JPEG2000Lossless,
    JPEGLSLossless,
    KeyObjectSelectionDocumentStorage,
    RLELossless,
    SegmentationStorage,
)

from dicom_adapters.image.pixels import describe_series, read_frame
from guarantee.errors import NotEligible, Unavailable
from tests.dicom import samples
from tests.dicom.samples import AXIAL, CORONAL, OBLIQUE, SAGITTAL, capture, to_file

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
