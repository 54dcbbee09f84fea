"""A right is needed when a draft is shown, when an opinion is signed, and again before what was signed is sent."""

import pytest
from sqlalchemy import select

from bridge.db import tables
from bridge.flows import review, rights
from bridge.flows.retract import withdraw
from bridge.flows.rights import Wish, a_year_after
from guarantee.answer import Answer
from guarantee.errors import Malformed, NotEntitled, NotHabilitated, Refused
from guarantee.habilitation import Grant
from guarantee.opinion import Reader, Verdict
from guarantee.release import Kind, WithdrawalReason
from guarantee.result import Result
from guarantee.states import ResultState
from tests.flows.fakes import COMMITTEE, READER, SECOND, START, arrival
from tests.flows.world import World


def right_of(world: World, reader: Reader = READER, site: str = "site-1") -> Grant:
    with world.sql.reading() as unit:
        mine = [grant for grant in unit.habilitations.of([reader.login]).grants if grant.site == site]
    return mine[-1]


def take_away(world: World, reader: Reader = READER, *, holds: bool = True) -> None:
    right = right_of(world, reader)
    rights.revoke(
        right.id, by="operator:root", reason="formation annulée", holds=holds, store=world.store, clock=world.clock
    )


def give(world: World, reader: Reader = READER, **changes: str) -> tuple[Grant, ...]:
    values = {"person": reader.login, "model": "toy", "major": "1", "site": "site-1", "evidence": "module 2, 19/20"}
    return rights.give([Wish(**values | changes)], by=COMMITTEE, store=world.store, clock=world.clock)


def refusals(world: World) -> list[tuple[str, str]]:
    with world.engine.connect() as connection:
        rows = connection.execute(select(tables.refusals).order_by(tables.refusals.c.at)).mappings()
        return [(row["login"], row["cause"]) for row in rows]


def causes(world: World, result: Result) -> set[str]:
    with world.sql.reading() as unit:
        return {sent.cause.code for sent in unit.views.sent(result.id) if sent.cause}


def drafted(world: World) -> Result:
    return world.drafted(arrival(world.vault))


def test_who_lost_the_right_is_shown_no_draft_and_that_is_counted(world: World) -> None:
    result = drafted(world)
    take_away(world)
    with pytest.raises(NotHabilitated) as refused:
        review.ask(result.id, READER, world.review)
    assert refused.value.lack == "revoked"
    assert refusals(world) == [("dr.martin", "revoked")]
    with world.sql.reading() as unit:
        assert unit.gate.first_shown(result.id, READER.login) is None
        assert [link.action for link in unit.views.timeline(result.id)][-1] == "refusal.revoked"
    assert world.answer(result, reader=SECOND) is not None


def test_a_right_that_is_lost_between_question_and_signature_signs_nothing(world: World) -> None:
    result = drafted(world)
    question = review.ask(result.id, READER, world.review)
    take_away(world, holds=False)
    given = Answer(
        nonce=question.nonce,
        shown=question.shown,
        verdict=Verdict.ACCEPT,
        reason=None,
        comment="",
        patient_informed="to-do",
        edits=None,
    )
    with pytest.raises(NotHabilitated):
        review.answer(result.id, READER, "password+totp", given, world.review)
    assert world.result(result.id).state is ResultState.AWAITING_REVIEW
    assert refusals(world) == [("dr.martin", "revoked")]
    give(world)
    assert review.answer(result.id, READER, "password+totp", given, world.review) is not None


def test_an_opinion_names_its_right_and_the_journal_too(world: World) -> None:
    result = drafted(world)
    world.answer(result)
    with world.sql.reading() as unit:
        (opinion,) = unit.gate.opinions(result.id)
        said = next(link for link in unit.views.timeline(result.id) if link.action == "opinion.accept")
        assert unit.habilitations.used(opinion.statement.right.id)[0][:2] == (result.id, "validated")
    assert opinion.statement.right == right_of(world)
    assert opinion.statement.right.id in said.body


def test_what_was_signed_under_a_revoked_right_stays_until_it_is_given_again(world: World) -> None:
    result = drafted(world)
    world.answer(result)
    take_away(world)
    world.deliver_all()
    assert world.deliveries(result.id) == {"pacs": "due", "dpi": "due"}
    assert causes(world, result) == {"right-revoked"}
    assert not any(place.stored for place in world.destinations.values())
    give(world)
    world.clock.advance(seconds=10)
    world.deliver_all()
    assert world.result(result.id).state is ResultState.DELIVERED


