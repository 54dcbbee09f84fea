"""A database with a world in it, where attacks are attempted: as it stands, or with some of its walls taken down."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import psycopg

from bridge.db.ddl import sqlite_note, sqlite_wall
from bridge.db.migrate import statements
from bridge.db.notes import NOTES
from bridge.db.walls import WALLS
from tests.db.databases import Database
from tests.gate.attacks import Attack
from tests.gate.constraints import CONSTRAINTS, without
from tests.gate.sessions import (
    OWNER,
    PostgreSQLSession,
    Refusal,
    postgresql_session,
    run,
    sqlite_connection,
    sqlite_session,
)
from tests.gate.world import World

NONE: Final[frozenset[str]] = frozenset()

TRIGGERS: Final = {wall.name: wall.on for wall in WALLS} | {
    f"{wall.on}_never_truncated": wall.on for wall in WALLS if wall.event == "DELETE"
}
"""Each wall that is a trigger, with its table."""


class Place(Protocol):
    """Where attacks are attempted; each is rolled back."""

    dialect: str
    world: World

    def attempt(self, attack: Attack, removed: frozenset[str] = NONE) -> Refusal | None:
        """Return how ``attack`` was refused, or None when it got through, the walls ``removed`` being gone."""


# ---------------------------------------------------------------------------------------------------------- SQLite


class SQLitePlace:
    """A file, and copies of it in memory without some walls."""

    dialect = "sqlite"

    def __init__(self, database: Database, world: World) -> None:
        self.world = world
        self.database = database
        self.path = database.url.removeprefix("sqlite:///")

    def attempt(self, attack: Attack, removed: frozenset[str] = NONE) -> Refusal | None:
        with self._opened(removed) as connection, sqlite_session(connection) as session:
            if attack.setup:
                run(session, attack.setup[1](self.world))
            try:
                run(session, attack.steps(self.world))
            except Refusal as refusal:
                return refusal
        return None

    @contextmanager
    def _opened(self, removed: frozenset[str]) -> Iterator[sqlite3.Connection]:
        connection = self._copy(removed) if removed else sqlite_connection(self.path)
        try:
            yield connection
        finally:
            connection.close()

    def _copy(self, removed: frozenset[str]) -> sqlite3.Connection:
        """Return the same rows under a schema without ``removed``; triggers are written after the rows are in."""
        copy = sqlite_connection(":memory:")
        copy.execute("PRAGMA foreign_keys=OFF")
        tables_sql = without(frozenset(removed & CONSTRAINTS.keys()))
        for statement in statements(tables_sql):
            copy.execute(statement)
        copy.execute("ATTACH ? AS world", (self.path,))
        for (table,) in copy.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            copy.execute(f"INSERT INTO main.{table} SELECT * FROM world.{table}")
        copy.execute("DETACH world")
        for trigger in (*(sqlite_wall(w) for w in WALLS if w.name not in removed), *map(sqlite_note, NOTES)):
            copy.execute(trigger)
        copy.execute("PRAGMA foreign_keys=ON")
        return copy


# ------------------------------------------------------------------------------------------------------ PostgreSQL


class PostgreSQLPlace:
    """A database whose walls are taken down inside the transaction that is rolled back."""

    dialect = "postgresql"

    def __init__(self, database: Database, world: World) -> None:
        self.world = world
        self.database = database

    def attempt(self, attack: Attack, removed: frozenset[str] = NONE) -> Refusal | None:
        """Attempt it through the role's own login; as the owner who becomes that role where others act before."""
        alone = not removed and attack.setup is None
        with postgresql_session(self.database, attack.role if alone else OWNER) as session:
            for name in removed:
                session.execute((_removal(name, session), {}))
            if attack.setup:
                session.become(attack.setup[0])
                run(session, attack.setup[1](self.world))
            if not alone:
                session.become(attack.role)
            try:
                run(session, attack.steps(self.world))
            except Refusal as refusal:
                return refusal
        return None

    def query(self, query: str) -> list[tuple[object, ...]]:
        """Return rows, as the owner reads them."""
        with postgresql_session(self.database, OWNER) as session:
            return session.query(query)

    def drop_alone(self, constraint: str) -> str:
        """Return PostgreSQL's state when ``constraint`` is dropped without what depends on it."""
        with psycopg.connect(self.database.url, options="-c search_path=aval") as connection:
            try:
                connection.execute(f"ALTER TABLE {CONSTRAINTS[constraint].table} DROP CONSTRAINT {constraint}".encode())
            except psycopg.Error as error:
                return error.sqlstate or ""
            finally:
                connection.rollback()
        return ""


def _removal(name: str, session: PostgreSQLSession) -> str:
    if name.startswith("GRANT "):
        return name
    if name in TRIGGERS:
        return f"DROP TRIGGER {name} ON {TRIGGERS[name]}"
    [(table,)] = session.query(f"SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = '{name}'")
    return f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE"
