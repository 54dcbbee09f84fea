"""Signed heads are stamped by an authority (RFC 3161): somebody outside says by when each of them existed.

A stamp is kept as it was answered, in a file beside the anchors, and checked again whenever the journal is: its
signature under the roots that the site trusts, and that the head it is over is the journal's. The newest anchor is
what is stamped: each head stands for every link before it. An authority that does not answer is asked again at the next
round, for the head that is then the newest; nothing is skipped in silence (`aval check`, the log).
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import orjson
from cryptography.x509 import Certificate
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from bridge.files import append_line, whole_lines
from bridge.journal import Anchor, Keeper, read_anchors
from guarantee.errors import Declined, JournalBroken
from guarantee.journal import require_not_behind

ANSWER_BYTES_MAX: Final = 64 * 1024
"""Most bytes of an answer: a token with its chain takes 2 to 8 kB."""

LATE: Final = timedelta(hours=1)
"""An anchor that is older and not stamped is said by `aval check`: four rounds of the default quarter of an hour."""


SKEW: Final = timedelta(minutes=1)
"""How far our clock may be ahead of the authority's; NTP keeps it within a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Who stamps.

    Args:
        roots: certificates that its own must lead to.
        post: sends a request, returns the answer; raises Unavailable when nobody answers in time.
    """

    name: str
    roots: Sequence[Certificate]
    post: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What an authority answered for one head.

    Args:
        at: when the authority says that it existed.
        answer: the whole answer, DER; what `openssl ts -verify -in` reads.
    """

    authority: str
    anchor: Anchor
    at: datetime
    answer: bytes


def stamp_head(keeper: Keeper, authority: Authority, place: Path) -> Stamp | None:
    """Have the newest anchor stamped, and append the answer to ``place``; None when it is already, or there is none.

    Raises:
        Unavailable: the authority does not answer.
        Declined: it answers something that is no stamp of this head by whom we trust; nothing is kept.
    """
    anchors = read_anchors(keeper)
    if not anchors or any(anchors[-1] == one.anchor for one in read_stamps(keeper, [authority], place)):
        return None
    message = anchors[-1].head.to_bytes()
    request = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).nonce(nonce=True).build()
    answer = authority.post(request.as_bytes())
    found = _checked(answer, message, authority, nonce=request.nonce)
    line = {"authority": authority.name, "seq": anchors[-1].head.seq, "hash": anchors[-1].head.hash}
    place.parent.mkdir(parents=True, exist_ok=True)
    append_line(place, orjson.dumps(line | {"answer": base64.b64encode(answer).decode()}).decode())
    return Stamp(authority=authority.name, anchor=anchors[-1], at=found.tst_info.gen_time, answer=answer)


def read_stamps(keeper: Keeper, authorities: Sequence[Authority], place: Path) -> tuple[Stamp, ...]:
    """Return the stamps by ``authorities``, oldest first, each checked.

    Raises:
        JournalBroken: a line is no stamp by whom we trust, or over a head that no anchor here is.
    """
    anchors = {(anchor.head.seq, str(anchor.head.hash)): anchor for anchor in read_anchors(keeper)}
    known = {authority.name: authority for authority in authorities}
    found = []
    for text in whole_lines(place):
        try:
            line = orjson.loads(text)
            name, key = str(line["authority"]), (line["seq"], line["hash"])
            answer = base64.b64decode(line["answer"], validate=True)
        except (KeyError, TypeError, ValueError) as error:
            raise JournalBroken(f"{place} holds a line that is no stamp") from error
        if name not in known:
            continue
        if key not in anchors:
            raise JournalBroken(
                f"{place}: {name} stamped link {key[0]}, which no anchor here is of: anchors were cut off"
            )
        found.append(_read(answer, anchors[key], known[name]))
    return tuple(found)


def require_stamps_hold(keeper: Keeper, authorities: Sequence[Authority], place: Path) -> tuple[Stamp, ...]:
    """Return every stamp, once the journal is held against it.

    Raises:
        JournalBroken: as read_stamps says, or the journal is not the one that was stamped.
    """
    stamps = read_stamps(keeper, authorities, place)
    with keeper.journal() as journal:
        last = journal.head()
        for stamp in stamps:
            head = stamp.anchor.head
            require_not_behind(head, seq=last[0] if last else 0, hash_at_anchor=journal.hash_at(head.seq))
    return stamps


def late(keeper: Keeper, authority: Authority, place: Path) -> timedelta | None:
    """Return how long the oldest anchor waits that is newer than every stamp; None when it waits less than LATE."""
    stamped = max((one.anchor.head.seq for one in read_stamps(keeper, [authority], place)), default=0)
    waiting = [anchor.head.at for anchor in read_anchors(keeper) if anchor.head.seq > stamped]
    age = keeper.now() - min(waiting) if waiting else timedelta(0)
    return age if age > LATE else None


def _read(answer: bytes, anchor: Anchor, authority: Authority) -> Stamp:
    try:
        found = _checked(answer, anchor.head.to_bytes(), authority)
    except Declined as error:
        raise JournalBroken(f"the stamp of link {anchor.head.seq} by {authority.name} does not hold") from error
    at = found.tst_info.gen_time
    if at < anchor.head.at - SKEW:
        says = f"says that it was signed at {anchor.head.at.isoformat()}, after {authority.name} stamped it"
        raise JournalBroken(f"the anchor of link {anchor.head.seq} {says}: the clock here was ahead")
    return Stamp(authority=authority.name, anchor=anchor, at=at, answer=answer)


def _checked(answer: bytes, message: bytes, authority: Authority, nonce: int | None = None) -> TimeStampResponse:
    if len(answer) > ANSWER_BYTES_MAX:
        raise Declined("stamp-too-large", f"{authority.name} answered {len(answer)} bytes, no stamp is so large")
    builder = VerifierBuilder(roots=list(authority.roots), nonce=nonce)
    try:
        found = decode_timestamp_response(answer)
        builder.build().verify(found, hashlib.sha256(message).digest())
    except (VerificationError, ValueError) as error:
        raise Declined("stamp-refused", f"what {authority.name} answered is no stamp of this head") from error
    return found
