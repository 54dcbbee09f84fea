"""Frozen dataclasses to plain JSON values and back, strictly.

Only what our values use: str, int, bool, Decimal, StrEnum, datetime, tuple[X, ...], frozenset of StrEnum, X | None and
other such dataclasses. An unknown or missing key is an error: a reader that guesses is a reader that loses something.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from typing import Any, Final, Self, TypeAlias, TypeVar

from guarantee.canonical import Json
from guarantee.errors import Malformed

T = TypeVar("T")

DIGITS_MAX: Final = 100
"""Most digits of a number, zeros included. Ours have under 20; "1E+999999999" written out would fill the memory."""


def to_plain(value: Any) -> Json:
    """Return the JSON value of ``value``; decimals and times become text, sets become sorted lists.

    Raises:
        Malformed: it holds something of another type.
    """
    kind: Any = type(value)
    return _writer(kind)(value)


def from_plain(kind: type[T], plain: Json) -> T:
    """Return the ``kind`` that ``plain`` describes.

    Raises:
        Malformed: wrong type, unknown or missing key, or a value its own class refuses.
    """
    asked: Any = kind
    try:
        return typing.cast("T", _reader(asked)(plain))
    except _Misread as wrong:
        raise Malformed(f"{kind.__name__}{wrong}") from wrong.__cause__


def decimal_text(value: Decimal) -> str:
    """Return ``value`` in plain notation, keeping its trailing zeros: 412.50 stays 412.50.

    Raises:
        Malformed: not finite, or longer than DIGITS_MAX.
    """
    if not value.is_finite():
        raise Malformed(f"{value} is not a number that can be written")
    _, figures, exponent = value.as_tuple()
    digits, exponent = len(figures), int(exponent)
    if max(digits + exponent, digits, -exponent) > DIGITS_MAX:
        raise Malformed(f"a number of more than {DIGITS_MAX} digits cannot be written")
    return format(value, "f")


def time_text(value: datetime) -> str:
    """Return ``value`` in UTC with microseconds: 2026-11-21T10:15:00.000000Z. Sorts as text.

    Raises:
        Malformed: the time has no zone.
    """
    if value.tzinfo is None:
        raise Malformed(f"{value.isoformat()} has no time zone")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_time(text: str) -> datetime:
    """Return the time that :func:`time_text` wrote.

    Raises:
        Malformed: any other way of writing a time.
    """
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise _no_time(text) from error
    if value.tzinfo is not UTC or time_text(value) != text:
        raise _no_time(text)
    return value


def _no_time(text: str) -> Malformed:
    return Malformed(f"{text[:40]!r} is not a UTC time with microseconds, every digit written")


def parse_decimal(text: str) -> Decimal:
    """Return the finite decimal ``text`` writes.

    Raises:
        Malformed: not a number, not in plain notation, or longer than DIGITS_MAX.
    """
    if len(text) > DIGITS_MAX + len("-0."):
        raise Malformed(f"a number of more than {DIGITS_MAX} digits is not read")
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise Malformed(f"{text[:40]!r} is not a decimal number") from error
    if not value.is_finite() or decimal_text(value) != text:
        raise Malformed(f"{text[:40]!r} is not a decimal number in plain notation")
    return value


# ------------------------------------------------------------------------------------------------------------- writing
#
# What a type looks like is found out once for each type and kept as a function: a draft holds a hundred values, and is
# written and read on its way from a model to a reader a dozen times.

_Writer: TypeAlias = Callable[[Any], Json]
_Reader: TypeAlias = Callable[[Json], Any]


@cache
def _writer(kind: Any) -> _Writer:
    """Return what writes values of exactly this type."""
    if issubclass(kind, StrEnum):
        return lambda value: str(value.value)
    if issubclass(kind, (str, int, types.NoneType)):
        return lambda value: value
    if issubclass(kind, Decimal):
        return decimal_text
    if issubclass(kind, datetime):
        return time_text
    if issubclass(kind, tuple):
        return lambda values: [to_plain(value) for value in values]
    if issubclass(kind, frozenset):
        return lambda values: [*sorted(str(value) for value in values)]
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        return lambda value: {name: to_plain(getattr(value, name)) for name in names}
    return _refuse


def _refuse(value: Any) -> Json:
    raise Malformed(f"a {type(value).__name__} cannot be written as a value")


# ------------------------------------------------------------------------------------------------------------- reading


class _Misread(Exception):
    """Something is not of the form that was expected. The place is added on the way out: few values are wrong."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self._place: list[str] = []

    def at(self, place: str) -> Self:
        """Say in which part it was."""
        self._place.insert(0, place)
        return self

    def __str__(self) -> str:
        return f"{''.join(self._place)}: {self.args[0]}"


