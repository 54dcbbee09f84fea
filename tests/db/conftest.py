"""Both databases, real; PostgreSQL is skipped with the reason where it cannot be had."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.db.engine import make_aval_engine
from bridge.db.store import SqlStore
from tests.db.databases import Database, PostgreSQLTemplate, SQLiteTemplate
from tests.db.steps import Steps
from tests.peers.fixtures import started
from tests.peers.postgresql import PostgreSQL


@pytest.fixture(scope="session")
def cluster() -> Iterator[PostgreSQL]:
    yield from started(PostgreSQL)


@pytest.fixture(scope="session")
def postgresql_template(cluster: PostgreSQL) -> PostgreSQLTemplate:
    return PostgreSQLTemplate(cluster)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SQLiteTemplate:
    return SQLiteTemplate(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture
def sqlite_database(sqlite_template: SQLiteTemplate, tmp_path: Path) -> Database:
    return sqlite_template.copy(tmp_path / "aval.sqlite")


@pytest.fixture
def postgresql_database(postgresql_template: PostgreSQLTemplate) -> Iterator[Database]:
    database = postgresql_template.copy()
    yield database
    postgresql_template.drop(database)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
def database(request: pytest.FixtureRequest) -> Database:
    """A fresh migrated database of each dialect in turn."""
    chosen: Database = request.getfixturevalue(f"{request.param}_database")
    return chosen


@pytest.fixture
def store(database: Database) -> Iterator[SqlStore]:
    store = SqlStore(make_aval_engine(database.url))
    yield store
    store.dispose()


@pytest.fixture
def steps(store: SqlStore) -> Steps:
    """The honest steps, all through the owner's store."""
    return Steps(lambda role: store)
