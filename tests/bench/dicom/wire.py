"""The sending half of the upper layer (PS3.8, 9.3), for a sender that must not be what is measured.

Standard library alone. PDUs are prepared before the clock starts, and leave in one system call each way.
"""

import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

Bytes: TypeAlias = bytes | memoryview

OUR_PDU: Final = 131_072
"""Longest PDU that we announce, and that we send to a peer that sets no limit."""

ANSWER_S: Final = 300.0
"""A peer that is silent for so long has failed."""

PIECES: Final = 1000
"""Buffers of one sendmsg; the kernel takes 1024 (IOV_MAX)."""

MANY_BYTES: Final = 4 * 1024 * 1024
"""An instance longer than this is handed to the kernel in parts: it need not exist whole."""

APPLICATION: Final = b"1.2.840.10008.3.1.1.1"
IMPLEMENTATION: Final = b"1.2.826.0.1.3680043.10.1999.9"


class Refused(Exception):
    """The peer did not do what a storage peer must."""


@dataclass(frozen=True, slots=True)
class Instance:
    """What C-STORE sends: names, and the data set as it is in its file."""

    sop_class: bytes
    uid: bytes
    syntax: bytes
    data: Bytes


def instance_of(file: bytes) -> Instance:
    """Return the instance that a file holds (PS3.10, 7.1)."""
    meta, start = _file_meta(file)
    return Instance(meta[0x02], meta[0x03], meta[0x10], memoryview(file)[start:])


def _file_meta(file: bytes) -> tuple[dict[int, bytes], int]:
    if file[128:132] != b"DICM":
        raise ValueError("not a DICOM file: no DICM prefix")
    at = 144
    end = at + struct.unpack_from("<I", file, 140)[0]
    meta = {}
    while at < end:
        element, vr = struct.unpack_from("<H", file, at + 2)[0], file[at + 4 : at + 6]
        is_long = vr in {b"OB", b"UN"}
        length = struct.unpack_from("<I" if is_long else "<H", file, at + (8 if is_long else 6))[0]
        at += 12 if is_long else 8
        meta[element] = file[at : at + length].rstrip(b"\0 ")
        at += length
    return meta, end


