"""SMART App Launch from a record (EHR launch): which patient and exam are on its screen, and for whom.

It says what a person looks at, and binds it to that person's account here; it signs nobody in. Source: SMART App Launch
2.2, "Launch App: EHR Launch", scopes and launch context; FHIR R4.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.oidc.claims import PROFESSIONAL_ID
from bridge.oidc.errors import TokenRefused
from bridge.oidc.provider import Provider
from bridge.oidc.request import Asked

CONFIGURATION: Final = "/.well-known/smart-configuration"
"""Where a record says how it is launched from, below its FHIR root."""

STUDIES_MAX: Final = 20
"""Most exams of one launch, as of a link."""

IDENTIFIERS_MAX: Final = 50
"""Identifiers looked at in one resource; a patient after many merges has thirty."""

_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
_UID: Final = re.compile(r"urn:oid:((?=.{1,64}\Z)[0-9]+(\.[0-9]+)*)")
_NUMBER: Final = re.compile(r"[^\x00-\x1f\x7f\\]{1,64}")
"""A patient number as DICOM could hold it (LO)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is on the record's screen.

    Args:
        professional_id: of who sits before it; "" when the record does not say.
        patient: their number in the system that exams carry; "" when the record gives none.
        studies: Study Instance UIDs.
    """

    professional_id: str
    patient: str
    studies: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record that launches.

    Args:
        fhir_url: its FHIR root, without a slash at its end; the "iss" of its launches.
        patient_system: identifier system of patient numbers that exams carry.
        professional_system: identifier system of professional identifiers that accounts carry.
    """

    provider: Provider
    fhir_url: str
    patient_system: str
    professional_system: str

    def address(self, asked: Asked, launch: str, language: str) -> str:
        """Return where a browser goes on from a launch.

        Raises:
            ProviderUnavailable: the record does not say.
        """
        return self.provider.address(asked, language, launch=launch, aud=self.fhir_url)

    def context(self, code: str, asked: Asked) -> Context:
        """Return what is on the screen. ``code`` is used up.

        Raises:
            TokenRefused: what it was exchanged for does not prove it.
            ProviderUnavailable: the record does not answer, or not as it should.
        """
        redeemed = self.provider.redeem(code, asked)
        token, given = redeemed.access_token, redeemed.given
        person = self._read(redeemed.said.get("fhirUser"), "Practitioner", token)
        patient = given.get("patient")
        reference = f"Patient/{patient}" if isinstance(patient, str) else None
        whom = self._read(reference, "Patient", token) if patient is not None else {}
        number = _only(whom, self.patient_system, _NUMBER)
        if patient is not None and not number:
            raise TokenRefused("a patient without a number that exams carry")
        return Context(
            professional_id=_only(person, self.professional_system, PROFESSIONAL_ID),
            patient=number,
            studies=tuple(uid for reference in _exams(given) for uid in self._uids(reference, token)),
        )

    def _uids(self, reference: str, token: str) -> list[str]:
        study = self._read(reference, "ImagingStudy", token)
        found = [_UID.fullmatch(value) for value in _values(study, "urn:dicom:uid")]
        return [match[1] for match in found if match]

    def _read(self, reference: object, kind: str, token: str) -> Mapping[str, Any]:
        """Return a resource of the record itself: a reference to any other place is not followed."""
        text = reference.removeprefix(f"{self.fhir_url}/") if isinstance(reference, str) else ""
        found, _, resource_id = text.partition("/")
        if found != kind or not _ID.fullmatch(resource_id):
            raise TokenRefused(f"no {kind} of this record")
        resource = self.provider.line.get(kind, f"{self.fhir_url}/{kind}/{resource_id}", token=token)
        if (resource.get("resourceType"), resource.get("id")) != (kind, resource_id):
            raise TokenRefused(f"another resource than the {kind} that was asked for")
        return resource


def _exams(given: Mapping[str, Any]) -> list[str]:
    """Return the references to exams in a launch context; what else is on the screen does not matter here."""
    listed = given.get("fhirContext")
    entries = listed[:STUDIES_MAX] if isinstance(listed, list) else []
    references = (entry.get("reference") for entry in entries if isinstance(entry, dict))
    return [text for text in references if isinstance(text, str) and "ImagingStudy/" in text]


def _values(resource: Mapping[str, Any], system: str) -> Iterator[str]:
    listed = resource.get("identifier")
    for entry in listed[:IDENTIFIERS_MAX] if isinstance(listed, list) else []:
        if isinstance(entry, dict) and entry.get("system") == system and isinstance(entry.get("value"), str):
            yield entry["value"]


def _only(resource: Mapping[str, Any], system: str, form: re.Pattern[str]) -> str:
    """Return the one identifier of a system; "" when there is none, or more than one: either could be meant."""
    found = {value for value in _values(resource, system) if form.fullmatch(value)}
    return found.pop() if len(found) == 1 else ""
