"""Read first, then reveal: the whole way through the store, with what each step refuses and leaves behind."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from bridge.flows import first_read, review
from bridge.flows.first_read import NOT_ASKED
from bridge.flows.opening import draft_to_review
from bridge.flows.stop import stop
from guarantee.errors import FirstReadDue, Held, Malformed, NotAllowed, NotEntitled, Refused, WorldChanged
from guarantee.first_read import Independence, Surface, Word, independence
from guarantee.policy import Role
from guarantee.result import Result
from guarantee.states import ResultState
from guarantee.stops import Scope
from tests.flows.crashes import Crash, Fuse, FusedStore
from tests.flows.fakes import POLICY, READER, SECOND, another_card, arrival, card
from tests.flows.world import World

FIRST = replace(POLICY, version=2, first_read=1000)


class ReadFirst(World):
    """An installation whose only policy has everything read first."""

    policies = (FIRST,)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = ReadFirst(tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture
def draft(world: World) -> Result:
    return world.drafted(arrival(world.vault))


def actions(world: World, result: Result) -> list[str]:
    with world.sql.reading() as unit:
        return [link.action for link in unit.views.timeline(result.id)]


def read(world: World, result: Result, word: Word = Word.PRESENT, note: str = "") -> None:
    first_read.begin(result.id, READER, world.review)
    first_read.commit(result.id, READER, word, note, world.review)


def test_the_steps_follow_each_other_and_the_opinion_says_so(world: World, draft: Result) -> None:
    read(world, draft, note="à gauche ?")
    decision = world.answer(draft)
    assert decision is not None
    with world.sql.reading() as unit:
        (opinion,) = unit.gate.opinions(draft.id)
        (said,) = unit.first_reads.impressions(draft.id)
        (shown,) = unit.first_reads.exposures(draft.id)
        opened = unit.first_reads.openings(draft.id)[READER.login]
    assert opinion.statement.first_read == said.id
    assert (said.word, said.note) == (Word.PRESENT, "à gauche ?")
    assert (shown.surface, shown.shown, shown.nonce) == (Surface.REVEAL, draft.draft, opinion.statement.nonce)
    assert opened < said.at < shown.at < opinion.statement.signed_at
    steps = ["first-read.opened", "first-read.impression", "draft.shown", "exposure.reveal", "opinion.accept"]
    assert [action for action in actions(world, draft) if action in steps] == steps


def test_nothing_is_asked_or_recorded_before_the_impression(world: World, draft: Result) -> None:
    for step in (lambda: None, lambda: first_read.begin(draft.id, READER, world.review)):
        step()
        with pytest.raises(FirstReadDue):
            review.ask(draft.id, READER, world.review)
        with pytest.raises(FirstReadDue):
            first_read.require_revealed(draft.id, READER, world.store)
    assert "draft.shown" not in actions(world, draft)
    first_read.commit(draft.id, READER, Word.NONE, "", world.review)
    with pytest.raises(FirstReadDue):
        first_read.require_revealed(draft.id, READER, world.store)
    review.ask(draft.id, READER, world.review)
    first_read.require_revealed(draft.id, READER, world.store)


def test_opening_twice_keeps_the_first_time(world: World, draft: Result) -> None:
    first = first_read.begin(draft.id, READER, world.review)
    world.clock.advance(seconds=60)
    assert first_read.begin(draft.id, READER, world.review) == first


def test_an_impression_is_given_once_after_opening_in_the_words_of_the_case(world: World, draft: Result) -> None:
    with pytest.raises(NotAllowed):
        first_read.commit(draft.id, READER, Word.NONE, "", world.review)
    first_read.begin(draft.id, READER, world.review)
    with pytest.raises(Malformed):
        first_read.commit(draft.id, READER, Word.HIGH, "", world.review)
    first_read.commit(draft.id, READER, Word.NONE, "", world.review)
    with pytest.raises(NotAllowed):
        first_read.commit(draft.id, READER, Word.PRESENT, "", world.review)


def test_only_who_may_endorse_reads_first(world: World, draft: Result) -> None:
    learner = replace(READER, login="interne", role=Role.LEARNER)
    assert first_read.standing(draft.id, learner, world.store) == NOT_ASKED
    with pytest.raises(NotEntitled):
        first_read.begin(draft.id, learner, world.review)


def test_each_reader_reads_first_for_themselves(world: World, draft: Result) -> None:
    read(world, draft)
    review.ask(draft.id, READER, world.review)
    with pytest.raises(FirstReadDue):
        review.ask(draft.id, SECOND, world.review)


def test_what_was_decided_is_hidden_from_nobody_and_read_first_by_nobody(world: World, draft: Result) -> None:
    read(world, draft)
    world.answer(draft)
    assert world.result(draft.id).state is ResultState.VALIDATED
    first_read.require_revealed(draft.id, SECOND, world.store)
    with pytest.raises(NotAllowed):
        first_read.begin(draft.id, SECOND, world.review)


def test_a_stop_ends_the_first_reads_of_what_it_covers_and_no_other(world: World, draft: Result) -> None:
    tools = {"by": READER.login, "reason": "essai", "store": world.store, "clock": world.clock}
    stop(Scope.MODEL, "another", **tools)
    first_read.begin(draft.id, READER, world.review)
    stop(Scope.MODEL, draft.model.name, **tools)
    with pytest.raises(Held):
        first_read.commit(draft.id, READER, Word.PRESENT, "", world.review)


def test_late_images_end_a_first_read(world: World, draft: Result) -> None:
    first_read.begin(draft.id, READER, world.review)
    world.receive(arrival(world.vault, image=2))
    with pytest.raises(WorldChanged):
        first_read.commit(draft.id, READER, Word.NONE, "", world.review)


def test_an_impression_after_another_result_of_the_case_does_not_stand_alone(tmp_path: Path) -> None:
    world = ReadFirst(tmp_path, cards=(card(), another_card("other")))
    world.drafted(arrival(world.vault))
    one, other = world.results()
    read(world, one)
    world.answer(one)
    read(world, other)
    with world.sql.reading() as unit:
        classes = [
            independence(said, unit.first_reads.before(said))
            for result in (one, other)
            for said in unit.first_reads.impressions(result.id)
        ]
        assert len(unit.first_reads.standing(other.id, READER.login).before) == 1
    assert classes == [Independence.UNEXPOSED, Independence.INDIRECTLY_EXPOSED]
    world.engine.dispose()


def test_looking_at_what_was_decided_counts_once(world: World, draft: Result) -> None:
    read(world, draft)
    decision = world.answer(draft)
    assert decision is not None
    assert decision.content is not None
    for _ in range(2):
        first_read.note_result_shown(draft.id, SECOND, decision.content, world.review)
    assert actions(world, draft).count("exposure.result") == 1


def test_a_policy_without_first_reads_draws_nobody_and_writes_only_the_reveal(tmp_path: Path) -> None:
    world = World(tmp_path)
    result = world.drafted(arrival(world.vault))
    assert first_read.standing(result.id, READER, world.store) == NOT_ASKED
    with pytest.raises(NotAllowed):
        first_read.begin(result.id, READER, world.review)
    world.answer(result)
    with world.sql.reading() as unit:
        assert unit.gate.opinions(result.id)[0].statement.first_read is None
        assert len(unit.first_reads.exposures(result.id)) == 1
        assert unit.first_reads.draw(POLICY.ref) is None
    world.engine.dispose()


# ---------------------------------------------------------------------------------------------------------- the draw


def test_the_journal_holds_the_digest_of_the_seed_before_the_first_result(world: World, draft: Result) -> None:
    with world.sql.reading() as unit:
        links = list(unit.journal.links())
        draw = unit.first_reads.draw(FIRST.ref)
    assert draw is not None
    assert draw.seed not in "".join(link.body for link in links)
    committed = next(link for link in links if link.action == "draw.committed")
    assert draw.commitment in committed.body
    assert committed.seq < min(link.seq for link in links if link.subject == draft.id)


def test_the_seed_is_drawn_once(world: World) -> None:
    with world.sql.transaction("setup") as unit:
        before = unit.first_reads.draw(FIRST.ref)
        unit.registry.register_policy(FIRST, world.clock.now())
        assert unit.first_reads.draw(FIRST.ref) == before


def test_a_bound_that_is_not_the_policy_s_share_is_not_drawn_by(world: World, draft: Result) -> None:
    with world.sql.transaction("setup") as unit:
        unit.connection.execute(text("DROP TRIGGER draws_never_updated"))
        unit.connection.execute(text("UPDATE draws SET drawn_below = '00000000'"))
    with pytest.raises(Malformed, match="draw"):
        first_read.standing(draft.id, READER, world.store)


def test_an_impression_under_another_identifier_is_not_read(world: World, draft: Result) -> None:
    read(world, draft)
    with world.sql.transaction("setup") as unit:
        unit.connection.execute(text("DROP TRIGGER impressions_never_updated"))
        unit.connection.execute(text("UPDATE impressions SET id = 'x'"))
    with pytest.raises(Malformed, match="impression"), world.sql.reading() as unit:
        unit.first_reads.impressions(draft.id)


def test_a_desk_that_forgets_the_rule_is_stopped_by_the_database(world: World, draft: Result) -> None:
    """The question is asked and nothing is recorded as shown: what is signed is then refused."""
    with world.sql.transaction("desk:dr.martin") as unit:
        asked = review.Question(
            nonce="forgotten",
            result=draft.id,
            reader=READER.login,
            shown=draft_to_review(draft),
            asked_at=world.clock.now(),
            expires_at=world.clock.now() + review.QUESTION_LIFE,
        )
        unit.gate.ask(asked)
    given = review.Answer(
        nonce="forgotten",
        shown=asked.shown,
        verdict=review.Verdict.ACCEPT,
        reason=None,
        comment="",
        patient_informed="to-do",
        edits=None,
    )
    with pytest.raises(Refused, match="first"):
        review.answer(draft.id, READER, "password+totp", given, world.review)
    assert world.result(draft.id).state is ResultState.AWAITING_REVIEW


# --------------------------------------------------------------------------------------------------------- the crashes

STEPS = {
    "open": lambda world, draft: first_read.begin(draft.id, READER, world.review),
    "say": read,
    "reveal": lambda world, draft: review.ask(draft.id, READER, world.review),
}


def test_a_desk_that_dies_at_any_call_leaves_nothing_half_said(world: World, draft: Result) -> None:
    """Each step dies at its first call, its second, …; its reader comes back, and it is done once."""
    alive, deaths = world.store, 0
    for name, step in STEPS.items():
        for at in range(1, 100):
            world.store = FusedStore(alive, Fuse(at))
            try:
                step(world, draft)
            except Crash:
                deaths += 1
                continue
            except NotAllowed:
                assert name == "say", "only an impression that was kept is refused a second time"
            break
        world.store = alive
    with world.sql.reading() as unit:
        assert len(unit.first_reads.impressions(draft.id)) == 1
        standing = unit.first_reads.standing(draft.id, READER.login)
    assert standing.opened_at is not None
    assert not standing.hides
    assert actions(world, draft).count("first-read.opened") == 1
    assert deaths > 20
