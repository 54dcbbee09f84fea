"""MLLP frames: <VT> message <FS><CR>, cut out of what a connection brings. Used by who listens and by who sends."""

from typing import Final

from fhir_adapters.hl7v2.er7 import MESSAGE_BYTES_MAX
from fhir_adapters.hl7v2.errors import BrokenFraming

START: Final = b"\x0b"
END: Final = b"\x1c\x0d"

TOGETHER_MAX: Final = 64
"""Most messages that are committed together: 64 commits cost one flush, and none waits longer than for that."""


class Frames:
    """Cuts what was read into messages."""

    def __init__(self) -> None:
        self._data = bytearray()

    def add(self, data: bytes) -> None:
        """Append what was read."""
        self._data += data

    @property
    def has_begun(self) -> bool:
        """Whether a message has begun whose end has not come."""
        return bool(self._data)

    @property
    def beginning(self) -> bytes:
        """What there is of that message."""
        return bytes(self._data[1:])

    @property
    def is_too_long(self) -> bool:
        """Whether that message is longer than any is taken."""
        return len(self._data) > MESSAGE_BYTES_MAX + len(START) + len(END)

    def cut(self) -> list[bytes]:
        """Return the messages that are whole, at most so many at a time.

        Raises:
            BrokenFraming: bytes between messages, or a message within one.
        """
        found: list[bytes] = []
        while len(found) < TOGETHER_MAX and (data := self._next()) is not None:
            found.append(data)
        return found

    def _next(self) -> bytes | None:
        # Some senders end a frame with CR LF: what ends lines between frames is passed over.
        while self._data.startswith((b"\r", b"\n")):
            del self._data[:1]
        if not self._data:
            return None
        if not self._data.startswith(START):
            raise BrokenFraming("framing", "bytes that no frame begins with: a frame is VT, the message, FS, CR")
        end = self._data.find(END[:1])
        if self._data.find(START, 1, end if end > 0 else len(self._data)) > 0:
            raise BrokenFraming("framing", "a frame begins within another one: the first was broken off")
        if end < 0 or len(self._data) < end + 2:
            return None
        if self._data[end : end + 2] != END:
            raise BrokenFraming("framing", "FS without CR: a frame is VT, the message, FS, CR")
        if end - 1 > MESSAGE_BYTES_MAX:
            return None  # too long: is_too_long says so
        message = bytes(self._data[1:end])
        del self._data[: end + 2]
        return message
