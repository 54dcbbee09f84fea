"""One value, one sequence of bytes: what digests and signatures are taken over.

The form is JSON with sorted keys, no white space, UTF-8 and no floating point. A number with a fraction is a decimal
string ("412.5"): a float's text depends on who prints it, and 412.50 must not become 412.5 between two readers.
Source: RFC 8785 (JSON Canonicalization Scheme), restricted to what we need.
"""

import json
from typing import Any, Final, TypeAlias

from guarantee.errors import NotCanonical

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

DEPTH_MAX: Final = 32
"""Nesting allowed. Our deepest value is 7; the limit keeps a hostile one from exhausting the stack."""

BYTES_MAX: Final = 64 * 1024 * 1024
"""Size allowed, 64 MiB. Masks and images live in the vault, not in here; a long report is a few kB."""

INT_MAX: Final = 2**53 - 1
"""Largest integer every JSON reader keeps exactly (RFC 8785, 3.2.2.3)."""

# Made once: `json.dumps` makes one for each call that asks for a form of its own. What it is given was looked through
# before, so that it need not look for circles itself.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"))


def canonical(value: Json) -> bytes:
    """Return the canonical bytes of ``value``.

    Raises:
        NotCanonical: a float, an unknown type, a lone surrogate, too deep, or an integer beyond 2**53 - 1.
    """
    _check(value, depth=0)
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError as error:
        raise NotCanonical("text with a lone surrogate has no UTF-8 form") from error


def parse_canonical(data: bytes) -> Json:
    """Return the value whose canonical bytes are ``data``.

    Raises:
        NotCanonical: ``data`` is not what :func:`canonical` would write, byte for byte.
    """
    if len(data) > BYTES_MAX:
        raise NotCanonical(f"{len(data)} bytes is more than the {BYTES_MAX} allowed")
    try:
        value: Json = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"not JSON: {type(error).__name__}") from error
    if canonical(value) != data:
        raise NotCanonical("JSON, but not in canonical form (key order, white space or repeated keys)")
    return value


def _check(value: Any, depth: int) -> None:
    """Refuse what has no canonical form, but for text without a UTF-8 form, which the encoder finds.

    Drafts and records are hundreds of values, most of them text, and every request to a model is checked four times:
    text is let pass without a call.
    """
    if depth > DEPTH_MAX:
        raise NotCanonical(f"nested deeper than {DEPTH_MAX}")
    match value:
        case str() | None | bool():
            return
        case int():
            _check_integer(value)
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    raise NotCanonical(f"a {type(key).__name__} cannot be a key")
                if type(item) is not str:
                    _check(item, depth + 1)
        case list():
            for item in value:
                if type(item) is not str:
                    _check(item, depth + 1)
        case _:
            raise NotCanonical(f"a {type(value).__name__} has no canonical form; write decimals as strings")


def _check_integer(number: int) -> None:
    if abs(number) > INT_MAX:
        raise NotCanonical("an integer beyond 2**53 - 1 is written as a string")
