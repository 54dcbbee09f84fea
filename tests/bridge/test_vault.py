"""The contract of a vault, on the real one and on the fake that the simulation uses; and what disks do."""

import errno
import hashlib
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from bridge import vault as vault_module
from bridge.vault import FileVault
from guarantee.errors import BlobMissing, Malformed, Unavailable
from guarantee.ids import Digest
from guarantee.ports import Vault
from tests.flows.fakes import FakeVault

ABSENT = Digest(hashlib.sha256(b"absent").hexdigest())


@pytest.fixture(params=["files", "memory"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    return FileVault(tmp_path / "vault") if request.param == "files" else FakeVault()


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


def test_a_blob_is_named_only_after_its_bytes_are_flushed_and_told_only_after_its_folder_is(
    files: FileVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def watch_fsync(descriptor: int) -> None:
        events.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def watch_rename(path: Path, target: Path) -> Path:
        events.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", watch_fsync)
    monkeypatch.setattr(Path, "rename", watch_rename)
    files.put(b"bytes")
    assert events[:2] == ["file", "rename"]
    assert events[2:]
    assert set(events[2:]) == {"folder"}


@pytest.mark.parametrize("failing", ["fsync", "write", "rename", "mkdir"])
def test_a_disk_that_refuses_is_unavailable_and_leaves_nothing(
    files: FileVault, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        where: tuple[Any, str] = {
            "fsync": (os, "fsync"),
            "write": (vault_module, "_write_durably"),
            "rename": (Path, "rename"),
            "mkdir": (Path, "mkdir"),
        }[failing]
        broken.setattr(*where, refuse)
        with pytest.raises(Unavailable, match="No space left"):
            files.put(b"bytes")
    assert all_files(files) == []
    assert files.get(files.put(b"bytes")) == b"bytes", "it works again once there is space"


def test_the_folder_flush_that_fails_is_not_forgotten_by_the_next_put(
    files: FileVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name exists by then; telling the second sender "kept" without a flush would be a promise without proof."""
    fsync = os.fsync

    def refuse_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "Input/output error")
        fsync(descriptor)

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", refuse_folders)
        with pytest.raises(Unavailable):
            files.put(b"bytes")
        with pytest.raises(Unavailable):
            files.put(b"bytes")
    assert files.get(files.put(b"bytes")) == b"bytes"


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
