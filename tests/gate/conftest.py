"""One committed world for each database."""

from collections.abc import Iterator

import pytest

from tests.db.databases import PostgreSQLTemplate, SQLiteTemplate
from tests.gate.places import Place, PostgreSQLPlace, SQLitePlace
from tests.gate.world import Builder
from tests.peers.fixtures import started
from tests.peers.postgresql import PostgreSQL


@pytest.fixture(scope="session")
def cluster() -> Iterator[PostgreSQL]:
    yield from started(PostgreSQL)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SQLiteTemplate:
    return SQLiteTemplate(tmp_path_factory.mktemp("gate"))


@pytest.fixture(scope="session")
def postgresql_template(cluster: PostgreSQL) -> PostgreSQLTemplate:
    return PostgreSQLTemplate(cluster)


@pytest.fixture(scope="session")
def sqlite(sqlite_template: SQLiteTemplate) -> SQLitePlace:
    database = sqlite_template.copy(sqlite_template.path.with_name("world.sqlite"))
    return SQLitePlace(database, Builder(database).build())


@pytest.fixture(scope="session")
def postgresql(postgresql_template: PostgreSQLTemplate) -> PostgreSQLPlace:
    database = postgresql_template.copy()
    return PostgreSQLPlace(database, Builder(database).build())


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
def place(request: pytest.FixtureRequest) -> Place:
    chosen: Place = request.getfixturevalue(request.param)
    return chosen
