"""The listener: how a talk can end, and how much a peer may ask of us."""

import random
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.vault import SegmentVault
from dicom_adapters.associate.reception import COMMAND_BYTES_MAX, PDU_BYTES_MAX
from dicom_adapters.associate.refusals import REFUSALS
from dicom_adapters.listen.scp import Doors, Listener
from guarantee.errors import Unavailable
from tests.dicom import samples
from tests.dicom.post import OPTIONS, Post, dcmtk, instance, quiet
from tests.dicom.raw_peer import (
    ABORTED,
    CT,
    REJECTED,
    RELEASED,
    Peer,
    data,
    pdu,
    store_request,
)
from tests.dicom.samples import element
from tests.peers.base import wait_until

SUCCESS = 0x0000
RETRY_LATER = 0xA700
UNEXPECTED = 0xC210

PostOf = Callable[..., Post]


# ----------------------------------------------------------------------------------------------- how a talk can end


@pytest.mark.parametrize("how", ["release", "abort", "reset", "close", "mid-message"])
def test_a_conversation_ends_exactly_once_however_it_ends(post: Post, how: str) -> None:
    body, name = instance()
    peer = Peer(post.port).associated()
    assert peer.store(body, name) == SUCCESS
    match how:
        case "release":
            assert peer.release() == RELEASED
            peer.socket.close()
        case "abort":
            peer.abort()
            peer.socket.close()
        case "reset":
            peer.reset()
        case "close":
            peer.socket.close()
        case "mid-message":
            peer.socket.sendall(data(1, 3, store_request(CT, name)) + data(1, 0, body[:50]))
            peer.reset()

    quiet(post, 1)
    post.listener.stop()
    assert post.ended == [post.arrivals[0].conversation]
    assert len(post.arrivals) == 1


def test_a_silent_association_is_ended(post_of: PostOf) -> None:
    post = post_of(network_timeout_s=0.5)
    with Peer(post.port).associated() as peer:
        assert peer.status() == -ABORTED

    quiet(post, 1)
    assert len(post.ended) == 1


def test_a_rejected_association_is_no_conversation(post: Post) -> None:
    with Peer(post.port, calling="STRANGER") as peer:
        assert peer.associate()[0] == REJECTED
    post.listener.stop()

    assert post.ended == []


def test_the_end_of_a_conversation_that_cannot_be_recorded_harms_nobody(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.is_deaf = True
    body, name = instance()
    for _ in range(2):
        with Peer(post.port).associated() as peer:
            assert peer.store(body, name) == SUCCESS
            assert peer.release() == RELEASED
    post.listener.stop()

    assert [record.getMessage() for record in caplog.records].count("conversation.end-not-recorded") == 2


def test_stopping_lets_an_open_association_finish(post: Post) -> None:
    body, name = instance()
    with Peer(post.port).associated() as peer:
        stopping = threading.Thread(target=post.listener.stop)
        port = post.port
        stopping.start()
        wait_until(lambda: not _accepts(port), "the listener to stop accepting")
        assert peer.store(body, name) == SUCCESS
        assert peer.release() == RELEASED
        stopping.join(20)

    assert not stopping.is_alive()
    assert len(post.arrivals) == len(post.ended) == 1


def test_stopping_aborts_an_association_that_does_not_finish(post_of: PostOf) -> None:
    post = post_of(grace_s=0.2)
    with Peer(post.port).associated() as peer:
        post.listener.stop()
        assert peer.status() == -ABORTED

    assert len(post.ended) == 1


def test_a_listener_that_cannot_bind_says_so(post: Post) -> None:
    doors = Doors(receive=print, hang_up=print, turn_away=print)
    second = Listener(replace(OPTIONS, port=post.port), post.vault, doors)

    with pytest.raises(Unavailable, match="cannot listen on 127"):
        second.start()
    with pytest.raises(Unavailable, match="not been started"):
        second.port  # noqa: B018
    second.stop()


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# ------------------------------------------------------------------------------------------------------------- limits


def test_a_pdu_longer_than_any_is_not_read(post: Post) -> None:
    body, name = instance()
    with Peer(post.port).associated() as peer:
        peer.socket.sendall(pdu(4, b"\0" * 64, length=PDU_BYTES_MAX + 1))
        assert peer.status() <= 0
    with Peer(post.port) as peer:
        peer.socket.sendall(pdu(1, b"\0" * 64, length=0xFFFFFFFF))
        assert peer.receive()[0] in {0, ABORTED}

    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) == SUCCESS


def test_an_instance_that_is_too_large_is_refused_and_the_association_goes_on(post_of: PostOf) -> None:
    post = post_of(instance_bytes_max=200_000)
    body, name = instance()
    with Peer(post.port).associated() as peer:
        assert peer.store(body + bytes(380_000), name) == REFUSALS["instance-too-large"]
        assert peer.store(body, name) == SUCCESS

    assert [refused[1] for refused in post.refused] == ["instance-too-large"]


def test_an_instance_without_end_is_aborted(post_of: PostOf) -> None:
    post = post_of(instance_bytes_max=200_000)
    body, name = instance()
    with Peer(post.port).associated() as peer:
        peer.socket.sendall(data(1, 3, store_request(CT, name)) + data(1, 0, bytes(1_000_000)))
        assert peer.status() == -ABORTED

    assert [refused[1] for refused in post.refused] == ["message-too-large"]
    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) == SUCCESS


def test_a_command_without_end_is_aborted(post: Post) -> None:
    with Peer(post.port).associated() as peer:
        peer.socket.sendall(data(1, 1, bytes(3 * COMMAND_BYTES_MAX), chunk=16_000))
        assert peer.status() == -ABORTED

    assert [refused[1] for refused in post.refused] == ["message-too-large"]


