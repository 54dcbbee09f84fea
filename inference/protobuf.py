"""The wire form of protocol buffers, read without a schema and without trust.

Enough to look at every field of an ONNX file before ONNX Runtime does; it builds nothing.
Source: protobuf.dev, "Encoding".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

from inference.errors import PackageRefused

VARINT_BYTES_MAX: Final = 10
"""64 bits in groups of seven: a longer one is not a number."""


class Wire(IntEnum):
    """How a value is written. Groups (3 and 4) were withdrawn before ONNX existed; they are refused."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5


Value: TypeAlias = int | memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field.

    Args:
        number: of the field, from 1.
        value: an integer for VARINT, the bytes as they stand for every other wire form.
    """

    number: int
    wire: Wire
    value: Value

    @property
    def integer(self) -> int:
        """Return the number, as a signed 64-bit integer.

        Raises:
            PackageRefused: not written as a number.
        """
        if not isinstance(self.value, int):
            raise PackageRefused(f"field {self.number} is not a number")
        return self.value - (1 << 64) if self.value >> 63 else self.value

    @property
    def data(self) -> memoryview:
        """Return the bytes.

        Raises:
            PackageRefused: not written as bytes.
        """
        if self.wire is not Wire.BYTES or isinstance(self.value, int):
            raise PackageRefused(f"field {self.number} is not a run of bytes")
        return self.value

    @property
    def text(self) -> str:
        """Return the text.

        Raises:
            PackageRefused: not UTF-8.
        """
        try:
            return bytes(self.data).decode()
        except UnicodeDecodeError as error:
            raise PackageRefused(f"field {self.number} is not UTF-8 text") from error


def fields(data: memoryview) -> Iterator[Field]:
    """Yield the fields of one message, in order, without copying.

    Raises:
        PackageRefused: not the wire form, or cut short.
    """
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, wire = key >> 3, _wire(key & 7)
        if number == 0:
            raise PackageRefused("field 0 does not exist")
        value: Value
        if wire is Wire.VARINT:
            value, place = _varint(data, place)
        else:
            size, place = _size(data, place, wire)
            value, place = _slice(data, place, size)
        yield Field(number=number, wire=wire, value=value)


def _wire(kind: int) -> Wire:
    try:
        return Wire(kind)
    except ValueError as error:
        raise PackageRefused(f"wire form {kind} is not in use") from error


def _size(data: memoryview, place: int, wire: Wire) -> tuple[int, int]:
    if wire is Wire.BYTES:
        return _varint(data, place)
    return (8 if wire is Wire.FIXED64 else 4), place


def _slice(data: memoryview, place: int, size: int) -> tuple[memoryview, int]:
    if size > len(data) - place:
        raise PackageRefused(f"a field of {size} bytes is cut short")
    return data[place : place + size], place + size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    number = 0
    for group in range(VARINT_BYTES_MAX):
        if place >= len(data):
            raise PackageRefused("a number is cut short")
        byte = data[place]
        place += 1
        number |= (byte & 0x7F) << (7 * group)
        if byte < 0x80:
            return number & ((1 << 64) - 1), place
    raise PackageRefused(f"a number of more than {VARINT_BYTES_MAX} bytes")
