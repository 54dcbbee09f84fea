"""A release reaches an archive as the bytes that were sealed, and a receipt means that the archive holds them."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, ImplicitVRLittleEndian, SegmentationStorage
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from bridge.demo.pacs import SimulatedPacs
from bridge.vault import FileVault
from dicom_adapters.archive import DicomWeb, changes
from dicom_adapters.commitment import CommitmentDesk
from dicom_adapters.held import Held, data_set_start
from dicom_adapters.renderer import DicomRenderer
from dicom_adapters.renderer import Options as RenderingOptions
from dicom_adapters.send import Confirm, Options, PacsDestination
from guarantee.errors import Declined, Malformed, PortError, Unavailable
from guarantee.ids import digest
from guarantee.ports import Endorsed, Rendered
from guarantee.release import Package, Release
from tests.dicom import endorsements as e
from tests.peers.base import free_port
from tests.peers.orthanc import Orthanc

NOW = datetime(2026, 11, 21, 9, 16, tzinfo=UTC)


class Noon:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Something that may be sent."""

    scene: e.Scene
    endorsed: Endorsed
    objects: Sequence[Rendered]
    package: Package
    release: Release
    vault: FileVault


def ready(folder: Path, *, study: str = "1", options: RenderingOptions = e.OPTIONS, **content: Any) -> Ready:
    """Return an endorsed, rendered, sealed and minted release; ``study`` keeps tests on one archive apart."""
    scene = e.scene(study=study)
    endorsed = e.endorse(scene, e.content(scene, **content))
    objects = DicomRenderer(options, scene.read).render(endorsed)
    package = e.package(scene, objects)
    vault = FileVault(folder / "vault")
    for data in (*scene.blobs.values(), package.to_bytes()):
        vault.put(data)
    release = e.release(endorsed, package)
    return Ready(scene=scene, endorsed=endorsed, objects=objects, package=package, release=release, vault=vault)


def withdrawal(given: Ready) -> Release:
    """Return the release of the rejection note of what was sent."""
    withdrawn = e.withdraw(given.scene, given.endorsed, given.objects)
    objects = DicomRenderer(e.OPTIONS, given.vault.get).render_withdrawal(withdrawn)
    package = e.package(given.scene, objects)
    for data in (*(o.data for o in objects), package.to_bytes()):
        given.vault.put(data)
    return e.release(given.endorsed, package, notice=withdrawn.notice)


@contextmanager
def destination(given: Ready, **options: Any) -> Iterator[PacsDestination]:
    made = PacsDestination(
        Options(
            **({"name": "pacs", "aet": "AVAL", "peer_host": "127.0.0.1", "commitment_host": "127.0.0.1"} | options)
        ),
        given.vault,
        Noon(),
    )
    try:
        yield made
    finally:
        made.close()


def to_orthanc(orthanc: Orthanc, **options: Any) -> dict[str, Any]:
    return {
        "peer_aet": orthanc.aet,
        "peer_port": orthanc.port,
        "commitment_port": orthanc.commitment_port,
        "dicomweb_url": orthanc.dicomweb_url,
    } | options


def to_simulated(pacs: SimulatedPacs, **options: Any) -> dict[str, Any]:
    return {"peer_aet": pacs.aet, "peer_port": pacs.port, "commitment_s": 4.0} | options


def data_set(data: bytes) -> bytes:
    return data[data_set_start(data) :]


