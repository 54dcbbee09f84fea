"""The listener, talked to by DCMTK, by pynetdicom and byte by byte."""

import logging
import random
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from dicom_adapters.admission import Sender
from dicom_adapters.reception import COMMAND_BYTES_MAX, PDU_BYTES_MAX
from dicom_adapters.scp import REFUSALS, Doors, Listener
from dicom_adapters.uids import IMPLEMENTATION_CLASS_UID
from guarantee.errors import Unavailable
from guarantee.ids import digest
from guarantee.unit import Arrival
from tests.dicom import samples
from tests.dicom.post import OPTIONS, Post
from tests.dicom.raw_peer import (
    ABORTED,
    CT,
    ECHO,
    REJECTED,
    RELEASED,
    Peer,
    data,
    pdu,
    store_request,
)
from tests.dicom.samples import element, implicit
from tests.peers.base import PeerMissing, program, wait_until

SUCCESS = 0x0000
RETRY_LATER = 0xA700
UNEXPECTED = 0xC210

PostOf = Callable[..., Post]


def dcmtk(name: str, *arguments: str) -> int:
    """Run one of DCMTK's tools as sender MR2 and return its status."""
    try:
        tool = program(name)
    except PeerMissing as reason:
        pytest.skip(str(reason))
    return subprocess.run([tool, *arguments], capture_output=True, timeout=60, check=False).returncode


def send(post: Post, folder: Path, *flags: str, calling: str = "MR2") -> int:
    return dcmtk("dcmsend", "-aet", calling, "-aec", "AVAL", *flags, "127.0.0.1", str(post.port), "+sd", str(folder))


