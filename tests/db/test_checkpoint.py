"""SQLite's log is written back beside the commits, and does not grow without end."""

from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from bridge.db import store as store_module
from bridge.db.engine import checkpoint, make_aval_engine
from bridge.db.store import SqlStore
from tests.db.databases import Database
from tests.guarantee.samples import a_case, at


def files_of(database: Database) -> tuple[Path, Path]:
    """Return the database and its log."""
    path = Path(make_url(database.url).database or "")
    return path, path.with_name(path.name + "-wal")


def commit(store: SqlStore, numbers: range) -> None:
    for number in numbers:
        with store.transaction("scp") as unit:
            unit.cases.add(a_case(f"1.2.{number}"), at(0))


def test_no_commit_writes_the_log_back_and_a_checkpoint_does(sqlite_database: Database) -> None:
    path, log = files_of(sqlite_database)
    store = SqlStore(make_aval_engine(sqlite_database.url))
    before = path.read_bytes()
    commit(store, range(200))
    assert log.stat().st_size > 1000 * 4096, "SQLite itself would have begun to write it back"
    assert path.read_bytes() == before
    store.checkpoint()
    assert path.read_bytes() != before
    with store.reading() as unit:
        assert unit.cases.latest(a_case().kind, "1.2.199") is not None
    store.dispose()


def test_the_log_begins_again_although_others_write_all_the_time(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, log = files_of(sqlite_database)
    store = SqlStore(make_aval_engine(sqlite_database.url))
    numbers = iter(range(1000, 2000))

    def meanwhile(connection: Connection, how: str) -> int:
        pages = checkpoint(connection, how)
        if how == "PASSIVE":
            commit(store, range(next(numbers), 2000)[:1])  # the log is never written back to its very end
        return pages

    monkeypatch.setattr(store_module, "checkpoint", meanwhile)
    monkeypatch.setattr(store_module, "RESTART_PAGES", 100)
    sizes = []
    for first in range(0, 400, 40):
        commit(store, range(first, first + 40))
        sizes.append(log.stat().st_size)
        store.checkpoint()
    assert sizes[0] > 100 * 4096
    assert sizes[-1] < 2 * sizes[0]
    store.dispose()


@pytest.mark.timeout(12)
def test_a_reader_of_an_older_state_holds_nobody_up(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "RESTART_PAGES", 1)
    store = SqlStore(make_aval_engine(sqlite_database.url))
    with store.reading() as unit:
        assert unit.cases.latest(a_case().kind, "1.2.7") is None
        commit(store, range(10))
        store.checkpoint()  # it would wait 15 s for the reader, and every writer with it
        commit(store, range(10, 20))
        assert unit.cases.latest(a_case().kind, "1.2.7") is None
    store.dispose()


def test_another_database_does_this_itself(store: SqlStore) -> None:
    store.checkpoint()
    commit(store, range(3))
