"""What a reader may change in a draft, and what not."""

from dataclasses import fields, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarantee.amend import NOTE_CHARS_MAX, AddedFinding, Edits, FindingEdit, QuantityEdit, amended
from guarantee.content import Content, Origin, Presence
from guarantee.errors import Malformed
from tests.guarantee.samples import a_content, a_finding, a_quantity, a_segment

DRAFT = a_content(
    findings=(
        a_finding("left", quantities=(a_quantity("1.0"), a_quantity("2.0"))),
        a_finding("right", segment=2),
        a_finding("again", segment=2),
        a_finding("whole", segment=None),
    ),
    segments=(a_segment(1), a_segment(2)),
)


def edited(*edits: FindingEdit) -> Content:
    return amended(DRAFT, Edits(findings=edits))


def test_the_text_is_the_readers() -> None:
    content = amended(DRAFT, Edits(report="Rien à signaler."))
    assert content == replace(DRAFT, report="Rien à signaler.")


def test_a_number_a_person_changed_is_theirs_and_the_others_stay_the_models() -> None:
    content = edited(FindingEdit(key="left", quantities=(QuantityEdit(index=1, value=Decimal("2.5")),)))
    left = content.findings[0]
    assert [(str(q.value), q.origin) for q in left.quantities] == [("1.0", Origin.MODEL), ("2.5", Origin.PERSON)]
    assert left.origin is Origin.PERSON
    assert content.findings[1:] == DRAFT.findings[1:]


def test_a_presence_a_person_changed_is_theirs() -> None:
    right = edited(FindingEdit(key="right", presence=Presence.UNDETERMINED)).findings[1]
    assert (right.presence, right.origin) == (Presence.UNDETERMINED, Origin.PERSON)


def test_a_segment_goes_with_its_last_finding() -> None:
    assert edited(FindingEdit(key="left", keep=False)).segments == (a_segment(2),)
    assert edited(FindingEdit(key="right", keep=False)).segments == DRAFT.segments
    both = edited(FindingEdit(key="right", keep=False), FindingEdit(key="again", keep=False))
    assert both.segments == (a_segment(1),)
    assert edited(FindingEdit(key="whole", keep=False)).segments == DRAFT.segments


def test_an_added_finding_is_a_persons_and_claims_no_score_or_place() -> None:
    content = amended(
        DRAFT, Edits(added=(AddedFinding(label="  fracture \n du  rocher "), AddedFinding(label="autre")))
    )
    first, second = content.findings[-2:]
    assert (first.key, second.key) == ("reader-1", "reader-2")
    assert (first.label.fr, first.origin, first.score, first.has_place) == (
        "fracture du rocher",
        Origin.PERSON,
        None,
        False,
    )


@pytest.mark.parametrize(
    ("edits", "why"),
    [
        (Edits(), "nothing was changed"),
        (Edits(report=DRAFT.report), "nothing was changed"),
        (Edits(findings=(FindingEdit(key="left"),)), "nothing was changed"),
        (Edits(findings=(FindingEdit(key="left", presence=Presence.PRESENT),)), "nothing was changed"),
        (
            Edits(findings=(FindingEdit(key="left", quantities=(QuantityEdit(index=0, value=Decimal("1.00")),)),)),
            "nothing was changed",
        ),
        (Edits(findings=(FindingEdit(key="nowhere"),)), "unknown"),
        (Edits(findings=(FindingEdit(key="left"), FindingEdit(key="left", keep=False))), "repeated"),
        (Edits(findings=(FindingEdit(key="left", quantities=(QuantityEdit(index=2, value=Decimal(1)),)),)), "number 2"),
        (
            Edits(findings=(FindingEdit(key="left", quantities=(QuantityEdit(index=-1, value=Decimal(1)),)),)),
            "number -1",
        ),
        (
            Edits(findings=(FindingEdit(key="left", quantities=(QuantityEdit(index=0, value=Decimal(7)),) * 2),)),
            "twice",
        ),
        (
            Edits(findings=(FindingEdit(key="left", quantities=(QuantityEdit(index=0, value=Decimal("NaN")),)),)),
            "number",
        ),
        (Edits(added=(AddedFinding(label=" "),)), "between 1 and"),
        (Edits(added=(AddedFinding(label="x" * (NOTE_CHARS_MAX + 1)),)), "between 1 and"),
        (Edits(report=""), "report"),
    ],
)
def test_an_edit_that_means_nothing_is_refused(edits: Edits, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        amended(DRAFT, edits)


def test_a_finding_whose_key_the_model_already_used_is_refused() -> None:
    draft = replace(DRAFT, findings=(a_finding("reader-1"),))
    with pytest.raises(Malformed, match="two findings"):
        amended(draft, Edits(added=(AddedFinding(label="autre"),)))


KEYS = [finding.key for finding in DRAFT.findings]
FINDING_EDITS = st.builds(
    FindingEdit,
    key=st.sampled_from(KEYS),
    keep=st.booleans(),
    presence=st.none() | st.sampled_from(Presence),
    quantities=st.just(()) | st.builds(lambda v: (QuantityEdit(index=0, value=v),), st.decimals(0, 9, places=1)),
)
EDITS = st.builds(
    Edits,
    report=st.none() | st.text("abc ", min_size=1).filter(str.strip),
    findings=st.lists(FINDING_EDITS, unique_by=lambda edit: edit.key).map(tuple),
    added=st.lists(st.builds(AddedFinding, label=st.text("abc", min_size=1)), max_size=3).map(tuple),
)
EDITABLE = {"findings", "segments", "report"}


@given(EDITS)
def test_no_edit_reaches_what_a_reader_may_not_change(edits: Edits) -> None:
    """Identifiers, model, inputs, mention and language stay; what the model still says, it really said."""
    try:
        content = amended(DRAFT, edits)
    except Malformed:
        return
    for field in fields(Content):
        if field.name not in EDITABLE:
            assert getattr(content, field.name) == getattr(DRAFT, field.name)
    by_model = {finding.key: finding for finding in DRAFT.findings}
    for finding in content.findings:
        assert finding.origin is Origin.PERSON or finding == by_model[finding.key]
    assert set(content.segments) <= set(DRAFT.segments)
    assert content.digest != DRAFT.digest
