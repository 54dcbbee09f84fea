"""The fiche d'événement indésirable of an incident, filled in as far as is known: rows of French text.

It names no patient: who fills in the rest writes who it is where the hospital's own form asks for it. The desk shows
it as a page to print, the command line writes it as JSON, as one HTML file, or as a PDF.
"""

from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final

from guarantee.card import Card
from guarantee.declarations import SETTLED, timers
from guarantee.incident import File, Grade, Kind

TITLE: Final = "Fiche d'événement indésirable (FEI) : système d'intelligence artificielle"

TO_FILL: Final = "à compléter par le déclarant"

GRAVITY: Final = {
    Grade.D0: "D0, aucune discordance",
    Grade.D1: "D1, rédaction",
    Grade.D2: "D2, le suivi change",
    Grade.D3: "D3, la prise en charge change maintenant",
    Grade.D4: "D4, dommage, ou dommage évité de peu",
}

_STYLE: Final = (
    "body{font:11pt sans-serif;margin:2cm}th{text-align:left;vertical-align:top;width:30%}td,th{padding:4px}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a sheet is filled in from.

    Args:
        model: "name@version".
        card: of that version; None when it is not installed any more.
        suspended: whether a stop covers the version now.
        frozen: whether the evidence is frozen.
    """

    file: File
    model: str
    card: Card | None
    site: str
    suspended: bool
    frozen: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The filled-in form: what each row is called, and what stands in it."""

    rows: tuple[tuple[str, str], ...]
    title: str = TITLE

    def plain(self) -> dict[str, object]:
        """Return it as a JSON value."""
        rows = [{"name": name, "value": text} for name, text in self.rows]
        return {"schema": "aval.fei/1", "title": TITLE, "rows": rows}

    def text(self) -> str:
        """Return it as lines."""
        return "\n\n".join(f"{name}\n    {text}" for name, text in self.rows)

    def html(self) -> str:
        """Return it as one page without anything from elsewhere."""
        rows = "\n".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in self.rows)
        return (
            f'<!doctype html>\n<html lang="fr"><head><meta charset="utf-8"><title>{escape(TITLE)}</title>'
            f"<style>{_STYLE}</style></head>\n<body><h1>{escape(TITLE)}</h1>\n<table>\n{rows}\n</table></body></html>\n"
        )


def sheet(known: Known) -> Sheet:
    """Return the form of one incident."""
    file = known.file
    first = file.lines[0]
    return Sheet(
        rows=(
            ("Numéro", file.incident.id),
            ("Établissement, site", known.site),
            ("Signalé le", _moment(file.incident.at)),
            ("Date et lieu de l'événement", TO_FILL),
            ("Déclarant", f"{file.incident.by} ({first.role})"),
            ("Personne concernée", TO_FILL),
            ("Référence du résultat", file.incident.result),
            ("Système d'IA", _system(known)),
            ("Description", first.note),
            ("Gravité", GRAVITY[file.grade]),
            ("Intercepté avant diffusion", "oui" if file.incident.caught else "non"),
            ("Système suspendu", "oui" if known.suspended else "non"),
            ("Preuves gelées", "oui" if known.frozen else "non"),
            ("Mesures immédiates auprès de la personne", TO_FILL),
            ("Actions correctives", _actions(file)),
            ("Déclarations", _declarations(file)),
            ("Fiche préparée le", _moment(known.at)),
        )
    )


def _system(known: Known) -> str:
    card = known.card
    if card is None:
        return known.model
    udi = f", UDI {card.regulatory.udi}" if card.regulatory.udi else ""
    return f"{card.label.fr}, {known.model}, {card.manufacturer}{udi}"


def _actions(file: File) -> str:
    undone = {line.subject for line in file.undone}
    told = [
        f"{line.subject}. {line.note} ({'à faire' if line.subject in undone else 'fait'})"
        for line in file.of(Kind.ACTION)
    ]
    return " ; ".join(told) or "aucune à ce jour"


def _declarations(file: File) -> str:
    told = [
        f"{timer.duty.code} : {timer.said}" if timer.standing in SETTLED else f"{timer.duty.code} : à trancher"
        for timer in timers(file)
    ]
    return " ; ".join(told) or "sans objet à ce grade ; une personne peut en juger autrement"


def _moment(at: datetime) -> str:
    return f"{at:%d/%m/%Y %H:%M} UTC"
