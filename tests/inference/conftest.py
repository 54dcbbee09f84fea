"""Fixtures of the model tests."""

from collections.abc import Iterator

import pytest

from inference.host import ModelHost
from inference.options import Options
from inference.registry import Registry, shipped


@pytest.fixture(scope="session")
def catalogue() -> Registry:
    """The packages that come with Aval."""
    return Registry.load(shipped())


@pytest.fixture(scope="session")
def worker(catalogue: Registry) -> Iterator[ModelHost]:
    """A host of the shipped models, warm over the whole session."""
    with ModelHost(catalogue, Options()) as host:
        yield host
