"""Draws, openings, impressions and exposures in SQL: append-only."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, insert, select

from bridge.db import tables
from bridge.db.results import insert_once
from bridge.db.rows import policy_from_row
from guarantee.case import CaseKind
from guarantee.codec import parse_time, time_text
from guarantee.errors import Malformed
from guarantee.first_read import Draw, Exposure, FirstRead, Impression, Opening, Surface, Word
from guarantee.ids import Digest, ResultId

_EXPOSURES: Final = tables.exposures
_IMPRESSIONS: Final = tables.impressions
_OPENINGS: Final = tables.first_reads


class SqlFirstReads:
    """First reads, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def draw(self, policy: str) -> Draw | None:
        """Return the draw of the policy "id@version"; None when it asks for no first read.

        Raises:
            Malformed: the bound, which the database draws by, is not the policy's share.
        """
        draws, policies = tables.draws, tables.policies
        joined = select(draws, policies).join(policies, policies.c.ref == draws.c.policy)
        row = self._connection.execute(joined.where(draws.c.policy == policy)).mappings().first()
        if row is None:
            return None
        share = policy_from_row(row).first_read
        draw = Draw(policy=row["policy"], share=share, seed=row["seed"], at=parse_time(row["at"]))
        if row["drawn_below"] != draw.drawn_below:
            raise Malformed(f"the draw of {policy}: the row does not say what the policy says")
        return draw

    def standing(self, result: ResultId, reader: str) -> FirstRead:
        """Return where this reader stands with a result."""
        policy = self._connection.scalar(select(tables.results.c.policy).where(tables.results.c.id == result))
        draw = self.draw(policy) if policy else None
        if draw is None or not draw.takes(result, reader):
            return FirstRead(drawn=False)
        mine = (_OPENINGS.c.result_id == result, _OPENINGS.c.reader == reader)
        opened_at = self._connection.scalar(select(_OPENINGS.c.opened_at).where(*mine))
        return FirstRead(
            drawn=True,
            opened_at=parse_time(opened_at) if opened_at else None,
            impression=next((one for one in self.impressions(result) if one.reader == reader), None),
            exposures=tuple(one for one in self.exposures(result) if one.reader == reader),
            before=self._before(result, reader),
        )

    def openings(self, result: ResultId) -> dict[str, datetime]:
        """Return when each reader opened a result for a first read, by login."""
        rows = self._connection.execute(select(_OPENINGS).where(_OPENINGS.c.result_id == result))
        return {row.reader: parse_time(row.opened_at) for row in rows}

    def impressions(self, result: ResultId) -> tuple[Impression, ...]:
        """Return every impression of a result, oldest first."""
        query = select(_IMPRESSIONS).where(_IMPRESSIONS.c.result_id == result).order_by(_IMPRESSIONS.c.at)
        return tuple(_impression(row) for row in self._connection.execute(query).mappings())

    def exposures(self, result: ResultId) -> tuple[Exposure, ...]:
        """Return who was shown what of a result, oldest first."""
        query = select(_EXPOSURES).where(_EXPOSURES.c.result_id == result)
        rows = self._connection.execute(query.order_by(_EXPOSURES.c.at, _EXPOSURES.c.id)).mappings()
        return tuple(_exposure(row) for row in rows)

    def before(self, impression: Impression) -> tuple[Exposure, ...]:
        """Return what the reader of ``impression`` was ever shown of other results on the same case."""
        return self._before(impression.result, impression.reader)

    def _before(self, result: ResultId, reader: str) -> tuple[Exposure, ...]:
        results, cases = tables.results, tables.cases
        mine, owner = results.alias("mine"), cases.alias("owner")
        query = (
            select(_EXPOSURES)
            .join(results, results.c.id == _EXPOSURES.c.result_id)
            .join(cases, cases.c.id == results.c.case_id)
            .join(owner, (owner.c.kind == cases.c.kind) & (owner.c.uid == cases.c.uid))
            .join(mine, mine.c.case_id == owner.c.id)
            .where(mine.c.id == result, results.c.id != result, _EXPOSURES.c.reader == reader)
            .order_by(_EXPOSURES.c.at, _EXPOSURES.c.id)
        )
        return tuple(_exposure(row) for row in self._connection.execute(query).mappings())

    def open(self, opening: Opening) -> None:
        """Insert the beginning of a first read."""
        values = {"result_id": opening.result, "reader": opening.reader, "reader_role": str(opening.role)}
        self._connection.execute(insert(_OPENINGS).values(opened_at=time_text(opening.at), **values))

    def add_impression(self, impression: Impression) -> None:
        """Insert an impression."""
        self._connection.execute(
            insert(_IMPRESSIONS).values(
                id=impression.id,
                result_id=impression.result,
                reader=impression.reader,
                kind=str(impression.kind),
                word=str(impression.word),
                note=impression.note,
                at=time_text(impression.at),
            )
        )

    def expose(self, exposure: Exposure) -> None:
        """Insert an exposure; the same one twice is one."""
        values: dict[str, Any] = {"id": exposure.id, "result_id": exposure.result, "reader": exposure.reader}
        values |= {"surface": str(exposure.surface), "shown": exposure.shown, "nonce": exposure.nonce}
        self._connection.execute(insert_once(self._connection, _EXPOSURES).values(at=time_text(exposure.at), **values))


def _impression(row: RowMapping) -> Impression:
    """Return the impression of a row.

    Raises:
        Malformed: the identifier, which opinions sign for, is not that of this result and reader.
    """
    impression = Impression(
        result=ResultId(row["result_id"]),
        reader=row["reader"],
        kind=CaseKind(row["kind"]),
        word=Word(row["word"]),
        note=row["note"],
        at=parse_time(row["at"]),
    )
    if row["id"] != impression.id:
        raise Malformed(f"impression {row['id']}: the row does not carry the identifier of what it says")
    return impression


def _exposure(row: RowMapping) -> Exposure:
    return Exposure(
        result=ResultId(row["result_id"]),
        reader=row["reader"],
        surface=Surface(row["surface"]),
        shown=Digest(row["shown"]),
        nonce=row["nonce"],
        at=parse_time(row["at"]),
    )
