"""How a launcher signs, and how we tell.

The signature covers every parameter but itself, written as ``name=value`` in percent-encoding (RFC 3986, 2.1), sorted
by name, joined by ``&``: HMAC-SHA256 with the launcher's key, in hexadecimal. It says which exam; who looks at it is
said by signing in, and by nothing else.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bridge.links.errors import UntrustedLink
from bridge.links.reading import Link, read_launch, signed_bytes

CLOCK_S: Final = 120
"""How far the time of a link may be from ours, in seconds, in either direction."""

KEY_CHARACTERS_MIN: Final = 32
"""Shortest key: 128 bits, if it is drawn as hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """A system that may launch.

    Args:
        keys: what it signs with: the present one, and another one while keys are being exchanged.
        unsigned: whether it may also come without a signature.
    """

    name: str
    keys: tuple[str, ...]
    unsigned: bool = False


def sign(signed: bytes, key: str) -> str:
    """Return the signature: 64 hexadecimal characters."""
    return hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()


def make_launch(parameters: Mapping[str, str], key: str, *, at: datetime, nonce: str) -> str:
    """Return the query of a signed ``/launch``.

    Raises:
        BadLink: the desk would not understand it.
    """
    given = {name: value for name, value in parameters.items() if value}
    given |= {"ts": str(int(at.timestamp())), "nonce": nonce}
    signed = signed_bytes(given)
    query = f"{signed.decode()}&sig={sign(signed, key)}"
    read_launch(query.encode())
    return query


def sender_of(link: Link, launchers: Sequence[Launcher], now: datetime) -> Launcher:
    """Return whose link this is, when it may be trusted.

    Every key is tried, and each comparison takes as long as any other: the time says nothing about the keys.

    Raises:
        UntrustedLink: it may not be.
    """
    named = [one for one in launchers if link.launcher in ("", one.name)]
    if not link.signature:
        return _unsigned(named)
    matching = [one for one in named if _matches(link, one)]
    if not matching:
        raise UntrustedLink("signature" if named else "launcher")
    late_s = clock_s(link, now)
    if abs(late_s) > CLOCK_S:
        raise UntrustedLink("late" if late_s > 0 else "early")
    return matching[0]


def clock_s(link: Link, now: datetime) -> int:
    """Return the age of a signed link by our clock, in seconds; negative when it comes from our future."""
    return int(now.timestamp()) - (link.at or 0)


def matches(link: Link, key: str) -> bool:
    """Return whether ``key`` made the signature."""
    return hmac.compare_digest(sign(link.signed, key), link.signature.lower())


def _matches(link: Link, launcher: Launcher) -> bool:
    found = [matches(link, key) for key in launcher.keys]  # all of them: none is left out because another one matched
    return any(found)


def _unsigned(named: Sequence[Launcher]) -> Launcher:
    """Return the one launcher that may come without a signature; several must say which they are."""
    allowed = [one for one in named if one.unsigned]
    if len(allowed) != 1:
        raise UntrustedLink("unsigned")
    return allowed[0]
