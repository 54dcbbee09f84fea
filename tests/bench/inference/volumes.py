"""From the files of a series to one tensor, beside the plainest way by hand."""

import time
from io import BytesIO
from typing import Final

import numpy as np
from pydicom import dcmread

from dicom_adapters.image.series import read_volume
from tests.bench.dicom.parts import Part
from tests.bench.figures import Spread, paired, target
from tests.bench.machine import wait_until_quiet
from tests.dicom import samples

SLICES, ROWS, COLUMNS = 140, 512, 512

TENSOR_MAX_S: Final = 0.5
OVER_HAND_MAX: Final = 1.2


def measure_volumes(*, repetitions: int, slices: int, quiet_s: float) -> Part:
    """Return how long a series of CT takes to become a tensor: files in memory, uncompressed, in no order."""
    images = samples.series("CT", slices=slices, rows=ROWS, columns=COLUMNS, slope=1, intercept=-1024, signed=False)
    files = [samples.to_file(image) for image in reversed(images)]
    ours, by_hand = [], []
    for repetition in range(repetitions):
        wait_until_quiet(quiet_s)
        ways = [(lambda: _ours(files), ours), (lambda: _by_hand(files), by_hand)]
        for way, times in ways if repetition % 2 else reversed(ways):
            began = time.perf_counter()
            way()
            times.append(time.perf_counter() - began)
    spread, ratio = Spread.of(ours), paired(ours, by_hand)
    name = f"series of {slices} x {ROWS} x {COLUMNS} to a tensor"
    return Part(
        name="series",
        shown=f"{name}: {spread} s, by hand {Spread.of(by_hand)} s.",
        targets=(
            target(f"{name}, seconds", "at most", TENSOR_MAX_S, spread),
            target(f"{name}, over the way by hand", "at most", OVER_HAND_MAX, ratio),
        ),
        data={"ours_s": ours, "by_hand_s": by_hand},
    )


def _ours(files: list[bytes]) -> np.ndarray:
    volume = read_volume(files)
    return np.frombuffer(volume.voxels, volume.dtype).reshape(volume.shape).astype(np.float32)


def _by_hand(files: list[bytes]) -> np.ndarray:
    """What somebody writes in ten lines: every check left out but the order along the normal."""
    read = [dcmread(BytesIO(file)) for file in files]
    read.sort(key=lambda image: image.ImagePositionPatient[2])
    stacked = np.stack([image.pixel_array for image in read]).astype(np.float32)
    stacked += float(read[0].RescaleIntercept)
    return stacked
