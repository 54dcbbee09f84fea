"""A peer that speaks the upper layer protocol byte by byte (PS3.8, 9.3), well or badly."""

import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Self

from pydicom.uid import ExplicitVRLittleEndian

from tests.dicom import samples

CT: Final = str(samples.CLASSES["CT"])
ECHO: Final = "1.2.840.10008.1.1"

ACCEPTED, REJECTED, DATA, RELEASED, ABORTED = 2, 3, 4, 6, 7
"""Types of PDU (PS3.8, 9.3.1)."""

DEADLINE_S: Final = 20.0
"""No answer for so long fails the test."""


class Peer:
    """One connection.

    Args:
        contexts: (abstract syntax, transfer syntaxes) of each presentation context; their ids are 1, 3, 5, …
    """

    def __init__(
        self,
        port: int,
        *,
        calling: str = "MR2",
        called: str = "AVAL",
        contexts: Sequence[tuple[str, Sequence[str]]] = ((CT, (ExplicitVRLittleEndian,)),),
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        self._calling, self._called, self._contexts = calling, called, contexts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def associate(self) -> tuple[int, bytes]:
        """Ask for an association; return type and body of the answer."""
        self.socket.sendall(self.request())
        return self.receive()

    def request(self) -> bytes:
        """Return the request for an association."""
        items = _item(0x10, b"1.2.840.10008.3.1.1.1")
        for n, (abstract, transfers) in enumerate(self._contexts):
            names = _item(0x30, abstract.encode()) + b"".join(_item(0x40, t.encode()) for t in transfers)
            items += _item(0x20, bytes((2 * n + 1, 0, 0, 0)) + names)
        items += _item(0x50, _item(0x51, struct.pack(">L", 0)) + _item(0x52, b"1.2.3"))
        titles = self._called.encode().ljust(16) + self._calling.encode().ljust(16)
        return pdu(1, struct.pack(">HH", 1, 0) + titles + bytes(32) + items)

    def associated(self) -> Self:
        """Ask for an association and be let in; close the connection when that fails."""
        try:
            kind, _ = self.associate()
            assert kind == ACCEPTED
        except BaseException:
            self.socket.close()
            raise
        return self

    def store(self, data_set: bytes, sop_instance_uid: str, *, sop_class_uid: str = CT, context: int = 1) -> int:
        """Send one instance; return the status of the answer, or minus the type of another PDU."""
        self.socket.sendall(
            data(context, 3, store_request(sop_class_uid, sop_instance_uid)) + data(context, 2, data_set)
        )
        return self.status()

    def status(self) -> int:
        """Return the status of the next answer, or minus the type when it is another PDU."""
        kind, body = self.receive()
        if kind != DATA:
            return -kind
        at = body.index(b"\0\0\x00\x09\x02\0\0\0") + 8
        return int(struct.unpack_from("<H", body, at)[0])

    def release(self) -> int:
        """Release the association; return the type of the answer."""
        self.socket.sendall(pdu(5, bytes(4)))
        return self.receive()[0]

    def abort(self) -> None:
        """Abort the association, unless the other side already did."""
        with suppress(OSError):
            self.socket.sendall(pdu(7, bytes(4)))

    def reset(self) -> None:
        """Break the connection, as a cable does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def receive(self) -> tuple[int, bytes]:
        """Return type and body of the next PDU; (0, b"") when the connection was closed."""
        head = self._read(6)
        if len(head) < 6:
            return 0, b""
        return head[0], self._read(struct.unpack(">L", head[2:])[0])

    def _read(self, size: int) -> bytes:
        read = b""
        while len(read) < size:
            try:
                more = self.socket.recv(size - len(read))
            except ConnectionError:
                more = b""
            if not more:
                return read
            read += more
        return read


def pdu(kind: int, body: bytes, *, length: int | None = None) -> bytes:
    """Return one PDU, its length true or not."""
    return struct.pack(">BBL", kind, 0, len(body) if length is None else length) + body


def data(context: int, flags: int, body: bytes, *, chunk: int = 100_000) -> bytes:
    """Return ``body`` in P-DATA-TF PDUs; ``flags``: 1 command, 2 last (PS3.8, E.2)."""
    parts = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b""]
    out = b""
    for n, part in enumerate(parts):
        mark = flags if n == len(parts) - 1 else flags & 1
        out += pdu(4, struct.pack(">LBB", len(part) + 2, context, mark) + part)
    return out


def store_request(sop_class_uid: str, sop_instance_uid: str) -> bytes:
    """Return the command set of a C-STORE-RQ (PS3.7, 9.3.1.1)."""
    elements = (
        _command(0x0002, _padded(sop_class_uid))
        + _command(0x0100, b"\x01\0")
        + _command(0x0110, b"\x01\0")
        + _command(0x0700, b"\0\0")
        + _command(0x0800, b"\x01\0")
        + _command(0x1000, _padded(sop_instance_uid))
    )
    return _command(0, struct.pack("<L", len(elements))) + elements


def _padded(uid: str) -> bytes:
    return uid.encode("latin-1") + b"\0" * (len(uid) % 2)


def _command(number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, number, len(value)) + value


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body
