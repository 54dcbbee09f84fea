"""One world per test; and a place where a long test says what it did, for the end of the run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flows.world import World

_SAID = pytest.StashKey[list[str]]()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture
def told(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return what writes a line into the summary of the run."""
    return request.config.stash.setdefault(_SAID, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(_SAID, []):
        terminalreporter.write_line(line)
