"""Engines for both dialects: durable, with foreign keys on, and able to write the journal.

SQLite: WAL, synchronous=FULL (a commit survives a power cut), foreign keys enforced, one writer at a time, and the
functions the journal's triggers call. What is noted beside the bytes of an image is committed with synchronous=NORMAL:
a power cut may take it, with what was committed after it and nothing else, until the next flush.
PostgreSQL: schema ``aval``, an actor named in each transaction.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, NoResultFound, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from guarantee.codec import time_text
from guarantee.errors import Absent, Refused, Unavailable
from guarantee.gesture import challenge_of
from guarantee.journal import link_hash

BUSY_TIMEOUT_MS: Final = 15_000
"""How long SQLite waits for another process's write lock before it gives up (15 s)."""

AUTO_CHECKPOINT_PAGES: Final = 16_384
"""Length of SQLite's log (WAL) at which a commit writes it back itself, 64 MiB. With SQLite's own 1,000 pages one
commit in 125 took ten times as long as the others while a sender waited; ``SqlStore.checkpoint`` does it beside."""

STATEMENT_TIMEOUT_MS: Final = 30_000
"""Longest statement on PostgreSQL, and longest wait for a lock: a stuck transaction must not stop the hospital."""

UNNAMED: Final = "unnamed"
"""The actor of a change whose process did not say who causes it."""

_READ_ONLY: Final = "aval_read_only"
_NOTED: Final = "aval_noted"

_NOT_GRANTED: Final = "42501"
"""PostgreSQL's insufficient_privilege."""

_NO_TABLE: Final = "42P01"
"""PostgreSQL's undefined_table."""


@dataclass(slots=True)
class Moment:
    """Who writes, and when: fixed for the length of a transaction, so that a link's time is the one in its hash."""

    actor: str = UNNAMED
    at: str = ""


def make_aval_engine(url: str) -> Engine:
    """Return an engine for ``sqlite:///path`` or ``postgresql://user@host/database``."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    return create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=8,
        max_overflow=8,
        pool_pre_ping=True,
        pool_reset_on_return=None,  # every transaction of ours is ended by its block: there is nothing to roll back
        hide_parameters=True,  # an error's text must not quote a patient
        connect_args={
            "connect_timeout": 10,
            "options": f"-c search_path=aval,pg_catalog -c statement_timeout={STATEMENT_TIMEOUT_MS} "
            f"-c lock_timeout={STATEMENT_TIMEOUT_MS} -c idle_in_transaction_session_timeout=60000 -c timezone=UTC",
        },
    )


@contextmanager
def engine_at(url: str) -> Iterator[Engine]:
    """Yield an engine for one short piece of work, such as a migration, and close its connections afterwards.

    Raises:
        Unavailable, Refused: as :func:`translated` says.
    """
    engine = make_aval_engine(url)
    try:
        with translated():
            yield engine
    finally:
        engine.dispose()


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the database raises into our own errors.

    Raises:
        Unavailable: no answer, or not in time.
        Refused: a wall, or a right that this role was not given.
        Absent: what was asked for by its identifier does not exist.
    """
    try:
        yield
    except NoResultFound as error:
        raise Absent("there is no row with this identifier") from error
    except IntegrityError as error:
        raise Refused(f"the database refused: {_first_line(error)}") from error
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise Unavailable("database", f"{type(error).__name__}: the database did not answer in time") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("database", "the connection to the database was lost") from error
        if getattr(error.orig, "sqlstate", "") == _NOT_GRANTED:
            raise Refused(f"this process's role may not do this: {_first_line(error)}") from error
        if getattr(error.orig, "sqlstate", "") == _NO_TABLE:
            raise Refused("the database does not have this version's tables: run `aval migrate`") from error
        raise


