"""A learner prepares, a senior answers: the whole way through the store, with what each step refuses and leaves."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text

from bridge.db.store import SqlUnit
from bridge.flows import first_read, review, rights, stop
from guarantee.amend import Edits
from guarantee.answer import Answer
from guarantee.errors import (
    DraftChanged,
    FirstReadDue,
    GestureRefused,
    Malformed,
    NotAllowed,
    NotEntitled,
    NotHabilitated,
    Refused,
)
from guarantee.first_read import Word
from guarantee.habilitation import Act
from guarantee.opinion import Reader, Reason, Verdict
from guarantee.preparation import Outcome
from guarantee.result import Result
from guarantee.states import ResultState
from guarantee.stops import Scope
from guarantee.unit import Question
from tests.flows.crashes import Crash, Fuse, FusedStore
from tests.flows.fakes import COMMITTEE, INTERNE, POLICY, READER, SECOND, arrival
from tests.flows.world import SITES, World
from tests.guarantee.samples import a_right

COSIGNED = replace(POLICY, version=2, learners="cosign")
JUNIOR = replace(READER, login="dr.junior", name="JEUNE^Ali^^Dr")
"""A radiologist who may only prepare with this model."""

EDITS = Edits(report="Autre texte.", findings=(), added=())


class Cosigned(World):
    """An installation whose policy lets learners prepare."""

    policies = (COSIGNED,)

    def furnish(self, unit: SqlUnit, begun: object) -> None:
        super().furnish(unit, begun)  # type: ignore[arg-type]
        for reader in (JUNIOR,):
            unit.accounts.add(reader, "x", "x", self.clock.now())
            for card in self.catalogue.cards:
                right = a_right(reader.login, card.model, SITES[0], by=COMMITTEE.login, act=Act.PREPARE)
                unit.habilitations.grant(right)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Cosigned]:
    made = Cosigned(tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture
def draft(world: Cosigned) -> Result:
    return world.drafted(arrival(world.vault))


def an_answer(question: Question) -> Answer:
    return Answer(
        nonce=question.nonce,
        shown=question.shown,
        verdict=Verdict.ACCEPT,
        reason=None,
        comment="",
        patient_informed="to-do",
        edits=None,
    )


def amend(world: World, draft: Result, reader: Reader = INTERNE, **changes: object) -> object:
    return world.answer(draft, Verdict.AMEND, reader=reader, reason=Reason.WORDING, edits=EDITS, **changes)


def test_what_is_prepared_waits_and_a_senior_cosigns_it(world: Cosigned, draft: Result) -> None:
    assert amend(world, draft) is None
    assert world.result(draft.id).state is ResultState.AWAITING_REVIEW
    assert world.deliveries(draft.id) == {}
    prepared = world.prepared(draft.id)
    assert prepared is not None
    decision = world.answer(draft, Verdict.AMEND, reason=Reason.WORDING, prepared=prepared.id, cosigns=True)
    assert decision is not None
    assert decision.content == prepared.statement.content
    with world.sql.reading() as unit:
        (opinion,) = unit.gate.opinions(draft.id)
        (case,) = unit.preparations.supervised(INTERNE.login)
        actions = [link.action for link in unit.views.timeline(draft.id)]
    assert (opinion.statement.reader, opinion.statement.prepared) == (READER, prepared.id)
    assert case.outcome is Outcome.COSIGNED
    steps = ["preparation.amend", "opinion.amend", "decision.amend"]
    assert [action for action in actions if action in steps] == steps
    world.deliver_all()
    assert world.result(draft.id).state is ResultState.DELIVERED


def test_a_senior_decides_otherwise_and_a_learner_s_no_stops_nobody(world: Cosigned, draft: Result) -> None:
    world.answer(draft, Verdict.REJECT, reader=JUNIOR, reason=Reason.FALSE_POSITIVE)
    prepared = world.prepared(draft.id)
    assert prepared is not None
    assert world.answer(draft, prepared=prepared.id) is not None
    assert world.result(draft.id).state is ResultState.VALIDATED
    with world.sql.reading() as unit:
        (case,) = unit.preparations.supervised(JUNIOR.login)
    assert case.outcome is Outcome.OTHERWISE


def test_a_rejection_is_cosigned_too(world: Cosigned, draft: Result) -> None:
    world.answer(draft, Verdict.REJECT, reader=INTERNE, reason=Reason.FALSE_POSITIVE)
    prepared = world.prepared(draft.id)
    assert prepared is not None
    with pytest.raises(Malformed):
        world.answer(draft, prepared=prepared.id, cosigns=True)
    world.answer(draft, Verdict.REJECT, reason=Reason.FALSE_POSITIVE, prepared=prepared.id, cosigns=True)
    assert world.result(draft.id).state is ResultState.REJECTED


def test_a_senior_who_was_not_shown_what_was_prepared_opens_it_again(world: Cosigned, draft: Result) -> None:
    question = review.ask(draft.id, READER, world.review)
    amend(world, draft)
    given = an_answer(question)
    with pytest.raises(DraftChanged):
        review.answer(draft.id, READER, "password+totp", given, world.review)
    with pytest.raises(DraftChanged):
        world.answer(draft, prepared="another")
    with world.sql.reading() as unit:
        assert unit.gate.opinions(draft.id) == ()


def test_nothing_to_cosign_is_malformed(world: Cosigned, draft: Result) -> None:
    with pytest.raises(Malformed):
        world.answer(draft, cosigns=True)


def test_it_is_prepared_once_before_anybody_signs_and_never_answered_by_who_prepared_it(
    world: Cosigned, draft: Result
) -> None:
    amend(world, draft, JUNIOR)
    for reader in (INTERNE, JUNIOR):
        with pytest.raises(NotAllowed):
            review.ask(draft.id, reader, world.review)
    with world.sql.transaction("setup") as unit:
        model = world.catalogue.cards[0].model
        unit.habilitations.grant(a_right(JUNIOR.login, model, SITES[0], by=COMMITTEE.login))
    with pytest.raises(NotAllowed, match="you prepared"):
        review.ask(draft.id, JUNIOR, world.review)


def test_without_the_right_or_the_policy_nothing_is_shown(tmp_path: Path, world: Cosigned, draft: Result) -> None:
    with pytest.raises(NotHabilitated):
        review.ask(draft.id, replace(INTERNE, login="autre"), world.review)
    (tmp_path / "plain").mkdir()
    plain = World(tmp_path / "plain")
    other = plain.drafted(arrival(plain.vault))
    with pytest.raises(NotEntitled, match="learner"):
        review.ask(other.id, INTERNE, plain.review)
    plain.engine.dispose()


def test_a_stop_and_a_revocation_between_are_seen(world: Cosigned, draft: Result) -> None:

    with world.sql.reading() as unit:
        grants = unit.habilitations.of([INTERNE.login]).grants
    review.ask(draft.id, INTERNE, world.review)
    for grant in grants:
        rights.revoke(grant.id, by="x", reason="essai", holds=True, store=world.store, clock=world.clock)
    with pytest.raises(NotHabilitated):
        review.ask(draft.id, INTERNE, world.review)
    stop.stop(Scope.MODEL, draft.model.name, by="x", reason="essai", store=world.store, clock=world.clock)
    with pytest.raises(Refused):
        review.ask(draft.id, JUNIOR, world.review)


def test_a_preparation_is_not_signed_by_passkey(world: Cosigned, draft: Result) -> None:
    question = review.ask(draft.id, INTERNE, world.review)
    given = an_answer(question)
    with pytest.raises(GestureRefused):
        review.prepare(draft.id, INTERNE, "password+totp+passkey", given, world.review)


def test_a_forged_preparation_keeps_the_release_here(world: Cosigned, draft: Result) -> None:
    """Whoever owns the database writes another text under what was prepared: the row no longer says what was signed."""
    amend(world, draft)
    prepared = world.prepared(draft.id)
    assert prepared is not None
    with world.sql.transaction("owner") as unit:
        unit.connection.execute(text("DROP TRIGGER preparations_never_updated"))
        unit.connection.execute(text("UPDATE preparations SET verdict = 'reject', content = NULL"))
    with pytest.raises(Malformed):
        world.prepared(draft.id)


def test_two_learners_at_once_leave_one_preparation(world: Cosigned, draft: Result) -> None:
    asked = {reader.login: review.ask(draft.id, reader, world.review) for reader in (INTERNE, JUNIOR)}
    for reader in (INTERNE, JUNIOR):
        question = asked[reader.login]
        given = an_answer(question)
        if reader is INTERNE:
            review.answer(draft.id, reader, "password+totp", given, world.review)
            continue
        with pytest.raises(NotAllowed):
            review.answer(draft.id, reader, "password+totp", given, world.review)
    prepared = world.prepared(draft.id)
    assert prepared is not None
    assert prepared.learner == INTERNE.login


def test_whenever_the_desk_dies_it_was_prepared_once_or_not_at_all(world: Cosigned) -> None:
    for at in count(1):
        draft = world.drafted(arrival(world.vault, study=f"1.2.{at}"))
        fuse = Fuse(at)
        world.store = FusedStore(world.sql, fuse)
        try:
            amend(world, draft)
        except Crash:
            world.store = world.sql
            if world.prepared(draft.id) is None:
                amend(world, draft)
            assert world.prepared(draft.id) is not None
            assert world.result(draft.id).state is ResultState.AWAITING_REVIEW
            continue
        break
    assert any(call.startswith("preparations.add") for call in fuse.calls)


class LearnersFirst(Cosigned):
    """Everything is read before AI is shown, by learners too."""

    policies = (replace(COSIGNED, version=3, first_read=1000),)


def test_a_learner_who_was_drawn_says_first_what_they_think(tmp_path: Path) -> None:
    world = LearnersFirst(tmp_path)
    draft = world.drafted(arrival(world.vault))
    with pytest.raises(FirstReadDue):
        review.ask(draft.id, INTERNE, world.review)
    first_read.begin(draft.id, INTERNE, world.review)
    first_read.commit(draft.id, INTERNE, Word.PRESENT, "", world.review)
    world.answer(draft, reader=INTERNE)
    prepared = world.prepared(draft.id)
    assert prepared is not None
    assert prepared.statement.first_read is not None
    with pytest.raises(FirstReadDue):
        review.ask(draft.id, SECOND, world.review)
    world.engine.dispose()
