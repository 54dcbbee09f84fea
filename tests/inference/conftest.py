"""Fixtures of the model tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inference.host import ModelHost
from inference.options import Options
from inference.registry import Registry, shipped
from tests.inference.bench import Bench
from tests.inference.builders import age_is_probability, score_package


@pytest.fixture(scope="session")
def catalogue() -> Registry:
    """The packages that come with Aval."""
    return Registry.load(shipped())


@pytest.fixture(scope="session")
def worker(catalogue: Registry) -> Iterator[ModelHost]:
    """A host of the shipped models, warm over the whole session."""
    with ModelHost(catalogue, Options()) as host:
        yield host


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Benches for the test's own models; by default one that answers the age as its probability."""
    made: list[Bench] = []

    def make(model: bytes | None = None, options: Options | None = None, **card: object) -> Bench:
        folder = score_package(tmp_path / "probe", age_is_probability() if model is None else model, **card)
        made.append(Bench(folder, options))
        return made[-1]

    yield make
    for one in made:
        one.host.close()
