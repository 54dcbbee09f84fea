"""Incoming rejection notes: what a key object selection takes out of use, by C-STORE like any instance."""

from io import BytesIO

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, KeyObjectSelectionDocumentStorage
from pynetdicom import AE

from dicom_adapters.errors import MalformedInstance
from dicom_adapters.read.headers import read_header
from dicom_adapters.read.nested import REFERENCES_MAX
from dicom_adapters.read.structure import HEADER_BYTES_MAX
from guarantee.judging import Rejection
from tests.dicom import samples
from tests.dicom.post import Post, instance, quiet
from tests.dicom.raw_peer import Peer
from tests.dicom.samples import element

NOTE = "1.2.826.9.1"


def coded(value: str, scheme: str = "DCM") -> Dataset:
    concept = Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = value, scheme, "a title"
    return concept


def evidence(study: str, *uids: str) -> Dataset:
    item, series = Dataset(), Dataset()
    item.StudyInstanceUID = study
    series.SeriesInstanceUID = f"{study}.1"
    series.ReferencedSOPSequence = []
    for uid in uids:
        named = Dataset()
        named.ReferencedSOPClassUID, named.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
        series.ReferencedSOPSequence.append(named)
    item.ReferencedSeriesSequence = [series]
    return item


def note(title: Dataset, *studies: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = KeyObjectSelectionDocumentStorage, NOTE
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.826.1", "1.2.826.1.9"
    dataset.Modality, dataset.PatientID = "KO", "P1"
    dataset.ConceptNameCodeSequence = [title]
    dataset.CurrentRequestedProcedureEvidenceSequence = list(studies)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = NOTE
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("title", ["113001", "113037", "113038", "113039"])
def test_a_rejection_note_says_what_it_takes_out_study_by_study(title: str, syntax: str) -> None:
    data = note(coded(title), evidence("1.2.826.1", "1.1", "1.2"), evidence("1.2.826.2", "2.1"), syntax=syntax)
    assert read_header(data).rejects == (
        Rejection(study="1.2.826.1", uids=frozenset({"1.1", "1.2"}), note=NOTE, title=title),
        Rejection(study="1.2.826.2", uids=frozenset({"2.1"}), note=NOTE, title=title),
    )


@pytest.mark.parametrize("title", [coded("113000"), coded("113037", "99OURS")], ids=["of interest", "not of DICOM"])
def test_another_key_object_selection_takes_nothing_out(title: Dataset) -> None:
    assert read_header(note(title, evidence("1.2.826.1", "1.1"))).rejects == ()


@pytest.mark.parametrize(
    "studies",
    [
        (),
        (evidence("1.2.826.1"),),
        (evidence("1.2.826.1", "DUPONT^Jean"),),
        (evidence("1.2.826.1", *(f"1.{n}" for n in range(REFERENCES_MAX + 1))),),
    ],
    ids=["nothing", "no instance", "no UID", "too many"],
)
def test_a_note_that_does_not_say_what_it_rejects_is_refused(studies: tuple[Dataset, ...]) -> None:
    with pytest.raises(MalformedInstance, match="rejection-unreadable") as refused:
        read_header(note(coded("113037"), *studies))
    assert "DUPONT" not in str(refused.value)


def test_a_note_that_carries_more_than_a_header_is_not_read() -> None:
    bulk = element(0x00091000, "OB", bytes(HEADER_BYTES_MAX))
    data = note(coded("113037"), evidence("1.2.826.1", "1.1"))
    at = data.index(element(0x00100020, "LO", b"P1"))
    with pytest.raises(MalformedInstance, match="header-too-large"):
        read_header(data[:at] + bulk + data[at:])


def test_an_image_rejects_nothing() -> None:
    assert read_header(samples.to_file(samples.series("CT", slices=1)[0])).rejects == ()


def test_a_note_that_is_sent_is_kept_and_its_rejections_arrive(post: Post) -> None:
    sent = note(coded("113038"), evidence("1.2.826.1", "1.1"))
    entity = AE("MR2")
    entity.add_requested_context(KeyObjectSelectionDocumentStorage, [ExplicitVRLittleEndian])
    association = entity.associate("127.0.0.1", post.port, ae_title="AVAL")
    assert association.send_c_store(pydicom.dcmread(BytesIO(sent))).Status == 0x0000
    association.release()
    quiet(post, 1)
    (arrival,) = post.arrivals
    assert [rejection.title for rejection in arrival.rejects] == ["113038"]
    assert samples.data_set_of(post.vault.get(arrival.source.digest)) == samples.data_set_of(sent)
    assert post.broken == [], "it ended with a release"


def test_an_association_that_is_aborted_was_broken_off(post: Post) -> None:
    body, name = instance()
    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) == 0x0000
        peer.abort()
    quiet(post, 1)
    assert post.broken == post.ended