def refused(kind: type[PortError], send: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        send()
    return caught.value.code


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


def store(aet: str, port: int, dataset: Dataset) -> int:
    """Store a data set as somebody else would."""
    ae = AE("OTHER")
    ae.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", port, ae_title=aet)
    assert association.is_established
    status = association.send_c_store(dataset).Status
    association.release()
    return int(status)


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


# ---------------------------------------------------------------------------------------------- archives that misbehave


@contextmanager
def scripted(
    status: int | Callable[[Any], int], *, classes: Sequence[str] | None = None, **ae_options: Any
) -> Iterator[int]:
    """Yield the port of an archive that answers every C-STORE with ``status``."""
    ae = AE("SCRIPTED")
    for name, value in ae_options.items():
        setattr(ae, name, value)
    for sop_class in classes or (SegmentationStorage, Comprehensive3DSRStorage):
        ae.add_supported_context(sop_class)
    answer = status if callable(status) else lambda _: status
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, answer)])
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (0xA700, Unavailable, "not-now"),
        (0xA7FF, Unavailable, "not-now"),
        (0x0110, Unavailable, "not-now"),
        (0x0213, Unavailable, "not-now"),
        (0xA900, Declined, "refused"),
        (0xC000, Declined, "refused"),
        (0xC123, Declined, "refused"),
        (0x0122, Declined, "refused"),
        (0x0124, Declined, "refused"),
        (0x0000, Unavailable, "not-confirmed"),  # success is not proof
        (0xB000, Unavailable, "not-confirmed"),
        (0xB006, Unavailable, "not-confirmed"),
        (0xB007, Unavailable, "not-confirmed"),
        (0x0111, Unavailable, "not-confirmed"),
    ],
)
def test_each_status_is_judged(tmp_path: Path, status: int, kind: type[PortError], code: str) -> None:
    given = ready(tmp_path)
    with scripted(status) as port, destination(given, peer_aet="SCRIPTED", peer_port=port) as pacs:
        assert refused(kind, lambda: pacs.send(given.release)) == code


def test_the_segmentation_is_sent_before_the_report_and_a_refusal_stops_there(tmp_path: Path) -> None:
    seen: list[str] = []

    def refuse(event: Any) -> int:
        seen.append(event.request.AffectedSOPClassUID)
        return 0xC000

    given = ready(tmp_path)
    with scripted(refuse) as port, destination(given, peer_aet="SCRIPTED", peer_port=port) as pacs:
        assert refused(Declined, lambda: pacs.send(given.release)) == "refused"
    assert seen == [SegmentationStorage]


@pytest.mark.parametrize("classes", [[SegmentationStorage], ["1.2.840.10008.5.1.4.1.1.2"]])
def test_a_class_the_archive_does_not_take_is_declined_before_anything_is_sent(
    tmp_path: Path, classes: list[str]
) -> None:
    given = ready(tmp_path)
    with scripted(0, classes=classes) as port, destination(given, peer_aet="SCRIPTED", peer_port=port) as pacs:
        assert refused(Declined, lambda: pacs.send(given.release)) == "class-not-accepted"


def test_an_archive_that_does_not_know_us_is_tried_again(tmp_path: Path) -> None:
    given = ready(tmp_path)
    strict = scripted(0, require_calling_aet=["SOMEBODY"])
    with strict as port, destination(given, peer_aet="SCRIPTED", peer_port=port) as pacs:
        assert refused(Unavailable, lambda: pacs.send(given.release)) == "association-rejected"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pynetdicom forgets to close the socket
def test_nobody_there_is_tried_again(tmp_path: Path) -> None:
    given = ready(tmp_path)
    with destination(given, peer_aet="NOBODY", peer_port=free_port()) as pacs:
        assert refused(Unavailable, lambda: pacs.send(given.release)) == "no-connection"


def test_an_archive_that_hangs_up_in_the_middle_is_tried_again(tmp_path: Path) -> None:
    def hang_up(event: Any) -> int:
        event.assoc.abort()
        return 0

    given = ready(tmp_path)
    with scripted(hang_up) as port, destination(given, peer_aet="SCRIPTED", peer_port=port) as pacs:
        assert refused(Unavailable, lambda: pacs.send(given.release)) == "no-answer"


def test_an_archive_that_does_not_answer_is_tried_again(tmp_path: Path) -> None:
    waiting = threading.Event()

    def sleep(_: Any) -> int:
        waiting.wait(5)
        return 0

    given = ready(tmp_path)
    with scripted(sleep) as port, destination(given, peer_aet="SCRIPTED", peer_port=port, answer_s=0.3) as pacs:
        assert refused(Unavailable, lambda: pacs.send(given.release)) == "no-answer"
        waiting.set()


# -------------------------------------------------------------------------------------------------- what may be sent


def test_a_package_that_is_not_in_the_vault_is_declined(tmp_path: Path) -> None:
    given = ready(tmp_path)
    given.vault.path(given.package.parts[1].digest).unlink()
    with destination(given, peer_aet="X", peer_port=1) as pacs:
        assert refused(Declined, lambda: pacs.send(given.release)) == "blob-missing"


