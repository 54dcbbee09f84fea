"""Passkeys, and what they were asked to sign, in SQL."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update

from bridge.db import tables
from guarantee.codec import parse_time, time_text
from guarantee.gesture import Passkey

_KEYS: Final[Any] = tables.passkeys
_ENDS: Final[Any] = tables.passkey_ends
_CHALLENGES: Final[Any] = tables.challenges
_GESTURES: Final[Any] = tables.gestures

_COUNTER: Final = func.substr(_GESTURES.c.authenticator_data, 67, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPasskey:
    """A passkey as stored.

    Args:
        ended_at: when it was revoked; None while it counts.
    """

    passkey: Passkey
    added_at: datetime
    ended_at: datetime | None


class SqlPasskeys:
    """Passkeys, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, passkey: Passkey, at: datetime) -> None:
        """Insert a passkey; for ever."""
        self._connection.execute(
            insert(_KEYS).values(
                id=passkey.id,
                login=passkey.login,
                name=passkey.name,
                algorithm=passkey.algorithm,
                public_key=passkey.public_key,
                at=time_text(at),
            )
        )

    def of(self, login: str) -> tuple[StoredPasskey, ...]:
        """Return the passkeys of a person, oldest first, those that were revoked too."""
        return self._found(_KEYS.c.login == login)

    def find(self, passkey: str) -> StoredPasskey | None:
        """Return one, or None."""
        return next(iter(self._found(_KEYS.c.id == passkey)), None)

    def revoke(self, passkey: str, *, by: str, reason: str, at: datetime) -> None:
        """Note that a passkey signs nothing from now on; what it signed before stands."""
        self._connection.execute(insert(_ENDS).values(passkey=passkey, by_whom=by, reason=reason, at=time_text(at)))

    def counted(self, passkey: str) -> int:
        """Return the highest counter that this passkey has signed with; 0 before the first time."""
        highest = self._connection.scalar(select(func.max(_COUNTER)).where(_GESTURES.c.passkey == passkey))
        return int(highest or "0", 16)

    def issue(self, challenge: str, session: str, purpose: str, at: datetime) -> None:
        """Note what an authenticator is asked to sign, and in which session."""
        self._connection.execute(
            insert(_CHALLENGES).values(challenge=challenge, session=session, purpose=purpose, at=time_text(at))
        )

    def take(self, challenge: str, session: str, purpose: str, *, since: datetime, at: datetime) -> datetime | None:
        """Return when a challenge was issued, once; None when it never was, is older than ``since``, or is used."""
        fresh = (
            _CHALLENGES.c.challenge == challenge,
            _CHALLENGES.c.session == session,
            _CHALLENGES.c.purpose == purpose,
            _CHALLENGES.c.used_at.is_(None),
            _CHALLENGES.c.at > time_text(since),
        )
        if not self._connection.execute(update(_CHALLENGES).where(*fresh).values(used_at=time_text(at))).rowcount:
            return None
        return parse_time(self._connection.execute(select(_CHALLENGES.c.at).where(*fresh[:1])).scalar_one())

    def _found(self, condition: Any) -> tuple[StoredPasskey, ...]:
        query = (
            select(_KEYS, _ENDS.c.at.label("ended_at"))
            .outerjoin(_ENDS, _ENDS.c.passkey == _KEYS.c.id)
            .where(condition)
            .order_by(_KEYS.c.at, _KEYS.c.id)
        )
        return tuple(_stored(row) for row in self._connection.execute(query).mappings())


def _stored(row: Any) -> StoredPasskey:
    names = ("id", "login", "name", "algorithm", "public_key")
    return StoredPasskey(
        passkey=Passkey(**{name: row[name] for name in names}),
        added_at=parse_time(row["at"]),
        ended_at=parse_time(row["ended_at"]) if row["ended_at"] else None,
    )
