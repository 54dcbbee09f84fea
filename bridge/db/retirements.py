"""The versions that have ended, in SQL."""

from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from bridge.db import tables
from guarantee.codec import parse_time, time_text
from guarantee.retirement import Retirement

_RETIREMENTS: Any = tables.retirements


class SqlRetirements:
    """Retirements, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, model_id: str) -> Retirement | None:
        """Return the retirement of exactly this version, or None."""
        query = select(_RETIREMENTS).where(_RETIREMENTS.c.model_id == model_id)
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else _from_row(row)

    def all(self) -> tuple[Retirement, ...]:
        """Return every retirement, by version."""
        query = select(_RETIREMENTS).order_by(_RETIREMENTS.c.model_id)
        return tuple(_from_row(row) for row in self._connection.execute(query).mappings())

    def add(self, retirement: Retirement) -> None:
        """Append one."""
        self._connection.execute(
            insert(_RETIREMENTS).values(
                model_id=retirement.model,
                by_whom=retirement.by,
                reason=retirement.reason,
                at=time_text(retirement.at),
            )
        )


def _from_row(row: RowMapping) -> Retirement:
    return Retirement(model=row["model_id"], by=row["by_whom"], reason=row["reason"], at=parse_time(row["at"]))
