"""What cannot be said in a structured report is refused, and nothing is rendered."""

from dataclasses import replace

import pytest

from guarantee.case import CaseKind
from guarantee.content import Content
from guarantee.errors import Malformed
from guarantee.inputs import Coded
from tests.dicom import endorsements as e
from tests.dicom.reports import plain, rendered, without_place


def refused(scene: e.Scene, draft: Content) -> str:
    with pytest.raises(Malformed) as caught:
        rendered(scene, e.endorse(scene, draft))
    return str(caught.value)


def test_a_record_has_no_study_to_add_to() -> None:
    scene = e.scene()
    endorsed = plain(scene)
    with pytest.raises(Malformed, match="not about images"):
        rendered(scene, replace(endorsed, case=replace(scene.case, kind=CaseKind.RECORD)))
    with pytest.raises(Malformed, match="not about images"):
        rendered(scene, replace(endorsed, result=replace(endorsed.result, focus="")))
    with pytest.raises(Malformed, match="not among the inputs"):
        rendered(scene, replace(endorsed, result=replace(endorsed.result, focus="1.2.3")))


def test_another_content_than_the_decisions_is_refused() -> None:
    scene = e.scene()
    endorsed = plain(scene)
    other = replace(endorsed.content, report="Autre chose.")
    with pytest.raises(Malformed, match="not the one that decision"):
        rendered(scene, replace(endorsed, content=other))
    decision = replace(endorsed.decision, shown=other.digest, content=other.digest)
    with pytest.raises(Malformed, match="nobody has endorsed"):
        rendered(scene, replace(endorsed, content=other, decision=decision))


def test_an_input_of_another_patient_stops_the_rendering() -> None:
    scene = e.scene()
    other = replace(scene.case, patient=replace(scene.case.patient, identifier="SOMEBODY-ELSE"))
    with pytest.raises(Malformed, match="names another patient") as caught:
        rendered(scene, replace(plain(scene), case=other))
    assert "SAMPLE" not in str(caught.value)
    assert "SOMEBODY" not in str(caught.value)


def test_an_input_that_is_not_what_the_manifest_says_stops_the_rendering() -> None:
    scene = e.scene()
    first, second, *rest = scene.sources
    swapped = (replace(first, digest=second.digest), replace(second, digest=first.digest), *rest)
    with pytest.raises(Malformed, match="not the instance that the manifest says"):
        rendered(scene, replace(plain(scene), sources=swapped))


def test_an_input_that_cannot_be_read_stops_the_rendering() -> None:
    scene = e.scene()
    first, *rest = scene.sources
    broken = (replace(first, digest=scene.keep(b"not a DICOM file")), *rest)
    with pytest.raises(Malformed, match="cannot be read: not-dicom"):
        rendered(scene, replace(plain(scene), sources=broken))


def test_what_dicom_cannot_carry_is_refused_rather_than_changed() -> None:
    scene = e.scene()
    long = e.quantity("0.12345678901234567")
    assert "16 characters" in refused(scene, e.content(scene, findings=(e.finding(quantities=(long,)),), segments=()))
    assert "control characters" in refused(scene, e.content(scene, report="Volume\x1b(B normal."))
    scheme = Coded(code="1", scheme="A-VERY-LONG-SCHEME", meaning="Something")
    assert "designator" in refused(scene, e.content(scene, findings=(e.finding(type=scheme),), segments=()))
    reader = replace(e.READER, name="X" * 65)
    with pytest.raises(Malformed, match="longer than 64 characters"):
        rendered(scene, e.endorse(scene, e.content(scene), readers=(reader,)))


def test_a_place_that_does_not_exist_is_refused() -> None:
    scene = e.scene()
    place = e.region(scene, 0, "1", "1")
    unknown = replace(place, sop_instance_uid="1.2.3")
    second = replace(place, frame=2)
    class_ = replace(place, sop_class_uid="1.2.840.10008.5.1.4.1.1.2")
    for wrong, words in ((unknown, "not among"), (second, "frame 2 of an image that has 1"), (class_, "SOP class")):
        draft = e.content(scene, findings=(e.finding(regions=(wrong,)),), segments=())
        assert words in refused(scene, draft)
    both = e.content(scene)
    draft = replace(both, findings=(replace(both.findings[0], regions=(place,)),))
    assert "has a segment and regions" in refused(scene, draft)


def test_options_that_make_no_sense_are_refused() -> None:
    orders = ({"outputs": ()}, {"outputs": ("sr", "seg")}, {"outputs": ("pdf",)})
    for wrong in (*orders, {"charset": "ISO_IR 203"}, {"zone": "Europe/Lutece"}):
        with pytest.raises(Malformed):
            replace(e.OPTIONS, **wrong)
    scene = e.scene()
    only_seg = replace(e.OPTIONS, outputs=("seg",))
    with pytest.raises(Malformed, match="leave nothing to send"):
        rendered(scene, without_place(scene), only_seg)
