"""How destinations answer and which are paused, in SQL; and the list that a person looks at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, text, update

from bridge.db import tables
from bridge.db.deliveries import sent_again
from bridge.db.results import insert_once
from guarantee.breaker import Health
from guarantee.codec import parse_time, time_text
from guarantee.pauses import Pause, PauseAction, paused
from guarantee.result import Cause

LOCK: Final = 4714
"""PostgreSQL's advisory lock of the list of pauses: two people at the same moment are both heard, in turn."""

_DESTINATIONS = tables.destinations
_DELIVERIES = tables.deliveries


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """One destination as a person follows it. Nothing here is about a patient.

    Args:
        pause: in force; None when nobody paused it.
        waiting, attempts: deliveries that are due, and how often those were begun.
        oldest: since when the first of them waits; None when none does.
        refused: deliveries that it declined and that were not confirmed since: a person must look.
    """

    health: Health
    pause: Pause | None
    waiting: int = 0
    attempts: int = 0
    oldest: datetime | None = None
    refused: int = 0


class SqlDestinations:
    """Destinations, inside one transaction."""

    def __init__(self, connection: Connection, *, locks: bool) -> None:
        self._connection = connection
        self._locks = locks

    def health(self, name: str) -> Health:
        """Return how a destination answered so far, locked until the transaction ends."""
        query = select(_DESTINATIONS).where(_DESTINATIONS.c.name == name)
        query = query.with_for_update() if self._locks else query
        row = self._connection.execute(query).mappings().first()
        if row is None and self._locks:
            self._connection.execute(
                insert_once(self._connection, _DESTINATIONS).values(_to_row(Health(destination=name)))
            )
            row = self._connection.execute(query).mappings().one()
        return _from_row(row) if row else Health(destination=name)

    def keep(self, health: Health) -> None:
        """Write ``health`` over what was known."""
        values = _to_row(health)
        name = values.pop("name")
        self._connection.execute(update(_DESTINATIONS).where(_DESTINATIONS.c.name == name).values(values))

    def pauses(self) -> tuple[Pause, ...]:
        """Return every line, oldest first."""
        rows = self._connection.execute(select(tables.pauses).order_by(tables.pauses.c.seq)).mappings()
        return tuple(
            Pause(
                destination=row["destination"],
                action=PauseAction(row["action"]),
                by=row["by_whom"],
                reason=row["reason"],
                at=parse_time(row["at"]),
            )
            for row in rows
        )

    def add(self, pause: Pause) -> None:
        """Append a line."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        following = select(func.coalesce(func.max(tables.pauses.c.seq), 0) + 1).scalar_subquery()
        self._connection.execute(
            insert(tables.pauses).values(
                seq=following,
                destination=pause.destination,
                action=str(pause.action),
                by_whom=pause.by,
                reason=pause.reason,
                at=time_text(pause.at),
            )
        )

    def traffic(self) -> dict[str, Traffic]:
        """Return every destination that was ever sent to, has something waiting, or is paused, by name."""
        known = {row["name"]: _from_row(row) for row in self._connection.execute(select(_DESTINATIONS)).mappings()}
        resting = paused(self.pauses())
        waiting = {row.destination: row for row in self._connection.execute(_waiting())}
        refused = {row.destination: row.many for row in self._connection.execute(_refused())}
        return {
            name: Traffic(
                health=known.get(name, Health(destination=name)),
                pause=resting.get(name),
                waiting=waiting[name].many if name in waiting else 0,
                attempts=waiting[name].begun if name in waiting else 0,
                oldest=parse_time(waiting[name].oldest) if name in waiting else None,
                refused=refused.get(name, 0),
            )
            for name in sorted({*known, *resting, *waiting, *refused})
        }


def _waiting() -> Any:
    attempts = tables.attempts
    begun = (
        select(attempts.c.delivery_id, func.count().label("many"))
        .where(attempts.c.delivery_id.in_(select(_DELIVERIES.c.id).where(_DELIVERIES.c.state == "due")))
        .group_by(attempts.c.delivery_id)
        .subquery()
    )
    return (
        select(
            _DELIVERIES.c.destination,
            func.count().label("many"),
            func.min(_DELIVERIES.c.added_at).label("oldest"),
            func.coalesce(func.sum(begun.c.many), 0).label("begun"),
        )
        .outerjoin(begun, begun.c.delivery_id == _DELIVERIES.c.id)
        .where(_DELIVERIES.c.state == "due")
        .group_by(_DELIVERIES.c.destination)
    )


def _refused() -> Any:
    return (
        select(_DELIVERIES.c.destination, func.count().label("many"))
        .where(_DELIVERIES.c.state == "declined", ~sent_again())
        .group_by(_DELIVERIES.c.destination)
    )


def _to_row(health: Health) -> dict[str, Any]:
    return {
        "name": health.destination,
        "failures": health.failures,
        "rests_until": _text(health.rests_until),
        "trying": int(health.trying),
        "confirmed_at": _text(health.confirmed_at),
        "failed_at": _text(health.failed_at),
        "cause_code": health.cause.code if health.cause else "",
        "cause_detail": health.cause.detail if health.cause else "",
    }


def _from_row(row: Any) -> Health:
    return Health(
        destination=row["name"],
        failures=row["failures"],
        rests_until=_time(row["rests_until"]),
        trying=bool(row["trying"]),
        confirmed_at=_time(row["confirmed_at"]),
        failed_at=_time(row["failed_at"]),
        cause=Cause(code=row["cause_code"], detail=row["cause_detail"]) if row["cause_code"] else None,
    )


def _text(at: datetime | None) -> str | None:
    return time_text(at) if at else None


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None
