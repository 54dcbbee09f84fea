"""The incidents of a desk in memory: judged by the real rules, kept in a list."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from bridge.fei import Known, Sheet, sheet
from bridge.web.incident_words import SEE_ALL
from bridge.web.reporting import Reported
from bridge.web.services import Session
from guarantee.declarations import Answer, answers_text
from guarantee.errors import Absent
from guarantee.ids import ResultId
from guarantee.incident import TABLE, Effect, File, Grade, Incident, Kind, Line, incident_id, require_may
from guarantee.opinion import Reader
from guarantee.stops import Scope
from tests.desk.cases import cards


class _Desk(Protocol):
    cases: dict[str, Any]

    def now(self) -> datetime: ...

    def stop(self, scope: Scope, target: str, session: Session, reason: str) -> None: ...


class FakeReporting:
    """Keeps incidents; a D4 stops the version as the flow does."""

    def __init__(self, desk: _Desk) -> None:
        self.desk = desk
        self.files: dict[str, File] = {}

    def listed(self, *, limit: int) -> Sequence[Reported]:
        return [self._reported(file) for file in reversed(self.files.values())][:limit]

    def report(self, result: ResultId, grade: Grade, reason: str, reader: Reader) -> str:
        if result not in self.desk.cases:
            raise Absent(result)
        require_may(Kind.GRADE, reader.role, None)
        now, decision = self.desk.now(), self.desk.cases[result].decision
        caught = decision is None or str(decision.verdict) != "accept"
        key = incident_id(result, reader.login, now)
        made = Incident(id=key, result=result, by=reader.login, caught=caught, at=now)
        line = self._line(made.id, 1, Kind.GRADE, reader, word=str(grade), note=reason)
        self.files[made.id] = File(incident=made, lines=(line,))
        if Effect.STOP in TABLE[grade].effects:
            model = self.desk.cases[result].result.model.id
            self.desk.stop(Scope.VERSION, model, Session(reader=reader, auth="", since=now), f"incident {grade}")
        return made.id

    def answer(self, incident: str, answers: Mapping[str, Answer], reader: Reader) -> None:
        self._add(incident, Kind.ANSWERS, reader, note=answers_text(answers))

    def declare(self, incident: str, duty: str, reference: str, reader: Reader) -> None:
        self._add(incident, Kind.DECLARED, reader, subject=duty, word=reference, note=reference)

    def set_aside(self, incident: str, duty: str, reason: str, reader: Reader) -> None:
        self._add(incident, Kind.SET_ASIDE, reader, subject=duty, note=reason)

    def act(self, incident: str, what: str, due: str, reader: Reader) -> None:
        number = str(len(self._file(incident).of(Kind.ACTION)) + 1)
        self._add(incident, Kind.ACTION, reader, subject=number, word=due, note=what)

    def done(self, incident: str, number: str, what: str, reader: Reader) -> None:
        self._add(incident, Kind.DONE, reader, subject=number, note=what)

    def sheet(self, incident: str, reader: Reader) -> Sheet:
        file = self._file(incident)
        if reader.role not in SEE_ALL and file.incident.by != reader.login:
            raise Absent(incident)
        one = self._reported(file)
        card = next((card for card in cards() if card.model.id == one.model), None)
        return sheet(
            Known(
                file=file,
                model=one.model,
                card=card,
                site=one.site,
                suspended=False,
                frozen=one.frozen,
                at=self.desk.now(),
            )
        )

    def _file(self, incident: str) -> File:
        if incident not in self.files:
            raise Absent(incident)
        return self.files[incident]

    def _reported(self, file: File) -> Reported:
        case = self.desk.cases[file.incident.result]
        frozen = any(line.word == "D4" for line in file.lines)
        return Reported(file=file, model=case.result.model.id, site=case.staged.case.site, frozen=frozen)

    def _add(self, incident: str, kind: Kind, reader: Reader, **said: Any) -> None:
        file = self._file(incident)
        require_may(kind, reader.role, file)
        line = self._line(incident, len(file.lines) + 1, kind, reader, **said)
        self.files[incident] = File(incident=file.incident, lines=(*file.lines, line))

    def _line(self, incident: str, n: int, kind: Kind, reader: Reader, **said: Any) -> Line:
        return Line(incident=incident, n=n, kind=kind, by=reader.login, role=reader.role, at=self.desk.now(), **said)
