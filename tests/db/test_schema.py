"""The schema: as tables.py says, as walls.py says, as states.py says; made once, also by two processes at once."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from bridge.db import tables
from bridge.db.ddl import FILES, SQL
from bridge.db.engine import make_aval_engine
from bridge.db.migrate import migrate, schema_revision, statements
from bridge.db.migrations.versions.r0001_gate import downgrade
from bridge.db.notes import NOTES
from bridge.db.store import SqlStore
from bridge.db.walls import WALLS
from guarantee.lifecycle import MODEL_LIFE
from guarantee.states import CASE_LIFE, RESULT_LIFE
from tests.db.databases import Database
from tests.peers.postgresql import PostgreSQL


def test_the_tables_are_those_that_queries_are_written_with(database: Database) -> None:
    engine = make_aval_engine(database.url)
    found = inspect(engine)
    real = {
        name: {(column["name"], str(column["type"])) for column in found.get_columns(name)}
        for name in [*found.get_table_names(), *found.get_view_names()]
        if name != "alembic_version"
    }
    views = [
        tables.stops_in_force,
        tables.held_results,
        tables.objected_results,
        tables.routine_versions,
        tables.open_trials,
        tables.frozen_cases,
    ]
    ours = [*tables.metadata.tables.values(), *views]
    known = {table.name: {(column.name, str(column.type)) for column in table.columns} for table in ours}
    assert real.keys() - known.keys() == {"current_results", "objections_standing", "paused_destinations"}, (
        "only the walls read these"
    )
    for name, columns in known.items():
        assert real[name] == columns, name
    keys = {name: found.get_pk_constraint(name)["constrained_columns"] for name in tables.metadata.tables}
    assert keys == {t.name: [c.name for c in t.primary_key] for t in tables.metadata.tables.values()}
    engine.dispose()


@pytest.mark.parametrize("name", FILES)
def test_the_files_of_triggers_are_up_to_date(name: str) -> None:
    assert (SQL / name).read_text() == FILES[name](), "run `python -m bridge.db.ddl`"


def test_each_wall_and_each_note_stands_in_the_database(database: Database) -> None:
    engine = make_aval_engine(database.url)
    query = (
        "SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal"
        if database.is_postgresql
        else "SELECT name, 'A' FROM sqlite_master WHERE type = 'trigger'"
    )
    with engine.connect() as connection:
        standing = {row[0]: row[1] for row in connection.execute(text(query))}
    engine.dispose()
    truncating = {f"{wall.on}_never_truncated" for wall in WALLS if wall.event == "DELETE"}
    expected = {wall.name for wall in WALLS} | {note.name for note in NOTES}
    assert standing.keys() == expected | (truncating if database.is_postgresql else set())
    assert set(standing.values()) == {"A"}, "ENABLE ALWAYS: also when somebody replays changes as a replica"


def test_the_rows_of_the_lives_are_those_of_the_guarantee(store: SqlStore) -> None:
    with store.reading() as unit:
        rows = {
            tuple(row) for row in unit.connection.execute(text("SELECT machine, source, verb, target FROM transitions"))
        }
    lives: list[tuple[str, Any]] = [("case", CASE_LIFE), ("result", RESULT_LIFE), ("model", MODEL_LIFE)]
    assert rows == {
        (machine, str(source), str(verb), str(target))
        for machine, life in lives
        for (source, verb), target in life.items()
    }


def test_migrating_again_changes_nothing(database: Database) -> None:
    engine = make_aval_engine(database.url)
    with engine.connect() as connection:
        here, needed = schema_revision(connection)
    assert here == needed == "0001"
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
    engine.dispose()


def test_a_database_that_was_never_migrated_says_so(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/empty.sqlite")
    with engine.connect() as connection:
        assert schema_revision(connection) == (None, "0001")
    engine.dispose()


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_aval_engine(f"sqlite:///{tmp_path}/aval.sqlite")

    def pulled(table: Any) -> Any:
        raise RuntimeError("the plug was pulled")

    with monkeypatch.context() as broken:
        broken.setattr("bridge.db.migrate.insert", pulled)
        with pytest.raises(RuntimeError, match="plug"):
            migrate(engine)
    assert inspect(engine).get_table_names() == []
    migrate(engine)
    assert "journal" in inspect(engine).get_table_names()
    engine.dispose()


def test_the_journal_is_not_migrated_away() -> None:
    with pytest.raises(NotImplementedError, match="backup"):
        downgrade()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/aval.sqlite"
    else:
        cluster: PostgreSQL = request.getfixturevalue("cluster")
        yield cluster.new_database()


def migrate_in_a_process(url: str) -> None:
    engine = make_aval_engine(url)
    migrate(engine)
    engine.dispose()


def test_processes_that_start_together_make_one_schema(empty_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=migrate_in_a_process, args=(empty_url,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    engine = make_aval_engine(empty_url)
    with engine.connect() as connection:
        assert schema_revision(connection) == ("0001", "0001")
        assert connection.execute(text("SELECT count(*) FROM transitions")).scalar() == len(CASE_LIFE) + len(
            RESULT_LIFE
        ) + len(MODEL_LIFE)
    engine.dispose()


def test_a_script_is_split_at_the_end_of_each_statement() -> None:
    script = """-- a comment; with a semicolon

CREATE TABLE a (x TEXT); -- behind
CREATE TABLE b (
  x TEXT -- it's; here
);
CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW
WHEN (NEW.x = ';')
BEGIN SELECT RAISE(ABORT, 'no; never'); SELECT 1;
END;
INSERT INTO a VALUES ('it''s; text');
"""
    found = list(statements(script))
    assert [statement.split()[1] for statement in found] == ["TABLE", "TABLE", "TRIGGER", "INTO"]
    assert found[2].endswith("END;")


def test_no_statement_of_our_scripts_is_lost() -> None:
    for name in ("0001_tables.sql", "0002_walls.sqlite.sql"):
        script = (SQL / name).read_text()
        kept = "\n".join(statements(script))
        for word in ("CREATE TABLE", "CREATE VIEW", "CREATE INDEX", "CREATE TRIGGER", "END;"):
            assert kept.count(word) == script.count(word), (name, word)
