"""Doubts about cases, and admissions, in SQL."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, func, insert, select

from bridge.db import tables
from bridge.db.rows import patient_from_row
from guarantee.case import Case, Patient
from guarantee.codec import time_text
from guarantee.identity import Admission, Doubt, Verdict
from guarantee.ids import CaseId, derive
from guarantee.states import CaseState

NAMESAKES_MAX: Final = 1_000
"""Most other cases looked at. A patient has some hundreds of studies; a number that thousands share is nobody's."""

_CASES = tables.cases
_DOUBTS = tables.doubts
_ADMISSIONS = tables.admissions


class SqlIdentities:
    """Doubts and admissions, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def doubt(self, case: Case, doubt: Doubt, subject: str, at: datetime) -> bool:
        """Note a doubt about ``case`` and return whether it stands."""
        same = (_CASES.c.kind == str(case.kind), _CASES.c.uid == case.uid)
        said = and_(_DOUBTS.c.cause == str(doubt), _DOUBTS.c.subject == subject)
        before = select(_CASES.c.revision).join(_DOUBTS, _DOUBTS.c.case_id == _CASES.c.id).where(*same, said)
        revisions = set(self._connection.scalars(before))
        if revisions and min(revisions) <= self._admitted_until(case):
            return False
        if case.revision not in revisions:
            self._connection.execute(
                insert(_DOUBTS).values(
                    case_id=case.id, cause=str(doubt), subject=subject, holds=int(doubt.holds), at=time_text(at)
                )
            )
        return True

    def _admitted_until(self, case: Case) -> int:
        """Return the newest revision that a person admitted; 0 when there is none."""
        query = (
            select(func.max(_CASES.c.revision))
            .join(_ADMISSIONS, _ADMISSIONS.c.case_id == _CASES.c.id)
            .where(
                _CASES.c.kind == str(case.kind), _CASES.c.uid == case.uid, _ADMISSIONS.c.verdict == str(Verdict.ADMIT)
            )
        )
        return self._connection.scalar(query) or 0

    def namesakes(self, case: Case) -> tuple[tuple[Patient, bool], ...]:
        """Return the patients of other cases with the same number, and whether a person admitted the case."""
        query = (
            select(_CASES)
            .where(
                _CASES.c.patient_identifier == case.patient.identifier,
                _CASES.c.patient_identifier != "",
                _CASES.c.kind == str(case.kind),
                _CASES.c.uid != case.uid,
                _CASES.c.state.in_([str(CaseState.COMPLETE), str(CaseState.SUPERSEDED)]),
            )
            .order_by(_CASES.c.opened_at.desc())
            .limit(NAMESAKES_MAX)
        )
        rows = self._connection.execute(query).mappings()
        return tuple((patient_from_row(row), row["admitted"] != "") for row in rows)

    def admit(self, admission: Admission) -> None:
        """Insert a person's word on a held case."""
        self._connection.execute(
            insert(_ADMISSIONS).values(
                id=derive("admission", admission.case),
                case_id=admission.case,
                verdict=str(admission.verdict),
                by_whom=admission.by,
                reason=admission.reason,
                at=time_text(admission.at),
            )
        )

    def admission(self, case: CaseId) -> Verdict | None:
        """Return what a person said of a held revision, or None."""
        found = self._connection.scalar(select(_ADMISSIONS.c.verdict).where(_ADMISSIONS.c.case_id == case))
        return Verdict(found) if found else None
