"""Who asked what we hold hears the answer, or it is recorded that nobody did: bounded in number, age and attempts."""

from dataclasses import replace
from pathlib import Path

import pytest

from bridge.flows import commitments
from bridge.flows.commitments import CLAIM, KEPT, WAITS_S, Commitments
from guarantee.errors import Unavailable
from guarantee.ids import digest
from guarantee.ports import Store
from tests.flows.world import World

LISTED = digest(b"1.2 1.3")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def unheard() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def book(world: World, unheard: list[tuple[str, str, str]]) -> Commitments:
    return Commitments(store=world.store, clock=world.clock, actor="scp", turn_away=lambda *told: unheard.append(told))


def test_a_question_is_taken_by_who_heard_it_and_left_to_others_when_that_one_is_gone(
    world: World, book: Commitments
) -> None:
    asked = book.ask("mr-2", "MR2", "1.2.3", LISTED)
    assert book.due() == ()
    world.clock.advance(seconds=CLAIM.total_seconds())
    assert book.due() == (asked,)
    assert book.due() == (), "who takes it has it for a while"
    world.clock.advance(seconds=CLAIM.total_seconds())
    assert book.due() == (asked,)


def test_what_was_heard_is_never_due_again(world: World, book: Commitments) -> None:
    book.is_heard(book.ask("mr-2", "MR2", "1.2.3", LISTED))
    world.clock.advance(seconds=10 * CLAIM.total_seconds())
    assert book.due() == ()


def test_an_answer_is_tried_again_after_longer_and_longer_waits_and_then_given_up(
    world: World, book: Commitments, unheard: list[tuple[str, str, str]]
) -> None:
    asked = book.ask("mr-2", "MR2", "1.2.3", LISTED)
    for attempt, wait_s in enumerate(WAITS_S, 1):
        book.is_unheard(asked, may_try_again=True)
        world.clock.advance(seconds=wait_s - 1)
        assert book.due() == ()
        world.clock.advance(seconds=1)
        (asked,) = book.due()
        assert asked.attempts == attempt
    assert unheard == []
    book.is_unheard(asked, may_try_again=True)
    world.clock.advance(days=2)
    assert book.due() == ()
    assert [(sender, code) for sender, code, _ in unheard] == [("mr-2", "commitment-unheard")]


def test_an_answer_that_is_too_old_or_has_no_address_is_given_up(
    world: World, book: Commitments, unheard: list[tuple[str, str, str]]
) -> None:
    book.is_unheard(book.ask("mr-2", "MR2", "1.2.3", LISTED), may_try_again=False)
    assert len(unheard) == 1
    old = book.ask("mr-2", "MR2", "1.2.4", LISTED)
    world.clock.advance(seconds=KEPT.total_seconds() + 1)
    book.is_unheard(old, may_try_again=True)
    assert len(unheard) == 2
    world.clock.advance(seconds=10 * CLAIM.total_seconds())
    assert book.due() == ()


def test_too_many_questions_are_refused(book: Commitments, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commitments, "WAITING_MAX", 2)
    first = book.ask("mr-2", "MR2", "1.2.3", LISTED)
    book.ask("mr-2", "MR2", "1.2.4", LISTED)
    with pytest.raises(Unavailable, match="too-many-questions"):
        book.ask("mr-2", "MR2", "1.2.5", LISTED)
    book.is_heard(first)
    book.ask("mr-2", "MR2", "1.2.5", LISTED)


class Gone:
    """A database that does not answer."""

    def transaction(self, actor: str, *, is_noted: bool = False) -> None:
        raise Unavailable("database", "the database does not answer")

    reading = transaction


def test_what_cannot_be_noted_is_done_once_more_and_lost_by_nobody(
    world: World, book: Commitments, unheard: list[tuple[str, str, str]]
) -> None:
    asked = book.ask("mr-2", "MR2", "1.2.3", LISTED)
    gone: Store = Gone()  # type: ignore[assignment]
    deaf = replace(book, store=gone)
    deaf.is_heard(asked)
    deaf.is_unheard(asked, may_try_again=True)
    deaf.is_unheard(asked, may_try_again=False)
    assert unheard == []
    world.clock.advance(seconds=CLAIM.total_seconds())
    assert book.due() == (asked,)
