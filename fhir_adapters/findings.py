"""One finding as one Observation (R4 Observation), with everything that was endorsed of it and nothing else."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from fhir_adapters import texts
from fhir_adapters.context import Context
from fhir_adapters.vocabulary import SNOMED, UCUM, coded, coding, concept, identifier
from fhir_adapters.wire import Resource
from guarantee.content import Finding, Origin, Presence, Quantity

PRESENCE: Final = {
    Presence.PRESENT: coding(SNOMED, "52101004", "Present"),
    Presence.ABSENT: coding(SNOMED, "272519000", "Absent"),
    Presence.UNDETERMINED: coding(SNOMED, "373068000", "Undetermined"),
}
"""What is said of a finding (DICOM CID 240): a negative is written, never left to silence."""

PRESENCE_CODE: Final = coding(SNOMED, "705057003", "Presence")
LATERALITY_CODE: Final = coding(SNOMED, "272741003", "Laterality")

METRICS: Final = "ai-metric"
"""Our code system of a model's own figures: "score" and "threshold". R4 has none."""

READER_FINDING: Final = "reader-finding"
"""Type code of what a reader added (guarantee/amend.py): no machine said it."""

_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_SOURCE: Final = re.compile(r"Observation/[A-Za-z0-9\-.]{1,64}")


def observation(context: Context, finding: Finding, device: str) -> Resource:
    """Return the Observation of ``finding``.

    Numbers are components, in the content's order and to its last digit. The presence is the value; where a number
    has the very code of the finding, the presence becomes a component too, since R4 forbids a value then (obs-7).

    Args:
        device: fullUrl of the model's Device.
    """
    machine = finding.type.code != READER_FINDING
    said = concept(PRESENCE[finding.presence])
    crowded = any(_same_code(quantity, finding) for quantity in finding.quantities)
    components = [{"code": concept(PRESENCE_CODE), "valueCodeableConcept": said}] if crowded else []
    components += _components(context, finding)
    return {
        "resourceType": "Observation",
        "meta": context.labels(machine=machine),
        "identifier": [identifier(context.options.sid("finding"), finding_name(context, finding.key))],
        **({"basedOn": context.based_on} if context.based_on else {}),
        "status": "preliminary",
        "category": [concept(_category(context))],
        "code": coded(finding.type, context.options.base, context.say(finding.label)),
        **context.about_patient(),
        "effectiveDateTime": context.effective,
        "issued": context.at,
        "performer": [context.practitioner(opinion.statement.reader) for opinion in context.endorsers],
        **({} if crowded else {"valueCodeableConcept": said}),
        **({"note": [_correction(context)]} if machine and finding.origin is Origin.PERSON else {}),
        **({"bodySite": coded(finding.site, context.options.base)} if finding.site else {}),
        **({"device": {"reference": device}} if machine else {}),
        **_sources(context),
        **({"component": components} if components else {}),
    }


def finding_name(context: Context, key: str) -> str:
    """Return the value of the finding's identifier: release and key, so that both can be read back from it."""
    return f"{context.endorsed.release}.{quote(key, safe='')}"


def _components(context: Context, finding: Finding) -> Iterator[Resource]:
    base = context.options.base
    for quantity in finding.quantities:
        yield {"code": coded(quantity.concept, base, context.say(quantity.label)), "valueQuantity": _amount(quantity)}
    for name, number in (("score", finding.score), ("threshold", finding.threshold)):
        if number is not None:
            unitless = {"value": number, "unit": "1", "system": UCUM, "code": "1"}
            yield {"code": concept(coding(context.options.codes(METRICS), name)), "valueQuantity": unitless}
    if finding.laterality:
        yield {"code": concept(LATERALITY_CODE), "valueCodeableConcept": coded(finding.laterality, base)}


def _amount(quantity: Quantity) -> Resource:
    return {"value": quantity.value, "unit": quantity.unit.code, "system": UCUM, "code": quantity.unit.code}


def _same_code(quantity: Quantity, finding: Finding) -> bool:
    return (quantity.concept.code, quantity.concept.scheme) == (finding.type.code, finding.type.scheme)


def _category(context: Context) -> Resource:
    return coding(_CATEGORY, "imaging", "Imaging") if context.is_study else coding(_CATEGORY, "survey", "Survey")


def _correction(context: Context) -> Resource:
    return {"time": context.at, "text": context.say(texts.CORRECTED)}


def _sources(context: Context) -> Resource:
    """Return derivedFrom: the study, or the record's own Observations that were used."""
    if context.study:
        return {"derivedFrom": [context.study]}
    used = [item.source for item in context.endorsed.content.inputs if _SOURCE.fullmatch(item.source)]
    return {"derivedFrom": [{"reference": source} for source in dict.fromkeys(used)]} if used else {}
