"""Start processes in order, wait for a signal, stop them in reverse. Nothing here knows what they do."""

import logging
import select
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, Any, Final, Protocol

import uvicorn
from fastapi import FastAPI

from bridge.logs import where
from guarantee.errors import PortError, Unavailable

START_S: Final = 30.0
"""Longest start of an HTTP server."""

AGAIN_S: Final = 1.0
"""Pause before a background function that ended in a fault begins again."""

_log = logging.getLogger("aval.run")


class Process(Protocol):
    """One of the product's processes, inside an operating-system process."""

    @property
    def name(self) -> str:
        """Its name, as in ``aval run NAME``."""

    def start(self) -> None:
        """Begin; return when it is ready."""

    def stop(self) -> None:
        """Finish what runs, then end."""


class Loop:
    """A process that does something again and again on a thread of its own."""

    def __init__(self, name: str, steps: Sequence[tuple[Callable[[], object], float]]) -> None:
        """Make a loop.

        Args:
            steps: what to do, and every how many seconds.
        """
        self.name = name
        self._steps = steps
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start one thread for each step: a slow one delays no other."""
        for number, (step, every_s) in enumerate(self._steps):
            thread = threading.Thread(
                target=self._repeat, args=(step, every_s), name=f"{self.name}:{number}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Wait for the steps that run."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, step: Callable[[], object], every_s: float) -> None:
        while not self._stopping.is_set():
            try:
                step()
            except PortError as error:
                _log.warning("loop.waiting process=%s code=%s", self.name, error.code)
            except Exception as error:  # noqa: BLE001 - boundary: a fault in one round is recorded; the next round must still happen
                _log.error("loop.fault process=%s %s", self.name, where(error))
            self._stopping.wait(every_s)


class Background(Loop):
    """A process that runs one function on a thread until it is told to stop; one that ends in a fault begins again."""

    def __init__(self, name: str, run: Callable[[threading.Event], None], wake: Callable[[], None]) -> None:
        super().__init__(name, [(lambda: run(self._stopping), AGAIN_S)])
        self._wake = wake

    def stop(self) -> None:
        """Tell it, wake it, wait for it."""
        self._stopping.set()
        self._wake()
        super().stop()


class Simple:
    """A process made of two functions."""

    def __init__(self, name: str, start: Callable[[], object], stop: Callable[[], object]) -> None:
        self.name = name
        self._start = start
        self._stop = stop

    def start(self) -> None:
        """Begin."""
        self._start()

    def stop(self) -> None:
        """End."""
        self._stop()


class HttpServer:
    """A FastAPI application served by uvicorn on a thread.

    Args:
        tls: what it speaks TLS with; None for plain HTTP.
    """

    def __init__(self, name: str, app: FastAPI, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        self.name = name
        self.host = host
        self.port = port
        self._scheme = "http" if tls is None else "https"
        config: dict[str, Any] = {
            "host": host,
            "port": port,
            "log_config": None,  # uvicorn's access log would print paths and addresses; ours says what is needed
            "access_log": False,
            "server_header": False,
            "timeout_graceful_shutdown": 10,
            "timeout_keep_alive": 15,
            "limit_concurrency": 200,
            "h11_max_incomplete_event_size": 64 * 1024,
            "ssl_context_factory": None if tls is None else lambda *_: tls,
        }
        self._server = uvicorn.Server(uvicorn.Config(app, **config))
        self._thread = threading.Thread(target=self._server.run, name=name, daemon=True)

    def start(self) -> None:
        """Listen; ``port`` is the real one afterwards.

        Raises:
            Unavailable: the port is taken, or the application does not start.
        """
        self._thread.start()
        deadline = time.monotonic() + START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise Unavailable("port", f"{self.name} cannot listen on {self.host}:{self.port}; is the port taken?")
            time.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        """Where it listens."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared, not bound
        return f"{self._scheme}://{host}:{self.port}"

    def stop(self) -> None:
        """Finish the requests that run."""
        self._server.should_exit = True
        self._thread.join()


def run(
    processes: Sequence[Process],
    *,
    ready: Callable[[], None] = lambda: None,
    for_s: float | None = None,
    until: IO[str] | None = None,
) -> None:
    """Start ``processes`` in order, call ``ready``, wait for SIGTERM or SIGINT (or ``for_s``), stop in reverse.

    Runs on the main thread, where Python lets signals be handled.

    Args:
        until: a pipe that nothing is written to; its end is a reason to stop.
    """
    with ExitStack() as stack:
        asked = stack.enter_context(_asked_to_stop())
        for process in processes:
            process.start()
            stack.callback(_stop, process)
        ready()
        watched: list[Any] = [asked, until] if until else [asked]
        select.select(watched, [], [], for_s)
        _log.info("run.stopping processes=%d", len(processes))


@contextmanager
def _asked_to_stop() -> Iterator[socket.socket]:
    """Yield a socket that becomes readable at SIGTERM or SIGINT.

    Not an Event that a handler sets: a handler runs when the main thread next runs Python, and a main thread that is
    about to wait for a lock, while the signal arrives or another thread takes it, never does. It hung one stop in 15.
    """
    with ExitStack() as stack:
        asked, asking = map(stack.enter_context, socket.socketpair())
        asking.settimeout(0)
        stack.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(asking.fileno()))
        for number in (signal.SIGTERM, signal.SIGINT):
            stack.callback(signal.signal, number, signal.signal(number, lambda *_: None))
        yield asked


def _stop(process: Process) -> None:
    process.stop()
    _log.info("run.stopped process=%s", process.name)
