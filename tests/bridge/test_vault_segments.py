"""Segments: what lies in them, what becomes a file instead, and how they are found again."""

import ctypes
import errno
import hashlib
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from bridge.vault import FileVault, SegmentVault, disk, segments
from bridge.vault.records import BLOCK
from bridge.vault.segments import IncomingRecord
from guarantee.errors import BlobMissing, Unavailable
from guarantee.ids import Digest
from guarantee.ports import Vault
from tests.bridge.test_vault import segments_in

SIZE = 256 * 1024


@pytest.fixture
def vault(tmp_path: Path) -> SegmentVault:
    return segments_in(tmp_path / "vault")


def keep(vault: Vault, data: bytes) -> Digest:
    incoming = vault.begin()
    try:
        incoming.write(data)
        return incoming.keep()
    finally:
        incoming.discard()


def is_record(vault: FileVault, name: Digest) -> bool:
    return vault.place(name).is_symlink()


def only_segment(vault: FileVault) -> Path:
    """The one segment that holds something; it is sealed."""
    (path,) = (path for path in (vault._root / "segments").iterdir() if path.is_file())
    return path


def test_an_instance_is_a_record_and_becomes_a_file_for_who_needs_one(vault: SegmentVault) -> None:
    name = keep(vault, b"pixels" * 1000)
    assert is_record(vault, name)
    assert vault.path(name).read_bytes() == vault.get(name) == b"pixels" * 1000
    assert vault.path(name) == vault.path(name)


def test_a_record_costs_one_flush_and_no_folder(vault: SegmentVault, monkeypatch: pytest.MonkeyPatch) -> None:
    flushes: list[str] = []
    for call in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, call, lambda _, call=call: flushes.append(call))
    keep(vault, b"pixels")
    assert flushes == ["fdatasync"]


def test_records_follow_each_other_at_whole_blocks(vault: SegmentVault) -> None:
    names = [keep(vault, b"%d" % n * (BLOCK + n)) for n in range(3)]
    offsets = [int(str(vault.place(name).readlink()).split(":")[1]) for name in names]
    assert offsets == [0, 2 * BLOCK, 5 * BLOCK]


def test_one_vault_reads_what_the_other_wrote(vault: SegmentVault) -> None:
    record, files = keep(vault, b"in a segment"), FileVault(vault._root)
    file = keep(files, b"in a file")
    assert (files.get(record), vault.get(file)) == (b"in a segment", b"in a file")
    assert files.put(b"in a segment") == record
    assert is_record(files, record), "what is held is not held twice"


def test_what_is_larger_than_the_room_becomes_a_file_and_its_segment_goes_on(vault: SegmentVault) -> None:
    incoming = vault.begin()
    assert isinstance(incoming, IncomingRecord)
    for _ in range(40):
        incoming.write(b"0123456789abcdef" * 1024)
    with incoming.view() as seen:
        assert len(seen) == 640 * 1024
    name = incoming.keep()
    incoming.discard()
    assert not is_record(vault, name)
    assert vault.get(name) == b"0123456789abcdef" * 40 * 1024
    assert is_record(vault, keep(vault, b"next"))


