"""The FHIR door, without a web framework: pure functions that the door calls, in this order.

    body = parse_body(data, content_type)               limits, JSON, UTF-8
    received = read_bundle(body)                        routed resources validated
    arrivals(received, digest=…, site=…, sender=…)      one Arrival for each stay, once the bytes are in the vault
    transaction_response(received)                      the answer, when all of it is committed

A BadRequest anywhere becomes ``refusal(error)`` with ``error.status``. Notifications: notification.py.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final

from fhir_adapters.bundle import Received, read_bundle, transaction_response, warm
from fhir_adapters.capability import capability_statement
from fhir_adapters.orders import orders
from fhir_adapters.outcome import operation_outcome, refusal
from fhir_adapters.patient import best_identifier, type_codes
from fhir_adapters.stays import Stay, stays
from fhir_adapters.times import read_date, read_time, taken_at
from fhir_adapters.wire import Resource, parse_body
from guarantee.case import CaseKind, Source
from guarantee.ids import Digest, derive
from guarantee.rules import Facts
from guarantee.unit import Arrival

__all__ = [
    "arrivals",
    "capability_statement",
    "operation_outcome",
    "parse_body",
    "read_bundle",
    "refusal",
    "transaction_response",
    "warm",
]

VALID: Final = frozenset({"final", "amended", "corrected"})
"""Status of an Observation that somebody stands behind."""

FACTS: Final = frozenset(
    {
        *("resourceType", "Observation.code", "Encounter.class", "ServiceRequest.code", "ServiceRequest.priority"),
        *("ImagingStudy.modality", "PatientSex", "PatientAgeYears"),
    }
)
"""Every name that the facts of an arrival may have."""

DAYS_PER_YEAR: Final = Decimal("365.25")


def arrivals(received: Received, *, digest: Digest, site: str, sender: str, now: datetime) -> tuple[Arrival, ...]:
    """Return one arrival for each stay that ``received`` tells of.

    The facts, for routing rules and cards: "resourceType"; "Observation.code" ("system|code" of every coding of
    Observations that are final, amended or corrected, components included); "Encounter.class" (the code, e.g. "IMP");
    "ServiceRequest.code", "ServiceRequest.priority", "ImagingStudy.modality"; "PatientSex" (M, F, O); "PatientAgeYears"
    (whole years at the newest time in the stay's data: the same message always gives the same facts).

    Args:
        digest: of the raw bytes in the vault. Every stay of the message has the same; read_record tells them apart.
        sender: name of the sender, from configuration.
        now: when it came, for orders that do not say when they were last changed.

    Raises:
        BadRequest: two patients in one stay, no patient at all, or too many stays.
    """
    event = derive("fhir-event", digest)
    return tuple(
        Arrival(
            kind=CaseKind.RECORD,
            uid=stay.uid,
            source=Source(uid=event, group="", kind="Bundle", digest=digest),
            site=site,
            patient=stay.patient,
            order=_order(stay),
            modality="",
            description=_class(stay),
            started=_started(stay),
            encounter=stay.reference,
            facts=_facts(stay),
            sender=sender,
            conversation="",
            orders=orders(stay, now=now),
        )
        for stay in stays(received)
    )


def _facts(stay: Stay) -> Facts:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for entry in stay.entries:
        found["resourceType"].add(entry.type)
    for entry in stay.of("Observation"):
        if entry.resource["status"] in VALID:
            found["Observation.code"] |= set(_observed(entry.resource))
    for entry in stay.of("ServiceRequest"):
        found["ServiceRequest.code"] |= set(_codes(entry.resource.get("code")))
        found["ServiceRequest.priority"].add(str(entry.resource.get("priority", "")))
    for entry in stay.of("ImagingStudy"):
        found["ImagingStudy.modality"] |= {
            item["code"] for item in entry.resource.get("modality", ()) if "code" in item
        }
    found["Encounter.class"].add(_class(stay))
    found["PatientSex"].add(stay.patient.sex)
    found["PatientAgeYears"].add(_age(stay))
    return {name: frozenset(values - {""}) for name, values in found.items() if values - {""}}


def _observed(observation: Resource) -> Iterator[str]:
    for holder in (observation, *observation.get("component", ())):
        yield from _codes(holder.get("code"))


def _codes(concept: Resource | None) -> Iterator[str]:
    for coding in (concept or {}).get("coding", ()):
        if coding.get("code"):
            yield f"{coding.get('system', '')}|{coding['code']}"


def _class(stay: Stay) -> str:
    return str(((stay.encounter or {}).get("class") or {}).get("code", ""))


def _started(stay: Stay) -> str:
    return str(((stay.encounter or {}).get("period") or {}).get("start", ""))


def _order(stay: Stay) -> str:
    """Return the accession number of the stay's only order, or ""."""
    orders = [entry.resource for entry in stay.of("ServiceRequest")]
    if len(orders) != 1:
        return ""
    best = best_identifier(orders[0].get("identifier", ()), preferred_type="ACSN")
    return str(best["value"]) if "ACSN" in type_codes(best) else ""


def _age(stay: Stay) -> str:
    born = read_date(stay.patient.birth_date)
    times = [time for entry in stay.of("Observation") if (time := taken_at(entry.resource))]
    moment = max(times, default=None) or read_time(_started(stay))
    if born is None or moment is None or moment.date() < born:
        return ""
    return str(int((moment.date() - born).days / DAYS_PER_YEAR))
