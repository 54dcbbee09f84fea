"""What a reader may change in a draft. The server applies the edits; a whole content is never taken from a browser."""

from dataclasses import dataclass, replace
from decimal import Decimal

from guarantee.content import Content, Finding, Origin, Presence, Quantity, Text
from guarantee.errors import Malformed
from guarantee.inputs import Coded

NOTE_CHARS_MAX = 500
"""Longest label of a finding a reader adds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityEdit:
    """Another value for the number at ``index`` of a finding."""

    index: int
    value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingEdit:
    """What a reader changes in one finding; None leaves it."""

    key: str
    keep: bool = True
    presence: Presence | None = None
    quantities: tuple[QuantityEdit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedFinding:
    """What a reader saw and the model did not say."""

    label: str
    presence: Presence = Presence.PRESENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """Everything a reader changes in one go.

    Args:
        report: the whole new text; None leaves it. The patient-information mention is not editable.
    """

    report: str | None = None
    findings: tuple[FindingEdit, ...] = ()
    added: tuple[AddedFinding, ...] = ()


_NOTE_CATEGORY = Coded(code="404684003", scheme="SCT", meaning="Clinical finding")
_NOTE_TYPE = Coded(code="reader-finding", scheme="99AVAL", meaning="Finding added by the reader")


def amended(draft: Content, edits: Edits) -> Content:
    """Return what ``draft`` becomes.

    A segment that no kept finding points at goes with its finding.

    Raises:
        Malformed: an edit of something that does not exist, a doubled edit, or nothing changed.
    """
    by_key = {edit.key: edit for edit in edits.findings}
    unknown = by_key.keys() - {finding.key for finding in draft.findings}
    if unknown or len(by_key) != len(edits.findings):
        raise Malformed(f"edits name unknown or repeated findings: {sorted(unknown)}")
    kept = [_edited(finding, by_key.get(finding.key)) for finding in draft.findings]
    findings = tuple(finding for finding in kept if finding is not None)
    added = tuple(_added(n, note) for n, note in enumerate(edits.added, start=1))
    dropped = {f.segment for f, k in zip(draft.findings, kept, strict=True) if k is None} - {
        f.segment for f in findings
    }
    content = replace(
        draft,
        findings=findings + added,
        segments=tuple(segment for segment in draft.segments if segment.number not in dropped),
        report=draft.report if edits.report is None else edits.report,
    )
    if content == draft:
        raise Malformed("nothing was changed: accept the draft instead of amending it")
    return content


def _edited(finding: Finding, edit: FindingEdit | None) -> Finding | None:
    if edit is None:
        return finding
    if not edit.keep:
        return None
    presence = finding.presence if edit.presence is None else edit.presence
    quantities = list(finding.quantities)
    if len({change.index for change in edit.quantities}) != len(edit.quantities):
        raise Malformed(f"finding {finding.key}: one of its numbers is changed twice")
    for change in edit.quantities:
        if not 0 <= change.index < len(quantities):
            raise Malformed(f"finding {finding.key} has no number {change.index}")
        quantities[change.index] = _revalued(quantities[change.index], change.value)
    changed = replace(finding, presence=presence, quantities=tuple(quantities))
    return changed if changed == finding else replace(changed, origin=Origin.PERSON)


def _revalued(quantity: Quantity, value: Decimal) -> Quantity:
    return quantity if value == quantity.value else replace(quantity, value=value, origin=Origin.PERSON)


def _added(number: int, note: AddedFinding) -> Finding:
    label = " ".join(note.label.split())
    if not 0 < len(label) <= NOTE_CHARS_MAX:
        raise Malformed(f"an added finding has between 1 and {NOTE_CHARS_MAX} characters")
    return Finding(
        key=f"reader-{number}",
        label=Text(fr=label, en=label),
        category=_NOTE_CATEGORY,
        type=_NOTE_TYPE,
        presence=note.presence,
        site=None,
        laterality=None,
        score=None,
        threshold=None,
        quantities=(),
        segment=None,
        regions=(),
        origin=Origin.PERSON,
    )
