"""Peers that take their time, or do not wait for their turn."""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.dicom.post import Post, instance, quiet
from tests.dicom.raw_peer import ABORTED, CT, REJECTED, RELEASED, Peer, data, pdu, store_request

PostOf = Callable[..., Post]


def dribble(peer: Peer, message: bytes, *, every_s: float) -> int:
    """Send ``message`` byte by byte until the other side hangs up; return how many bytes it took."""
    peer.socket.settimeout(every_s)
    for n, byte in enumerate(message):
        with suppress(TimeoutError):
            if not peer.socket.recv(1_000):
                return n
        with suppress(ConnectionError):
            peer.socket.sendall(bytes((byte,)))
            continue
        return n
    return len(message)


def test_a_request_that_comes_byte_by_byte_is_cut_off(post_of: PostOf) -> None:
    post = post_of(acse_timeout_s=0.5)
    with Peer(post.port) as peer:
        assert dribble(peer, pdu(1, bytes(1_000)), every_s=0.05) < 500

    assert post.ended == []


def test_an_instance_that_comes_byte_by_byte_is_cut_off_and_nobody_waits(
    post_of: PostOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = post_of()
    monkeypatch.setattr("dicom_adapters.associate.reception.PDU_S", 0.5)
    body, name = instance()
    with Peer(post.port).associated() as slow, Peer(post.port).associated() as other:
        slow.socket.sendall(data(1, 3, store_request(CT, name)))
        slow.socket.sendall(data(1, 2, body)[:20])
        time.sleep(0.1)
        assert other.store(body, name) == 0
        assert dribble(slow, data(1, 2, body)[20:], every_s=0.05) < 500

    assert len(post.arrivals) == 1


def test_a_peer_that_goes_on_before_it_was_let_in_ends_no_thread(post_of: PostOf) -> None:
    """A thread that ends with an exception fails this test (pytest turns it into an error); found by a fuzzer."""
    post = post_of()
    for _ in range(10):
        with Peer(post.port) as peer:
            peer.socket.sendall(peer.request() + pdu(2, peer.request()[6:]) + pdu(1, bytes(80)))
            while (kind := peer.receive()[0]) not in {0, ABORTED}:
                assert kind in {2, 3}

    with Peer(post.port).associated() as peer:
        assert peer.release() == RELEASED


@pytest.mark.parametrize("field", [0x2001, 0x2030, 0x0020, 0x8001, 0x0000])
def test_a_command_that_only_looks_like_a_store_ends_no_thread(post: Post, field: int) -> None:
    """0x2001 is written as 01 20, and 20 is the padding of text: found by a fuzzer."""
    request = store_request(CT, "1.2.3")
    mark = b"\0\0\0\x01\x02\0\0\0"
    assert mark in request
    wrong = request.replace(mark + b"\x01\0", mark + field.to_bytes(2, "little"))
    with Peer(post.port).associated() as peer:
        peer.socket.sendall(data(1, 3, wrong) + data(1, 2, b"1234"))
        assert peer.status() in {-ABORTED, 0}

    assert [code for _, code, _ in post.refused] == ["message-broken"]


@pytest.mark.parametrize(
    ("item", "becomes"),
    [
        (b"\x20\0", b"\x21\0"),
        (b"\x30\0", b"\x40\0"),
        (b"\x30\0", b"\x38\0"),
        (b"\x40\0", b"\x30\0"),
        (b"\x40\0", b"\x48\0"),
    ],
)
def test_a_request_without_a_context_or_its_syntaxes_ends_no_thread(post: Post, item: bytes, becomes: bytes) -> None:
    """A turned bit made another item of it, and ended pynetdicom's thread in the negotiation: found by a fuzzer."""
    with Peer(post.port) as peer:
        request = peer.request()
        at = request.index(item, 78)
        peer.socket.sendall(request[:at] + becomes + request[at + 2 :])
        assert peer.receive()[0] in {REJECTED, ABORTED, 0}

    with Peer(post.port).associated() as peer:
        assert peer.release() == RELEASED
    quiet(post, 1)
    assert len(post.ended) == 1
    assert {code for _, code, _ in post.refused} <= {"request-broken"}
