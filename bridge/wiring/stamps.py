"""The authorities that stamp signed heads, from the settings; asked over HTTP."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import httpx2
from cryptography.x509 import load_pem_x509_certificates

from bridge.config import ConfigError
from bridge.stamps import ANSWER_BYTES_MAX, Authority, late, require_stamps_hold, stamp_head
from bridge.wiring.parts import Parts
from guarantee.errors import Declined, Unavailable

PATIENCE_S: Final = 10.0
"""How long an authority may take to answer."""

_HEADERS: Final = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}


def place_of(parts: Parts) -> Path:
    """Return the file that stamps are appended to."""
    return parts.settings.path(parts.settings.journal.stamps)


def authorities(parts: Parts) -> list[Authority]:
    """Return who stamps here.

    Raises:
        ConfigError: the certificates of one cannot be read.
    """
    found = []
    for name, mine in parts.settings.journal.authorities.items():
        file = parts.settings.path(mine.roots)
        try:
            roots = load_pem_x509_certificates(file.read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigError(f"journal.authorities.{name}.roots: {file} holds no certificate in PEM form") from error
        found.append(Authority(name=name, roots=roots, post=partial(post, mine.url)))
    return found


def stamping(parts: Parts) -> list[Callable[[], object]]:
    """Return what stamps the newest anchor, one for each authority: one that is down holds up no other."""
    return [partial(stamp_head, parts.keeper(), authority, place_of(parts)) for authority in authorities(parts)]


def check_stamps(parts: Parts) -> str:
    """Return how many stamps hold, for `aval check`.

    Raises:
        JournalBroken: one does not.
        Unavailable: an anchor waits for an authority for more than an hour.
    """
    known, place, keeper = authorities(parts), place_of(parts), parts.keeper("audit", signs=False)
    stamps = require_stamps_hold(keeper, known, place)
    for authority in known:
        waited = late(keeper, authority, place)
        if waited is not None:
            says = f"an anchor has waited {waited.total_seconds() / 3600:.0f} h for a stamp by {authority.name}"
            raise Unavailable("stamp-late", f"{says}: is it up, and is its address right?")
    return f"{len(stamps)} by {', '.join(one.name for one in known) or 'nobody: no authority is set'}"


def post(url: str, body: bytes) -> bytes:
    """Return what an authority answers to a query.

    Raises:
        Unavailable: nothing, or too late.
        Declined: more than any stamp is.
    """
    try:
        with httpx2.stream("POST", url, content=body, headers=_HEADERS, timeout=PATIENCE_S, trust_env=False) as answer:
            answer.raise_for_status()
            found = b""
            for piece in answer.iter_bytes():
                found += piece
                if len(found) > ANSWER_BYTES_MAX:
                    raise Declined("stamp-too-large", "the authority answers more than any stamp is")
            return found
    except httpx2.HTTPError as error:
        raise Unavailable(
            "stamp-authority", f"the time-stamping authority does not answer ({type(error).__name__})"
        ) from error
