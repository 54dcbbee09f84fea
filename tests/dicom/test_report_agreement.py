"""A structured report is read back before it is sent: one change in it is noticed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmwrite
from pydicom.dataset import Dataset

from dicom_adapters.render.items import plain_text, wire_text
from guarantee.amend import AddedFinding, Edits, FindingEdit, QuantityEdit
from guarantee.content import Presence
from guarantee.errors import Malformed
from guarantee.ids import digest
from guarantee.ports import Rendered
from tests.dicom import endorsements as e
from tests.dicom.reports import concept, items, plain, rendered, report_of, said

EDITED = st.fixed_dictionaries(
    {
        "value": st.decimals("-99999", "99999", places=2),
        "presence": st.sampled_from(Presence),
        "report": st.text(
            st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), include_characters="\n\t\r"), min_size=1
        ).filter(str.strip),
        "keep": st.booleans(),
        "note": st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=80).filter(
            str.strip
        ),
    }
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EDITED)
def test_whatever_a_reader_changes_is_read_back(change: dict[str, Any]) -> None:
    scene = e.scene(slices=3, rows=16, columns=16)
    mask = scene.mask(lambda voxels: voxels[1, 2:5].fill(1))
    draft = e.content(
        scene,
        findings=(
            e.finding("a", segment=1, quantities=(e.quantity("10.50"),)),
            e.finding("b", quantities=(e.quantity("7"),)),
        ),
        segments=(e.segment(1, mask),),
    )
    edits = Edits(
        report=change["report"],
        findings=(
            FindingEdit(key="a", keep=change["keep"]),
            FindingEdit(
                key="b",
                presence=change["presence"],
                quantities=(QuantityEdit(index=0, value=change["value"]),),
            ),
        ),
        added=(AddedFinding(label=change["note"]),),
    )
    endorsed = e.endorse(scene, draft, edits=edits)
    assert said(rendered(scene, endorsed), endorsed.content) is None


@given(st.text(st.sampled_from("a\n\r "), max_size=12), st.text(st.sampled_from("b\n\r "), max_size=6))
def test_line_ends_come_back_as_they_were(report: str, mention: str) -> None:
    words = f"{report.rstrip()}\n\n{mention}"
    assert plain_text(wire_text(words)) == words


def altered(objects: Sequence[Rendered], change: Callable[[Dataset], object]) -> list[Rendered]:
    dataset = report_of(objects)
    change(dataset)
    out = BytesIO()
    dcmwrite(out, dataset)
    return [*objects[:-1], replace(objects[-1], data=out.getvalue())]


def number_changed(report: Dataset) -> None:
    (number,) = (i for i in items(report) if i.ValueType == "NUM")
    number.MeasuredValueSequence[0].NumericValue = "1498.91"


def unit_changed(report: Dataset) -> None:
    (number,) = (i for i in items(report) if i.ValueType == "NUM")
    number.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue = "L"


def number_added(report: Dataset) -> None:
    (group,) = (i for i in items(report) if concept(i) == "125007")
    group.ContentSequence.append(next(i for i in items(report) if i.ValueType == "NUM"))


def presence_changed(report: Dataset) -> None:
    (evaluation,) = (i for i in items(report) if concept(i) == "121052")
    evaluation.ConceptCodeSequence[0].CodeValue = "272519000"


def key_changed(report: Dataset) -> None:
    (key,) = (i for i in items(report) if concept(i) == "112039")
    key.TextValue = "brain-2"


def words_changed(report: Dataset) -> None:
    words = next(i for i in items(report) if i.ValueType == "TEXT" and "IRM" in i.TextValue)
    words.TextValue = words.TextValue.replace("non visible", "visible")


def content_renamed(report: Dataset) -> None:
    for item in items(report):
        if item.get("TextValue", "").startswith("content_sha256="):
            item.TextValue = f"content_sha256={digest(b'another')}"
    wrote = report.ContributingEquipmentSequence[-1]
    wrote.ContributionDescription = f"content_sha256={digest(b'another')}"


@pytest.mark.parametrize(
    "change", [number_changed, unit_changed, number_added, presence_changed, key_changed, words_changed]
)
def test_one_change_in_a_report_is_noticed(change: Callable[[Dataset], None]) -> None:
    scene = e.scene()
    endorsed = plain(scene)
    objects = rendered(scene, endorsed)
    assert said(objects, endorsed.content) is None
    assert said(altered(objects, change), endorsed.content) is not None


def test_objects_that_name_two_contents_are_refused() -> None:
    scene = e.scene()
    endorsed = plain(scene)
    objects = altered(rendered(scene, endorsed), content_renamed)
    with pytest.raises(Malformed, match="name 2 contents"):
        said(objects, endorsed.content)
    draft = e.content(scene, findings=(e.finding(),), segments=())
    objects = altered(rendered(scene, e.endorse(scene, draft)), content_renamed)
    assert (said(objects, draft) or "").startswith("it names content")


def test_a_report_without_the_segmentation_it_points_at_is_refused() -> None:
    scene = e.scene()
    endorsed = plain(scene)
    with pytest.raises(Malformed, match="points at a segment that is not in this package"):
        said(rendered(scene, endorsed)[1:], endorsed.content)


@pytest.mark.parametrize("data", [b"", b"\0" * 128 + b"DICM", b"not a file" * 40])
def test_what_is_no_dicom_file_is_refused_when_read_back(data: bytes) -> None:
    with pytest.raises(Malformed):
        said([Rendered(name="sr", media_type="application/dicom", uid="1.2", data=data)], e.content(e.scene()))


def test_a_report_cut_anywhere_is_refused_or_disagrees() -> None:
    scene = e.scene(slices=3)
    draft = e.content(scene, findings=(e.finding(quantities=(e.quantity("1"),)),), segments=())
    endorsed = e.endorse(scene, draft)
    (part,) = rendered(scene, endorsed)
    for end in range(0, len(part.data) - 2, 97):
        try:
            difference = said([replace(part, data=part.data[:end])], endorsed.content)
        except Malformed:
            continue
        assert difference is not None, end
