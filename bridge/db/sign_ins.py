"""Sign-ins at the identity provider that have begun, and the times when local accounts may do without it, in SQL."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, text, update

from bridge.db import tables
from bridge.db.ddl import JOURNAL_LOCK
from guarantee.codec import parse_time, time_text

_REQUESTS: Final[Any] = tables.authentication_requests
_OPENINGS: Final[Any] = tables.local_openings


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOpening:
    """Until when local accounts may sign in although there is an identity provider."""

    until: datetime
    by: str
    reason: str
    at: datetime


class SqlRequests:
    """Authentication requests, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def holds(self, many: int) -> bool:
        """Return whether ``many`` requests are kept, or more."""
        return self._connection.scalar(select(_REQUESTS.c.state).offset(many - 1).limit(1)) is not None

    def add(self, state: str, browser: str, sealed: str, at: datetime) -> None:
        """Insert a request; ``state`` and ``browser`` are digests."""
        values = {"state": state, "browser": browser, "sealed": sealed, "at": time_text(at)}
        self._connection.execute(insert(_REQUESTS).values(**values))

    def take(self, state: str, browser: str, *, since: datetime, at: datetime) -> str | None:
        """Return what was sealed, once; None when there is none, it is older than ``since``, or used."""
        fresh = (
            _REQUESTS.c.state == state,
            _REQUESTS.c.browser == browser,
            _REQUESTS.c.used_at.is_(None),
            _REQUESTS.c.at > time_text(since),
        )
        if not self._connection.execute(update(_REQUESTS).where(*fresh).values(used_at=time_text(at))).rowcount:
            return None
        return self._connection.scalar(select(_REQUESTS.c.sealed).where(_REQUESTS.c.state == state))


class SqlLocalOpenings:
    """When local accounts were opened, inside one transaction; the last line counts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last(self) -> LocalOpening | None:
        """Return the last line, or None."""
        query = select(_OPENINGS).order_by(_OPENINGS.c.seq.desc()).limit(1)
        row = self._connection.execute(query).mappings().first()
        if row is None:
            return None
        return LocalOpening(
            until=parse_time(row["until"]), by=row["by_whom"], reason=row["reason"], at=parse_time(row["at"])
        )

    def add(self, opening: LocalOpening) -> None:
        """Append a line, in turn: the lock is the journal's, which the link of this line needs anyway."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": JOURNAL_LOCK})
        following = select(func.coalesce(func.max(_OPENINGS.c.seq), 0) + 1).scalar_subquery()
        self._connection.execute(
            insert(_OPENINGS).values(
                seq=following,
                until=time_text(opening.until),
                by_whom=opening.by,
                reason=opening.reason,
                at=time_text(opening.at),
            )
        )
