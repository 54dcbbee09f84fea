"""Deliveries, attempts and receipts in SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from bridge.db import tables
from bridge.db.cases import CaseLock
from bridge.db.rows import delivery_from_row
from guarantee.codec import time_text
from guarantee.deliveries import Delivery, Resend
from guarantee.ids import DeliveryId, ResultId
from guarantee.release import Receipt
from guarantee.result import Cause

_DELIVERIES = tables.deliveries
_ATTEMPTS = tables.attempts
_RECEIPTS = tables.receipts


def select_deliveries() -> Select[Any]:
    """Return the query that ``delivery_from_row`` reads."""
    begun = select(func.count()).select_from(_ATTEMPTS).where(_ATTEMPTS.c.delivery_id == _DELIVERIES.c.id)
    said = select(_RECEIPTS.c.reference).where(_RECEIPTS.c.delivery_id == _DELIVERIES.c.id)
    return select(_DELIVERIES, begun.scalar_subquery().label("attempts"), said.scalar_subquery().label("reference"))


def sent_again() -> Any:
    """Return the condition that a person has asked for a delivery to be sent once more since."""
    later = _DELIVERIES.alias("later")
    return (
        select(later.c.id)
        .where(
            later.c.release_id == _DELIVERIES.c.release_id,
            later.c.destination == _DELIVERIES.c.destination,
            later.c.round > _DELIVERIES.c.round,
        )
        .exists()
    )


class SqlDeliveries:
    """Deliveries, inside one transaction."""

    def __init__(self, connection: Connection, lock: CaseLock) -> None:
        self._connection = connection
        self._lock = lock

    def add(self, delivery: Delivery, at: datetime) -> None:
        """Insert a delivery that is due."""
        now = time_text(at)
        self._connection.execute(
            insert(_DELIVERIES).values(
                id=delivery.id,
                release_id=delivery.release,
                kind=str(delivery.kind),
                result_id=delivery.result,
                destination=delivery.destination,
                round=delivery.round,
                package=delivery.package,
                state=delivery.state,
                cause_code="",
                cause_detail="",
                next_attempt_at=now,
                added_at=now,
                moved_at=now,
            )
        )

    def get(self, delivery: DeliveryId) -> Delivery | None:
        """Return a delivery, its case locked; None when there is none."""
        query = select_deliveries().where(_DELIVERIES.c.id == delivery)
        row = self._connection.execute(query).mappings().first()
        if row is None:
            return None
        self._lock.take_for_result(ResultId(row["result_id"]))
        return delivery_from_row(self._connection.execute(query).mappings().one())

    def of_result(self, result: ResultId) -> tuple[Delivery, ...]:
        """Return every delivery of a result, both kinds, its case locked."""
        self._lock.take_for_result(result)
        query = (
            select_deliveries()
            .where(_DELIVERIES.c.result_id == result)
            .order_by(_DELIVERIES.c.kind, _DELIVERIES.c.destination, _DELIVERIES.c.round)
        )
        return tuple(delivery_from_row(row) for row in self._connection.execute(query).mappings())

    def begin(self, delivery: Delivery, *, at: datetime, until: datetime) -> int | None:
        """Insert an attempt and return its number; None when another worker is at it, or it is not yet time."""
        ours = self._connection.execute(
            update(_DELIVERIES)
            .where(
                _DELIVERIES.c.id == delivery.id,
                _DELIVERIES.c.state == "due",
                _DELIVERIES.c.next_attempt_at <= time_text(at),
            )
            .values(next_attempt_at=time_text(until))
        )
        if not ours.rowcount:
            return None
        number = delivery.attempts + 1
        self._connection.execute(
            insert(_ATTEMPTS).values(delivery_id=delivery.id, n=number, package=delivery.package, at=time_text(at))
        )
        return number

    def confirm(self, delivery: Delivery, attempt: int, receipt: Receipt) -> None:
        """Insert the receipt; a delivery that is due is now confirmed."""
        self._connection.execute(
            insert(_RECEIPTS).values(
                delivery_id=delivery.id,
                attempt=attempt,
                package=receipt.package,
                method=receipt.method,
                reference=receipt.reference,
                at=time_text(receipt.at),
            )
        )
        still_due = self._connection.scalar(select(_DELIVERIES.c.state).where(_DELIVERIES.c.id == delivery.id)) == "due"
        if still_due:
            self._move(delivery, "confirmed", Cause(code="", detail=""), receipt.at)

    def postpone(self, delivery: Delivery, *, until: datetime, cause: Cause) -> None:
        """Note why an attempt failed and when to try again."""
        self._connection.execute(
            update(_DELIVERIES)
            .where(_DELIVERIES.c.id == delivery.id, _DELIVERIES.c.state == "due")
            .values(next_attempt_at=time_text(until), cause_code=cause.code, cause_detail=cause.detail)
        )

    def defer(self, delivery: Delivery, *, at: datetime, until: datetime, cause: Cause) -> None:
        """Note why a delivery that is due at ``at`` waits; one that somebody is at is not due before they give up."""
        self._connection.execute(
            update(_DELIVERIES)
            .where(
                _DELIVERIES.c.id == delivery.id,
                _DELIVERIES.c.state == "due",
                _DELIVERIES.c.next_attempt_at <= time_text(at),
            )
            .values(next_attempt_at=time_text(until), cause_code=cause.code, cause_detail=cause.detail)
        )

    def order(self, resend: Resend, at: datetime) -> None:
        """Insert who asked for what to be sent again, and why."""
        self._connection.execute(
            insert(tables.resends).values(
                release_id=resend.release,
                destination=resend.destination,
                round=resend.round,
                by_whom=resend.by,
                reason=resend.reason,
                at=time_text(at),
            )
        )

    def close(self, delivery: Delivery, state: str, cause: Cause, at: datetime) -> None:
        """Give up: "declined" or "withheld", with the reason that a person will read."""
        self._move(delivery, state, cause, at)

    def _move(self, delivery: Delivery, state: str, cause: Cause, at: datetime) -> None:
        self._connection.execute(
            update(_DELIVERIES)
            .where(_DELIVERIES.c.id == delivery.id)
            .values(state=state, cause_code=cause.code, cause_detail=cause.detail, moved_at=time_text(at))
        )

    def due(self, *, now: datetime) -> tuple[Delivery, ...]:
        """Return the deliveries whose next attempt is due, oldest first."""
        query = select_deliveries().where(_DELIVERIES.c.state == "due", _DELIVERIES.c.next_attempt_at <= time_text(now))
        rows = self._connection.execute(query.order_by(_DELIVERIES.c.next_attempt_at)).mappings()
        return tuple(delivery_from_row(row) for row in rows)