def _first_line(error: DBAPIError) -> str:
    """Return what the database said, without its DETAIL line, which quotes values."""
    return str(error.orig).partition("\n")[0]


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=8,
        pool_use_lifo=True,  # a connection that wrote last still has its pages; another one reads them all again
        pool_reset_on_return=None,
        hide_parameters=True,
        connect_args={"check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we write BEGIN ourselves, so that a transaction starts where we say
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"wal_autocheckpoint={AUTO_CHECKPOINT_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    entry.info["moment"] = register_functions(connection)


def register_functions(connection: sqlite3.Connection) -> Moment:
    """Give ``connection`` the functions that the journal's triggers call, and return what they speak of."""
    moment = Moment()

    def link(seq: int, at: str, actor: str, role: str, action: str, subject: str, body: str, prev: str) -> str:
        return link_hash(seq=seq, at=at, actor=actor, role=role, action=action, subject=subject, body=body, prev=prev)

    pure: dict[str, Any] = {"deterministic": True}
    connection.create_function("aval_now", 0, lambda: moment.at or time_text(datetime.now(UTC)))
    connection.create_function("aval_actor", 0, lambda: moment.actor)
    connection.create_function("aval_role", 0, lambda: "sqlite")
    connection.create_function("aval_sha256", 1, lambda value: hashlib.sha256(value.encode()).hexdigest(), **pure)
    connection.create_function("aval_challenge", 1, lambda value: challenge_of(value.encode()), **pure)
    connection.create_function("aval_link", 8, link, **pure)
    return moment


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    if connection.connection.info.get(_READ_ONLY) != read_only:
        connection.exec_driver_sql(f"PRAGMA query_only={int(read_only)}")
        connection.connection.info[_READ_ONLY] = read_only
    is_noted = connection.get_execution_options().get(_NOTED, False)
    if connection.connection.info.get(_NOTED, False) != is_noted:
        connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if is_noted else 'FULL'}")
        connection.connection.info[_NOTED] = is_noted
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
    moment: Moment = connection.connection.info["moment"]
    moment.actor, moment.at = UNNAMED, time_text(datetime.now(UTC))  # after the wait for the other writers


def reading(engine: Engine) -> Engine:
    """Return ``engine`` for transactions that only read; the database refuses to write in them.

    On SQLite they do not take the write lock.
    """
    if engine.dialect.name == "postgresql":
        return engine.execution_options(postgresql_readonly=True)
    return engine.execution_options(**{_READ_ONLY: True})


def noted(engine: Engine) -> Engine:
    """Return ``engine`` for transactions that can be written again from notes.

    On SQLite their commit waits for no flush. PostgreSQL keeps its own way: a server that dies alone would take rows
    from under processes that go on, and nobody would write them again.
    """
    return engine if engine.dialect.name == "postgresql" else engine.execution_options(**{_NOTED: True})


def flush_log(engine: Engine) -> None:
    """Flush what was committed without a flush; nothing to do on PostgreSQL.

    Raises:
        Unavailable: the disk refuses.
    """
    log = Path(f"{engine.url.database}-wal")
    if engine.dialect.name == "sqlite" and log.exists():
        try:
            with log.open("rb") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise Unavailable("database", f"the database's log could not be flushed: {error.strerror}") from error


def name_actor(connection: Connection, actor: str) -> None:
    """Say who causes what follows in this transaction, for the journal."""
    if connection.dialect.name == "sqlite":
        moment: Moment = connection.connection.info["moment"]
        moment.actor = actor
    else:
        connection.execute(text("SELECT set_config('aval.actor', :actor, true)"), {"actor": actor})


def checkpoint(connection: Connection, how: str) -> int:
    """Write SQLite's log back as far as nobody is in the way; return its length in pages.

    Args:
        how: PASSIVE or RESTART, as SQLite has it.
    """
    _, pages, _ = connection.connection.cursor().execute(f"PRAGMA wal_checkpoint({how})").fetchone()
    return int(pages)


@contextmanager
def patient(connection: Connection, *, for_ms: int) -> Iterator[None]:
    """Let SQLite wait for others so long, instead of BUSY_TIMEOUT_MS."""
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={for_ms}")
    try:
        yield
    finally:
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
