"""Rights, their revocations, and who was refused a decision, in SQL: append-only."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Executable, RowMapping, insert, select

from bridge.db import tables
from guarantee.codec import parse_time, time_text
from guarantee.errors import Malformed
from guarantee.habilitation import Act, Grant, Revocation, Rights
from guarantee.ids import GrantId, ResultId

_GRANTS: Any = tables.habilitations
_REVOCATIONS: Any = tables.revocations


class SqlHabilitations:
    """Rights, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, logins: Iterable[str]) -> Rights:
        """Return everything of some people."""
        names = sorted(set(logins))
        return self._rights(
            select(_GRANTS).where(_GRANTS.c.person.in_(names)),
            select(_REVOCATIONS)
            .join(_GRANTS, _GRANTS.c.id == _REVOCATIONS.c.grant_id)
            .where(_GRANTS.c.person.in_(names)),
        )

    def all(self) -> Rights:
        """Return everything."""
        return self._rights(select(_GRANTS), select(_REVOCATIONS))

    def _rights(self, grants: Any, revocations: Any) -> Rights:
        given = self._rows(grants.order_by(_GRANTS.c.at, _GRANTS.c.id))
        ended = self._rows(revocations.order_by(_REVOCATIONS.c.at, _REVOCATIONS.c.grant_id))
        return Rights(grants=tuple(map(_grant, given)), revocations=tuple(map(_revocation, ended)))

    def _rows(self, query: Executable) -> list[RowMapping]:
        return list(self._connection.execute(query).mappings())

    def grant(self, grant: Grant) -> bool:
        """Append a right."""
        if self._rows(select(_GRANTS.c.id).where(_GRANTS.c.id == grant.id)):
            return False
        self._connection.execute(insert(_GRANTS).values(grant_row(grant)))
        return True

    def revoke(self, revocation: Revocation) -> bool:
        """Append a revocation."""
        known = select(_REVOCATIONS.c.holds).where(
            _REVOCATIONS.c.grant_id == revocation.grant, _REVOCATIONS.c.holds == int(revocation.holds)
        )
        if self._rows(known):
            return False
        self._connection.execute(
            insert(_REVOCATIONS).values(
                grant_id=revocation.grant,
                holds=int(revocation.holds),
                by_whom=revocation.by,
                reason=revocation.reason,
                at=time_text(revocation.at),
            )
        )
        return True

    def used(self, grant: GrantId) -> tuple[tuple[str, str, str], ...]:
        """Return result, its state, and when it was signed, of every opinion under this right, oldest first."""
        opinions, results = tables.opinions, tables.results
        query = (
            select(opinions.c.result_id, results.c.state, opinions.c.signed_at)
            .join(results, results.c.id == opinions.c.result_id)
            .where(opinions.c.grant_id == grant)
            .order_by(opinions.c.signed_at, opinions.c.result_id)
        )
        return tuple((row[0], row[1], row[2]) for row in self._connection.execute(query))

    def refuse(self, result: ResultId, login: str, cause: str, at: datetime) -> None:
        """Record that somebody was refused a decision."""
        self._connection.execute(
            insert(tables.refusals).values(
                id=str(uuid.uuid4()), result_id=result, login=login, cause=cause, at=time_text(at)
            )
        )


def grant_row(grant: Grant) -> dict[str, Any]:
    """Return the columns of ``grant``."""
    return {
        "id": grant.id,
        "person": grant.person,
        "model": grant.model,
        "major": grant.major,
        "site": grant.site,
        "act": str(grant.act),
        "evidence": grant.evidence,
        "by_whom": grant.by,
        "by_role": "committee",
        "since": time_text(grant.since),
        "until": time_text(grant.until),
        "at": time_text(grant.at),
    }


def _grant(row: RowMapping) -> Grant:
    """Return the right of a ``habilitations`` row.

    Raises:
        Malformed: its identifier is not that of what it says.
    """
    grant = Grant(
        person=row["person"],
        model=row["model"],
        major=row["major"],
        site=row["site"],
        act=Act(row["act"]),
        evidence=row["evidence"],
        by=row["by_whom"],
        since=parse_time(row["since"]),
        until=parse_time(row["until"]),
        at=parse_time(row["at"]),
    )
    if grant.id != row["id"]:
        raise Malformed(f"right {row['id']}: the row does not say what its identifier was made of")
    return grant


def _revocation(row: RowMapping) -> Revocation:
    return Revocation(
        grant=GrantId(row["grant_id"]),
        by=row["by_whom"],
        reason=row["reason"],
        holds=bool(row["holds"]),
        at=parse_time(row["at"]),
    )
