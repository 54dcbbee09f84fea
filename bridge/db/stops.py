"""The append-only list of stops in SQL."""

from typing import Final

from sqlalchemy import Connection, func, insert, select, text

from bridge.db import tables
from bridge.db.rows import stop_from_row
from guarantee.codec import time_text
from guarantee.stops import Stop

LOCK: Final = 4713
"""PostgreSQL's advisory lock of the list: two people who stop at the same moment are both heard, in turn."""


class SqlStops:
    """Stops, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lines(self) -> tuple[Stop, ...]:
        """Return every line, oldest first."""
        query = select(tables.stops).order_by(tables.stops.c.seq)
        return tuple(stop_from_row(row) for row in self._connection.execute(query).mappings())

    def add(self, stop: Stop) -> None:
        """Append a line."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
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
