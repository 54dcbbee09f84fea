"""What is sent to an object store: bytes of a known size and digest, readable as often as they are tried."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from bridge.vault.signature import EMPTY

PIECE_BYTES: Final = 256 * 1024
"""How much is handed to the network at once, 256 KiB."""


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request.

    Args:
        digest: SHA-256, in hexadecimal.
        read: returns ``size`` bytes from ``offset``, as os.pread does.
    """

    digest: str
    size: int
    read: Callable[[int, int], bytes]

    @classmethod
    def of(cls, data: bytes) -> "Body":
        """Return the body that ``data`` is."""
        return cls(hashlib.sha256(data).hexdigest(), len(data), lambda size, offset: data[offset : offset + size])

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes."""
        for offset in range(0, self.size, PIECE_BYTES):
            yield self.read(min(PIECE_BYTES, self.size - offset), offset)

    def parts(self, part_bytes: int) -> Iterator["Body"]:
        """Yield it in parts of ``part_bytes``, the last one shorter, each with a digest of its own."""
        for start in range(0, self.size, part_bytes):
            yield self._part(start, min(part_bytes, self.size - start))

    def _part(self, start: int, size: int) -> "Body":
        part = Body("", size, lambda count, offset: self.read(count, start + offset))
        digest = hashlib.sha256()
        for piece in part.pieces():
            digest.update(piece)
        return Body(digest.hexdigest(), size, part.read)


NOTHING: Final = Body(EMPTY, 0, lambda _size, _offset: b"")
"""No body."""
