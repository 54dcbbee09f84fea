"""One site with its door open, for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hl7.door import Site, site


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    made = site(tmp_path)
    made.listener.start()
    yield made
    made.close()
    made.world.engine.dispose()
