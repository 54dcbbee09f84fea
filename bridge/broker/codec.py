"""A fact as a message body and back: strict when written, tolerant of unknown keys when read."""

from typing import Final

import orjson

from guarantee.errors import Malformed
from guarantee.events import Fact, fact_from_plain, fact_to_plain

BODY_BYTES_MAX: Final = 4096
"""A fact is a name and identifiers, under 300 bytes; anything larger is not ours."""


def encode(message_id: str, fact: Fact) -> bytes:
    """Return the body: message id, fact and identifiers. No patient data exists in a fact."""
    return orjson.dumps({"id": message_id, **fact_to_plain(fact)}, option=orjson.OPT_SORT_KEYS)


def decode(body: bytes) -> tuple[str, Fact]:
    """Return message id and fact.

    Raises:
        Malformed: too large, not JSON, or not a fact that this version knows.
    """
    if len(body) > BODY_BYTES_MAX:
        raise Malformed(f"a message of {len(body)} bytes is not a fact")
    try:
        plain = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed("a message that is not JSON") from error
    if not isinstance(plain, dict) or not isinstance(plain.get("id"), str):
        raise Malformed("a message without an id")
    return plain["id"], fact_from_plain(plain)
