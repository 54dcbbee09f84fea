"""The host's side of one child process: start it, ask it, end it, and say how it ended."""

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias, cast

from guarantee.canonical import Json
from guarantee.errors import ModelFailed
from inference.errors import WireBroken
from inference.messages import Buffers
from inference.options import NO_TELEMETRY
from inference.wire import ANSWER_BYTES_MAX, EXIT_MEMORY, REQUEST_BYTES_MAX, Message, pack, receive, send

END_S: Final = 5.0
"""How long an ended process may take to be gone. SIGKILL needs milliseconds, except under a dying disk."""

PIPE_BYTES: Final = 1024 * 1024
"""Room in each pipe: the most that Linux gives without rights. With the usual 64 KiB, host and child wake each other
sixteen times as often, and a CT takes twice as long to cross (75 MB: 80 ms instead of 135)."""

ENVIRONMENT: Final[Mapping[str, str]] = {
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",  # each arena reserves 64 MiB of the address space that the card limits
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",  # numpy's own threads would come on top of ONNX Runtime's
    **NO_TELEMETRY,
}
"""Everything a child gets of an environment: no setting and no secret of ours is in its reach."""


Relay: TypeAlias = Callable[[Message, float], list[memoryview]]
"""What runs a child's network elsewhere: its question and the seconds that are left, to the pieces of an answer."""


class _DeadlinePassed(Exception):
    """The child has not taken or given what it must, and its time is over."""


class _Pipes:
    """Both pipes of a child, for one question: nothing here waits beyond the deadline.

    A timer on a thread of its own would do the same for nearly a tenth of a millisecond a question, which is about as
    long as the models of records take.
    """

    def __init__(self, questions: int, answers: int, deadline_s: float) -> None:
        self._questions = questions
        self._answers = answers
        self._ends_at = time.monotonic() + deadline_s

    @property
    def left_s(self) -> float:
        """Seconds until the deadline, 0 after it."""
        return max(0.0, self._ends_at - time.monotonic())

    def write(self, data: memoryview) -> None:
        """Write all of ``data``."""
        while data:
            try:
                data = data[os.write(self._questions, data) :]
            except BlockingIOError:
                self._wait(self._questions, select.POLLOUT)

    def flush(self) -> None:
        """Nothing is held back here."""

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer only at the end."""
        data = bytearray(size)
        view, done = memoryview(data), 0
        while done < size and (got := self.readinto(view[done:])):
            done += got
        return bytes(view[:done])

    def readinto(self, buffer: memoryview) -> int:
        """Fill the beginning of ``buffer`` and return its length; 0 at the end."""
        while True:
            self._wait(self._answers, select.POLLIN)
            with contextlib.suppress(BlockingIOError):
                return os.readv(self._answers, [buffer])

    def _wait(self, pipe: int, event: int) -> None:
        left_s = self._ends_at - time.monotonic()
        poll = select.poll()
        poll.register(pipe, event)
        if left_s <= 0 or not poll.poll(left_s * 1000):
            raise _DeadlinePassed


class Child:
    """One running child. Asked by one thread at a time; may be killed from any."""

    def __init__(self, folder: Path, name: str, relay: Relay | None = None) -> None:
        """Start the process. Call this on a thread that lives as long as the child may: see ModelHost.

        Args:
            name: of the model, for messages.
            relay: asked when the child says "run this" in the middle of a question; None when it runs everything.
        """
        self._name = name
        self._relay = relay
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
        self._pipes = _widened(cast("BinaryIO", self._process.stdin)), _widened(cast("BinaryIO", self._process.stdout))

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
        pipes = _Pipes(*self._pipes, deadline_s)
        try:
            send(pipes, pieces)
            answer = receive(pipes, ANSWER_BYTES_MAX)
            while self._relay is not None and answer is not None and answer.header.get("answer") == "run":
                send(pipes, self._relay(answer, pipes.left_s))
                answer = receive(pipes, ANSWER_BYTES_MAX)
        except _DeadlinePassed:
            self.kill()
            raise ModelFailed(
                "timeout", f"{self._name} did not answer within {deadline_s:g} s and was stopped"
            ) from None
        except (OSError, WireBroken):  # not told: how the child ended says more
            answer = None
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


def _widened(pipe: BinaryIO) -> int:
    """Return the descriptor of our end, which from here on never blocks, with as much room as it may have."""
    descriptor = pipe.fileno()
    os.set_blocking(descriptor, False)
    with contextlib.suppress(OSError):  # the kernel's limit for all pipes of one user: then it stays as it is
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return descriptor


def _status(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    name = signal.Signals(-status).name
    return f"{name} (from outside: the kernel short of memory, or a person)" if name == "SIGKILL" else name
