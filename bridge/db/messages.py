"""Outbox, inbox, fetches and what was turned away, in SQL."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, insert, select, tuple_, update

from bridge.db import tables
from bridge.db.results import insert_once
from guarantee.codec import time_text
from guarantee.errors import Malformed
from guarantee.events import Fact, fact_from_plain, fact_to_plain
from guarantee.unit import Fetch

_RING: Final = insert(tables.outbox)  # built once: a record that pushes brings a thousand in a second


class SqlMessages:
    """Messages, inside one transaction."""

    def __init__(self, connection: Connection, *, locks: bool) -> None:
        self._connection = connection
        self._locks = locks
        self.has_rung = False
        """Whether this transaction wrote to the outbox."""

    def ring(self, fact: Fact, at: datetime) -> None:
        """Write ``fact`` beside the change it tells of."""
        self.has_rung = True
        row = {"id": str(uuid.uuid4()), "fact": orjson.dumps(fact_to_plain(fact)).decode(), "at": time_text(at)}
        self._connection.execute(_RING, row)

    def heard(self, consumer: str, message_id: str, at: datetime) -> bool:
        """Note that ``consumer`` handles this message; return False when it already had."""
        done = self._connection.execute(
            insert_once(self._connection, tables.inbox).values(
                consumer=consumer, message_id=message_id, at=time_text(at)
            )
        )
        return bool(done.rowcount)

    def pending(self, limit: int) -> tuple[tuple[str, Fact], ...]:
        """Return facts not yet handed over, oldest first; another relay's are skipped.

        What this version cannot read is left where it is: a newer relay may know it, and it must not hold up the rest.
        """
        found: list[tuple[str, Fact]] = []
        after = ("", "")
        while len(found) < limit:
            rows = self._not_rung(after, limit)
            if not rows:
                break
            after = (rows[-1].at, rows[-1].id)
            for row in rows:
                with suppress(Malformed, orjson.JSONDecodeError):
                    found.append((row.id, fact_from_plain(orjson.loads(row.fact))))
        return tuple(found[:limit])

    def _not_rung(self, after: tuple[str, str], limit: int) -> Sequence[Any]:
        outbox = tables.outbox
        query = (
            select(outbox.c.id, outbox.c.fact, outbox.c.at)
            .where(outbox.c.rung_at.is_(None), tuple_(outbox.c.at, outbox.c.id) > after)
            .order_by(outbox.c.at, outbox.c.id)
            .limit(limit)
        )
        return self._connection.execute(query.with_for_update(skip_locked=True) if self._locks else query).all()

    def rung(self, message_ids: Sequence[str], at: datetime) -> None:
        """Mark facts as handed over."""
        outbox = tables.outbox
        self._connection.execute(update(outbox).where(outbox.c.id.in_(message_ids)).values(rung_at=time_text(at)))

    def turn_away(self, door: str, sender: str, code: str, detail: str, at: datetime) -> None:
        """Record what was refused at a door, and why; no identity, no bytes."""
        self._connection.execute(
            insert(tables.turned_away).values(
                id=str(uuid.uuid4()), door=door, sender=sender, code=code, detail=detail[:500], at=time_text(at)
            )
        )

    def add_fetch(self, fetch: Fetch, at: datetime) -> bool:
        """Note that something must be fetched; return False when it already was noted."""
        done = self._connection.execute(
            insert_once(self._connection, tables.fetches),
            {
                "id": fetch.id,
                "sender": fetch.sender,
                "site": fetch.site,
                "what": fetch.what,
                "state": fetch.state,
                "attempts": fetch.attempts,
                "next_attempt_at": time_text(at),
                "cause_code": "",
                "added_at": time_text(at),
            },
        )
        return bool(done.rowcount)

    def fetch(self, fetch_id: str) -> Fetch | None:
        """Return a fetch, locked, or None."""
        query = select(tables.fetches).where(tables.fetches.c.id == fetch_id)
        query = query.with_for_update() if self._locks else query
        row = self._connection.execute(query).mappings().first()
        if row is None:
            return None
        return Fetch(**{name: row[name] for name in ("id", "sender", "site", "what", "state", "attempts")})

    def fetches_due(self, now: datetime) -> tuple[str, ...]:
        """Return fetches whose next attempt is due."""
        fetches = tables.fetches
        query = select(fetches.c.id).where(fetches.c.state == "due", fetches.c.next_attempt_at <= time_text(now))
        return tuple(self._connection.scalars(query))

    def settle_fetch(self, fetch: Fetch, state: str, cause_code: str, next_attempt_at: datetime) -> None:
        """Note how an attempt to fetch ended: "done", "failed", or "due" again later."""
        self._connection.execute(
            update(tables.fetches)
            .where(tables.fetches.c.id == fetch.id)
            .values(
                state=state,
                attempts=fetch.attempts + 1,
                cause_code=cause_code,
                next_attempt_at=time_text(next_attempt_at),
            )
        )
