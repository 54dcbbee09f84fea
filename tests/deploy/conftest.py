"""What the deployment tests talk to: a real database with roles, a real broker, a real object store."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e import inputs
from tests.installation import Installation
from tests.peers.base import free_port
from tests.peers.fixtures import started
from tests.peers.postgresql import PostgreSQL
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.seaweedfs import BUCKET, LOGIN, SeaweedFS


@pytest.fixture(scope="session")
def cluster() -> Iterator[PostgreSQL]:
    yield from started(PostgreSQL)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    yield from started(RabbitMQ)


@pytest.fixture(scope="session")
def store() -> Iterator[SeaweedFS]:
    yield from started(SeaweedFS)


@pytest.fixture(scope="session")
def installed(
    cluster: PostgreSQL, rabbitmq: RabbitMQ, store: SeaweedFS, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A distributed installation that nothing runs on: its database, its keys, its people, its bucket."""
    folder = tmp_path_factory.mktemp("installed")
    settings = {"metrics": {"port": free_port()}, "storage": in_a_bucket(store)} | inputs.models(folder)
    made = Installation(folder / "data", settings, cluster=cluster, broker=rabbitmq.url)
    yield made
    made.kill()


def in_a_bucket(store: SeaweedFS) -> dict[str, Any]:
    """Return the settings of a vault that no two processes share a disk for."""
    login = {"access_key": LOGIN.access_key, "secret_key": LOGIN.secret_key}
    return {
        "kind": "s3",
        "vault": "copies",
        "s3": {"endpoint": store.endpoint, "bucket": BUCKET, "prefix": "installed/", **login},
    }
