"""The power goes: the database forgets what it had not flushed, and the notes beside the bytes say it again."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from bridge.db.engine import make_aval_engine
from bridge.db.migrate import migrate
from bridge.db.store import SqlStore
from bridge.flows import intake
from bridge.vault import FileVault
from bridge.vault.notes import ATTRIBUTE
from bridge.wiring import restoring
from bridge.wiring.restoring import restore
from dicom_adapters.read.headers import read_header, to_arrival
from dicom_adapters.read.notes import to_note
from guarantee.case import CaseKind
from guarantee.errors import Unavailable
from guarantee.ids import digest
from guarantee.unit import Arrival, Input
from tests.bridge.notes import notes_are_kept
from tests.bridge.test_vault import segments_in
from tests.dicom import samples
from tests.flows.fakes import FakeClock

FILES = [samples.to_file(each) for each in samples.series("CT", slices=5, rows=16, columns=16)]
STUDY = read_header(FILES[0]).study_instance_uid

KINDS: dict[str, Callable[[Path], FileVault]] = {"files": FileVault, "segments": segments_in}


class Machine:
    """A vault and a database on one disk, and a power switch."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.boot = folder / "boot_id"
        self.vault = KINDS[kind](folder / "vault")
        engine = make_aval_engine(f"sqlite:///{folder / 'aval.db'}")
        migrate(engine)
        self.store = SqlStore(engine)
        self.boot.write_text("first\n")

    def take(self, file: bytes) -> Arrival:
        """Keep one image as the listener does."""
        incoming = self.vault.begin()
        incoming.write(file)
        arrival = to_arrival(read_header(file), digest=digest(file), site="chu", sender="ct", conversation="talk")
        assert incoming.keep(to_note(arrival)) == arrival.source.digest
        arrival = replace(arrival, is_noted=incoming.is_noted)
        incoming.discard()
        assert arrival.is_noted
        intake.receive([arrival], store=self.store, clock=self.clock, actor="scp")
        return arrival

    def flushed(self) -> Path:
        """What of the database is on the disk after a flush: everything until now."""
        self.store.flush()
        copy = self.folder / "flushed"
        copy.mkdir()
        for name in ("aval.db", "aval.db-wal"):
            shutil.copy(self.folder / name, copy / name)
        return copy

    def lose_power(self, left: Path) -> None:
        """Of the database stays what was flushed; the vault keeps what it acknowledged."""
        self.store.dispose()
        if hasattr(self.vault, "pool"):
            self.vault.pool.let_go()
        for path in self.folder.glob("aval.db*"):
            path.unlink()
        for name in ("aval.db", "aval.db-wal"):
            shutil.copy(left / name, self.folder / name)
        self.boot.write_text("second\n")
        self.vault = FileVault(self.folder / "vault")
        self.vault.recover()
        self.store = SqlStore(make_aval_engine(f"sqlite:///{self.folder / 'aval.db'}"))

    def restore(self) -> int:
        return restore(self.folder / "vault", self.store, self.clock, boot=self.boot)

    def inputs(self) -> tuple[Input, ...]:
        with self.store.reading() as unit:
            return unit.cases.inputs(CaseKind.STUDY, STUDY)

    def rows(self) -> list[tuple[str, ...]]:
        """What a row of an image says, but for the moment."""
        with self.store.reading() as unit:
            found = unit.connection.execute(
                text("SELECT uid, digest, group_uid, class, revision, conflict, modality, facts, sender FROM inputs")
            )
            return sorted(tuple(map(str, row)) for row in found)


@pytest.fixture(params=KINDS)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    if request.param == "files" and not notes_are_kept(tmp_path):
        pytest.skip("the file system of the temporary folder keeps no attributes")
    made = Machine(tmp_path, request.param)
    yield made
    made.store.dispose()


def test_rows_that_a_power_cut_took_are_written_again_as_they_were(machine: Machine) -> None:
    machine.take(FILES[0])
    left = machine.flushed()
    for file in FILES[1:]:
        machine.take(file)
    before = machine.rows()
    machine.lose_power(left)
    assert len(machine.rows()) == 1, "the control: the power cut took four rows"
    assert machine.restore() == 4
    assert machine.rows() == before


def test_a_whole_study_whose_case_was_lost_comes_back(machine: Machine) -> None:
    left = machine.flushed()
    for file in FILES:
        machine.take(file)
    machine.lose_power(left)
    assert machine.inputs() == ()
    assert machine.restore() == len(FILES)
    assert {each.source.digest for each in machine.inputs()} == {digest(file) for file in FILES}


def test_a_process_that_was_killed_lost_nothing_and_reads_no_note(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert machine.restore() == 0
    machine.take(FILES[0])
    monkeypatch.setattr(restoring, "notes_since", lambda *_: pytest.fail("the machine did not start again"))
    assert machine.restore() == 0


def test_what_the_database_still_holds_is_the_same_again(machine: Machine) -> None:
    for file in FILES:
        machine.take(file)
    before = machine.rows()
    machine.boot.write_text("second\n")
    machine.store.flush()
    machine.vault.recover()
    assert machine.restore() == 0
    assert machine.rows() == before


def test_notes_are_read_again_until_a_start_got_through(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    left = machine.flushed()
    machine.take(FILES[0])
    machine.lose_power(left)

    def refuse(*_: object, **__: object) -> None:
        raise Unavailable("database", "no answer")

    with monkeypatch.context() as down:
        down.setattr(intake, "receive", refuse)
        with pytest.raises(Unavailable):
            machine.restore()
    assert machine.restore() == 1


def test_where_no_file_tells_of_a_start_notes_are_read_at_every_one(machine: Machine) -> None:
    machine.boot.unlink()
    left = machine.flushed()
    machine.take(FILES[0])
    assert machine.restore() == 0
    machine.lose_power(left)
    machine.boot.unlink()
    assert machine.restore() == 1


def test_a_note_that_cannot_be_read_keeps_no_other_from_being_restored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if not notes_are_kept(tmp_path):
        pytest.skip("the file system of the temporary folder keeps no attributes")
    machine = Machine(tmp_path, "files")
    left = machine.flushed()
    for file in FILES[:3]:
        machine.take(file)
    os.setxattr(machine.vault.place(digest(FILES[1])), ATTRIBUTE, b"{")
    machine.lose_power(left)
    with caplog.at_level(logging.ERROR):
        assert machine.restore() == 2
    assert [record.message for record in caplog.records] == ["intake.note-unreadable"]
    machine.store.dispose()
