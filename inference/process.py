"""The host's side of one child process: start it, ask it, end it, and say how it ended."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self, cast

from guarantee.canonical import Json
from guarantee.errors import ModelFailed
from inference.errors import WireBroken
from inference.messages import Buffers
from inference.options import NO_TELEMETRY
from inference.wire import ANSWER_BYTES_MAX, EXIT_MEMORY, REQUEST_BYTES_MAX, Message, pack, receive, send

END_S: Final = 5.0
"""How long an ended process may take to be gone. SIGKILL needs milliseconds, except under a dying disk."""

ENVIRONMENT: Final[Mapping[str, str]] = {
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",  # each arena reserves 64 MiB of the address space that the card limits
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",  # numpy's own threads would come on top of ONNX Runtime's
    **NO_TELEMETRY,
}
"""Everything a child gets of an environment: no setting and no secret of ours is in its reach."""


class _Deadline:
    """Calls ``end`` when the block takes longer than ``seconds``."""

    def __init__(self, seconds: float, end: Callable[[], None]) -> None:
        self.passed = False
        self._end = end
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._timer.cancel()
        self._timer.join()

    def _fire(self) -> None:
        self.passed = True
        self._end()


class Child:
    """One running child. Asked by one thread at a time; may be killed from any."""

    def __init__(self, folder: Path, name: str) -> None:
        """Start the process. Call this on a thread that lives as long as the child may: see ModelHost.

        Args:
            name: of the model, for messages.
        """
        self._name = name
        self._ending = threading.Lock()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
            [sys.executable, "-I", "-m", "inference.child", str(folder.absolute())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # ONNX Runtime's words can hold values of the input
            env=dict(ENVIRONMENT),
            cwd="/",
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its group."""
        return self._process.pid

    def ask(self, header: Mapping[str, Json], buffers: Buffers = (), *, deadline_s: float) -> Message:
        """Return the answer.

        Raises:
            ModelFailed: it took longer than ``deadline_s``, ended, or answered what is not a message. The child is
                then gone or must be ended.
            WireBroken: the question is larger than a child takes; nothing was sent.
        """
        pieces = pack(header, buffers, bytes_max=REQUEST_BYTES_MAX)
        answer: Message | None = None
        # What breaks in between is not told: _death says how the child ended, which says more.
        with _Deadline(deadline_s, self.kill) as deadline, contextlib.suppress(OSError, WireBroken):
            send(cast("BinaryIO", self._process.stdin), pieces)
            answer = receive(cast("BinaryIO", self._process.stdout), ANSWER_BYTES_MAX)
        if deadline.passed:
            raise ModelFailed("timeout", f"{self._name} did not answer within {deadline_s:g} s and was stopped")
        if answer is None:
            raise self._death()
        return answer

    def kill(self) -> None:
        """End the process and everything in its group, at once."""
        with self._ending:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """End the process and give its pipes back."""
        self.kill()
        with self._ending:
            self._process.wait(END_S)
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what was still to be written has no reader any more
                cast("BinaryIO", pipe).close()

    def _death(self) -> ModelFailed:
        try:
            status = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            return ModelFailed("nonsense", f"{self._name} answered what is not a message")
        if status == EXIT_MEMORY:
            return ModelFailed("memory", f"{self._name} asked for more memory than its card allows")
        if status == -signal.SIGXCPU:
            return ModelFailed("timeout", f"{self._name} used more processor time than its card allows")
        return ModelFailed("crashed", f"{self._name} ended by itself with {_status(status)}")


def _status(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    name = signal.Signals(-status).name
    return f"{name} (from outside: the kernel short of memory, or a person)" if name == "SIGKILL" else name
