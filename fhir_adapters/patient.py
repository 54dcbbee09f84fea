"""Who a message is about: traits as received, never corrected, never completed."""

import re
from collections.abc import Sequence
from typing import Final

from fhir_adapters.times import read_date
from fhir_adapters.wire import Resource
from guarantee.case import Patient

_SEX: Final = {"male": "M", "female": "F", "other": "O", "unknown": ""}
"""FHIR administrative gender onto DICOM Patient's Sex (PS3.3 C.7.1.1)."""

_TYPES: Final = (
    "http://terminology.hl7.org/CodeSystem/v2-0203",
    "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203",
)
_NAME_DELIMITERS: Final = re.compile(r"[\^=\\]|[\x00-\x1f]")
"""Separators of a DICOM person name (PS3.5 6.2.1.1); a space stands for them, nothing is dropped."""


def traits(resource: Resource) -> Patient:
    """Return the traits of a Patient resource.

    The identifier is the hospital's own number (type PI) where there is one, since that is what images carry too; then
    the usual one, the official one, any other that is not old. Of several alike the first by system and value, so that
    their order in the message changes nothing.
    """
    chosen = best_identifier(resource.get("identifier", ()), preferred_type="PI")
    return Patient(
        identifier=_text(chosen, "value"),
        issuer=_text(chosen, "system"),
        name=_name(resource.get("name", ())),
        birth_date=resource["birthDate"] if read_date(resource.get("birthDate")) else "",
        sex=_SEX.get(resource.get("gender", ""), ""),
        reference=f"Patient/{resource['id']}" if "id" in resource else "",
    )


def known_by(identifier: Resource, reference: str) -> Patient:
    """Return the traits of a patient of whom a message only gives an identifier."""
    return Patient(
        identifier=_text(identifier, "value"),
        issuer=_text(identifier, "system"),
        name="",
        birth_date="",
        sex="",
        reference=reference,
    )


def best_identifier(identifiers: Sequence[Resource], *, preferred_type: str) -> Resource:
    """Return the identifier to know something by; {} when none has a value.

    Args:
        preferred_type: HL7 v2-0203 code that comes first, e.g. "PI", "VN".
    """
    uses = {"usual": 1, "official": 2, None: 3, "secondary": 4, "temp": 5}
    usable = [item for item in identifiers if item.get("value") and item.get("use") != "old"]

    def rank(item: Resource) -> tuple[int, bool, str, str]:
        preferred = preferred_type in type_codes(item)
        return (
            0 if preferred else uses.get(item.get("use"), 6),
            "system" not in item,
            _text(item, "system"),
            item["value"],
        )

    return min(usable, key=rank, default={})


def key(identifier: Resource) -> str:
    """Return "system|value", or "" without a value."""
    return f"{_text(identifier, 'system')}|{identifier['value']}" if identifier.get("value") else ""


def type_codes(identifier: Resource) -> set[str]:
    """Return the HL7 v2-0203 codes of an identifier's type."""
    codings = (identifier.get("type") or {}).get("coding", ())
    return {_text(coding, "code") for coding in codings if coding.get("system") in _TYPES}


def _name(names: Sequence[Resource]) -> str:
    uses = {"official": 0, "usual": 1, None: 2}
    usable = [name for name in names if name.get("family") and name.get("use") in uses]
    if not usable:
        return ""
    chosen = min(usable, key=lambda name: uses[name.get("use")])
    given = " ".join(part for part in chosen.get("given", ()) if part)
    return f"{_component(chosen['family'])}^{_component(given)}".rstrip("^")


def _component(text: str) -> str:
    return _NAME_DELIMITERS.sub(" ", text).strip()


def _text(holder: Resource, name: str) -> str:
    return str(holder.get(name, ""))
