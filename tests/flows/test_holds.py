"""What the site set suspends a version by itself; only people resume it, and not before its golden cases come out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.flows.holds import Triggers
from bridge.flows.review import Review
from bridge.flows.stop import resume, stop
from guarantee.errors import Held, Malformed, ModelFailed, NotGreen, Unavailable
from guarantee.examinations import Examination
from guarantee.ids import digest
from guarantee.opinion import Reason, Verdict
from guarantee.states import ResultState
from guarantee.stops import Scope, Stop, in_force
from tests.flows.fakes import MODEL, card
from tests.flows.stories import arrival
from tests.flows.world import World


class Set(World):
    """A world with triggers."""

    triggers = Triggers()

    @property
    def review(self) -> Review:
        return replace(super().review, triggers=self.triggers)

    @property
    def inference(self):  # type: ignore[no-untyped-def] # as World says
        return replace(super().inference, triggers=self.triggers)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Set]:
    made = Set(tmp_path, cards=(card(),))
    yield made
    made.engine.dispose()


def held(world: World) -> list[Stop]:
    with world.sql.reading() as unit:
        return list(in_force(unit.stops.lines()))


def reject(world: World, study: str, reason: Reason = Reason.FALSE_POSITIVE) -> None:
    world.answer(world.drafted(arrival(world.vault, study=study)), Verdict.REJECT, reason=reason)


def test_nothing_is_on_until_it_is_set(world: Set) -> None:
    for study in ("1.2.3", "1.2.4", "1.2.5"):
        reject(world, study, Reason.WRONG_PATIENT)
    assert held(world) == []


def test_one_rejection_for_the_wrong_patient_suspends_and_names_its_trigger(world: Set) -> None:
    world.triggers = Triggers(wrong_patient=True)
    other = world.drafted(arrival(world.vault, study="1.2.9"))
    reject(world, "1.2.3")
    assert held(world) == []
    reject(world, "1.2.4", Reason.WRONG_PATIENT)
    (line,) = held(world)
    assert (line.scope, line.target, line.by) == (Scope.VERSION, MODEL.id, "trigger")
    assert "wrong-patient" in line.reason
    with pytest.raises(Held):
        world.answer(other)


def test_rejections_are_counted_in_their_window_alone(world: Set) -> None:
    world.triggers = Triggers(rejections=2, window=timedelta(hours=24))
    reject(world, "1.2.3")
    world.clock.advance(hours=25)
    reject(world, "1.2.4")
    assert held(world) == []
    reject(world, "1.2.5")
    (line,) = held(world)
    assert "rejections" in line.reason


def test_a_model_whose_runs_fail_is_suspended_and_nothing_is_lost(world: Set) -> None:
    world.triggers = Triggers(failures_percent=50, runs=3)
    world.drafted(arrival(world.vault, study="1.2.3"))
    world.receive(arrival(world.vault, study="1.2.4"))
    world.complete()
    for _ in range(2):
        assert held(world) == []
        world.model.failures.append(ModelFailed("crashed", "signal 11"))
        with pytest.raises(Unavailable):
            world.infer_all()
    (line,) = held(world)
    assert (line.scope, line.by) == (Scope.VERSION, "infer")
    assert "failures" in line.reason
    world.infer_all()
    assert {result.state for result in world.results()} == {ResultState.AWAITING_REVIEW, ResultState.QUEUED}


# ------------------------------------------------------------------------------------------------------- resuming


def give_back(world: World, **changes: object) -> Stop:
    people = {"by": "dr.martin", "second": "dr.nguyen", "reason": "fini"}
    tools = {"examine": world.examine, "store": world.store, "clock": world.clock}
    return resume(Scope.VERSION, MODEL.id, **people | tools | changes)  # type: ignore[arg-type]


def suspend(world: World) -> Stop:
    line = stop(Scope.VERSION, MODEL.id, by="dr.martin", reason="essai", store=world.store, clock=world.clock)
    world.clock.advance(seconds=1)
    return line


def unable(model: str, by: str) -> Examination:
    raise Unavailable("provider-missing", f"{by} cannot run {model} here")


def test_a_golden_case_that_fails_is_recorded_and_refuses_the_resumption(world: Set) -> None:
    suspend(world)
    world.golden = {MODEL.id: "gives 12"}
    with pytest.raises(NotGreen, match="gives 12"):
        give_back(world)
    with world.sql.reading() as unit:
        last = unit.examinations.last(MODEL.id)
        noted = [link.action for link in unit.journal.links() if link.subject == MODEL.id]
    assert last is not None
    assert (last.failure, last.cases, last.by) == ("gives 12", digest(b"golden"), "dr.martin")
    assert noted[-1] == "examination.failed"
    assert len(held(world)) == 1
    world.golden = {}
    world.clock.advance(seconds=1)
    give_back(world)
    assert held(world) == []


def test_where_no_model_runs_what_a_worker_asked_since_the_stop_counts(world: Set) -> None:
    world.examiner.examine_due(world.catalogue.cards)
    world.clock.advance(seconds=1)
    suspend(world)
    with pytest.raises(Unavailable):
        give_back(world, examine=unable)
    world.examiner.examine_due(world.catalogue.cards)
    give_back(world, examine=unable)
    assert held(world) == []


def test_nobody_is_examined_for_a_resumption_that_cannot_be(world: Set) -> None:
    asked: list[str] = []

    def examine(model: str, by: str) -> Examination:
        asked.append(model)
        return world.examine(model, by)

    with pytest.raises(Malformed, match="nothing is stopped"):
        give_back(world, examine=examine)
    suspend(world)
    with pytest.raises(Malformed, match="two different"):
        give_back(world, second="dr.martin", examine=examine)
    assert asked == []


def test_a_stop_of_a_sender_holds_what_it_sent_and_nothing_else(world: Set) -> None:
    mine = world.drafted(arrival(world.vault, study="1.2.3"))
    other = world.drafted(replace(arrival(world.vault, study="1.2.4"), sender="mr-2"))
    stop(Scope.DEVICE, "mr-2", by="dr.martin", reason="essai", store=world.store, clock=world.clock)
    world.answer(mine)
    with pytest.raises(Held):
        world.answer(other)
    with world.sql.reading() as unit:
        rows = {row.result.id: row.held for row in unit.views.results((), limit=10)}
    assert rows == {mine.id: False, other.id: True}
