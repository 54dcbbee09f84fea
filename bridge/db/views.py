"""What pages and the command line read. Nothing here locks or changes anything."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, and_, case, func, or_, select

from bridge.db import tables
from bridge.db.deliveries import select_deliveries, sent_again
from bridge.db.judging import judgement_from_row
from bridge.db.results import select_results
from bridge.db.rows import case_from_row, delivery_from_row, result_from_row
from guarantee.case import Case
from guarantee.codec import parse_time
from guarantee.completeness import Judgement
from guarantee.deliveries import Delivery
from guarantee.ids import Digest
from guarantee.journal import Link
from guarantee.release import Kind
from guarantee.result import Cause, Priority, Result
from guarantee.states import CaseState, ResultState

PAGE: Final = 1_000
"""Links read from the journal at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One result with its case.

    Args:
        undelivered: why a destination refused what was endorsed, or the withdrawal, or was never sent it; None
            otherwise.
    """

    result: Result
    case: Case
    held: bool
    undelivered: Cause | None
    queued_at: datetime
    moved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRow:
    """One delivery and how it stands."""

    delivery: Delivery
    cause: Cause | None
    method: str
    moved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtRow:
    """Why a case is held or flagged, and what the doubt is about: a digest of traits, a sender, other bytes."""

    cause: str
    subject: str
    holds: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRow:
    """Why a case was judged complete, and when."""

    judgement: Judgement
    at: datetime

    @property
    def waited_s(self) -> float:
        """From the last input to the judgement, in seconds."""
        return (self.at - self.judgement.last_at).total_seconds()


class SqlViews:
    """Read-only views, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def results(
        self, states: Sequence[str], *, modes: Sequence[str] = ("care",), limit: int, newest_first: bool = False
    ) -> tuple[Row, ...]:
        """Return results, stat before routine, then oldest first; every state when ``states`` is empty.

        Args:
            newest_first: last moved first, whatever the priority.
        """
        results = tables.results
        urgent = case((results.c.priority == str(Priority.STAT), 0), else_=1)
        query = self._rows().where(results.c.mode.in_(modes))
        if states:
            query = query.where(results.c.state.in_(states))
        order = (results.c.moved_at.desc(),) if newest_first else (urgent, results.c.queued_at)
        return self._read(query.order_by(*order, results.c.id).limit(limit))

    def outside(self, limit: int) -> tuple[Row, ...]:
        """Return results of which copies may be wrong where they are, last moved first.

        Delivered, the inputs changed since, and nobody has decided on what a later revision gave; or withdrawn, and a
        destination refused the withdrawal.
        """
        results, deliveries = tables.results, tables.deliveries
        refused = select(deliveries.c.result_id).where(
            deliveries.c.state == "declined", deliveries.c.kind == str(Kind.WITHDRAWAL), ~sent_again()
        )
        query = self._rows().where(results.c.mode == "care", results.c.id.in_(_overtaken().union(refused)))
        return self._read(query.order_by(results.c.moved_at.desc(), results.c.id).limit(limit))

    def result(self, result_id: str) -> Row | None:
        """Return one result, or None."""
        return next(iter(self._read(self._rows().where(tables.results.c.id == result_id))), None)

    def of_cases(self, case_ids: Collection[str], limit: int) -> tuple[Row, ...]:
        """Return the results of care of these revisions of cases, the last revision first, oldest first in each."""
        results, cases = tables.results, tables.cases
        revision = select(cases.c.revision).where(cases.c.id == results.c.case_id).scalar_subquery()
        query = self._rows().where(results.c.mode == "care", results.c.case_id.in_(case_ids))
        return self._read(query.order_by(revision.desc(), results.c.queued_at, results.c.id).limit(limit))

    def counts(self) -> dict[str, int]:
        """Return how many results of care are in each state."""
        results = tables.results
        query = (
            select(results.c.state, func.count().label("many"))
            .where(results.c.mode == "care")
            .group_by(results.c.state)
        )
        return {row.state: row.many for row in self._connection.execute(query)}

    def _rows(self) -> Any:
        held = tables.held_results
        is_held = select(held.c.result_id).where(held.c.result_id == tables.results.c.id).exists()
        return select_results().add_columns(is_held.label("held"))

    def _read(self, query: Any) -> tuple[Row, ...]:
        rows = self._connection.execute(query).mappings().all()
        owners = {row["case_id"] for row in rows}
        found = self._connection.execute(select(tables.cases).where(tables.cases.c.id.in_(owners))).mappings()
        cases = {row["id"]: case_from_row(row) for row in found}
        undelivered = self._undelivered({row["id"] for row in rows})
        return tuple(
            Row(
                result=result_from_row(row),
                case=cases[row["case_id"]],
                held=bool(row["held"]),
                undelivered=undelivered.get(row["id"]),
                queued_at=parse_time(row["queued_at"]),
                moved_at=parse_time(row["moved_at"]),
            )
            for row in rows
        )

    def _undelivered(self, of: Collection[str]) -> dict[str, Cause]:
        results, deliveries = tables.results, tables.deliveries
        endorsed = and_(
            results.c.state.in_([str(ResultState.VALIDATED), str(ResultState.AMENDED)]),
            deliveries.c.kind == str(Kind.RESULT),
            deliveries.c.state.in_(["declined", "withheld"]),
        )
        withdrawn = and_(
            results.c.state == str(ResultState.RETRACTED),
            deliveries.c.kind == str(Kind.WITHDRAWAL),
            deliveries.c.state == "declined",
        )
        query = (
            select(deliveries.c.result_id, deliveries.c.cause_code, deliveries.c.cause_detail)
            .join(results, results.c.id == deliveries.c.result_id)
            .where(deliveries.c.result_id.in_(of), or_(endorsed, withdrawn), ~sent_again())
            .order_by(deliveries.c.moved_at, deliveries.c.destination)
        )
        found = self._connection.execute(query)
        return {row.result_id: Cause(code=row.cause_code, detail=row.cause_detail) for row in found}

    def sent(self, result_id: str) -> tuple[SentRow, ...]:
        """Return the deliveries of a result, in the order they were added."""
        deliveries = tables.deliveries
        method = select(tables.receipts.c.method).where(tables.receipts.c.delivery_id == deliveries.c.id)
        query = (
            select_deliveries()
            .add_columns(method.scalar_subquery().label("method"))
            .where(deliveries.c.result_id == result_id)
            .order_by(deliveries.c.added_at, deliveries.c.destination)
        )
        return tuple(
            SentRow(
                delivery=delivery_from_row(row),
                cause=Cause(code=row["cause_code"], detail=row["cause_detail"]) if row["cause_code"] else None,
                method=row["method"] or "",
                moved_at=parse_time(row["moved_at"]),
            )
            for row in self._connection.execute(query).mappings()
        )

    def judged(self, case_id: str) -> JudgedRow | None:
        """Return why this revision of a case was judged complete; None before it was."""
        judged = tables.judgements
        row = self._connection.execute(select(judged).where(judged.c.case_id == case_id)).mappings().first()
        return JudgedRow(judgement=judgement_from_row(row), at=parse_time(row["at"])) if row else None

    def timeline(self, result_id: str) -> tuple[Link, ...]:
        """Return every link of the journal about a result, its case and its deliveries."""
        row = self._connection.execute(
            select(tables.results.c.case_id).where(tables.results.c.id == result_id)
        ).one_or_none()
        deliveries = select(tables.deliveries.c.id).where(tables.deliveries.c.result_id == result_id)
        subjects = [result_id, *([row.case_id] if row else []), *self._connection.scalars(deliveries)]
        query = select(tables.journal).where(tables.journal.c.subject.in_(subjects)).order_by(tables.journal.c.seq)
        return tuple(_link(found) for found in self._connection.execute(query).mappings())

    def turned_away(self, limit: int) -> tuple[dict[str, str], ...]:
        """Return what was last refused at a door."""
        query = select(tables.turned_away).order_by(tables.turned_away.c.at.desc()).limit(limit)
        return tuple(dict(row) for row in self._connection.execute(query).mappings())

    def cases(self, limit: int, *, states: Sequence[str] = (), cause: str = "") -> tuple[Case, ...]:
        """Return the newest cases; of every state when ``states`` is empty, with any cause when ``cause`` is ""."""
        query = select(tables.cases)
        if states:
            query = query.where(tables.cases.c.state.in_(states))
        if cause:
            query = query.where(tables.cases.c.cause == cause)
        query = query.order_by(tables.cases.c.opened_at.desc()).limit(limit)
        return tuple(case_from_row(row) for row in self._connection.execute(query).mappings())

    def held(self, limit: int | None = None) -> tuple[Case, ...]:
        """Return the cases that wait for a person's word, oldest first; all of them when ``limit`` is None."""
        cases, admissions = tables.cases, tables.admissions
        said = select(admissions.c.case_id).where(admissions.c.case_id == cases.c.id).exists()
        query = select(cases).where(cases.c.state == str(CaseState.QUARANTINED), ~said).order_by(cases.c.moved_at)
        return tuple(case_from_row(row) for row in self._connection.execute(query.limit(limit)).mappings())

    def doubts(self, case_id: str) -> tuple[DoubtRow, ...]:
        """Return the doubts about one revision of a case, oldest first."""
        doubts = tables.doubts
        query = select(doubts).where(doubts.c.case_id == case_id).order_by(doubts.c.at, doubts.c.cause)
        return tuple(
            DoubtRow(cause=row.cause, subject=row.subject, holds=bool(row.holds), at=parse_time(row.at))
            for row in self._connection.execute(query)
        )

    def find_cases(self, prefix: str) -> tuple[str, ...]:
        """Return the cases whose identifier begins with ``prefix``: a person types the first characters."""
        cases = tables.cases
        query = select(cases.c.id).where(or_(cases.c.id == prefix, cases.c.id.startswith(prefix, autoescape=True)))
        return tuple(self._connection.scalars(query.limit(5)))


