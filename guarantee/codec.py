"""Frozen dataclasses to plain JSON values and back, strictly.

Only what our values use: str, int, bool, Decimal, StrEnum, datetime, tuple[X, ...], frozenset of StrEnum, X | None and
other such dataclasses. An unknown or missing key is an error: a reader that guesses is a reader that loses something.
"""

import dataclasses
import types
import typing
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from typing import Any, Final, TypeVar

from guarantee.canonical import Json
from guarantee.errors import Malformed

T = TypeVar("T")

DIGITS_MAX: Final = 100
"""Most digits of a number, zeros included. Ours have under 20; "1E+999999999" written out would fill the memory."""


def to_plain(value: Any) -> Json:
    """Return the JSON value of ``value``; decimals and times become text, sets become sorted lists."""
    match value:
        case StrEnum():
            return value.value
        case None | bool() | int() | str():
            return value
        case Decimal():
            return decimal_text(value)
        case datetime():
            return time_text(value)
        case tuple():
            return [to_plain(item) for item in value]
        case frozenset():
            return [*sorted(str(item) for item in value)]
        case _ if dataclasses.is_dataclass(value):
            return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        case _:
            raise Malformed(f"a {type(value).__name__} cannot be written as a value")


def from_plain(kind: type[T], plain: Json) -> T:
    """Return the ``kind`` that ``plain`` describes.

    Raises:
        Malformed: wrong type, unknown or missing key, or a value its own class refuses.
    """
    return typing.cast("T", _read(kind, plain, kind.__name__))


def decimal_text(value: Decimal) -> str:
    """Return ``value`` in plain notation, keeping its trailing zeros: 412.50 stays 412.50.

    Raises:
        Malformed: not finite, or longer than DIGITS_MAX.
    """
    if not value.is_finite():
        raise Malformed(f"{value} is not a number that can be written")
    digits, exponent = len(value.as_tuple().digits), int(value.as_tuple().exponent)
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
        value = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise Malformed(f"{text[:40]!r} is not a UTC time with microseconds") from error
    if time_text(value) != text:
        raise Malformed(f"{text[:40]!r} is a UTC time, but not written with every digit")
    return value


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


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read(kind: Any, plain: Json, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return None if plain is None else _read(_only_member(kind), plain, where)
    if origin in (tuple, frozenset):
        items = _expect(plain, list, where)
        member = typing.get_args(kind)[0]
        values = origin(_read(member, item, f"{where}[{n}]") for n, item in enumerate(items))
        if origin is frozenset and to_plain(values) != items:
            raise Malformed(f"{where}: a set is written sorted, each member once")
        return values
    if dataclasses.is_dataclass(kind):
        return _read_fields(kind, _expect(plain, dict, where), where)
    return _read_leaf(getattr(kind, "__supertype__", kind), plain, where)


def _only_member(union: Any) -> Any:
    """Return what ``X | None`` holds; two names of one type, such as ``DecisionId | WithdrawalId``, count as one."""
    (member,) = {getattr(arg, "__supertype__", arg) for arg in typing.get_args(union) if arg is not type(None)}
    return member


def _read_fields(kind: Any, plain: dict[str, Json], where: str) -> Any:
    names = {field.name for field in dataclasses.fields(kind)}
    if names != plain.keys():
        raise Malformed(f"{where}: missing {sorted(names - plain.keys())}, unknown {sorted(plain.keys() - names)}")
    hints = _hints(kind)
    return kind(**{name: _read(hints[name], plain[name], f"{where}.{name}") for name in names})


def _read_leaf(kind: Any, plain: Json, where: str) -> Any:
    if kind is Decimal:
        return parse_decimal(_expect(plain, str, where))
    if kind is datetime:
        return parse_time(_expect(plain, str, where))
    if issubclass(kind, StrEnum):
        try:
            return kind(_expect(plain, str, where))
        except ValueError as error:
            raise Malformed(f"{where}: {plain!r} is not one of {[str(m) for m in kind]}") from error
    return _expect(plain, kind, where)


def _expect(plain: Any, kind: Any, where: str) -> Any:
    if type(plain) is not kind:
        raise Malformed(f"{where}: a {kind.__name__} was expected, a {type(plain).__name__} was found")
    return plain
