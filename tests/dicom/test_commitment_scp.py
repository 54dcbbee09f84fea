"""Storage commitment, asked of us by pynetdicom: committed is what is durable under exactly that name and class."""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    MRImageStorage,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    Verification,
)
from sqlalchemy import Engine

from bridge.db.engine import engine_at
from bridge.db.migrate import migrate
from bridge.db.store import SqlStore
from bridge.flows.commitments import Commitments
from bridge.vault import FileVault
from bridge.wiring.clock import SystemClock
from dicom_adapters.listen import commitment_scp
from dicom_adapters.listen.commitment_scp import CommitmentService, Options, Place
from guarantee.errors import Unavailable
from guarantee.ids import Digest, digest
from guarantee.judging import Held
from tests.dicom.post import OPTIONS, Post
from tests.peers.base import wait_until

CT = str(CTImageStorage)


class Shelf:
    """What is held, as the database would say."""

    def __init__(self, vault: FileVault) -> None:
        self.vault = vault
        self.held: list[Held] = []
        self.is_down = False

    def keep(self, uid: str, kind: str = CT) -> None:
        self.held.append(Held(uid=uid, kind=kind, digest=self.vault.put(uid.encode())))

    def find(self, uids: Collection[str]) -> list[Held]:
        if self.is_down:
            raise Unavailable("database", "the database does not answer")
        return [one for one in self.held if one.uid in uids]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(FileVault(tmp_path / "vault"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with engine_at(f"sqlite:///{tmp_path / 'aval.db'}") as engine:
        migrate(engine)
        yield engine


@pytest.fixture
def post_with(shelf: Shelf, engine: Engine) -> Iterator[Callable[..., Post]]:
    posts: list[Post] = []

    def start(**places: Place) -> Post:
        unheard: list[tuple[str, str, str]] = []
        options = Options(our_aet="AVAL", places=places)
        book = Commitments(
            store=SqlStore(engine), clock=SystemClock(), actor="scp", turn_away=lambda *told: unheard.append(told)
        )
        service = CommitmentService(options, shelf.vault, shelf.find, book)
        posts.append(Post(OPTIONS, shelf.vault, (service,)))
        posts[-1].unheard = unheard
        return posts[-1]

    yield start
    for post in posts:
        post.listener.stop()


class Sender:
    """A modality that asks, and listens for answers."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Dataset]] = []
        self.status = 0x0000
        self.busy: threading.Event | None = None

    def take(self, event: Any) -> tuple[int, None]:
        self.answers.append((event.event_type, event.event_information))
        if self.busy is not None:
            self.busy.wait(60)
        return self.status, None

    @property
    def handlers(self) -> list[Any]:
        return [(evt.EVT_N_EVENT_REPORT, self.take)]

    @contextmanager
    def calling(self, post: Post, calling: str = "PACS") -> Iterator[Any]:
        entity = AE(calling)
        entity.add_requested_context(StorageCommitmentPushModel)
        entity.add_requested_context(Verification)
        association = entity.associate("127.0.0.1", post.port, ae_title="AVAL", evt_handlers=self.handlers)
        assert association.is_established
        try:
            yield association
        finally:
            if association.is_established:
                association.release()

    @contextmanager
    def listening(self) -> Iterator[Place]:
        entity = AE("PACS")
        entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=self.handlers)
        try:
            yield Place(host="127.0.0.1", port=server.server_address[1])
        finally:
            server.shutdown()

    def answer(self) -> tuple[int, Dataset]:
        wait_until(lambda: bool(self.answers), "the answer to a storage commitment")
        return self.answers[0]


def ask(association: Any, *uids: str, transaction: str = "", action: int = 1) -> int:
    asked = Dataset()
    asked.TransactionUID = transaction or generate_uid()
    asked.ReferencedSOPSequence = []
    for uid in uids:
        item = Dataset()
        item.ReferencedSOPClassUID = CT
        item.ReferencedSOPInstanceUID = uid
        asked.ReferencedSOPSequence.append(item)
    status, _ = association.send_n_action(asked, action, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    return int(status.Status)


def test_what_is_held_is_committed_on_the_association_that_asked(post_with: Callable[..., Post], shelf: Shelf) -> None:
    for uid in ("1.2.1", "1.2.2"):
        shelf.keep(uid)
    sender, transaction = Sender(), generate_uid()
    with sender.calling(post_with()) as association:
        assert ask(association, "1.2.1", "1.2.2", transaction=transaction) == 0x0000
        kind, said = sender.answer()
        assert association.send_c_echo().Status == 0x0000, "the association goes on"
    assert (kind, said.TransactionUID) == (1, transaction)
    assert [item.ReferencedSOPInstanceUID for item in said.ReferencedSOPSequence] == ["1.2.1", "1.2.2"]
    assert "FailedSOPSequence" not in said


def test_each_instance_that_we_do_not_answer_for_has_its_reason(post_with: Callable[..., Post], shelf: Shelf) -> None:
    shelf.keep("1.2.1")
    shelf.keep("1.2.2", kind=str(MRImageStorage))
    shelf.held.append(Held(uid="1.2.4", kind=CT, digest=digest(b"a row whose bytes are gone")))
    sender = Sender()
    with sender.calling(post_with()) as association:
        assert ask(association, "1.2.1", "1.2.2", "1.2.3", "1.2.4") == 0x0000
        kind, said = sender.answer()
    assert kind == 2
    assert [item.ReferencedSOPInstanceUID for item in said.ReferencedSOPSequence] == ["1.2.1"]
    failed = {item.ReferencedSOPInstanceUID: item.FailureReason for item in said.FailedSOPSequence}
    assert failed == {"1.2.2": 0x0119, "1.2.3": 0x0112, "1.2.4": 0x0112}


def test_a_database_that_is_gone_commits_to_nothing(post_with: Callable[..., Post], shelf: Shelf) -> None:
    shelf.keep("1.2.1")
    shelf.is_down = True
    sender = Sender()
    with sender.calling(post_with()) as association:
        assert ask(association, "1.2.1") == 0x0000
        kind, said = sender.answer()
    assert kind == 2
    assert [item.FailureReason for item in said.FailedSOPSequence] == [0x0110]


def test_a_sender_that_has_gone_is_told_where_it_listens(post_with: Callable[..., Post], shelf: Shelf) -> None:
    shelf.keep("1.2.1")
    there, here = Sender(), Sender()
    here.status = 0x0110  # the association that asked does not take the answer
    with there.listening() as place, here.calling(post_with(PACS=place)) as association:
        assert ask(association, "1.2.1") == 0x0000
        kind, _ = there.answer()
    assert kind == 1


def test_an_answer_that_reaches_nobody_is_recorded(post_with: Callable[..., Post], shelf: Shelf) -> None:
    sender = Sender()
    sender.status = 0x0110
    post = post_with()
    with sender.calling(post) as association:
        assert ask(association, "1.2.1") == 0x0000
        wait_until(lambda: bool(post.unheard), "the note of an answer that nobody heard")
    assert [(who, code) for who, code, _ in post.unheard] == [("pacs", "commitment-unheard")]


def test_a_sender_that_is_down_holds_up_its_own_answers_alone(post_with: Callable[..., Post], shelf: Shelf) -> None:
    shelf.keep("1.2.1")
    down, well, enough = Sender(), Sender(), threading.Event()
    down.busy = enough
    with down.listening() as place:
        post = post_with(PACS=place)
        with down.calling(post) as first, well.calling(post, "MR2") as second:
            for _ in range(commitment_scp.ANSWERING + 1):
                assert ask(first, "1.2.1") == 0x0000
            wait_until(lambda: bool(down.answers), "the first of many answers")
            assert ask(second, "1.2.1") == 0x0000
            kind, _ = well.answer()
            enough.set()
    assert kind == 1


def test_a_fault_of_ours_is_recorded_and_the_next_question_answered(
    post_with: Callable[..., Post], shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.keep("1.2.1")
    faults = iter([KeyError("1.2.1")])
    has = shelf.vault.has

    def fail_once(name: Digest) -> bool:
        for fault in faults:
            raise fault
        return has(name)

    monkeypatch.setattr(shelf.vault, "has", fail_once)
    sender = Sender()
    with sender.calling(post_with()) as association:
        for _ in range(2):
            assert ask(association, "1.2.1") == 0x0000
        kind, _ = sender.answer()
    assert (kind, len(sender.answers)) == (1, 1)
    assert [record.getMessage() for record in caplog.records].count("commitment.failed") == 1


def test_what_is_no_question_is_refused(post_with: Callable[..., Post], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commitment_scp, "REFERENCES_MAX", 2)
    sender, post = Sender(), post_with()
    with sender.calling(post) as association:
        assert ask(association, "1.2.1", action=2) == 0x0123
        assert ask(association) == 0x0106
        assert ask(association, "1.2.1", "1.2.2", "1.2.3") == 0x0106
        assert ask(association, "DUPONT^Jean") == 0x0106
    assert [code for _, code, _ in post.refused] == ["no-such-action", "references", "references", "uid-form"]
    assert sender.answers == []
    assert "DUPONT" not in str(post.refused)
