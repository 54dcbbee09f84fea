"""The listener, talked to by DCMTK, by pynetdicom and byte by byte."""

import logging
import threading
from collections.abc import Callable
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

from dicom_adapters.associate.refusals import REFUSALS
from dicom_adapters.listen.scp import Listener
from dicom_adapters.uids import IMPLEMENTATION_CLASS_UID
from guarantee.errors import Unavailable
from guarantee.ids import digest
from guarantee.unit import Arrival
from tests.dicom import samples
from tests.dicom.post import Post, dcmtk, instance, quiet
from tests.dicom.raw_peer import (
    ABORTED,
    CT,
    ECHO,
    RELEASED,
    Peer,
    data,
    store_request,
)
from tests.dicom.samples import element, implicit

SUCCESS = 0x0000
RETRY_LATER = 0xA700
UNEXPECTED = 0xC210

PostOf = Callable[..., Post]


def send(post: Post, folder: Path, *flags: str, calling: str = "MR2") -> int:
    return dcmtk("dcmsend", "-aet", calling, "-aec", "AVAL", *flags, "127.0.0.1", str(post.port), "+sd", str(folder))


def put_files(folder: Path, files: list[bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for n, file in enumerate(files):
        (folder / f"{n:03}.dcm").write_bytes(file)
    return folder


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
    for secret in ("CANARI", "1.2.7777", name):
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
