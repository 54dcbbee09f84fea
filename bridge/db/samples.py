"""What runs left to be compared (features), by period, in SQL. Nothing here locks or changes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, func, select

from bridge.comparison import Version
from bridge.db import tables
from bridge.drift import N_MAX, Sample
from guarantee.codec import parse_time, time_text

VERSIONS_MAX: Final = 200
"""Most model versions that are offered, those that answered last."""

_FEATURES = tables.features
_BY: Final = {"site": _FEATURES.c.site, "sender": _FEATURES.c.sender, "scanner": _FEATURES.c.scanner}


class SqlSamples:
    """Features of runs, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def versions(self) -> tuple[Version, ...]:
        """Return the versions that have left something to compare, those that answered last first."""
        last = func.max(_FEATURES.c.at)
        names = (_FEATURES.c.model_id, _FEATURES.c.mode)
        query = select(*names, func.count().label("many"), last.label("last")).group_by(*names)
        rows = self._connection.execute(query.order_by(last.desc(), *names).limit(VERSIONS_MAX))
        return tuple(
            Version(model=row.model_id, mode=row.mode, results=row.many, last_at=parse_time(row.last)) for row in rows
        )

    def groups(self, model: str, mode: str, by: str) -> tuple[tuple[str, int], ...]:
        """Return the sites, senders or scanners of a version and how many results each has, the largest first."""
        column = _BY[by]
        query = (
            select(column, func.count().label("many"))
            .where(_FEATURES.c.model_id == model, _FEATURES.c.mode == mode, column != "")
            .group_by(column)
            .order_by(func.count().desc(), column)
        )
        return tuple((row[0], row[1]) for row in self._connection.execute(query))

    def taken(
        self,
        model: str,
        mode: str,
        *,
        within: tuple[datetime | None, datetime | None] = (None, None),
        of: tuple[str, str] | None = None,
        count: int = N_MAX,
        newest: bool = True,
    ) -> Sequence[Sample]:
        """Return ``count`` results of a period, newest or oldest first.

        Args:
            within: from the first on, before the second; None for no end.
            of: which of GROUPS, and its name; None for all.
        """
        since, until = within
        query = select(_FEATURES.c.at, _FEATURES.c.answered, _FEATURES.c.body)
        query = query.where(_FEATURES.c.model_id == model, _FEATURES.c.mode == mode)
        if since is not None:
            query = query.where(_FEATURES.c.at >= time_text(since))
        if until is not None:
            query = query.where(_FEATURES.c.at < time_text(until))
        if of is not None:
            query = query.where(_BY[of[0]] == of[1])
        order = _FEATURES.c.at.desc() if newest else _FEATURES.c.at.asc()
        rows = self._connection.execute(query.order_by(order, _FEATURES.c.case_uid).limit(min(count, N_MAX)))
        return [_sample(row) for row in rows]


def _sample(row: Any) -> Sample:
    return Sample(at=parse_time(row.at), answered=bool(row.answered), features=orjson.loads(row.body))
