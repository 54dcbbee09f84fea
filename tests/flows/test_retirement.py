"""A retired version makes no new draft, says so of what was queued, and leaves what waits to its reader."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bridge.db import tables
from bridge.flows import infer, retire
from guarantee.card import Card
from guarantee.errors import Malformed, Refused
from guarantee.inputs import Inputs
from guarantee.ports import Proposal
from guarantee.retirement import RETIRED
from guarantee.runs import Outcome
from guarantee.states import ResultState
from tests.flows.fakes import MODEL, FakeCatalogue, another_card, card
from tests.flows.stories import arrival
from tests.flows.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, cards=(card(), another_card("other")))
    yield made
    made.engine.dispose()


def end(world: World, model: str = MODEL.id) -> None:
    retire.retire(model, by="operator:root", reason="remplacé", store=world.store, clock=world.clock)


def told(world: World, model: str = "toy") -> tuple[ResultState, str]:
    (found,) = (result for result in world.results() if result.model.name == model)
    return found.state, found.cause.code if found.cause else ""


def test_what_was_queued_is_excluded_and_the_other_model_goes_on(world: World) -> None:
    world.receive(arrival(world.vault))
    world.complete()
    end(world)
    world.infer_all()
    assert told(world) == (ResultState.EXCLUDED, RETIRED)
    assert told(world, "other") == (ResultState.AWAITING_REVIEW, "")
    with world.sql.reading() as unit:
        noted = [link.subject for link in unit.journal.links() if link.action == "model.retired"]
    assert noted == [MODEL.id]


def test_a_version_whose_package_is_gone_too_is_retired_and_not_missing(world: World) -> None:
    world.receive(arrival(world.vault))
    world.complete()
    end(world)
    world.catalogue = FakeCatalogue(another_card("other"))
    world.infer_all()
    assert told(world) == (ResultState.EXCLUDED, RETIRED)


def test_a_version_that_is_retired_while_it_runs_makes_no_draft_any_more(world: World) -> None:
    world.receive(arrival(world.vault))
    world.complete()
    honest = world.model.run

    def run(card: Card, inputs: Inputs) -> Proposal:
        if card.model == MODEL:
            end(world)
        return honest(card, inputs)

    world.model.run = run  # type: ignore[method-assign]
    (queued,) = (result for result in world.results() if result.model == MODEL)
    infer.infer(queued.id, world.inference)
    assert told(world) == (ResultState.EXCLUDED, RETIRED)
    with world.sql.reading() as unit:
        row = unit.connection.execute(select(tables.runs).where(tables.runs.c.result_id == queued.id)).one()
    assert (row.outcome, row.cause_code) == (str(Outcome.EXCLUDED), RETIRED)


def test_a_draft_that_waits_is_reviewed_and_delivered(world: World) -> None:
    world.receive(arrival(world.vault))
    world.complete()
    world.infer_all()
    end(world)
    (waiting,) = (result for result in world.results() if result.model == MODEL)
    world.answer(waiting)
    world.deliver_all()
    assert world.result(waiting.id).state is ResultState.DELIVERED


def test_a_version_ends_once_and_only_where_it_was_known(world: World) -> None:
    end(world)
    with pytest.raises(Malformed, match=r"toy@1\.0\.0 was retired on 2026-11-22 by operator:root: remplacé"):
        end(world)
    with pytest.raises(Refused):
        end(world, "nobody@1.0.0")
