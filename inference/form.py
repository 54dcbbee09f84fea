"""YAML to frozen values, strictly: every key known, every type exact, every complaint with its place.

The card's classes are the schema; there is no second one to keep in step. Numbers with a fraction become decimals as
they are written (0.10 stays 0.10), and what YAML would do behind the writer's back is refused: aliases, merged keys,
repeated keys, tags.
"""

import dataclasses
import types
import typing
from collections.abc import Hashable, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, Final, TypeVar

import yaml

from guarantee.errors import Malformed
from inference.errors import PackageRefused

T = TypeVar("T")

DEPTH_MAX: Final = 12
"""Nesting of a card. Ours needs 6."""


class _Loader(yaml.SafeLoader):
    """SafeLoader without aliases, merges, tags and repeated keys, and with decimals instead of floats."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise PackageRefused("aliases are not used in a card")
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise PackageRefused(f"nested deeper than {DEPTH_MAX}")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - the library's signature
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in seen or key.tag.endswith("merge"):
                raise PackageRefused(f"line {key.start_mark.line + 1}: a key is written once, as plain text")
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Decimal:
    text = loader.construct_scalar(node)
    try:
        number = Decimal(str(text))
    except ArithmeticError as error:
        raise PackageRefused(f"line {node.start_mark.line + 1}: {str(text)[:40]!r} is not a decimal number") from error
    if not number.is_finite():
        raise PackageRefused(f"line {node.start_mark.line + 1}: a number is finite")
    return number


_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)


def parse(data: bytes) -> object:
    """Return what the YAML in ``data`` says: dicts, lists, text, integers, decimals, booleans and None.

    Raises:
        PackageRefused: not YAML, or YAML that a card does not use.
    """
    try:
        return yaml.load(data, _Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = getattr(getattr(error, "problem_mark", None), "line", None)
        place = "" if where is None else f" near line {where + 1}"
        raise PackageRefused(f"not YAML{place} ({type(error).__name__})") from error


def read(kind: type[T], plain: object, where: str = "") -> T:
    """Return the ``kind`` that ``plain`` describes; fields with a default may be left out.

    Raises:
        PackageRefused: wrong type, unknown or missing key, or a value its own class refuses.
    """
    return typing.cast("T", _read(kind, plain, where))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read(kind: Any, plain: object, where: str) -> Any:
    if kind is object:
        return plain
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return _read_union(typing.get_args(kind), plain, where)
    if origin is tuple:
        return tuple(
            _read(typing.get_args(kind)[0], item, f"{where}[{n}]") for n, item in enumerate(_list(plain, where))
        )
    if origin is not None and issubclass(origin, Mapping):
        inner = typing.get_args(kind)[1]
        return {key: _read(inner, item, f"{where}.{key}") for key, item in _dict(plain, where).items()}
    if dataclasses.is_dataclass(kind):
        return _read_fields(kind, _dict(plain, where), where)
    return _read_leaf(getattr(kind, "__supertype__", kind), plain, where)


def _read_union(members: tuple[Any, ...], plain: object, where: str) -> Any:
    """Return None, or the first member whose type is exactly the value's; members are leaves, or one kind and None."""
    if plain is None and types.NoneType in members:
        return None
    real = [member for member in members if member is not types.NoneType]
    exact = [member for member in real if type(plain) is member]
    return _read((exact or real)[0], plain, where)


def _read_fields(kind: Any, plain: dict[str, object], where: str) -> Any:
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(plain.keys() - fields.keys())
    required = {name for name, f in fields.items() if f.default is f.default_factory is dataclasses.MISSING}
    missing = sorted(required - plain.keys())
    if unknown or missing:
        raise PackageRefused(f"{where or 'top'}: unknown keys {unknown}, missing keys {missing}")
    hints = _hints(kind)
    values = {name: _read(hints[name], item, f"{where}.{name}".lstrip(".")) for name, item in plain.items()}
    try:
        return kind(**values)
    except Malformed as error:
        raise PackageRefused(f"{where or 'top'}: {error}") from error


def _read_leaf(kind: Any, plain: object, where: str) -> Any:
    if kind is Decimal:
        return Decimal(plain) if type(plain) is int else _expect(plain, Decimal, where)
    if issubclass(kind, StrEnum):
        try:
            return kind(_expect(plain, str, where))
        except ValueError as error:
            raise PackageRefused(f"{where}: {plain!r} is not one of {[str(m) for m in kind]}") from error
    return _expect(plain, kind, where)


def _list(plain: object, where: str) -> list[object]:
    return typing.cast("list[object]", _expect(plain, list, where))


def _dict(plain: object, where: str) -> dict[str, object]:
    found = _expect(plain, dict, where)
    for key in found:
        _expect(key, str, f"{where} (a key)")
    return typing.cast("dict[str, object]", found)


def _expect(plain: object, kind: type, where: str) -> Any:
    if type(plain) is not kind:
        raise PackageRefused(f"{where or 'top'}: {kind.__name__} expected, {type(plain).__name__} found")
    return plain