def test_while_no_segment_is_ready_files_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_write = threading.Event()
    write = segments.write_all_at

    def slowly(*arguments: Any) -> None:
        assert may_write.wait(20)
        write(*arguments)

    monkeypatch.setattr(segments, "write_all_at", slowly)
    vault = SegmentVault(tmp_path / "vault", segment_bytes=SIZE, room_bytes=SIZE // 8)
    names = [keep(vault, b"%d" % n) for n in range(3)]
    assert not any(is_record(vault, name) for name in names)
    may_write.set()


def test_a_disk_without_room_for_a_segment_still_takes_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    vault = SegmentVault(tmp_path / "vault", segment_bytes=SIZE)
    with pytest.raises(OSError, match="No space"):
        vault.pool.catch_up()
    assert list(vault.open_segments.iterdir()) == []
    assert not is_record(vault, keep(vault, b"pixels"))


def test_a_full_segment_is_sealed_and_another_is_ready(vault: SegmentVault) -> None:
    names = []
    for n in range(20):
        names.append(keep(vault, b"%02d" % n * 15_000))
        vault.pool.catch_up()
    assert all(is_record(vault, name) for name in names)
    sealed = [path for path in (vault._root / "segments").iterdir() if path.is_file()]
    assert len(sealed) >= 2
    assert [vault.get(name) for name in names] == [b"%02d" % n * 15_000 for n in range(20)]


def test_a_flush_that_fails_keeps_nothing_and_ends_the_segment(
    vault: SegmentVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", refuse)
        with pytest.raises(Unavailable, match="Input/output"):
            keep(vault, b"pixels")
    name = Digest(hashlib.sha256(b"pixels").hexdigest())
    vault.pool.catch_up()
    assert not vault.has(name), "the page cache has it, the disk perhaps not"
    assert vault.get(keep(vault, b"pixels")) == b"pixels"


def test_a_segment_that_cannot_be_sealed_stops_no_other_and_is_sealed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = SegmentVault(tmp_path / "vault", segment_bytes=SIZE, room_bytes=SIZE // 8)
    seal, refused, sealed = vault.seal, [], threading.Event()

    def refuse_once(path: Path, descriptor: int) -> None:
        if not refused:
            refused.append(path)
            raise Unavailable("vault", "the vault could not name a record")
        seal(path, descriptor)
        sealed.set()

    monkeypatch.setattr(segments, "PAUSE_S", 0.0)
    monkeypatch.setattr(vault, "seal", refuse_once)
    names, end = [], time.monotonic() + 60
    while not sealed.is_set() and time.monotonic() < end:
        names.append(keep(vault, b"%06d" % len(names) * 10_000))
    assert sealed.is_set(), "the thread goes on"
    assert refused[0].exists()
    vault.recover()
    assert not refused[0].exists(), "nobody holds its lock any more"
    assert all(vault.holds(name) for name in names)


class Libc:
    """Counts the flushes of a whole file system; says no as often as it is told to."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.flushed = 0
        self.refuses = refuses

    def syncfs(self, _: int) -> int:
        self.flushed += 1
        if self.refuses:
            ctypes.set_errno(errno.EIO)
        return -1 if self.refuses else 0


def test_the_names_of_a_segment_cost_one_flush_however_many_they_are(
    vault: SegmentVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [keep(vault, b"%d" % n) for n in range(4)]
    libc, flushes = Libc(), []
    monkeypatch.setattr(disk, "_LIBC", libc)
    monkeypatch.setattr(os, "fsync", flushes.append)
    vault.pool.let_go()
    vault.recover()
    assert libc.flushed == 1
    assert len(flushes) == 2, "the segment before its names, the folder that it is sealed in"
    assert all(vault.has(name) for name in names)


def test_a_segment_whose_names_cannot_be_flushed_is_not_sealed(
    vault: SegmentVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [keep(vault, b"%d" % n) for n in range(4)]
    vault.pool.let_go()
    with monkeypatch.context() as broken:
        broken.setattr(disk, "_LIBC", Libc(refuses=True))
        with pytest.raises(OSError, match="Input/output"):
            vault.recover()
    assert list(vault.open_segments.iterdir()) != []
    vault.recover()
    assert list(vault.open_segments.iterdir()) == []
    assert all(vault.holds(name) for name in names)


def test_where_a_file_system_cannot_be_flushed_whole_each_folder_is(
    vault: SegmentVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [keep(vault, b"%d" % n) for n in range(4)]
    folders: list[Path] = []
    monkeypatch.setattr(disk, "_LIBC", object())
    monkeypatch.setattr(disk, "flush_folder", folders.append)
    vault.pool.let_go()
    vault.recover()
    assert folders == sorted({vault.place(name).parent for name in names})


def test_what_is_found_again_is_named_only_once_the_disk_has_it(
    vault: SegmentVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = keep(vault, b"pixels")
    vault.pool.let_go()
    vault.place(name).unlink()

    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="Input/output"):
            vault.recover()
    assert not vault.has(name)
    vault.recover()
    assert vault.holds(name)


def test_the_same_bytes_again_are_no_second_record(vault: SegmentVault) -> None:
    name = keep(vault, b"pixels")
    before = vault.place(name).readlink()
    assert keep(vault, b"pixels") == name
    assert vault.place(name).readlink() == before
    assert vault.get(keep(vault, b"others")) == b"others"


def test_a_record_that_changed_on_disk_is_missing_not_used_and_replaced_when_it_comes_again(
    vault: SegmentVault,
) -> None:
    name = keep(vault, b"pixels")
    (segment,) = (path for path in vault.open_segments.iterdir() if path.name in str(vault.place(name).readlink()))
    with segment.open("r+b") as file:
        file.seek(BLOCK)
        file.write(b"pixelz")
    for ask in (vault.get, vault.path):
        with pytest.raises(BlobMissing, match="blob-damaged"):
            ask(name)
    assert vault.get(keep(vault, b"pixels")) == b"pixels"


def test_names_that_were_lost_are_found_again_in_the_segment(vault: SegmentVault) -> None:
    names = [keep(vault, b"%d" % n * 5000) for n in range(4)]
    vault.pool.let_go()
    for name in names[1:]:
        vault.place(name).unlink()
    again = FileVault(vault._root)
    again.recover()
    assert [again.get(name) for name in names] == [b"%d" % n * 5000 for n in range(4)]
    assert only_segment(again).stat().st_size == 4 * 3 * BLOCK, "what was not used is given back"
    assert list(again.open_segments.iterdir()) == []


def test_a_segment_whose_process_lives_is_left_alone(vault: SegmentVault) -> None:
    name = keep(vault, b"pixels")
    FileVault(vault._root).recover()
    assert len(list(vault.open_segments.iterdir())) == 2
    assert vault.get(name) == b"pixels"


def test_a_torn_record_is_not_found_and_nothing_before_it_is_lost(vault: SegmentVault) -> None:
    whole, torn = keep(vault, b"whole" * 1000), keep(vault, b"torn" * 5000)
    (segment,) = (path for path in vault.open_segments.iterdir() if path.name in str(vault.place(torn).readlink()))
    vault.pool.let_go()
    vault.place(torn).unlink()
    with segment.open("r+b") as file:
        file.seek(5 * BLOCK)
        file.write(bytes(2 * BLOCK))
    again = FileVault(vault._root)
    again.recover()
    assert again.get(whole) == b"whole" * 1000
    assert not again.has(torn)
    assert again.get(again.put(b"torn" * 5000)) == b"torn" * 5000


def test_a_copy_that_nobody_asked_for_lately_is_swept(vault: SegmentVault) -> None:
    name = keep(vault, b"pixels")
    copy = vault.path(name)
    os.utime(copy, (0, 0))
    assert vault.sweep(older_than_s=3600, now_s=100_000) == 1
    assert not copy.exists()
    assert vault.path(name).read_bytes() == b"pixels"


def test_below_the_reserve_nothing_is_begun_and_what_must_be_written_still_is(tmp_path: Path) -> None:
    for kind in (FileVault, SegmentVault):
        vault = kind(tmp_path / "vault", reserve_bytes=2**60)
        with pytest.raises(Unavailable, match="storage-low"):
            vault.begin()
        assert vault.get(vault.put(b"draft")) == b"draft"
