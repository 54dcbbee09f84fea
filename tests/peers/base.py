"""What every peer shares: finding its program, a free port, a folder, a process that surely ends."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

START_S = 60.0
"""Longest start of a peer. RabbitMQ on two busy cores takes about 15 s."""


class PeerMissing(Exception):
    """The peer cannot be had on this machine; the message says why and what to install."""


def program(*names: str) -> str:
    """Return the first program that exists."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise PeerMissing(f"{names[0]} is not installed; run `make peers`")


def free_port() -> int:
    """Return a port below the ephemeral range that nobody listens on.

    Ports above 32768 can be taken by an outgoing connection between our look and the peer's bind.
    """
    return free_ports(1)


def free_ports(count: int) -> int:
    """Return the first of ``count`` such ports in a row."""
    first = secrets.randbelow(10_000)  # by chance: test runs beside this one look too
    for port in range(20_000 + first, 32_000 - count):
        row = range(port, port + count)
        if _GIVEN.isdisjoint(row) and all(map(_is_free, row)):
            _GIVEN.update(row)
            return port
    raise PeerMissing(f"no {count} free ports in a row between 20000 and 32000")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_GIVEN: set[int] = set()


def folder(name: str, owner: str | None = None) -> Path:
    """Return a new private folder, owned by ``owner`` when we are root and that user exists."""
    path = Path(tempfile.mkdtemp(prefix=f"aval-{name}-"))
    if owner and os.geteuid() == 0:
        entry = pwd.getpwnam(owner)
        os.chown(path, entry.pw_uid, entry.pw_gid)
    return path


def listens(port: int) -> bool:
    """Return whether somebody accepts connections on ``port``."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(ready: Callable[[], bool], what: str, process: subprocess.Popen[bytes] | None = None) -> None:
    """Return when ``ready``; fail loudly when it takes longer than START_S or the process ends."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if ready():
            return
        if process is not None and process.poll() is not None:
            raise PeerMissing(f"{what} ended with status {process.returncode} while starting")
        time.sleep(0.1)
    raise PeerMissing(f"{what} did not start within {START_S:.0f} s")


class Daemon:
    """A child process in its own group, with its output in a file."""

    def __init__(
        self, name: str, command: list[str], home: Path, env: dict[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        self.name = name
        self.home = home
        self.log = home / f"{name}.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=cwd, start_new_session=True
            )

    def stop(self, *, sign: int = signal.SIGTERM, grace_s: float = 15.0) -> None:
        """End the whole group."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, sign)
            try:
                self.process.wait(grace_s)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(5)

    def tail(self, lines: int = 30) -> str:
        """Return the end of the output, for a failed test's message."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
