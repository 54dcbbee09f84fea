"""Who reads first, what they may say, and how far that stands alone."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from guarantee.case import CaseKind
from guarantee.codec import from_plain, to_plain
from guarantee.errors import Malformed
from guarantee.first_read import (
    EVERY,
    NOTE_CHARS_MAX,
    WORDS,
    Draw,
    Exposure,
    FirstRead,
    Impression,
    Independence,
    Surface,
    Word,
    independence,
)
from guarantee.ids import ResultId
from guarantee.opinion import Statement
from guarantee.policy import Policy
from tests.guarantee.samples import POLICY, a_statement, at, digest_of

SEED = "0123456789abcdef" * 2
RESULT = ResultId("r")


def a_draw(share: int = 500, **changes: Any) -> Draw:
    return replace(Draw(policy="read-first@1", share=share, seed=SEED, at=at(0)), **changes)


def an_impression(**changes: Any) -> Impression:
    made = Impression(result=RESULT, reader="dr.martin", kind=CaseKind.STUDY, word=Word.PRESENT, note="", at=at(100))
    return replace(made, **changes)


def an_exposure(**changes: Any) -> Exposure:
    made = Exposure(
        result=RESULT, reader="dr.martin", surface=Surface.REVEAL, shown=digest_of("draft"), nonce="n", at=at(200)
    )
    return replace(made, **changes)


# ---------------------------------------------------------------------------------------------------------- the draw


@pytest.mark.parametrize("share", [-1, 1001])
def test_a_policy_has_a_share_of_everything_at_most(share: int) -> None:
    with pytest.raises(Malformed, match="first_read"):
        replace(POLICY, first_read=share)


def test_a_policy_asks_for_no_first_read_unless_it_says_so() -> None:
    assert POLICY.first_read == 0
    assert from_plain(Policy, to_plain(replace(POLICY, first_read=50))).first_read == 50


@pytest.mark.parametrize("share", [0, 1001])
def test_who_draws_nothing_has_no_draw(share: int) -> None:
    with pytest.raises(Malformed, match="per mille"):
        a_draw(share)


@pytest.mark.parametrize("seed", ["", SEED[:-1], "Z" * 32])
def test_a_seed_is_random_bytes_in_hexadecimal(seed: str) -> None:
    with pytest.raises(Malformed, match="seed"):
        a_draw(seed=seed)


def test_anybody_who_is_given_the_seed_can_repeat_the_draw() -> None:
    """In three lines, without this package."""
    drawn = hashlib.sha256(f"{SEED}:{RESULT}:dr.martin".encode()).hexdigest() < f"{2**32 * 500 // 1000:08x}"
    assert a_draw().takes(RESULT, "dr.martin") == drawn
    assert a_draw().commitment == hashlib.sha256(SEED.encode()).hexdigest()


@pytest.mark.parametrize("share", [1, 50, 500, 999])
def test_the_share_comes_out(share: int) -> None:
    """Of 10,000 pairs, within four standard deviations; the seed is fixed, so this says the same every time."""
    drawn = sum(a_draw(share).takes(ResultId(f"r{n}"), "dr.martin") for n in range(10_000))
    expected = share * 10
    assert abs(drawn - expected) <= 4 * (expected * (1 - share / 1000)) ** 0.5


def test_everything_is_drawn_when_everything_is_asked_for() -> None:
    assert a_draw(1000).drawn_below == EVERY
    assert all(a_draw(1000).takes(ResultId(f"r{n}"), "dr.martin") for n in range(1000))
    assert EVERY > "f" * 64


def test_each_reader_draws_for_themselves() -> None:
    pairs = {(a_draw().takes(ResultId(f"r{n}"), "a"), a_draw().takes(ResultId(f"r{n}"), "b")) for n in range(100)}
    assert len(pairs) == 4


# ---------------------------------------------------------------------------------------------------- the impression


@pytest.mark.parametrize("kind", CaseKind)
@pytest.mark.parametrize("word", Word)
def test_each_kind_of_case_has_its_words(kind: CaseKind, word: Word) -> None:
    if word in WORDS[kind]:
        assert an_impression(kind=kind, word=word).word is word
    else:
        with pytest.raises(Malformed, match=str(kind)):
            an_impression(kind=kind, word=word)


def test_an_impression_is_personal_and_short() -> None:
    with pytest.raises(Malformed, match="personal"):
        an_impression(reader="")
    with pytest.raises(Malformed, match="note"):
        an_impression(note="x" * (NOTE_CHARS_MAX + 1))


def test_one_reader_has_one_impression_of_one_result() -> None:
    assert an_impression(word=Word.NONE, at=at(9)).id == an_impression().id
    assert an_impression(reader="dr.leroy").id != an_impression().id
    assert an_impression(result=ResultId("other")).id != an_impression().id


def test_what_is_signed_names_the_impression() -> None:
    said = a_statement(first_read=an_impression().id)
    assert from_plain(Statement, to_plain(said)).first_read == an_impression().id
    assert f'"first_read":"{an_impression().id}"'.encode() in said.to_bytes()
    assert b'"first_read":null' in a_statement().to_bytes()


# ------------------------------------------------------------------------------------------------------ the exposure


@pytest.mark.parametrize(("surface", "nonce"), [(Surface.REVEAL, None), (Surface.RESULT, "n")])
def test_a_reveal_answers_a_question_and_nothing_else_does(surface: Surface, nonce: str | None) -> None:
    with pytest.raises(Malformed, match="question"):
        an_exposure(surface=surface, nonce=nonce)


def test_an_exposure_says_which_bytes_were_shown() -> None:
    with pytest.raises(Malformed):
        an_exposure(shown="the draft")


def test_what_was_decided_counts_once_and_each_question_counts() -> None:
    decided = an_exposure(surface=Surface.RESULT, nonce=None)
    assert replace(decided, at=at(900)).id == decided.id
    assert an_exposure(nonce="m").id != an_exposure().id != decided.id


# ------------------------------------------------------------------------------------------------------ the standing


def test_everything_of_ai_is_hidden_until_the_reveal_and_from_nobody_else() -> None:
    due, said = FirstRead(drawn=True), FirstRead(drawn=True, impression=an_impression())
    shown = replace(said, exposures=(an_exposure(at=at(300)), an_exposure()))
    assert [(one.is_due, one.hides) for one in (due, said, shown)] == [(True, True), (False, True), (False, False)]
    assert (said.revealed_at, shown.revealed_at) == (None, at(200))
    free = FirstRead(drawn=False)
    assert (free.is_due, free.hides, free.revealed_at) == (False, False, None)


def test_what_was_decided_reveals_no_draft() -> None:
    decided = an_exposure(surface=Surface.RESULT, nonce=None)
    assert FirstRead(drawn=True, exposures=(decided,)).hides


@pytest.mark.parametrize(
    ("seconds", "class_"),
    [
        ((), Independence.UNEXPOSED),
        ((99,), Independence.INDIRECTLY_EXPOSED),
        ((100,), Independence.INDIRECTLY_EXPOSED),
        ((101,), Independence.UNEXPOSED),
        ((101, 5), Independence.INDIRECTLY_EXPOSED),
    ],
)
def test_an_impression_stands_alone_when_nothing_of_the_case_was_shown_before(
    seconds: tuple[int, ...], class_: Independence
) -> None:
    before = [an_exposure(result=ResultId("other"), at=at(one)) for one in seconds]
    assert independence(an_impression(), before) is class_
