"""Bring a database to this version's schema. Each revision executes SQL that a person can read."""

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, insert, text

from bridge.db import tables
from guarantee.lifecycle import MODEL_LIFE
from guarantee.states import CASE_LIFE, RESULT_LIFE

_HERE: Final = Path(__file__).parent / "migrations"


def migrate(engine: Engine) -> None:
    """Create or upgrade the schema. Safe to call at every start, by several processes at once on PostgreSQL."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(4710)"))
            connection.execute(text("CREATE SCHEMA IF NOT EXISTS aval"))
        config = Config()
        config.set_main_option("script_location", str(_HERE))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def schema_revision(connection: Connection) -> tuple[str | None, str | None]:
    """Return the revision of the database and the one this version needs."""
    here = MigrationContext.configure(connection).get_current_revision()
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    return here, ScriptDirectory.from_config(config).get_current_head()


def run_sql(connection: Connection, name: str) -> None:
    """Execute a file of migrations/sql."""
    script = (_HERE / "sql" / name).read_text()
    if connection.dialect.name == "sqlite":
        for statement in statements(script):
            connection.exec_driver_sql(statement)
    else:
        connection.exec_driver_sql(script.replace("%", "%%"))


def statements(script: str) -> Iterator[str]:
    """Split a SQLite script; a trigger's body keeps its semicolons."""
    lines: list[str] = []
    for line in script.splitlines():
        if not lines and (not line.strip() or line.startswith("--")):
            continue
        lines.append(line)
        if sqlite3.complete_statement("\n".join(lines)):
            yield "\n".join(lines)
            lines = []


def write_transitions(connection: Connection) -> None:
    """Write the rows of ``transitions`` from guarantee/states.py and guarantee/lifecycle.py."""
    lives: list[tuple[str, Mapping[tuple[Any, Any], Any]]] = [
        ("case", CASE_LIFE),
        ("result", RESULT_LIFE),
        ("model", MODEL_LIFE),
    ]
    connection.execute(
        insert(tables.transitions),
        [
            {"machine": machine, "source": str(source), "verb": str(verb), "target": str(target)}
            for machine, life in lives
            for (source, verb), target in life.items()
        ],
    )