def test_a_damaged_object_is_declined(tmp_path: Path) -> None:
    given = ready(tmp_path)
    path = given.vault.path(given.package.parts[1].digest)
    path.write_bytes(path.read_bytes().replace(b"VERIFIED", b"VERIFIE!"))
    with destination(given, peer_aet="X", peer_port=1) as pacs:
        assert refused(Declined, lambda: pacs.send(given.release)) == "blob-damaged"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: b"{}", "not-dicom"),
        (lambda data: data.replace(b"\x08\x00\x18\x00UI", b"\x08\x00\x18\x00UI"), None),
        (lambda data: data[:-20], "not-dicom"),
    ],
)
def test_only_whole_dicom_objects_are_sent(
    simulated: SimulatedPacs, tmp_path: Path, change: Callable[[bytes], bytes], code: str | None
) -> None:
    given = ready(tmp_path)
    data = change(given.objects[1].data)
    part = replace(given.package.parts[1], digest=given.vault.put(data))
    package = Package(parts=(part,))
    given.vault.put(package.to_bytes())
    with destination(given, **to_simulated(simulated)) as pacs:
        release = e.release(given.endorsed, package)
        if code is None:
            assert pacs.send(release).package == package.digest
        else:
            assert refused(Declined, lambda: pacs.send(release)) == code
            assert simulated.held() == ()


def test_an_object_under_another_name_is_not_sent(tmp_path: Path) -> None:
    given = ready(tmp_path)
    package = Package(parts=(replace(given.package.parts[1], uid="1.2.3"),))
    given.vault.put(package.to_bytes())
    with destination(given, peer_aet="X", peer_port=1) as pacs:
        assert refused(Declined, lambda: pacs.send(e.release(given.endorsed, package))) == "wrong-object"


def test_an_object_that_would_be_encoded_otherwise_is_not_sent(tmp_path: Path) -> None:
    given = ready(tmp_path)
    data = given.objects[1].data
    start = data_set_start(data)
    group_length = b"\x08\x00\x00\x00UL\x04\x00\x10\x00\x00\x00"  # retired, and dropped by encoders
    strange = given.vault.put(data[:start] + group_length + data[start:])
    package = Package(parts=(replace(given.package.parts[1], digest=strange),))
    given.vault.put(package.to_bytes())
    with destination(given, peer_aet="X", peer_port=1) as pacs:
        assert refused(Declined, lambda: pacs.send(e.release(given.endorsed, package))) == "not-sendable-unchanged"


def test_a_release_for_another_place_is_not_sent_here(tmp_path: Path) -> None:
    given = ready(tmp_path)
    elsewhere = destination(given, peer_aet="X", peer_port=1, name="archive-2")
    with elsewhere as pacs, pytest.raises(Malformed, match="allows nothing to go to"):
        pacs.send(given.release)


def test_options_that_cannot_work_are_refused() -> None:
    good = {"name": "pacs", "aet": "AVAL", "peer_aet": "PACS", "peer_host": "pacs", "peer_port": 104}
    Options(**good)  # type: ignore[arg-type]
    for wrong in ({"confirm": Confirm.DICOMWEB}, {"aet": ""}, {"peer_aet": "X" * 17}):
        with pytest.raises(Malformed):
            Options(**(good | wrong))  # type: ignore[arg-type]
    assert refused(Declined, lambda: DicomWeb("file:///etc", 1)) == "bad-address"


# ------------------------------------------------------------------------------------------------------- commitment


def report(
    port: int, transaction: str, uids: Sequence[str], *, kind: int = 1, failed: Sequence[str] = ()
) -> int | None:
    """Tell our listener something, as anybody could; return the status it answers."""
    ae = AE("ANYBODY")
    ae.add_requested_context(StorageCommitmentPushModel)
    role = build_role(StorageCommitmentPushModel, scp_role=True)
    association = ae.associate("127.0.0.1", port, ae_title="AVAL", ext_neg=[role])
    assert association.is_established
    information = Dataset()
    if transaction:
        information.TransactionUID = transaction
    information.ReferencedSOPSequence = [reference(uid) for uid in uids]
    if failed:
        information.FailedSOPSequence = [reference(uid) for uid in failed]
        for item in information.FailedSOPSequence:
            item.FailureReason = 0x0112
    status, _ = association.send_n_event_report(
        information, kind, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
    )
    association.release()
    return None if "Status" not in status else int(status.Status)


