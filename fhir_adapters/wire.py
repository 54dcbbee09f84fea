"""JSON on the wire: limits before anything else, and numbers exactly as they were written.

A FHIR decimal carries its precision (R4 2.24.0.1): 72.50 is not 72.5. Binary floats lose it, so numbers with a fraction
are read as Decimal and written digit by digit. Bytes that were received are kept as received; this module only reads
them and writes our own.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NoReturn, TypeAlias

from pydantic_core import from_json

from fhir_adapters.errors import BadRequest

Resource: TypeAlias = dict[str, Any]
"""A FHIR resource or element as parsed: str, int, bool, Decimal, None, lists and dictionaries of these."""

BODY_BYTES_MAX: Final = 1024 * 1024
"""Largest body a door takes, 1 MiB. A stay of a week in intensive care is about 0.5 MiB; more is a bulk load."""

ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
"""Largest answer read from a FHIR server, 16 MiB: several thousand Observations of a long stay, in pages."""

DEPTH_MAX: Final = 32
"""Nesting allowed. The deepest R4 example is 14; a parser that recurses dies of a hundred thousand brackets."""

NUMBER_CHARS_MAX: Final = 64
"""Longest number. FHIR asks for 18 significant digits; 5,000 digits only cost time."""

EXPONENT_MAX: Final = 30
"""Largest power of ten. Decimal would write 1e999999 out as a megabyte of zeros."""

MEDIA_TYPES: Final = frozenset({"application/fhir+json", "application/json"})

FHIR_VERSIONS: Final = frozenset({"4.0", "4.0.1", "4.3"})
"""R4, and R4B, which is R4 for every resource we read."""

_BOM: Final = b"\xef\xbb\xbf"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def parse_body(data: bytes, content_type: str) -> Resource:
    """Return the JSON object that a sender posted.

    Args:
        data: the body as received.
        content_type: the Content-Type header.

    Raises:
        BadRequest: not FHIR JSON in UTF-8, too large, too deep, a repeated name, a number or a text outside the limits.
    """
    _require_json(content_type)
    return read_exact(data, bytes_max=BODY_BYTES_MAX)


def read_exact(data: bytes, *, bytes_max: int = ANSWER_BYTES_MAX) -> Resource:
    """Return the JSON object that ``data`` writes; numbers with a fraction are Decimal, others int.

    A byte order mark is skipped: RFC 8259 (8.1) lets a reader ignore it, and refusing a stay for three bytes that some
    engines always send helps nobody. The bytes kept in the vault still have it.

    Raises:
        BadRequest: as :func:`parse_body`, but for the media type.
    """
    if len(data) > bytes_max:
        raise BadRequest(413, "too-long", f"{len(data)} bytes; at most {bytes_max} are taken: send less at a time")
    text = data.removeprefix(_BOM)
    try:
        # Its parser has a nesting limit of its own; the standard library's raises RecursionError instead.
        from_json(text, allow_inf_nan=False, cache_strings="none")
        value = json.loads(
            text.decode(),
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_constant,
        )
    except ValueError as error:
        raise BadRequest(400, "structure", f"the body is not JSON in UTF-8: {_reason(error)}") from error
    if not isinstance(value, dict):
        raise BadRequest(400, "structure", "the body is not a JSON object")
    _check(value)
    return value


def write_exact(value: Any) -> bytes:
    """Return the JSON of ``value`` in UTF-8, keys in the order given; a Decimal keeps every digit it has."""
    return "".join(_pieces(value)).encode()


def objects_in(value: object) -> list[Resource]:
    """Return the objects of a list that somebody else wrote; what is not a list has none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _require_json(content_type: str) -> None:
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if media not in MEDIA_TYPES:
        raise BadRequest(415, "not-supported", "send application/fhir+json")
    given = dict(part.partition("=")[::2] for part in parameters)
    if given.get("charset", "utf-8").strip('"') not in {"utf-8", "utf8"}:
        raise BadRequest(415, "not-supported", "FHIR JSON is UTF-8 (R4 2.6.2); send charset=utf-8 or leave it out")
    if given.get("fhirversion", "4.0").strip('"') not in FHIR_VERSIONS:
        raise BadRequest(415, "not-supported", "this endpoint speaks FHIR R4: fhirVersion=4.0")


def _object(pairs: list[tuple[str, Any]]) -> Resource:
    value = dict(pairs)
    if len(value) != len(pairs):
        # Two readers keep different ones of the two values: we would validate one and the record show the other.
        raise BadRequest(400, "structure", "a JSON object has the same name twice; FHIR names are unique (R4 2.6.2)")
    return value


def _decimal(text: str) -> Decimal:
    value = Decimal(_short(text))
    if abs(value.adjusted()) > EXPONENT_MAX:
        raise BadRequest(400, "value", f"a number is beyond 1e±{EXPONENT_MAX}")
    return value


def _integer(text: str) -> int:
    return int(_short(text))


def _short(text: str) -> str:
    if len(text) > NUMBER_CHARS_MAX:
        raise BadRequest(400, "value", f"a number has {len(text)} characters; at most {NUMBER_CHARS_MAX} are taken")
    return text


def _constant(text: str) -> NoReturn:
    raise BadRequest(400, "value", f"{text} is not a JSON number")


def _reason(error: ValueError) -> str:
    # A decoder's own message quotes what was sent; ours says where.
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)[:120]


def _check(value: Resource) -> None:
    level: list[Any] = [value]
    for _ in range(DEPTH_MAX):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise BadRequest(400, "structure", f"nested deeper than {DEPTH_MAX}")


def _children(value: Any) -> Iterator[Any]:
    match value:
        case str() if _CONTROL.search(value):
            raise BadRequest(400, "value", "a text has a control character (R4 2.24.0.1: only tab, LF and CR)")
        case dict():
            for name in value:
                if _CONTROL.search(name):
                    raise BadRequest(400, "structure", "a name has a control character")
            yield from value.values()
        case list():
            yield from value


def _pieces(value: Any) -> Iterator[str]:
    match value:
        case dict():
            yield "{"
            for n, (name, item) in enumerate(value.items()):
                yield f"{',' if n else ''}{json.dumps(name, ensure_ascii=False)}:"
                yield from _pieces(item)
            yield "}"
        case list() | tuple():
            yield "["
            for n, item in enumerate(value):
                yield "," if n else ""
                yield from _pieces(item)
            yield "]"
        case Decimal():
            yield format(value, "f")
        case None | bool() | int() | str():
            yield json.dumps(value, ensure_ascii=False)
        case _:
            raise TypeError(f"a {type(value).__name__} is never written in FHIR JSON")
