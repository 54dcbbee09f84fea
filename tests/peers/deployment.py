"""Who judges deploy/: programs in an environment of their own, made by deploy/dev/peers.d/deployment."""

import subprocess
from pathlib import Path
from typing import Final

from tests.peers.fixtures import missing

PROGRAMS: Final = Path(__file__).parents[2] / ".peers" / "deployment" / "bin"
JUDGE_S: Final = 240.0
"""Longest run of one judge."""


def judged(name: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Return what one judge says; a judge that is not there is missed as a peer is."""
    if not (PROGRAMS / name).exists():
        missing(f"{name} is not installed; run `make peers`")
    return subprocess.run([str(PROGRAMS / name), *words], capture_output=True, text=True, timeout=JUDGE_S, check=False)
