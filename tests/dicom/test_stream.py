"""Messages as senders may cut them (PS3.8, 9.3.5 and Annex E), on both paths; and which path they take."""

import socket
import struct
import threading
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, dimse

from dicom_adapters.associate.buffer import BUFFER_BYTES
from dicom_adapters.associate.refusals import REFUSALS
from tests.dicom import samples
from tests.dicom.post import Post, instance, quiet
from tests.dicom.raw_peer import ABORTED, CT, ECHO, RELEASED, Peer, data, pdu, store_request
from tests.dicom.samples import element
from tests.peers.base import wait_until

SUCCESS = 0x0000
BOTH = ((CT, (ExplicitVRLittleEndian,)), (ECHO, (ImplicitVRLittleEndian,)))
"""Presentation contexts 1 and 3."""

PostOf = Callable[..., Post]


def values(*parts: tuple[int, int, bytes]) -> bytes:
    """Return one P-DATA-TF PDU of several presentation data values: (context, flags, bytes)."""
    return pdu(4, b"".join(struct.pack(">LBB", len(part) + 2, of, flags) + part for of, flags, part in parts))


def echo_request() -> bytes:
    """Return the command set of a C-ECHO-RQ (PS3.7, 9.3.5.1)."""
    elements = b"".join(
        struct.pack("<HHL", 0, number, len(value)) + value
        for number, value in (
            (0x0002, ECHO.encode() + b"\0"),
            (0x0100, b"\x30\0"),
            (0x0110, b"\x09\0"),
            (0x0800, b"\1\1"),
        )
    )
    return struct.pack("<HHLL", 0, 0, 4, len(elements)) + elements


def kept(post: Post) -> list[bytes]:
    return [samples.data_set_of(post.vault.get(arrival.source.digest)) for arrival in post.arrivals]


@pytest.fixture
def fast(post_of: PostOf, request: pytest.FixtureRequest) -> bool:
    return bool(request.node.callspec.params["post_of"])


# -------------------------------------------------------------------------------------------------- which path is taken


