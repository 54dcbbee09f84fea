"""Verify the journal, export it, anchor its head outside, and refuse to start behind an anchor.

An anchor is the journal's head, signed, in a place the database's administrator does not control. The default keeps two
files in two directories; a hospital points the second one at a share of another team, or at write-once storage.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from bridge.files import append_line, whole_lines
from guarantee.codec import from_plain, time_text, to_plain
from guarantee.errors import Forged, JournalBroken, Malformed
from guarantee.ids import Digest
from guarantee.journal import Head, Link, require_not_behind, verify
from guarantee.opinion import Seal
from guarantee.ports import Sealer
from guarantee.release import Witness

EXPORT: Final = "aval.journal-export/1"


class Links(Protocol):
    """The stored journal, read in order."""

    def links(self, after: int = 0) -> Iterator[Link]:
        """Yield every link after ``after``."""

    def head(self) -> tuple[int, Digest] | None:
        """Return the last link's number and hash."""

    def hash_at(self, seq: int) -> Digest | None:
        """Return one link's hash."""

    def statements(self) -> Iterator[dict[str, str]]:
        """Yield what was sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A signed head."""

    head: Head
    seal: Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """What keeping the journal needs.

    Args:
        journal: opens a reading transaction over the stored links.
        site: name of this installation; anchors of another one are not ours.
        places: files that anchors are appended to; two or more, in places that different people control.
    """

    journal: Callable[[], AbstractContextManager[Links]]
    site: str
    places: Sequence[Path]
    sealer: Sealer
    witness: Witness
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a verification found.

    Args:
        anchors: how many anchors agree with the journal.
        anchored_to: number of the newest anchored link; 0 when there is none.
    """

    seq: int
    head: Digest
    anchors: int
    anchored_to: int


def verify_online(keeper: Keeper) -> Verified:
    """Check every link, and every anchor against them.

    Raises:
        JournalBroken: names the first link that does not follow, or the anchor that is contradicted.
    """
    anchors = read_anchors(keeper)
    with keeper.journal() as journal:
        seq, head = verify(journal.links())
        for anchor in anchors:
            require_not_behind(anchor.head, seq=seq, hash_at_anchor=journal.hash_at(anchor.head.seq))
    return Verified(seq=seq, head=head, anchors=len(anchors), anchored_to=max((a.head.seq for a in anchors), default=0))


def require_anchors_hold(keeper: Keeper) -> None:
    """Refuse to start on a journal that is behind an anchor: an old backup, or a tail that was cut off.

    Raises:
        JournalBroken: it is.
    """
    with keeper.journal() as journal:
        last = journal.head()
        for anchor in read_anchors(keeper):
            require_not_behind(anchor.head, seq=last[0] if last else 0, hash_at_anchor=journal.hash_at(anchor.head.seq))


def anchor_head(keeper: Keeper) -> Anchor | None:
    """Sign the head and append it at every place; return it, or None while the journal is empty or unchanged."""
    with keeper.journal() as journal:
        last = journal.head()
    if last is None:
        return None
    if any(anchor.head.seq == last[0] for anchor in read_anchors(keeper)):
        return None
    head = Head(site=keeper.site, seq=last[0], hash=last[1], at=keeper.now())
    anchor = Anchor(head=head, seal=keeper.sealer.seal(head.to_bytes()))
    for place in keeper.places:
        place.parent.mkdir(parents=True, exist_ok=True)
        append_line(place, orjson.dumps(_anchor_to_plain(anchor)).decode())
    return anchor


def read_anchors(keeper: Keeper) -> tuple[Anchor, ...]:
    """Return the anchors of every place, oldest first.

    Raises:
        JournalBroken: a line is not an anchor that this installation signed.
    """
    found: dict[tuple[int, str], Anchor] = {}
    for place in keeper.places:
        for line in whole_lines(place):  # a torn last line is one that nobody was told of
            anchor = _read_anchor(line, place, keeper)
            found[anchor.head.seq, anchor.head.hash] = anchor
    return tuple(sorted(found.values(), key=lambda anchor: anchor.head.seq))


def _read_anchor(line: str, place: Path, keeper: Keeper) -> Anchor:
    try:
        plain = orjson.loads(line)
        head = from_plain(Head, plain["head"])
        seal = from_plain(Seal, plain["seal"])
        keeper.witness.verify(head.to_bytes(), seal)
    except (Malformed, Forged, KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise JournalBroken(f"{place} holds a line that is not an anchor of this installation: {error}") from error
    if head.site != keeper.site:
        raise JournalBroken(f"{place} holds an anchor of site {head.site!r}, this is {keeper.site!r}")
    return Anchor(head=head, seal=seal)


def export_lines(keeper: Keeper, public_keys: dict[str, str]) -> Iterator[str]:
    """Yield the whole journal as JSON lines, with what is needed to verify it elsewhere.

    The export holds identifiers, digests, seals and what was sealed (who endorsed what, when, why). It holds no
    patient's name, number or image.

    Args:
        public_keys: identifier of each public key to its 64 hexadecimal characters.
    """
    yield _line({"export": EXPORT, "site": keeper.site, "at": time_text(keeper.now())})
    for key, public in sorted(public_keys.items()):
        yield _line({"key": key, "public": public})
    with keeper.journal() as journal:
        for link in journal.links():
            yield _line({"link": to_plain(link)})
        for statement in journal.statements():
            yield _line(statement)
    for anchor in read_anchors(keeper):
        yield _line({"anchor": _anchor_to_plain(anchor)})


def _anchor_to_plain(anchor: Anchor) -> dict[str, Any]:
    return {"head": to_plain(anchor.head), "seal": to_plain(anchor.seal)}


def _line(value: dict[str, Any]) -> str:
    return orjson.dumps(value).decode()
