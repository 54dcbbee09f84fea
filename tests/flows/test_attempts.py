"""Every attempt of a model leaves how it ended and how long it took, and no draft depends on that."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bridge.db import tables
from guarantee.card import Card
from guarantee.errors import ModelFailed, NotEligible, PortError, Unavailable
from guarantee.inputs import Inputs
from guarantee.ports import Proposal
from guarantee.runs import Spent
from tests.flows.fakes import FakeModel, arrival
from tests.flows.world import World


class TimedModel(FakeModel):
    """Takes its time, and says how much of it."""

    spent: Spent | None = Spent(preprocess_s=1.0, predict_s=30.0, postprocess_s=0.5)
    world: World
    meanwhile: Any = None

    def run(self, card: Card, inputs: Inputs) -> Proposal:
        self.world.clock.advance(seconds=40)
        if self.meanwhile:
            self.meanwhile()
        return replace(super().run(card, inputs), spent=self.spent)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.model = TimedModel()
    made.model.world = made
    return made


def runs(world: World) -> list[dict[str, Any]]:
    with world.sql.reading() as unit:
        query = select(tables.runs).order_by(tables.runs.c.started_at)
        return [dict(row) for row in unit.connection.execute(query).mappings()]


def test_a_draft_leaves_how_long_each_part_took(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    (run,) = runs(world)
    assert {name: run[name] for name in ("result_id", "outcome", "cause_code", "sender", "holder")} == {
        "result_id": result.id,
        "outcome": "drafted",
        "cause_code": "",
        "sender": "scanner",
        "holder": "infer:test",
    }
    parts = ("fetch_ms", "start_ms", "preprocess_ms", "predict_ms", "postprocess_ms", "store_ms")
    assert [run[name] for name in parts] == [0, 8500, 1000, 30_000, 500, 0]


def test_the_draft_is_the_same_however_long_it_took(tmp_path: Path) -> None:
    drafts = []
    for number, spent in enumerate((None, Spent(preprocess_s=0, predict_s=0, postprocess_s=99))):
        folder = tmp_path / str(number)
        folder.mkdir()
        world = World(folder)
        world.model = TimedModel()
        world.model.world, world.model.spent = world, spent
        drafts.append(world.drafted(arrival(world.vault)).draft)
    assert drafts[0] == drafts[1]


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (NotEligible("slices-missing", "two"), ["excluded"]),
        (ModelFailed("crashed", "signal 11"), ["retried", "drafted"]),
        (Unavailable("vault", "the disk is away"), ["unavailable", "drafted"]),
    ],
)
def test_an_attempt_without_a_draft_says_why(world: World, failure: PortError, outcome: list[str]) -> None:
    world.model.failures = [failure]
    world.receive(arrival(world.vault))
    world.complete()
    try:
        world.infer_all()
    except Unavailable:
        world.infer_all()
    found = runs(world)
    assert [run["outcome"] for run in found] == outcome
    assert (found[0]["cause_code"], found[0]["predict_ms"]) == (failure.code, None)
    assert found[0]["fetch_ms"] == 0


def test_the_last_attempt_of_a_model_that_fails_is_told_apart(world: World) -> None:
    world.model.failures = [ModelFailed("crashed", "signal 11")] * 3
    world.receive(arrival(world.vault))
    world.complete()
    for _ in range(2):
        with pytest.raises(Unavailable):
            world.infer_all()
    world.infer_all()
    assert [run["outcome"] for run in runs(world)] == ["retried", "retried", "failed"]


def test_a_draft_that_came_too_late_is_no_draft(world: World) -> None:
    world.model.meanwhile = lambda: world.receive(arrival(world.vault, image=2))
    world.receive(arrival(world.vault))
    world.complete()
    world.infer_all()
    (run,) = runs(world)
    assert (run["outcome"], run["cause_code"], run["predict_ms"]) == ("overtaken", "overtaken", 30_000)
