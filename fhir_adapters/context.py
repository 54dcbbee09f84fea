"""What every resource of one release shares: names, times, references. Nothing here looks at a clock."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fhir_adapters.times import instant
from fhir_adapters.vocabulary import AIAST, CLINAST, DICOM_UID, FR_IDENTIFIERS, V2_0203, coding, identifier
from fhir_adapters.wire import Resource
from guarantee.case import CaseKind
from guarantee.content import Text
from guarantee.errors import Malformed
from guarantee.ids import derive
from guarantee.opinion import Opinion, Reader
from guarantee.ports import Endorsed

_BASE: Final = re.compile(r"https?://[A-Za-z0-9.\-:]+(/[A-Za-z0-9._~\-]+)*")
_LITERAL: Final = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}")
_URI: Final = re.compile(r"(https?://|urn:)[^\s|]+")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How this installation signs what it writes.

    Args:
        base: canonical address below which our own identifiers and codes live; never called, never changed.
        instance: name of this installation, e.g. "chu-exemple-01".
        version: of Aval.
        organisation, organisation_id: the structure the report is made for; name and FINESS number.
        organisation_system, practitioner_system: what those numbers and the readers' are numbers of.
        accession_system: issuer of accession numbers; "" when it has none.
        patient_system: for patient identifiers that came without an issuer; "" when none may.
        issuers: DICOM issuer of Patient ID to FHIR system, for issuers that are not an address themselves.
        time_zone: of study dates that came without one.
    """

    base: str
    instance: str
    version: str
    organisation: str
    organisation_id: str
    organisation_system: str = "urn:oid:1.2.250.1.71.4.2.2"
    practitioner_system: str = "urn:oid:1.2.250.1.71.4.2.1"
    accession_system: str = ""
    patient_system: str = ""
    issuers: tuple[tuple[str, str], ...] = field(default=())
    time_zone: str = "Europe/Paris"

    def __post_init__(self) -> None:
        if not _BASE.fullmatch(self.base):
            raise Malformed(f"{self.base[:80]!r} is not an address that identifiers can be built on")
        ZoneInfo(self.time_zone)

    def sid(self, name: str) -> str:
        """Return the system of our own identifiers called ``name``."""
        return f"{self.base}/sid/{name}"

    def codes(self, name: str) -> str:
        """Return our own code system called ``name``."""
        return f"{self.base}/CodeSystem/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One release about to be written."""

    options: Options
    endorsed: Endorsed

    def name(self, role: str, key: str = "") -> str:
        """Return the UUID that this part of this release always has."""
        return derive("fhir", self.endorsed.release, role, key)

    def url(self, role: str, key: str = "") -> str:
        """Return the same as the fullUrl of a bundle entry."""
        return f"urn:uuid:{self.name(role, key)}"

    def say(self, text: Text) -> str:
        """Return ``text`` in the language of the report."""
        return text.fr if self.endorsed.content.language.lower().startswith("fr") else text.en

    @property
    def is_study(self) -> bool:
        """Whether the inputs are images."""
        return self.endorsed.case.kind is CaseKind.STUDY

    @property
    def at(self) -> str:
        """When the decision was taken, as an instant."""
        return instant(self.endorsed.decision.at)

    @property
    def effective(self) -> str:
        """When what is said was true of the patient: the study's time, or the newest input's; else the decision's."""
        if self.is_study:
            return self._zoned(self.endorsed.case.started) or self.at
        taken = [used.taken_at for used in self.endorsed.content.inputs if used.taken_at is not None]
        return instant(max(taken)) if taken else self.at

    @property
    def endorsers(self) -> tuple[Opinion, ...]:
        """The opinions that the decision is made of, the deciding one first."""
        decision = self.endorsed.decision
        same = [o for o in self.endorsed.opinions if o.statement.content == decision.content]
        return tuple(sorted(same, key=lambda o: (o.id != decision.opinion, o.statement.signed_at)))

    @property
    def patient_informed(self) -> str:
        """What the deciding reader answered: "yes", "to-do" or "not-possible"."""
        return self.endorsers[0].statement.patient_informed

    @property
    def subject(self) -> Resource:
        """The patient: by reference when the record gave one, and by identifier when its issuer is known.

        Without a reference, an issuer that nobody mapped gets a system of our own with its name in it: it says truly
        whose number this is and can be mistaken for no other issuer's. The record may map it.

        Raises:
            Malformed: neither; a number alone may be somebody else's.
        """
        patient = self.endorsed.case.patient
        found: Resource = {"type": "Patient"}
        if _LITERAL.fullmatch(patient.reference):
            found = {"reference": patient.reference} | found
        system = self._patient_system(patient.issuer)
        if patient.issuer and not system and "reference" not in found:
            system = f"{self.options.sid('patient-of')}/{quote(patient.issuer, safe='')}"
        if patient.identifier and system:
            found["identifier"] = identifier(system, patient.identifier)
        if len(found) == 1:
            raise Malformed(
                "the patient has no reference, and no identifier whose issuer is known: name patient_system in the "
                "destination's settings, or nobody can tell whose number this is"
            )
        return found

    @property
    def encounter(self) -> Resource | None:
        """The stay, when the record named it."""
        literal = self.endorsed.case.encounter
        return {"reference": literal} if _LITERAL.fullmatch(literal) else None

    @property
    def based_on(self) -> list[Resource]:
        """The order, by its accession number."""
        case = self.endorsed.case
        if not case.order:
            return []
        kinds = [coding(V2_0203, "ACSN")]
        order = identifier(self.options.accession_system, case.order, *kinds)
        return [{"type": "ServiceRequest", "identifier": order}]

    @property
    def study(self) -> Resource | None:
        """The imaging study, by its UID: it belongs to the PACS, and we never create or change it."""
        if not self.is_study:
            return None
        uid = identifier(DICOM_UID, f"urn:oid:{self.endorsed.case.uid}")
        return {"type": "ImagingStudy", "identifier": uid}

    @property
    def organisation(self) -> Resource:
        """The structure that the report is made for."""
        number = identifier(self.options.organisation_system, self.options.organisation_id)
        return {"type": "Organization", "identifier": number, "display": self.options.organisation}

    def structure(self, reader: Reader) -> Resource:
        """The structure that a reader signs for."""
        number = identifier(self.options.organisation_system, reader.organisation_id)
        return {"type": "Organization", "identifier": number, "display": reader.organisation}

    def practitioner(self, reader: Reader) -> Resource:
        """Return a reader as a reference."""
        number = identifier(self.options.practitioner_system, reader.professional_id, coding(FR_IDENTIFIERS, "IDNPS"))
        return {"type": "Practitioner", "identifier": number, "display": person(reader.name)}

    def about_patient(self, named: str = "subject") -> Resource:
        """Return the elements that tie a resource to the patient and the stay."""
        stay = self.encounter
        return {named: self.subject} | ({"encounter": stay} if stay else {})

    def labels(self, *, machine: bool) -> Resource:
        """Return Resource.meta with who asserts it: always a clinician, and AI unless ``machine`` is false."""
        return {"security": [AIAST, CLINAST] if machine else [CLINAST]}

    def _patient_system(self, issuer: str) -> str:
        if _URI.fullmatch(issuer):
            return issuer
        return dict(self.options.issuers).get(issuer, "") if issuer else self.options.patient_system

    def _zoned(self, text: str) -> str:
        if _DAY.fullmatch(text):
            return text
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            return ""
        zone = ZoneInfo(self.options.time_zone)
        return (value if value.tzinfo else value.replace(tzinfo=zone)).isoformat(timespec="seconds")


def person(name: str) -> str:
    """Return a DICOM person name as people write it: "MARTIN^Élodie^^Dr" is "Dr Élodie MARTIN" (PS3.5 6.2.1)."""
    family, given, middle, prefix, suffix = (name.partition("=")[0].split("^") + [""] * 5)[:5]
    return " ".join(part for part in (prefix, given, middle, family, suffix) if part)
