"""A content, as the API shows it. A test holds every type against its dataclass, field by field."""

from pydantic import Field

from bridge.web.schemas.base import DecimalText, DigestText, Out, TimeText
from guarantee.content import Origin, Presence


class CodedOut(Out):
    """A coded concept."""

    code: str
    scheme: str
    meaning: str


class TextOut(Out):
    """A label in both languages."""

    fr: str
    en: str


class ModelOut(Out):
    """Exactly which model."""

    name: str
    version: str
    digest: DigestText
    card: DigestText


class QuantityOut(Out):
    """A number with its unit (UCUM)."""

    concept: CodedOut
    label: TextOut
    value: DecimalText
    unit: CodedOut
    origin: Origin


class RegionOut(Out):
    """A place in one image; points are (column, row) pairs in pixels (PS3.3 C.18.6.1.1)."""

    sop_class_uid: str
    sop_instance_uid: str
    frame: int
    points: tuple[DecimalText, ...]


class SegmentOut(Out):
    """A region drawn voxel by voxel; its mask is fetched by number and digest."""

    number: int
    label: TextOut
    category: CodedOut
    type: CodedOut
    mask: DigestText


class KeyImageOut(Out):
    """An image worth looking at first."""

    sop_class_uid: str
    sop_instance_uid: str
    frame: int
    label: TextOut


class UsedOut(Out):
    """One input of a record model; value None when it was missing."""

    label: TextOut
    code: CodedOut
    value: DecimalText | None
    unit: str
    taken_at: TimeText | None
    source: str


class FindingOut(Out):
    """One thing that is said about the patient."""

    key: str
    label: TextOut
    category: CodedOut
    type: CodedOut
    presence: Presence
    site: CodedOut | None
    laterality: CodedOut | None
    score: DecimalText | None
    threshold: DecimalText | None
    quantities: tuple[QuantityOut, ...]
    segment: int | None
    regions: tuple[RegionOut, ...]
    origin: Origin


class ContentOut(Out):
    """A whole draft, or what a reader made of it."""

    schema_: str = Field(alias="schema")
    result: str
    case: str
    revision: int
    model: ModelOut
    findings: tuple[FindingOut, ...]
    segments: tuple[SegmentOut, ...]
    key_images: tuple[KeyImageOut, ...]
    inputs: tuple[UsedOut, ...]
    language: str
    report: str
    mention: str
    cautions: tuple[TextOut, ...]
