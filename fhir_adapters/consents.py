"""What the record says of patients who object to AI (Consent, R4): recorded from here, and lifted by a person alone.

A Consent counts when it is active, denies, and is coded as an objection to AI; anything else that somebody agrees to or
refuses (research, sharing) is none of ours. One that the record takes back does not lift the objection: the door notes
it, and a person decides.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fhir_adapters.bundle import Entry, Received, objects
from fhir_adapters.errors import BadRequest
from fhir_adapters.patient import key
from fhir_adapters.stays import whose
from fhir_adapters.wire import Resource
from guarantee.errors import Malformed
from guarantee.ids import derive
from guarantee.objections import Objection, Word

CODE: Final = "ai-objection"
"""Our own code, in the code system of patient information: no standard one exists."""

REASON: Final = "recorded in the patient's record (FHIR Consent)"

ENDED: Final = frozenset({"inactive", "rejected", "entered-in-error"})
"""Consent.status of what holds no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a bundle says of objections.

    Args:
        recorded: those that stand, as lines to be noted.
        taken_back: how many the record says hold no more; a person lifts them here.
    """

    recorded: tuple[Objection, ...]
    taken_back: int


def heard(received: Received, *, codes: Collection[str], sender: str, now: datetime) -> Heard:
    """Return what ``received`` says of patients who object to AI.

    Args:
        codes: "system|code" of such an objection, in Consent.category or in Consent.provision.

    Raises:
        BadRequest: it does not say whose objection it is, by a number and who gave it.
    """
    ours = [entry for entry in received.entries if entry.type == "Consent" and _is_coded(entry.resource, codes)]
    standing = [entry for entry in ours if _stands(entry.resource)]
    return Heard(
        recorded=tuple(_line(entry, received, sender, now) for entry in standing),
        taken_back=sum(_is_taken_back(entry.resource) for entry in ours),
    )


def _is_coded(resource: Resource, codes: Collection[str]) -> bool:
    return any(found in codes for found in _codings(resource))


def _codings(resource: Resource) -> Iterator[str]:
    for part in (resource.get("category"), resource.get("provision")):
        for holder in objects(part):
            if "code" in holder and isinstance(holder["code"], str):
                yield f"{holder.get('system', '')}|{holder['code']}"


def _denies(resource: Resource) -> bool:
    return bool((resource.get("provision") or {}).get("type") == "deny")


def _stands(resource: Resource) -> bool:
    return bool(resource["status"] == "active") and _denies(resource)


def _is_taken_back(resource: Resource) -> bool:
    return resource["status"] in ENDED or (resource["status"] == "active" and not _denies(resource))


def _line(entry: Entry, received: Received, sender: str, now: datetime) -> Objection:
    who = whose(entry, received)
    try:
        return Objection(
            authority=who.issuer,
            identifier=who.identifier,
            word=Word.RECORD,
            by=f"record:{sender}",
            reason=REASON,
            source=derive("fhir-consent", sender, _name(entry), str(entry.resource.get("dateTime", ""))),
            at=now,
        )
    except Malformed:
        said = f"{entry.where}: an objection names its patient by an identifier with a system"
        raise BadRequest(422, "required", said) from None


def _name(entry: Entry) -> str:
    """Return what the record calls this Consent: the same one, sent again, is no second objection."""
    named = sorted(key(item) for item in entry.resource.get("identifier", ()) if key(item))
    return named[0] if named else entry.reference
