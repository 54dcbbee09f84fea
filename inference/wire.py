"""Messages between a host and its child: a length, a header in canonical JSON, then raw buffers.

No pickle: what comes from a process that ran a foreign model is data, never code. Every length is checked against a
limit before a byte of it is read.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from guarantee.canonical import Json, canonical, parse_canonical
from guarantee.errors import Malformed
from inference.errors import WireBroken

MARK: Final = b"AVL1"
_PREFIX: Final = struct.Struct(">4sI")

HEADER_BYTES_MAX: Final = 16 * 1024 * 1024
"""Largest header. A record of 10,000 readings is 3 MB; the longest proposal is under 1 MB."""

REQUEST_BYTES_MAX: Final = 2 * 1024**3
"""Most voxels given to a model at once, 2 GiB: 4,000 slices of 512 x 512 in 16 bits."""

ANSWER_BYTES_MAX: Final = 512 * 1024 * 1024
"""Most mask bytes taken from a model: one bit a voxel, so this covers the largest request twice."""

BUFFERS_MAX: Final = 256
"""Most buffers in one message: one for a volume, one for each segment."""

EXIT_MEMORY: Final = 86
"""Status of a child whose memory ran out where not even an answer could be made."""

EXIT_WIRE: Final = 87
"""Status of a child whose host said what is not a message, or went away."""


class Source(Protocol):
    """Where messages come from: a file, or a pipe that is not waited for beyond a deadline (process.py)."""

    def read(self, size: int, /) -> bytes:
        """Return the next ``size`` bytes, fewer only at the end."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill ``buffer`` from its start and return how far; 0 at the end."""


class Sink(Protocol):
    """Where messages go."""

    def write(self, data: memoryview, /) -> object:
        """Write all of ``data``."""

    def flush(self) -> None:
        """Return when nothing is held back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message.

    Args:
        header: what is said.
        buffers: the bulk, in the order that the header means.
    """

    header: Mapping[str, Json]
    buffers: tuple[memoryview, ...] = ()


def pack(
    header: Mapping[str, Json], buffers: Sequence[bytes | memoryview] = (), *, bytes_max: int = ANSWER_BYTES_MAX
) -> list[memoryview]:
    """Return one message as the pieces to write, none of them copied.

    Raises:
        WireBroken: it is larger than the other side takes.
    """
    views = [memoryview(buffer).cast("B") for buffer in buffers]
    head = canonical({"sizes": [len(view) for view in views], "says": dict(header)})
    if len(head) > HEADER_BYTES_MAX or sum(map(len, views)) > bytes_max:
        raise WireBroken(
            f"a message of {len(head)} + {sum(map(len, views))} bytes; at most {HEADER_BYTES_MAX} + {bytes_max}"
        )
    return [memoryview(_PREFIX.pack(MARK, len(head)) + head), *views]


def send(stream: Sink, pieces: Sequence[memoryview]) -> None:
    """Write one message and flush it.

    Raises:
        OSError: nobody reads any more.
    """
    for piece in pieces:
        stream.write(piece)
    stream.flush()


def receive(stream: Source, bytes_max: int) -> Message | None:
    """Return the next message, or None when the other side has closed cleanly between two messages.

    Args:
        bytes_max: most bytes in its buffers, all together.

    Raises:
        WireBroken: not a message, cut short, or larger than allowed.
    """
    prefix = stream.read(_PREFIX.size)
    if not prefix:
        return None
    if len(prefix) < _PREFIX.size:
        raise WireBroken("the prefix is cut short")
    mark, size = _PREFIX.unpack(prefix)
    if mark != MARK or size > HEADER_BYTES_MAX:
        raise WireBroken("this is not one of our messages")
    says, sizes = _header(bytes(_exactly(stream, size)), bytes_max)
    return Message(header=says, buffers=tuple(_exactly(stream, count) for count in sizes))


def _header(data: bytes, bytes_max: int) -> tuple[Mapping[str, Json], list[int]]:
    try:
        head = parse_canonical(data)
    except Malformed as error:
        raise WireBroken(f"the header is not canonical JSON: {error}") from error
    match head:
        case {"says": dict() as says, "sizes": list() as sizes, **rest} if not rest:
            lengths = [size for size in sizes if type(size) is int and size >= 0]
            if len(lengths) == len(sizes) <= BUFFERS_MAX and sum(lengths) <= bytes_max:
                return says, lengths
    raise WireBroken(f"the header does not say what it must, or announces more than {bytes_max} bytes")


def _exactly(stream: Source, count: int) -> memoryview:
    buffer = bytearray(count)
    view, done = memoryview(buffer), 0
    while done < count:
        got = stream.readinto(view[done:])
        if not got:
            raise WireBroken(f"{count - done} of {count} bytes are missing")
        done += got
    return view.toreadonly()
