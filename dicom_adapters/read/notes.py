"""An arrival as a note, and back: what must be known of an instance beside its bytes to write its row again."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from guarantee.case import CaseKind, Patient, Source
from guarantee.errors import Malformed
from guarantee.ids import Digest
from guarantee.unit import Arrival

VERSION: Final = 1
"""Of what a note says. A reader that does not know it leaves the note alone."""

_LEFT_OUT: Final = ("rejects", "orders", "is_noted")


def to_note(arrival: Arrival) -> bytes:
    """Return the note of ``arrival``, its digest left out: that is the name of the bytes.

    Returns:
        JSON; nothing for what says more than a row does, such as a rejection note, and for what cannot be written:
        its row is flushed.
    """
    if arrival.rejects or arrival.orders:
        return b""
    try:
        return orjson.dumps({"version": VERSION, "arrival": arrival}, default=_plain)
    except orjson.JSONEncodeError:  # half a surrogate in a name, for one
        return b""


def from_note(note: bytes, digest: Digest) -> Arrival:
    """Return the arrival that ``note`` tells of, of the bytes called ``digest``.

    Nobody speaks any more: it belongs to no conversation.

    Raises:
        Malformed: it is no note, or of another version.
    """
    try:
        said = orjson.loads(note)
        if said["version"] != VERSION:
            raise Malformed(f"a note of version {said['version']!r}; this version of Aval reads {VERSION}")
        return _arrival(said["arrival"], digest)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed("a note beside the bytes of an instance cannot be read") from error


def _arrival(said: dict[str, Any], digest: Digest) -> Arrival:
    for name in _LEFT_OUT:
        said.pop(name)
    arrival = Arrival(
        **{
            **said,
            "kind": CaseKind(said["kind"]),
            "source": Source(**said["source"]),
            "patient": Patient(**said["patient"]),
            "facts": {name: frozenset(values) for name, values in said["facts"].items()},
        }
    )
    return replace(arrival, source=replace(arrival.source, digest=digest), conversation="")


def _plain(value: Any) -> Any:
    """Say what orjson does not know how to."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no part of an arrival")