@cache
def _reader(kind: Any) -> _Reader:
    """Return what reads values of this type, given as an annotation."""
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return _reader_of_optional(_reader(_only_member(kind)))
    if origin in (tuple, frozenset):
        return _reader_of_many(origin, _reader(typing.get_args(kind)[0]))
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return _reader_of_fields(kind, {field.name: _reader(hints[field.name]) for field in dataclasses.fields(kind)})
    return _reader_of_leaf(getattr(kind, "__supertype__", kind))


def _only_member(union: Any) -> Any:
    """Return what ``X | None`` holds; two names of one type, such as ``DecisionId | WithdrawalId``, count as one."""
    (member,) = {getattr(arg, "__supertype__", arg) for arg in typing.get_args(union) if arg is not type(None)}
    return member


def _reader_of_optional(read: _Reader) -> _Reader:
    return lambda plain: None if plain is None else read(plain)


def _reader_of_many(kind: Any, member: _Reader) -> _Reader:
    def read(plain: Json) -> Any:
        items, found = _expect(plain, list), []  # how many were read is the place of the one that cannot be
        try:
            for item in items:
                found.append(member(item))
        except _Misread as wrong:
            raise wrong.at(f"[{len(found)}]") from wrong.__cause__
        values = kind(found)
        if kind is frozenset and to_plain(values) != items:
            raise _Misread("a set is written sorted, each member once")
        return values

    return read


def _reader_of_fields(kind: Any, fields: Mapping[str, _Reader]) -> _Reader:
    def read(plain: Json) -> Any:
        given = _expect(plain, dict)
        if given.keys() != fields.keys():
            missing, unknown = sorted(fields.keys() - given.keys()), sorted(given.keys() - fields.keys())
            raise _Misread(f"missing {missing}, unknown {unknown}")
        values: dict[str, Any] = {}
        try:
            for name, member in fields.items():
                values[name] = member(given[name])
        except _Misread as wrong:
            raise wrong.at(f".{name}") from wrong.__cause__
        return kind(**values)

    return read


def _reader_of_leaf(kind: type) -> _Reader:
    if kind is Decimal:
        return lambda plain: parse_decimal(_expect(plain, str))
    if kind is datetime:
        return lambda plain: parse_time(_expect(plain, str))
    if issubclass(kind, StrEnum):
        return _reader_of_word(kind)

    def read(plain: Json) -> Any:
        if type(plain) is not kind:
            raise _other_type(plain, kind)
        return plain

    return read


def _reader_of_word(kind: type[StrEnum]) -> _Reader:
    words = {word.value: word for word in kind}

    def read(plain: Json) -> Any:
        word = words.get(_expect(plain, str))
        if word is None:
            raise _Misread(f"{plain!r} is not one of {[*words]}")
        return word

    return read


def _expect(plain: Any, kind: type) -> Any:
    if type(plain) is not kind:
        raise _other_type(plain, kind)
    return plain


def _other_type(plain: Any, kind: type) -> _Misread:
    return _Misread(f"a {kind.__name__} was expected, a {type(plain).__name__} was found")
