"""Results, their leases and drafts in SQL."""

from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bridge.db import tables
from bridge.db.cases import CaseLock
from bridge.db.rows import result_from_row, result_to_row
from guarantee.codec import time_text
from guarantee.errors import Unavailable
from guarantee.ids import CaseId, ResultId
from guarantee.result import Priority, Result
from guarantee.states import ResultState

_RESULTS = tables.results
_MODELS = tables.models
_LEASES = tables.leases


def select_results() -> Select[Any]:
    """Return the query that ``result_from_row`` reads."""
    return select(
        _RESULTS,
        _MODELS.c.name.label("model_name"),
        _MODELS.c.version.label("model_version"),
        _MODELS.c.digest.label("model_digest"),
        _MODELS.c.card.label("model_card"),
    ).join(_MODELS, _MODELS.c.id == _RESULTS.c.model_id)


def _waiting(now: datetime, priority: Priority | None) -> Select[Any]:
    """Return the query for queued results that nobody has a lease on, most urgent first, then oldest."""
    leased = (
        select(_LEASES.c.result_id)
        .where(_LEASES.c.result_id == _RESULTS.c.id, _LEASES.c.until > time_text(now))
        .exists()
    )
    query = select(_RESULTS.c.id).where(_RESULTS.c.state == str(ResultState.QUEUED), ~leased)
    if priority is not None:
        query = query.where(_RESULTS.c.priority == str(priority))
    urgent = case((_RESULTS.c.priority == str(Priority.STAT), 0), else_=1)
    return query.order_by(urgent, _RESULTS.c.queued_at)


def insert_once(connection: Connection, table: Any) -> Any:
    """Return an INSERT that does nothing when the row already exists; its rowcount is then 0.

    Without ``preserve_rowcount`` SQLAlchemy forgets how many rows an INSERT made and says -1, which looks like success.
    """
    return _insert_once(connection.dialect.name, table)


@cache
def _insert_once(dialect: str, table: Any) -> Any:
    build = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return build(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


class SqlResults:
    """Results, inside one transaction."""

    def __init__(self, connection: Connection, lock: CaseLock) -> None:
        self._connection = connection
        self._lock = lock

    def get(self, result: ResultId) -> Result:
        """Return a result, its case locked."""
        self._lock.take_for_result(result)
        query = select_results().where(_RESULTS.c.id == result)
        return result_from_row(self._connection.execute(query).mappings().one())

    def of_case(self, case: CaseId) -> tuple[Result, ...]:
        """Return the results of one revision, its case locked."""
        self._lock.take_for(case)
        query = select_results().where(_RESULTS.c.case_id == case).order_by(_RESULTS.c.id)
        return tuple(result_from_row(row) for row in self._connection.execute(query).mappings())

    def add(self, result: Result, at: datetime) -> bool:
        """Insert a result; return False when it already exists."""
        now = time_text(at)
        done = self._connection.execute(
            insert_once(self._connection, _RESULTS).values(**result_to_row(result), queued_at=now, moved_at=now)
        )
        return bool(done.rowcount)

    def move(self, result: Result, at: datetime) -> None:
        """Write ``result`` over its previous version; the database checks the step."""
        now = time_text(at)
        row = result_to_row(result)
        values = {name: row[name] for name in ("state", "version", "cause_code", "cause_detail")} | {"moved_at": now}
        if result.state is ResultState.AWAITING_REVIEW:
            values |= {"draft": result.draft, "drafted_at": now}
        done = self._connection.execute(
            update(_RESULTS)
            .where(_RESULTS.c.id == result.id, _RESULTS.c.version == result.version - 1)
            .values(**values)
        )
        if done.rowcount != 1:
            raise Unavailable("moved-meanwhile", f"result {result.id} was moved by somebody else")

    def claim(self, result: ResultId, holder: str, *, now: datetime, until: datetime) -> Result | None:
        """Return the queued result, leased to ``holder``; None when somebody else has it or it is not queued."""
        queued = select(_RESULTS.c.id).where(_RESULTS.c.id == result, _RESULTS.c.state == str(ResultState.QUEUED))
        if self._connection.scalar(queued) is None:
            return None
        current = self.get(result)
        if current.state is not ResultState.QUEUED:
            return None
        expired = (_LEASES.c.result_id == result, _LEASES.c.until <= time_text(now))
        self._connection.execute(delete(_LEASES).where(*expired))
        lease = {"result_id": result, "holder": holder, "until": time_text(until)}
        taken = self._connection.execute(insert_once(self._connection, _LEASES).values(**lease))
        if not taken.rowcount:
            return None
        self._connection.execute(
            update(_RESULTS).where(_RESULTS.c.id == result).values(attempts=_RESULTS.c.attempts + 1)
        )
        return replace(current, attempts=current.attempts + 1)

    def holds(self, result: ResultId, holder: str, *, now: datetime) -> bool:
        """Return whether ``holder`` still has the lease."""
        query = select(_LEASES.c.holder).where(_LEASES.c.result_id == result, _LEASES.c.until > time_text(now))
        return self._connection.scalar(query) == holder

    def let_go(self, result: ResultId, holder: str, *, counted: bool = True) -> None:
        """Give the lease back; an attempt that is not counted never was."""
        ours = self._connection.execute(
            delete(_LEASES).where(_LEASES.c.result_id == result, _LEASES.c.holder == holder)
        )
        if ours.rowcount and not counted:
            self._connection.execute(
                update(_RESULTS).where(_RESULTS.c.id == result).values(attempts=_RESULTS.c.attempts - 1)
            )

    def renew(self, result: ResultId, holder: str, *, now: datetime, until: datetime) -> bool:
        """Make the lease that ``holder`` has last until ``until``; False when it has none any more."""
        ours = (_LEASES.c.result_id == result, _LEASES.c.holder == holder, _LEASES.c.until > time_text(now))
        done = self._connection.execute(update(_LEASES).where(*ours).values(until=time_text(until)))
        return done.rowcount == 1

    def waiting(self, *, now: datetime, priority: Priority | None = None) -> tuple[ResultId, ...]:
        """Return queued results that nobody has a lease on, most urgent first, then oldest."""
        query = _waiting(now, priority)
        return tuple(ResultId(row) for row in self._connection.scalars(query))

    def companions(self, result: Result, *, now: datetime, most: int) -> tuple[ResultId, ...]:
        """Return queued results that may be run together with ``result``, most urgent first, then oldest."""
        others = _waiting(now, Priority.STAT if result.priority is Priority.STAT else None).where(
            _RESULTS.c.model_id == select(_RESULTS.c.model_id).where(_RESULTS.c.id == result.id).scalar_subquery(),
            _RESULTS.c.id != result.id,
            _RESULTS.c.attempts == 0,
        )
        return tuple(ResultId(row) for row in self._connection.scalars(others.limit(most)))

    def awaiting_since(self, before: datetime, policy: str) -> tuple[ResultId, ...]:
        """Return results under ``policy`` that have awaited review since before ``before``."""
        query = select(_RESULTS.c.id).where(
            _RESULTS.c.state == str(ResultState.AWAITING_REVIEW),
            _RESULTS.c.policy == policy,
            _RESULTS.c.drafted_at <= time_text(before),
        )
        return tuple(ResultId(row) for row in self._connection.scalars(query))
