"""What a reader is asked to answer for."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from guarantee.content import FINDINGS_MAX, TEXT_CHARS_MAX, Content, Origin, Quantity, Region, Text
from guarantee.errors import Malformed
from guarantee.inputs import Coded
from tests.guarantee.samples import (
    LABEL,
    MILLILITRE,
    VOLUME,
    a_content,
    a_finding,
    a_quantity,
    a_region,
    a_segment,
    digest_of,
)


def test_a_content_comes_back_from_its_bytes_with_its_digest() -> None:
    content = a_content()
    read = Content.from_bytes(content.to_bytes())
    assert read == content
    assert read.digest == content.digest


@pytest.mark.parametrize(
    "change",
    [
        {"report": "Autre texte."},
        {"mention": "Autre mention."},
        {"revision": 2},
        {"language": "en-GB"},
        {"cautions": (LABEL,)},
        {"findings": (a_finding(quantities=(a_quantity("412.5"),)),)},
        {"findings": (a_finding(score=Decimal("0.970")),)},
        {"findings": (a_finding(origin=Origin.PERSON),)},
        {"segments": (replace(a_segment(), mask=digest_of("other voxels")),)},
    ],
)
def test_whatever_a_reader_sees_is_in_the_digest(change: dict[str, Any]) -> None:
    assert a_content(**change).digest != a_content().digest


def test_bytes_with_something_more_are_refused() -> None:
    data = a_content().to_bytes()
    with pytest.raises(Malformed, match="unknown"):
        Content.from_bytes(data[:-1] + b',"unseen":"x"}')


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": "aval.content/2"}, "form"),
        ({"findings": (a_finding(), a_finding())}, "two findings"),
        ({"segments": (a_segment(), a_segment())}, "two segments"),
        ({"report": " \n"}, "report"),
        ({"report": "x" * (TEXT_CHARS_MAX + 1)}, "report"),
        ({"mention": " "}, "mention"),
        ({"findings": tuple(a_finding(f"f{n}") for n in range(FINDINGS_MAX + 1))}, "reviewed"),
        ({"segments": ()}, "points at segment 1"),
    ],
)
def test_a_content_nobody_could_answer_for_does_not_exist(change: dict[str, Any], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        a_content(**change)


def test_the_text_that_leaves_ends_with_the_mention() -> None:
    content = a_content(report="Texte.\n\n")
    assert content.full_text == f"Texte.\n\n{content.mention}"


@pytest.mark.parametrize("change", [{"key": ""}, {"score": None}, {"threshold": None}])
def test_a_finding_has_a_key_and_a_score_comes_with_its_threshold(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        a_finding(**change)


def test_a_finding_knows_whether_it_can_be_shown() -> None:
    assert a_finding().has_place
    assert a_finding(segment=None, regions=(a_region(),)).has_place
    assert not a_finding(segment=None).has_place
    assert a_finding(score=None, threshold=None).has_place


@pytest.mark.parametrize("points", [(), ("1",), ("1", "2", "3")])
def test_a_region_is_made_of_pairs(points: tuple[str, ...]) -> None:
    with pytest.raises(Malformed, match="pairs"):
        Region(sop_class_uid="1", sop_instance_uid="2", frame=1, points=tuple(map(Decimal, points)))


def test_a_number_has_a_ucum_unit_and_is_finite() -> None:
    with pytest.raises(Malformed, match="UCUM"):
        replace(a_quantity(), unit=VOLUME)
    with pytest.raises(Malformed, match="not a number"):
        Quantity(concept=VOLUME, label=LABEL, value=Decimal("NaN"), unit=MILLILITRE, origin=Origin.MODEL)


@pytest.mark.parametrize(("fr", "en"), [("", "Brain"), ("Cerveau", " ")])
def test_a_label_exists_in_both_languages(fr: str, en: str) -> None:
    with pytest.raises(Malformed, match="French and in English"):
        Text(fr=fr, en=en)


@pytest.mark.parametrize("field", ["code", "scheme", "meaning"])
def test_a_coded_concept_is_whole(field: str) -> None:
    good = {"code": "1", "scheme": "SCT", "meaning": "m"}
    assert Coded(**good)
    with pytest.raises(Malformed, match="coded concept"):
        Coded(**good | {field: ""})


def test_a_segment_has_the_digest_of_its_mask() -> None:
    with pytest.raises(Malformed, match="SHA-256"):
        replace(a_segment(), mask="nothing")
