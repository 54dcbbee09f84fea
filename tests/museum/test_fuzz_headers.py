"""Damaged headers into every reader; FUZZ_INPUTS and FUZZ_SEED run more, or others."""

import os
import resource
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Final

from pydicom import dcmread

from dicom_adapters.errors import MalformedInstance
from dicom_adapters.image.pixels import describe_series, read_frame
from dicom_adapters.image.series import read_volume
from dicom_adapters.read.headers import Header, read_header
from guarantee.errors import NotEligible
from tests.museum.mutation import mutated, series

INPUTS: Final = int(os.environ.get("FUZZ_INPUTS", "3000"))
SEED: Final = int(os.environ.get("FUZZ_SEED", "20261127"))

CPU_S_MAX: Final = 5.0
"""Most work for one input of 10 kB, in seconds of this process: a thousand times what it takes."""

MEMORY_BYTES_MAX: Final = 512 * 1024 * 1024
"""Most that this process may grow by, over all inputs."""


def test_whatever_the_header_only_our_own_errors_come_out(tmp_path: Path) -> None:
    """An input that fails is written down beside its number; it belongs into the museum."""
    bases, before, outcomes = series(), _peak_bytes(), Counter[str]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in a hospital; here they would be errors, and hide what comes after
        for number in range(INPUTS):
            files = list(bases[number % len(bases)])
            files[1] = mutated(files[1], Random(f"{SEED}/{number}"))
            begun = time.process_time()
            try:
                outcomes.update(_outcomes(files))
            except Exception as error:
                (tmp_path / f"input-{number}.dcm").write_bytes(files[1])
                error.add_note(f"input {number} under FUZZ_SEED={SEED}, kept in {tmp_path}")
                raise
            assert time.process_time() - begun < CPU_S_MAX, f"input {number} under FUZZ_SEED={SEED}"

    print(sum(outcomes.values()), "verdicts:", dict(outcomes.most_common()))
    assert _peak_bytes() - before < MEMORY_BYTES_MAX
    for kind in ("header read", "header broken", "volume read", "frame read", "series read"):
        assert outcomes[kind] > INPUTS / 100, outcomes


def _outcomes(files: Sequence[bytes]) -> list[str]:
    """Return what each reader says; anything but its own refusal comes through."""
    try:
        header = read_header(files[1])
    except MalformedInstance as error:
        return [f"header {error.code}"]
    _compare(header, files[1])
    named = [(f"1.2.{n}", file) for n, file in enumerate(files)]
    return [
        "header read",
        _outcome("volume", lambda: read_volume(files)),
        _outcome("frame", lambda: read_frame(files[1], 1)),
        _outcome("series", lambda: describe_series(named)),
    ]


def _outcome(reader: str, read: Callable[[], object]) -> str:
    try:
        read()
    except NotEligible as error:
        return f"{reader} {error.code}"
    return f"{reader} read"


def _compare(header: Header, data: bytes) -> None:
    """Check that pydicom, which reads it again later, finds the same instance under the same names."""
    try:
        dataset = dcmread(BytesIO(data), stop_before_pixels=True)
    except (TypeError, ValueError) as error:
        if any(frame.filename.endswith("charset.py") for frame in traceback.extract_tb(error.__traceback__)):
            return  # a character set that is none stops pydicom: kept by us, and never eligible; the museum has two
        raise
    theirs = [dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.SOPClassUID]
    ours = [header.sop_instance_uid, header.series_instance_uid, header.study_instance_uid, header.sop_class_uid]
    assert [str(uid).rstrip("\0 ") for uid in theirs] == ours


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