def test_what_all_associations_receive_together_is_limited(post_of: PostOf) -> None:
    post = post_of(receiving_bytes_max=300_000)
    large, name = instance(ImageComments="x" * 10)
    large += element(0x7FE10010, "OB", bytes(250_000))
    with Peer(post.port).associated() as first, Peer(post.port).associated() as second:
        request = data(1, 3, store_request(CT, name))
        first.socket.sendall(request + data(1, 0, large[:220_000], chunk=50_000))
        assert second.store(large, name) in {RETRY_LATER, SUCCESS}
        first.socket.sendall(data(1, 2, large[220_000:], chunk=20_000))
        assert first.status() in {RETRY_LATER, SUCCESS}
        codes = [refused[1] for refused in post.refused]
        assert codes
        assert set(codes) == {"listener-full"}
        assert second.store(large, name) == SUCCESS


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x01",
        pdu(1, b"\xff" * 500),
        pdu(1, b"", length=300),
        pdu(4, b"\0\0\0\xff"),
        pdu(9, b"1234"),
        b"\xff" * 100,
    ],
)
def test_noise_harms_nobody(post: Post, noise: bytes) -> None:
    with Peer(post.port) as peer:
        peer.socket.sendall(noise)

    assert dcmtk("echoscu", "-aet", "MR2", "-aec", "AVAL", "127.0.0.1", str(post.port)) == 0


@pytest.mark.parametrize(
    "noise",
    [
        data(7, 3, store_request(CT, "1.2")) + data(7, 2, b"1234"),
        data(1, 3, b"\xff" * 40),
        data(1, 3, b""),
        data(1, 3, store_request(CT, "1.2").replace(b"\0\0\0\x01\x02\0\0\0\x01\0", b"\0\0\0\x01\x02\0\0\0\x20\0")),
        data(1, 3, store_request(CT, "1.2")) + data(1, 3, store_request(CT, "1.2")),
        data(1, 2, b"no command before"),
        pdu(4, b"\0\0\0\x02\x01"),
        pdu(4, b"\xff\xff\xff\xff\x01\x03"),
        pdu(4, b"\0\0\0\x01\x01"),
        pdu(2, b"\0" * 20),
    ],
)
def test_noise_inside_an_association_harms_nobody_else(post: Post, noise: bytes) -> None:
    body, name = instance()
    with Peer(post.port).associated() as other:
        with Peer(post.port).associated() as peer:
            peer.socket.sendall(noise)
            assert peer.status() in {-ABORTED, 0}
        assert other.store(body, name) == SUCCESS


def test_a_stream_of_mutated_messages_ends_no_thread_and_keeps_nothing_wrong(post: Post) -> None:
    """A thread that ends with an exception fails this test (pytest turns it into an error)."""
    chance = random.Random(20261122)
    body, name = instance()
    stream = data(1, 3, store_request(CT, name)) + data(1, 2, body, chunk=1_000)
    for _ in range(60):
        noise = bytearray(stream)
        for _ in range(chance.choice((1, 2, 5))):
            at = chance.randrange(0, 400 if chance.random() < 0.8 else len(noise))
            noise[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(4))
        with Peer(post.port).associated() as peer:
            with suppress(OSError):  # cut off before the end
                peer.socket.sendall(bytes(noise))
            peer.abort()

    wait_until(lambda: len(post.ended) == 60, "the end of sixty conversations")
    assert {arrival.source.uid for arrival in post.arrivals} <= {name}
    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) == SUCCESS


def test_a_peer_that_never_speaks_is_left(post_of: PostOf) -> None:
    post = post_of(acse_timeout_s=0.3)
    with Peer(post.port) as peer:
        assert peer.receive()[0] in {0, ABORTED}

    assert post.ended == []


def test_too_many_connections_are_closed_at_once(post_of: PostOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom_adapters.listen.scp.SPARE_CONNECTIONS", 0)
    post = post_of(associations_max=1)
    with Peer(post.port).associated(), Peer(post.port) as second:
        assert second.associate() == (0, b"")

    wait_until(lambda: bool(post.refused), "the record of a closed connection")
    assert post.refused[0][:2] == ("unknown", "too-many-connections")


def test_below_the_reserve_of_the_vault_nothing_is_taken(post: Post) -> None:
    body, name = instance()
    with Peer(post.port).associated() as peer:
        post.vault._reserve_bytes = 2**60
        assert peer.store(body, name) == RETRY_LATER
        post.vault._reserve_bytes = 0
        assert peer.store(body, name) == SUCCESS

    assert [refused[:2] for refused in post.refused] == [("mr-2", "storage-low")]


def test_a_vault_of_segments_takes_instances_as_they_come(tmp_path: Path) -> None:
    vault = SegmentVault(tmp_path / "vault", segment_bytes=1024**2, room_bytes=64 * 1024)
    vault.pool.catch_up()
    post = Post(OPTIONS, vault)
    large = element(0x7FE10010, "OB", bytes(2 * 1024**2))
    sent = [instance(n) for n in range(3)]
    sent[1] = (sent[1][0] + large, sent[1][1])
    with Peer(post.port).associated() as peer:
        assert [peer.store(*each) for each in sent] == [SUCCESS] * 3
    post.listener.stop()

    kept = [samples.data_set_of(vault.get(arrival.source.digest)) for arrival in post.arrivals]
    assert kept == [body for body, _ in sent]
    are_records = [vault.place(arrival.source.digest).is_symlink() for arrival in post.arrivals]
    assert are_records == [True, False, True], "what is larger than a segment is a file"
