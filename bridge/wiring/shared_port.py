"""Several listeners on one port, each in an operating-system process of its own: the kernel deals connections out.

One interpreter hashes and reads headers on one core at a time. Each listener is ``aval run scp --shared``, a child of
this process; one that dies is started again while the others go on, and all end with this one, however it ends.
"""

import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from guarantee.errors import Unavailable

READY: Final = "ready"
"""What a child says on its standard output once it listens; it says nothing else there."""

START_S: Final = 60.0
"""Longest start of all the children."""

STOP_S: Final = 40.0
"""Longest end of a child: its associations may finish (scp.Options.grace_s), then they are aborted."""

AGAIN_S: Final = 1.0
"""Pause before a child that ended is started again."""

_log = logging.getLogger("aval.run")


def shared_listener(folder: Path) -> list[str]:
    """Return the command of one child."""
    return [sys.executable, "-m", "bridge", "run", "scp", "--shared", "--dir", str(folder)]


class SharedPort:
    """The DICOM listener as several processes.

    Args:
        command: of one child: it says READY when it listens, and ends when its standard input does.
        many: how many.
    """

    name = "scp"

    def __init__(self, command: Sequence[str], many: int) -> None:
        self._command = command
        self._many = many
        self._stopping = threading.Event()
        self._children: dict[int, subprocess.Popen[str]] = {}
        self._ready = [threading.Event() for _ in range(many)]
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start every child; return when all listen.

        Raises:
            Unavailable: one of them does not; its log says why.
        """
        for number in range(self._many):
            thread = threading.Thread(target=self._keep, args=(number,), name=f"scp:{number}", daemon=True)
            thread.start()
            self._threads.append(thread)
        if not all(ready.wait(START_S) for ready in self._ready):
            self.stop()
            raise Unavailable("listener", f"not all of {self._many} listeners started; see the log of each")

    def stop(self) -> None:
        """Let every child finish its associations; kill one that does not end."""
        self._stopping.set()
        for child in list(self._children.values()):
            child.terminate()
        for thread in self._threads:
            thread.join(STOP_S)
        for child in list(self._children.values()):
            child.kill()

    def _keep(self, number: int) -> None:
        """Run one child after another."""
        while not self._stopping.is_set():
            try:
                status = self._run_one(number)
            except OSError as error:  # no process or no memory left for one: there may be, a little later
                _log.error("scp.process-not-started number=%d error=%s", number, error.strerror)
            else:
                if not self._stopping.is_set():
                    _log.error("scp.process-ended number=%d status=%d", number, status)
            self._stopping.wait(AGAIN_S)

    def _run_one(self, number: int) -> int:
        """Run one child to its end; return its status."""
        with self._spawn() as child:
            self._children[number] = child
            if self._stopping.is_set():
                child.terminate()
            for line in child.stdout or ():
                if line.strip() == READY:
                    self._ready[number].set()
        del self._children[number]
        return child.returncode

    def _spawn(self) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
