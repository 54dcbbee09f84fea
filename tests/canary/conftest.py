"""Peers of this suite, once for the run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.fixtures import started
from tests.peers.postgresql import PostgreSQL
from tests.peers.rabbitmq import RabbitMQ


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def cluster() -> Iterator[PostgreSQL]:
    yield from started(PostgreSQL)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    yield from started(RabbitMQ)
