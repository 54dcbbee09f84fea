"""Incidents, joined to this installation: its store and triggers, the sheet of an incident, and its PDF."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.fei import TITLE, Known, Sheet, sheet
from bridge.flows import incidents as flow
from bridge.flows.incidents import Tools
from bridge.web.incident_words import SEE_ALL
from bridge.web.reporting import Reported
from bridge.wiring.first_reads import shown_at_the_desk
from bridge.wiring.models import triggers
from bridge.wiring.parts import Parts
from fhir_adapters.pdf import write_pdf
from guarantee.declarations import Answer
from guarantee.errors import Absent
from guarantee.ids import ResultId
from guarantee.incident import Grade
from guarantee.opinion import Reader
from guarantee.stops import in_force


def tools_of(parts: Parts) -> Tools:
    """Return what incidents are written with; for the desk and the command line."""
    return Tools(store=parts.store("desk"), clock=parts.clock, triggers=triggers(parts))


def fei_of(incident: str, parts: Parts) -> Sheet:
    """Return the filled-in form of an incident.

    Raises:
        Absent: there is none.
    """
    with parts.store("desk").reading() as unit:
        file = unit.incidents.get(incident)
        (one,) = (listed for listed in unit.incidents.of_result(file.incident.result) if listed.file == file)
        suspended = any(stop.suspends(one.model) for stop in in_force(unit.stops.lines()))
    return sheet(
        Known(
            file=file,
            model=one.model,
            card=parts.catalogue.card_of(one.model),
            site=one.site,
            suspended=suspended,
            frozen=one.frozen,
            at=parts.clock.now(),
        )
    )


def fei_pdf(filled: Sheet) -> bytes:
    """Return the form as a PDF.

    Raises:
        Malformed: somebody wrote a letter that a PDF without fonts of its own cannot show.
    """
    return write_pdf([TITLE, ""], filled.text(), title=TITLE, language="fr")


@dataclass(frozen=True, slots=True)
class RealReporting:
    """Implements bridge.web.reporting.Reporting."""

    parts: Parts

    def listed(self, *, limit: int) -> Sequence[Reported]:
        """Return the last incidents."""
        with self.parts.store("desk").reading() as unit:
            found = unit.incidents.all(limit)
        return [Reported(file=one.file, model=one.model, site=one.site, frozen=one.frozen) for one in found]

    def report(self, result: ResultId, grade: Grade, reason: str, reader: Reader) -> str:
        """Report a discordance."""
        with self.parts.store("desk").reading() as unit:
            shown_at_the_desk(result, unit)
        return flow.report(result, grade, reason, reader, tools_of(self.parts)).incident.id

    def answer(self, incident: str, answers: Mapping[str, Answer], reader: Reader) -> None:
        """Append answers."""
        flow.answer_form(incident, answers, reader, tools_of(self.parts))

    def declare(self, incident: str, duty: str, reference: str, reader: Reader) -> None:
        """Append that a declaration was made."""
        flow.say_declared(incident, duty, reference, reference, reader, tools_of(self.parts))

    def set_aside(self, incident: str, duty: str, reason: str, reader: Reader) -> None:
        """Append that it is not to be declared."""
        flow.set_aside(incident, duty, reason, reader, tools_of(self.parts))

    def act(self, incident: str, what: str, due: str, reader: Reader) -> None:
        """Append a corrective action."""
        flow.ask_action(incident, what, due, reader, tools_of(self.parts))

    def done(self, incident: str, number: str, what: str, reader: Reader) -> None:
        """Append that it was done."""
        flow.say_done(incident, number, what, reader, tools_of(self.parts))

    def sheet(self, incident: str, reader: Reader) -> Sheet:
        """Return the filled-in form, to who may see the incident."""
        with self.parts.store("desk").reading() as unit:
            by = unit.incidents.get(incident).incident.by
        if reader.role not in SEE_ALL and by != reader.login:
            raise Absent(incident)
        return fei_of(incident, self.parts)
