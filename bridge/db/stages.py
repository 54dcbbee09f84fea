"""The lives of model versions up to pilot, in SQL: append-only."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from bridge.db import tables
from guarantee.codec import parse_time, time_text
from guarantee.lifecycle import Line, Stage

_STAGES: Any = tables.stages


class SqlLives:
    """Lines of lives, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, model_id: str) -> tuple[Line, ...]:
        """Return the lines of exactly this version, oldest first."""
        query = select(_STAGES).where(_STAGES.c.model_id == model_id).order_by(_STAGES.c.n)
        return tuple(_from_row(row) for row in self._connection.execute(query).mappings())

    def last(self) -> Mapping[str, Line]:
        """Return the last line of every version that has one, by "name@version"."""
        later = _STAGES.alias()
        followed = select(later.c.n).where(later.c.model_id == _STAGES.c.model_id, later.c.n > _STAGES.c.n).exists()
        rows = self._connection.execute(select(_STAGES).where(~followed)).mappings()
        return {row["model_id"]: _from_row(row) for row in rows}

    def add(self, line: Line) -> None:
        """Append one."""
        self._connection.execute(
            insert(_STAGES).values(
                model_id=line.model,
                n=line.n,
                stage=str(line.stage),
                by_whom=line.by,
                reason=line.reason,
                at=time_text(line.at),
            )
        )


def _from_row(row: RowMapping) -> Line:
    return Line(
        model=row["model_id"],
        n=row["n"],
        stage=Stage(row["stage"]),
        by=row["by_whom"],
        reason=row["reason"],
        at=parse_time(row["at"]),
    )
