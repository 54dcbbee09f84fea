"""Storage commitment as archives do it: on an association of their own, once we have hung up, or late."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from dicom_adapters.deliver.commitment import CommitmentDesk
from dicom_adapters.deliver.send import OURS, Confirm
from guarantee.errors import NotProved
from tests.dicom.raw_peer import ACCEPTED, DATA, Peer, pdu
from tests.dicom.sending import destination, ready, refused
from tests.peers.base import wait_until


@dataclass
class Committing:
    """An archive that stores, and commits in an association of its own when ``may_answer`` is set.

    Args:
        once_hung_up: whether it answers only after the association that asked has ended.
    """

    once_hung_up: bool = False
    may_answer: threading.Event = field(default_factory=threading.Event)
    answers_to: int = 0
    port: int = 0
    asked: int = 0
    answered: list[int] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator["Committing"]:
        ae = AE("COMMITTING")
        for sop_class in (*OURS, StorageCommitmentPushModel):
            ae.add_supported_context(sop_class)
        handlers = [(evt.EVT_C_STORE, lambda _: 0), (evt.EVT_N_ACTION, self.take)]
        server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.port = server.server_address[1]
        try:
            yield self
        finally:
            self.may_answer.set()
            for thread in self._threads:
                thread.join(30)
            server.shutdown()

    def take(self, event: Any) -> tuple[int, None]:
        self.asked += 1
        thread = threading.Thread(target=self.answer, args=(event.action_information, event.assoc))
        self._threads.append(thread)
        thread.start()
        return 0, None

    def answer(self, request: Dataset, association: Any) -> None:
        self.may_answer.wait(30)
        if self.once_hung_up:
            wait_until(lambda: not association.is_established, "the association that asked to end")
        report = Dataset()
        report.TransactionUID = request.TransactionUID
        report.ReferencedSOPSequence = request.ReferencedSOPSequence
        ae = AE("COMMITTING")
        ae.add_requested_context(StorageCommitmentPushModel)
        roles = [build_role(StorageCommitmentPushModel, scp_role=True)]
        own = ae.associate("127.0.0.1", self.answers_to, ae_title="AVAL", ext_neg=roles)
        if own.is_established:
            arguments = (report, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
            status, _ = own.send_n_event_report(*arguments)
            self.answered.append(int(status.Status))
            own.release()


def options(archive: Committing, **more: Any) -> dict[str, Any]:
    return {"peer_aet": "COMMITTING", "peer_port": archive.port, "confirm": Confirm.COMMITMENT} | more


@pytest.mark.parametrize("idle_s", [0.0, 30.0])
@pytest.mark.parametrize("once_hung_up", [False, True])
def test_an_answer_on_an_association_of_its_own_counts(tmp_path: Path, *, once_hung_up: bool, idle_s: float) -> None:
    """Also of an archive that answers once we have hung up: an association is not kept against its will."""
    given = ready(tmp_path)
    archive = Committing(once_hung_up=once_hung_up)
    archive.may_answer.set()
    with archive.running(), destination(given, **options(archive, idle_s=idle_s, commitment_s=6.0)) as pacs:
        archive.answers_to = pacs.listen()
        assert pacs.send(given.release).method == "storage-commitment"
        assert pacs.send(given.release).method == "storage-commitment"
    assert archive.answered == [0, 0]


def test_an_answer_that_comes_after_the_wait_counts_at_the_next_attempt_whatever_becomes_of_that(
    tmp_path: Path,
) -> None:
    given = ready(tmp_path)
    archive = Committing()
    with archive.running(), destination(given, **options(archive, idle_s=30.0, commitment_s=0.4)) as pacs:
        archive.answers_to = pacs.listen()
        assert refused(NotProved, lambda: pacs.send(given.release)) == "not-confirmed"
        archive.may_answer.set()
        wait_until(lambda: len(archive.answered) == 1, "the late answer")
        archive.may_answer.clear()
        assert pacs.send(given.release).method == "storage-commitment", "the archive is silent now, and answered before"
        assert archive.asked == 2
        archive.may_answer.set()
        wait_until(lambda: len(archive.answered) == 2, "the second answer, while we still listen")


def test_what_would_fill_the_memory_is_not_read_from_anybody() -> None:
    """Anybody may connect to the listener: one that announces 2 MiB is cut off before it has sent them."""
    desk = CommitmentDesk("AVAL", "127.0.0.1", 0)
    desk.start()
    contexts = ((StorageCommitmentPushModel, (ExplicitVRLittleEndian,)),)
    try:
        with Peer(desk.port, calling="ANYBODY", contexts=contexts) as peer:
            assert peer.associate()[0] == ACCEPTED
            peer.socket.sendall(pdu(DATA, b"", length=2 * 1024 * 1024))
            assert peer.socket.recv(1) == b""
    finally:
        desk.close()
