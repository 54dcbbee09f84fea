"""SQLite's log is written back beside the commits, and does not grow without end."""

import threading
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from bridge.db import store as store_module
from bridge.db.engine import AUTO_CHECKPOINT_PAGES, make_aval_engine
from bridge.db.store import SqlStore
from tests.db.databases import Database
from tests.guarantee.samples import a_case, at
from tests.peers.base import wait_until


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


def test_the_log_begins_again_while_others_write(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "RESTART_PAGES", 100)
    _, log = files_of(sqlite_database)
    store = SqlStore(make_aval_engine(sqlite_database.url))
    enough = threading.Event()

    def write() -> None:
        for number in range(100_000):
            commit(store, range(number, number + 1))
            if enough.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()

    def began_again() -> bool:
        store.checkpoint()
        return times_begun(log) >= 5

    try:
        wait_until(began_again, "the log to begin again")
        assert writer.is_alive()
        assert log.stat().st_size < AUTO_CHECKPOINT_PAGES * 4096 / 2, "a commit did it"
    finally:
        enough.set()
        writer.join(30)
    store.dispose()


def times_begun(log: Path) -> int:
    """Return the checkpoint sequence number of a log: how often it has begun again (SQLite's file format, 4.1)."""
    return int.from_bytes(log.read_bytes()[12:16], "big") if log.exists() else 0


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
