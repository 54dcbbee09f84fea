"""Answers about storage commitment are believed only from whom we asked, and about what we asked."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, SegmentationStorage
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from bridge.demo.pacs import SimulatedPacs
from dicom_adapters.deliver.commitment import CommitmentDesk
from guarantee.errors import Unavailable
from tests.dicom.sending import destination, ready, refused, to_simulated


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
    monkeypatch.setattr("dicom_adapters.deliver.commitment.TRANSACTIONS_MAX", 2)
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
