"""What a version does is what its stage allows: nothing, shadow results, or what its card says."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.flows import advance, retire, rollout, stop
from bridge.flows.advance import stands
from bridge.flows.rollout import Plan, Word
from bridge.flows.route import NOT_GRANTED
from guarantee.errors import NotAllowed, NotEntitled, Refused
from guarantee.events import ResultQueued
from guarantee.ids import digest
from guarantee.lifecycle import Line, Stage
from guarantee.opinion import Reader
from guarantee.policy import Role
from guarantee.result import Mode
from guarantee.states import ResultState
from guarantee.stops import Scope
from tests.flows.fakes import MODEL, READER, SECOND, another_card, card
from tests.flows.stories import arrival
from tests.flows.world import World, begin

OLD = card()
NEW = replace(OLD, model=replace(MODEL, version="2.0.0", digest=digest(b"newer"), card=digest(b"newer card")))
WORD = Word(by="operator:root", reason="essai")
ENGINEER = replace(READER, login="ing.petit", role=Role.ENGINEER)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Make worlds in which lives begin where a test says."""
    worlds: list[World] = []

    def make(begun: Stage | None, *cards: object) -> World:
        worlds.append(World(tmp_path, begun=begun, cards=cards or (OLD,)))  # type: ignore[arg-type]
        return worlds[-1]

    yield make
    for world in worlds:
        world.engine.dispose()


@pytest.fixture
def two(made: Callable[..., World]) -> World:
    """Version 1 in routine, given by the installer; version 2 at shadow; an engineer."""
    world = made(None, OLD, NEW)
    with world.sql.transaction("register") as unit:
        unit.lives.add(begin(OLD.model.id, Stage.PILOT, world.clock.now()))
        unit.lives.add(begin(NEW.model.id, Stage.SHADOW, world.clock.now()))
        unit.registry.appoint_first(OLD.model, world.clock.now())
        unit.accounts.add(ENGINEER, "x", "x", world.clock.now())
    return world


def sign(world: World, stage: Stage, model: str = MODEL.id, by: Reader = READER) -> Line:
    return advance.advance(model, stage, by=by, reason="essai", store=world.store, clock=world.clock)


def promote(world: World, by: Reader = ENGINEER, second: Reader = SECOND) -> rollout.Replaced:
    return rollout.promote(NEW.model.id, by, second, reason="essai", store=world.store, clock=world.clock)


def back(world: World) -> rollout.Replaced:
    return rollout.roll_back("toy", WORD, store=world.store, clock=world.clock)


def try_new(world: World, *, share: int = 0) -> None:
    plan = Plan(model=NEW.model.id, against="", shadow=not share, share=share, site="", seed="5eed" * 8)
    rollout.begin(plan, WORD, store=world.store, clock=world.clock)


def at_stage(world: World, model: str = NEW.model.id) -> Stage:
    with world.store.reading() as unit:
        return stands(model, unit)


def suspend(world: World, scope: Scope, target: str) -> None:
    stop.stop(scope, target, by="dr.x", reason="essai", store=world.store, clock=world.clock)


# -------------------------------------------------------------------------------------------------- one version alone


@pytest.mark.parametrize("stage", [Stage.POC, Stage.SHADOW])
def test_below_pilot_results_are_shadow_results(made: Callable[..., World], stage: Stage) -> None:
    world = made(stage)
    result = world.drafted(arrival(world.vault))
    assert (result.mode, result.state) == (Mode.SHADOW, ResultState.AWAITING_REVIEW)
    with pytest.raises(Refused):
        world.answer(result)


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (Stage.IDEA, "is at idea: aval models advance"),
        (Stage.FRAMING, "is at framing: aval models advance"),
        (None, "is not known here yet: restart, or aval migrate"),
    ],
)
def test_before_its_proof_of_concept_nothing_runs_and_the_trace_says_why(
    made: Callable[..., World], stage: Stage | None, said: str
) -> None:
    world = made(stage)
    world.receive(arrival(world.vault))
    world.complete()
    (result,) = world.results()
    assert (result.mode, result.state) == (Mode.SHADOW, ResultState.EXCLUDED)
    assert result.cause is not None
    assert (result.cause.code, result.cause.detail) == (NOT_GRANTED, f"toy@1.0.0 {said}")
    assert not [fact for _, fact in world.pending() if isinstance(fact, ResultQueued)]


def test_from_pilot_on_the_card_decides(made: Callable[..., World]) -> None:
    world = made(Stage.PILOT, OLD, another_card("seen", mode=Mode.SHADOW))
    world.receive(arrival(world.vault))
    world.complete()
    assert {result.model.name: result.mode for result in world.results()} == {"toy": Mode.CARE, "seen": Mode.SHADOW}


def test_a_version_that_is_installed_later_takes_nothing_from_the_one_that_is_piloted(
    made: Callable[..., World],
) -> None:
    world = made(None, NEW, OLD)
    with world.sql.transaction("register") as unit:
        for one, stage in ((OLD, Stage.PILOT), (NEW, Stage.SHADOW)):
            unit.lives.add(begin(one.model.id, stage, world.clock.now()))
    world.receive(arrival(world.vault))
    world.complete()
    assert [(result.model.id, result.mode) for result in world.results()] == [(OLD.model.id, Mode.CARE)]


def test_a_step_back_counts_from_the_next_case_on(made: Callable[..., World]) -> None:
    world = made(Stage.PILOT)
    before = world.drafted(arrival(world.vault))
    sign(world, Stage.SHADOW)
    world.receive(arrival(world.vault, study="1.2.9"))
    world.complete()
    assert sorted(result.mode for result in world.results()) == [Mode.CARE, Mode.SHADOW]
    assert world.answer(world.result(before.id)) is not None


