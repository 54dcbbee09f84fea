"""Incidents, their lines, and the freezes of evidence, in SQL: append-only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from bridge.db import tables
from guarantee.case import CaseKind
from guarantee.codec import parse_time, time_text
from guarantee.errors import Absent
from guarantee.ids import ResultId
from guarantee.incident import File, Freeze, Incident, Kind, Line, Thaw
from guarantee.opinion import Verdict
from guarantee.policy import Role

_INCIDENTS: Any = tables.incidents
_LINES: Any = tables.incident_lines
_FREEZES: Any = tables.freezes
_ENDS: Any = tables.freeze_ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One incident with what a list shows of its result; nothing of the patient.

    Args:
        model: "name@version".
        frozen: whether its evidence is frozen.
    """

    file: File
    model: str
    site: str
    frozen: bool


class SqlIncidents:
    """Incidents, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def report(self, incident: Incident, line: Line) -> None:
        """Insert an incident and its first line."""
        row = {
            "id": incident.id,
            "result_id": incident.result,
            "by_whom": incident.by,
            "caught": int(incident.caught),
            "at": time_text(incident.at),
        }
        self._connection.execute(insert(_INCIDENTS).values(row))
        self.add(line)

    def add(self, line: Line) -> None:
        """Append a line."""
        row = {
            "incident_id": line.incident,
            "n": line.n,
            "kind": str(line.kind),
            "subject": line.subject,
            "word": line.word,
            "note": line.note,
            "by_whom": line.by,
            "by_role": str(line.role),
            "second": line.second,
            "at": time_text(line.at),
        }
        self._connection.execute(insert(_LINES).values(row))

    def get(self, incident: str) -> File:
        """Return an incident with its lines."""
        found = self._files(select(_INCIDENTS).where(_INCIDENTS.c.id == incident))
        if not found:
            raise Absent(incident)
        return found[0]

    def find(self, prefix: str) -> tuple[str, ...]:
        """Return the incidents whose identifier begins with ``prefix``: a person types the first characters."""
        query = select(_INCIDENTS.c.id).where(_INCIDENTS.c.id.startswith(prefix, autoescape=True)).limit(5)
        return tuple(self._connection.scalars(query))

    def all(self, limit: int) -> tuple[Listed, ...]:
        """Return the last incidents, the newest first."""
        return self._listed(select(_INCIDENTS).order_by(_INCIDENTS.c.at.desc(), _INCIDENTS.c.id).limit(limit))

    def of_result(self, result: ResultId) -> tuple[Listed, ...]:
        """Return what was reported of a result, oldest first."""
        return self._listed(select(_INCIDENTS).where(_INCIDENTS.c.result_id == result).order_by(_INCIDENTS.c.at))

    def was_accepted(self, result: ResultId) -> bool:
        """Return whether a person accepted what the model said of it."""
        query = select(tables.decisions.c.verdict).where(tables.decisions.c.result_id == result)
        return self._connection.scalar(query) == Verdict.ACCEPT

    def serious(self, model: str, since: datetime) -> int:
        """Return how many incidents on a version that are D3 or D4 were reported since ``since``."""
        results = tables.results
        query = (
            select(_INCIDENTS)
            .join(results, results.c.id == _INCIDENTS.c.result_id)
            .where(results.c.model_id == model, _INCIDENTS.c.at >= time_text(since))
        )
        return sum(file.grade.is_serious for file in self._files(query))

    # ------------------------------------------------------------------------------------------------------ freezes

    def freeze(self, freeze: Freeze) -> None:
        """Append a freeze."""
        row = {
            "id": freeze.id,
            "incident_id": freeze.incident,
            "kind": str(freeze.kind),
            "case_uid": freeze.uid,
            "by_whom": freeze.by,
            "at": time_text(freeze.at),
        }
        self._connection.execute(insert(_FREEZES).values(row))

    def frozen(self, incident: str) -> tuple[Freeze, ...]:
        """Return the freezes of an incident that are in force, oldest first."""
        ended = select(_ENDS.c.freeze_id).where(_ENDS.c.freeze_id == _FREEZES.c.id).exists()
        query = select(_FREEZES).where(_FREEZES.c.incident_id == incident, ~ended).order_by(_FREEZES.c.at)
        return tuple(_freeze(row) for row in self._connection.execute(query).mappings())

    def thaw(self, thaw: Thaw) -> None:
        """Append the end of a freeze."""
        row = {"freeze_id": thaw.freeze, "by_whom": thaw.by, "second": thaw.second, "reason": thaw.reason}
        self._connection.execute(insert(_ENDS).values(row | {"at": time_text(thaw.at)}))

    # ------------------------------------------------------------------------------------------------------- inside

    def _listed(self, query: Any) -> tuple[Listed, ...]:
        results, cases = tables.results, tables.cases
        files = self._files(query)
        wanted = select(results.c.id, results.c.model_id, cases.c.site).join(cases, cases.c.id == results.c.case_id)
        rows = self._connection.execute(wanted.where(results.c.id.in_({file.incident.result for file in files})))
        about = {row.id: row for row in rows}
        return tuple(
            Listed(
                file=file,
                model=about[file.incident.result].model_id,
                site=about[file.incident.result].site,
                frozen=bool(self.frozen(file.incident.id)),
            )
            for file in files
        )

    def _files(self, query: Any) -> tuple[File, ...]:
        incidents = [_incident(row) for row in self._connection.execute(query).mappings()]
        lines = self._lines([incident.id for incident in incidents])
        return tuple(File(incident=incident, lines=tuple(lines[incident.id])) for incident in incidents)

    def _lines(self, incidents: Sequence[str]) -> dict[str, list[Line]]:
        found: dict[str, list[Line]] = {incident: [] for incident in incidents}
        query = select(_LINES).where(_LINES.c.incident_id.in_(incidents)).order_by(_LINES.c.incident_id, _LINES.c.n)
        for row in self._connection.execute(query).mappings():
            found[row["incident_id"]].append(_line(row))
        return found


def _incident(row: RowMapping) -> Incident:
    return Incident(
        id=row["id"],
        result=ResultId(row["result_id"]),
        by=row["by_whom"],
        caught=bool(row["caught"]),
        at=parse_time(row["at"]),
    )


def _line(row: RowMapping) -> Line:
    return Line(
        incident=row["incident_id"],
        n=row["n"],
        kind=Kind(row["kind"]),
        subject=row["subject"],
        word=row["word"],
        note=row["note"],
        by=row["by_whom"],
        role=Role(row["by_role"]),
        second=row["second"],
        at=parse_time(row["at"]),
    )


def _freeze(row: RowMapping) -> Freeze:
    return Freeze(
        id=row["id"],
        incident=row["incident_id"],
        kind=CaseKind(row["kind"]),
        uid=row["case_uid"],
        by=row["by_whom"],
        at=parse_time(row["at"]),
    )
