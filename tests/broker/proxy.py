"""A TCP proxy that does to a broker's connections what networks do."""

import contextlib
import random
import socket
import threading
from collections.abc import Callable
from enum import StrEnum

CHUNK = 4096


class Mode(StrEnum):
    """What happens to connections now."""

    PASS = "pass"
    REFUSE = "refuse"
    BLACK_HOLE = "black hole"
    SLOW = "slow"
    CUT = "cut in the middle of a frame"
    MUTE = "lost confirms"


class Proxy:
    """Listens in front of ``port``; every connection obeys ``mode`` at each chunk it carries."""

    def __init__(self, port: int, seed: int = 0) -> None:
        self.mode = Mode.PASS
        self.connections = 0
        self._target = port
        self._draw = random.Random(seed)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def stop(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut_all()
        for thread in self._threads:
            thread.join(5)

    def cut_all(self) -> None:
        """Cut every connection."""
        with self._lock:
            doomed, self._open = self._open, set()
        for one in doomed:
            _cut(one)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            if self.mode is Mode.REFUSE:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            for source, sink, carry in ((client, server, self._outward), (server, client, self._inward)):
                thread = threading.Thread(target=self._carry, args=(source, sink, carry), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _carry(self, source: socket.socket, sink: socket.socket, carry: Callable[[socket.socket, bytes], bool]) -> None:
        try:
            while data := source.recv(CHUNK):
                if not carry(sink, data):
                    break
        except OSError:
            pass  # the other half was cut
        finally:
            for one in (source, sink):
                with self._lock:
                    self._open.discard(one)
                _cut(one)

    def _outward(self, sink: socket.socket, data: bytes) -> bool:
        if self.mode is Mode.BLACK_HOLE:
            return True
        if self.mode is Mode.SLOW:
            threading.Event().wait(0.005)
        if self.mode is Mode.CUT:
            sink.sendall(data[: self._draw.randrange(len(data))])
            return False
        sink.sendall(data)
        return True

    def _inward(self, sink: socket.socket, data: bytes) -> bool:
        if self.mode in {Mode.BLACK_HOLE, Mode.MUTE}:
            return True
        sink.sendall(data)
        return True


def _cut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):  # already gone
        one.shutdown(socket.SHUT_RDWR)
    one.close()
