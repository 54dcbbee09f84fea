"""One world per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.world import World
from tests.told import pytest_terminal_summary, told

__all__ = ["pytest_terminal_summary", "told"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.engine.dispose()
