"""Systems and codes that our own resources are written with, each as its owner publishes it."""

from typing import Final
from urllib.parse import quote

from fhir_adapters.wire import Resource
from guarantee.inputs import Coded

LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
SNOMED: Final = "http://snomed.info/sct"
V2_0203: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
V2_0074: Final = "http://terminology.hl7.org/CodeSystem/v2-0074"
DICOM_UID: Final = "urn:dicom:uid"
PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
FR_IDENTIFIERS: Final = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"

AI_DEVICE: Final = "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIdeviceTypeCS"
"""HL7 AI Transparency on FHIR, 1.0.0-ballot."""

_OBSERVATION_VALUE: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"

AIAST: Final[Resource] = {
    "system": _OBSERVATION_VALUE,
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}
CLINAST: Final[Resource] = {"system": _OBSERVATION_VALUE, "code": "CLINAST", "display": "clinician asserted"}

_SCHEMES: Final = {
    "SCT": SNOMED,
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "LN": LOINC,
    "UCUM": UCUM,
    "RADLEX": "http://www.radlex.org",
}
"""DICOM coding scheme designators (PS3.16 table 8-1) as FHIR systems."""


def coding(system: str, code: str, display: str = "") -> Resource:
    """Return a Coding."""
    return {"system": system, "code": code} | ({"display": display} if display else {})


def concept(*codings: Resource, text: str = "") -> Resource:
    """Return a CodeableConcept."""
    return ({"coding": list(codings)} if codings else {}) | ({"text": text} if text else {})


def coded(value: Coded, base: str, text: str = "") -> Resource:
    """Return ``value`` as a CodeableConcept; a scheme without a public address gets one below ``base``."""
    system = _SCHEMES.get(value.scheme) or f"{base}/CodeSystem/{quote(value.scheme, safe='')}"
    return concept(coding(system, value.code, value.meaning), text=text)


def identifier(system: str, value: str, *types: Resource) -> Resource:
    """Return an Identifier."""
    return ({"type": concept(*types)} if types else {}) | ({"system": system} if system else {}) | {"value": value}
