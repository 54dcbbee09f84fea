"""A vault in an object store: what counts as kept, what is read back, and a line that fails in between."""

import base64
import hashlib
import os
import socket
import time
from dataclasses import replace
from typing import Final

import pytest

from bridge.vault import ObjectVault, multipart
from bridge.vault.body import Body
from bridge.vault.bucket import PAUSES_S
from guarantee.errors import BlobMissing, Malformed, Unavailable
from guarantee.ids import Digest
from tests.bridge.store_proxy import Fault, StoreProxy
from tests.bridge.stores import PART, Make
from tests.bridge.test_vault import ABSENT, objects_in
from tests.dicom.post import OPTIONS, Post, instance
from tests.dicom.raw_peer import Peer
from tests.peers.seaweedfs import SeaweedFS

pytestmark = pytest.mark.peer("seaweedfs")

LARGE: Final = bytes(range(256)) * (PART // 256) * 2 + b"and a last part"

SUCCESS: Final = 0x0000
RETRY_LATER: Final = 0xA700

BUSY: Final = Fault(method="PUT", forward=False, status=503)


def put_by_hand(vault: ObjectVault, name: Digest, data: bytes) -> None:
    """Write other bytes under a name, as an accident in the store would."""
    vault.bucket.put(vault.key(name), Body.of(data), only_new=False)


# ---------------------------------------------------------------------------------------------------- what is kept


def test_two_machines_that_share_no_disk_hold_the_same_blobs(make: Make, store: SeaweedFS) -> None:
    one, other = make(store.endpoint), make(store.endpoint)
    name = one.put(b"bytes")
    assert (other.has(name), other.get(name), other.path(name).read_bytes()) == (True, b"bytes", b"bytes")
    assert name in str(other.path(name))


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 63 + "\n"])
def test_no_name_from_outside_becomes_a_key(near: ObjectVault, name: str) -> None:
    for ask in (near.get, near.has, near.path, near.holds):
        with pytest.raises(Malformed):
            ask(Digest(name))


def test_a_blob_that_the_store_lost_is_missing(near: ObjectVault, make: Make, store: SeaweedFS) -> None:
    name = near.put(b"bytes")
    assert near.bucket.delete(near.key(name)).status == 204
    assert not near.has(name)
    for ask in (near.get, near.path):
        with pytest.raises(BlobMissing, match="blob-missing"):
            ask(name)


def test_a_blob_that_changed_in_the_store_is_missing_and_replaced_when_it_comes_again(
    near: ObjectVault, make: Make, store: SeaweedFS
) -> None:
    name = near.put(b"pixels")
    put_by_hand(near, name, b"pixelz")
    assert not near.holds(name)
    with pytest.raises(BlobMissing, match="blob-damaged"):
        near.get(name)
    incoming = near.begin()
    incoming.write(b"pixels")
    assert incoming.keep() == name
    assert make(store.endpoint).get(name) == b"pixels"


def test_an_object_is_written_once_and_the_same_bytes_again_are_only_looked_at(
    far: ObjectVault, line: StoreProxy
) -> None:
    far.put(b"bytes")
    line.seen.clear()
    far.put(b"bytes")
    assert line.seen == ["PUT", "GET"], "refused by its condition, then compared"


def test_a_store_without_conditions_is_written_to_without_them(far: ObjectVault, line: StoreProxy) -> None:
    line.faults.append(Fault(method="PUT", forward=False, status=501, condition=True))
    assert far.get(far.put(b"bytes")) == b"bytes"
    line.seen.clear()
    far.put(b"others")
    assert line.seen == ["PUT"], "it is not asked twice"


# -------------------------------------------------------------------------------------------------- a line that fails


@pytest.mark.parametrize(
    "fault",
    [
        BUSY,
        Fault(method="PUT", request_bytes=100_000),
        Fault(method="PUT", lost=True),
        Fault(method="PUT", damage=True),
    ],
    ids=["busy", "cut in the middle of the body", "the answer is lost", "a byte changes on the way"],
)
def test_what_fails_once_is_sent_again(far: ObjectVault, near: ObjectVault, line: StoreProxy, fault: Fault) -> None:
    line.faults.append(fault)
    data = b"x" * 300_000
    assert near.get(far.put(data)) == data
    assert line.seen.count("PUT") == 2


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (BUSY, "503 SlowDown"),
        (Fault(method="PUT", forward=False, status=500), "500"),
        (Fault(method="PUT", request_bytes=0), "cut the line"),
        (Fault(method="PUT", damage=True), "BadDigest"),
    ],
)
def test_what_fails_again_and_again_is_unavailable_and_not_kept(
    far: ObjectVault, near: ObjectVault, line: StoreProxy, fault: Fault, says: str
) -> None:
    line.faults += [fault] * len(PAUSES_S)
    incoming = far.begin()
    incoming.write(b"absent")
    with pytest.raises(Unavailable, match=says):
        incoming.keep()
    incoming.discard()
    assert line.seen == ["PUT"] * len(PAUSES_S)
    assert not near.has(ABSENT)


