"""The Store port over one database transaction, and the one place where database errors become ours."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bridge.db.accounts import SqlAccounts
from bridge.db.cases import CaseLock, SqlCases
from bridge.db.deliveries import SqlDeliveries
from bridge.db.engine import name_actor, reading
from bridge.db.gate import SqlGate
from bridge.db.messages import SqlMessages
from bridge.db.registry import SqlRegistry
from bridge.db.results import SqlResults
from bridge.db.stops import SqlStops
from bridge.db.views import SqlJournal, SqlViews
from guarantee.errors import Refused, Unavailable

_NOT_GRANTED: Final = "42501"
"""PostgreSQL's insufficient_privilege."""


@dataclass(frozen=True, slots=True)
class SqlUnit:
    """One open transaction."""

    connection: Connection
    cases: SqlCases
    results: SqlResults
    gate: SqlGate
    deliveries: SqlDeliveries
    stops: SqlStops
    messages: SqlMessages
    accounts: SqlAccounts
    views: SqlViews
    journal: SqlJournal
    registry: SqlRegistry


class SqlStore:
    """The Store port.

    On SQLite there is one writer at a time; a lock of our own queues the writers of this process fairly, instead of
    letting SQLite's busy handler sleep and poll.
    """

    def __init__(self, engine: Engine, *, committed: Callable[[], None] = lambda: None) -> None:
        """Open a store over ``engine``; ``committed`` is called after each transaction that may have written."""
        self._engine = engine
        self._committed = committed
        self._reading = reading(engine)
        self._turn = threading.Lock() if engine.dialect.name == "sqlite" else None

    @contextmanager
    def transaction(self, actor: str) -> Iterator[SqlUnit]:
        """Open a transaction; see guarantee.ports.Store."""
        with self._turn or nullcontext(), _translated(), self._engine.begin() as connection:
            name_actor(connection, actor)
            yield _unit(connection, locks=True)
        self._committed()

    @contextmanager
    def reading(self) -> Iterator[SqlUnit]:
        """Open a transaction that only reads: on SQLite it waits for no writer."""
        with _translated(), self._reading.begin() as connection:
            yield _unit(connection, locks=False)

    def dispose(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _unit(connection: Connection, *, locks: bool) -> SqlUnit:
    lock = CaseLock(connection, enabled=locks)
    return SqlUnit(
        connection=connection,
        cases=SqlCases(connection, lock),
        results=SqlResults(connection, lock),
        gate=SqlGate(connection),
        deliveries=SqlDeliveries(connection, lock),
        stops=SqlStops(connection),
        messages=SqlMessages(connection, locks=locks),
        accounts=SqlAccounts(connection),
        views=SqlViews(connection),
        journal=SqlJournal(connection),
        registry=SqlRegistry(connection),
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Refused(f"the database refused: {_first_line(error)}") from error
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise Unavailable("database", f"{type(error).__name__}: the database did not answer in time") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("database", "the connection to the database was lost") from error
        if getattr(error.orig, "sqlstate", "") == _NOT_GRANTED:
            raise Refused(f"this process's role may not do this: {_first_line(error)}") from error
        raise


def _first_line(error: DBAPIError) -> str:
    """Return what the database said, without its DETAIL line, which quotes values."""
    return str(error.orig).partition("\n")[0]