def test_what_was_signed_under_a_revoked_right_can_be_withdrawn_instead(world: World) -> None:
    result = drafted(world)
    world.answer(result)
    take_away(world)
    world.deliver_all()
    withdraw(
        result.id, by="dr.nguyen", reason=WithdrawalReason.WRONG_RESULT, comment="non habilité", tools=world.review
    )
    assert set(world.deliveries(result.id).values()) == {"withheld"}


def test_word_of_a_withdrawal_goes_whatever_became_of_rights(world: World) -> None:
    result = drafted(world)
    world.answer(result)
    world.deliver_all()
    take_away(world)
    withdraw(result.id, by="dr.nguyen", reason=WithdrawalReason.WRONG_RESULT, comment="erreur", tools=world.review)
    world.deliver_all()
    assert set(world.deliveries(result.id, Kind.WITHDRAWAL).values()) == {"confirmed"}


@pytest.mark.parametrize("how", ["decisions stand", "a year passed"])
def test_what_was_signed_is_sent_when_the_right_only_ended(world: World, how: str) -> None:
    result = drafted(world)
    world.answer(result)
    if how == "decisions stand":
        take_away(world, holds=False)
    else:
        world.clock.advance(days=400)
    world.deliver_all()
    assert world.result(result.id).state is ResultState.DELIVERED


def test_a_right_of_another_major_version_or_site_shows_nothing(world: World) -> None:
    result = drafted(world)
    for site in ("site-1", "site-2", "held-site", "north"):
        right = right_of(world, site=site)
        rights.revoke(right.id, by="x", reason="essai", holds=False, store=world.store, clock=world.clock)
    give(world, major="2")
    give(world, site="north")
    with pytest.raises(NotHabilitated):
        review.ask(result.id, READER, world.review)


def test_rights_are_given_by_the_committee_all_or_none(world: World) -> None:
    wish = Wish(person=READER.login, model="toy", major="1", site="south", evidence="module 1")
    with pytest.raises(NotEntitled, match="committee"):
        rights.give([wish], by=SECOND, store=world.store, clock=world.clock)
    with pytest.raises(Malformed, match="twice"):
        rights.give([wish, wish], by=COMMITTEE, store=world.store, clock=world.clock)
    nobody = Wish(person="nobody", model="toy", major="1", site="south", evidence="module 1")
    with pytest.raises(Refused):
        rights.give([wish, nobody], by=COMMITTEE, store=world.store, clock=world.clock)
    with world.sql.reading() as unit:
        assert not [grant for grant in unit.habilitations.all().grants if grant.site == "south"]


def test_a_revocation_means_one_right_once(world: World) -> None:
    with world.sql.reading() as unit:
        before = unit.habilitations.all()
    for key in ("", "nothing"):
        with pytest.raises(Malformed, match="begins with"):
            rights.revoke(key, by="x", reason="y", holds=True, store=world.store, clock=world.clock)
    take_away(world)
    with pytest.raises(Malformed, match="revoked already"):
        take_away(world)
    take_away(world, holds=False)
    with world.sql.reading() as unit:
        assert len(unit.habilitations.all().revocations) == len(before.revocations) + 2


def test_after_an_incident_everybody_loses_a_major_version_everywhere(world: World) -> None:
    result = drafted(world)
    with world.sql.reading() as unit:
        before = len(unit.habilitations.all().grants)
    tools = {"by": "operator:root", "reason": "événement indésirable", "holds": True}
    ended = rights.revoke_all("toy", "1", **tools, store=world.store, clock=world.clock)
    assert len(ended) == before
    for reader in (READER, SECOND):
        with pytest.raises(NotHabilitated):
            review.ask(result.id, reader, world.review)
    for major in ("1", "2"):
        with pytest.raises(Malformed, match="nobody has a right"):
            rights.revoke_all("toy", major, **tools, store=world.store, clock=world.clock)
    give(world)
    assert world.answer(result) is not None


def test_the_longest_right_ends_on_the_same_day_of_the_next_year() -> None:
    assert a_year_after(START) == START.replace(year=START.year + 1)
    leap = START.replace(year=2028, month=2, day=29)
    assert a_year_after(leap) == leap.replace(year=2029, day=28)