def reference(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = Comprehensive3DSRStorage
    item.ReferencedSOPInstanceUID = uid
    return item


class Asked:
    """An association that notes what was asked of it, and says yes."""

    def send_n_action(self, request: Dataset, *_: Any) -> tuple[Dataset, None]:
        status = Dataset()
        status.Status = 0x0000
        return status, None


@pytest.fixture
def desk() -> Iterator[CommitmentDesk]:
    made = CommitmentDesk("AVAL", "127.0.0.1", 0)
    made.start()
    yield made
    made.close()


def test_an_answer_to_a_question_nobody_asked_is_not_believed(desk: CommitmentDesk) -> None:
    assert report(desk.port, "1.2.3", ["1.1"]) == 0x0115
    assert not desk.has_committed(frozenset({"1.1"}))


def test_an_answer_counts_only_for_what_was_asked(desk: CommitmentDesk) -> None:
    transaction = desk.ask(Asked(), [(Comprehensive3DSRStorage, "1.1")])
    assert transaction is not None
    assert report(desk.port, transaction, ["1.1", "9.9"]) == 0x0000
    answer = desk.wait(transaction, 1)
    assert answer is not None
    assert answer.committed == {"1.1"}
    assert desk.has_committed(frozenset({"1.1"}))
    assert not desk.has_committed(frozenset({"9.9"}))


def test_an_instance_that_is_listed_as_failed_is_not_committed(desk: CommitmentDesk) -> None:
    transaction = desk.ask(Asked(), [(Comprehensive3DSRStorage, "1.1"), (Comprehensive3DSRStorage, "1.2")])
    assert transaction is not None
    assert report(desk.port, transaction, ["1.1", "1.2"], kind=2, failed=["1.2"]) == 0x0000
    answer = desk.wait(transaction, 1)
    assert answer is not None
    assert (answer.committed, dict(answer.failed)) == ({"1.1"}, {"1.2": 0x0112})


def test_nonsense_at_the_listener_is_refused_and_forgotten(desk: CommitmentDesk) -> None:
    transaction = desk.ask(Asked(), [(Comprehensive3DSRStorage, "1.1")])
    assert transaction is not None
    assert report(desk.port, "", ["1.1"]) == 0x0115
    assert report(desk.port, transaction, ["1.1"], kind=7) == 0x0113
    assert report(desk.port, transaction, ["1.1"] * 10_001) == 0x0115
    assert desk.wait(transaction, 0) is None


def test_questions_are_forgotten_when_there_are_too_many(desk: CommitmentDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom_adapters.commitment.TRANSACTIONS_MAX", 2)
    first, *_ = [desk.ask(Asked(), [(Comprehensive3DSRStorage, f"1.{n}")]) for n in range(3)]
    assert report(desk.port, str(first), ["1.0"]) == 0x0115


def test_an_archive_that_lost_an_object_is_sent_it_again(simulated: SimulatedPacs, tmp_path: Path) -> None:
    given = ready(tmp_path)

    def forgetful(event: Any) -> int:
        return 0x0000  # and keeps nothing

    ae = AE("FORGETFUL")
    for sop_class in (SegmentationStorage, Comprehensive3DSRStorage, StorageCommitmentPushModel):
        ae.add_supported_context(sop_class)
    handlers = [(evt.EVT_C_STORE, forgetful), (evt.EVT_N_ACTION, simulated._commit)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        options = {"peer_aet": "FORGETFUL", "peer_port": server.server_address[1], "commitment_s": 4.0}
        with destination(given, **options) as pacs:
            simulated.peer("AVAL", "127.0.0.1", pacs.listen())
            assert refused(Unavailable, lambda: pacs.send(given.release)) == "not-committed"
    finally:
        server.shutdown()


def test_a_port_that_is_taken_is_said_to_be(simulated: SimulatedPacs, tmp_path: Path) -> None:
    given = ready(tmp_path)
    with destination(given, **to_simulated(simulated, commitment_port=simulated.port)) as pacs:
        assert refused(Unavailable, lambda: pacs.send(given.release)) == "commitment-port"


# --------------------------------------------------------------------------------------------------------- comparison


def held(part: Rendered) -> Held:
    dataset = dcmread(BytesIO(part.data))
    return Held(
        name=part.name,
        sop_class_uid=dataset.SOPClassUID,
        sop_instance_uid=dataset.SOPInstanceUID,
        series_uid=dataset.SeriesInstanceUID,
        study_uid=dataset.StudyInstanceUID,
        syntax=dataset.file_meta.TransferSyntaxUID,
        data=part.data,
        start=data_set_start(part.data),
    )


def rewritten(part: Rendered, change: Callable[[Dataset], object]) -> bytes:
    dataset = dcmread(BytesIO(part.data))
    change(dataset)
    out = BytesIO()
    dcmwrite(out, dataset)
    return out.getvalue()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: None, ()),
        (lambda d: setattr(d, "PatientID", "ANOTHER"), ("PatientID",)),
        (lambda d: setattr(d, "RetrieveAETitle", "PACS"), ("RetrieveAETitle",)),
        (lambda d: setattr(d["CurrentRequestedProcedureEvidenceSequence"], "is_undefined_length", True), ()),
    ],
)
def test_what_an_archive_may_change_is_told(
    tmp_path: Path, change: Callable[[Dataset], object], expected: tuple[str, ...]
) -> None:
    report_part = ready(tmp_path).objects[1]
    assert changes(held(report_part), rewritten(report_part, change)) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda d: setattr(d, "VerificationFlag", "UNVERIFIED"),
        lambda d: setattr(d, "StudyInstanceUID", "1.2.3"),
        lambda d: setattr(d, "SOPInstanceUID", "1.2.3"),
        lambda d: delattr(d, "PreliminaryFlag"),
        lambda d: d.ContentSequence.pop(),
        lambda d: setattr(d, "SeriesDescription", "Autre"),
        lambda d: d.add_new(0x00091001, "LO", "private"),
    ],
)
def test_what_an_archive_may_not_change_is_another_object(tmp_path: Path, change: Callable[[Dataset], object]) -> None:
    part = ready(tmp_path).objects[1]
    assert refused(Declined, lambda: changes(held(part), rewritten(part, change))) == "other-object-under-our-uid"


