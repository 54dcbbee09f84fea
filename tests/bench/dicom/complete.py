"""From the last instance to "complete": the quiet time, and how much more."""

import time
from pathlib import Path
from typing import Final

from sqlalchemy import text

from bridge.db.engine import engine_at
from tests.bench.dicom import images
from tests.bench.dicom.parts import Part
from tests.bench.dicom.receivers import Aval
from tests.bench.dicom.runs import Load, Track, send_raw
from tests.bench.figures import Spread, target

INSTANCES: Final = 2000
QUIET_S: Final = 2.0
BEYOND_S: Final = 0.5
LOOK_EVERY_S: Final = 0.02
LONGEST_S: Final = 60.0
"""A study that is not complete so long after its quiet time is never."""


def measure_completion(track: Track, cache: Path, *, repetitions: int, instances: int = INSTANCES) -> Part:
    """Return how long after its quiet time a study was seen to be complete, each time another study."""
    load = Load(folder=images.study(images.SMALL, instances, cache))
    receiver = Aval(track.home("complete"), {"quiet": {"default_s": QUIET_S}})
    beyond_s = []
    try:
        for repetition in range(repetitions):
            found = send_raw(receiver, load, "--count", str(instances), "--first", str(repetition * instances))
            seen_at = _seen_complete(receiver, repetition + 1)
            if seen_at is not None:
                beyond_s.append(seen_at - found["answered_at"] - QUIET_S)
    finally:
        receiver.stop()
    spread = Spread.of(beyond_s) if len(beyond_s) == repetitions else None
    name = f"seconds from the last of {instances} instances to complete, beyond the quiet time"
    return Part(
        name="complete",
        shown=f"A study of {instances} instances is seen complete {spread} s after its quiet time of {QUIET_S} s.",
        targets=(target(name, "at most", BEYOND_S, spread, "" if spread else "a study did not become complete"),),
        data={"beyond_quiet_s": [round(value, 4) for value in beyond_s], "quiet_s": QUIET_S, "instances": instances},
    )


def _seen_complete(receiver: Aval, studies: int) -> float | None:
    """Return when there were so many complete studies, as another process sees it."""
    deadline = time.monotonic() + QUIET_S + LONGEST_S
    with engine_at(receiver.installation.owner) as engine:
        while time.monotonic() < deadline:
            with engine.connect() as connection:
                complete = connection.scalar(text("SELECT count(*) FROM cases WHERE state = 'complete'"))
            if complete == studies:
                return time.time()
            time.sleep(LOOK_EVERY_S)
    return None