def test_a_store_that_does_not_answer_is_waited_for_no_longer_than_is_said(make: Make, line: StoreProxy) -> None:
    vault = make(line.endpoint, bucket={"answer_s": 0.2})
    line.faults += [Fault(method="PUT", forward=False, silent=True)] * len(PAUSES_S)
    with pytest.raises(Unavailable, match="did not answer in time"):
        vault.put(b"bytes")


def test_a_body_that_drips_in_is_waited_for_no_longer_than_its_size_allows() -> None:
    from bridge.vault.bucket import timely

    pieces = timely(iter([b"a", b"b"]), time.monotonic() - 1)
    with pytest.raises(Exception, match="slowest transfer"):
        list(pieces)


def test_a_store_that_nobody_reaches_is_unavailable(make: Make) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        vault = make(f"http://127.0.0.1:{nobody.getsockname()[1]}")
        for ask in (vault.get, vault.has, vault.path, vault.holds):
            with pytest.raises(Unavailable, match="not reached"):
                ask(ABSENT)
        with pytest.raises(Unavailable):
            vault.put(b"bytes")


@pytest.mark.parametrize(
    "fault",
    [Fault(method="GET", answer_bytes=1000), Fault(method="GET", edit=lambda data: b"y" + data[1:])],
    ids=["cut in the middle", "a byte changes on the way"],
)
def test_a_read_that_went_wrong_once_is_made_again(
    far: ObjectVault, near: ObjectVault, line: StoreProxy, fault: Fault
) -> None:
    data = b"x" * 300_000
    name = near.put(data)
    line.faults.append(fault)
    assert far.get(name) == data
    assert line.seen == ["GET"] * 2


def test_a_read_that_is_always_cut_is_unavailable_and_leaves_nothing(
    far: ObjectVault, near: ObjectVault, line: StoreProxy
) -> None:
    name = near.put(b"x" * 300_000)
    line.faults += [Fault(method="GET", answer_bytes=1000)] * len(PAUSES_S)
    with pytest.raises(Unavailable, match="cut the line"):
        far.get(name)
    assert [path for path in far._root.rglob("*") if path.is_file()] == []


def test_a_store_that_confirms_other_bytes_has_kept_nothing(far: ObjectVault, line: StoreProxy) -> None:
    from bridge.vault.bucket import Answer, require_same

    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    with pytest.raises(Unavailable, match="other bytes"):
        require_same(Answer(status=200, headers={"x-amz-checksum-sha256": other}), Body.of(b"bytes"))


@pytest.mark.parametrize("fast", [True, False])
def test_an_image_is_taken_when_the_store_has_confirmed_it_and_is_to_be_sent_again_otherwise(
    far: ObjectVault, near: ObjectVault, line: StoreProxy, *, fast: bool
) -> None:
    post = Post(replace(OPTIONS, fast=fast), far)
    body, name = instance()
    try:
        with Peer(post.port).associated() as peer:
            line.faults += [BUSY] * len(PAUSES_S)
            assert peer.store(body, name) == RETRY_LATER
            assert post.arrivals == []
            assert peer.store(body, name) == SUCCESS
    finally:
        post.listener.stop()
    (arrival,) = post.arrivals
    assert near.holds(arrival.source.digest)
    assert [refused[:2] for refused in post.refused] == [("mr-2", "vault")]


# ----------------------------------------------------------------------------------------------------------- in parts


def test_what_is_large_is_sent_in_parts_and_once(far: ObjectVault, near: ObjectVault, line: StoreProxy) -> None:
    incoming = far.begin()
    for start in range(0, len(LARGE), 1 << 20):
        incoming.write(LARGE[start : start + (1 << 20)])
    name = incoming.keep()
    assert line.seen == ["GET", "POST", "PUT", "PUT", "PUT", "POST", "HEAD"]
    assert near.holds(name)
    line.seen.clear()
    assert far.put(LARGE) == name
    assert line.seen == ["GET"]


