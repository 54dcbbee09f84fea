"""When a case, a result, a review and a delivery began and ended, in SQL: what traces are made of."""

from typing import Any, Final

from sqlalchemy import Connection, func, select

from bridge.db import tables
from bridge.tracing import PARTS, CaseTimes, DeliveryTimes, ResultTimes, RunTimes, Span, of_review
from guarantee.codec import parse_time

RUNS_MAX: Final = 50
"""Most attempts of one result that are told; there are at most a few (bridge/flows/infer.py)."""

_CASES, _RESULTS, _RUNS = tables.cases, tables.results, tables.runs
_JUDGED, _DECIDED, _DELIVERIES = tables.judgements, tables.decisions, tables.deliveries


class SqlTraces:
    """Times of what has ended, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def case(self, case: str) -> CaseTimes | None:
        """Return a case that was judged; None when it was not."""
        query = (
            select(_CASES.c.kind, _CASES.c.site, _CASES.c.opened_at, _JUDGED.c.last_input_at, _JUDGED.c.at)
            .join(_JUDGED, _JUDGED.c.case_id == _CASES.c.id)
            .where(_CASES.c.id == case)
        )
        row = self._connection.execute(query).first()
        if row is None:
            return None
        return CaseTimes(
            case=case,
            kind=row.kind,
            site=row.site,
            opened_at=parse_time(row.opened_at),
            last_input_at=parse_time(row.last_input_at),
            judged_at=parse_time(row.at),
        )

    def result(self, result: str) -> ResultTimes | None:
        """Return a result; None when its case was not judged."""
        query = (
            select(_RESULTS, _JUDGED.c.at.label("judged_at"))
            .join(_JUDGED, _JUDGED.c.case_id == _RESULTS.c.case_id)
            .where(_RESULTS.c.id == result)
        )
        row = self._connection.execute(query).first()
        if row is None:
            return None
        return ResultTimes(
            result=result,
            case=row.case_id,
            model=row.model_id,
            mode=row.mode,
            priority=row.priority,
            state="drafted" if row.drafted_at else row.state,
            cause="" if row.drafted_at else row.cause_code,
            judged_at=parse_time(row.judged_at),
            queued_at=parse_time(row.queued_at),
            ended_at=parse_time(row.drafted_at or row.moved_at),
            runs=self._runs(result),
        )

    def _runs(self, result: str) -> tuple[RunTimes, ...]:
        query = select(_RUNS).where(_RUNS.c.result_id == result).order_by(_RUNS.c.started_at).limit(RUNS_MAX)
        return tuple(_run(row) for row in self._connection.execute(query).mappings())

    def review(self, result: str) -> Span | None:
        """Return the review of a result, from when the draft was first shown; None without a decision."""
        asked = tables.questions
        query = (
            select(_RESULTS.c.case_id, _RESULTS.c.drafted_at, _DECIDED.c.verdict, _DECIDED.c.at)
            .join(_RESULTS, _RESULTS.c.id == _DECIDED.c.result_id)
            .where(_DECIDED.c.result_id == result)
        )
        row = self._connection.execute(query).first()
        if row is None:
            return None
        shown = self._connection.scalar(select(func.min(asked.c.asked_at)).where(asked.c.result_id == result))
        begin = parse_time(shown or row.drafted_at)
        return of_review(row.case_id, result, row.verdict, begin, parse_time(row.at))

    def delivery(self, delivery: str) -> DeliveryTimes | None:
        """Return a delivery; None when there is none."""
        query = (
            select(_DELIVERIES, _RESULTS.c.case_id)
            .join(_RESULTS, _RESULTS.c.id == _DELIVERIES.c.result_id)
            .where(_DELIVERIES.c.id == delivery)
        )
        row = self._connection.execute(query).first()
        if row is None:
            return None
        return DeliveryTimes(
            delivery=delivery,
            case=row.case_id,
            result=row.result_id,
            kind=row.kind,
            destination=row.destination,
            state=row.state,
            cause=row.cause_code or "",
            added_at=parse_time(row.added_at),
            ended_at=parse_time(row.moved_at),
        )


def _run(row: Any) -> RunTimes:
    return RunTimes(
        started_at=parse_time(row["started_at"]),
        ended_at=parse_time(row["ended_at"]),
        outcome=row["outcome"],
        cause=row["cause_code"],
        parts_s={part: row[f"{part}_ms"] / 1000 for part in PARTS if row[f"{part}_ms"] is not None},
    )
