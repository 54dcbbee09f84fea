"""Orders of exams (ServiceRequest), as the record says them; whether an exam goes with its order is asked elsewhere.

A ServiceRequest that names no exam (no accession number, no study) is of no use here, unless it takes one back.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from fhir_adapters.patient import key, type_codes
from fhir_adapters.stays import Stay
from fhir_adapters.times import read_time
from fhir_adapters.wire import Resource
from guarantee.feed import Number
from guarantee.orders import WORDS_CHARS_MAX, Order, OrderStatus

ORDERED: Final = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
"""ServiceRequest.intent of what somebody answers for; a proposal, a plan or an option is not asked for yet."""

CANCELLED: Final = frozenset({"revoked", "entered-in-error"})
"""ServiceRequest.status of what is not asked for any more."""

UNSAID: Final = frozenset({"draft", "unknown"})
"""ServiceRequest.status of what nobody has asked for yet, or nobody knows."""

DICOM_UID: Final = "urn:dicom:uid"


def orders(stay: Stay, *, now: datetime) -> tuple[Order, ...]:
    """Return the orders of exams in ``stay``, and what takes some back.

    Args:
        now: when they came, for resources that do not say when they were last changed.
    """
    found = (_order(entry.resource, stay, now) for entry in stay.of("ServiceRequest"))
    return tuple(order for order in found if order is not None)


def _order(resource: Resource, stay: Stay, now: datetime) -> Order | None:
    if resource.get("intent") not in ORDERED or resource.get("status") in UNSAID:
        return None
    named = _names(resource)
    is_cancelled = resource.get("status") in CANCELLED
    if not any(named.values()) or not (named["accession"] or named["study"] or is_cancelled):
        return None
    who = stay.patient
    return Order(
        **named,
        sites=frozenset(),
        patient=who,
        numbers=(Number(value=who.identifier, issuer=who.issuer),) if who.identifier else (),
        procedures=frozenset(_codes(resource.get("code") or {})),
        procedure=_words(resource.get("code") or {})[:WORDS_CHARS_MAX],
        indication="\n".join(filter(None, map(_words, resource.get("reasonCode", ()))))[:WORDS_CHARS_MAX],
        is_stat=resource.get("priority") == "stat",
        status=OrderStatus.CANCELLED if is_cancelled else OrderStatus.WANTED,
        said_at=read_time(str((resource.get("meta") or {}).get("lastUpdated", ""))) or now,
    )


def _names(resource: Resource) -> dict[str, str]:
    """Return the numbers of an order by what they are: ACSN, PLAC, FILL (v2-0203), and its study (urn:dicom:uid)."""
    found = {"placer": "", "filler": "", "accession": "", "study": ""}
    for item in resource.get("identifier", ()):
        kinds = type_codes(item)
        if item.get("system") == DICOM_UID:
            found["study"] = found["study"] or str(item.get("value", "")).removeprefix("urn:oid:")
        elif "ACSN" in kinds:
            found["accession"] = found["accession"] or str(item.get("value", ""))
        elif "FILL" in kinds:
            found["filler"] = found["filler"] or key(item)
        else:
            found["placer"] = found["placer"] or key(item)
    return found


def _codes(concept: Resource) -> Iterator[str]:
    for coding in concept.get("coding", ()):
        if coding.get("code"):
            yield f"{coding.get('system', '')}|{coding['code']}"


def _words(concept: Resource) -> str:
    said = [concept.get("text"), *(coding.get("display") for coding in concept.get("coding", ()))]
    return next((str(text) for text in said if text), "")
