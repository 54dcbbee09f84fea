"""Commits that leave their flush to the next one: only what is noted elsewhere, only on SQLite, and never for long."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bridge.db.engine import make_aval_engine
from bridge.db.store import SqlStore
from tests.db.databases import Database
from tests.db.steps import Steps, an_arrival
from tests.guarantee.samples import a_source

NORMAL, FULL = 1, 2
"""SQLite's numbers for how a commit is flushed (PRAGMA synchronous)."""

AT = datetime(2026, 11, 28, 9, tzinfo=UTC)


def synchronous(store: SqlStore, *, is_noted: bool) -> Any:
    question = "PRAGMA synchronous" if store._engine.dialect.name == "sqlite" else "SHOW synchronous_commit"
    with store.transaction("test", is_noted=is_noted) as unit:
        return unit.connection.scalar(text(question))


def test_a_noted_transaction_alone_leaves_its_flush_to_another(store: SqlStore) -> None:
    expected: list[Any] = [FULL, NORMAL, FULL, NORMAL]
    if store._engine.dialect.name == "postgresql":
        expected = ["on"] * 4  # a server that dies alone would take rows from under processes that go on
    assert [synchronous(store, is_noted=noted) for noted in (False, True, False, True)] == expected


def test_what_is_noted_is_true_at_once_for_everybody(steps: Steps, store: SqlStore, database: Database) -> None:
    case = steps.receive("1.2")
    source = a_source("1.2.99")
    with store.transaction("scp", is_noted=True) as unit:
        unit.cases.add_input(case, an_arrival(case, source), conflict=False, at=AT)
    other = SqlStore(make_aval_engine(database.url))
    with other.reading() as unit:
        assert source in [each.source for each in unit.cases.inputs(case.kind, case.uid)]
    other.dispose()


def test_the_newest_input_is_that_of_any_case_and_none_before_the_first(steps: Steps, store: SqlStore) -> None:
    with store.reading() as unit:
        assert unit.cases.newest_input() is None
    for uid, day in (("1.2", 3), ("1.3", 1)):
        case = steps.receive(uid)
        with store.transaction("scp") as unit:
            unit.cases.add_input(
                case, an_arrival(case, a_source(f"{uid}.99")), conflict=False, at=AT.replace(year=2030, day=day)
            )
    with store.reading() as unit:
        assert unit.cases.newest_input() == AT.replace(year=2030, day=3)


def test_a_flush_reaches_the_log_of_the_database(
    store: SqlStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    real = os.fsync
    with store.transaction("scp", is_noted=True):
        pass
    monkeypatch.setattr(os, "fsync", lambda it: (flushed.append(str(Path(f"/proc/self/fd/{it}").readlink())), real(it)))
    store.flush()
    is_sqlite = store._engine.dialect.name == "sqlite"
    assert flushed == ([f"{store._engine.url.database}-wal"] if is_sqlite else [])
