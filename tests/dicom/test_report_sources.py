"""What a report copies from images as archives hold them: names, character sets, what is missing or too long."""

import logging
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from guarantee.content import Text
from guarantee.errors import Malformed
from tests.dicom import endorsements as e
from tests.dicom.reports import changed, plain, rendered, report_of, said, with_name
from tests.peers.dicom_tools import Dcmtk, Dicom3Tools


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
