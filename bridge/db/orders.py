"""What was said of orders, in SQL: every word is kept, and how an order stands is made of them."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

import orjson
from sqlalchemy import ColumnElement, Connection, and_, or_, select

from bridge.db import tables
from bridge.db.feed import live_cases
from bridge.db.results import insert_once
from guarantee.canonical import canonical
from guarantee.case import Case, CaseKind
from guarantee.codec import from_plain, time_text, to_plain
from guarantee.ids import Digest, derive
from guarantee.orders import Order, standing

WORDS_MAX: Final = 200
"""Most words on the orders of one exam that are read, the newest ones. A busy order has ten."""

_ORDERS: Final = tables.orders


class SqlOrders:
    """Orders, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, order: Order, *, sender: str, message: Digest, at: datetime) -> None:
        """Note ``order``; the same again changes nothing."""
        row = {
            "id": derive("order", message, order.name),
            "sender": sender,
            "message": message,
            "placer": order.placer,
            "filler": order.filler,
            "accession": order.accession,
            "study": order.study,
            "status": str(order.status),
            "body": canonical(to_plain(order)).decode(),
            "said_at": time_text(order.said_at),
            "at": time_text(at),
        }
        self._connection.execute(insert_once(self._connection, _ORDERS).values(**row))

    def of(self, case: Case) -> tuple[Order, ...]:
        """Return the orders of the exam ``case`` as they stand."""
        if case.kind is not CaseKind.STUDY:
            return ()
        said = self._said(or_(_named("study", case.uid), _named("accession", case.order)))
        return tuple(order for order in standing(said) if order.is_for(case))

    def is_known(self, order: Order) -> bool:
        """Return whether something was said under one of its numbers before."""
        return bool(self._read(_of_order(order)))

    def exams(self, order: Order) -> tuple[Case, ...]:
        """Return the newest revisions of the exams that ``order`` may be about, not locked."""
        said = [order, *self._said(_of_order(order))]
        cases = tables.cases
        accessions = {one.accession for one in said} - {""}
        studies = {one.study for one in said} - {""}
        return live_cases(
            self._connection,
            and_(
                cases.c.kind == str(CaseKind.STUDY),
                or_(cases.c.uid.in_(studies), cases.c.order_number.in_(accessions)),
            ),
        )

    def _said(self, named: ColumnElement[bool]) -> list[Order]:
        """Return what was said of the orders that ``named`` finds, under any of their numbers, oldest first."""
        first = self._read(named)
        placers = {order.placer for order in first} - {""}
        fillers = {order.filler for order in first} - {""}
        if not (placers or fillers):
            return first
        return self._read(or_(named, _ORDERS.c.placer.in_(placers), _ORDERS.c.filler.in_(fillers)))

    def _read(self, condition: ColumnElement[bool]) -> list[Order]:
        newest_first = (_ORDERS.c.said_at.desc(), _ORDERS.c.at.desc(), _ORDERS.c.id.desc())
        bodies = self._connection.scalars(
            select(_ORDERS.c.body).where(condition).order_by(*newest_first).limit(WORDS_MAX)
        ).all()
        return [from_plain(Order, orjson.loads(body)) for body in reversed(bodies)]


def _named(column: str, value: str) -> ColumnElement[bool]:
    # The value is said not to be empty twice, so that the partial index is used.
    return and_(_ORDERS.c[column] == value, _ORDERS.c[column] != "")


def _of_order(order: Order) -> ColumnElement[bool]:
    names: Collection[str] = ("placer", "filler", "accession", "study")
    return or_(*(_named(name, getattr(order, name)) for name in names))
