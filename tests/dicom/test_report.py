"""The structured report says what was endorsed, to four independent readers, and the same bytes every time."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom as hd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset

from dicom_adapters.envelope import Options
from dicom_adapters.items import plain_text, wire_text
from dicom_adapters.renderer import DicomRenderer
from guarantee.agreement import disagreement
from guarantee.amend import AddedFinding, Edits, FindingEdit, QuantityEdit
from guarantee.card import Regulatory
from guarantee.case import CaseKind
from guarantee.content import Content, Origin, Presence, Text
from guarantee.errors import Malformed
from guarantee.ids import digest
from guarantee.inputs import Coded
from guarantee.ports import Endorsed, Rendered
from tests.dicom import endorsements as e
from tests.peers.dicom_tools import Dcmtk, Dicom3Tools, SrValidator, sr_errors


def rendered(scene: e.Scene, endorsed: Endorsed, options: Options = e.OPTIONS) -> Sequence[Rendered]:
    return DicomRenderer(options, scene.read).render(endorsed)


def report_of(objects: Sequence[Rendered]) -> Dataset:
    (data,) = (o.data for o in objects if o.name == "sr")
    return dcmread(BytesIO(data))


def said(objects: Sequence[Rendered], content: Content) -> str | None:
    return disagreement(DicomRenderer(e.OPTIONS, lambda _: b"").read_back(objects), content)


# ------------------------------------------------------------------------------------------------- what can be said


def plain(scene: e.Scene) -> Endorsed:
    return e.endorse(scene, e.content(scene))


def amended(scene: e.Scene) -> Endorsed:
    edits = Edits(
        report="Volume cérébral mesuré à nouveau : 1 502 mL.",
        findings=(FindingEdit(key="brain", quantities=(QuantityEdit(index=0, value=Decimal("1502")),)),),
        added=(AddedFinding(label="Petite séquelle lacunaire droite – à contrôler"),),
    )
    return e.endorse(scene, e.content(scene), edits=edits)


def rejected_finding(scene: e.Scene) -> Endorsed:
    masks = [scene.mask(lambda v: v[1:3, 2:9, 3:11].fill(1)), scene.mask(lambda v: v[2:5, 20:30, 20:28].fill(1))]
    findings = tuple(
        e.finding(f"nodule-{n}", segment=n, type=e.NODULE, category=e.ABNORMAL, quantities=(e.quantity(f"{n}.50"),))
        for n in (1, 2)
    )
    draft = e.content(scene, findings=findings, segments=tuple(e.segment(n, m) for n, m in enumerate(masks, start=1)))
    return e.endorse(scene, draft, edits=Edits(findings=(FindingEdit(key="nodule-1", keep=False),)))


def without_place(scene: e.Scene) -> Endorsed:
    score = {"score": Decimal("0.031"), "threshold": Decimal("0.50")}
    findings = (
        e.finding("bleeding", presence=Presence.ABSENT, **score),
        e.finding("shift", presence=Presence.UNDETERMINED),
    )
    return e.endorse(scene, e.content(scene, findings=findings, segments=()))


def unplaced(scene: e.Scene) -> Endorsed:
    draft = e.content(scene, findings=(e.finding(quantities=(e.quantity("2"), e.quantity("3.50"))),), segments=())
    change = FindingEdit(key="brain", quantities=(QuantityEdit(index=0, value=Decimal("2.5")),))
    return e.endorse(scene, draft, edits=Edits(findings=(change,), added=(AddedFinding(label="Kyste arachnoïdien"),)))


def with_regions(scene: e.Scene) -> Endorsed:
    outline = ("3.5", "4", "9.25", "4", "9.25", "8.5")
    findings = (
        e.finding("one", regions=(e.region(scene, 0, *outline),), laterality=e.RIGHT),
        e.finding("point", regions=(e.region(scene, 1, "10.5", "11.5"),)),
        e.finding("two", regions=(e.region(scene, 1, *outline), e.region(scene, 2, *outline))),
    )
    return e.endorse(scene, e.content(scene, findings=findings, segments=()))


def nothing_left(scene: e.Scene) -> Endorsed:
    draft = e.content(scene, findings=(e.finding(),), segments=())
    edits = Edits(report="Constatation de l’IA écartée.", findings=(FindingEdit(key="brain", keep=False),))
    return e.endorse(scene, draft, edits=edits)


def four_eyes(scene: e.Scene) -> Endorsed:
    cautions = (Text(fr="Série peu contrastée : volume à interpréter avec prudence.", en="Low contrast."),)
    draft = e.content(scene, cautions=cautions, key_images=tuple(e.key_image(scene, n) for n in (0, 2, 4)))
    return e.endorse(scene, draft, readers=(e.READER, e.SECOND))


VARIANTS: Sequence[Callable[[e.Scene], Endorsed]] = (
    plain,
    amended,
    rejected_finding,
    without_place,
    unplaced,
    with_regions,
    nothing_left,
    four_eyes,
)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_was_rendered_says_what_was_endorsed(variant: Callable[[e.Scene], Endorsed]) -> None:
    scene = e.scene()
    endorsed = variant(scene)
    objects = rendered(scene, endorsed)
    assert objects[-1].name == "sr"
    assert said(objects, endorsed.content) is None


@pytest.mark.parametrize("variant", VARIANTS)
def test_dicom3tools_and_dcmtk_accept_every_object(
    variant: Callable[[e.Scene], Endorsed], tmp_path: Path, dicom3tools: Dicom3Tools, dcmtk: Dcmtk
) -> None:
    scene = e.scene()
    endorsed = variant(scene)
    for part in rendered(scene, endorsed):
        path = tmp_path / part.name
        path.write_bytes(part.data)
        assert dicom3tools.errors(path) == []
    printed = dcmtk.printed(tmp_path / "sr")
    assert endorsed.content.full_text.replace("\n", "\\r\\n") in printed
    assert printed.count('(121052,DCM,"Presence of property")') == len(endorsed.content.findings)
    for finding in endorsed.content.findings:
        assert f'(112039,DCM,"Tracking Identifier")="{finding.key}"' in printed
        for number in finding.quantities:
            assert f'="{number.value}" (mL,UCUM,"milliliter")' in printed


@pytest.mark.parametrize("variant", [four_eyes, unplaced])
def test_the_validator_of_connectathons_finds_no_error(
    variant: Callable[[e.Scene], Endorsed], tmp_path: Path, sr_validator: SrValidator
) -> None:
    """The validator judges all groups of a report by one template, so each report here holds groups of one kind."""
    scene = e.scene()
    path = tmp_path / "report.dcm"
    path.write_bytes(rendered(scene, variant(scene))[-1].data)
    verdict = sr_validator.verdict(path)
    assert "Found Root Template TID_1500" in verdict
    assert sr_errors(verdict) == []


def test_the_validator_of_connectathons_would_find_an_error(tmp_path: Path, sr_validator: SrValidator) -> None:
    scene = e.scene()
    report = report_of(rendered(scene, plain(scene)))
    (finding,) = (i for i in items(report) if concept(i) == "121071")
    finding.RelationshipType = "HAS PROPERTIES"
    report.save_as(tmp_path / "broken.dcm")
    assert sr_errors(sr_validator.verdict(tmp_path / "broken.dcm")) != []


def test_dicom3tools_would_find_a_missing_verifier(tmp_path: Path, dicom3tools: Dicom3Tools) -> None:
    scene = e.scene()
    report = report_of(rendered(scene, plain(scene)))
    del report.VerifyingObserverSequence
    report.save_as(tmp_path / "broken.dcm")
    assert any("VerifyingObserverSequence" in line for line in dicom3tools.errors(tmp_path / "broken.dcm"))


def test_all_objects_of_the_study_agree_on_whose_it_is(tmp_path: Path, dicom3tools: Dicom3Tools) -> None:
    scene = e.scene()
    files = [*(scene.blobs[s.digest] for s in scene.sources), *(o.data for o in rendered(scene, plain(scene)))]
    paths = [tmp_path / f"{n}.dcm" for n in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    assert dicom3tools.disagreements(paths) == []


def test_highdicom_reads_the_report_as_we_meant_it() -> None:
    scene = e.scene()
    endorsed = plain(scene)
    objects = rendered(scene, endorsed)
    report = hd.sr.srread(BytesIO(objects[-1].data))
    (group,) = report.content.get_volumetric_roi_measurement_groups()
    assert group.tracking_identifier == "brain"
    assert group.finding_type.value == e.BRAIN.code
    assert group.referenced_segment.referenced_sop_instance_uid == objects[0].uid
    assert [m.value for m in group.get_measurements()] == [1498.9]
    evaluations = {item.name.value: item.value.value for item in group.get_qualitative_evaluations()}
    assert evaluations["121052"] == "52101004"


def test_highdicom_reads_regions_where_they_were_drawn() -> None:
    scene = e.scene()
    report = hd.sr.srread(BytesIO(rendered(scene, with_regions(scene))[-1].data))
    outline, point = report.content.get_planar_roi_measurement_groups()
    assert outline.roi.graphic_type.value == "POLYLINE"
    assert outline.roi.value.tolist() == [[3.5, 4.0], [9.25, 4.0], [9.25, 8.5], [3.5, 4.0]]
    assert outline.finding_sites[0].laterality.value == e.RIGHT.code
    assert point.roi.graphic_type.value == "POINT"
    assert point.roi.value.tolist() == [[10.5, 11.5]]
    source = outline.roi.ContentSequence[0].referenced_sop_instance_uid
    assert source == scene.grid.frames[0]
    (two,) = report.content.get_volumetric_roi_measurement_groups()
    assert len(two.roi) == 2


# ----------------------------------------------------------------------------------------------------- same bytes


@pytest.mark.parametrize("variant", VARIANTS)
def test_two_renderings_are_the_same_bytes(variant: Callable[[e.Scene], Endorsed]) -> None:
    first, second = e.scene(), e.scene()
    assert rendered(first, variant(first)) == rendered(second, variant(second))


def test_two_processes_render_the_same_bytes() -> None:
    code = (
        "from tests.dicom import test_report as t; from tests.dicom import endorsements as e\n"
        "from guarantee.ids import digest\n"
        "for v in t.VARIANTS:\n"
        "    scene = e.scene()\n"
        "    print(*(digest(o.data) for o in t.rendered(scene, v(scene))))"
    )
    outputs = []
    for seed, zone in (("1", "UTC"), ("2", "Pacific/Auckland")):
        env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    assert len(outputs[0].split()) == 12


def test_a_correction_is_another_object_about_the_same_findings() -> None:
    scene = e.scene()
    first, second = plain(scene), replace(plain(scene), release="another")
    old, new = report_of(rendered(scene, first)), report_of(rendered(scene, second))
    assert old.SOPInstanceUID != new.SOPInstanceUID
    assert old.SeriesInstanceUID != new.SeriesInstanceUID
    assert tracking_uids(old) == tracking_uids(new)


def tracking_uids(report: Dataset) -> list[str]:
    return [str(item.UID) for item in items(report) if item.get("UID") and concept(item) == "112040"]


def items(parent: Dataset) -> list[Dataset]:
    own = list(parent.get("ContentSequence", []))
    return own + [below for item in own for below in items(item)]


def concept(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].get("CodeValue", ""))


# ------------------------------------------------------------------------------------- what the document says of itself


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


# -------------------------------------------------------------------------------------------------------- agreement

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


# ------------------------------------------------------------------------------------------------- sources as they come


def test_french_typography_survives_from_any_source_character_set(dcmtk: Dcmtk, tmp_path: Path) -> None:
    def latin(dataset: Dataset) -> None:
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.PatientName = "LEFÈVRE^Hélène"
        dataset.StudyDescription = "Contrôle"
        dataset.SeriesDescription = "Serie"

    scene = e.scene(change=latin)
    objects = rendered(scene, plain(scene))
    report = report_of(objects)
    assert report.SpecificCharacterSet == "ISO_IR 192"
    assert str(report.PatientName) == "LEFÈVRE^Hélène"
    (tmp_path / "sr").write_bytes(objects[-1].data)
    printed = dcmtk.printed(tmp_path / "sr")
    assert "LEFÈVRE^Hélène" in printed
    assert "Œdème : non visible" in printed
    assert "≥ 1 400 mL" in printed


def test_a_name_with_code_extensions_is_written_whole() -> None:
    name = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"

    def japanese(dataset: Dataset) -> None:
        dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
        dataset.PatientName = "PLACE^HOLDER"
        dataset.StudyDescription = dataset.SeriesDescription = "CT"

    data = [
        f.replace(b"PN\x0c\0PLACE^HOLDER", b"PN" + len(name + b" ").to_bytes(2, "little") + name + b" ")
        for f in e.samples.to_files(changed(japanese))
    ]
    scene = e.scene(data)
    report = report_of(rendered(scene, plain(scene)))
    assert str(report.PatientName) == "Yamada^Tarou=山田^太郎=やまだ^たろう"


def changed(change: Callable[[Dataset], None]) -> list[Dataset]:
    datasets = e.samples.series("MR", slices=6)
    for dataset in datasets:
        change(dataset)
    return datasets


def test_sources_of_real_archives_are_normalised(tmp_path: Path, dicom3tools: Dicom3Tools) -> None:
    def poor(dataset: Dataset) -> None:
        for keyword in ("StudyID", "AccessionNumber", "PatientBirthDate", "StudyTime", "ReferringPhysicianName"):
            delattr(dataset, keyword)
        dataset.PatientSex = "U"
        dataset.PatientWeight = None
        del dataset.Manufacturer

    scene = e.scene(change=poor)
    for part in rendered(scene, plain(scene)):
        (tmp_path / part.name).write_bytes(part.data)
        assert dicom3tools.errors(tmp_path / part.name) == []
        dataset = dcmread(BytesIO(part.data))
        assert dataset.PatientSex == ""
        assert dataset.StudyID == ""
        assert "ReferencedRequestSequence" not in dataset


def test_the_national_identifier_stays_where_it_is() -> None:
    def with_ins(dataset: Dataset) -> None:
        other = Dataset()
        other.PatientID = "185057800608436"
        other.IssuerOfPatientID = "INS-NIR – Œuvre"
        dataset.OtherPatientIDsSequence = [other]

    scene = e.scene(change=with_ins)
    for part in rendered(scene, plain(scene)):
        dataset = dcmread(BytesIO(part.data))
        assert dataset.PatientID == "SAMPLE-0001"
        (other,) = dataset.OtherPatientIDsSequence
        assert (other.PatientID, other.IssuerOfPatientID) == ("185057800608436", "INS-NIR – Œuvre")


def test_a_patients_attribute_is_never_shortened_and_our_labels_are() -> None:
    name, label = (
        "DE LA " * 15 + "TOUR^Anne",
        "Détection de nodules pulmonaires solides et sous-solides en verre dépoli",
    )
    scene = e.scene([with_name(f, name) for f in e.samples.to_files(changed(lambda d: None))])
    card = replace(e.CARD, label=Text(fr=label, en=label))
    report = report_of(rendered(scene, e.endorse(scene, e.content(scene), card=card)))
    assert str(report.PatientName) == name
    assert len(report.SeriesDescription) == 64
    assert report.SeriesDescription.endswith("… - mesures (IA validée)")


def with_name(data: bytes, name: str) -> bytes:
    """Put a name into a file that pydicom would not write."""
    old = "DURAND^Élodie".encode()
    new = name.encode() + b" " * (len(name.encode()) % 2)
    return data.replace(
        b"PN" + (len(old) + len(old) % 2).to_bytes(2, "little") + old + b" " * (len(old) % 2),
        b"PN" + len(new).to_bytes(2, "little") + new,
    )


def test_an_attribute_too_long_to_copy_whole_stops_the_rendering() -> None:
    scene = e.scene([with_name(f, "A" * 400) for f in e.samples.to_files(changed(lambda d: None))])
    with pytest.raises(Malformed, match="PatientName of a source is 400 bytes long; it is not copied in part"):
        rendered(scene, plain(scene))


def test_an_old_archive_gets_latin_1_when_everything_fits_and_utf_8_otherwise() -> None:
    options = replace(e.OPTIONS, charset="ISO_IR 100", organisation="CHU")
    scene = e.scene(change=lambda d: setattr(d, "StudyDescription", "Contrôle"))
    reader = replace(e.READER, organisation="CHU")
    simple = e.content(scene, report="Volume cérébral normal.", mention="Patient informé.")
    objects = rendered(scene, e.endorse(scene, simple, readers=(reader,)), options)
    assert {dcmread(BytesIO(o.data)).SpecificCharacterSet for o in objects} == {"ISO_IR 100"}
    assert said(objects, simple) is None
    typographic = replace(simple, report="Œdème ≥ 3 mm")
    objects = rendered(scene, e.endorse(scene, typographic, readers=(reader,)), options)
    assert report_of(objects).SpecificCharacterSet == "ISO_IR 192"
    assert said(objects, typographic) is None


def test_neither_logs_nor_warnings_name_the_patient(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def canary(dataset: Dataset) -> None:
        dataset.PatientName = "CANARY"  # without a caret
        dataset.PatientID = "CANARY-ID"
        dataset.add_new("PatientBirthDate", "DA", "19001350")

    data = [f.replace(b"19800229", b"19801350") for f in e.samples.to_files(changed(lambda d: None))]
    for scene in (e.scene(data), e.scene([with_name(f, "CANARY") for f in data])):
        endorsed = plain(scene)
        objects = rendered(scene, endorsed)
        assert said(objects, endorsed.content) is None
        assert report_of(objects).get_item("PatientBirthDate").value == b"19801350"
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert not any(word in logged for word in ("CANARY", "DURAND", "1980", scene.case.uid))


# ------------------------------------------------------------------------------------------------------------ refusals


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
