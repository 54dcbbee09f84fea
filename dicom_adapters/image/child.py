"""A child process that decodes compressed frames, started when the first one comes and again after each crash.

Decoders are C and C++ that read what a sender wrote: of 120 randomly damaged frames, GDCM ended its process at 1 to 4.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from typing import IO, Any, Final

from guarantee.errors import NotEligible, Unavailable

FRAME_DEADLINE_S: Final = 60.0
"""Longest decoding of one frame. The largest that decode.py lets through takes about 10 s."""

ENDING_S: Final = 1.0
"""How long a child that stopped answering may take to end by itself, so that its status says why."""

READY: Final = b"ready\n"
"""What the child says once it can decode: a child that cannot start is no fault of an image."""

_PASSED_ON: Final = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG")
"""All of our environment that the child sees: settings and passwords are in the rest."""

ANSWER_LINE_BYTES_MAX: Final = 1_000
"""Longest first line of an answer."""


class DecoderChild:
    """The child, used by one thread at a time.

    Args:
        deadline_s: for each frame, the start of the child included.
    """

    def __init__(self, deadline_s: float = FRAME_DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._lock = threading.Lock()

    def decode(self, frame: bytes, request: dict[str, Any], bytes_max: int) -> tuple[dict[str, Any], bytes]:
        """Return what the child says of ``frame`` (dtype and shape) and its pixels.

        Args:
            request: syntax, plugin and options, see decoding.py.
            bytes_max: most pixels that are believed.

        Raises:
            NotEligible: "pixels-unreadable" when the frame cannot be decoded in time, or its decoder crashed.
            Unavailable: no child can be started, or somebody else killed it.
        """
        with self._lock:
            process, late = self._running(), threading.Event()
            watchdog = threading.Timer(self._deadline_s, _end, (process, late))
            watchdog.start()
            try:
                self._await_ready(process)
                answer, pixels = _ask(process, json.dumps(request | {"bytes": len(frame)}).encode(), frame, bytes_max)
            except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
                raise self._buried(process, in_time=not late.is_set()) from error
            finally:
                watchdog.cancel()
        if "error" in answer:
            raise NotEligible("pixels-unreadable", f"{request['syntax']} by {request['plugin']}: {answer['error']}")
        return answer, pixels

    def close(self) -> None:
        """End the child."""
        with self._lock:
            if self._process is not None:
                self._buried(self._process, in_time=True)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            command = [sys.executable, "-m", "dicom_adapters.image.decoding"]
            environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
                )
            except OSError as error:
                raise Unavailable("decoder", f"no decoder process can be started: {error.strerror}") from error
            self._is_ready = False
        return self._process

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        if not self._is_ready and process.stdout is not None:
            self._is_ready = process.stdout.readline(len(READY)) == READY
        if not self._is_ready:
            raise ValueError("the child did not start")

    def _buried(self, process: subprocess.Popen[bytes], *, in_time: bool) -> NotEligible | Unavailable:
        """End ``process`` for good and return what to say of it."""
        self._process = None
        _close(process.stdin)  # a child that waits for its next frame ends now
        try:
            ended = process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            ended = None
        process.kill()
        process.wait()
        _close(process.stdout)
        if not self._is_ready:
            return Unavailable("decoder", f"the decoder process did not start (status {process.returncode})")
        if in_time and ended == -signal.SIGKILL:
            return Unavailable("decoder", "the decoder process was killed from outside, perhaps for its memory")
        what = f"crashed ({process.returncode})" if in_time else f"took more than {self._deadline_s:.0f} s"
        return NotEligible("pixels-unreadable", f"the decoder of this image {what}")


def _end(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


def _ask(process: subprocess.Popen[bytes], line: bytes, frame: bytes, bytes_max: int) -> tuple[dict[str, Any], bytes]:
    """Return the child's answer; ValueError or OSError when it is none."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("a child without pipes")
    process.stdin.write(line + b"\n" + frame)
    process.stdin.flush()
    head = process.stdout.readline(ANSWER_LINE_BYTES_MAX)
    answer: dict[str, Any] = json.loads(head)
    size = int(answer["bytes"])
    if not 0 <= size <= bytes_max:
        raise ValueError("the child answers more than was asked for")
    pixels = process.stdout.read(size)
    if len(pixels) != size:
        raise ValueError("the child ended in the middle of an answer")
    return answer, pixels


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        try:
            pipe.close()
        except BrokenPipeError:  # what was not yet written has nobody to go to
            return
