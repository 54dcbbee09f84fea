"""Where a long test says what it did: a line in the summary of the run. A conftest imports both functions."""

from collections.abc import Callable

import pytest

_SAID = pytest.StashKey[list[str]]()


@pytest.fixture
def told(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return what writes a line into the summary of the run."""
    return request.config.stash.setdefault(_SAID, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write each line once, however many folders ask for it."""
    lines = config.stash.get(_SAID, [])
    while lines:
        terminalreporter.write_line(lines.pop(0))
