"""A made-up stay as a record system holds it: patient, encounter, observations, and the bundle around them."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
"""When messages come, unless a test says otherwise."""

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def observation(number: str = "17", **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": number,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
        "subject": {"reference": "Patient/9"},
        "encounter": {"reference": "Encounter/7"},
        "effectiveDateTime": "2026-11-21T08:20:00+01:00",
        "valueQuantity": {
            "value": Decimal("72.50"),
            "unit": "/min",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    } | changes


def person(number: str = "9", **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": number,
        "identifier": [
            {
                "use": "official",
                "system": "urn:oid:1.2.250.1.213.1.4.10",
                "value": "255069999999934",
                "type": {
                    "coding": [
                        {
                            "system": "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203",
                            "code": "INS-NIR-TEST",
                        }
                    ]
                },
            },
            {
                "use": "usual",
                "system": "urn:oid:1.2.250.1.999.1.1",
                "value": f"IPP{number}",
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PI"}]},
            },
        ],
        "name": [
            {"use": "maiden", "family": "AUTRE"},
            {"use": "official", "family": "TESTPATIENT", "given": ["Jeanne", "Marie"]},
        ],
        "gender": "female",
        "birthDate": "1955-06-12",
    } | changes


def stay(number: str = "7", patient: str = "9", **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": number,
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": f"Patient/{patient}"},
        "period": {"start": "2026-11-20T08:12:00+01:00"},
    } | changes


ACSN = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]}
FILL = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "FILL"}]}


def order(accession: str = "A1", **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": "31",
        "status": "active",
        "intent": "order",
        "priority": "routine",
        "identifier": [
            {"system": "urn:oid:1.2.250.1.999.1.8", "value": "RX-1"},
            {"system": "urn:oid:1.2.250.1.999.1.9", "value": accession, "type": ACSN},
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": "24590-2", "display": "MR Brain"}], "text": "IRM"},
        "reasonCode": [{"text": "Céphalées"}],
        "subject": {"reference": "Patient/9"},
        "encounter": {"reference": "Encounter/7"},
    } | changes


def bundle(*found: dict[str, Any], kind: str = "collection") -> dict[str, Any]:
    entries = []
    for item in found or (person(), stay(), observation()):
        entry: dict[str, Any] = {"resource": item}
        if kind in {"transaction", "batch"}:
            entry["request"] = {"method": "PUT", "url": f"{item['resourceType']}/{item.get('id', '')}"}
        entries.append(entry)
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


@cache
def support2() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SHARED / "fhir" / "support2" / "expected.json").read_text())
    return found
