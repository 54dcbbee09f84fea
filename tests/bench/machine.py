"""The machine and the commit that figures belong to, and whether the machine was ours while they were taken."""

import os
import platform
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.tree import others_cpu_s

ROOT: Final = Path(__file__).parents[2]

QUIET_CORES: Final = 0.15
"""A machine on which others use less than this share of one core is quiet."""

LOADED_CORES: Final = 0.25
"""A run during which others used more than this is repeated, and never published."""


def describe(storage: Path) -> dict[str, Any]:
    """Return what a reader needs in order to judge the figures."""
    source, kind = _mount(storage)
    return {
        "cpu": _field(Path("/proc/cpuinfo"), "model name"),
        "cores": os.cpu_count(),
        "memory_gib": round(int(_field(Path("/proc/meminfo"), "MemTotal").split()[0]) / 1024**2, 1),
        "kernel": platform.release(),
        "system": _field(Path("/etc/os-release"), "PRETTY_NAME", separator="=").strip('"'),
        "python": platform.python_version(),
        "storage": f"{kind} on {source}",
    }


def commit() -> str:
    """Return the commit, marked when the tree differs from it; "unknown" outside a checkout."""
    try:
        name = _git("rev-parse", "--short=12", "HEAD")
        return name + ("+changes" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def wait_until_quiet(longest_s: float) -> bool:
    """Return True when others use little of the machine, False when they still did after ``longest_s``."""
    deadline = time.monotonic() + longest_s
    while time.monotonic() < deadline:
        with watching_others() as others:
            time.sleep(0.4)
        if others.cores < QUIET_CORES:
            return True
    return False


@dataclass(slots=True)
class Others:
    """What other people's processes used: a share of one core."""

    cores: float = 0.0


@contextmanager
def watching_others() -> Iterator[Others]:
    """Yield what others use between now and the end of the block. Processes that start meanwhile are not seen."""
    others, mine = Others(), (os.getpid(),)
    before, since = others_cpu_s(mine), time.monotonic()
    yield others
    after = others_cpu_s(mine)
    used_s = sum(max(0.0, after[pid] - used) for pid, used in before.items() if pid in after)
    others.cores = used_s / max(1e-3, time.monotonic() - since)


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _field(path: Path, name: str, *, separator: str = ":") -> str:
    for line in path.read_text().splitlines() if path.exists() else ():
        key, _, value = line.partition(separator)
        if key.strip() == name:
            return value.strip()
    return "unknown"


def _mount(path: Path) -> tuple[str, str]:
    """Return device and type of the file system that holds ``path``."""
    place, best = path.resolve(), ("unknown", "unknown", Path("/"))
    for line in Path("/proc/self/mounts").read_text().splitlines():
        source, point, kind = line.split()[:3]
        if place.is_relative_to(point) and Path(point).is_relative_to(best[2]):
            best = (source, kind, Path(point))
    return best[0], best[1]
