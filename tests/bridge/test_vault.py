"""The contract of a vault, on the real ones and on the fake that the simulation uses; and what disks do."""

import errno
import hashlib
import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge import vault as vault_module
from bridge.vault import Bucket, FileVault, ObjectVault, SegmentVault
from guarantee.errors import BlobMissing, Malformed, Unavailable
from guarantee.ids import Digest
from guarantee.ports import Vault
from tests.flows.fakes import FakeVault

ABSENT = Digest(hashlib.sha256(b"absent").hexdigest())


def segments_in(root: Path) -> SegmentVault:
    """A vault of small segments, two of which are ready; more are made when the test says so."""
    vault = SegmentVault(root, segment_bytes=256 * 1024, room_bytes=32 * 1024)
    vault.pool._want = lambda: None  # type: ignore[method-assign]
    vault.pool.catch_up()
    return vault


def objects_in(bucket: Bucket, root: Path, **more: Any) -> ObjectVault:
    """A vault of objects under a prefix of its own, with small limits."""
    usual: dict[str, Any] = {"prefix": f"{uuid.uuid4().hex}/", "cache_bytes": 1 << 20, "spool_bytes": 1 << 24}
    return ObjectVault(bucket, root, **(usual | more))


@pytest.fixture(
    params=["files", "segments", pytest.param("objects", marks=pytest.mark.peer("seaweedfs")), "memory"],
)
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Vault]:
    match request.param:
        case "files":
            yield FileVault(tmp_path / "vault")
        case "segments":
            yield segments_in(tmp_path / "vault")
        case "objects":
            with request.getfixturevalue("store").bucket() as bucket:
                yield objects_in(bucket, tmp_path / "vault")
        case _:
            yield FakeVault()


class TestContract:
    def test_what_was_put_comes_back_under_its_sha256(self, vault: Vault) -> None:
        name = vault.put(b"bytes")
        assert name == hashlib.sha256(b"bytes").hexdigest()
        assert vault.get(name) == b"bytes"
        assert vault.has(name)

    def test_putting_the_same_bytes_again_is_the_same_blob(self, vault: Vault) -> None:
        assert vault.put(b"") == vault.put(b"")
        assert vault.get(vault.put(b"")) == b""

    def test_what_was_never_put_is_missing(self, vault: Vault) -> None:
        assert not vault.has(ABSENT)
        with pytest.raises(BlobMissing):
            vault.get(ABSENT)

    def test_what_comes_in_pieces_is_one_blob(self, vault: Vault) -> None:
        incoming = vault.begin()
        for piece in (b"by", memoryview(b"te"), b"", b"s"):
            incoming.write(piece)
        with incoming.view() as seen:
            assert seen[:] == b"bytes"
        assert incoming.keep() == hashlib.sha256(b"bytes").hexdigest()
        incoming.discard()
        assert vault.get(vault.put(b"bytes")) == b"bytes"

    def test_what_is_on_its_way_is_not_held(self, vault: Vault) -> None:
        incoming = vault.begin()
        incoming.write(b"absent")
        assert not vault.has(ABSENT)
        incoming.discard()
        assert not vault.has(ABSENT)

    def test_several_on_their_way_at_once_do_not_meet(self, vault: Vault) -> None:
        several = [vault.begin() for _ in range(5)]
        for _ in range(3):
            for number, incoming in enumerate(several):
                incoming.write(b"%d" % number * 1000)
        names = [incoming.keep() for incoming in several]
        assert [vault.get(name) for name in names] == [b"%d" % number * 3000 for number in range(5)]


@pytest.fixture
def files(tmp_path: Path) -> FileVault:
    return FileVault(tmp_path / "vault")


def all_files(files: FileVault) -> list[Path]:
    return [path for path in files._root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "/x", "0" * 63 + "\n"])
def test_no_name_from_outside_becomes_a_path(files: FileVault, name: str) -> None:
    for ask in (files.get, files.has, files.path):
        with pytest.raises(Malformed):
            ask(Digest(name))


def test_a_blob_that_changed_on_disk_is_missing_not_used(files: FileVault) -> None:
    name = files.put(b"pixels")
    files.path(name).write_bytes(b"pixelz")
    with pytest.raises(BlobMissing, match="blob-damaged"):
        files.get(name)


def test_a_blob_that_changed_on_disk_is_replaced_when_it_comes_again(files: FileVault) -> None:
    name = files.put(b"pixels")
    files.path(name).write_bytes(b"pixelz")
    assert files.get(files.put(b"pixels")) == b"pixels"


def test_a_blob_is_kept_with_one_flush_after_its_bytes_and_its_name(
    files: FileVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[bool, int, int]] = []

    def watch(descriptor: int) -> None:
        named = any(path.name == name for path in all_files(files))
        flushed.append((named, os.fstat(descriptor).st_size, os.fstat(descriptor).st_nlink))

    name = hashlib.sha256(b"bytes").hexdigest()
    monkeypatch.setattr(files, "_flushes_folders", False)
    monkeypatch.setattr(os, "fsync", watch)
    files.put(b"bytes")
    assert flushed == [(True, 5, 2)], "two names: nobody trusts it yet"
    assert files.path(Digest(name)).stat().st_nlink == 1


