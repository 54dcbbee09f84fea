"""What an archive may do when it is asked to send: everything, something, nothing, too much; and what we make of it."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian
from pynetdicom import AE, StoragePresentationContexts, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelMove

from bridge.vault import FileVault
from dicom_adapters.ask.cfind import Peer
from dicom_adapters.ask.query import Listed
from dicom_adapters.ask.retrieve import Gap, by_get, by_move, gaps
from dicom_adapters.ask.suboperations import AHEAD_MAX
from dicom_adapters.errors import MalformedInstance
from dicom_adapters.listen.custody import Custody, Taking
from guarantee.errors import Declined, PortError, Unavailable
from guarantee.unit import Arrival
from tests.dicom import samples
from tests.dicom.raw_peer import data, pdu, store_request
from tests.peers.base import free_port

STUDY = samples.uid("study", "1")
IMAGES = samples.series(slices=3)
LISTED = [
    Listed(
        series_uid=str(one.SeriesInstanceUID),
        sop_instance_uid=str(one.SOPInstanceUID),
        sop_class_uid=str(one.SOPClassUID),
    )
    for one in IMAGES
]


class Taker:
    """Takes instances, as aval fetch does."""

    def __init__(self, folder: Path, *, instance_bytes_max: int = 1024**2) -> None:
        self.vault = folder
        self.custody = Custody(vault=FileVault(folder), site="chu", instance_bytes_max=instance_bytes_max)
        self.arrivals: list[Arrival] = []
        self.refused: list[str] = []
        self.trouble: Exception | None = None
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def take(self, _name: str, fill: Callable[[], Taking]) -> None:
        try:
            assert self.may_go_on.wait(60)
            taken = fill()
            if self.trouble is not None:
                raise self.trouble
            self.arrivals.append(taken.finish(sender="pacs", conversation=""))
        except MalformedInstance as error:
            self.refused.append(error.code)


@pytest.fixture
def taker(tmp_path: Path) -> Taker:
    return Taker(tmp_path / "vault")


@contextmanager
def archive(*models: str, get: Any = None, move: Any = None) -> Iterator[tuple[Peer, list[Dataset]]]:
    """An archive that answers C-GET and C-MOVE as it is told; yield it, and what it was asked."""
    asked: list[Dataset] = []

    def handler(answer: Any) -> Any:
        def handle(event: Any) -> Any:
            asked.append(event.identifier)
            return answer(event)

        return handle

    entity = AE("PACS")
    for model in models:
        entity.add_supported_context(model)
    for context in StoragePresentationContexts:
        entity.add_supported_context(context.abstract_syntax, scu_role=True, scp_role=True)
    port = free_port()
    connections: list[socket.socket] = []
    handlers = [
        (evt.EVT_C_GET, handler(get)),
        (evt.EVT_C_MOVE, handler(move)),
        (evt.EVT_CONN_OPEN, lambda event: connections.append(event.assoc.dul.socket.socket)),
    ]
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        yield Peer(our_aet="AVAL", aet="PACS", host="127.0.0.1", port=port, silence_s=5, whole_s=15), asked
    finally:
        server.shutdown()
        for connection in connections:  # pynetdicom leaves those that the other side broke to the garbage collector
            connection.close()


GET, MOVE = StudyRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelMove


def giving(*datasets: Dataset) -> Any:
    def answer(event: Any) -> Iterator[Any]:
        yield len(datasets)
        for dataset in datasets:
            yield 0xFF00, dataset
        yield 0x0000, None

    return answer


def files(datasets: Sequence[Dataset]) -> list[Dataset]:
    """Return data sets that pynetdicom can send."""
    return [dcmread(BytesIO(samples.to_file(each))) for each in datasets]


# -------------------------------------------------------------------------------------------------- what is asked for


def test_whole_series_are_asked_for_as_such_and_others_by_instance() -> None:
    others = [replace(each, series_uid="9.9", sop_instance_uid=f"9.{n}") for n, each in enumerate(LISTED)]
    held = frozenset({LISTED[0].sop_instance_uid})
    assert gaps([*LISTED, *others], held) == (
        Gap(series_uid=LISTED[0].series_uid, missing=tuple(LISTED[1:]), is_whole=False),
        Gap(series_uid="9.9", missing=tuple(others), is_whole=True),
    )
    assert gaps(LISTED, frozenset(each.sop_instance_uid for each in LISTED)) == ()


def test_a_get_names_what_is_missing(taker: Taker) -> None:
    with archive(GET, get=giving(*files(IMAGES[1:]))) as (peer, asked):
        by_get(peer, STUDY, gaps(LISTED, frozenset({LISTED[0].sop_instance_uid})), taker.custody, taker.take)
    assert [arrival.source.uid for arrival in taker.arrivals] == [each.sop_instance_uid for each in LISTED[1:]]
    (query,) = asked
    assert query.QueryRetrieveLevel == "IMAGE"
    assert list(query.SOPInstanceUID) == [each.sop_instance_uid for each in LISTED[1:]]


# ---------------------------------------------------------------------------------------------------- what goes wrong


def got(taker: Taker, answer: Any, *models: str) -> None:
    with archive(*(models or (GET,)), get=answer) as (peer, _):
        by_get(peer, STUDY, gaps(LISTED, frozenset()), taker.custody, taker.take)


def test_an_archive_without_get_says_so(taker: Taker) -> None:
    with pytest.raises(Declined, match="not-offered"):
        got(taker, giving(), MOVE)


def test_an_archive_that_sends_only_a_part_is_no_error_here(taker: Taker) -> None:
    def some(event: Any) -> Iterator[Any]:
        yield 2
        yield 0xFF00, files(IMAGES[:1])[0]
        yield 0xB000, Dataset()

    got(taker, some)
    assert len(taker.arrivals) == 1


@pytest.mark.parametrize(("status", "kind"), [(0xA702, Unavailable), (0xA900, Declined), (0xC001, Unavailable)])
def test_a_refusal_is_said(taker: Taker, status: int, kind: type[PortError]) -> None:
    def refuse(event: Any) -> Iterator[Any]:
        yield 1
        yield status, Dataset()

    with pytest.raises(kind, match=f"0x{status:04X}"):
        got(taker, refuse)


def test_an_instance_that_is_too_large_is_refused_and_the_next_one_comes(tmp_path: Path) -> None:
    small = samples.document(samples.CLASSES["MR"], "MR")
    taker = Taker(tmp_path / "vault", instance_bytes_max=3000)
    got(taker, giving(files(IMAGES[:1])[0], files([small])[0]))
    assert taker.refused == ["instance-too-large"]
    assert [arrival.source.uid for arrival in taker.arrivals] == [str(small.SOPInstanceUID)]


def test_an_instance_without_an_end_is_cut_off(tmp_path: Path) -> None:
    (large,) = samples.series(slices=1, rows=512, columns=1024)
    taker = Taker(tmp_path / "vault", instance_bytes_max=100_000)
    with pytest.raises(Unavailable, match="answer-too-large"):
        got(taker, giving(files([large])[0]))


def context_of(event: Any) -> int:
    """Return the identifier of a context in which the images are sent as they are."""
    return next(
        int(each.context_id)
        for each in event.assoc.accepted_contexts
        if each.abstract_syntax == IMAGES[0].SOPClassUID and each.transfer_syntax == [ExplicitVRBigEndian]
    )


def sending(make: Callable[[int], bytes], then: Callable[[], object] = list) -> Any:
    """An archive that writes PDUs of its own making, until it is cut off, and does something ``then``."""

    def answer(event: Any) -> Iterator[Any]:
        yield 1
        event.assoc.dul.socket.send(make(context_of(event)))
        while event.assoc.dul.state_machine.current_state == "Sta6":
            time.sleep(0.05)
        then()
        yield 0xFE00, None

    return answer


def store_message(context: int, image: Dataset, message: int, *, flags: int = 2, size: int | None = None) -> bytes:
    request = bytearray(store_request(str(image.SOPClassUID), str(image.SOPInstanceUID)))
    at = request.index(b"\0\0\x10\x01\x02\0\0\0") + 8
    request[at : at + 2] = message.to_bytes(2, "little")
    body = samples.data_set_of(samples.to_file(image, ExplicitVRBigEndian))[:size]
    return data(context, 3, bytes(request)) + data(context, flags, body)


@pytest.mark.parametrize("messages", [range(AHEAD_MAX + 2), [7] * 3], ids=["many", "under-one-number"])
def test_what_is_sent_ahead_of_our_answers_has_a_limit(taker: Taker, messages: Sequence[int]) -> None:
    """The first is being kept; the others wait for it, until they are too many."""
    taker.may_go_on.clear()
    ahead = sending(
        lambda context: b"".join(store_message(context, IMAGES[0], number) for number in messages), taker.may_go_on.set
    )
    with pytest.raises(Unavailable, match="without waiting for our answers"):
        got(taker, ahead)
    assert list((taker.vault / "incoming").iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (lambda context: data(context, 3, store_request("1.2", "1.2.3")), "in the middle of an instance"),
        (lambda context: data(context, 1, bytes(70_000)), "a command in the middle"),
        (lambda context: pdu(4, struct.pack(">LB", 1, context)), "without its header"),
    ],
)
def test_what_does_not_belong_in_an_instance_ends_the_fetch(
    taker: Taker, wrong: Callable[[int], bytes], why: str
) -> None:
    def begun(context: int) -> bytes:
        return store_message(context, IMAGES[0], 1, flags=0, size=2000) + wrong(context)

    with pytest.raises(Unavailable, match=why):
        got(taker, sending(begun))
    assert taker.arrivals == []
    assert list((taker.vault / "incoming").iterdir()) == []


def test_a_command_without_an_end_is_cut_off(taker: Taker) -> None:
    with pytest.raises(Unavailable, match="a command that has no end"):
        got(taker, sending(lambda context: data(context, 1, bytes(70_000))))


def test_an_instance_in_tiny_pieces_is_the_same_instance(taker: Taker) -> None:
    body = samples.data_set_of(samples.to_file(IMAGES[0], ExplicitVRBigEndian))

    def tiny(context: int) -> bytes:
        request = store_request(str(IMAGES[0].SOPClassUID), str(IMAGES[0].SOPInstanceUID))
        return data(context, 3, request, chunk=20) + data(context, 2, body, chunk=101)

    def answer(event: Any) -> Iterator[Any]:
        yield 1
        event.assoc.dul.socket.send(tiny(context_of(event)))
        event.assoc.dimse.get_msg(block=True)  # our answer
        yield 0xB000, Dataset()

    got(taker, answer)
    (arrival,) = taker.arrivals
    assert samples.data_set_of(taker.custody.vault.get(arrival.source.digest)) == body


def test_an_archive_that_hangs_up_in_the_middle_leaves_nothing(taker: Taker) -> None:
    def half(event: Any) -> Iterator[Any]:
        yield 1
        event.assoc.dul.socket.send(store_message(context_of(event), IMAGES[0], 1, flags=0, size=2000))
        event.assoc.abort()
        yield 0xFE00, None

    with pytest.raises(Unavailable, match="no-answer"):
        got(taker, half)
    assert taker.arrivals == []
    assert list((taker.vault / "incoming").iterdir()) == []


def test_when_we_can_keep_nothing_the_fetch_ends(taker: Taker) -> None:
    taker.trouble = Unavailable("vault", "full")
    with pytest.raises(Unavailable, match="vault"):
        got(taker, giving(*files(IMAGES)))
    assert taker.arrivals == []


def test_nobody_there_is_said(taker: Taker) -> None:
    peer = Peer(our_aet="AVAL", aet="PACS", host="127.0.0.1", port=free_port(), silence_s=2, whole_s=5)
    with pytest.raises(Unavailable, match="no-association"):
        by_move(peer, STUDY, gaps(LISTED, frozenset()), "AVAL")


def test_a_destination_that_the_archive_does_not_know_is_said(taker: Taker) -> None:
    def nowhere(event: Any) -> Iterator[Any]:
        yield None, None

    with archive(MOVE, move=nowhere) as (peer, _), pytest.raises(Declined, match="0xA801"):
        by_move(peer, STUDY, gaps(LISTED, frozenset()), "AVAL")