class Association:
    """One association with a storage peer.

    Args:
        kinds: (SOP class, transfer syntax) of everything that will be sent.
        our_pdu: longest PDU we send, when the peer allows it.
    """

    def __init__(
        self, port: int, kinds: Sequence[tuple[bytes, bytes]], *, called: str, calling: str, our_pdu: int = OUR_PDU
    ) -> None:
        self._contexts = {kind: 2 * n + 1 for n, kind in enumerate(kinds)}
        self.socket = socket.create_connection(("127.0.0.1", port), ANSWER_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(self._request(called, calling))
        kind, body = self._receive()
        if kind != 2:
            raise Refused(f"the association was not accepted: PDU type {kind}, {body.hex()}")
        self.pdu_bytes = self._accepted(body, our_pdu)
        self._number = 0

    def prepared(self, instance: Instance) -> list[Bytes]:
        """Return the PDUs of one C-STORE request (PS3.7, 9.3.1.1)."""
        return [self._command(instance), *self._data(instance, [instance.data], len(instance.data))]

    def send(self, pieces: list[Bytes]) -> None:
        """Hand everything to the kernel."""
        for start in range(0, len(pieces), PIECES):
            self._send_all(pieces[start : start + PIECES])

    def send_long(self, instance: Instance, data: Iterable[Bytes], size_bytes: int) -> None:
        """Send one instance whose data set is made while it is sent."""
        pieces: list[Bytes] = [self._command(instance)]
        for piece in self._data(instance, data, size_bytes):
            pieces.append(piece)
            if len(pieces) >= PIECES or sum(map(len, pieces)) > MANY_BYTES:
                self.send(pieces)
                pieces = []
        self.send(pieces)

    def status(self) -> int:
        """Wait for the C-STORE response and return its status (PS3.7, 9.3.1.2)."""
        command = b""
        while True:
            kind, body = self._receive()
            if kind != 4:
                raise Refused(f"the peer ended the association: PDU type {kind}")
            at = 0
            while at < len(body):
                length = struct.unpack_from(">I", body, at)[0]
                command += body[at + 6 : at + 4 + length]
                is_last = body[at + 5] & 2
                at += 4 + length
            if is_last:
                return _status_of(command)

    def release(self) -> None:
        """End the association (PS3.8, 9.3.6)."""
        self.socket.sendall(struct.pack(">BBII", 5, 0, 4, 0))
        self._receive()
        self.socket.close()

    # ------------------------------------------------------------------------------------------------- negotiation

    def _request(self, called: str, calling: str) -> bytes:
        contexts = b"".join(
            _item(0x20, bytes((number, 0, 0, 0)) + _item(0x30, sop_class) + _item(0x40, syntax))
            for (sop_class, syntax), number in self._contexts.items()
        )
        user = _item(0x50, _item(0x51, struct.pack(">I", OUR_PDU)) + _item(0x52, IMPLEMENTATION) + _item(0x55, b"RAW"))
        titles = called.encode().ljust(16) + calling.encode().ljust(16)
        body = struct.pack(">HH", 1, 0) + titles + bytes(32) + _item(0x10, APPLICATION) + contexts + user
        return struct.pack(">BBI", 1, 0, len(body)) + body

    def _accepted(self, body: bytes, our_pdu: int) -> int:
        """Return how long our PDUs may be; raise Refused when a context was not accepted."""
        theirs = 0
        for kind, value in _items(body[68:]):
            if kind == 0x21 and value[2]:
                raise Refused(f"presentation context {value[0]} was refused with {value[2]}")
            if kind == 0x50:
                theirs = next((struct.unpack(">I", v)[0] for k, v in _items(value) if k == 0x51), 0)
        return min(theirs or our_pdu, our_pdu)

    # ------------------------------------------------------------------------------------------------ PDUs and bytes

    def _command(self, instance: Instance) -> bytes:
        self._number = self._number % 65_535 + 1
        elements = b"".join(
            (
                _element(0x0002, instance.sop_class),
                _element(0x0100, b"\x01\0"),
                _element(0x0110, struct.pack("<H", self._number)),
                _element(0x0700, b"\0\0"),
                _element(0x0800, b"\0\0"),
                _element(0x1000, instance.uid),
            )
        )
        command = _element(0x0000, struct.pack("<I", len(elements))) + elements
        return self._head(instance, len(command), 3) + command

    def _data(self, instance: Instance, data: Iterable[Bytes], size_bytes: int) -> Iterator[Bytes]:
        """Yield heads and bytes of the PDUs, each as long as the peer lets it be."""
        longest = (self.pdu_bytes - 6) & ~1
        sent = room = 0
        for part in data:
            at = 0
            while at < len(part):
                if not room:
                    room = min(longest, size_bytes - sent)
                    yield self._head(instance, room, 2 if sent + room == size_bytes else 0)
                    sent += room
                taken = min(room, len(part) - at)
                yield memoryview(part)[at : at + taken]
                at += taken
                room -= taken

    def _head(self, instance: Instance, length: int, flags: int) -> bytes:
        context = self._contexts[instance.sop_class, instance.syntax]
        return struct.pack(">BBIIBB", 4, 0, length + 6, length + 2, context, flags)

    def _send_all(self, pieces: list[Bytes]) -> None:
        sent = self.socket.sendmsg(pieces)
        first = 0
        while first < len(pieces):
            if sent >= len(pieces[first]):
                sent -= len(pieces[first])
                first += 1
            else:
                pieces[first] = memoryview(pieces[first])[sent:]
                sent = self.socket.sendmsg(pieces[first:])

    def _receive(self) -> tuple[int, bytes]:
        head = self._exactly(6)
        return head[0], self._exactly(struct.unpack(">I", head[2:])[0])

    def _exactly(self, count: int) -> bytes:
        data = bytearray(count)
        view, got = memoryview(data), 0
        while got < count:
            more = self.socket.recv_into(view[got:])
            if not more:
                raise Refused("the peer closed the connection")
            got += more
        return bytes(data)


def _status_of(command: bytes) -> int:
    at = 0
    while at < len(command):
        group, element, length = struct.unpack_from("<HHI", command, at)
        if (group, element) == (0, 0x0900):
            return int(struct.unpack_from("<H", command, at + 8)[0])
        at += 8 + length
    raise Refused("a response without a status")


def _element(number: int, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HHI", 0, number, len(value)) + value


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(value)) + value


def _items(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(body):
        kind, _, length = struct.unpack_from(">BBH", body, at)
        yield kind, body[at + 4 : at + 4 + length]
        at += 4 + length
