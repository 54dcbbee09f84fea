"""Results of two versions on the same cases, side by side. Nothing here locks or changes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, func, select

from bridge.db import tables
from guarantee.codec import time_text
from guarantee.ids import CaseId, Digest

PAIRS_MAX: Final = 10_000
"""Most cases of one comparison, newest first: two drafts of each are read, a few kB and a millisecond apiece."""

_RESULTS: Final = tables.results
_RUNS: Final = tables.runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """How one version ended on a case.

    Args:
        seconds: pre-processing, the model and post-processing of the attempt that made the draft; None without one.
    """

    state: str
    cause: str
    focus: str
    draft: Digest | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Two versions on one revision of a case."""

    case: CaseId
    first: Side
    second: Side


class SqlPairs:
    """Pairs of results, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, first: str, second: str, since: datetime, limit: int = PAIRS_MAX) -> tuple[Sides, ...]:
        """Return the cases that both versions ("name@version") were given, queued since then, newest first."""
        left, right = _RESULTS.alias("left_result"), _RESULTS.alias("right_result")
        query = (
            select(left.c.case_id, *_side(left, "first"), *_side(right, "second"))
            .join(right, and_(right.c.case_id == left.c.case_id, right.c.model_id == second))
            .where(left.c.model_id == first, left.c.queued_at >= time_text(since))
            .order_by(left.c.queued_at.desc(), left.c.case_id)
            .limit(limit)
        )
        return tuple(
            Sides(case=CaseId(row["case_id"]), first=_read(row, "first"), second=_read(row, "second"))
            for row in self._connection.execute(query).mappings()
        )

    def given(self, model: str, since: datetime) -> int:
        """Return how many cases one version was given since then."""
        query = select(func.count()).where(_RESULTS.c.model_id == model, _RESULTS.c.queued_at >= time_text(since))
        return self._connection.scalar(query) or 0


def _side(result: Any, name: str) -> list[Any]:
    taken = (
        select(func.max(_RUNS.c.preprocess_ms + _RUNS.c.predict_ms + _RUNS.c.postprocess_ms))
        .where(_RUNS.c.result_id == result.c.id, _RUNS.c.outcome == "drafted")
        .scalar_subquery()
    )
    columns = [result.c[column].label(f"{name}_{column}") for column in ("state", "cause_code", "focus", "draft")]
    return [*columns, taken.label(f"{name}_ms")]


def _read(row: Any, name: str) -> Side:
    spent_ms, draft = row[f"{name}_ms"], row[f"{name}_draft"]
    return Side(
        state=row[f"{name}_state"],
        cause=row[f"{name}_cause_code"],
        focus=row[f"{name}_focus"],
        draft=Digest(draft) if draft else None,
        seconds=None if spent_ms is None else spent_ms / 1000,
    )
