"""The chain: whatever is done to it inside is found by reading it; its end only by an anchor."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarantee.errors import JournalBroken
from guarantee.ids import Digest
from guarantee.journal import GENESIS, Head, Link, link_hash, require_not_behind, verify
from tests.guarantee.samples import at, digest_of

FIELDS = ("seq", "at", "actor", "role", "action", "subject", "body", "prev")


def rehashed(link: Link) -> Link:
    return replace(link, hash=link_hash(**{name: getattr(link, name) for name in FIELDS}))


def a_journal(length: int, *, start: int = 0, head: Digest = GENESIS) -> list[Link]:
    links: list[Link] = []
    for seq in range(start + 1, start + length + 1):
        link = Link(
            seq=seq,
            at=f"2026-11-21T10:15:{seq % 60:02}.000000Z",
            actor="desk:dr.martin",
            role="aval_desk",
            action="result.validated",
            subject=f"result {seq}",
            body=f'{{"n":{seq}}}',
            prev=links[-1].hash if links else head,
            hash=GENESIS,
        )
        links.append(rehashed(link))
    return links


def test_a_whole_journal_gives_its_end() -> None:
    links = a_journal(5)
    assert verify(links) == (5, links[-1].hash)
    assert verify([]) == (0, GENESIS)


def test_a_journal_is_read_on_from_a_known_point() -> None:
    links = a_journal(5)
    seq, head = verify(links[:2])
    assert verify(links[2:], seq=seq, head=head) == verify(links)


@pytest.mark.parametrize("field", ["at", "actor", "role", "action", "subject", "body"])
def test_an_edited_link_is_found(field: str) -> None:
    links = a_journal(5)
    links[2] = replace(links[2], **{field: "edited"})
    with pytest.raises(JournalBroken, match=r"link 3 .* was edited"):
        verify(links)


def test_an_edited_link_with_a_new_hash_is_found_at_the_next_one() -> None:
    links = a_journal(5)
    links[2] = rehashed(replace(links[2], actor="desk:dr.other"))
    with pytest.raises(JournalBroken, match="link 4 does not follow"):
        verify(links)


@given(st.integers(2, 8), st.data())
def test_a_removed_repeated_or_reordered_link_is_found(length: int, data: st.DataObject) -> None:
    links = a_journal(length)
    place = data.draw(st.integers(0, length - 2))
    how = data.draw(st.sampled_from(["remove", "repeat", "swap"]))
    if how == "remove":
        del links[place]
    elif how == "repeat":
        links.insert(place, links[place])
    else:
        links[place], links[place + 1] = links[place + 1], links[place]
    with pytest.raises(JournalBroken):
        verify(links)


def test_an_inserted_link_is_found_even_when_all_numbers_are_shifted() -> None:
    links = a_journal(5)
    forged = rehashed(replace(links[2], subject="forged", prev=links[1].hash))
    shifted = [*links[:2], forged, *(replace(link, seq=link.seq + 1) for link in links[2:])]
    with pytest.raises(JournalBroken, match="link 4 does not follow"):
        verify(shifted)


def test_a_journal_that_starts_late_is_found() -> None:
    with pytest.raises(JournalBroken, match="link 1 is missing: the next one is 3"):
        verify(a_journal(5)[2:])


def test_a_cut_end_is_invisible_inside_and_found_by_an_anchor() -> None:
    links = a_journal(5)
    anchor = Head(site="chu", seq=4, hash=links[3].hash, at=at(0))
    cut = links[:3]
    seq, _ = verify(cut)
    with pytest.raises(JournalBroken, match="cut off"):
        require_not_behind(anchor, seq=seq, hash_at_anchor=None)
    require_not_behind(anchor, seq=5, hash_at_anchor=links[3].hash)


def test_a_rewritten_past_is_found_by_an_anchor() -> None:
    anchor = Head(site="chu", seq=4, hash=a_journal(5)[3].hash, at=at(0))
    rewritten = a_journal(5, head=digest_of("another past"))
    with pytest.raises(JournalBroken, match="not the one that was anchored"):
        require_not_behind(anchor, seq=5, hash_at_anchor=rewritten[3].hash)
    with pytest.raises(JournalBroken, match="cut off"):
        require_not_behind(anchor, seq=5, hash_at_anchor=None)


def test_every_field_of_an_anchor_is_signed() -> None:
    anchor = Head(site="chu", seq=4, hash=digest_of("a"), at=at(0))
    changes: list[dict[str, Any]] = [
        {"site": "x"},
        {"seq": 5},
        {"hash": digest_of("b")},
        {"at": at(1)},
        {"schema": "x"},
    ]
    assert len({replace(anchor, **change).to_bytes() for change in [{}, *changes]}) == 6


TEXT = st.text(st.characters(codec="utf-8"), max_size=12)


@given(st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT), st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT))
def test_fields_cannot_flow_into_each_other(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    names = FIELDS[1:]
    hashes = {link_hash(seq=1, **dict(zip(names, values, strict=True))) for values in (one, other)}
    assert len(hashes) == (1 if one == other else 2)


def test_the_form_of_a_link_is_the_one_that_is_written_down() -> None:
    """An auditor computes this with sha256sum; the form never changes under the same version name."""
    text = "14:aval.journal/1,1:7,1:t,1:a,1:r,2:é,1:s,2:{},1:0,"
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert link_hash(seq=7, at="t", actor="a", role="r", action="é", subject="s", body="{}", prev="0") == expected