def put_files(folder: Path, files: list[bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for n, file in enumerate(files):
        (folder / f"{n:03}.dcm").write_bytes(file)
    return folder


def instance(n: int = 0, **changes: object) -> tuple[bytes, str]:
    """Return the data set and the name of one CT image."""
    dataset = samples.series("CT", slices=n + 1)[n]
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return samples.data_set_of(samples.to_file(dataset)), str(dataset.SOPInstanceUID)


def quiet(post: Post, conversations: int) -> None:
    """Wait until so many conversations have ended."""
    wait_until(lambda: len(post.ended) >= conversations, "the end of a conversation")


# --------------------------------------------------------------------------------------------------- what is accepted


def test_a_verification_is_answered(post: Post) -> None:
    assert dcmtk("echoscu", "-aet", "MR2", "-aec", "AVAL", "127.0.0.1", str(post.port)) == 0
    quiet(post, 1)
    assert (post.arrivals, post.refused) == ([], [])


def test_a_series_sent_by_dcmtk_is_kept_as_it_was_sent(post: Post, tmp_path: Path) -> None:
    files = samples.to_files(samples.series("CT", slices=10))

    assert send(post, put_files(tmp_path / "ct", files)) == 0

    quiet(post, 1)
    kept = {a.source.uid: post.vault.get(a.source.digest) for a in post.arrivals}
    sent = {samples.uid("instance", "1", 1, n): file for n, file in enumerate(files)}
    assert {uid: samples.data_set_of(file) for uid, file in kept.items()} == {
        uid: samples.data_set_of(file) for uid, file in sent.items()
    }
    assert {(a.site, a.sender, a.source.group) for a in post.arrivals} == {
        ("chu", "mr-2", samples.uid("series", "1", 1))
    }
    assert {a.conversation for a in post.arrivals} == set(post.ended)
    assert post.refused == []


def test_the_file_that_is_kept_is_a_valid_one(post: Post) -> None:
    body, name = instance()
    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) == SUCCESS

    kept = pydicom.dcmread(BytesIO(post.vault.get(post.arrivals[0].source.digest)))

    assert kept.file_meta.MediaStorageSOPClassUID == CT
    assert kept.file_meta.MediaStorageSOPInstanceUID == name
    assert kept.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert kept.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert kept.file_meta.FileMetaInformationVersion == b"\0\1"
    assert kept.file_meta.FileMetaInformationGroupLength + 144 == len(post.vault.get(digest_of(post))) - len(body)
    assert kept.pixel_array.shape == (36, 44)


def digest_of(post: Post) -> str:
    return post.arrivals[0].source.digest


def test_the_same_instance_twice_is_the_same_bytes(post: Post) -> None:
    body, name = instance()
    for calling in ("MR2", "PACS"):
        with Peer(post.port, calling=calling).associated() as peer:
            assert peer.store(body, name) == SUCCESS

    assert len(post.arrivals) == 2
    assert len({arrival.source.digest for arrival in post.arrivals}) == 1


@pytest.mark.parametrize(
    ("syntax", "flag"),
    [
        (ExplicitVRLittleEndian, "-xe"),
        (ImplicitVRLittleEndian, "-xi"),
        (ExplicitVRBigEndian, "-xb"),
        (RLELossless, "-xr"),
        (JPEGLSLossless, "-xt"),
        (JPEG2000Lossless, "-xv"),
    ],
)
def test_every_transfer_syntax_is_kept_as_it_is(post: Post, tmp_path: Path, syntax: str, flag: str) -> None:
    folder = put_files(tmp_path / "in", samples.to_files(samples.series("MR", slices=2), syntax))

    status = dcmtk(
        "storescu", flag, "-aet", "MR2", "-aec", "AVAL", "127.0.0.1", str(post.port), "+sd", str(folder), "+r"
    )

    assert status == 0
    assert [arrival.facts["TransferSyntaxUID"] for arrival in post.arrivals] == [{syntax}] * 2
    kept = [pydicom.dcmread(BytesIO(post.vault.get(a.source.digest))) for a in post.arrivals]
    shown = {str(dataset.SOPInstanceUID): dataset.pixel_array.tolist() for dataset in kept}
    expected = samples.pixels(2, 36, 44)
    assert shown == {samples.uid("instance", "1", 1, n): expected[n].tolist() for n in range(2)}


def test_explicit_vr_is_chosen_when_the_sender_offers_both(post: Post) -> None:
    offer = [(CT, (ImplicitVRLittleEndian, ExplicitVRLittleEndian))]
    with Peer(post.port, contexts=offer) as peer:
        _, body = peer.associate()

    assert ExplicitVRLittleEndian.encode() in body
    assert ImplicitVRLittleEndian.encode() + b"\0" not in body


@pytest.mark.parametrize(("allowed", "result"), [(False, 4), (True, 0)])
def test_a_deflated_syntax_is_negotiated_only_when_allowed(post_of: PostOf, *, allowed: bool, result: int) -> None:
    post = post_of(allow_deflated=allowed)
    with Peer(post.port, contexts=[(CT, (DeflatedExplicitVRLittleEndian,))]) as peer:
        _, body = peer.associate()

    at = body.index(b"\x21\0", 74)
    assert body[at + 6] == result  # PS3.8, 9.3.3.2


def test_many_associations_at_once_lose_nothing(post: Post) -> None:
    def run(sender: int) -> None:
        with Peer(post.port).associated() as peer:
            for n in range(4):
                body, _ = instance(SOPInstanceUID=f"1.2.{sender}.{n}")
                statuses.append(peer.store(body, f"1.2.{sender}.{n}"))
            assert peer.release() == RELEASED

    statuses: list[int] = []
    threads = [threading.Thread(target=run, args=(sender,)) for sender in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    quiet(post, 10)
    assert statuses == [SUCCESS] * 40
    assert {a.source.uid for a in post.arrivals} == {f"1.2.{s}.{n}" for s in range(10) for n in range(4)}
    assert len({a.conversation for a in post.arrivals}) == 10


# ------------------------------------------------------------------------------------------- what success is worth


def test_success_is_said_only_after_the_row_is_committed(post: Post) -> None:
    begun, may_commit = threading.Event(), threading.Event()

    def commit(arrival: Arrival) -> None:
        assert post.vault.has(arrival.source.digest), "the bytes come before the row"
        begun.set()
        assert may_commit.wait(20)

    post.on_receive = commit
    body, name = instance()
    with Peer(post.port).associated() as peer:
        peer.socket.sendall(data(1, 3, store_request(CT, name)) + data(1, 2, body))
        assert begun.wait(20)
        peer.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            peer.socket.recv(1)
        peer.socket.settimeout(20)
        may_commit.set()
        assert peer.status() == SUCCESS


def test_a_database_that_does_not_answer_means_send_again(post: Post) -> None:
    def fail(arrival: Arrival) -> None:
        raise Unavailable("database", "the database does not answer")

    post.on_receive = fail
    body, name = instance()
    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) == RETRY_LATER
        post.on_receive = lambda arrival: None
        assert peer.store(body, name) == SUCCESS

    assert post.refused == [("mr-2", "database", "the database does not answer")]


def test_a_full_disk_means_send_again(post: Post, tmp_path: Path) -> None:
    (tmp_path / "vault-0" / "incoming").rmdir()
    (tmp_path / "vault-0" / "incoming").write_bytes(b"no folder: every write fails")
    body, name = instance()
    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) == RETRY_LATER

    assert post.arrivals == []
    assert post.refused[0][1] in {"vault", "resources"}


