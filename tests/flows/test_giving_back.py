"""After a rollback, what waited of the version that was left is given to the older one; what was decided stays."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.flows import completeness, infer, rollout
from bridge.flows.giving_back import LEFT, Giving
from guarantee.content import Text
from guarantee.errors import GuaranteeError
from guarantee.result import Mode, Result
from guarantee.rules import Condition
from guarantee.states import ResultState
from tests.flows.fakes import arrival
from tests.flows.machine import Machine
from tests.flows.stories import Story
from tests.flows.test_crash_matrix import walk
from tests.flows.test_rollout import NEW, OLD, WORD, back, promote, sent, try_new
from tests.flows.world import World

QUEUED, WAITING, STALE = ResultState.QUEUED, ResultState.AWAITING_REVIEW, ResultState.STALE


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, cards=(OLD, NEW))
    furnish(made)
    yield made
    made.engine.dispose()


def furnish(world: World) -> None:
    with world.sql.transaction("register") as unit:
        unit.registry.appoint_first(OLD.model, world.clock.now())
    promote(world)


def give_back(world: World) -> int:
    return len(Giving(tools=world.completion).give_back())


def by_version(world: World) -> dict[str, list[ResultState]]:
    found: dict[str, list[ResultState]] = {}
    for result in world.results():
        found.setdefault(result.model.version, []).append(result.state)
    return {version: sorted(states) for version, states in found.items()}


def drafted(world: World, study: str) -> Result:
    (result,) = sent(world, study)
    world.infer_all()
    return world.result(result.id)


def test_what_waits_goes_to_the_older_version_and_what_was_decided_stays(world: World) -> None:
    world.answer(drafted(world, "1.2.1"))
    open_draft = drafted(world, "1.2.2")
    (queued,) = sent(world, "1.2.3")
    back(world)
    assert give_back(world) == 2
    assert by_version(world) == {"2.0.0": [STALE, STALE, ResultState.VALIDATED], "1.0.0": [QUEUED, QUEUED]}
    for one in (open_draft, queued):
        cause = world.result(one.id).cause
        assert cause is not None
        assert (cause.code, cause.detail) == (LEFT, "toy@1.0.0 is in routine again")
    world.infer_all()
    assert by_version(world)["1.0.0"] == [WAITING, WAITING]
    again = next(r for r in world.results() if r.case == open_draft.case and r.state is WAITING)
    assert (again.model, again.manifest, again.focus) == (OLD.model, open_draft.manifest, open_draft.focus)
    assert give_back(world) == 0
    with pytest.raises(GuaranteeError):  # a reader who had it open decides on nothing that is out of date
        world.answer(open_draft)
    world.answer(again)
    world.deliver_all()
    assert world.result(again.id).state is ResultState.DELIVERED


def test_nothing_is_given_back_without_a_rollback_or_before_its_time(world: World) -> None:
    drafted(world, "1.2.1")
    assert give_back(world) == 0
    back(world)
    assert give_back(world) == 1
    world.clock.advance(seconds=60)
    try_new(world, share=99)
    later = [sent(world, f"1.2.{number}")[0] for number in range(2, 8)]
    assert NEW.model in {result.model for result in later}, "none drew the newer version: nothing was tried"
    assert give_back(world) == 0, "a canary that was begun after the rollback keeps its cases"


def test_a_case_that_draws_the_newer_version_again_keeps_its_draft(world: World) -> None:
    kept = [drafted(world, f"1.2.{number}") for number in range(1, 8)]
    back(world)
    try_new(world, share=99)
    assert give_back(world) < len(kept)
    assert by_version(world)["2.0.0"].count(WAITING) == len(kept) - by_version(world).get("1.0.0", []).count(QUEUED)


def test_a_case_that_the_older_version_was_given_too_keeps_its_draft(world: World) -> None:
    back(world)
    try_new(world, shadow=True, share=99)
    found = [result for number in range(1, 8) for result in sent(world, f"1.2.{number}")]
    assert {(r.model.version, r.mode) for r in found} >= {("2.0.0", Mode.CARE), ("1.0.0", Mode.SHADOW)}
    promote(world)
    before = by_version(world)
    back(world)
    assert give_back(world) == 0
    assert by_version(world) == before


def test_with_a_stop_of_the_version_that_is_left_its_cases_go_on_all_the_same(world: World) -> None:
    drafted(world, "1.2.1")
    assert back(world, stop=True).stopped
    assert give_back(world) == 1
    world.infer_all()
    assert by_version(world) == {"2.0.0": [STALE], "1.0.0": [WAITING]}


def test_a_version_that_is_not_held_here_gets_nothing_and_the_draft_stays(world: World) -> None:
    kept = drafted(world, "1.2.1")
    back(world)
    world.catalogue.cards = (NEW,)
    giving = Giving(tools=world.completion)
    assert giving.give_back() == ()
    assert giving.give_back() == ()
    assert world.result(kept.id).state is WAITING


def test_somebody_who_promotes_meanwhile_is_not_undone(world: World) -> None:
    kept = drafted(world, "1.2.1")
    back(world)
    tools = world.completion
    with world.sql.reading() as unit:
        assert unit.rollouts.left_waiting() == (kept.id,)
    promote(world)
    assert Giving(tools=tools)._give_back(kept.id) is False
    assert world.result(kept.id).state is WAITING


def test_an_older_version_that_does_not_take_the_case_says_why(tmp_path: Path) -> None:
    why = Text(fr="autre modalité", en="another modality")
    picky = replace(OLD, envelope=(Condition(fact="Modality", one_of=("XA",), why=why, code="modality"),))
    made = World(tmp_path, cards=(picky, NEW))
    furnish(made)
    drafted(made, "1.2.1")
    back(made)
    assert give_back(made) == 1
    assert by_version(made) == {"2.0.0": [STALE], "1.0.0": [ResultState.EXCLUDED]}
    made.engine.dispose()


def test_what_would_be_is_said_and_nothing_is_done(world: World) -> None:
    drafted(world, "1.2.1")
    said = rollout.foresee("toy", WORD, store=world.store, clock=world.clock)
    assert (said.line.model, said.left) == (OLD.model.id, NEW.model.id)
    assert said.work == {(Mode.CARE, WAITING): 1}
    with world.sql.reading() as unit:
        assert unit.rollouts.now().appointments["toy"].model == NEW.model.id
    done = back(world)
    assert (done.line.model, done.left, done.work) == (said.line.model, said.left, said.work)


# ----------------------------------------------------------------------------------------------------------- a crash


def rolled_back(machine: Machine) -> None:
    """One case has a draft of the newer version and another waits for a worker when it is gone back from."""
    furnish(machine)
    for study in ("1.2.3", "1.2.4"):
        machine.send(arrival(machine.disk, study=study))
    machine.clock.advance(seconds=301)
    completeness.complete_due(machine.completion)
    infer.infer(machine.results()[0].id, machine.inference)
    rollout.roll_back("toy", WORD, store=machine.store, clock=machine.clock)


def test_a_process_that_dies_anywhere_in_it_goes_on(tmp_path: Path) -> None:
    machine = Machine(tmp_path, OLD, NEW)
    story = Story(
        name="give back",
        before=rolled_back,
        act=lambda at: Giving(tools=at.completion).give_back(),
        again=lambda _: None,
        ends={"stale": 2, "delivered": 2},
        copies=2,
    )
    assert walk(machine, machine.snapshot(), story) >= 10
    machine.engine.dispose()
