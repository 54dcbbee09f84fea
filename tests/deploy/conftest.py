"""What the deployment tests talk to: a real database with roles, a real broker."""

from collections.abc import Iterator

import pytest

from tests.installation import Installation
from tests.peers.base import free_port
from tests.peers.fixtures import started
from tests.peers.postgresql import PostgreSQL
from tests.peers.rabbitmq import RabbitMQ


@pytest.fixture(scope="session")
def cluster() -> Iterator[PostgreSQL]:
    yield from started(PostgreSQL)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    yield from started(RabbitMQ)


@pytest.fixture(scope="session")
def installed(
    cluster: PostgreSQL, rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A distributed installation that nothing runs on: its database, its keys, its people."""
    folder = tmp_path_factory.mktemp("installed") / "data"
    made = Installation(folder, {"metrics": {"port": free_port()}}, cluster=cluster, broker=rabbitmq.url)
    yield made
    made.kill()
