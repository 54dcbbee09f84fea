"""The simulated PACS behaves like an archive towards DCMTK and us, counts, hides what is rejected, and names nobody."""

import json
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, KeyObjectSelectionDocumentStorage
from pynetdicom import AE
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind,
)

from bridge.demo.pacs import LABEL, SimulatedPacs, Stored
from dicom_adapters.render.renderer import DicomRenderer
from guarantee.ids import digest
from tests.dicom import endorsements as e
from tests.dicom import samples
from tests.peers.fixtures import tool


def dcmtk(name: str, *arguments: str) -> str:
    """Run one of DCMTK's network tools; its output."""
    done = subprocess.run([tool(name), *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def store(pacs: SimulatedPacs, *datasets: Dataset) -> list[int]:
    ae = AE("TESTER")
    for sop_class, syntax in {(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID) for dataset in datasets}:
        ae.add_requested_context(sop_class, syntax)
    association = ae.associate("127.0.0.1", pacs.port, ae_title=pacs.aet)
    assert association.is_established
    statuses = [int(association.send_c_store(dataset).Status) for dataset in datasets]
    association.release()
    return statuses


def find(pacs: SimulatedPacs, **keys: str) -> list[Dataset]:
    ae = AE("TESTER")
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    association = ae.associate("127.0.0.1", pacs.port, ae_title=pacs.aet)
    query = Dataset()
    for keyword, value in keys.items():
        setattr(query, keyword, value)
    answers = list(association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind))
    association.release()
    assert answers[-1][0].Status == 0x0000
    return [answer for status, answer in answers if status.Status == 0xFF00]


def images(**series: int) -> list[Dataset]:
    return [dcmread(BytesIO(data)) for data in samples.to_files(samples.series("MR", **({"slices": 3} | series)))]


def test_dcmtk_can_echo_store_and_find(simulated: SimulatedPacs, tmp_path: Path) -> None:
    address = ("127.0.0.1", str(simulated.port))
    dcmtk("echoscu", "-aec", "SIMPACS", *address)
    data = samples.to_files(samples.series("CT", slices=2))
    paths = [tmp_path / f"{n}.dcm" for n in range(2)]
    for path, content in zip(paths, data, strict=True):
        path.write_bytes(content)
    dcmtk("storescu", "-aec", "SIMPACS", *address, *map(str, paths))
    found = dcmtk(
        *("findscu", "-S", "-aec", "SIMPACS", "-k", "QueryRetrieveLevel=SERIES", "-k", "StudyInstanceUID"),
        *("-k", "SeriesInstanceUID", "-k", "Modality", *address),
    )
    assert "CT" in found
    assert len(simulated.held()) == 2


def test_what_is_stored_is_what_was_received(simulated: SimulatedPacs) -> None:
    arrived: list[Stored] = []
    simulated._on_arrival = arrived.append
    scene = e.scene()
    objects = DicomRenderer(e.OPTIONS, scene.read).render(e.endorse(scene, e.content(scene)))
    assert store(simulated, *(dcmread(BytesIO(o.data)) for o in objects)) == [0, 0]
    for stored, part in zip(simulated.held(), objects, strict=True):
        start = 144 + int.from_bytes(part.data[140:144], "little")
        assert stored.digest == digest(part.data[start:])
        assert stored.file.read_bytes().endswith(part.data[start:])
        assert stored.sop_instance_uid == part.uid
    assert tuple(arrived) == simulated.held()
    assert [stored.modality for stored in arrived] == ["SEG", "SR"]


def test_each_arrival_is_counted_and_other_bytes_are_turned_away(simulated: SimulatedPacs) -> None:
    (image,) = images(slices=1)
    assert store(simulated, image, image) == [0, 0]
    image.PatientName = "AUTRE^Personne"
    assert store(simulated, image) == [0x0111]
    assert simulated.times_stored(image.SOPInstanceUID) == 3
    assert simulated.times_stored("1.2.3") == 0
    (held,) = simulated.held()
    assert str(dcmread(held.file).PatientName) == "DURAND^Élodie"


def test_a_restart_remembers_objects_counts_and_rejections(simulated: SimulatedPacs, tmp_path: Path) -> None:
    scene = e.scene()
    renderer = DicomRenderer(e.OPTIONS, scene.read)
    endorsed = e.endorse(scene, e.content(scene))
    objects = renderer.render(endorsed)
    (note,) = renderer.render_withdrawal(e.withdraw(scene, endorsed, objects))
    files = [dcmread(BytesIO(o.data)) for o in (*objects, objects[0], note)]
    assert store(simulated, *files) == [0, 0, 0, 0]
    simulated.stop()
    again = SimulatedPacs("SIMPACS", "127.0.0.1", 0, tmp_path / "pacs")
    assert [again.times_stored(o.uid) for o in (*objects, note)] == [2, 1, 1]
    assert [again.is_rejected(o.uid) for o in (*objects, note)] == [True, True, False]
    assert again.held() == simulated.held()


def test_the_list_of_arrivals_names_neither_patient_nor_study(simulated: SimulatedPacs, tmp_path: Path) -> None:
    (image,) = images(slices=1)
    store(simulated, image, image)
    text = (tmp_path / "pacs" / "arrivals.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["outcome"] for line in lines] == ["new", "again"]
    assert all(line.keys() == {"at", "sop_class", "object", "outcome"} for line in lines)
    names = [path.name for path in (tmp_path / "pacs").rglob("*")]
    for word in ("DURAND", "SAMPLE-0001", image.StudyInstanceUID, image.SOPInstanceUID):
        assert word not in text
        assert not any(word in name for name in names)
    assert "Simulated" in LABEL


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        ({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ""}, 2),
        ({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": samples.uid("study", "1")}, 1),
        ({"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": samples.uid("study", "1"), "SeriesInstanceUID": ""}, 2),
        ({"QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": samples.uid("study", "2"), "SOPInstanceUID": ""}, 3),
        ({"QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": "1.2.3", "SOPInstanceUID": ""}, 0),
    ],
)
def test_queries_by_unique_key_find_what_is_there(simulated: SimulatedPacs, keys: dict[str, str], count: int) -> None:
    everything = [*images(), *images(number=2), *samples_of_another_study()]
    assert set(store(simulated, *everything)) == {0}
    found = find(simulated, **keys, PatientID="")
    assert len(found) == count
    assert all(answer.PatientID == "SAMPLE-0001" for answer in found)


def samples_of_another_study() -> list[Dataset]:
    return [dcmread(BytesIO(data)) for data in samples.to_files(samples.series("MR", slices=3, study="2"))]


def test_a_list_of_uids_finds_each(simulated: SimulatedPacs) -> None:
    everything = images()
    store(simulated, *everything)
    asked = "\\".join(image.SOPInstanceUID for image in everything[:2])
    found = find(simulated, QueryRetrieveLevel="IMAGE", SOPInstanceUID=asked)
    assert [answer.SOPInstanceUID for answer in found] == [image.SOPInstanceUID for image in everything[:2]]


def test_a_query_without_a_level_fails(simulated: SimulatedPacs) -> None:
    ae = AE("TESTER")
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    association = ae.associate("127.0.0.1", simulated.port)
    query = Dataset()
    query.QueryRetrieveLevel = "PATIENT"
    ((status, _),) = association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind)
    association.release()
    assert status.Status == 0xA900


@pytest.mark.parametrize("title", ["113037", "113001", "113000"])
def test_only_a_rejection_note_hides_what_it_lists(simulated: SimulatedPacs, title: str) -> None:
    scene = e.scene()
    renderer = DicomRenderer(e.OPTIONS, scene.read)
    endorsed = e.endorse(scene, e.content(scene))
    objects = renderer.render(endorsed)
    (note,) = renderer.render_withdrawal(e.withdraw(scene, endorsed, objects))
    selection = dcmread(BytesIO(note.data))
    selection.ConceptNameCodeSequence[0].CodeValue = title
    store(simulated, *(dcmread(BytesIO(o.data)) for o in objects), selection)
    found = find(simulated, QueryRetrieveLevel="IMAGE", SOPInstanceUID="")
    assert len(found) == (3 if title == "113000" else 1)
    assert [simulated.is_rejected(o.uid) for o in objects] == [title != "113000"] * 2


def test_commitment_answers_only_for_what_is_held_under_its_class(simulated: SimulatedPacs) -> None:
    (image,) = images(slices=1)
    store(simulated, image)
    report = simulated._commitment("1.2", [(image.SOPClassUID, image.SOPInstanceUID), (image.SOPClassUID, "1.9")])
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == [image.SOPInstanceUID]
    (failed,) = report.FailedSOPSequence
    assert (failed.ReferencedSOPInstanceUID, failed.FailureReason) == ("1.9", 0x0112)
    other_class = simulated._commitment("1.2", [("1.2.840.10008.5.1.4.1.1.2", image.SOPInstanceUID)])
    assert len(other_class.FailedSOPSequence) == 1


def test_a_commitment_request_without_a_transaction_is_refused(simulated: SimulatedPacs) -> None:
    ae = AE("TESTER")
    ae.add_requested_context(StorageCommitmentPushModel)
    association = ae.associate("127.0.0.1", simulated.port)
    request = Dataset()
    request.PatientID = "nothing that belongs here"
    status, _ = association.send_n_action(request, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    association.release()
    assert status.Status == 0x0115


def test_an_object_that_cannot_be_indexed_is_turned_away_and_leaves_nothing(
    simulated: SimulatedPacs, tmp_path: Path
) -> None:
    image, *_ = images()
    del image.SeriesInstanceUID
    note = dcmread(BytesIO(samples.to_file(samples.document(KeyObjectSelectionDocumentStorage, "KO"))))
    assert store(simulated, image, note) == [0xC000, 0xC000]
    assert simulated.held() == ()
    assert list((tmp_path / "pacs" / "objects").iterdir()) == []


def test_implicit_little_endian_is_taken_too(simulated: SimulatedPacs) -> None:
    (data,) = samples.to_files(samples.series("MR", slices=1), ImplicitVRLittleEndian)
    assert store(simulated, dcmread(BytesIO(data))) == [0]