def test_an_unexpected_error_is_a_failure_that_is_recorded_without_its_text(post: Post) -> None:
    def fail(arrival: Arrival) -> None:
        raise KeyError(arrival.patient.name)

    post.on_receive = fail
    body, name = instance()
    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) == UNEXPECTED
        assert peer.release() == RELEASED

    ((sender, code, detail),) = post.refused
    assert (sender, code) == ("mr-2", "unexpected")
    assert detail.startswith("KeyError in fail, line ")


def test_a_refusal_stands_when_it_cannot_be_recorded(post: Post) -> None:
    post.is_deaf = True
    body, name = instance()
    with Peer(post.port).associated() as peer:
        assert peer.store(body, "1.2.3") == REFUSALS["class-mismatch"]
        assert peer.store(body, name) == SUCCESS

    assert post.refused == []


def test_an_association_that_was_never_admitted_keeps_nothing(post_of: PostOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """pynetdicom goes on negotiating when the handler that should reject raises."""

    def fail(*_: object) -> None:
        raise ValueError("no rule can be read")

    monkeypatch.setattr(Listener, "_admit", fail)
    post = post_of()
    body, name = instance()
    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) == 0x0124  # refused: not authorised

    assert (post.arrivals, post.ended) == ([], [])


# --------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("uid-missing", b""),
        ("uid-missing", element(0x00090010, "LO", b"ACME")),
        ("truncated", instance()[0][:-100]),
        ("broken", implicit(0xFFFEE00D, b"") + bytes(32)),
        ("stray-group", element(0x00020010, "UI", b"1.2.840.10008.1.2.4.50") + instance()[0]),
        ("repeated-element", element(0x00100020, "LO", b"OTHER-ID") + instance()[0]),
        (
            "too-deep",
            (element(0x0040A730, "SQ", b"", length=0xFFFFFFFF) + implicit(0xFFFEE000, b"", length=0xFFFFFFFF)) * 5_000,
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_and_the_association_goes_on(post: Post, code: str, body: bytes) -> None:
    good, name = instance()
    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) == REFUSALS[code]
        assert peer.store(good, name) == SUCCESS
        assert peer.release() == RELEASED

    assert [refused[:2] for refused in post.refused] == [("mr-2", code)]
    assert len(post.arrivals) == 1


def test_a_data_set_that_is_not_the_announced_instance_is_refused(post: Post) -> None:
    body, name = instance()
    mr = str(samples.CLASSES["MR"])
    contexts = [(CT, (ExplicitVRLittleEndian,)), (mr, (ExplicitVRLittleEndian,))]
    with Peer(post.port, contexts=contexts).associated() as peer:
        assert peer.store(body, "1.2.3") == REFUSALS["class-mismatch"]
        assert peer.store(body, name, sop_class_uid=mr, context=3) == REFUSALS["class-mismatch"]
        assert peer.store(body, name, sop_class_uid=CT, context=3) == REFUSALS["class-mismatch"]

    assert post.arrivals == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "1.2.x", "1..2", "1.2\n3"])
def test_an_announced_name_that_is_no_uid_is_refused(post: Post, name: str) -> None:
    body, good = instance()
    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) == REFUSALS["uid-form"]
        assert peer.store(body, good) == SUCCESS


@pytest.mark.parametrize("name", ["", "1." + "2" * 80, "1.2.é"])
def test_an_announced_name_that_pynetdicom_cannot_read_harms_nobody(post: Post, name: str) -> None:
    body, good = instance()
    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) in {-ABORTED, REFUSALS["uid-form"]}

    with Peer(post.port).associated() as peer:
        assert peer.store(body, good) == SUCCESS
    assert len(post.arrivals) == 1


# ------------------------------------------------------------------------------------------------------ who may call


@pytest.mark.parametrize(
    ("calling", "called", "answer", "code"),
    [
        ("STRANGER", "AVAL", b"\1\1\3", "calling-aet-unknown"),
        ("mr2", "AVAL", b"\1\1\3", "calling-aet-unknown"),
        ("MR2", "OTHER", b"\1\1\7", "called-aet-unknown"),
    ],
)
def test_a_stranger_is_rejected_and_recorded(post: Post, calling: str, called: str, answer: bytes, code: str) -> None:
    with Peer(post.port, calling=calling, called=called) as peer:
        assert peer.associate() == (REJECTED, b"\0" + answer)

    wait_until(lambda: bool(post.refused), "the record of a rejection")
    assert [refused[1] for refused in post.refused] == [code]
    assert "127.0.0.1" in post.refused[0][2]


def test_a_sender_is_rejected_from_another_network(post_of: PostOf) -> None:
    post = post_of(senders={"MR2": Sender(name="mr-2", networks=("10.2.0.0/16", "192.0.2.4"))})
    with Peer(post.port) as peer:
        assert peer.associate() == (REJECTED, b"\0\1\1\3")

    wait_until(lambda: bool(post.refused), "the record of a rejection")
    assert post.refused[0][:2] == ("mr-2", "address-unknown")


