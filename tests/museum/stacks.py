"""Exhibits of whole series: slices that make no regular grid."""

import math
from collections.abc import Callable
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import ComprehensiveSRStorage, EnhancedCTImageStorage

from tests.dicom import samples
from tests.dicom.enhanced import enhanced
from tests.dicom.samples import SAGITTAL
from tests.museum.piece import SHOWN, VOLUME, Piece, changed, put

_THIRD: Final = slice(2, 3)


def _moved(index: int, *offset_mm: float) -> Callable[[list[Dataset]], None]:
    def change(datasets: list[Dataset]) -> None:
        place = datasets[index].ImagePositionPatient
        datasets[index].ImagePositionPatient = [f"{a + b:.4f}" for a, b in zip(place, offset_mm, strict=True)]

    return change


def _tilted(degrees: float) -> Callable[[list[Dataset]], None]:
    def change(datasets: list[Dataset]) -> None:
        for index in range(len(datasets)):
            _moved(index, 0, 3.0 * index * math.tan(math.radians(degrees)), 0)(datasets)

    return change


def _without(index: int) -> Callable[[list[Dataset]], None]:
    return lambda datasets: datasets.pop(index) and None


def _scaled_each(datasets: list[Dataset]) -> None:
    for index, dataset in enumerate(datasets):
        dataset.RescaleSlope = f"{1 + index / 10}"


def _frames(datasets: list[Dataset]) -> None:
    """Make the first data set a multi-frame image of an enhanced class without one functional group."""
    samples.set_pixels(datasets[0], samples.pixels(4, 32, 36))
    datasets[0].SOPClassUID = EnhancedCTImageStorage
    del datasets[1:]


def _enhanced(datasets: list[Dataset]) -> None:
    """Make one enhanced multi-frame image of them, its frames from the last to the first."""
    datasets[:] = [enhanced(datasets, range(len(datasets))[::-1])]


def _in_two_phases(datasets: list[Dataset]) -> None:
    _enhanced(datasets)
    for frame in datasets[0].PerFrameFunctionalGroupsSequence[3:]:
        frame.FrameContentSequence[0].TemporalPositionIndex = 2


def _one_group_short(datasets: list[Dataset]) -> None:
    _enhanced(datasets)
    del datasets[0].PerFrameFunctionalGroupsSequence[-1]


def _with_a_report(datasets: list[Dataset]) -> None:
    datasets.append(samples.document(ComprehensiveSRStorage, "SR", number=1))


def _other_series(datasets: list[Dataset]) -> None:
    datasets.extend(samples.series("CT", number=2, slices=3, rows=32, columns=36, origin_mm=(-20.0, -30.0, 0.0)))


def _smaller(datasets: list[Dataset]) -> None:
    samples.set_pixels(datasets[2], samples.pixels(1, 32, 32, signed=True)[0])


STACKS: Final = (
    Piece(
        name="two-at-one-place",
        why="which of the two is the patient",
        files=changed(_moved(2, 0, 0, 3.0)),
        volume="duplicate-position",
    ),
    Piece(
        name="middle-slice-missing",
        why="a gap that a model would fill with nothing",
        files=changed(_without(3)),
        volume="slices-missing",
    ),
    Piece(
        name="two-frames-of-reference",
        why="positions that cannot be compared",
        volume="frame-of-reference-mixed",
        files=changed(put("FrameOfReferenceUID", "1.2.3", _THIRD)),
    ),
    Piece(name="gantry-tilt", why="slices stacked askew: 15 degrees", files=changed(_tilted(15)), volume="gantry-tilt"),
    Piece(
        name="uneven-steps",
        why="one slice half a millimetre off",
        files=changed(_moved(3, 0, 0, 0.5)),
        volume="spacing-irregular",
    ),
    Piece(
        name="pixel-spacing-mixed",
        why="one slice zoomed",
        files=changed(put("PixelSpacing", ["1.6", "1.25"], _THIRD)),
        volume="size-mixed",
    ),
    Piece(name="sizes-mixed", why="one slice smaller", files=changed(_smaller), volume="size-mixed"),
    Piece(
        name="localizer-inside",
        why="a plane across the others",
        volume="orientation-mixed",
        files=changed(put("ImageOrientationPatient", [f"{v}" for v in SAGITTAL], _THIRD)),
    ),
    Piece(
        name="report-inside",
        why="a report in the series of the images",
        files=changed(_with_a_report),
        volume="not-a-volume",
    ),
    Piece(name="series-mixed", why="two series in one", files=changed(_other_series), volume="not-a-volume"),
    Piece(
        name="slopes-differ",
        why="PET: each slice has its own slope, and they are brought to one scale",
        files=changed(_scaled_each, modality="PT"),
        volume=VOLUME,
        frame=SHOWN,
    ),
    Piece(
        name="two-slices", why="one gap says nothing of missing ones", files=changed(slices=2), volume="too-few-slices"
    ),
    *(
        Piece(
            name=f"enhanced-{modality.lower()}",
            why="one multi-frame image whose groups say where its frames lie, the last first",
            files=changed(_enhanced, modality=modality),
            volume=VOLUME,
            frame=SHOWN,
        )
        for modality in ("CT", "MR", "PT")
    ),
    Piece(
        name="enhanced-in-two-phases",
        why="frames of two points in time, stacked as if they were one volume",
        files=changed(_in_two_phases),
        volume="multi-frame-not-supported",
        frame=SHOWN,
    ),
    Piece(
        name="enhanced-one-group-short",
        why="seven places for eight frames: which lies where",
        files=changed(_one_group_short),
        volume="multi-frame-not-supported",
        frame=SHOWN,
    ),
    Piece(
        name="enhanced-unreadable-index",
        why="an index of a VR that does not exist, inside a functional group (found by test_fuzz_headers.py)",
        files=lambda: [
            changed(_enhanced)()[0].replace(b"\x20\0\x28\x91UL", b"\x20\0\x28\x91QL"),
        ],
        volume="pixels-unreadable",
        frame=SHOWN,
    ),
    Piece(
        name="enhanced-without-groups",
        why="a multi-frame image that does not say where its frames lie",
        frame=SHOWN,
        files=changed(_frames, modality="MR"),
        volume="multi-frame-not-supported",
    ),
)
