"""Posts requests over open connections as fast as they are answered, or at a pace; no client library in the way."""

import itertools
import socket
import threading
import time
from collections.abc import Sequence
from typing import Final

CONNECTIONS: Final = 16
"""Connections that post at the same time; the same for everybody."""

ANSWER_S: Final = 60.0
"""Longest wait for one answer; a run in which one took longer is void."""

PIECE: Final = 64 * 1024


class Void(Exception):
    """A run that measures nothing: something was refused, or lost."""


def request(path: str, body: bytes) -> bytes:
    """Return a whole POST of FHIR JSON."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/fhir+json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def post_all(port: int, requests: Sequence[bytes], *, status: int, per_s: float | None = None) -> list[float]:
    """Post everything and return when each was due (epoch, seconds), in the order of ``requests``.

    Args:
        status: that every answer must have.
        per_s: pace; None for as fast as answers come. A request that goes late because all connections wait was due
            at its time all the same: whoever waits for it has waited since.

    Raises:
        Void: another answer, or none.
    """
    numbers, due = itertools.count(), [0.0] * len(requests)
    faults: list[str] = []
    begun = time.time()

    def work() -> None:
        try:
            with socket.create_connection(("127.0.0.1", port), ANSWER_S) as line:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while (number := next(numbers)) < len(requests) and not faults:
                    due[number] = begun + number / per_s if per_s else time.time()
                    time.sleep(max(0.0, due[number] - time.time()))
                    line.sendall(requests[number])
                    _require(status, _answer(line))
        except (OSError, Void) as error:
            faults.append(str(error))

    workers = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if faults:
        raise Void(faults[0])
    return due


def _answer(line: socket.socket) -> int:
    """Read one answer to its end and return its status."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _piece(line)
    head, _, rest = data.partition(b"\r\n\r\n")
    fields = dict(field.partition(b":")[::2] for field in head.lower().split(b"\r\n")[1:])
    left = int(fields[b"content-length"]) - len(rest)
    while left > 0:
        left -= len(_piece(line))
    return int(head.split()[1])


def _piece(line: socket.socket) -> bytes:
    data = line.recv(PIECE)
    if not data:
        raise Void("a connection ended in the middle of an answer")
    return data


def _require(wanted: int, status: int) -> None:
    if status != wanted:
        raise Void(f"answered {status} instead of {wanted}")
