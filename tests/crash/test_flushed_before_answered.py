"""An answer never precedes its flush: the listener's system calls, one by one.

The one flush is that of the bytes and of the note beside them, from which a row that a power cut takes is written again
(tests/bridge/test_restoring.py). A record's note is in its header, whose write cannot be told from that of its bytes
here; tests/bridge/test_vault_power.py cuts the power between the two. Where nothing can be noted, the row is flushed.

Control: a listener that flushes nothing is found out.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.dicom import images
from tests.bench.dicom.receivers import storescp
from tests.crash import flushes
from tests.crash.flushes import Event, Strace, unproved
from tests.installation import ROOT, Installation, eventually
from tests.peers.base import Daemon, free_port, listens, wait_until
from tests.peers.fixtures import started

INSTANCES = 12

BYTES = r"^/.*/vault/.+/[^/]{8,}$"
"""A file of the vault; its folders have shorter names, and flushing one of those keeps no bytes."""

NOTE = r"^note .*/vault/.+/[^/]{8,}$"
"""A note beside such a file, before the flush that takes both."""

ROW = r"aval\.db-wal$"

DURABLE = {"files": (NOTE, BYTES), "segments": (BYTES,), "unnoted": (BYTES, ROW)}
"""What must be on the disk before each answer, in this order."""


@pytest.fixture(scope="module")
def strace() -> Iterator[Strace]:
    yield from started(Strace)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return images.study(images.SMALL, INSTANCES, tmp_path_factory.mktemp("images"))


def send(study: Path, port: int, associations: int) -> None:
    words = ["--port", str(port), "--associations", str(associations), str(study)]
    command = [sys.executable, "-m", "tests.bench.dicom.sender", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=True)
    assert f'"statuses": {{"0x0000": {INSTANCES}}}' in done.stdout


@pytest.mark.parametrize(
    ("associations", "fast", "kind"),
    [(1, True, "files"), (3, True, "segments"), (3, False, "files"), (3, True, "unnoted")],
)
def test_no_instance_is_acknowledged_before_its_bytes_and_its_row_are_flushed(
    strace: Strace, study: Path, tmp_path: Path, associations: int, fast: bool, kind: str
) -> None:
    storage, log = {"kind": kind.replace("unnoted", "files"), "notes": kind != "unnoted"}, tmp_path / "calls"
    settings = {"scp": {"fast": fast}, "storage": storage}
    installation = Installation(tmp_path / "data", settings)
    run = [sys.executable, "-m", "bridge", "run", "all", "--dir", str(installation.folder)]
    with (installation.logs / "all.log").open("ab") as said:
        installation.running["all"] = subprocess.Popen(
            strace.command(log, run), stdout=said, stderr=said, env=installation.environment(), start_new_session=True
        )
    try:
        installation.wait_until_open("all")
        send(study, installation.scp, associations)
    finally:
        installation.stop()
    eventually(lambda: flushes.is_over(log), "strace to write the last call")
    answers, wrong = unproved(list(flushes.events(log, installation.scp)), DURABLE[kind])
    assert answers == INSTANCES
    assert wrong == []


@pytest.mark.peer("dcmtk")
def test_a_listener_that_flushes_nothing_is_found_out(strace: Strace, study: Path, tmp_path: Path) -> None:
    port, log, store = free_port(), tmp_path / "calls", tmp_path / "store"
    store.mkdir()
    daemon = Daemon("storescp", strace.command(log, storescp()(port, store)), tmp_path)
    try:
        wait_until(lambda: listens(port), "storescp", daemon.process)
        send(study, port, 1)
    finally:
        daemon.stop()
    eventually(lambda: flushes.is_over(log), "strace to write the last call")
    answers, wrong = unproved(list(flushes.events(log, port)), (BYTES,))
    assert len(wrong) == answers - 1 > 0


def test_flushes_count_for_the_answer_that_follows_them_and_in_their_order() -> None:
    kept, row = Event(flushed="/a/vault/incoming/0123456789"), Event(flushed="/a/aval.db-wal")
    answer, other = Event(7), Event(8)
    needed = DURABLE["unnoted"]
    assert unproved([answer, kept, row, answer, kept, row, answer], needed) == (3, [])
    assert unproved([answer, row, kept, answer], needed)[1] == [f"answer 2 before {ROW!r} was flushed"]
    assert unproved([answer, kept, row, answer, answer], needed)[1] == [f"answer 3 before {BYTES!r} was flushed"]
    assert unproved([answer, other, kept, row, answer, other, other], needed)[1] == [
        f"answer 5 before {BYTES!r} was flushed"
    ]


def test_calls_that_were_interrupted_are_put_together(tmp_path: Path) -> None:
    log = tmp_path / "calls"
    tcp = "7<TCP:[127.0.0.1:104->127.0.0.1:40000]>"
    log.write_text(
        "11 fdatasync(5</data/vault/s> <unfinished ...>\n"
        f'12 sendto({tcp}, "\\4"..., 166, 0, NULL, 0) = 166\n'
        "11 <... fdatasync resumed>) = 0\n"
        "13 fsync(6</data/vault/t>) = -1 EIO (Input/output error)\n"
        f'12 sendto({tcp}, "\\2"..., 166, 0, NULL, 0) = 166\n'
    )
    assert list(flushes.events(log, 104)) == [Event(answered=40000), Event(flushed="/data/vault/s")]
