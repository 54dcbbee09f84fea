"""Golden cases that were asked, in SQL."""

from typing import Any

from sqlalchemy import Connection, or_, select

from bridge.db import tables
from bridge.db.results import insert_once
from guarantee.codec import parse_time, time_text
from guarantee.examinations import Examination
from guarantee.ids import Digest
from guarantee.stops import Scope

_EXAMINATIONS: Any = tables.examinations


class SqlExaminations:
    """Examinations, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, examination: Examination) -> None:
        """Append one; the same one twice is one."""
        self._connection.execute(
            insert_once(self._connection, _EXAMINATIONS).values(
                id=examination.id,
                model_id=examination.model,
                cases=examination.cases,
                failure=examination.failure,
                by_whom=examination.by,
                at=time_text(examination.at),
            )
        )

    def last(self, model: str) -> Examination | None:
        """Return the last examination of a version, or None."""
        mine = _EXAMINATIONS.c
        query = select(_EXAMINATIONS).where(mine.model_id == model).order_by(mine.at.desc(), mine.failure.desc())
        row = self._connection.execute(query.limit(1)).mappings().first()
        if row is None:
            return None
        return Examination(
            model=row["model_id"],
            cases=Digest(row["cases"]),
            failure=row["failure"],
            by=row["by_whom"],
            at=parse_time(row["at"]),
        )

    def concerned(self, scope: Scope, target: str) -> tuple[str, ...]:
        """Return the versions that must be examined before this scope resumes (walls_on_stops.py says the same)."""
        models, ended = tables.models, tables.retirements
        in_use = ~select(ended.c.model_id).where(ended.c.model_id == models.c.id).exists()
        query = select(models.c.id).where(in_use).order_by(models.c.id)
        if scope is Scope.VERSION:
            return tuple(self._connection.scalars(query.where(models.c.id == target)))
        routine, tried = tables.routine_versions, tables.open_trials
        query = query.where(or_(models.c.id.in_(select(routine.c.model_id)), models.c.id.in_(select(tried.c.model_id))))
        if scope is Scope.MODEL:
            query = query.where(models.c.name == target)
        return tuple(self._connection.scalars(query))
