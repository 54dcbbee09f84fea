"""A listener in a process of its own, with each way of receiving that it has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation

WAYS: tuple[dict[str, Any], ...] = ({"fast": True}, {"fast": False})
"""Settings of the listener that change how bytes come in, and nothing else."""


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: "-".join(f"{k}={v}" for k, v in way.items()))
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation whose listener runs alone."""
    folder: Path = tmp_path_factory.mktemp("house")
    settings = {"scp": {"accept_unknown": True, "silence_s": 10.0, **request.param}}
    installation = Installation(folder / "data", settings)
    installation.start("scp")
    yield installation
    installation.stop()