def test_where_a_file_does_not_take_its_name_along_the_folder_is_flushed_too(
    files: FileVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Path] = []
    monkeypatch.setattr(files, "_flushes_folders", True)
    monkeypatch.setattr(vault_module.files, "flush_folder", folders.append)
    name = files.put(b"bytes")
    assert folders == [files.path(name).parent]


@pytest.mark.parametrize("again", [False, True], ids=["first", "in the place of a damaged one"])
def test_the_folder_flush_that_fails_is_not_forgotten_by_the_next_put(
    files: FileVault, monkeypatch: pytest.MonkeyPatch, *, again: bool
) -> None:
    """The name exists by then; telling the second sender "kept" without a flush would be a promise without proof."""
    if again:
        files.path(files.put(b"bytes")).write_bytes(b"bytez")
    monkeypatch.setattr(files, "_flushes_folders", True)

    def refuse_folders(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(vault_module.files, "flush_folder", refuse_folders)
        with pytest.raises(Unavailable):
            files.put(b"bytes")
        with pytest.raises(Unavailable):
            files.put(b"bytes")
    name = files.put(b"bytes")
    assert files.get(name) == b"bytes"
    files.sweep(older_than_s=-1, now_s=files.path(name).stat().st_mtime)
    assert files.holds(name)
    assert len(all_files(files)) == 1


def test_who_replaces_a_damaged_blob_is_not_trusted_before_its_flush(
    files: FileVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = files.put(b"bytes")
    files.path(name).write_bytes(b"bytez")
    trusted: list[bool] = []
    monkeypatch.setattr(files, "flush", lambda *_: trusted.append(files.holds(name)))
    files.put(b"bytes")
    assert trusted == [False]
    assert files.holds(name)


def test_the_file_system_is_the_one_that_the_kernel_says(tmp_path: Path) -> None:
    assert vault_module.disk.file_system_of(Path("/proc/self")) == "proc"
    assert vault_module.disk.file_system_of(tmp_path / "not" / "there") == vault_module.disk.file_system_of(tmp_path)


def refuse(*_args: Any, **_kwargs: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "failing", [(os, "open"), (os, "write"), (os, "fsync"), (Path, "rename"), (Path, "hardlink_to")], ids=lambda f: f[1]
)
def test_a_disk_that_refuses_is_unavailable_and_leaves_nothing(
    files: FileVault, monkeypatch: pytest.MonkeyPatch, failing: tuple[Any, str]
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(*failing, refuse)
        with pytest.raises(Unavailable, match="No space left"):
            files.put(b"bytes")
    assert all_files(files) == []
    assert files.get(files.put(b"bytes")) == b"bytes", "it works again once there is space"


def test_what_another_is_still_flushing_is_not_trusted(files: FileVault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name exists; telling the second sender "kept" without a flush would be a promise without proof."""
    fsync = os.fsync
    flushing, second_is_done = threading.Event(), threading.Event()

    def slow(descriptor: int) -> None:
        if threading.current_thread() is first:
            flushing.set()
            assert second_is_done.wait(20)
        flushes.append(threading.current_thread())
        fsync(descriptor)

    flushes: list[threading.Thread] = []
    first = threading.Thread(target=files.put, args=(b"bytes",))
    monkeypatch.setattr(os, "fsync", slow)
    first.start()
    assert flushing.wait(20)
    name = files.put(b"bytes")
    assert flushes == [threading.current_thread()] * 2, "once before its bytes replace the others, once with the name"
    second_is_done.set()
    first.join()
    assert files.get(name) == b"bytes"
    assert len(all_files(files)) == 1


def test_many_senders_of_the_same_bytes_keep_one_blob(files: FileVault) -> None:
    names: list[str] = []
    threads = [threading.Thread(target=lambda: names.append(files.put(b"same" * 10_000))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 1
    assert len(names) == 16
    assert len(all_files(files)) == 1


def test_what_a_crash_left_behind_is_swept_and_nothing_else(files: FileVault) -> None:
    name = files.put(b"kept")
    old, new = (files._root / "incoming" / letter for letter in "ab")
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert files.sweep(older_than_s=3600, now_s=new.stat().st_mtime) == 1
    assert (old.exists(), new.exists(), files.get(name)) == (False, True, b"kept")


@pytest.mark.parametrize("whole", [True, False])
def test_a_blob_that_was_being_flushed_when_the_power_went_is_settled(files: FileVault, *, whole: bool) -> None:
    """The file system may have kept both names and lost the bytes."""
    name = files.put(b"bytes")
    second = files._root / "incoming" / f"{name}.77"
    second.hardlink_to(files.path(name))
    if not whole:
        os.truncate(second, 0)
    assert files.sweep(older_than_s=-1, now_s=second.stat().st_mtime) == 1
    assert files.has(name) is whole
    assert len(all_files(files)) == whole
    assert files.get(files.put(b"bytes")) == b"bytes"
