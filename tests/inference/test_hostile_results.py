"""A hostile model in the worker: its result ends visibly, with its reason, and the next study goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.flows import infer
from guarantee.errors import Unavailable
from guarantee.ids import ResultId
from guarantee.states import ResultState
from inference.host import ModelHost
from inference.options import Options
from inference.registry import Registry
from tests.flows.stories import arrival
from tests.flows.world import World
from tests.inference import hostile
from tests.inference.builders import age_is_probability, record, score_package


def unknown_operator() -> bytes:
    """A graph that names an operator which ONNX does not have."""
    return hostile.score_model(
        [hostile.helper.make_node("NoSuchOperator", ["age"], ["probability"])]
    ).SerializeToString()


@contextmanager
def worker(
    folder: Path, model: Callable[[], bytes], deadline_s: int
) -> Iterator[tuple[World, Callable[[str, float], None]]]:
    """Yield a world, and what runs a hostile and an honest model on a study there, given its patient's age."""
    registry = Registry.load(
        [
            score_package(folder / "hostile", model(), name="hostile", deadline_s=deadline_s),
            score_package(folder / "probe", age_is_probability(), name="probe"),
        ]
    )
    world = World(folder, cards=registry.cards())
    with ModelHost(registry, Options(threads=1)) as host:

        def work(study: str, age: float) -> None:
            world.receive(arrival(world.vault, study=study))
            world.complete()
            tools = replace(world.inference, model=host, read_volume=lambda _: record(age))
            for result in [found.id for found in world.results() if found.state is ResultState.QUEUED]:
                tried(result, tools)

        yield world, work
    world.engine.dispose()


def tried(result: ResultId, tools: infer.Inference) -> None:
    """Run a result as the bell does: again while it says so."""
    for _ in range(infer.ATTEMPTS_MAX):
        try:
            infer.infer(result, tools)
        except Unavailable:
            continue
        return


@pytest.mark.parametrize(
    ("model", "code"),
    [
        (hostile.not_a_number, "nonsense"),
        (hostile.beyond_one, "nonsense"),
        (hostile.two_answers, "nonsense"),
        (hostile.out_of_bounds, "run-refused"),
        (hostile.greedy, "memory"),
        (hostile.endless, "timeout"),
    ],
)
def test_a_hostile_run_fails_with_its_reason_and_the_next_study_is_drafted(
    tmp_path: Path, model: Callable[[], bytes], code: str
) -> None:
    with worker(tmp_path, model, 2 if code == "timeout" else 20) as (world, work):
        work("1.2.3", 2.5)
        assert told(world) == {"hostile": ("failed", code), "probe": ("awaiting_review", "")}
        work("1.2.4", 0.25)
        assert [str(result.state) for result in world.results()].count("awaiting_review") == 3


@pytest.mark.parametrize(("model", "code"), [(hostile.greedy_at_load, "memory"), (unknown_operator, "not-loaded")])
def test_a_model_that_cannot_even_be_loaded_fails_its_own_results_alone(
    tmp_path: Path, model: Callable[[], bytes], code: str
) -> None:
    with worker(tmp_path, model, 20) as (world, work):
        work("1.2.3", 2.5)
        assert told(world) == {"hostile": ("failed", code), "probe": ("awaiting_review", "")}


def told(world: World) -> dict[str, tuple[str, str]]:
    return {r.model.name: (str(r.state), r.cause.code if r.cause else "") for r in world.results()}
