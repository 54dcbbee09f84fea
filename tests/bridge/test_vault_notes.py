"""What a vault keeps beside the bytes: one flush for both, found again after a power cut, never somebody else's."""

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.vault import FileVault
from bridge.vault.notes import ATTRIBUTE, NOTE_BYTES_MAX, notes_since
from bridge.vault.records import BLOCK
from guarantee.ids import Digest
from tests.bridge.notes import notes_are_kept
from tests.bridge.test_vault import segments_in

KINDS: dict[str, Callable[[Path], FileVault]] = {"files": FileVault, "segments": segments_in}


@pytest.fixture(params=KINDS)
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> FileVault:
    if request.param == "files" and not notes_are_kept(tmp_path):
        pytest.skip("the file system of the temporary folder keeps no attributes")
    return KINDS[request.param](tmp_path / "vault")


def keep(vault: FileVault, data: bytes, note: bytes) -> tuple[Digest, bool]:
    incoming = vault.begin()
    try:
        incoming.write(data)
        return incoming.keep(note), incoming.is_noted
    finally:
        incoming.discard()


def found(vault: FileVault, since_s: float = 0) -> dict[Digest, bytes]:
    """What whoever starts next finds."""
    again = FileVault(vault._root)
    if hasattr(vault, "pool"):
        vault.pool.let_go()
    again.recover()
    return dict(notes_since(vault._root, since_s))


def test_a_note_is_found_with_the_bytes_that_it_was_kept_with(vault: FileVault) -> None:
    kept = {keep(vault, b"%d" % n * 5000, b"note %d" % n)[0]: b"note %d" % n for n in range(5)}
    assert found(vault) == kept
    assert all(vault.get(name) for name in kept)


def test_what_was_kept_without_a_note_has_none(vault: FileVault) -> None:
    assert keep(vault, b"pixels", b"")[1] is False
    vault.put(b"a draft")
    assert found(vault) == {}


@pytest.mark.parametrize("size", [NOTE_BYTES_MAX, NOTE_BYTES_MAX + 1])
def test_a_note_that_has_no_room_is_not_said_to_be_kept(vault: FileVault, size: int) -> None:
    name, is_noted = keep(vault, b"pixels", b"n" * size)
    assert is_noted is (size <= NOTE_BYTES_MAX)
    assert found(vault) == ({name: b"n" * size} if is_noted else {})


def test_the_longest_note_ends_before_the_bytes_begin() -> None:
    assert 60 + NOTE_BYTES_MAX <= BLOCK


def test_the_same_bytes_again_keep_the_first_note_and_say_so(vault: FileVault) -> None:
    name, first = keep(vault, b"pixels", b"first")
    assert (first, keep(vault, b"pixels", b"second")) == (True, (name, False))
    assert found(vault) == {name: b"first"}


def test_what_was_kept_before_is_not_read(vault: FileVault) -> None:
    keep(vault, b"pixels", b"note")
    assert found(vault, time.time() + 3600) == {}


def test_a_file_system_without_attributes_keeps_the_bytes_and_no_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "no attributes here")

    vault = FileVault(tmp_path / "vault")
    monkeypatch.setattr(os, "setxattr", refuse)
    name, is_noted = keep(vault, b"pixels", b"note")
    assert (is_noted, vault.get(name)) == (False, b"pixels")


def test_a_note_that_the_disk_changed_is_no_note(tmp_path: Path) -> None:
    vault = segments_in(tmp_path / "vault")
    keep(vault, b"pixels", b"note")
    vault.pool.let_go()
    FileVault(tmp_path / "vault").recover()
    (segment,) = (path for path in (tmp_path / "vault" / "segments").iterdir() if path.is_file())
    data = segment.read_bytes()
    assert data.count(b"note") == 1
    segment.write_bytes(data.replace(b"note", b"nota"))
    assert dict(notes_since(tmp_path / "vault", 0)) == {}


def test_a_record_whose_bytes_changed_has_no_note(tmp_path: Path) -> None:
    vault = segments_in(tmp_path / "vault")
    keep(vault, b"pixels", b"note")
    vault.pool.let_go()
    FileVault(tmp_path / "vault").recover()
    (segment,) = (path for path in (tmp_path / "vault" / "segments").iterdir() if path.is_file())
    segment.write_bytes(segment.read_bytes().replace(b"pixels", b"pixelt"))
    assert dict(notes_since(tmp_path / "vault", 0)) == {}


def test_what_moved_from_a_record_into_a_file_has_its_note_there(tmp_path: Path) -> None:
    if not notes_are_kept(tmp_path):
        pytest.skip("the file system of the temporary folder keeps no attributes")
    vault = segments_in(tmp_path / "vault")
    name, is_noted = keep(vault, bytes(300 * 1024), b"large")
    assert is_noted
    assert os.getxattr(vault.place(name), ATTRIBUTE) == b"large"
    assert found(vault) == {name: b"large"}
