"""One run: a receiver starts on an empty folder, a sender sends, and what came of it is counted."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.bench import tree
from tests.bench.dicom.receivers import Kind, Receiver, Void
from tests.bench.dicom.wire import instance_of
from tests.bench.machine import LOADED_CORES, ROOT, wait_until_quiet, watching_others
from tests.peers.base import program

SEND_S: Final = 1800.0
"""Longest sending of one run."""

DRAIN_S: Final = 20.0
"""Longest time after the last answer until a receiver shows what it holds (an index may be written behind)."""

ATTEMPTS: Final = 3
"""A run that began on a quiet machine and met others is repeated; the last one counts, and says so. A run that lost an
instance is never repeated: it is the answer."""

PATIENCE: Final = 20
"""How many times the longest wait for a quiet machine all runs together may wait: on one that others use for hours,
figures of a loaded machine are better than none, and are not published."""

WASTE_BYTES: Final = 6 * 1024**3
"""Storage of runs that are over is deleted when there is so much of it, and never just before a run."""

FORGET_S: Final = 6.5
"""ext4 skips inodes deleted within the last five seconds: files made sooner cost every receiver more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent, and by whom.

    Args:
        tool: "raw" or "dcmsend".
    """

    folder: Path
    tool: str = "raw"
    associations: int = 1


@dataclass(slots=True, kw_only=True)
class Run:
    """What came of one run.

    Args:
        void: why it does not count; "" when it does.
        others_cores: what other people's processes used meanwhile, as a share of one core.
    """

    sent: int = 0
    kept: int = 0
    wall_s: float = 0.0
    per_s: float = 0.0
    mb_s: float = 0.0
    p50_ms: float | None = None
    p99_ms: float | None = None
    cpu_ms: float = 0.0
    idle_mib: float = 0.0
    peak_mib: float = 0.0
    pdu_bytes: int = 0
    sender_cpu_ms: float = 0.0
    others_cores: float = 0.0
    void: str = ""

    def value(self, name: str) -> float | None:
        """Return a figure; None when the run is void or has none."""
        found = None if self.void else getattr(self, name)
        return None if found is None else float(found)


@dataclass(slots=True, kw_only=True)
class Track:
    """Where runs are made, and how they are looked after.

    Args:
        quiet_s: longest wait for a quiet machine before each run.
        keep: leave what receivers stored.
    """

    folder: Path
    quiet_s: float
    keep: bool = False
    made: int = 0
    waited_s: float = 0.0
    waste: list[Path] = field(default_factory=list)

    def run(self, name: str, kind: Kind, load: Load) -> Run:
        """Return a run on a quiet machine, or the last of a few."""
        for _ in range(ATTEMPTS):
            self._clear()
            done, was_quiet = self._run(name, kind, load)
            if done.void or not was_quiet or done.others_cores <= LOADED_CORES:
                break
        print(f"  {name:18s} {_line(done)}", file=sys.stderr, flush=True)
        return done

    def _run(self, name: str, kind: Kind, load: Load) -> tuple[Run, bool]:
        """Return a run, and whether the machine was quiet when it began."""
        try:
            receiver = kind.start(self.home(name))
            try:
                was_quiet = self.wait()
                return measure(receiver, load), was_quiet
            finally:
                receiver.stop()
        except (Void, AssertionError, subprocess.SubprocessError) as error:
            return Run(void=str(error)), False

    def wait(self) -> bool:
        """Wait for a quiet machine, as long as there is patience; return whether it is."""
        since, left_s = time.monotonic(), PATIENCE * self.quiet_s - self.waited_s
        is_quiet = wait_until_quiet(min(self.quiet_s, left_s))
        self.waited_s += time.monotonic() - since
        return is_quiet

    def home(self, name: str) -> Path:
        """Return the name of a new folder, of which nothing exists yet but the one that it is in."""
        self.made += 1
        around = self.folder / f"{self.made:04d}-{name}"
        self.waste.append(around)
        around.mkdir(parents=True)
        os.sync()
        return around / "home"

    def _clear(self) -> None:
        if self.keep or sum(_size(path) for path in self.waste) < WASTE_BYTES:
            return
        self.clear()
        time.sleep(FORGET_S)

    def clear(self) -> None:
        """Delete what receivers stored."""
        for path in self.waste:
            shutil.rmtree(path, ignore_errors=True)
        self.waste.clear()
        os.sync()


def measure(receiver: Receiver, load: Load) -> Run:
    """Send a load to a receiver that listens, and return what came of it.

    Raises:
        Void: an instance was refused, lost or changed.
    """
    roots = receiver.roots
    idle_mib, before_s = tree.rss_mib(roots), tree.cpu_s(roots)
    files = sorted(load.folder.iterdir())
    with watching_others() as others, tree.watching(roots) as peak:
        found = (send_raw if load.tool == "raw" else send_by_dcmtk)(receiver, load)
        kept = _drained(receiver, len(files))
        used_s, peak_mib = tree.cpu_s(roots) - before_s, peak.mib
    if kept not in {-1, len(files)}:
        raise Void(f"{len(files)} instances were acknowledged, {kept} are kept")
    if kept >= 0:
        receiver.check(data_sets(files))
    return Run(
        sent=len(files),
        kept=kept,
        wall_s=round(found["wall_s"], 4),
        per_s=round(len(files) / found["wall_s"], 1),
        mb_s=round(found["bytes"] / found["wall_s"] / 1e6, 1),
        p50_ms=found.get("p50_ms"),
        p99_ms=found.get("p99_ms"),
        cpu_ms=round(1000 * used_s / len(files), 3),
        idle_mib=round(idle_mib, 1),
        peak_mib=round(peak_mib, 1),
        pdu_bytes=found.get("pdu_bytes", 0),
        sender_cpu_ms=round(1000 * found["cpu_s"] / len(files), 3),
        others_cores=round(others.cores, 3),
    )


def send_raw(receiver: Receiver, load: Load, *more: str) -> dict[str, Any]:
    """Send with the raw sender.

    Raises:
        Void: an answer was not success, or an association ended.
    """
    command = [sys.executable, "-m", "tests.bench.dicom.sender", "--port", str(receiver.port)]
    words = ["--called", receiver.called, "--associations", str(load.associations), *more, str(load.folder)]
    done = subprocess.run([*command, *words], cwd=ROOT, capture_output=True, text=True, timeout=SEND_S, check=False)
    if done.returncode:
        raise Void(f"the sender failed: {done.stderr[-300:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if found["faults"] or set(found["statuses"]) != {"0x0000"}:
        raise Void(f"answers {found['statuses']}, faults {found['faults']}")
    return found


def send_by_dcmtk(receiver: Receiver, load: Load) -> dict[str, Any]:
    """Send with dcmsend as it is installed; its start and its reading of every file are in the time.

    Raises:
        Void: it did not end well.
    """
    words = ["-aet", "BENCH", "-aec", receiver.called, "--decompress-never", "127.0.0.1", str(receiver.port)]
    before, since = os.times(), time.perf_counter()
    done = subprocess.run(
        [program("dcmsend"), "-q", *words, "+sd", str(load.folder)],
        capture_output=True,
        text=True,
        timeout=SEND_S,
        check=False,
    )
    wall_s, after = time.perf_counter() - since, os.times()
    if done.returncode:
        raise Void(f"dcmsend ended with {done.returncode}: {done.stderr[-300:]}")
    used_s = after.children_user - before.children_user + after.children_system - before.children_system
    size_bytes = sum(path.stat().st_size for path in load.folder.iterdir())
    return {"wall_s": wall_s, "bytes": size_bytes, "cpu_s": used_s}


def data_sets(files: list[Path]) -> Mapping[str, bytes]:
    """Return the data set of each file by its SOP Instance UID."""
    instances = (instance_of(path.read_bytes()) for path in files)
    return {each.uid.decode(): bytes(each.data) for each in instances}


def to_json(run: Run) -> dict[str, Any]:
    """Return a run as the results file has it."""
    return asdict(run)


def _drained(receiver: Receiver, count: int) -> int:
    """Return what is held, at the latest after DRAIN_S."""
    deadline = time.monotonic() + DRAIN_S
    while 0 <= (kept := receiver.kept()) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    return kept


def _line(run: Run) -> str:
    if run.void:
        return f"void: {run.void}"
    times = "" if run.p50_ms is None else f", p50 {run.p50_ms} ms, p99 {run.p99_ms} ms"
    return f"{run.per_s:8.1f}/s{times}, {run.cpu_ms} ms CPU, {run.peak_mib:.0f} MiB, others {run.others_cores:.2f}"


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))
