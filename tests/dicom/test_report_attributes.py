"""What a structured report says of itself: who verified it, when, of which model and from which images."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

from pydicom import dcmread

from guarantee.amend import Edits, FindingEdit, QuantityEdit
from guarantee.card import Regulatory
from guarantee.content import Origin, Text
from guarantee.inputs import Coded
from tests.dicom import endorsements as e
from tests.dicom.reports import (
    amended,
    concept,
    cosigned,
    four_eyes,
    items,
    plain,
    rendered,
    report_of,
    said,
    without_place,
)


def test_the_report_is_complete_verified_and_preliminary() -> None:
    scene = e.scene()
    report = report_of(rendered(scene, plain(scene)))
    assert (report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag) == (
        "COMPLETE",
        "VERIFIED",
        "PRELIMINARY",
    )
    (verifier,) = report.VerifyingObserverSequence
    assert verifier.VerifyingObserverName == "MARTIN^Élodie^^Dr"
    assert verifier.VerifyingOrganization == "CHU de l’Exemple"
    assert verifier.VerificationDateTime == "20261121101500.123456+0100"
    code = verifier.VerifyingObserverIdentificationCodeSequence[0]
    assert (code.CodeValue, code.CodingSchemeDesignator) == ("810001234567", "99RPPS")
    assert (report.ContentDate, report.ContentTime) == ("20261121", "101500.123456")


def test_everybody_who_endorsed_this_content_is_a_verifier() -> None:
    scene = e.scene()
    report = report_of(rendered(scene, four_eyes(scene)))
    names = [str(item.VerifyingObserverName) for item in report.VerifyingObserverSequence]
    assert names == [e.READER.name, e.SECOND.name]
    assert [str(i.PersonName) for i in report.ContentSequence if i.ValueType == "PNAME"] == [e.SECOND.name]


def test_a_learner_whose_text_was_cosigned_attests_and_verifies_nothing() -> None:
    scene = e.scene()
    report = report_of(rendered(scene, cosigned(scene)))
    machine, attestor = report.ParticipantSequence
    assert (machine.ParticipationType, attestor.ParticipationType, attestor.ObserverType) == ("SOURCE", "ATTEST", "PSN")
    assert attestor.PersonName == "NOVICE^Zoé"
    assert attestor.PersonIdentificationCodeSequence[0].CodeValue == "810009999999"
    assert [str(item.VerifyingObserverName) for item in report.VerifyingObserverSequence] == [e.READER.name]


def test_dates_are_written_in_the_zone_of_the_copied_ones() -> None:
    scene = e.scene(change=lambda d: setattr(d, "TimezoneOffsetFromUTC", "+0400"))
    report = report_of(rendered(scene, plain(scene)))
    assert report.TimezoneOffsetFromUTC == "+0400"
    assert report.ContentTime == "131500.123456"
    assert report.VerifyingObserverSequence[0].VerificationDateTime.endswith("+0400")


def test_a_zone_that_is_none_is_not_copied() -> None:
    scene = e.scene(change=lambda d: d.add_new("TimezoneOffsetFromUTC", "SH", "local"))
    report = report_of(rendered(scene, plain(scene)))
    assert "TimezoneOffsetFromUTC" not in report
    assert report.ContentTime == "101500.123456"


def test_an_absent_finding_is_said_to_be_absent() -> None:
    scene = e.scene()
    report = report_of(rendered(scene, without_place(scene)))
    values = [i.ConceptCodeSequence[0].CodeMeaning for i in items(report) if concept(i) == "121052"]
    assert values == ["Absent", "Undetermined"]
    parameters = [i.TextValue for i in items(report) if concept(i) == "111002"]
    assert {"score=0.031", "score_threshold=0.50", "threshold_mask=0.5"} <= set(parameters)


def test_a_finding_of_a_person_names_the_person_and_no_algorithm_when_it_is_their_own() -> None:
    scene = e.scene()
    report = report_of(rendered(scene, amended(scene)))
    changed, added = (i for i in items(report) if concept(i) == "125007")
    for group in (changed, added):
        assert [str(i.PersonName) for i in group.ContentSequence if i.ValueType == "PNAME"] == [e.READER.name]
    assert any(concept(i) == "111001" for i in changed.ContentSequence)
    assert not any(concept(i) == "111001" for i in items(added))
    assert [i.TextValue for i in added.ContentSequence if concept(i) == "121106"] == [
        "Petite séquelle lacunaire droite – à contrôler"
    ]


def test_the_numbers_a_person_left_alone_still_name_the_model() -> None:
    scene = e.scene()
    draft = e.content(scene, findings=(e.finding(quantities=(e.quantity("1"), e.quantity("2"))),), segments=())
    edits = Edits(findings=(FindingEdit(key="brain", quantities=(QuantityEdit(index=0, value=Decimal(3)),)),))
    report = report_of(rendered(scene, e.endorse(scene, draft, edits=edits)))
    numbers = [i for i in items(report) if i.ValueType == "NUM"]
    assert [any(concept(c) == "111001" for c in items(n)) for n in numbers] == [False, True]


def test_the_evidence_lists_every_image_used_and_the_library_only_those_referred_to() -> None:
    scene = e.scene(slices=40)
    objects = rendered(scene, plain(scene))
    report = report_of(objects)
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    listed = [i.ReferencedSOPInstanceUID for s in study.ReferencedSeriesSequence for i in s.ReferencedSOPSequence]
    assert sorted(listed) == sorted([*scene.grid.frames, objects[0].uid])
    (library,) = (i for i in items(report) if concept(i) == "111028")
    images = [i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for i in items(library) if i.ValueType == "IMAGE"]
    assert images == [scene.grid.frames[2]]


def test_a_product_and_a_research_model_are_told_apart() -> None:
    scene = e.scene()
    statement = Text(fr="Dispositif.", en="Device.")
    ce = replace(
        e.CARD, regulatory=Regulatory(status="ce", device_class="IIa", udi="(01)03760123456786", statement=statement)
    )
    for card, expected in ((e.CARD, "RESEARCH"), (ce, "PRODUCT")):
        for part in rendered(scene, e.endorse(scene, e.content(scene), card=card)):
            dataset = dcmread(BytesIO(part.data))
            assert dataset.ContentQualification == expected
            assert [i.UniqueDeviceIdentifier for i in dataset.get("UDISequence", [])] == (
                ["(01)03760123456786"] if card is ce else []
            )


def test_every_object_says_what_acquired_computed_and_wrote_it() -> None:
    scene = e.scene()
    endorsed = plain(scene)
    for part in rendered(scene, endorsed):
        acquired, computed, wrote = dcmread(BytesIO(part.data)).ContributingEquipmentSequence
        assert acquired.Manufacturer == "Aval tests"
        assert computed.DeviceSerialNumber == f"sha256:{e.MODEL.digest[:48]}"
        assert endorsed.content.digest in wrote.ContributionDescription
        assert wrote.ContributionDateTime == "20261121101500.123456+0100"


def test_an_english_content_is_written_in_english() -> None:
    scene = e.scene()
    report = report_of(rendered(scene, e.endorse(scene, e.content(scene, language="en-GB"))))
    assert report.SeriesDescription == "IA Brain volume - measurements (validated AI)"
    assert report.CompletionFlagDescription == "AI result validated by a clinician"


def test_a_site_that_sends_reports_only_gets_the_finding_without_its_segment() -> None:
    scene = e.scene()
    endorsed = plain(scene)
    (part,) = rendered(scene, endorsed, replace(e.OPTIONS, outputs=("sr",)))
    assert said([part], endorsed.content) is None
    assert not any(concept(i) == "121191" for i in items(dcmread(BytesIO(part.data))))


def test_a_long_code_and_a_long_meaning_can_be_written_and_read_back() -> None:
    scene = e.scene()
    kind = Coded(code="1234567890123456789", scheme="SCT", meaning="A meaning " * 9)
    endorsed = e.endorse(scene, e.content(scene, findings=(e.finding(type=kind),), segments=()))
    assert said(rendered(scene, endorsed), endorsed.content) is None


def test_a_reader_without_a_structured_name_does_not_become_one_unstructured_name() -> None:
    scene = e.scene()
    reader = replace(e.READER, name="MARTIN")
    report = report_of(rendered(scene, e.endorse(scene, e.content(scene), readers=(reader,))))
    assert str(report.VerifyingObserverSequence[0].VerifyingObserverName) == "MARTIN^"


def test_the_moment_of_the_decision_is_the_only_moment() -> None:
    scene = e.scene()
    endorsed = plain(scene)
    later = replace(endorsed, decision=replace(endorsed.decision, at=datetime(2030, 7, 1, 12, 0, tzinfo=UTC)))
    report = report_of(rendered(scene, later))
    assert (report.InstanceCreationDate, report.InstanceCreationTime) == ("20300701", "140000.000000")
    assert Origin.MODEL in {f.origin for f in endorsed.content.findings}