def test_an_archive_may_answer_in_implicit_vr(tmp_path: Path) -> None:
    part = ready(tmp_path).objects[1]
    implicit = dcmread(BytesIO(part.data))
    implicit.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    out = BytesIO()
    dcmwrite(out, implicit, implicit_vr=True, little_endian=True)
    assert changes(held(part), out.getvalue()) == ()


@contextmanager
def web(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[DicomWeb]:
    """Yield a client of a DICOMweb service that answers every GET with ``answer``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield DicomWeb(f"http://127.0.0.1:{server.server_address[1]}/", 2.0)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answering(status: int, kind: str = "text/plain", body: bytes = b"", **headers: str) -> Callable[[Any], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | headers).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_an_archive_that_answers_nonsense_is_tried_again(tmp_path: Path) -> None:
    part = held(ready(tmp_path).objects[1])
    cases = (
        (answering(500), "dicomweb-status"),
        (answering(401), "dicomweb-status"),
        (answering(302, Location="http://127.0.0.1:1/"), "dicomweb-status"),
        (answering(200, 'multipart/related; boundary="b"', b"--b\r\nno end"), "unreadable-answer"),
        (answering(200, "application/dicom", b"0" * (len(part.data) + 5_000_000)), "answer-too-large"),
    )
    for answer, code in cases:
        with web(answer) as client:
            assert refused(Unavailable, lambda client=client: client.retrieve(part)) == code  # type: ignore[misc]
    assert refused(Unavailable, lambda: DicomWeb(f"http://127.0.0.1:{free_port()}", 1).retrieve(part)) == (
        "dicomweb-unreachable"
    )
    assert refused(Unavailable, lambda: changes(part, b"not DICOM")) == "unreadable-answer"


def test_single_part_and_multipart_answers_are_read(tmp_path: Path) -> None:
    part = held(ready(tmp_path).objects[1])
    multipart = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + part.data + b"\r\n--x--\r\n"
    for kind, body in (("application/dicom", part.data), ('multipart/related; boundary="x"', multipart)):
        with web(answering(200, kind, body)) as client:
            assert client.retrieve(part) == part.data
    with web(answering(404)) as client:
        assert client.retrieve(part) is None
        assert not client.lists(part)
    with web(answering(204)) as client:
        assert not client.lists(part)
    with web(answering(200, "application/dicom+json", b'[{"00080018": {}}]')) as client:
        assert client.lists(part)
    with web(answering(200, "application/dicom+json", b"<html>")) as client:
        assert refused(Unavailable, lambda: client.lists(part)) == "unreadable-answer"