def test_a_part_that_changes_on_the_way_is_sent_again(far: ObjectVault, near: ObjectVault, line: StoreProxy) -> None:
    line.faults += [Fault(method="PUT", damage=True), Fault(method="PUT", request_bytes=PART // 2)]
    assert near.holds(far.put(LARGE))
    assert line.seen.count("PUT") == 5


@pytest.mark.parametrize("lost", [True, False], ids=["the answer is lost", "an error behind a 200"])
def test_a_completion_is_believed_for_what_it_brought_about(
    far: ObjectVault, near: ObjectVault, line: StoreProxy, *, lost: bool
) -> None:
    first = Fault(method="POST")
    last = Fault(method="POST", lost=True) if lost else Fault(method="POST", forward=False, status=200)
    line.faults += [first, last]
    if lost:
        assert near.holds(far.put(LARGE))
        return
    with pytest.raises(Unavailable, match="SlowDown"):
        far.put(LARGE)
    assert list(multipart.unfinished(near.bucket, near.prefix)) == [], "given up"


def test_uploads_that_a_crash_left_are_given_up_in_time(near: ObjectVault, make: Make, store: SeaweedFS) -> None:
    other = make(store.endpoint, prefix="somebody-else/")
    for vault in (near, other):
        assert vault.bucket.ask("POST", vault.key(ABSENT), query=[("uploads", "")]).status == 200
    (left,) = multipart.unfinished(near.bucket, near.prefix)
    assert near.sweep(600, left.begun_at.timestamp() + 3600) == 0, "it may still be on its way"
    assert near.sweep(600, left.begun_at.timestamp() + 90_000) == 1
    assert list(multipart.unfinished(near.bucket, near.prefix)) == []
    assert len(list(multipart.unfinished(other.bucket, other.prefix))) == 1


# -------------------------------------------------------------------------------------------------- on the local disk


def test_what_arrives_is_under_no_name_that_a_crash_could_leave(near: ObjectVault) -> None:
    incoming = near.begin()
    incoming.write(b"bytes")
    assert list((near._root / "spool").iterdir()) == []
    incoming.discard()


def test_no_more_than_is_said_is_on_its_way_at_once(make: Make, store: SeaweedFS) -> None:
    vault = make(store.endpoint, spool_bytes=1000)
    first, second = vault.begin(), vault.begin()
    first.write(b"x" * 900)
    with pytest.raises(Unavailable, match="storage-low"):
        second.write(b"x" * 101)
    first.discard()
    first.discard()
    second.write(b"x" * 1000)
    second.discard()


def test_a_full_local_disk_takes_nothing(make: Make, store: SeaweedFS) -> None:
    with pytest.raises(Unavailable, match="storage-low"):
        make(store.endpoint, reserve_bytes=1 << 60).begin()


def test_a_local_disk_that_refuses_is_unavailable_and_no_missing_blob(near: ObjectVault) -> None:
    name = near.put(b"bytes")
    (near._root / "cache").rmdir()
    (near._root / "cache").write_bytes(b"no folder: every copy fails")
    for ask in (near.get, near.path):
        with pytest.raises(Unavailable, match="could not keep a copy"):
            ask(name)
    assert near.holds(name)


def test_a_blob_is_fetched_once_and_read_from_its_copy_afterwards(
    far: ObjectVault, near: ObjectVault, line: StoreProxy
) -> None:
    name = near.put(b"bytes")
    for _ in range(3):
        assert far.get(name) == far.path(name).read_bytes() == b"bytes"
    assert line.seen == ["GET"]


def test_a_copy_that_changed_is_fetched_anew(far: ObjectVault, near: ObjectVault, line: StoreProxy, make: Make) -> None:
    name = near.put(b"pixels")
    copy = far.path(name)
    copy.write_bytes(b"pixelz")
    assert far.get(name) == b"pixels"
    copy.write_bytes(b"")  # what a power cut leaves; another process does not believe it either
    again = objects_in(far.bucket, far._root, prefix=far.prefix)
    assert again.path(name).read_bytes() == b"pixels"
    assert line.seen == ["GET"] * 3


def test_copies_make_room_for_one_another_those_first_that_were_asked_for_the_longest_ago(
    near: ObjectVault, make: Make, store: SeaweedFS
) -> None:
    vault = make(store.endpoint, cache_bytes=250_000)
    names = [near.put(bytes([number]) * 100_000) for number in range(4)]
    copies = [vault.path(name) for name in names]
    assert all(copy.exists() for copy in copies), "whoever was given a path has a minute to open it"
    now = time.time()
    for age_s, copy in zip((400, 100, 300, 200), copies, strict=True):
        os.utime(copy, (now - age_s, now - age_s))
    vault.path(names[0])
    vault.recover()
    assert [copy.exists() for copy in copies] == [True, True, False, False]
    assert vault.get(names[2]) == bytes([2]) * 100_000


def test_a_fetch_that_a_crash_left_half_done_goes_in_time(near: ObjectVault) -> None:
    left = near._root / "cache" / ".77"
    left.write_bytes(b"half")
    near.recover()
    assert left.exists(), "it may still be on its way"
    near.sweep(600, time.time() + 7200)
    assert not left.exists()
