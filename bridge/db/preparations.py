"""What learners prepared, in SQL: append-only."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from bridge.db import tables
from guarantee.canonical import parse_canonical
from guarantee.codec import from_plain, time_text
from guarantee.errors import Malformed
from guarantee.habilitation import Act
from guarantee.ids import PreparationId, ResultId
from guarantee.opinion import Seal, Statement
from guarantee.preparation import Outcome, Preparation, Supervised

_PREPARED: Any = tables.preparations


class SqlPreparations:
    """Preparations, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, result: ResultId) -> Preparation | None:
        """Return what was prepared for a result, or None."""
        row = self._connection.execute(select(_PREPARED).where(_PREPARED.c.result_id == result)).mappings().first()
        return _preparation(row) if row else None

    def add(self, preparation: Preparation) -> None:
        """Insert a preparation."""
        self._connection.execute(insert(_PREPARED).values(preparation_row(preparation)))

    def learners(self, results: Sequence[str]) -> dict[str, str]:
        """Return the name of who prepared each of some results; those that nobody did are left out."""
        query = (
            select(_PREPARED.c.result_id, tables.users.c.name)
            .join(tables.users, tables.users.c.login == _PREPARED.c.reader)
            .where(_PREPARED.c.result_id.in_(results))
        )
        return {row.result_id: row.name for row in self._connection.execute(query)}

    def supervised(self, person: str) -> tuple[Supervised, ...]:
        """Return every case that ``person`` prepared, oldest first."""
        decisions, results, models = tables.decisions, tables.results, tables.models
        query = (
            select(
                *(_PREPARED.c.result_id, _PREPARED.c.verdict, _PREPARED.c.content, models.c.name, models.c.version),
                *(decisions.c.verdict.label("decided"), decisions.c.content.label("released")),
            )
            .join(results, results.c.id == _PREPARED.c.result_id)
            .join(models, models.c.id == results.c.model_id)
            .outerjoin(decisions, decisions.c.result_id == _PREPARED.c.result_id)
            .where(_PREPARED.c.reader == person)
            .order_by(_PREPARED.c.signed_at, _PREPARED.c.result_id)
        )
        return tuple(map(_supervised, self._connection.execute(query).mappings()))


def preparation_row(preparation: Preparation) -> dict[str, Any]:
    """Return the columns of ``preparation``."""
    statement = preparation.statement
    return {
        "id": preparation.id,
        "result_id": statement.result,
        "nonce": statement.nonce,
        "reader": statement.reader.login,
        "reader_role": str(statement.reader.role),
        "grant_id": statement.right.id,
        "policy": statement.policy,
        "verdict": str(statement.verdict),
        "shown": statement.shown,
        "content": statement.content,
        "statement": statement.to_bytes().decode(),
        "seal_key": preparation.seal.key,
        "signature": preparation.seal.signature,
        "signed_at": time_text(statement.signed_at),
    }


def _preparation(row: RowMapping) -> Preparation:
    """Return the preparation of a row; the value comes from the signed bytes.

    Raises:
        Malformed: the columns, which walls look at, and the signed statement disagree.
    """
    preparation = Preparation(
        id=PreparationId(row["id"]),
        statement=from_plain(Statement, parse_canonical(row["statement"].encode())),
        seal=Seal(key=row["seal_key"], signature=row["signature"]),
    )
    if preparation_row(preparation) != dict(row) or preparation.statement.right.act is not Act.PREPARE:
        raise Malformed(f"preparation {row['id']}: the row does not say what was signed")
    return preparation


def _supervised(row: RowMapping) -> Supervised:
    said, decided = (row["verdict"], row["content"]), (row["decided"], row["released"])
    became = Outcome.WAITS if row["decided"] is None else Outcome.COSIGNED if said == decided else Outcome.OTHERWISE
    return Supervised(
        result=ResultId(row["result_id"]),
        model=row["name"],
        major=row["version"].partition(".")[0],
        outcome=became,
    )
