"""Incidents, joined to this installation: its store and triggers, the sheet of an incident, and its PDF."""

from bridge.fei import TITLE, Known, Sheet, sheet
from bridge.flows.incidents import Tools
from bridge.wiring.models import triggers
from bridge.wiring.parts import Parts
from fhir_adapters.pdf import write_pdf
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
