"""What a tree of processes costs: processor time and memory, from /proc."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Final

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
KERNEL_THREAD: Final = 0x00200000
"""PF_KTHREAD in the flags of /proc/PID/stat."""

LOOK_EVERY_S: Final = 0.1
"""How often memory is looked at, for children that end before we ask: their own peak is gone with them."""

IDLE_CORES: Final = 0.1
IDLE_S: Final = 0.5
IDLE_ROUNDS: Final = 3
"""Processes that use less than a tenth of a core for half a second, three times, do nothing."""


def members(roots: Iterable[int]) -> list[int]:
    """Return the processes of the trees under ``roots``, themselves included."""
    found: list[int] = []
    for root in roots:
        found.append(root)
        for task in Path(f"/proc/{root}/task").glob("*/children"):
            found += members(int(child) for child in _read(task).split())
    return found


def cpu_s(roots: Iterable[int]) -> float:
    """Return the processor time that the trees have used, with that of children that ended and were waited for."""
    return sum(sum(map(int, _stat(pid)[11:15])) for pid in members(roots)) / TICKS_PER_S


def wait_until_idle(roots: tuple[int, ...], longest_s: float) -> None:
    """Wait until these processes, with their children, do nothing for a while; go on after ``longest_s``."""
    deadline = time.monotonic() + longest_s
    idle = 0
    while idle < IDLE_ROUNDS and time.monotonic() < deadline:
        before = cpu_s(roots)
        time.sleep(IDLE_S)
        idle = idle + 1 if cpu_s(roots) - before < IDLE_CORES * IDLE_S else 0


def rss_mib(roots: Iterable[int]) -> float:
    """Return the resident memory of the trees now. Pages that two processes share count twice."""
    return sum(_status_mib(pid, "VmRSS") for pid in members(roots))


class Peak:
    """The highest resident memory of trees since :func:`watching` began."""

    def __init__(self, roots: tuple[int, ...]) -> None:
        self._roots = roots
        self._seen_mib = 0.0

    def look(self) -> None:
        """Note the memory of now."""
        self._seen_mib = max(self._seen_mib, rss_mib(self._roots))

    @property
    def mib(self) -> float:
        """The peak: the sum of each living process's own, or what was seen at once, if that was more."""
        return max(self._seen_mib, sum(_status_mib(pid, "VmHWM") for pid in members(self._roots)))


@contextmanager
def watching(roots: tuple[int, ...]) -> Iterator[Peak]:
    """Yield the peak memory of trees, counted from now."""
    for pid in members(roots):
        _forget_peak(pid)
    peak, done = Peak(roots), Event()

    def look() -> None:
        while not done.wait(LOOK_EVERY_S):
            peak.look()

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def others_cpu_s(mine: Iterable[int]) -> dict[int, float]:
    """Return the processor time of every process that is neither the kernel's nor in the trees ``mine``."""
    ours = set(members(mine))
    pids = {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()} - ours
    stats = {pid: _stat(pid) for pid in pids}
    return {
        pid: (int(stat[11]) + int(stat[12])) / TICKS_PER_S
        for pid, stat in stats.items()
        if not int(stat[6]) & KERNEL_THREAD
    }


def _forget_peak(pid: int) -> None:
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return  # another user's process: its peak is that since its start


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on (field 3); zeros for a process that is gone."""
    return _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split() or ["0"] * 50


def _status_mib(pid: int, name: str) -> float:
    for line in _read(Path(f"/proc/{pid}/status")).splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
