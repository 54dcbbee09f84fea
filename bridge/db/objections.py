"""Patients who object to AI, in SQL."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, or_, select, text

from bridge.db import tables
from bridge.db.ddl import JOURNAL_LOCK
from bridge.db.results import insert_once
from guarantee.case import Patient
from guarantee.codec import parse_time, time_text
from guarantee.ids import ResultId
from guarantee.objections import OBJECTION, Objection, Word, standing
from guarantee.policy import OnObjection
from guarantee.states import CaseState, ResultState

_LINES: Final = tables.objections
_RESULTS: Final = tables.results
_CASES: Final = tables.cases


class SqlObjections:
    """Objections, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lines(self, authority: str, identifier: str) -> tuple[Objection, ...]:
        """Return every line about one number, oldest first."""
        return self._read(and_(_LINES.c.identifier == identifier, _LINES.c.authority == authority))

    def standing(self) -> tuple[Objection, ...]:
        """Return every objection that stands, oldest first."""
        return standing(self._read())

    def over(self, patient: Patient) -> tuple[Objection, ...]:
        """Return the objections that stand and cover ``patient``."""
        if not patient.identifier:
            return ()
        found = standing(self._read(_LINES.c.identifier == patient.identifier))
        return tuple(line for line in found if line.covers(patient))

    def add(self, objection: Objection) -> bool:
        """Append a line; return False when the record has said the same before.

        The lock is the journal's, which the link of this line needs anyway: see stops.py.
        """
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": JOURNAL_LOCK})
        following = select(func.coalesce(func.max(_LINES.c.seq), 0) + 1).scalar_subquery()
        row = {
            "seq": following,
            "id": objection.id,
            "authority": objection.authority,
            "identifier": objection.identifier,
            "word": str(objection.word),
            "by_whom": objection.by,
            "reason": objection.reason,
            "source": objection.source,
            "at": time_text(objection.at),
        }
        done = self._connection.execute(insert_once(self._connection, _LINES).values(**row))
        return bool(done.rowcount)

    def to_exclude(self) -> tuple[ResultId, ...]:
        """Return queued results that an objection stops, not locked."""
        query = select(_RESULTS.c.id).where(_RESULTS.c.state == str(ResultState.QUEUED), _stopped())
        return tuple(ResultId(found) for found in self._connection.scalars(query.order_by(_RESULTS.c.id)))

    def to_requeue(self) -> tuple[ResultId, ...]:
        """Return results that were excluded for an objection and that none stops any more, not locked."""
        query = (
            select(_RESULTS.c.id)
            .join(_CASES, _CASES.c.id == _RESULTS.c.case_id)
            .where(
                _RESULTS.c.state == str(ResultState.EXCLUDED),
                _RESULTS.c.cause_code == OBJECTION,
                ~_stopped(),
                _CASES.c.state == str(CaseState.COMPLETE),
                _CASES.c.identity_version == _RESULTS.c.identity_version,
            )
        )
        return tuple(ResultId(found) for found in self._connection.scalars(query.order_by(_RESULTS.c.id)))

    def touched(self, objection: Objection) -> dict[str, tuple[ResultId, ...]]:
        """Return the results that ``objection`` is about, by state: for a person who must know what was delivered."""
        concerned = and_(
            _CASES.c.patient_identifier == objection.identifier,
            _CASES.c.patient_identifier != "",
            or_(_CASES.c.patient_issuer == "", _CASES.c.patient_issuer == objection.authority),
        )
        query: Select[Any] = (
            select(_RESULTS.c.id, _RESULTS.c.state)
            .join(_CASES, _CASES.c.id == _RESULTS.c.case_id)
            .where(concerned)
            .order_by(_RESULTS.c.queued_at, _RESULTS.c.id)
        )
        found: dict[str, tuple[ResultId, ...]] = {}
        for row in self._connection.execute(query):
            found[row.state] = (*found.get(row.state, ()), ResultId(row.id))
        return found

    def _read(self, *conditions: ColumnElement[bool]) -> tuple[Objection, ...]:
        query = select(_LINES).where(*conditions).order_by(_LINES.c.seq)
        return tuple(_from_row(row) for row in self._connection.execute(query).mappings())


def _stopped() -> ColumnElement[bool]:
    objected = tables.objected_results
    stop = (objected.c.result_id == _RESULTS.c.id, objected.c.says == str(OnObjection.STOP))
    return select(objected.c.result_id).where(*stop).exists()


def _from_row(row: RowMapping) -> Objection:
    return Objection(
        authority=row["authority"],
        identifier=row["identifier"],
        word=Word(row["word"]),
        by=row["by_whom"],
        reason=row["reason"],
        source=row["source"],
        at=parse_time(row["at"]),
    )
