"""What a version does is what its stage allows: nothing, shadow results, or what its card says."""

from dataclasses import replace
from pathlib import Path

import pytest

from bridge.flows import advance
from bridge.flows.route import NOT_GRANTED
from guarantee.errors import NotAllowed, NotEntitled, Refused
from guarantee.events import ResultQueued
from guarantee.lifecycle import INSTALLER, Line, Stage
from guarantee.result import Mode
from guarantee.states import ResultState
from tests.flows.fakes import MODEL, READER, SECOND, another_card, card
from tests.flows.stories import arrival
from tests.flows.world import World


def begin(world: World, stage: Stage, model: str = MODEL.id) -> None:
    line = Line(model=model, n=1, stage=stage, by=INSTALLER, second="", reason="essai", at=world.clock.now())
    with world.sql.transaction("setup") as unit:
        unit.lives.add(line)


def sign(world: World, stage: Stage, **people: object) -> Line:
    who = {"by": READER, "second": None} | people
    return advance.advance(MODEL.id, stage, reason="essai", store=world.store, clock=world.clock, **who)  # type: ignore[arg-type]


@pytest.mark.parametrize("stage", [Stage.POC, Stage.SHADOW])
def test_below_pilot_results_are_shadow_results(world: World, stage: Stage) -> None:
    begin(world, stage)
    result = world.drafted(arrival(world.vault))
    assert (result.mode, result.state) == (Mode.SHADOW, ResultState.AWAITING_REVIEW)
    with pytest.raises(Refused):
        world.answer(result)


@pytest.mark.parametrize("stage", [Stage.IDEA, Stage.FRAMING])
def test_before_its_proof_of_concept_nothing_runs_and_the_trace_says_why(world: World, stage: Stage) -> None:
    begin(world, stage)
    world.receive(arrival(world.vault))
    world.complete()
    (result,) = world.results()
    assert (result.mode, result.state) == (Mode.SHADOW, ResultState.EXCLUDED)
    assert result.cause is not None
    assert (result.cause.code, result.cause.detail) == (NOT_GRANTED, f"toy@1.0.0 is at {stage}: aval models advance")
    assert not [fact for _, fact in world.pending() if isinstance(fact, ResultQueued)]


def test_from_pilot_on_the_card_decides(tmp_path: Path) -> None:
    world = World(tmp_path, cards=(card(), another_card("seen", mode=Mode.SHADOW)))
    for model in (MODEL.id, "seen@1.0.0"):
        begin(world, Stage.PILOT, model)
    world.receive(arrival(world.vault))
    world.complete()
    assert {result.model.name: result.mode for result in world.results()} == {"toy": Mode.CARE, "seen": Mode.SHADOW}
    world.engine.dispose()


def test_a_step_back_counts_from_the_next_case_on(world: World) -> None:
    begin(world, Stage.PILOT)
    before = world.drafted(arrival(world.vault))
    sign(world, Stage.SHADOW)
    world.receive(arrival(world.vault, study="1.2.9"))
    world.complete()
    assert sorted(result.mode for result in world.results()) == [Mode.CARE, Mode.SHADOW]
    assert world.answer(world.result(before.id)) is not None


def test_routine_is_asked_by_one_person_and_granted_by_another(world: World) -> None:
    begin(world, Stage.SHADOW)
    sign(world, Stage.PILOT)
    with pytest.raises(NotEntitled, match="asked for an earlier stage"):
        sign(world, Stage.ROUTINE, by=SECOND, second=READER)
    line = sign(world, Stage.ROUTINE, second=SECOND)
    assert (line.n, line.by, line.second) == (3, READER.login, SECOND.login)
    with pytest.raises(NotAllowed):
        sign(world, Stage.POC)
    with world.sql.reading() as unit:
        assert unit.lives.stages() == {MODEL.id: Stage.ROUTINE}
        noted = [(link.action, link.actor) for link in unit.journal.links() if link.subject == MODEL.id]
    assert noted[-1] == ("model.routine", f"advance:{READER.login}")


def test_whose_account_is_closed_or_unknown_signs_nothing(world: World) -> None:
    begin(world, Stage.SHADOW)
    with pytest.raises(Refused):
        sign(world, Stage.PILOT, by=replace(READER, login="dr.nobody"))
    with world.sql.transaction("operator") as unit:
        unit.accounts.set_active(READER.login, active=False)
    with pytest.raises(Refused):
        sign(world, Stage.PILOT)