@pytest.fixture
def read_by_pynetdicom(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The messages that pynetdicom decodes, as they come."""
    seen: list[str] = []
    decode = dimse.DIMSEMessage.message_to_primitive

    def watch(message: Any) -> Any:
        seen.append(type(message).__name__)
        return decode(message)

    monkeypatch.setattr(dimse.DIMSEMessage, "message_to_primitive", watch)
    return seen


def test_the_fast_path_takes_every_plain_request_and_nothing_else(
    post: Post, read_by_pynetdicom: list[str], *, fast: bool
) -> None:
    body, name = instance()
    with Peer(post.port, contexts=BOTH).associated() as peer:
        for _ in range(3):
            assert peer.store(body, name) == SUCCESS
            peer.socket.sendall(values((3, 3, echo_request())))
            assert peer.status() == SUCCESS
        assert peer.release() == RELEASED

    echoes, stores = read_by_pynetdicom.count("C_ECHO_RQ"), read_by_pynetdicom.count("C_STORE_RQ")
    assert (echoes, stores) == (3, 0 if fast else 3)
    assert kept(post) == [body] * 3


def test_a_command_set_in_fragments_is_read_by_pynetdicom_and_the_next_one_is_not(
    post: Post, read_by_pynetdicom: list[str], *, fast: bool
) -> None:
    body, name = instance()
    command = store_request(CT, name)
    with Peer(post.port).associated() as peer:
        peer.socket.sendall(values((1, 1, command[:20])) + values((1, 3, command[20:])) + values((1, 2, body)))
        assert peer.status() == SUCCESS
        assert peer.store(body, name) == SUCCESS

    assert read_by_pynetdicom == ["C_STORE_RQ"] * (1 if fast else 2)
    assert kept(post) == [body] * 2


# ------------------------------------------------------------------------------------------------- how it may be cut


def test_a_whole_message_may_be_one_pdu(post: Post) -> None:
    body, name = instance()
    parts = [(1, 0, body[:1000]), (1, 0, body[1000:5000]), (1, 2, body[5000:])]
    with Peer(post.port).associated() as peer:
        peer.socket.sendall(values((1, 3, store_request(CT, name)), *parts))
        assert peer.status() == SUCCESS

    assert kept(post) == [body]


def test_fragments_may_be_tiny_and_arrive_in_pieces_of_seven_bytes(post: Post) -> None:
    body, name = instance()
    stream = data(1, 3, store_request(CT, name)) + data(1, 0, body[:600], chunk=10) + data(1, 2, body[600:])
    with Peer(post.port).associated() as peer:
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, 2100, 7):
            peer.socket.sendall(stream[at : at + 7])
        peer.socket.sendall(stream[2100:])
        assert peer.status() == SUCCESS

    assert kept(post) == [body]


@pytest.mark.parametrize("size", [BUFFER_BYTES - 300, BUFFER_BYTES, BUFFER_BYTES + 1, 3 * BUFFER_BYTES + 12_345])
@pytest.mark.parametrize("chunk", [16_378, 131_066, 900_000])
def test_no_size_falls_between_two_buffers(post: Post, size: int, chunk: int) -> None:
    body, name = instance()
    body += element(0x7FE10010, "OB", bytes(range(256)) * (size // 256))
    with Peer(post.port).associated() as peer:
        peer.socket.sendall(data(1, 3, store_request(CT, name)) + data(1, 2, body, chunk=chunk))
        assert peer.status() == SUCCESS

    assert kept(post) == [body]


def test_the_last_fragment_may_be_empty(post: Post) -> None:
    body, name = instance()
    with Peer(post.port).associated() as peer:
        peer.socket.sendall(data(1, 3, store_request(CT, name)) + data(1, 0, body) + data(1, 2, b""))
        assert peer.status() == SUCCESS

    assert kept(post) == [body]


def test_what_was_sent_ahead_is_served_in_order(post: Post) -> None:
    """Nobody may, without an asynchronous operations window; somebody will."""
    body, name = instance()
    store = data(1, 3, store_request(CT, name)) + data(1, 2, body)
    echo = values((3, 3, echo_request()))
    with Peer(post.port, contexts=BOTH).associated() as peer:
        peer.socket.sendall(store + echo + echo + store + store + echo + store)
        assert [peer.status() for _ in range(7)] == [SUCCESS] * 7
        assert peer.release() == RELEASED

    assert kept(post) == [body] * 4


# ------------------------------------------------------------------------------------------------------ what goes wrong


@pytest.mark.parametrize(
    "wrong",
    [
        values((3, 3, echo_request())),
        pdu(4, struct.pack(">LBB", 5000, 1, 0) + b"x" * 14),
        pdu(4, struct.pack(">LBB", 1, 1, 0)),
        pdu(4, b"\0\0"),
        pdu(9, b"1234"),
    ],
)
def test_what_does_not_belong_in_a_data_set_ends_the_association(post: Post, wrong: bytes) -> None:
    body, name = instance()
    with Peer(post.port, contexts=BOTH).associated() as peer:
        peer.socket.sendall(data(1, 3, store_request(CT, name)) + data(1, 0, body) + wrong)
        assert peer.status() in {-ABORTED, 0}

    quiet(post, 1)
    assert post.arrivals == []
    nothing_is_left(post)


@pytest.mark.parametrize("end", [pdu(7, bytes(4)), pdu(5, bytes(4)), b""], ids=["abort", "release", "close"])
def test_an_end_in_the_middle_of_a_data_set_keeps_nothing(post: Post, end: bytes) -> None:
    body, name = instance()
    peer = Peer(post.port).associated()
    peer.socket.sendall(data(1, 3, store_request(CT, name)) + data(1, 0, body[:-100]) + end)
    peer.socket.close()

    quiet(post, 1)
    assert post.arrivals == []
    nothing_is_left(post)


def test_a_data_set_that_is_refused_leaves_nothing(post: Post) -> None:
    body, name = instance()
    with Peer(post.port).associated() as peer:
        assert peer.store(body[:-100], name) == REFUSALS["truncated"]

    nothing_is_left(post)


def test_stopping_in_the_middle_of_a_data_set_keeps_nothing(post_of: PostOf) -> None:
    post = post_of(grace_s=0.2)
    body, name = instance()
    with Peer(post.port).associated() as peer:
        peer.socket.sendall(data(1, 3, store_request(CT, name)) + data(1, 0, body[:5000]))
        stopping = threading.Thread(target=post.listener.stop)
        stopping.start()
        assert peer.status() == -ABORTED
        stopping.join(20)

    assert not stopping.is_alive()
    assert (post.arrivals, len(post.ended)) == ([], 1)
    nothing_is_left(post)


def nothing_is_left(post: Post) -> None:
    root = post.vault._root
    wait_until(lambda: not [path for path in root.rglob("*") if path.is_file()], "the vault to be empty")


# --------------------------------------------------------------------------------------------------------- how much


def test_thirty_short_associations_at_once_end_and_leave_no_thread(post: Post) -> None:
    body, name = instance()
    before = threading.active_count()

    def run() -> None:
        for _ in range(3):
            with Peer(post.port).associated() as peer:
                statuses.append(peer.store(body, name))
                assert peer.release() == RELEASED

    statuses: list[int] = []
    threads = [threading.Thread(target=run) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    quiet(post, 90)
    assert statuses == [SUCCESS] * 90
    wait_until(lambda: threading.active_count() <= before, "every thread to end")


@pytest.mark.parametrize("post_of", [True], indirect=True)  # pynetdicom joins the whole data set in memory
def test_what_the_fast_path_holds_in_memory_does_not_grow_with_the_instance(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each piece is written before the next is read, and none is longer than the buffer."""
    pieces: list[int] = []
    begin = post.vault.begin

    def watch() -> Any:
        incoming = begin()
        write = incoming.write
        incoming.write = lambda piece: (pieces.append(len(piece)), write(piece))  # type: ignore[method-assign,func-returns-value]
        return incoming

    monkeypatch.setattr(post.vault, "begin", watch)
    body, name = instance()
    body += element(0x7FE10010, "OB", bytes(20 * 1024 * 1024))
    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) == SUCCESS
    assert sum(pieces[1:]) == len(body)
    assert max(pieces) <= BUFFER_BYTES


def test_pynetdicom_as_sender_is_understood(post: Post) -> None:
    entity = AE(ae_title="MR2")
    entity.add_requested_context(CT, ExplicitVRLittleEndian)
    entity.add_requested_context(ECHO)
    association = entity.associate("127.0.0.1", post.port, ae_title="AVAL")
    dataset = dcmread(BytesIO(samples.to_file(samples.series("CT", slices=1)[0])))
    assert [association.send_c_store(dataset).Status for _ in range(2)] == [SUCCESS] * 2
    assert association.send_c_echo().Status == SUCCESS
    dataset.SOPInstanceUID = "1.2.3"
    assert association.send_c_store(dataset).Status == SUCCESS
    association.release()
    assert {str(dcmread(post.vault.path(a.source.digest)).SOPInstanceUID) for a in post.arrivals} >= {"1.2.3"}


def test_a_refusal_says_why_in_its_error_comment(post: Post) -> None:
    body, name = instance()
    with Peer(post.port).associated() as peer:
        peer.socket.sendall(data(1, 3, store_request(CT, name)) + data(1, 2, body[:-100]))
        _, answer = peer.receive()

    assert b"truncated " in answer
    assert name.encode() in answer