def test_a_network_that_is_written_wrong_lets_nobody_in(post_of: PostOf) -> None:
    post = post_of(senders={"MR2": Sender(name="mr-2", networks=("10.2.0.0/99",))})
    with Peer(post.port) as peer:
        assert peer.associate() == (REJECTED, b"\0\1\1\1")

    wait_until(lambda: bool(post.refused), "the record of a rejection")
    assert post.refused[0][1] == "unexpected"


def test_a_stranger_is_let_in_under_its_own_name_where_that_is_wanted(post_of: PostOf) -> None:
    post = post_of(accept_unknown=True, require_called_aet=False)
    body, name = instance()
    with Peer(post.port, calling="STRANGER", called="WHATEVER").associated() as peer:
        assert peer.store(body, name) == SUCCESS

    assert post.arrivals[0].sender == "unknown:STRANGER"


def test_one_association_too_many_is_rejected_for_now(post_of: PostOf) -> None:
    post = post_of(associations_max=1)
    with Peer(post.port).associated() as first:
        with Peer(post.port) as second:
            assert second.associate() == (REJECTED, b"\0\2\3\2")
        assert first.release() == RELEASED
    quiet(post, 1)
    with Peer(post.port).associated():
        pass

    assert [refused[:2] for refused in post.refused] == [("mr-2", "too-many-associations")]


def test_pynetdicom_itself_sees_a_rejection(post: Post) -> None:
    entity = AE(ae_title="STRANGER")
    entity.add_requested_context(Verification)

    association = entity.associate("127.0.0.1", post.port, ae_title="AVAL")

    assert association.is_rejected


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
    monkeypatch.setattr("dicom_adapters.scp.SPARE_CONNECTIONS", 0)
    post = post_of(associations_max=1)
    with Peer(post.port).associated(), Peer(post.port) as second:
        assert second.associate() == (0, b"")

    wait_until(lambda: bool(post.refused), "the record of a closed connection")
    assert post.refused[0][:2] == ("unknown", "too-many-connections")


# ------------------------------------------------------------------------------------------------------------ silence


def test_nothing_of_the_patient_reaches_a_log_or_a_record(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    canaries = {"PatientName": "CANARI^Léa", "PatientID": "CANARI-77", "StudyInstanceUID": "1.2.7777"}
    body, name = instance(**canaries, StudyDescription="CANARI étude")

    def fail(arrival: Arrival) -> None:
        raise ValueError(arrival.patient.name)

    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) == SUCCESS
        assert peer.store(body, name + ".1") == REFUSALS["class-mismatch"]
        assert peer.store(body[:-50], name) == REFUSALS["truncated"]
        post.on_receive = fail
        assert peer.store(body, name) == UNEXPECTED
        peer.release()
    with Peer(post.port, calling="STRANGER") as peer:
        peer.associate()
    post.listener.stop()

    said = "\n".join([*(f"{r.getMessage()} {r.__dict__}" for r in caplog.records), *map(str, post.refused)])
    assert len(post.refused) == 4
    for secret in ("CANARI", "7777", name):
        assert secret not in said


def test_the_digest_of_an_arrival_is_that_of_the_kept_bytes(post: Post) -> None:
    body, name = instance()
    with Peer(post.port).associated() as peer:
        assert peer.store(body, name) == SUCCESS

    assert digest(post.vault.get(digest_of(post))) == digest_of(post)


def test_the_echo_context_takes_no_instances(post: Post) -> None:
    with Peer(post.port, contexts=[(ECHO, (ExplicitVRLittleEndian,))]).associated() as peer:
        body, name = instance()
        assert peer.store(body, name) != SUCCESS

    assert post.arrivals == []


@pytest.mark.parametrize(
    ("networks", "address", "may"),
    [
        ((), "203.0.113.9", True),
        (("10.2.0.0/16",), "10.2.3.4", True),
        (("10.2.0.0/16",), "10.3.3.4", False),
        (("10.2.0.1/16",), "10.2.3.4", True),
        (("10.9.1.4",), "10.9.1.4", True),
        (("10.2.0.0/16",), "::ffff:10.2.3.4", True),
        (("fd00::/8",), "fd00::1%eth0", True),
        (("10.2.0.0/16", "fd00::/8"), "fe80::1", False),
    ],
)
def test_a_sender_may_call_from_its_networks(networks: tuple[str, ...], address: str, *, may: bool) -> None:
    assert Sender(name="mr-2", networks=networks).may_call_from(address) is may
