"""Direct SQL as one role: no store, no flow, nothing of ours between the attacker and the tables."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import psycopg

from bridge.db.engine import register_functions
from tests.db.databases import Database
from tests.gate.constraints import CONSTRAINTS
from tests.gate.statements import Sql

OWNER = "owner"
"""The owner of everything: on PostgreSQL a superuser; on SQLite whoever opened the file."""


class Refusal(Exception):
    """The database said no.

    Args:
        walls: what may have said it; SQLite does not name a foreign key, so all of them may.
    """

    def __init__(self, walls: frozenset[str], said: str) -> None:
        super().__init__(said)
        self.walls = walls


class Session(Protocol):
    """One transaction of one role."""

    def execute(self, sql: Sql) -> None:
        """Run one statement; raise Refusal when the database refuses it."""

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Return rows."""


NOT_GRANTED = "not granted"
WALL = re.compile(r"wall (\w+): (\w+)?")
FAILED = re.compile(r"(CHECK|UNIQUE|FOREIGN KEY) constraint failed(?:: (.*))?")
PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")


# ------------------------------------------------------------------------------------------------------ PostgreSQL


class PostgreSQLSession:
    """A real connection. ``SET SESSION AUTHORIZATION`` makes a superuser's one another role's in all respects."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self._connection = connection

    def execute(self, sql: Sql) -> None:
        text, parameters = sql
        prepared = PARAMETER.sub(r"%(\1)s", text.replace("%", "%%")) if parameters else text
        try:
            self._connection.execute(prepared.encode(), parameters or None)
        except psycopg.Error as error:
            raise Refusal(frozenset({self._wall(error)}), str(error).partition("\n")[0]) from error

    def query(self, sql: str) -> list[tuple[object, ...]]:
        return self._connection.execute(sql.encode()).fetchall()

    def become(self, role: str) -> None:
        """Act as ``role`` from here on."""
        self._connection.execute(f"SET SESSION AUTHORIZATION {role}".encode())

    @staticmethod
    def _wall(error: psycopg.Error) -> str:
        if error.sqlstate == "42501":
            return NOT_GRANTED
        wall = WALL.search(str(error))
        if wall is None:
            return error.diag.constraint_name or f"{error.sqlstate}"
        return f"{wall[2]}_never_truncated" if wall[1] == "never_truncated" else wall[1]


@contextmanager
def postgresql_session(database: Database, role: str) -> Iterator[PostgreSQLSession]:
    """Open a transaction of ``role`` that is always rolled back."""
    with psycopg.connect(database.url_of(role), options="-c search_path=aval,pg_catalog") as connection:
        yield PostgreSQLSession(connection)
        connection.rollback()


# ---------------------------------------------------------------------------------------------------------- SQLite


class SQLiteSession:
    """A connection with the functions of our engine: what a process of ours could do if its code were wrong."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: Sql) -> None:
        try:
            self._connection.execute(*sql)
        except sqlite3.DatabaseError as error:
            raise Refusal(self._walls(str(error)), str(error)) from error

    def query(self, sql: str) -> list[tuple[object, ...]]:
        return self._connection.execute(sql).fetchall()

    @staticmethod
    def _walls(said: str) -> frozenset[str]:
        wall = WALL.search(said)
        if wall:
            return frozenset({wall[1]})
        failed = FAILED.search(said)
        if failed is None:
            return frozenset({said})
        if failed[1] == "UNIQUE":
            return frozenset(c.name for c in CONSTRAINTS.values() if c.qualified_columns == failed[2])
        if failed[1] == "FOREIGN KEY":
            return frozenset(c.name for c in CONSTRAINTS.values() if c.kind == "FOREIGN KEY")
        return frozenset({failed[2]})


@contextmanager
def sqlite_session(connection: sqlite3.Connection) -> Iterator[SQLiteSession]:
    """Open a transaction that is always rolled back."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield SQLiteSession(connection)
    finally:
        if connection.in_transaction:
            connection.rollback()


def sqlite_connection(path: str) -> sqlite3.Connection:
    """Open ``path`` as the engine does."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA foreign_keys=ON")
    register_functions(connection).at = "2026-11-21T12:00:00.000000Z"
    return connection


def run(session: Session, statements: Sequence[Sql]) -> None:
    """Execute ``statements`` in order."""
    for statement in statements:
        session.execute(statement)