def test_whose_account_is_closed_or_unknown_signs_nothing(made: Callable[..., World]) -> None:
    world = made(Stage.SHADOW)
    with pytest.raises(Refused):
        sign(world, Stage.PILOT, by=replace(READER, login="dr.nobody"))
    with world.sql.transaction("operator") as unit:
        unit.accounts.set_active(READER.login, active=False)
    with pytest.raises(Refused):
        sign(world, Stage.PILOT)


# ------------------------------------------------------------------------------- beside another version, one rule


def test_a_trial_a_promotion_and_a_life_are_one_road(two: World) -> None:
    """What each stage lets happen, from shadow to routine and back, and what is refused on the way."""
    assert (at_stage(two, OLD.model.id), at_stage(two)) == (Stage.ROUTINE, Stage.SHADOW)
    with pytest.raises(NotAllowed, match=r"is at shadow: it is tried for care from pilot on"):
        try_new(two, share=10)
    with pytest.raises(NotAllowed, match=r"is at shadow: a version is promoted from pilot"):
        promote(two)
    try_new(two)
    with pytest.raises(NotAllowed, match="end the trial before"):
        sign(two, Stage.POC, NEW.model.id)
    sign(two, Stage.PILOT, NEW.model.id)
    with pytest.raises(NotEntitled, match="asked for an earlier stage"):
        promote(two, second=READER)
    assert promote(two).line.second == SECOND.login
    assert (at_stage(two, OLD.model.id), at_stage(two)) == (Stage.PILOT, Stage.ROUTINE)
    with pytest.raises(NotAllowed, match="is in routine"):
        sign(two, Stage.SHADOW, NEW.model.id)
    assert back(two).line.by == WORD.by
    assert (at_stage(two, OLD.model.id), at_stage(two)) == (Stage.ROUTINE, Stage.PILOT)
    with two.sql.reading() as unit:
        noted = [link.action for link in unit.journal.links() if link.subject in {"toy", NEW.model.id}]
    assert noted == [
        *("model.added", "model.shadow", "appointment.first", "model.pilot"),
        *("appointment.promote", "appointment.rollback"),
    ]


def test_a_canary_ends_before_its_version_is_returned(two: World) -> None:
    sign(two, Stage.PILOT, NEW.model.id)
    try_new(two, share=10)
    with pytest.raises(NotAllowed, match="end the trial before"):
        sign(two, Stage.SHADOW, NEW.model.id)
    with two.store.reading() as unit:
        (trial,) = unit.rollouts.now().trials
    rollout.end(trial.id, WORD, store=two.store, clock=two.clock)
    assert sign(two, Stage.SHADOW, NEW.model.id).n == 3


@pytest.mark.parametrize(("scope", "target"), [(Scope.ALL, ""), (Scope.MODEL, "toy"), (Scope.VERSION, NEW.model.id)])
def test_a_stop_suspends_a_version_where_it_stands(two: World, scope: Scope, target: str) -> None:
    sign(two, Stage.PILOT, NEW.model.id)
    suspend(two, scope, target)
    assert at_stage(two) is Stage.SUSPENDED
    for act in (lambda: try_new(two), lambda: try_new(two, share=5), lambda: promote(two)):
        with pytest.raises(NotAllowed, match="is at suspended"):
            act()
    with pytest.raises(NotAllowed, match="two people resume it"):
        sign(two, Stage.SHADOW, NEW.model.id)
    people = {"by": "dr.martin", "second": "dr.nguyen", "reason": "vu"}
    stop.resume(scope, target, **people, examine=two.examine, store=two.store, clock=two.clock)
    assert at_stage(two) is Stage.PILOT


def test_a_stop_of_one_site_suspends_no_version(two: World) -> None:
    suspend(two, Scope.SITE, "chu")
    assert at_stage(two) is Stage.SHADOW
    try_new(two)


def test_one_goes_back_under_a_stop(two: World) -> None:
    sign(two, Stage.PILOT, NEW.model.id)
    promote(two)
    suspend(two, Scope.MODEL, "toy")
    assert back(two).line.model == OLD.model.id
    assert at_stage(two, OLD.model.id) is Stage.SUSPENDED


def test_a_retirement_ends_every_road(two: World) -> None:
    sign(two, Stage.PILOT, NEW.model.id)
    retire.retire(NEW.model.id, by="operator:root", reason="remplacé", store=two.store, clock=two.clock)
    assert at_stage(two) is Stage.RETIRED
    for act in (lambda: try_new(two), lambda: promote(two)):
        with pytest.raises(NotAllowed, match="is at retired"):
            act()
    with pytest.raises(NotAllowed, match="is retired: its life is over"):
        sign(two, Stage.SHADOW, NEW.model.id)


def test_nobody_goes_back_to_a_version_whose_pilot_was_taken_away(two: World) -> None:
    sign(two, Stage.PILOT, NEW.model.id)
    promote(two)
    sign(two, Stage.SHADOW, OLD.model.id)
    with pytest.raises(NotAllowed, match=r"toy@1\.0\.0 was returned to shadow"):
        back(two)
    assert at_stage(two) is Stage.ROUTINE


def test_an_account_that_was_closed_meanwhile_grants_nothing(two: World) -> None:
    sign(two, Stage.PILOT, NEW.model.id)
    with two.sql.transaction("operator") as unit:
        unit.accounts.set_active(SECOND.login, active=False)
    with pytest.raises(Refused, match="may not put a version into routine"):
        promote(two)
