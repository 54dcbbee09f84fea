"""Prometheus' own checker, from Debian's package: of the text that a scrape reads, of rules, and of what rules do."""

import subprocess
from pathlib import Path

from tests.peers.fixtures import tool


def complaints(text: str) -> str:
    """Return what promtool has to say of a scrape; "" for nothing."""
    done = _run("check", "metrics", text=text)
    return done.stdout + done.stderr


def judge(*words: str, folder: Path) -> tuple[int, str]:
    """Run ``promtool`` and return its status and what it says."""
    done = _run(*words, folder=folder)
    return done.returncode, done.stdout + done.stderr


def _run(*words: str, text: str = "", folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    command = [tool("promtool"), *words]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60, cwd=folder)
