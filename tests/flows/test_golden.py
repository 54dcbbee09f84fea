"""A version takes no work before its golden cases came out; one whose cases do not is held: visible, and not lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.flows import stop
from bridge.flows.golden import Examiner
from guarantee.card import Card
from guarantee.errors import NotGreen, Unavailable
from guarantee.ids import digest
from guarantee.states import ResultState
from guarantee.stops import Scope, in_force
from tests.flows.fakes import MODEL, another_card, card
from tests.flows.stories import arrival
from tests.flows.world import World

WRONG = "golden case 'known': gives 12, 13 was expected"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, cards=(card(), another_card("other")))
    yield made
    made.engine.dispose()


def state_of(world: World, model: str) -> ResultState:
    (found,) = {result.state for result in world.results() if result.model.name == model}
    return found


def queued(world: World) -> None:
    world.receive(arrival(world.vault))
    world.complete()


def resume(world: World) -> None:
    people = {"by": "dr.martin", "second": "dr.nguyen", "reason": "bibliothèque remise"}
    tools = {"examine": world.examine, "store": world.store, "clock": world.clock}
    stop.resume(Scope.VERSION, MODEL.id, **tools, **people)


def test_a_version_that_fails_is_suspended_with_its_reason_and_the_others_go_on(world: World) -> None:
    world.golden = {MODEL.id: WRONG}
    queued(world)
    world.infer_all()

    assert state_of(world, "toy") is ResultState.QUEUED
    assert state_of(world, "other") is ResultState.AWAITING_REVIEW
    assert world.model.runs == 1
    with world.sql.reading() as unit:
        (held,) = in_force(unit.stops.lines())
        assert unit.results.waiting(now=world.clock.now()), "what is held still waits: nothing is lost"
        noted = [link for link in unit.journal.links() if link.action == "stop.stop"]
    assert (held.scope, held.target, held.by) == (Scope.VERSION, MODEL.id, "infer")
    assert held.reason == f"golden: {WRONG}"
    assert [link.subject for link in noted] == [f"version:{MODEL.id}"]


def test_two_people_resume_it_and_it_is_asked_again_before_it_works(world: World) -> None:
    world.golden = {MODEL.id: WRONG}
    queued(world)
    world.infer_all()
    with pytest.raises(NotGreen, match="gives 12"):
        resume(world)
    world.golden = {}
    resume(world)
    world.golden = {MODEL.id: WRONG}
    world.infer_all()
    assert state_of(world, "toy") is ResultState.QUEUED, "on the worker's machine nothing was mended: suspended again"
    world.golden = {}
    resume(world)
    world.infer_all()
    assert state_of(world, "toy") is ResultState.AWAITING_REVIEW
    assert {result.attempts for result in world.results()} == {1}, "being examined uses up no attempt"


def test_a_version_is_examined_again_when_its_day_is_over(world: World) -> None:
    world.drafted(arrival(world.vault))
    world.golden = {MODEL.id: WRONG}
    world.receive(arrival(world.vault, study="1.2.4"))
    world.complete()
    world.clock.advance(hours=23)
    world.infer_all()
    assert state_of(world, "toy") is ResultState.AWAITING_REVIEW
    world.clock.advance(hours=1)
    world.receive(arrival(world.vault, study="1.2.5"))
    world.complete()
    world.infer_all()
    with world.sql.reading() as unit:
        assert [held.target for held in in_force(unit.stops.lines())] == [MODEL.id]


def test_what_could_not_be_examined_is_not_suspended_and_waits(world: World) -> None:
    asked: list[str] = []

    def failure(card: Card) -> str | None:
        asked.append(card.model.name)
        raise Unavailable("provider-missing", "no GPU")

    world.examiner.failure = failure
    queued(world)
    with pytest.raises(Unavailable, match="no GPU"):
        world.infer_all()
    assert {result.state for result in world.results()} == {ResultState.QUEUED}
    assert {result.attempts for result in world.results()} == {0}
    with world.sql.reading() as unit:
        assert unit.stops.lines() == ()
    world.examiner.failure = lambda _: None
    world.infer_all()
    assert {result.state for result in world.results()} == {ResultState.AWAITING_REVIEW}


def test_the_daily_round_examines_each_once_and_suspends_once(world: World) -> None:
    asked: list[str] = []

    def failure(card: Card) -> str | None:
        asked.append(card.model.name)
        return WRONG if card.model == MODEL else None

    examiner = Examiner(
        store=world.store,
        clock=world.clock,
        failure=failure,
        cases=lambda _card: digest(b"golden"),
        every_s=86_400,
        reason="golden: {failure}".format,
    )
    cards = world.catalogue.cards
    for _ in range(3):
        examiner.examine_due(cards)
    assert asked == ["toy", "other"]
    world.clock.advance(days=1)
    examiner.examine_due(cards)
    assert asked == ["toy", "other"] * 2
    with world.sql.reading() as unit:
        assert len(unit.stops.lines()) == 1, "one stop is enough while it is in force"
