"""What else the authority of a patient number is called: doors have their own names for it, the configuration all."""

from collections.abc import Iterable
from dataclasses import replace

from bridge.config import Settings
from guarantee.objections import Objection


def names_of(issuer: str, settings: Settings) -> tuple[str, ...]:
    """Return ``issuer``, then every other name that the configuration gives to the same authority.

    Read from ``[intake.hl7] authorities`` and from the ``issuers`` of each record that receives reports.
    """
    hl7 = settings.intake.hl7
    pairs = [
        *(hl7.authorities if hl7 else {}).items(),
        *(pair for record in settings.destinations.fhir.values() for pair in record.issuers.items()),
    ]
    found, edge = {issuer: None}, [issuer]
    while edge:
        others = [other for one in edge for pair in pairs if one in pair for other in pair]
        edge = [other for other in dict.fromkeys(others) if other not in found]
        found |= dict.fromkeys(edge)
    return tuple(found)


def under_every_name(said: Iterable[Objection], settings: Settings) -> tuple[Objection, ...]:
    """Return each objection under every name of its authority: images and messages may call it otherwise."""
    return tuple(replace(line, authority=name) for line in said for name in names_of(line.authority, settings))
