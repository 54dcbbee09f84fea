"""Launches in SQL: what other systems asked for, and who came by it."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, insert, select, update

from bridge.db import tables
from bridge.db.results import insert_once
from bridge.db.rows import case_from_row
from bridge.links.wanted import Wanted
from guarantee.canonical import canonical, parse_canonical
from guarantee.case import Case, CaseKind
from guarantee.codec import from_plain, parse_time, time_text, to_plain

_LAUNCHES: Final[Any] = tables.launches
_HANDOVERS: Final[Any] = tables.handovers
_OPENINGS: Final[Any] = tables.openings
_CHALLENGES: Final[Any] = tables.challenges
_REQUESTS: Final[Any] = tables.authentication_requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A launch as stored.

    Args:
        expected: login that the launcher believes in; "" for none.
        login: who opened it first; None while nobody has.
    """

    launcher: str
    wanted: Wanted
    expected: str
    login: str | None
    at: datetime


class SqlLaunches:
    """Launches, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, ticket: str, nonce: str, launch: Launch) -> bool:
        """Insert a launch; return False when its launcher has used this one-time number before."""
        done = self._connection.execute(
            insert_once(self._connection, _LAUNCHES).values(
                ticket=ticket,
                launcher=launch.launcher,
                nonce=nonce,
                expected=launch.expected,
                wanted=canonical(to_plain(launch.wanted)).decode(),
                at=time_text(launch.at),
            )
        )
        return bool(done.rowcount)

    def is_used(self, launcher: str, nonce: str) -> bool:
        """Return whether a launch of ``launcher`` with this one-time number is kept."""
        query = select(_LAUNCHES.c.ticket).where(_LAUNCHES.c.launcher == launcher, _LAUNCHES.c.nonce == nonce)
        return self._connection.scalar(query) is not None

    def holds(self, launcher: str, many: int) -> bool:
        """Return whether ``many`` launches of ``launcher`` are kept, or more."""
        query = select(_LAUNCHES.c.ticket).where(_LAUNCHES.c.launcher == launcher).offset(many - 1).limit(1)
        return self._connection.scalar(query) is not None

    def find(self, ticket: str) -> Launch | None:
        """Return the launch of ``ticket``, a digest; None when it is not kept."""
        row = self._connection.execute(select(_LAUNCHES).where(_LAUNCHES.c.ticket == ticket)).mappings().first()
        if row is None:
            return None
        return Launch(
            launcher=row["launcher"],
            wanted=from_plain(Wanted, parse_canonical(row["wanted"].encode())),
            expected=row["expected"],
            login=row["login"],
            at=parse_time(row["at"]),
        )

    def claim(self, ticket: str, login: str) -> bool:
        """Note that ``login`` opened it first; return False when somebody already had."""
        done = self._connection.execute(
            update(_LAUNCHES).where(_LAUNCHES.c.ticket == ticket, _LAUNCHES.c.login.is_(None)).values(login=login)
        )
        return bool(done.rowcount)

    def note_opening(self, login: str, launcher: str, case_id: str | None, at: datetime) -> None:
        """Record that ``login`` came to a case by a launch, or to nothing; the journal keeps it."""
        values = {"login": login, "launcher": launcher, "case_id": case_id, "at": time_text(at)}
        self._connection.execute(insert(_OPENINGS).values(id=str(uuid.uuid4()), **values))

    def opened_from(self, login: str, case_id: str, since: datetime) -> str:
        """Return the launcher that last brought ``login`` to the case, after ``since``; "" for none."""
        query = (
            select(_OPENINGS.c.launcher)
            .where(_OPENINGS.c.case_id == case_id, _OPENINGS.c.login == login, _OPENINGS.c.at > time_text(since))
            .order_by(_OPENINGS.c.at.desc())
            .limit(1)
        )
        return self._connection.scalar(query) or ""

    def cases(self, wanted: Wanted, limit: int) -> tuple[Case, ...]:
        """Return every revision of the cases that are asked for, whoever their patient is, newest exam first."""
        cases = tables.cases
        conditions = []
        if wanted.studies:
            conditions.append(and_(cases.c.kind == str(CaseKind.STUDY), cases.c.uid.in_(wanted.studies)))
        if wanted.accession:
            conditions.append(cases.c.order_number == wanted.accession)
        if not conditions:
            conditions.append(and_(cases.c.patient_identifier == wanted.patient, cases.c.patient_identifier != ""))
        query = (
            select(cases)
            .where(and_(*conditions))
            .order_by(cases.c.started.desc(), cases.c.kind, cases.c.uid, cases.c.revision.desc())
            .limit(limit)
        )
        return tuple(case_from_row(row) for row in self._connection.execute(query).mappings())

    def forget(self, before: datetime) -> int:
        """Delete what is older than ``before``; return how many rows."""
        gone = 0
        for table in (_LAUNCHES, _HANDOVERS, _CHALLENGES, _REQUESTS, tables.viewings):
            gone += self._connection.execute(delete(table).where(table.c.at < time_text(before))).rowcount
        return gone
