"""multipart/related, read as it comes (RFC 2046, 5.1; RFC 2387): nothing is held but the end of the last piece.

Used in both directions: what is stored with us (STOW-RS), and what an archive sends when we fetch (WADO-RS).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from enum import Enum, auto
from typing import Final, TypeAlias

BOUNDARY_CHARS_MAX: Final = 200
"""Longest boundary. RFC 2046 says 70; Orthanc's has 73 characters."""

PREAMBLE_BYTES_MAX: Final = 64 * 1024
"""Most bytes before the first boundary. Nobody writes any; a wrong boundary makes the whole body one."""

PART_HEADER_BYTES_MAX: Final = 8 * 1024
"""Longest header of one part. It has three short lines."""

_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]*[0-9A-Za-z'()+_,./:=?-]")


class BrokenBody(Exception):
    """The body is not what its Content-Type says; the message says where."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A part begins; names of headers in small letters."""

    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Data:
    """A piece of the part that began last."""

    piece: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The part is whole."""


Event: TypeAlias = Begin | Data | End


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentType:
    """A media type and what reading needs of its parameters.

    Args:
        media: in small letters, without parameters.
        type: of the parts, in small letters; "" when not said.
        boundary: "" when there is none that may be one.
    """

    media: str
    type: str
    boundary: str


def content_type(text: str) -> ContentType:
    """Return what a Content-Type header says."""
    message = Message()
    message["Content-Type"] = text.replace("\r", " ").replace("\n", " ")
    boundary = str(message.get_param("boundary", ""))
    fits = len(boundary) <= BOUNDARY_CHARS_MAX and _BOUNDARY.fullmatch(boundary)
    return ContentType(
        media=text.partition(";")[0].strip().lower(),
        type=str(message.get_param("type", "")).lower(),
        boundary=boundary if fits else "",
    )


class _Place(Enum):
    PREAMBLE = auto()
    BOUNDARY = auto()
    HEADER = auto()
    BODY = auto()
    EPILOGUE = auto()


class Parts:
    """Reads one body."""

    def __init__(self, boundary: str) -> None:
        self._mark = b"\r\n--" + boundary.encode("ascii")
        self._held = bytearray(b"\r\n")  # the first boundary may stand at the very beginning
        self._place = _Place.PREAMBLE
        self._skipped = 0

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield what ``data`` brings.

        Raises:
            BrokenBody: no boundary, or something else where a boundary or a header belongs.
        """
        self._held += data
        steps = {
            _Place.PREAMBLE: self._skip_preamble,
            _Place.BOUNDARY: self._end_boundary,
            _Place.HEADER: self._read_header,
            _Place.BODY: self._read_body,
            _Place.EPILOGUE: self._skip_epilogue,
        }
        while True:
            before = self._place
            yield from steps[before]()
            if self._place is before:
                return

    def close(self) -> None:
        """Say that the body has ended.

        Raises:
            BrokenBody: it ended before its last boundary.
        """
        if self._place is not _Place.EPILOGUE:
            raise BrokenBody("the body ends before its last boundary")

    def _skip_preamble(self) -> Iterator[Event]:
        at = self._held.find(self._mark)
        passed = at if at >= 0 else max(0, len(self._held) - len(self._mark) + 1)
        self._skipped += passed
        if self._skipped > PREAMBLE_BYTES_MAX:
            raise BrokenBody(f"no boundary in the first {PREAMBLE_BYTES_MAX} bytes")
        self._drop(passed)
        if at >= 0:
            self._drop(len(self._mark))
            self._place = _Place.BOUNDARY
        yield from ()

    def _end_boundary(self) -> Iterator[Event]:
        """Read what follows a boundary: "--" after the last one, otherwise a line end, perhaps after white space."""
        if len(self._held) >= 2 and self._held.startswith(b"--"):
            self._place = _Place.EPILOGUE
            return
        end = self._held.find(b"\r\n")
        line = self._held[: end if end >= 0 else len(self._held)]
        if line.strip(b" \t\r-") or len(line) > PART_HEADER_BYTES_MAX:
            raise BrokenBody("a boundary is followed by something else than a line end")
        if end >= 0:
            if line.strip(b" \t"):
                raise BrokenBody("a boundary is followed by something else than a line end")
            self._drop(end)  # the line end stays: a part without a header has an empty line right here
            self._place = _Place.HEADER
        yield from ()

    def _read_header(self) -> Iterator[Event]:
        end = self._held.find(b"\r\n\r\n")
        if end > PART_HEADER_BYTES_MAX or (end < 0 and len(self._held) > PART_HEADER_BYTES_MAX + 4):
            raise BrokenBody(f"the header of a part is longer than {PART_HEADER_BYTES_MAX} bytes")
        if end >= 0:
            lines = self._held[:end].decode("latin-1").split("\r\n")[1:]
            self._drop(end + 4)
            self._place = _Place.BODY
            yield Begin(dict(_named(line) for line in lines))

    def _read_body(self) -> Iterator[Event]:
        at = self._held.find(self._mark)
        ready = at if at >= 0 else len(self._held) - len(self._mark) + 1
        if ready > 0:
            yield Data(bytes(memoryview(self._held)[:ready]))
            self._drop(ready)
        if at >= 0:
            self._drop(len(self._mark))
            self._place = _Place.BOUNDARY
            yield End()

    def _skip_epilogue(self) -> Iterator[Event]:
        self._held.clear()
        yield from ()

    def _drop(self, size: int) -> None:
        del self._held[:size]


def _named(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise BrokenBody("the header of a part has a line without a name")
    return name.strip().lower(), value.strip()
