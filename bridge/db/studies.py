"""Studies as a viewer looks for them. Nothing here locks or changes anything."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select

from bridge.db import tables
from bridge.db.rows import case_from_row
from guarantee.case import Case, CaseKind
from guarantee.states import CaseState

SEEN: Final = (str(CaseState.RECEIVING), str(CaseState.COMPLETE))
"""A study that is held, because a person must first say whose it is, is shown to no viewer."""

_CASES: Final[Any] = tables.cases
_INPUTS: Final[Any] = tables.inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of the studies here is asked for; what is empty is not asked.

    Args:
        uids: Study Instance UIDs.
        first_day, last_day: of the study, YYYY-MM-DD, both included.
        modality: of one of its series at least.
    """

    uids: Collection[str] = ()
    patient: str = ""
    accession: str = ""
    first_day: str = ""
    last_day: str = ""
    modality: str = ""


class SqlStudies:
    """Studies, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, wanted: Wanted, limit: int) -> tuple[Case, ...]:
        """Return the last revision of each study that fits, newest exam first."""
        newer = _CASES.alias("newer")
        is_last = (
            ~select(newer.c.id)
            .where(newer.c.kind == _CASES.c.kind, newer.c.uid == _CASES.c.uid, newer.c.revision > _CASES.c.revision)
            .exists()
        )
        query = select(_CASES).where(_CASES.c.kind == str(CaseKind.STUDY), _CASES.c.state.in_(SEEN), is_last)
        query = query.where(*_conditions(wanted)).order_by(_CASES.c.started.desc(), _CASES.c.uid).limit(limit)
        return tuple(case_from_row(row) for row in self._connection.execute(query).mappings())

    def modalities(self, uids: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return the modalities of the images of each study, sorted."""
        query = select(_INPUTS.c.case_uid, _INPUTS.c.modality).distinct()
        query = query.where(_INPUTS.c.kind == str(CaseKind.STUDY), _INPUTS.c.case_uid.in_(uids))
        found: dict[str, set[str]] = {}
        for row in self._connection.execute(query):
            found.setdefault(row.case_uid, set()).add(row.modality)
        return {uid: tuple(sorted(one for one in names if one)) for uid, names in found.items()}


def _conditions(wanted: Wanted) -> list[Any]:
    conditions = []
    if wanted.uids:
        conditions.append(_CASES.c.uid.in_(wanted.uids))
    if wanted.patient:
        conditions.append(_CASES.c.patient_identifier == wanted.patient)
    if wanted.accession:
        conditions.append(_CASES.c.order_number == wanted.accession)
    if wanted.first_day or wanted.last_day:
        day = func.substr(_CASES.c.started, 1, 10)
        conditions += [_CASES.c.started != "", day >= wanted.first_day, day <= (wanted.last_day or "9999-12-31")]
    if wanted.modality:
        of_it = select(_INPUTS.c.case_uid).where(
            _INPUTS.c.kind == _CASES.c.kind, _INPUTS.c.case_uid == _CASES.c.uid, _INPUTS.c.modality == wanted.modality
        )
        conditions.append(of_it.exists())
    return conditions
