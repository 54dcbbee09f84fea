"""What a model proposes and a clinician endorses: one value, one sequence of bytes, one digest.

Everything a reader is asked to answer for is in here: findings with their place, numbers with their unit, the text of
the proposed report, the inputs that were used. Nothing that leaves is made of anything else (release.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from guarantee.canonical import canonical, parse_canonical
from guarantee.codec import from_plain, to_plain
from guarantee.errors import Malformed
from guarantee.ids import CaseId, Digest, ResultId, digest, parse_digest
from guarantee.inputs import Coded
from guarantee.result import ModelVersion

SCHEMA: Final = "aval.content/1"

TEXT_CHARS_MAX: Final = 20_000
"""Longest report text. A long radiology report is under 6,000 characters."""

FINDINGS_MAX: Final = 200
"""Most findings in one draft. Nobody can read more, and a reader must have seen each."""


class Presence(StrEnum):
    """What is said of a finding. A negative is said, never left to silence (DICOM CID 240)."""

    PRESENT = "present"
    ABSENT = "absent"
    UNDETERMINED = "undetermined"


class Origin(StrEnum):
    """Who says it."""

    MODEL = "model"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A label in both languages of the desk."""

    fr: str
    en: str

    def __post_init__(self) -> None:
        if not (self.fr.strip() and self.en.strip()):
            raise Malformed("a label exists in French and in English")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number with its unit.

    Args:
        concept: what is measured.
        value: already rounded to the precision that is meant.
        unit: UCUM, e.g. (mL, UCUM, "milliliter").
    """

    concept: Coded
    label: Text
    value: Decimal
    unit: Coded
    origin: Origin

    def __post_init__(self) -> None:
        if self.unit.scheme != "UCUM":
            raise Malformed(f"{self.concept.meaning}: the unit of a number is a UCUM code, not {self.unit.scheme}")
        if not self.value.is_finite():
            raise Malformed(f"{self.concept.meaning}: {self.value} is not a number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A place in one image.

    Args:
        frame: 1-based frame number; 1 for a single-frame image.
        points: (column, row) pairs in pixels, centre of the top-left pixel at (0.5, 0.5) (PS3.3 C.18.6.1.1);
            one pair is a point, more are a closed outline.
    """

    sop_class_uid: str
    sop_instance_uid: str
    frame: int
    points: tuple[Decimal, ...]

    def __post_init__(self) -> None:
        if len(self.points) < 2 or len(self.points) % 2:
            raise Malformed("a region is made of (column, row) pairs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A region drawn voxel by voxel.

    Args:
        mask: digest of the mask's bytes in the vault (mask.py).
    """

    number: int
    label: Text
    category: Coded
    type: Coded
    mask: Digest

    def __post_init__(self) -> None:
        parse_digest(self.mask)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyImage:
    """An image worth looking at first."""

    sop_class_uid: str
    sop_instance_uid: str
    frame: int
    label: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """One input of a record model, as the reader sees it.

    Args:
        value: None when the model ran without it.
        taken_at: None when there is no value.
        source: reference at the record; "" when there is no value.
    """

    label: Text
    code: Coded
    value: Decimal | None
    unit: str
    taken_at: datetime | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is said about the patient.

    Args:
        key: names the finding inside this content and across corrections, e.g. "brain".
        category, type: e.g. (91723000, SCT, "Anatomical structure"), (12738006, SCT, "Brain").
        site: where in the body; None for a finding about the whole patient.
        laterality: right, left, both; None where it has no meaning.
        score, threshold: the model's own, between 0 and 1; both or neither.
        segment: number of the segment that shows it.
        regions: where to look, when no segment does.
    """

    key: str
    label: Text
    category: Coded
    type: Coded
    presence: Presence
    site: Coded | None
    laterality: Coded | None
    score: Decimal | None
    threshold: Decimal | None
    quantities: tuple[Quantity, ...]
    segment: int | None
    regions: tuple[Region, ...]
    origin: Origin

    def __post_init__(self) -> None:
        if not self.key:
            raise Malformed("a finding has a key")
        if (self.score is None) != (self.threshold is None):
            raise Malformed(f"finding {self.key}: a score is shown with its threshold, or not at all")

    @property
    def has_place(self) -> bool:
        """Return whether a reader can be shown where."""
        return self.segment is not None or bool(self.regions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A whole draft, or what a reader made of it.

    Args:
        result, case, revision, model: what was computed from what. The exact input bytes are the result's manifest,
            not the content's: the same pixels in another lossless transfer syntax give the same draft.
        inputs: for a record model, every input with its time and source, missing ones included.
        language: of ``report`` and ``mention``, e.g. "fr-FR".
        report: text of the proposed report; a reader may edit it.
        mention: the patient-information sentence with its version; nobody edits it.
        cautions: what the model says of its own limits on this case.
    """

    schema: str = SCHEMA
    result: ResultId
    case: CaseId
    revision: int
    model: ModelVersion
    findings: tuple[Finding, ...]
    segments: tuple[Segment, ...]
    key_images: tuple[KeyImage, ...]
    inputs: tuple[Used, ...]
    language: str
    report: str
    mention: str
    cautions: tuple[Text, ...]

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise Malformed(f"content of form {self.schema!r}; this version reads {SCHEMA!r}")
        _refuse_repeats("finding", (finding.key for finding in self.findings))
        _refuse_repeats("segment", (str(segment.number) for segment in self.segments))
        if not self.report.strip() or len(self.report) > TEXT_CHARS_MAX:
            raise Malformed(f"the report has between 1 and {TEXT_CHARS_MAX} characters, not {len(self.report)}")
        if not self.mention.strip():
            raise Malformed("the patient-information mention is missing")
        if len(self.findings) > FINDINGS_MAX:
            raise Malformed(f"{len(self.findings)} findings; at most {FINDINGS_MAX} can be reviewed")
        numbers = {segment.number for segment in self.segments}
        for finding in self.findings:
            if finding.segment is not None and finding.segment not in numbers:
                raise Malformed(f"finding {finding.key} points at segment {finding.segment}, which does not exist")

    @property
    def full_text(self) -> str:
        """The report as it leaves: text, then mention."""
        return f"{self.report.rstrip()}\n\n{self.mention}"

    def to_bytes(self) -> bytes:
        """Return the canonical bytes."""
        return canonical(to_plain(self))

    @property
    def digest(self) -> Digest:
        """Digest of the canonical bytes: what a reader is shown, signs and releases."""
        return digest(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Content":
        """Return the content that ``data`` writes.

        Raises:
            Malformed: not canonical, or not a content.
        """
        return from_plain(cls, parse_canonical(data))


def _refuse_repeats(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Malformed(f"two {what}s are called {name!r}")
        seen.add(name)
