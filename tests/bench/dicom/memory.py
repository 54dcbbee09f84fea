"""Memory stays flat: over very many instances, and for one object of a gigabyte."""

import hashlib
import sys
from pathlib import Path
from typing import Any, Final

from tests.bench import tree
from tests.bench.dicom import images
from tests.bench.dicom.parts import Part
from tests.bench.dicom.receivers import Aval, Void
from tests.bench.dicom.runs import Load, Track, send_raw
from tests.bench.dicom.wire import instance_of
from tests.bench.figures import Target, table

OVER_IDLE_MIB: Final = 64.0
LARGE_BYTES: Final = 1_000_000_000
STEPS: Final = 10
"""Parts of the instances after each of which memory is noted: a leak is a slope."""

ASSOCIATIONS: Final = 4


def measure_memory(track: Track, cache: Path, *, instances: int, large_bytes: int = LARGE_BYTES) -> Part:
    """Return the memory of a fresh Aval while it receives."""
    receiver = Aval(track.home("memory"), {})
    try:
        idle_mib = tree.rss_mib(receiver.roots)
        steps = _many(receiver, cache, instances)
        large_mib, why = _large(receiver, cache, large_bytes)
        kept = receiver.kept()
    finally:
        receiver.stop()
    large, lost = f"one object of {large_bytes / 1e9:g} GB", instances + (large_mib is not None) - kept
    targets = (
        _target(f"memory over idle, {instances} instances", max(steps) - idle_mib),
        _target(f"memory over idle, {large}", None if large_mib is None else large_mib - idle_mib, why),
        Target(name="instances lost while memory was measured", asks="at most", limit=0, value=lost),
    )
    rows = [[f"{(n + 1) * instances // STEPS}", f"{mib:.0f}"] for n, mib in enumerate(steps)]
    rows = [["idle", f"{idle_mib:.0f}"], *rows, [large, "–" if large_mib is None else f"{large_mib:.0f}"]]
    found: dict[str, Any] = {"idle_mib": idle_mib, "peaks_mib": steps, "large_mib": large_mib, "instances": instances}
    return Part(name="memory", shown=table(["after", "peak MiB"], rows), targets=targets, data=found)


def _many(receiver: Aval, cache: Path, instances: int) -> list[float]:
    load = Load(folder=images.study(images.SMALL, 1000, cache), associations=ASSOCIATIONS)
    each, peaks = instances // STEPS, []
    for step in range(STEPS):
        with tree.watching(receiver.roots) as peak:
            found = send_raw(receiver, load, "--count", str(each), "--first", str(step * each))
            peaks.append(round(peak.mib, 1))
        rate = found["sent"] / found["wall_s"]
        print(f"  {(step + 1) * each} instances: peak {peaks[-1]} MiB, {rate:.0f}/s", file=sys.stderr, flush=True)
    return peaks


def _large(receiver: Aval, cache: Path, size_bytes: int) -> tuple[float | None, str]:
    """Return the peak while one large object came, or why it was not kept; its bytes are compared."""
    load = Load(folder=images.study(images.CT, 1, cache))
    try:
        with tree.watching(receiver.roots) as peak:
            found = send_raw(receiver, load, "--multiframe", str(size_bytes))
            peak_mib = round(peak.mib, 1)
    except Void as reason:
        return None, str(reason)
    kept = hashlib.sha256(instance_of(receiver.file_of(found["uid"])).data).hexdigest()
    why = f"{found['bytes'] / found['wall_s'] / 1e6:.0f} MB/s" if kept == found["data_set_sha256"] else "other bytes"
    return (peak_mib if kept == found["data_set_sha256"] else None), why


def _target(name: str, value: float | None, why: str = "") -> Target:
    return Target(name=name, asks="at most", limit=OVER_IDLE_MIB, value=value, why=why or "MiB")
