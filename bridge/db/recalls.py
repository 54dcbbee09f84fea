"""Results that are taken back together, how far that has come, and who was told; in SQL."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, func, select, update

from bridge.db import tables
from bridge.db.deliveries import sent_again
from bridge.db.results import insert_once
from guarantee.codec import parse_time, time_text
from guarantee.ids import ResultId
from guarantee.recalls import Recall
from guarantee.release import Kind, WithdrawalReason
from guarantee.result import Cause

_RECALLS: Any = tables.recalls
_ITEMS: Any = tables.recall_items
_TOLD: Any = tables.acknowledgements
_WITHDRAWN: Any = tables.withdrawals
_DELIVERIES: Any = tables.deliveries
_QUESTIONS: Any = tables.questions


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """One result of a recall that needs a person.

    Args:
        destination: that refused the word of its withdrawal; "" when it is not withdrawn yet.
    """

    result: ResultId
    destination: str
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a recall has come.

    Args:
        withdrawn: results that are taken back.
        proved: those of them for which every place that may hold a copy has proved that it holds the word of it.
        states: deliveries of that word, by destination and state.
        unresolved: what needs a person, with its cause.
        shown: who was shown any of the results: how many of them, and of how many that person has read that they were
            taken back.
    """

    recall: Recall
    withdrawn: int
    proved: int
    states: dict[str, dict[str, int]]
    unresolved: tuple[Unresolved, ...]
    shown: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A result that somebody was shown and that was then taken back."""

    result: ResultId
    reason: WithdrawalReason
    at: datetime


class SqlRecalls:
    """Recalls, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, recall: Recall, results: Sequence[ResultId]) -> bool:
        """Insert an order and its results; return False when it was given already."""
        done = self._connection.execute(insert_once(self._connection, _RECALLS).values(**_to_row(recall)))
        if not done.rowcount:
            return False
        blank = {"recall_id": recall.id, "cause_code": "", "cause_detail": "", "tried_at": None}
        for result in results:
            self._connection.execute(_ITEMS.insert().values(result_id=result, **blank))
        return True

    def get(self, recall: str) -> Recall | None:
        """Return an order, or None."""
        row = self._connection.execute(select(_RECALLS).where(_RECALLS.c.id == recall)).mappings().one_or_none()
        return None if row is None else _from_row(row)

    def find(self, prefix: str) -> tuple[str, ...]:
        """Return the orders whose identifier begins with ``prefix``: a person types the first characters."""
        query = select(_RECALLS.c.id).where(_RECALLS.c.id.startswith(prefix, autoescape=True)).limit(5)
        return tuple(self._connection.scalars(query))

    def all(self, limit: int) -> tuple[Recall, ...]:
        """Return the last orders, the newest first."""
        query = select(_RECALLS).order_by(_RECALLS.c.at.desc(), _RECALLS.c.id).limit(limit)
        return tuple(_from_row(row) for row in self._connection.execute(query).mappings())

    def left(self, recall: str) -> tuple[ResultId, ...]:
        """Return the results of an order that are not withdrawn yet."""
        gone = select(_WITHDRAWN.c.id).where(_WITHDRAWN.c.result_id == _ITEMS.c.result_id).exists()
        query = select(_ITEMS.c.result_id).where(_ITEMS.c.recall_id == recall, ~gone).order_by(_ITEMS.c.result_id)
        return tuple(ResultId(found) for found in self._connection.scalars(query))

    def note(self, recall: str, result: ResultId, cause: Cause | None, at: datetime) -> None:
        """Note how taking one result back went."""
        said = {"cause_code": cause.code if cause else "", "cause_detail": cause.detail if cause else ""}
        self._connection.execute(
            update(_ITEMS)
            .where(_ITEMS.c.recall_id == recall, _ITEMS.c.result_id == result)
            .values(tried_at=time_text(at), **said)
        )

    def acknowledge(self, result: ResultId, login: str, at: datetime) -> bool:
        """Note that somebody has read that a result was taken back; return False when they had."""
        row = {"result_id": result, "login": login, "at": time_text(at)}
        return bool(self._connection.execute(insert_once(self._connection, _TOLD).values(**row)).rowcount)

    # --------------------------------------------------------------------------------------------------- looking

    def notices(self, login: str, limit: int) -> tuple[Notice, ...]:
        """Return what ``login`` was shown, and somebody else took back, and they have not read so; oldest first.

        Shown means here: a draft was put in front of them (questions), or a launch led them to its case (openings).
        """
        results, openings = tables.results, tables.openings
        asked = select(_QUESTIONS.c.nonce).where(
            _QUESTIONS.c.reader == login, _QUESTIONS.c.result_id == _WITHDRAWN.c.result_id
        )
        led = (
            select(openings.c.id)
            .join(results, results.c.case_id == openings.c.case_id)
            .where(openings.c.login == login, results.c.id == _WITHDRAWN.c.result_id)
        )
        read = select(_TOLD.c.login).where(_TOLD.c.login == login, _TOLD.c.result_id == _WITHDRAWN.c.result_id)
        query = (
            select(_WITHDRAWN.c.result_id, _WITHDRAWN.c.reason, _WITHDRAWN.c.at)
            .where(_WITHDRAWN.c.by_whom != login, asked.exists() | led.exists(), ~read.exists())
            .order_by(_WITHDRAWN.c.at, _WITHDRAWN.c.result_id)
            .limit(limit)
        )
        return tuple(
            Notice(result=ResultId(row.result_id), reason=WithdrawalReason(row.reason), at=parse_time(row.at))
            for row in self._connection.execute(query)
        )

    def progress(self, recall: Recall) -> Progress:
        """Return how far an order has come."""
        states: dict[str, Counter[str]] = {}
        unproved: set[str] = set()
        unresolved = list(self._not_withdrawn(recall.id))
        for row in self._words(recall.id):
            states.setdefault(row.destination, Counter())[row.state] += 1
            if row.state != "confirmed":
                unproved.add(row.result_id)
            if row.state == "declined":
                cause = Cause(code=row.cause_code, detail=row.cause_detail)
                unresolved.append(Unresolved(result=ResultId(row.result_id), destination=row.destination, cause=cause))
        withdrawn = recall.many - len(self.left(recall.id))
        return Progress(
            recall=recall,
            withdrawn=withdrawn,
            proved=withdrawn - len(unproved),
            states={place: dict(counts) for place, counts in sorted(states.items())},
            unresolved=tuple(unresolved),
            shown=self._shown(recall.id),
        )

    def _words(self, recall: str) -> Sequence[Any]:
        """Return the last delivery of each withdrawal to each place."""
        query = (
            select(
                _DELIVERIES.c.result_id,
                _DELIVERIES.c.destination,
                _DELIVERIES.c.state,
                _DELIVERIES.c.cause_code,
                _DELIVERIES.c.cause_detail,
            )
            .join(_ITEMS, _ITEMS.c.result_id == _DELIVERIES.c.result_id)
            .where(_ITEMS.c.recall_id == recall, _DELIVERIES.c.kind == str(Kind.WITHDRAWAL), ~sent_again())
            .order_by(_DELIVERIES.c.destination, _DELIVERIES.c.result_id)
        )
        return self._connection.execute(query).all()

    def _not_withdrawn(self, recall: str) -> Sequence[Unresolved]:
        gone = select(_WITHDRAWN.c.id).where(_WITHDRAWN.c.result_id == _ITEMS.c.result_id).exists()
        query = select(_ITEMS).where(_ITEMS.c.recall_id == recall, _ITEMS.c.cause_code != "", ~gone)
        return [
            Unresolved(
                result=ResultId(row["result_id"]),
                destination="",
                cause=Cause(code=row["cause_code"], detail=row["cause_detail"]),
            )
            for row in self._connection.execute(query.order_by(_ITEMS.c.result_id)).mappings()
        ]

    def _shown(self, recall: str) -> dict[str, tuple[int, int]]:
        """Return whom a draft of these results was put in front of, or whom a launch led to their cases."""
        results, openings = tables.results, tables.openings
        mine = select(_ITEMS.c.result_id).where(_ITEMS.c.recall_id == recall)
        asked = select(_QUESTIONS.c.reader.label("login"), _QUESTIONS.c.result_id).where(
            _QUESTIONS.c.result_id.in_(mine)
        )
        led = (
            select(openings.c.login.label("login"), results.c.id.label("result_id"))
            .join(results, results.c.case_id == openings.c.case_id)
            .where(results.c.id.in_(mine))
        )
        seen = asked.union(led).subquery()
        read = and_(_TOLD.c.login == seen.c.login, _TOLD.c.result_id == seen.c.result_id)
        query = (
            select(seen.c.login, func.count().label("many"), func.count(_TOLD.c.login).label("read"))
            .select_from(seen.outerjoin(_TOLD, read))
            .group_by(seen.c.login)
            .order_by(seen.c.login)
        )
        return {row.login: (row.many, row.read) for row in self._connection.execute(query)}


def _to_row(recall: Recall) -> dict[str, Any]:
    return {
        "id": recall.id,
        "reason": str(recall.reason),
        "comment": recall.comment,
        "criteria": recall.criteria,
        "copies": recall.copies,
        "many": recall.many,
        "by_whom": recall.by,
        "second": recall.second,
        "at": time_text(recall.at),
    }


def _from_row(row: RowMapping) -> Recall:
    return Recall(
        id=row["id"],
        reason=WithdrawalReason(row["reason"]),
        comment=row["comment"],
        criteria=row["criteria"],
        copies=row["copies"],
        many=row["many"],
        by=row["by_whom"],
        second=row["second"],
        at=parse_time(row["at"]),
    )
