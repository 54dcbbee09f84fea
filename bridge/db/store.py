"""The Store port over one database transaction."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine

from bridge.db.accounts import SqlAccounts
from bridge.db.cases import CaseLock, SqlCases
from bridge.db.deliveries import SqlDeliveries
from bridge.db.destinations import SqlDestinations
from bridge.db.dossiers import SqlDossiers
from bridge.db.engine import checkpoint, flush_log, name_actor, noted, patient, reading, translated
from bridge.db.examinations import SqlExaminations
from bridge.db.feed import SqlFeed
from bridge.db.first_reads import SqlFirstReads
from bridge.db.gate import SqlGate
from bridge.db.habilitations import SqlHabilitations
from bridge.db.identities import SqlIdentities
from bridge.db.incidents import SqlIncidents
from bridge.db.judging import SqlJudging
from bridge.db.launches import SqlLaunches
from bridge.db.measures import SqlMeasures
from bridge.db.messages import SqlMessages
from bridge.db.objections import SqlObjections
from bridge.db.orders import SqlOrders
from bridge.db.pairs import SqlPairs
from bridge.db.passkeys import SqlPasskeys
from bridge.db.preparations import SqlPreparations
from bridge.db.recalls import SqlRecalls
from bridge.db.registry import SqlRegistry
from bridge.db.results import SqlResults
from bridge.db.retirements import SqlRetirements
from bridge.db.rollouts import SqlRollouts
from bridge.db.runs import SqlRuns
from bridge.db.samples import SqlSamples
from bridge.db.selection import SqlSelection
from bridge.db.sign_ins import SqlLocalOpenings, SqlRequests
from bridge.db.stages import SqlLives
from bridge.db.stops import SqlStops
from bridge.db.studies import SqlStudies
from bridge.db.traces import SqlTraces
from bridge.db.viewings import SqlViewings
from bridge.db.views import SqlJournal, SqlViews

RESTART_PAGES: Final = 1000
"""Length from which SQLite's log begins again, 4 MiB: a longer one is read more slowly."""


@dataclass(frozen=True, slots=True)
class SqlUnit:
    """One open transaction."""

    connection: Connection
    cases: SqlCases
    identities: SqlIdentities
    judging: SqlJudging
    results: SqlResults
    runs: SqlRuns
    gate: SqlGate
    first_reads: SqlFirstReads
    preparations: SqlPreparations
    deliveries: SqlDeliveries
    destinations: SqlDestinations
    stops: SqlStops
    studies: SqlStudies
    examinations: SqlExaminations
    recalls: SqlRecalls
    incidents: SqlIncidents
    retirements: SqlRetirements
    rollouts: SqlRollouts
    lives: SqlLives
    habilitations: SqlHabilitations
    messages: SqlMessages
    feed: SqlFeed
    orders: SqlOrders
    objections: SqlObjections
    dossiers: SqlDossiers
    accounts: SqlAccounts
    requests: SqlRequests
    local_openings: SqlLocalOpenings
    launches: SqlLaunches
    passkeys: SqlPasskeys
    viewings: SqlViewings
    views: SqlViews
    journal: SqlJournal
    measures: SqlMeasures
    pairs: SqlPairs
    samples: SqlSamples
    selection: SqlSelection
    registry: SqlRegistry
    traces: SqlTraces


class SqlStore:
    """The Store port.

    On SQLite there is one writer at a time; a lock of our own queues the writers of this process fairly, instead of
    letting SQLite's busy handler sleep and poll.
    """

    def __init__(self, engine: Engine, *, committed: Callable[[], None] = lambda: None) -> None:
        """Open a store over ``engine``; ``committed`` is called after each transaction that wrote to the outbox."""
        self._engine = engine
        self._committed = committed
        self._reading = reading(engine)
        self._noted = noted(engine)
        self._turn = threading.Lock() if engine.dialect.name == "sqlite" else None

    @contextmanager
    def transaction(self, actor: str, *, is_noted: bool = False) -> Iterator[SqlUnit]:
        """Open a transaction; see guarantee.ports.Store."""
        engine = self._noted if is_noted else self._engine
        with self._turn or nullcontext(), translated(), engine.begin() as connection:
            name_actor(connection, actor)
            unit = one_unit(connection, locks=True)
            yield unit
        if unit.messages.has_rung:
            self._committed()

    @contextmanager
    def reading(self) -> Iterator[SqlUnit]:
        """Open a transaction that only reads: on SQLite it waits for no writer."""
        with translated(), self._reading.begin() as connection:
            yield one_unit(connection, locks=False)

    def flush(self) -> None:
        """Flush every commit that left it to a later one: what is said outside must not outlive what it speaks of.

        Raises:
            Unavailable: the disk refuses.
        """
        flush_log(self._engine)

    def checkpoint(self) -> None:
        """Write SQLite's log back into the database, so that no commit has to; other databases do this themselves.

        Most is written while others commit. Then, unless somebody still reads an older state, the log begins again at
        its start, while the writers wait for what came meanwhile.
        """
        if self._turn is None:
            return
        with translated(), self._engine.connect() as connection, patient(connection, for_ms=0):
            pages = checkpoint(connection, "PASSIVE")
            if pages > RESTART_PAGES:
                with self._turn:
                    checkpoint(connection, "RESTART")

    def dispose(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def one_unit(connection: Connection, *, locks: bool) -> SqlUnit:
    """Return the parts of one transaction; ``locks`` where it may write."""
    lock = CaseLock(connection, enabled=locks)
    return SqlUnit(
        connection=connection,
        cases=SqlCases(connection, lock),
        identities=SqlIdentities(connection),
        judging=SqlJudging(connection),
        results=SqlResults(connection, lock),
        runs=SqlRuns(connection),
        gate=SqlGate(connection),
        first_reads=SqlFirstReads(connection),
        preparations=SqlPreparations(connection),
        deliveries=SqlDeliveries(connection, lock),
        destinations=SqlDestinations(connection, locks=locks),
        stops=SqlStops(connection),
        studies=SqlStudies(connection),
        examinations=SqlExaminations(connection),
        recalls=SqlRecalls(connection),
        incidents=SqlIncidents(connection),
        retirements=SqlRetirements(connection),
        rollouts=SqlRollouts(connection),
        lives=SqlLives(connection),
        habilitations=SqlHabilitations(connection),
        messages=SqlMessages(connection, locks=locks),
        feed=SqlFeed(connection),
        orders=SqlOrders(connection),
        objections=SqlObjections(connection),
        dossiers=SqlDossiers(connection),
        accounts=SqlAccounts(connection),
        requests=SqlRequests(connection),
        local_openings=SqlLocalOpenings(connection),
        launches=SqlLaunches(connection),
        passkeys=SqlPasskeys(connection),
        viewings=SqlViewings(connection),
        views=SqlViews(connection),
        journal=SqlJournal(connection),
        measures=SqlMeasures(connection),
        pairs=SqlPairs(connection),
        samples=SqlSamples(connection),
        selection=SqlSelection(connection),
        registry=SqlRegistry(connection),
        traces=SqlTraces(connection),
    )
