"""A storage peer that keeps nothing: what a sender can do at most. ``python -m tests.bench.dicom.null_receiver PORT``.

It accepts whatever is proposed and answers every data set with success; a receiver that is measured does all of this
and something else.
"""

import socket
import struct
import sys
import threading
from typing import Final

BUFFER: Final = 1024 * 1024


def main() -> None:
    """Serve until the process is ended."""
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64) as server:
        while True:
            connection, _ = server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_serve, args=(connection,), daemon=True).start()


def _serve(connection: socket.socket) -> None:
    scratch, command = memoryview(bytearray(BUFFER)), b""
    with connection:
        while head := _exactly(connection, scratch, 6):
            kind, length = head[0], struct.unpack(">I", head[2:6])[0]
            if kind == 1:
                connection.sendall(_accepting(bytes(_exactly(connection, scratch, length))))
            elif kind == 4:
                while length:
                    size, context, flags = struct.unpack(">IBB", _exactly(connection, scratch, 6))
                    length -= 4 + size
                    if flags & 1:
                        command = bytes(_exactly(connection, scratch, size - 2))
                    else:
                        _skip(connection, scratch, size - 2)
                    if flags == 2:
                        connection.sendall(_success(command, context))
            else:
                if kind == 5:
                    connection.sendall(struct.pack(">BBII", 6, 0, 4, 0))
                return


def _accepting(request: bytes) -> bytes:
    """Return the A-ASSOCIATE-AC to a request: each context with its first transfer syntax (PS3.8, 9.3.3)."""
    items, at = b"", 68
    while at + 4 <= len(request):
        kind, _, length = struct.unpack_from(">BBH", request, at)
        value = request[at + 4 : at + 4 + length]
        if kind == 0x20:
            syntax = value[value.index(b"\x40\0", 8) :]
            syntax = syntax[: 4 + struct.unpack_from(">H", syntax, 2)[0]]
            items += _item(0x21, bytes((value[0], 0, 0, 0)) + syntax)
        at += 4 + length
    user = _item(0x50, _item(0x51, struct.pack(">I", 131_072)) + _item(0x52, b"1.2.826.0.1.3680043.10.1999.8"))
    body = request[:68] + _item(0x10, b"1.2.840.10008.3.1.1.1") + items + user
    return struct.pack(">BBI", 2, 0, len(body)) + body


def _success(request: bytes, context: int) -> bytes:
    names, at = {}, 0
    while at < len(request):
        _, element, length = struct.unpack_from("<HHI", request, at)
        names[element] = request[at + 8 : at + 8 + length]
        at += 8 + length
    elements = b"".join(
        struct.pack("<HHI", 0, number, len(value)) + value
        for number, value in (
            (0x0002, names[0x0002]),
            (0x0100, b"\x01\x80"),
            (0x0120, names[0x0110]),
            (0x0800, b"\x01\x01"),
            (0x0900, b"\0\0"),
            (0x1000, names[0x1000]),
        )
    )
    command = struct.pack("<HHII", 0, 0, 4, len(elements)) + elements
    return struct.pack(">BBIIBB", 4, 0, len(command) + 6, len(command) + 2, context, 3) + command


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(value)) + value


def _exactly(connection: socket.socket, scratch: memoryview, count: int) -> memoryview:
    got = 0
    while got < count:
        more = connection.recv_into(scratch[got:count])
        if not more:
            return scratch[:0]
        got += more
    return scratch[:count]


def _skip(connection: socket.socket, scratch: memoryview, count: int) -> None:
    while count:
        more = connection.recv_into(scratch[: min(count, len(scratch))])
        if not more:
            return
        count -= more


if __name__ == "__main__":
    main()
