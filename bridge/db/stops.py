"""The append-only list of stops in SQL."""

from typing import Final

from sqlalchemy import Connection, func, insert, select, text

from bridge.db import tables
from bridge.db.ddl import JOURNAL_LOCK
from bridge.db.rows import stop_from_row
from guarantee.codec import time_text
from guarantee.ids import Digest, ResultId
from guarantee.result import ModelVersion
from guarantee.stops import Stop, in_force

LOCK: Final = 4713
"""PostgreSQL's advisory lock of a rollback, which may stop the version it leaves: one at a time."""


class SqlStops:
    """Stops, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lines(self) -> tuple[Stop, ...]:
        """Return every line, oldest first."""
        query = select(tables.stops).order_by(tables.stops.c.seq)
        return tuple(stop_from_row(row) for row in self._connection.execute(query).mappings())

    def over(self, result: ResultId) -> tuple[Stop, ...]:
        """Return the stops in force that cover a result: what the view held_results says, with who and why."""
        held = in_force(self.lines())
        if not held:
            return ()
        model, site, devices = self._concerned(result)
        return tuple(stop for stop in held if stop.covers(model, site, devices))

    def _concerned(self, result: ResultId) -> tuple[ModelVersion, str, frozenset[str]]:
        """Return what stops look at: the version, the site, and who sent the inputs of the case."""
        results, models, cases, inputs = tables.results, tables.models, tables.cases, tables.inputs
        query = (
            select(models, cases.c.site, cases.c.kind, cases.c.uid)
            .join(results, results.c.model_id == models.c.id)
            .join(cases, cases.c.id == results.c.case_id)
            .where(results.c.id == result)
        )
        row = self._connection.execute(query).one()
        senders = select(inputs.c.sender).where(inputs.c.kind == row.kind, inputs.c.case_uid == row.uid).distinct()
        model = ModelVersion(name=row.name, version=row.version, digest=Digest(row.digest), card=Digest(row.card))
        return model, row.site, frozenset(self._connection.scalars(senders))

    def add(self, stop: Stop) -> None:
        """Append a line. Two people who stop at the same moment are both heard, in turn.

        The lock is the journal's, which the link of this line needs anyway: a transaction that has written already and
        then suspends a version (flows/holds.py) holds it, and nobody waits in a circle.
        """
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": JOURNAL_LOCK})
        following = select(func.coalesce(func.max(tables.stops.c.seq), 0) + 1).scalar_subquery()
        self._connection.execute(
            insert(tables.stops).values(
                seq=following,
                scope=str(stop.scope),
                target=stop.target,
                action=str(stop.action),
                by_whom=stop.by,
                second=stop.second,
                reason=stop.reason,
                at=time_text(stop.at),
            )
        )
