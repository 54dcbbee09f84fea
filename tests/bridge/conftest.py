"""The object store of the vault's tests, and a line to it that can fail."""

from collections.abc import Iterator

import pytest

from tests.bridge.store_proxy import StoreProxy
from tests.peers.fixtures import started
from tests.peers.seaweedfs import SeaweedFS


@pytest.fixture(scope="session")
def store() -> Iterator[SeaweedFS]:
    yield from started(SeaweedFS)


@pytest.fixture
def line(store: SeaweedFS) -> Iterator[StoreProxy]:
    made = StoreProxy(store.port)
    yield made
    made.stop()
