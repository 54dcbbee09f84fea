"""The bell of the embedded default: queues and threads inside one process.

A crash loses what is in the queues. That is allowed: the rows say what is due, and the sweeper rings for all of it when
the process starts again.
"""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from guarantee.errors import PortError, Unavailable
from guarantee.events import Fact, topic

DELIVERIES_MAX: Final = 5
"""How often a message is handed to a handler that fails, before it is parked. The sweeper rings anew later."""

DEPTH_MAX: Final = 10_000
"""Most waiting messages of one topic. Beyond it ``ring`` says Unavailable and the outbox keeps them."""

PARKED_MAX: Final = 1_000
"""Most parked messages that are remembered. The sweeper rings anew for ever; what is parked must not grow with it."""

_log = logging.getLogger("aval.bell")


@dataclass(frozen=True, slots=True)
class _Ring:
    message_id: str
    fact: Fact
    delivery: int = 1


class LocalBell:
    """The Bell port inside one process."""

    def __init__(self) -> None:
        self._queues: dict[str, queue.Queue[_Ring | None]] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False
        self.parked: deque[tuple[str, str]] = deque(maxlen=PARKED_MAX)
        """(topic, message id) of the last messages that failed DELIVERIES_MAX times."""

    def ring(self, message_id: str, fact: Fact) -> None:
        """Queue ``fact``.

        Raises:
            Unavailable: nobody listens to this topic (yet), or its queue is full.
        """
        name = topic(fact)
        waiting = self._queues.get(name)
        if waiting is None or self._closed:
            raise Unavailable("nobody-listens", f"no process listens to {name}; the outbox keeps the message")
        try:
            waiting.put_nowait(_Ring(message_id, fact))
        except queue.Full:
            raise Unavailable(
                "queue-full", f"{name} has {DEPTH_MAX} waiting messages; the outbox keeps this one"
            ) from None

    def ring_all(self, rings: Sequence[tuple[str, Fact]]) -> list[Unavailable | None]:
        """Queue facts, one after the other."""
        return [self._refusal(*ring) for ring in rings]

    def _refusal(self, message_id: str, fact: Fact) -> Unavailable | None:
        try:
            self.ring(message_id, fact)
        except Unavailable as error:
            return error
        return None

    def listen(self, topic: str, handler: Callable[[str, Fact], None], *, workers: int = 1) -> None:
        """Start ``workers`` threads that call ``handler`` for each ring of ``topic``."""
        with self._lock:
            waiting = self._queues.setdefault(topic, queue.Queue(DEPTH_MAX))
        for number in range(workers):
            thread = threading.Thread(
                target=self._work, args=(topic, waiting, handler), name=f"bell:{topic}:{number}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """Stop listening; handlers that run are waited for, queued messages are left to the sweeper."""
        if self._closed:
            return
        self._closed = True
        for waiting in self._queues.values():
            _drain(waiting)
        for thread in self._threads:
            name = thread.name.split(":", 1)[1].rsplit(":", 1)[0]
            self._queues[name].put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, name: str, waiting: queue.Queue[_Ring | None], handler: Callable[[str, Fact], None]) -> None:
        while (ring := waiting.get()) is not None:
            self._handle(name, ring, waiting, handler)

    def _handle(
        self, name: str, ring: _Ring, waiting: queue.Queue[_Ring | None], handler: Callable[[str, Fact], None]
    ) -> None:
        try:
            handler(ring.message_id, ring.fact)
        except Exception as error:  # noqa: BLE001 - boundary: a handler's failure is recorded, and never ends the thread
            code = error.code if isinstance(error, PortError) else type(error).__name__
            _log.warning(
                "bell.failed topic=%s message=%s delivery=%d code=%s", name, ring.message_id, ring.delivery, code
            )
            self._again(name, ring, waiting)

    def _again(self, name: str, ring: _Ring, waiting: queue.Queue[_Ring | None]) -> None:
        if ring.delivery >= DELIVERIES_MAX or self._closed:
            self.parked.append((name, ring.message_id))
            return
        timer = threading.Timer(
            0.05 * 2**ring.delivery, waiting.put, [_Ring(ring.message_id, ring.fact, ring.delivery + 1)]
        )
        timer.daemon = True
        timer.start()


def _drain(waiting: queue.Queue[_Ring | None]) -> None:
    while True:
        try:
            waiting.get_nowait()
        except queue.Empty:
            return
