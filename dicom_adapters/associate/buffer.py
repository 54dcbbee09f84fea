"""What the peer of one association sends, read into one buffer: the fast path takes its messages from there, and
pynetdicom what the fast path leaves (stream.py).
"""

import socket
from typing import Final

from dicom_adapters.associate.reception import PDU_BYTES_MAX, Pace

BUFFER_BYTES: Final = 256 * 1024
"""What one association may have read and not yet passed on: two of the PDUs that we announce."""


class Input:
    """What the peer sends, read into one buffer that is used again and again."""

    def __init__(self, connection: socket.socket, pace: Pace) -> None:
        self._connection = connection
        self.pace = pace
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._at = self._end = 0

    @property
    def is_empty(self) -> bool:
        """Whether everything that was read was taken."""
        return self._at == self._end

    def peek(self, size: int) -> memoryview:
        """Return the next ``size`` bytes and leave them there.

        Raises:
            OSError: the connection is broken, closed or silent.
        """
        if self._at + size > BUFFER_BYTES:
            rest = bytes(self._buffer[self._at : self._end])
            self._buffer[: len(rest)] = rest
            self._at, self._end = 0, len(rest)
        while self._end - self._at < size:
            self._fill()
        return self._buffer[self._at : self._at + size]

    def take(self, size: int) -> memoryview:
        """Return the next ``size`` bytes; valid until the next call."""
        taken = self.peek(size)
        self._at += size
        return taken

    def take_some(self, most: int) -> memoryview:
        """Return the next bytes, at least one and at most ``most``; valid until the next call."""
        if self.is_empty:
            self._fill()
        return self.take(min(most, self._end - self._at))

    def read(self, size: int) -> bytearray:
        """Return the next ``size`` bytes: how pynetdicom reads."""
        if size > PDU_BYTES_MAX:
            raise OSError(f"a PDU of {size} bytes is longer than the {PDU_BYTES_MAX} that are read")
        read = bytearray()
        self.pace.begin()
        while len(read) < size:
            read += self.take_some(size - len(read))
        self.pace.end()
        return read

    def _fill(self) -> None:
        if self.is_empty:
            self._at = self._end = 0
        self.pace.require()
        size = self._connection.recv_into(self._buffer[self._end :])
        if size == 0:
            raise ConnectionError("the peer closed the connection")
        self._end += size
        # A sender that waits for our acknowledgement before its next small write does not wait 40 ms for it.
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
