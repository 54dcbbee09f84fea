"""A release reaches an archive as the bytes that were sealed, and a receipt means that the archive holds them."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from bridge.demo.pacs import SimulatedPacs
from dicom_adapters.deliver.send import Confirm
from guarantee.errors import Declined, Unavailable
from guarantee.ids import digest
from tests.dicom.sending import NOW, data_set, destination, ready, refused, store, to_orthanc, to_simulated, withdrawal
from tests.peers.base import free_port
from tests.peers.orthanc import Orthanc

# ----------------------------------------------------------------------------------------------------- a real archive


def test_orthanc_stores_our_bytes_commits_and_gives_them_back(orthanc: Orthanc, tmp_path: Path) -> None:
    given = ready(tmp_path, study="orthanc-1")
    with destination(given, **to_orthanc(orthanc)) as pacs:
        receipt = pacs.send(given.release)
        assert receipt.method == "storage-commitment"
        assert (receipt.destination, receipt.package, receipt.at) == ("pacs", given.package.digest, NOW)
        reference = json.loads(receipt.reference)
        assert reference["coerced"] == []
        assert [o["status"] for o in reference["objects"]] == ["0000", "0000"]
        for part in given.objects:
            stored = orthanc.file_of(part.uid)
            assert stored is not None
            assert data_set(stored) == data_set(part.data)
        count = len(orthanc.instances())
        again = pacs.send(given.release)
        assert again.method == "storage-commitment"
        assert len(orthanc.instances()) == count


@pytest.mark.parametrize(
    ("confirm", "method"),
    [(Confirm.COMMITMENT, "storage-commitment"), (Confirm.DICOMWEB, "read-back"), (Confirm.QUERY, "query")],
)
def test_every_kind_of_proof_works_with_orthanc(
    orthanc: Orthanc, tmp_path: Path, confirm: Confirm, method: str
) -> None:
    given = ready(tmp_path, study=f"orthanc-{confirm}")
    with destination(given, **to_orthanc(orthanc, confirm=confirm)) as pacs:
        assert pacs.send(given.release).method == method


def test_without_commitment_auto_goes_on_to_the_next_proof(orthanc: Orthanc, tmp_path: Path) -> None:
    given = ready(tmp_path, study="orthanc-auto")
    elsewhere = {"commitment_port": 0, "commitment_s": 0.4}  # Orthanc answers on the port it was told, where nobody is
    with destination(given, **to_orthanc(orthanc, **elsewhere)) as pacs:
        assert pacs.send(given.release).method == "read-back"
    with destination(given, **to_orthanc(orthanc, **elsewhere, dicomweb_url="")) as pacs:
        receipt = pacs.send(given.release)
        assert receipt.method == "query"
        assert json.loads(receipt.reference)["coerced"] is None
    nowhere = {**elsewhere, "dicomweb_url": f"http://127.0.0.1:{free_port()}/dicom-web"}
    with destination(given, **to_orthanc(orthanc, **nowhere)) as pacs:
        assert pacs.send(given.release).method == "query"


@pytest.mark.parametrize("confirm", [Confirm.AUTO, Confirm.DICOMWEB])
def test_another_object_under_our_uid_is_declined_though_orthanc_answers_success(
    orthanc: Orthanc, tmp_path: Path, confirm: Confirm
) -> None:
    given = ready(tmp_path, study=f"orthanc-other-{confirm}")
    other = dcmread(BytesIO(given.objects[-1].data))
    other.CompletionFlagDescription = "autre chose"
    store(orthanc.aet, orthanc.port, other)
    with destination(given, **to_orthanc(orthanc, confirm=confirm)) as pacs:
        assert refused(Declined, lambda: pacs.send(given.release)) == "other-object-under-our-uid"


def test_an_archive_may_coerce_the_identity_and_the_receipt_says_so(orthanc: Orthanc, tmp_path: Path) -> None:
    given = ready(tmp_path, study="orthanc-coerced")
    for part in given.objects:
        coerced = dcmread(BytesIO(part.data))
        coerced.PatientName = "DURAND^ELODIE"
        coerced.StudyDescription = "IRM"
        store(orthanc.aet, orthanc.port, coerced)
    with destination(given, **to_orthanc(orthanc)) as pacs:
        receipt = pacs.send(given.release)
    assert json.loads(receipt.reference)["coerced"] == ["PatientName", "StudyDescription"]
    assert "DURAND" not in receipt.reference


def test_a_rejection_note_is_sent_and_the_receipt_says_what_is_still_listed(orthanc: Orthanc, tmp_path: Path) -> None:
    given = ready(tmp_path, study="orthanc-withdrawn")
    with destination(given, **to_orthanc(orthanc)) as pacs:
        pacs.send(given.release)
        receipt = pacs.send(withdrawal(given))
    assert receipt.method == "storage-commitment"
    # Orthanc 1.10 keeps rejected instances in view: a person must delete them, and the receipt says which.
    assert json.loads(receipt.reference)["still_listed"] == [part.uid for part in given.objects]


# ------------------------------------------------------------------------------------------------ the simulated archive


@pytest.mark.parametrize("own_port", [True, False])
def test_commitment_is_answered_on_our_port_or_on_the_same_association(
    simulated: SimulatedPacs, tmp_path: Path, own_port: bool
) -> None:
    given = ready(tmp_path)
    with destination(given, **to_simulated(simulated, confirm=Confirm.COMMITMENT)) as pacs:
        if own_port:
            simulated.peer("AVAL", "127.0.0.1", pacs.listen())
        assert pacs.send(given.release).method == "storage-commitment"
    assert [stored.digest for stored in simulated.held()] == [digest(data_set(o.data)) for o in given.objects]


def test_sending_again_is_one_object_more_often(simulated: SimulatedPacs, tmp_path: Path) -> None:
    given = ready(tmp_path)
    with destination(given, **to_simulated(simulated)) as pacs:
        assert pacs.send(given.release) == pacs.send(given.release)
    assert len(simulated.held()) == 2
    assert {simulated.times_stored(part.uid) for part in given.objects} == {2}


def test_a_late_answer_counts_at_the_next_attempt(tmp_path: Path) -> None:
    given = ready(tmp_path)
    simulated = SimulatedPacs("SIMPACS", "127.0.0.1", free_port(), tmp_path / "pacs", commitment_delay_s=0.6)
    simulated.start()
    options = to_simulated(simulated, confirm=Confirm.COMMITMENT, commitment_s=0.1)
    try:
        with destination(given, **options) as pacs:
            simulated.peer("AVAL", "127.0.0.1", pacs.listen())
            assert refused(Unavailable, lambda: pacs.send(given.release)) == "not-confirmed"
            simulated.stop()  # waits for the answer to have gone
            simulated.start()
            assert pacs.send(given.release).method == "storage-commitment"
            simulated.stop()  # its second answer finds our listener still there
    finally:
        simulated.stop()


def test_a_rejected_result_is_no_longer_found_at_an_archive_that_hides_it(
    simulated: SimulatedPacs, tmp_path: Path
) -> None:
    given = ready(tmp_path)
    with destination(given, **to_simulated(simulated, confirm=Confirm.QUERY)) as pacs:
        assert pacs.send(given.release).method == "query"
        receipt = pacs.send(withdrawal(given))
    assert json.loads(receipt.reference)["still_listed"] == []
    assert [stored.modality for stored in simulated.held()] == ["KO"]


def test_an_archive_that_says_duplicate_holds_our_object_or_somebody_elses(
    simulated: SimulatedPacs, tmp_path: Path
) -> None:
    given = ready(tmp_path)
    other = dcmread(BytesIO(given.objects[-1].data))
    other.CompletionFlagDescription = "autre chose"
    assert store("SIMPACS", simulated.port, other) == 0
    with destination(given, **to_simulated(simulated)) as pacs:
        receipt = pacs.send(given.release)  # without DICOMweb nobody can tell: the status stays in the receipt
    assert [o["status"] for o in json.loads(receipt.reference)["objects"]] == ["0000", "0111"]
