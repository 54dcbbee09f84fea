"""A case: the inputs of a model, as they stood when they were complete, and whose they are."""

from dataclasses import dataclass, replace
from enum import StrEnum

from guarantee.canonical import canonical, parse_canonical
from guarantee.codec import from_plain, to_plain
from guarantee.errors import Malformed
from guarantee.ids import CaseId, Digest, derive, parse_digest
from guarantee.states import CASE_LIFE, CaseState, CaseVerb, step


class CaseKind(StrEnum):
    """What the inputs are."""

    STUDY = "study"
    """A DICOM study; ``uid`` is its Study Instance UID (0020,000D)."""

    RECORD = "record"
    """What the record says of one stay; ``uid`` is ``system|value`` of the encounter, or of the patient without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """Traits as received, for the banner and for the outgoing objects. Never a key; we create and correct no identity.

    Args:
        identifier: Patient ID (0010,0020), or the value of Patient.identifier.
        issuer: Issuer of Patient ID (0010,0021), or the system of Patient.identifier; "" when the sender gave none.
        name: DICOM form, ``FAMILY^Given``, with its ideographic and phonetic groups where the sender gave them
            (``Yamada^Tarou=山田^太郎=やまだ^たろう``); "" when unknown.
        birth_date: YYYY-MM-DD; "" when unknown.
        sex: M, F, O or "" (PS3.3 C.7.1.1; FHIR administrative-gender mapped onto it).
        reference: FHIR reference of the patient at the record, e.g. "Patient/123"; "" when unknown.
    """

    identifier: str
    issuer: str
    name: str
    birth_date: str
    sex: str
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One input, exactly as received.

    Args:
        uid: SOP Instance UID, or the identifier of the event.
        group: Series Instance UID, or "" for an event.
        kind: SOP Class UID, or the FHIR resource type.
        digest: of the bytes in the vault.
    """

    uid: str
    group: str
    kind: str
    digest: Digest

    def __post_init__(self) -> None:
        parse_digest(self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The exact inputs of one revision of a case, sorted by uid."""

    uid: str
    revision: int
    sources: tuple[Source, ...]

    def __post_init__(self) -> None:
        uids = [source.uid for source in self.sources]
        if uids != sorted(set(uids)):
            raise Malformed(f"the manifest of {self.uid} must list each input once, sorted by uid")

    def to_bytes(self) -> bytes:
        """Return the canonical bytes, whose digest the case carries."""
        return canonical(to_plain(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """Return the manifest that ``data`` writes."""
        return from_plain(cls, parse_canonical(data))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One revision of a case.

    Args:
        version: counts the moves of this revision; two processes cannot both make the next one.
        order: accession number (0008,0050) or order identifier; "" when there is none.
        identity_version: goes up when the identity behind the case is merged, moved or corrected.
        modality: e.g. "MR"; "" for a record.
        description: study description or kind of stay, as received.
        started: study date and time, or start of the stay, as received (ISO 8601).
        encounter: FHIR reference of the stay, e.g. "Encounter/7"; "" when unknown.
        manifest: digest of the inputs, from the moment the case is complete.
        cause: why it is quarantined, or why no model looks at it though it is complete; "" otherwise.
        admitted: doubts about it that a person let through, separated by spaces (identity.py); "" when there were none.
    """

    id: CaseId
    kind: CaseKind
    uid: str
    revision: int
    state: CaseState
    version: int
    site: str
    patient: Patient
    order: str
    identity_version: int
    modality: str
    description: str
    started: str
    encounter: str
    manifest: Digest | None
    cause: str
    admitted: str = ""

    def following(self) -> "Case":
        """Return the next revision, which receives: the same patient, what was let through, nothing fixed yet."""
        return replace(
            self,
            id=case_id(self.kind, self.uid, self.revision + 1),
            revision=self.revision + 1,
            state=CaseState.RECEIVING,
            version=0,
            manifest=None,
            cause="",
        )

    def reidentified(self) -> "Case":
        """Return this case behind another identity: what was drafted before is no longer about it."""
        return replace(self, identity_version=self.identity_version + 1)

    def after(self, verb: CaseVerb, *, manifest: Digest | None = None, cause: str = "") -> "Case":
        """Return this case one step later.

        Raises:
            NotAllowed: CASE_LIFE has no such step.
        """
        state = step(CASE_LIFE, self.state, verb, f"revision {self.revision} of case {self.id}")
        return replace(
            self,
            state=state,
            version=self.version + 1,
            manifest=manifest or self.manifest,
            cause=cause,
        )


def case_id(kind: CaseKind, uid: str, revision: int) -> CaseId:
    """Return the identifier that this revision of this case always has."""
    return CaseId(derive("case", kind, uid, str(revision)))
