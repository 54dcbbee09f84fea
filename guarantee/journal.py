"""The journal: every change of state is one link of a hash chain; its head is signed and anchored outside.

A link is written by the database in the same transaction as the change (bridge/db/migrations/sql). This file says what
a link's hash is, and finds the first one that does not follow. The chain alone shows edits and removals *inside* it;
only an anchor kept elsewhere shows that its end was cut off.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from guarantee.canonical import canonical
from guarantee.codec import to_plain
from guarantee.errors import JournalBroken
from guarantee.ids import Digest

VERSION: Final = "aval.journal/1"

GENESIS: Final = Digest("0" * 64)
"""What the first link follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One line of the journal.

    Args:
        seq: 1, 2, 3… without a gap.
        at: UTC text with microseconds, as stored.
        actor: who caused it, as the process says, e.g. "desk:dr.martin".
        role: database role that wrote it ("sqlite" where there are none).
        action: e.g. "result.validated".
        subject: identifier of what changed.
        body: JSON text with identifiers and digests; never patient data.
    """

    seq: int
    at: str
    actor: str
    role: str
    action: str
    subject: str
    body: str
    prev: Digest
    hash: Digest


def link_hash(*, seq: int, at: str, actor: str, role: str, action: str, subject: str, body: str, prev: str) -> Digest:
    """Return the hash of a link: SHA-256 over its fields, each written ``<bytes>:<text>,``.

    The length prefix makes the fields unambiguous and is easy to write in SQL (a netstring, D. J. Bernstein 1997).
    """
    fields = (VERSION, str(seq), at, actor, role, action, subject, body, prev)
    text = "".join(f"{len(field.encode())}:{field}," for field in fields)
    return Digest(hashlib.sha256(text.encode()).hexdigest())


def verify(links: Iterable[Link], *, seq: int = 0, head: Digest = GENESIS) -> tuple[int, Digest]:
    """Return the sequence number and hash of the last link.

    Args:
        links: in order, the first one following ``seq`` and ``head``.
        seq, head: where the chain was known to be good; the beginning by default.

    Raises:
        JournalBroken: names the first link that does not follow, and why.
    """
    for link in links:
        if link.seq != seq + 1:
            raise JournalBroken(f"link {seq + 1} is missing: the next one is {link.seq}")
        if link.prev != head:
            raise JournalBroken(f"link {link.seq} does not follow link {seq}: one of them was replaced")
        expected = link_hash(
            seq=link.seq,
            at=link.at,
            actor=link.actor,
            role=link.role,
            action=link.action,
            subject=link.subject,
            body=link.body,
            prev=link.prev,
        )
        if link.hash != expected:
            raise JournalBroken(f"link {link.seq} ({link.action} at {link.at}) was edited: its hash does not match")
        seq, head = link.seq, link.hash
    return seq, head


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the journal stood at some time. These bytes are signed and kept outside."""

    schema: str = "aval.anchor/1"
    site: str
    seq: int
    hash: Digest
    at: datetime

    def to_bytes(self) -> bytes:
        """Return the canonical bytes that are signed."""
        return canonical(to_plain(self))


def require_not_behind(anchor: Head, *, seq: int, hash_at_anchor: Digest | None) -> None:
    """Return when a journal of length ``seq`` still contains ``anchor``.

    Args:
        hash_at_anchor: hash of the journal's link ``anchor.seq``; None when it has none.

    Raises:
        JournalBroken: the journal is shorter than the anchor, or differs at it.
    """
    if seq < anchor.seq or hash_at_anchor is None:
        raise JournalBroken(
            f"the journal ends at link {seq}, but link {anchor.seq} was anchored at {anchor.at.isoformat()}: "
            "its end was cut off, or an old backup was restored"
        )
    if hash_at_anchor != anchor.hash:
        raise JournalBroken(f"link {anchor.seq} is not the one that was anchored at {anchor.at.isoformat()}")
