"""Instance Availability Notification and MPPS, asked by pynetdicom; and what is refused."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    InstanceAvailabilityNotification,
    ModalityPerformedProcedureStep,
    Verification,
)

from bridge.vault import FileVault
from dicom_adapters.listen import notices
from dicom_adapters.listen.notices import NoticeDoors, Notices, Relay
from guarantee.completeness import Basis, Status
from guarantee.errors import Unavailable
from guarantee.judging import Expectation, from_list
from tests.dicom.post import OPTIONS, Post

STUDY, SERIES = "1.2.826.1", "1.2.826.1.1"
NAMES = [f"{SERIES}.{n}" for n in range(3)]


class Board:
    """Takes down what is announced, as the database would."""

    def __init__(self) -> None:
        self.said: dict[tuple[str, str, str], Expectation] = {}
        self.is_down = False

    def announce(self, study: str, said: Sequence[Expectation]) -> None:
        if self.is_down:
            raise Unavailable("database", "the database does not answer")
        self.said |= {(study, one.source, one.group): one for one in said}

    def announced_by(self, source: str) -> list[tuple[str, Expectation]]:
        return [(study, one) for (study, who, _), one in self.said.items() if who == source]

    def statuses(self) -> set[tuple[str, Status]]:
        return {(study, one.status) for (study, _, group), one in self.said.items() if not group}


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def post_with(tmp_path: Path, board: Board) -> Iterator[Callable[..., Post]]:
    posts: list[Post] = []

    def start(relay: Relay | None = None) -> Post:
        vault = FileVault(tmp_path / f"vault-{len(posts)}")
        doors = NoticeDoors(announce=board.announce, announced_by=board.announced_by)
        posts.append(Post(OPTIONS, vault, (Notices(vault, doors, relay),)))
        return posts[-1]

    yield start
    for post in posts:
        post.listener.stop()


@pytest.fixture
def post(post_with: Callable[..., Post]) -> Post:
    return post_with()


@contextmanager
def scu(post: Post, calling: str = "PACS") -> Iterator[Any]:
    entity = AE(calling)
    for each in (InstanceAvailabilityNotification, ModalityPerformedProcedureStep, Verification):
        entity.add_requested_context(each)
    association = entity.associate("127.0.0.1", post.port, ae_title="AVAL")
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


def referenced(uid: str, availability: str = "") -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = CTImageStorage
    item.ReferencedSOPInstanceUID = uid
    if availability:
        item.InstanceAvailability = availability
        item.RetrieveAETitle = "PACS"
    return item


def availability(*items: Dataset, study: str = STUDY) -> Dataset:
    notice, series = Dataset(), Dataset()
    notice.StudyInstanceUID = study
    notice.ReferencedPerformedProcedureStepSequence = []
    series.SeriesInstanceUID = SERIES
    series.ReferencedSOPSequence = list(items)
    notice.ReferencedSeriesSequence = [series]
    return notice


def begun(*studies: str, status: str = "IN PROGRESS") -> Dataset:
    step = Dataset()
    step.PerformedProcedureStepStatus = status
    step.ScheduledStepAttributesSequence = []
    for study in studies:
        item = Dataset()
        item.StudyInstanceUID = study
        step.ScheduledStepAttributesSequence.append(item)
    step.PerformedSeriesSequence = []
    return step


def ended(status: str = "COMPLETED") -> Dataset:
    step, series = Dataset(), Dataset()
    step.PerformedProcedureStepStatus = status
    series.SeriesInstanceUID = SERIES
    series.ReferencedImageSequence = [referenced(uid) for uid in NAMES[:2]]
    series.ReferencedNonImageCompositeSOPInstanceSequence = [referenced(NAMES[2])]
    step.PerformedSeriesSequence = [series]
    return step


def create(association: Any, step: Dataset, uid: str) -> int:
    status, _ = association.send_n_create(step, ModalityPerformedProcedureStep, uid)
    return int(status.Status)


def set_(association: Any, step: Dataset, uid: str) -> int:
    status, _ = association.send_n_set(step, ModalityPerformedProcedureStep, uid)
    return int(status.Status)


def notify(association: Any, notice: Dataset) -> int:
    status, _ = association.send_n_create(notice, InstanceAvailabilityNotification, generate_uid())
    return int(status.Status)


# ----------------------------------------------------------------------------------------------------------------- IAN


def test_a_notice_lists_what_the_archive_has_and_not_what_it_lost(post: Post, board: Board) -> None:
    with scu(post) as association:
        notice = availability(*(referenced(uid, "ONLINE") for uid in NAMES), referenced("1.2.9", "UNAVAILABLE"))
        assert notify(association, notice) == 0x0000
        assert notify(association, availability(referenced(NAMES[0], "NEARLINE"))) == 0x0000
    (said,) = board.said.values()
    assert (said.source, said.group, said.basis, said.instances) == ("ian:pacs", SERIES, Basis.LIST, 1)
    assert said.listed is not None
    assert from_list(post.vault.get(said.listed)) == {NAMES[0]}, "the newest notice of one archive counts"


def test_a_notice_that_cannot_be_read_is_refused_with_a_reason_and_the_association_goes_on(
    post: Post, board: Board
) -> None:
    nameless = availability(referenced(NAMES[0], "ONLINE"))
    del nameless.StudyInstanceUID
    with scu(post) as association:
        assert notify(association, nameless) == 0x0106
        assert notify(association, availability(referenced("DUPONT^Jean", "ONLINE"))) == 0x0106
        assert association.send_c_echo().Status == 0x0000
    assert board.said == {}
    assert [(sender, code) for sender, code, _ in post.refused] == [("pacs", "uid-form")] * 2
    assert "DUPONT" not in str(post.refused)


def test_a_database_that_is_gone_makes_the_peer_send_again(post: Post, board: Board) -> None:
    board.is_down = True
    with scu(post) as association:
        assert notify(association, availability(referenced(NAMES[0], "ONLINE"))) == 0x0213
    assert [code for _, code, _ in post.refused] == ["database"]


def test_a_nested_bomb_is_refused_before_it_is_decoded(post: Post, board: Board) -> None:
    bomb = Dataset()
    for _ in range(70):
        outer = Dataset()
        outer.ReferencedSeriesSequence = [bomb]
        bomb = outer
    with scu(post) as association:
        assert notify(association, bomb) == 0x0106
    assert [code for _, code, _ in post.refused] == ["too-deep"]


# ---------------------------------------------------------------------------------------------------------------- MPPS


def test_a_step_is_in_progress_until_it_is_completed_with_its_list(post: Post, board: Board) -> None:
    step = generate_uid()
    with scu(post) as association:
        assert create(association, begun(STUDY), step) == 0x0000
        assert board.statuses() == {(STUDY, Status.IN_PROGRESS)}
        assert set_(association, ended(), step) == 0x0000
    assert board.statuses() == {(STUDY, Status.SAID)}
    said = board.said[STUDY, f"mpps:{step}", SERIES]
    assert said.listed is not None
    assert from_list(post.vault.get(said.listed)) == set(NAMES)


def test_a_step_that_was_given_up_says_so(post: Post, board: Board) -> None:
    step = generate_uid()
    with scu(post) as association:
        create(association, begun(STUDY), step)
        assert set_(association, ended("DISCONTINUED"), step) == 0x0000
    assert board.statuses() == {(STUDY, Status.DISCONTINUED)}


def test_a_step_for_several_studies_says_when_it_ends_and_not_which_images_are_whose(post: Post, board: Board) -> None:
    step = generate_uid()
    with scu(post) as association:
        assert create(association, begun(STUDY, "1.2.826.2"), step) == 0x0000
        assert set_(association, ended(), step) == 0x0000
    assert board.statuses() == {(STUDY, Status.SAID), ("1.2.826.2", Status.SAID)}
    assert len(board.said) == 2


def test_the_life_of_a_step_is_that_of_the_standard(post: Post) -> None:
    step = generate_uid()
    with scu(post) as association:
        assert set_(association, ended(), step) == 0x0112
        assert create(association, begun(), step) == 0x0106
        assert create(association, begun(STUDY, status="COMPLETED"), step) == 0x0106
        assert create(association, begun(STUDY), step) == 0x0000
        assert create(association, begun(STUDY), step) == 0x0111
        assert set_(association, ended(), step) == 0x0000
        assert set_(association, ended(), step) == 0x0110
    codes = [code for _, code, _ in post.refused]
    assert codes == ["step-unknown", "no-study", "step-status", "step-known", "step-ended"]


# --------------------------------------------------------------------------------------------------------------- relay


@contextmanager
def ris(status: int = 0x0000) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Another MPPS system, and what it heard."""
    heard: list[tuple[str, str]] = []

    def create_there(event: Any) -> tuple[int, None]:
        heard.append(("create", str(event.request.AffectedSOPInstanceUID)))
        return status, None

    def set_there(event: Any) -> tuple[int, None]:
        heard.append((str(event.modification_list.PerformedProcedureStepStatus), event.request.RequestedSOPInstanceUID))
        return status, None

    entity = AE("RIS")
    entity.add_supported_context(ModalityPerformedProcedureStep)
    handlers = [(evt.EVT_N_CREATE, create_there), (evt.EVT_N_SET, set_there)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield server.server_address[1], heard
    finally:
        server.shutdown()


def relay(port: int) -> Relay:
    return Relay(our_aet="AVAL", aet="RIS", host="127.0.0.1", port=port)


def test_every_message_is_passed_on_under_its_own_identifier(post_with: Callable[..., Post], board: Board) -> None:
    step = generate_uid()
    with ris() as (port, heard), scu(post_with(relay(port))) as association:
        assert create(association, begun(STUDY), step) == 0x0000
        assert set_(association, ended(), step) == 0x0000
    assert heard == [("create", step), ("COMPLETED", step)]
    assert board.statuses() == {(STUDY, Status.SAID)}


def test_the_modality_hears_the_other_systems_refusal(post_with: Callable[..., Post], board: Board) -> None:
    with ris(0x0110) as (port, _), scu(post_with(relay(port))) as association:
        assert create(association, begun(STUDY), generate_uid()) == 0x0110
    assert board.said == {}


def test_a_silent_system_makes_the_modality_send_again(
    post_with: Callable[..., Post], board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "RELAY_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        post = post_with(relay(silent.getsockname()[1]))
        with scu(post) as association:
            assert create(association, begun(STUDY), generate_uid()) == 0x0110
    assert [code for _, code, _ in post.refused] == ["relay-silent"]
    assert board.said == {}
