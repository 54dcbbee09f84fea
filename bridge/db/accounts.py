"""People, sessions and sign-ins in SQL."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, insert, select, update

from bridge.db import tables
from guarantee.codec import parse_time, time_text
from guarantee.opinion import Reader
from guarantee.policy import Role

_USERS = tables.users
_SESSIONS = tables.sessions
_HANDOVERS = tables.handovers


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person and how they prove who they are.

    Args:
        password: scrypt text.
        second_factor: encrypted secret.
        second_factor_step: last time step that was used: a code works once.
    """

    reader: Reader
    password: str
    second_factor: str
    second_factor_step: int
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """A session as stored, with its person."""

    account: Account
    auth: str
    created_at: datetime
    seen_at: datetime
    ended_at: datetime | None


class SqlAccounts:
    """Accounts, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, reader: Reader, password: str, second_factor: str, at: datetime) -> None:
        """Insert a person."""
        self._connection.execute(
            insert(_USERS).values(
                login=reader.login,
                name=reader.name,
                role=str(reader.role),
                professional_id=reader.professional_id,
                organisation=reader.organisation,
                organisation_id=reader.organisation_id,
                password=password,
                second_factor=second_factor,
                added_at=time_text(at),
            )
        )

    def find(self, login: str) -> Account | None:
        """Return the person called ``login``, or None."""
        row = self._connection.execute(select(_USERS).where(_USERS.c.login == login)).mappings().first()
        return _account(row) if row else None

    def find_professional(self, professional_id: str) -> tuple[Account, ...]:
        """Return the open accounts with this professional identifier."""
        open_ones = and_(_USERS.c.professional_id == professional_id, _USERS.c.active == 1)
        rows = self._connection.execute(select(_USERS).where(open_ones).order_by(_USERS.c.login)).mappings()
        return tuple(_account(row) for row in rows)

    def all(self) -> tuple[Account, ...]:
        """Return everybody."""
        rows = self._connection.execute(select(_USERS).order_by(_USERS.c.login)).mappings()
        return tuple(_account(row) for row in rows)

    def set_active(self, login: str, *, active: bool) -> bool:
        """Open or close an account; return False when there is none."""
        done = self._connection.execute(update(_USERS).where(_USERS.c.login == login).values(active=int(active)))
        return bool(done.rowcount)

    def use_step(self, login: str, step: int) -> bool:
        """Note that a one-time code of time step ``step`` was used; return False when it already was."""
        done = self._connection.execute(
            update(_USERS)
            .where(_USERS.c.login == login, _USERS.c.second_factor_step < step)
            .values(second_factor_step=step)
        )
        return bool(done.rowcount)

    def note_sign_in(self, login: str, outcome: str, at: datetime, *, auth: str = "password+totp") -> None:
        """Record an attempt; the journal keeps it.

        Args:
            auth: how they proved who they are, or tried to.
        """
        values = {"id": str(uuid.uuid4()), "login": login, "outcome": outcome, "auth": auth, "at": time_text(at)}
        self._connection.execute(insert(tables.sign_ins).values(**values))

    def open_session(self, token: str, login: str, auth: str, at: datetime, *, since: datetime | None = None) -> None:
        """Insert a session; ``token`` is the digest of what the browser holds.

        Args:
            since: when they signed in; ``at`` when None.
        """
        values = {"created_at": time_text(since or at), "seen_at": time_text(at)}
        self._connection.execute(insert(_SESSIONS).values(token=token, login=login, auth=auth, **values))

    def session(self, token: str) -> Sitting | None:
        """Return the session, or None."""
        query = (
            select(_USERS, _SESSIONS.c.auth, _SESSIONS.c.created_at, _SESSIONS.c.seen_at, _SESSIONS.c.ended_at)
            .join(_USERS, _USERS.c.login == _SESSIONS.c.login)
            .where(_SESSIONS.c.token == token)
        )
        row = self._connection.execute(query).mappings().first()
        if row is None:
            return None
        return Sitting(
            account=_account(row),
            auth=row["auth"],
            created_at=parse_time(row["created_at"]),
            seen_at=parse_time(row["seen_at"]),
            ended_at=parse_time(row["ended_at"]) if row["ended_at"] else None,
        )

    def touch(self, token: str, at: datetime) -> None:
        """Note that the session was used."""
        self._connection.execute(update(_SESSIONS).where(_SESSIONS.c.token == token).values(seen_at=time_text(at)))

    def end(self, token: str, at: datetime) -> None:
        """End the session."""
        self._connection.execute(
            update(_SESSIONS)
            .where(_SESSIONS.c.token == token, _SESSIONS.c.ended_at.is_(None))
            .values(ended_at=time_text(at))
        )

    def hand_over(self, ticket: str, session: str, at: datetime) -> None:
        """Let a session go on in another window."""
        self._connection.execute(insert(_HANDOVERS).values(ticket=ticket, session=session, at=time_text(at)))

    def take_over(self, ticket: str, since: datetime, at: datetime) -> str | None:
        """Return the session that is handed on, once; None when there is none, it is older than ``since``, or used."""
        fresh = and_(_HANDOVERS.c.ticket == ticket, _HANDOVERS.c.used_at.is_(None), _HANDOVERS.c.at > time_text(since))
        done = self._connection.execute(update(_HANDOVERS).where(fresh).values(used_at=time_text(at)))
        if not done.rowcount:
            return None
        return self._connection.scalar(select(_HANDOVERS.c.session).where(_HANDOVERS.c.ticket == ticket))


def _account(row: Any) -> Account:
    return Account(
        reader=Reader(
            login=row["login"],
            name=row["name"],
            role=Role(row["role"]),
            professional_id=row["professional_id"],
            organisation=row["organisation"],
            organisation_id=row["organisation_id"],
        ),
        password=row["password"],
        second_factor=row["second_factor"],
        second_factor_step=row["second_factor_step"],
        active=bool(row["active"]),
    )
