"""The rejection note lists everything that was sent, says why in French, and is the same bytes every time."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_adapters.render.rejection import REASONS
from dicom_adapters.render.renderer import DicomRenderer
from guarantee.errors import Malformed
from guarantee.ports import Rendered
from guarantee.release import Package, Part, WithdrawalReason
from tests.dicom import endorsements as e
from tests.peers.dicom_tools import Dcmtk, Dicom3Tools, SrValidator, sr_errors


def note_of(scene: e.Scene, **changes: str) -> tuple[Rendered, tuple[Rendered, ...]]:
    """Return the note and the objects that it takes back."""
    renderer = DicomRenderer(e.OPTIONS, scene.read)
    endorsed = e.endorse(scene, e.content(scene))
    sent = tuple(renderer.render(endorsed))
    (note,) = renderer.render_withdrawal(e.withdraw(scene, endorsed, sent, **changes))
    return note, sent


def parsed(note: Rendered) -> Dataset:
    return dcmread(BytesIO(note.data))


def test_the_note_lists_every_object_of_the_package_and_nothing_else() -> None:
    note, sent = note_of(e.scene())
    dataset = parsed(note)
    title = dataset.ConceptNameCodeSequence[0]
    assert (title.CodeValue, title.CodingSchemeDesignator) == ("113037", "DCM")
    listed = [i.ReferencedSOPSequence[0] for i in dataset.ContentSequence if i.ValueType in {"IMAGE", "COMPOSITE"}]
    assert [i.ReferencedSOPInstanceUID for i in listed] == [part.uid for part in sent]
    (study,) = dataset.CurrentRequestedProcedureEvidenceSequence
    evidence = [i for s in study.ReferencedSeriesSequence for i in s.ReferencedSOPSequence]
    assert evidence == listed
    assert study.StudyInstanceUID == dataset.StudyInstanceUID
    assert not any("ConceptNameCodeSequence" in i for i in dataset.ContentSequence if "ReferencedSOPSequence" in i)


def test_the_note_says_who_and_why_in_the_language_of_the_report() -> None:
    dataset = parsed(note_of(e.scene())[0])
    (text,) = (i.TextValue for i in dataset.ContentSequence if i.ValueType == "TEXT" and "retiré" in i.TextValue)
    assert text == "Résultat d’IA retiré (résultat erroné) : Œdème non vu. [dr.martin]"
    assert [str(i.PersonName) for i in dataset.ContentSequence if i.ValueType == "PNAME"] == [e.READER.name]
    assert set(REASONS) == set(WithdrawalReason)


def test_somebody_who_is_no_reader_is_named_by_login_only() -> None:
    dataset = parsed(note_of(e.scene(), by="ing.biomed")[0])
    assert not [i for i in dataset.ContentSequence if i.ValueType == "PNAME"]
    assert any("[ing.biomed]" in i.get("TextValue", "") for i in dataset.ContentSequence)


def test_the_note_belongs_to_the_patient_and_the_moment_of_the_withdrawal() -> None:
    note, sent = note_of(e.scene())
    dataset, report = parsed(note), parsed(sent[1])
    for keyword in ("PatientName", "PatientID", "IssuerOfPatientID", "StudyInstanceUID", "AccessionNumber"):
        assert dataset[keyword].value == report[keyword].value
    assert (dataset.ContentDate, dataset.ContentTime) == ("20261122", "101500.123456")
    assert dataset.SeriesNumber == 9101
    assert dataset.SeriesDescription == "IA Volume cérébral - retrait"


def test_the_note_is_the_same_bytes_every_time_and_needs_no_source() -> None:
    first, second = e.scene(), e.scene()
    assert note_of(first) == note_of(second)
    scene = e.scene()
    renderer = DicomRenderer(e.OPTIONS, scene.read)
    endorsed = e.endorse(scene, e.content(scene))
    withdrawn = e.withdraw(scene, endorsed, renderer.render(endorsed))
    for source in scene.sources:
        del scene.blobs[source.digest]
    assert renderer.render_withdrawal(withdrawn)[0] == note_of(e.scene())[0]


def test_the_judges_find_no_error(
    tmp_path: Path, dicom3tools: Dicom3Tools, dcmtk: Dcmtk, sr_validator: SrValidator
) -> None:
    note, sent = note_of(e.scene())
    for part in (note, *sent):
        (tmp_path / part.name).write_bytes(part.data)
    path = tmp_path / note.name
    assert dicom3tools.errors(path) == []
    assert dicom3tools.disagreements([path, *(tmp_path / part.name for part in sent)]) == []
    assert "Œdème non vu." in dcmtk.printed(path)
    verdict = sr_validator.verdict(path)
    assert "Found Root Template TID_2010" in verdict
    assert sr_errors(verdict) == []


def test_a_package_without_dicom_objects_cannot_be_rejected() -> None:
    scene = e.scene()
    renderer = DicomRenderer(e.OPTIONS, scene.read)
    endorsed = e.endorse(scene, e.content(scene))
    withdrawn = e.withdraw(scene, endorsed, renderer.render(endorsed))
    bundle = Part(name="bundle", media_type="application/fhir+json", uid="1", digest=scene.keep(b"{}"))
    with pytest.raises(Malformed, match="no DICOM object"):
        renderer.render_withdrawal(replace(withdrawn, package=Package(parts=(bundle,))))


def test_a_comment_with_control_characters_is_refused() -> None:
    with pytest.raises(Malformed, match="control characters"):
        note_of(e.scene(), comment="Erreur\x1b(B")


def test_a_note_is_not_read_back_as_a_result() -> None:
    note, _ = note_of(e.scene())
    with pytest.raises(Malformed, match="holds reports and segmentations"):
        DicomRenderer(e.OPTIONS, lambda _: b"").read_back([note])
