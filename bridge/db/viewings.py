"""Bearer tokens of other viewers in SQL: each for one study, and for as long as a session lives."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, or_, select, update

from bridge.db import tables
from guarantee.codec import time_text

_VIEWINGS: Final[Any] = tables.viewings


class SqlViewings:
    """Tokens, inside one transaction. What is kept is a token's digest."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, ticket: str, session: str, study: str, at: datetime) -> None:
        """Let a viewer look at ``study`` for who holds ``session``."""
        values = {"ticket": ticket, "session": session, "study": study, "at": time_text(at)}
        self._connection.execute(insert(_VIEWINGS).values(**values))

    def holds(self, session: str, many: int) -> bool:
        """Return whether ``many`` tokens of ``session`` are kept, or more."""
        query = select(_VIEWINGS.c.ticket).where(_VIEWINGS.c.session == session).offset(many - 1).limit(1)
        return self._connection.scalar(query) is not None

    def find(self, ticket: str, *, unused_since: datetime, since: datetime) -> tuple[str, str, bool] | None:
        """Return the session and the study of a token, and whether it was used; None when it may not be.

        Args:
            unused_since: one that no viewer has asked by counts when it was given after this.
            since: every one counts no longer than this.
        """
        query = select(_VIEWINGS).where(
            _VIEWINGS.c.ticket == ticket,
            _VIEWINGS.c.at > time_text(since),
            or_(_VIEWINGS.c.used_at.is_not(None), _VIEWINGS.c.at > time_text(unused_since)),
        )
        row = self._connection.execute(query).mappings().first()
        return None if row is None else (row["session"], row["study"], row["used_at"] is not None)

    def use(self, ticket: str, at: datetime) -> None:
        """Note that a viewer asked by a token, the first time."""
        query = update(_VIEWINGS).where(_VIEWINGS.c.ticket == ticket, _VIEWINGS.c.used_at.is_(None))
        self._connection.execute(query.values(used_at=time_text(at)))
