"""The power goes, at every single step: what was acknowledged is there, and nothing is there that is not whole."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.vault import FileVault
from bridge.vault.notes import notes_since
from guarantee.ids import Digest
from tests.bridge.notes import notes_are_kept
from tests.bridge.power import Disk
from tests.bridge.test_vault import segments_in

ROOT = Path(__file__).parents[2]
INSTANCES = [b"%d" % n * (3000 + n) for n in range(3)] + [b"0" * 3000]
"""The last is the first again."""

KINDS: dict[str, Callable[[Path], FileVault]] = {"files": FileVault, "segments": segments_in}


def digest_of(data: bytes) -> Digest:
    return Digest(hashlib.sha256(data).hexdigest())


class Cuts:
    """Takes a copy of the disk before every step, and keeps what was acknowledged by then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.disk: Disk | None = None
        self.acknowledged: dict[Digest, bool] = {}
        """Each blob, and whether its note was said to be safe."""
        self.taken: list[tuple[Path, dict[Digest, bool]]] = []
        self._busy = False

    def step(self) -> None:
        if self._busy or self.disk is None:
            return
        self._busy = True
        for left in (self.disk.without_bytes, self.disk.without_names):
            copy = self.folder / f"{len(self.taken):04}"
            copy.mkdir(parents=True)
            left(copy)
            self.taken.append((copy, dict(self.acknowledged)))
        self._busy = False


@pytest.fixture
def few_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the folders that are needed: each is copied at every step."""
    needed = sorted({digest_of(data)[:2] for data in INSTANCES})

    def make(vault: FileVault) -> None:
        for folder in (vault._incoming, vault._cache, vault.open_segments, *(vault._root / name for name in needed)):
            folder.mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(FileVault, "_make_folders", make)


@pytest.mark.usefixtures("few_folders")
@pytest.mark.parametrize("kind", KINDS)
def test_a_power_cut_at_any_step_loses_nothing_that_was_acknowledged(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = KINDS[kind](tmp_path / "vault")
    vault._flushes_folders = False  # as on ext4, which is the harder case
    cuts = Cuts(tmp_path / "cuts")
    with monkeypatch.context() as watched:
        cuts.disk = Disk(tmp_path / "vault", watched, cuts.step)
        for data in INSTANCES:
            incoming = vault.begin()
            incoming.write(data[:1000])
            incoming.write(data[1000:])
            name = incoming.keep(b"note of " + data[:10])
            cuts.acknowledged[name] = cuts.acknowledged.get(name, False) or incoming.is_noted
            incoming.discard()
            cuts.step()
        cuts.disk = None
    assert len(cuts.taken) > 40
    assert list(cuts.acknowledged.values()) == [notes_are_kept(tmp_path)] * 3 or kind == "segments"
    assert kind == "files" or list(cuts.acknowledged.values()) == [True] * 3
    for copy, acknowledged in cuts.taken:
        require_sound(copy, acknowledged)


def require_sound(copy: Path, acknowledged: dict[Digest, bool]) -> None:
    again = FileVault(copy)
    again.sweep(older_than_s=-1e10, now_s=0)
    for name in acknowledged:
        assert digest_of(again.get(name)) == name, copy
    noted = dict(notes_since(copy, 0))
    assert noted.keys() >= {name for name, is_noted in acknowledged.items() if is_noted}, copy
    for name, note in noted.items():
        assert note == b"note of " + again.get(name)[:10], f"{copy}: a note is that of its bytes"
    for data in INSTANCES:
        if again.has(digest_of(data)):
            assert again.get(digest_of(data)) == data, f"{copy}: a name that is there holds whole bytes"
    assert list((copy / "incoming").iterdir()) == []
    assert list((copy / "segments" / "open").iterdir()) == []


@pytest.mark.usefixtures("few_folders")
@pytest.mark.parametrize("kind", KINDS)
def test_a_vault_that_does_not_flush_fails_that_test(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without its one flush an acknowledged instance is gone."""
    vault = KINDS[kind](tmp_path / "vault")
    with monkeypatch.context() as watched:
        cut = Disk(tmp_path / "vault", watched, lambda: None)
        watched.setattr(os, "fsync", lambda _: None)
        watched.setattr(os, "fdatasync", lambda _: None)
        incoming = vault.begin()
        incoming.write(INSTANCES[0])
        name = incoming.keep()
        incoming.discard()
        cut.without_bytes(tmp_path / "left")
    with pytest.raises(AssertionError):
        require_present(tmp_path / "left", name)


def require_present(copy: Path, name: Digest) -> None:
    again = FileVault(copy)
    again.recover()
    assert again.holds(name)


WRITER = """
import sys
from pathlib import Path
from bridge.vault import FileVault, SegmentVault
root, kind = Path(sys.argv[1]), sys.argv[2]
vault = FileVault(root) if kind == "files" else SegmentVault(root, segment_bytes=1 << 20, room_bytes=1 << 16)
number = 0
while True:
    incoming = vault.begin()
    for _ in range(8):
        incoming.write(f"{number} ".encode() * 1000)
    print(incoming.keep(), flush=True)
    incoming.discard()
    number += 1
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_writer_that_is_killed_again_and_again_loses_nothing_that_it_said_it_had_kept(
    kind: str, tmp_path: Path
) -> None:
    told: list[str] = []
    for round_ in range(4):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "vault"), kind]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
            assert writer.stdout is not None
            told += [writer.stdout.readline().strip() for _ in range(10 + 17 * round_)]
            writer.kill()
            told += [line.strip() for line in writer.stdout if len(line) == 65]
        vault = FileVault(tmp_path / "vault")
        vault.sweep(older_than_s=-1e10, now_s=0)
        assert all(digest_of(vault.get(Digest(name))) == name for name in told)
    assert len(told) > 100
    assert list((tmp_path / "vault" / "incoming").iterdir()) == []
