"""One place for each file of tests, and clients that bring their own idea of DICOMweb."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dicomweb.place import Place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A desk with nothing in it."""
    made = Place(tmp_path_factory.mktemp("dicomweb"))
    yield made
    made.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Place]:
    """A desk for one test."""
    made = Place(tmp_path)
    yield made
    made.close()
