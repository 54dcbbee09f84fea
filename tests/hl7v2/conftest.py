"""One site with its door open, for each test; and the servers of a distributed installation."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.db.engine import engine_at
from bridge.db.migrate import migrate
from tests.hl7v2.door import Site, site
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
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database made once and copied for each test."""
    path = tmp_path_factory.mktemp("migrated") / "aval.db"
    with engine_at(f"sqlite:///{path}") as engine:
        migrate(engine)
    return path


@pytest.fixture
def place(tmp_path: Path, migrated: Path) -> Iterator[Site]:
    shutil.copy(migrated, tmp_path / "aval.db")
    made = site(tmp_path)
    made.listener.start()
    yield made
    made.close()
    made.world.engine.dispose()