def _overtaken() -> Any:
    """Return the delivered results of superseded revisions, but for those after which somebody decided again."""
    results, cases = tables.results, tables.cases
    later, following = results.alias("later"), cases.alias("following")
    decided = [ResultState.VALIDATED, ResultState.AMENDED, ResultState.REJECTED, ResultState.DELIVERED]
    again = (
        select(later.c.id)
        .join(following, following.c.id == later.c.case_id)
        .where(
            following.c.kind == cases.c.kind,
            following.c.uid == cases.c.uid,
            following.c.revision > cases.c.revision,
            later.c.model_id == results.c.model_id,
            later.c.state.in_([str(state) for state in decided]),
        )
        .exists()
    )
    is_delivered = results.c.state.concat("") == str(ResultState.DELIVERED)  # no index: they are many, those cases few
    return (
        select(results.c.id)
        .join(cases, cases.c.id == results.c.case_id)
        .where(cases.c.state == str(CaseState.SUPERSEDED), is_delivered, ~again)
    )


class SqlJournal:
    """The journal, read in order."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def links(self, after: int = 0) -> Iterator[Link]:
        """Yield every link after ``after``, in order, a page at a time."""
        journal = tables.journal
        while True:
            query = select(journal).where(journal.c.seq > after).order_by(journal.c.seq).limit(PAGE)
            page = [_link(row) for row in self._connection.execute(query).mappings()]
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].seq

    def head(self) -> tuple[int, Digest] | None:
        """Return the sequence number and hash of the last link; None when there is none."""
        query = select(tables.journal.c.seq, tables.journal.c.hash).order_by(tables.journal.c.seq.desc()).limit(1)
        row = self._connection.execute(query).one_or_none()
        return (row.seq, Digest(row.hash)) if row else None

    def hash_at(self, seq: int) -> Digest | None:
        """Return the hash of one link, or None."""
        found = self._connection.scalar(select(tables.journal.c.hash).where(tables.journal.c.seq == seq))
        return Digest(found) if found else None

    def statements(self) -> Iterator[dict[str, str]]:
        """Yield what was sealed: preparations, opinions, withdrawals and releases, with their seals, for an export."""
        for table, column, name in (
            (tables.preparations, tables.preparations.c.statement, "preparation"),
            (tables.opinions, tables.opinions.c.statement, "opinion"),
            (tables.withdrawals, tables.withdrawals.c.notice, "withdrawal"),
            (tables.releases, tables.releases.c.terms, "release"),
        ):
            query = select(table.c.id, column.label("payload"), table.c.seal_key, table.c.signature)
            for row in self._connection.execute(query.order_by(table.c.id)).mappings():
                yield {
                    "sealed": name,
                    "id": row["id"],
                    "payload": row["payload"],
                    "key": row["seal_key"],
                    "signature": row["signature"],
                }

    def find_results(self, prefix: str) -> tuple[str, ...]:
        """Return the results whose identifier begins with ``prefix``: a person types the first characters."""
        results = tables.results
        query = select(results.c.id).where(
            or_(results.c.id == prefix, results.c.id.startswith(prefix, autoescape=True))
        )
        return tuple(self._connection.scalars(query.limit(5)))


def link_body(link: Link) -> dict[str, Any]:
    """Return what a link's body says."""
    body = orjson.loads(link.body)
    return body if isinstance(body, dict) else {}


def _link(row: Any) -> Link:
    return Link(
        seq=row["seq"],
        at=row["at"],
        actor=row["actor"],
        role=row["role"],
        action=row["action"],
        subject=row["subject"],
        body=row["body"],
        prev=Digest(row["prev"]),
        hash=Digest(row["hash"]),
    )
