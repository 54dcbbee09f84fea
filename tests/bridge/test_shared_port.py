"""Several listeners on one port: they start together, end together, and one that dies is replaced."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.wiring import shared_port
from bridge.wiring.shared_port import SharedPort
from guarantee.errors import Unavailable
from tests.dicom.post import instance
from tests.dicom.raw_peer import RELEASED, Peer
from tests.installation import Installation, eventually

CHILD = """
import sys
from pathlib import Path
import os
Path(sys.argv[1], str(os.getpid())).touch()
print("ready", flush=True)
sys.stdin.read()
Path(sys.argv[1], str(os.getpid())).unlink()
"""


def alive(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if Path("/proc", path.name).exists()]


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SharedPort]:
    monkeypatch.setattr(shared_port, "AGAIN_S", 0.05)
    made = SharedPort([sys.executable, "-c", CHILD, str(tmp_path)], 3)
    yield made
    made.stop()


def test_all_are_started_and_all_are_stopped(family: SharedPort, tmp_path: Path) -> None:
    family.start()
    assert len(alive(tmp_path)) == 3
    family.stop()
    assert alive(tmp_path) == []


def test_one_that_dies_is_started_again_and_the_others_go_on(family: SharedPort, tmp_path: Path) -> None:
    family.start()
    first, *others = alive(tmp_path)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: len(alive(tmp_path)) == 3 and first not in alive(tmp_path), "another listener")
    assert set(others) < set(alive(tmp_path))


def test_one_that_could_not_be_started_is_tried_again(
    family: SharedPort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = iter([BlockingIOError(11, "Resource temporarily unavailable")])
    spawn = family._spawn

    def sometimes() -> subprocess.Popen[str]:
        for error in full:
            raise error
        return spawn()

    monkeypatch.setattr(family, "_spawn", sometimes)
    family.start()
    assert len(alive(tmp_path)) == 3


def test_one_that_cannot_start_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_port, "START_S", 0.5)
    family = SharedPort([sys.executable, "-c", "raise SystemExit(3)"], 2)
    with pytest.raises(Unavailable, match="not all of 2 listeners started"):
        family.start()


def listeners(installation: Installation) -> list[int]:
    found = subprocess.run(
        ["pgrep", "-f", f"run scp --shared --dir {installation.folder}"], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def test_an_installation_listens_in_two_processes_and_survives_the_death_of_one(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data", {"scp": {"processes": 2}})
    try:
        installation.start("scp")
        installation.eventually(lambda: len(listeners(installation)) == 2, "two listeners")
        send_with(installation.scp, range(8))
        os.kill(listeners(installation)[0], signal.SIGKILL)
        installation.eventually(lambda: len(listeners(installation)) == 2, "another listener")
        send_with(installation.scp, range(8, 16))
        with installation.reading() as unit:
            (case,) = unit.views.cases(9)
            assert len(unit.cases.inputs(case.kind, case.uid)) == 16
        installation.stop()
        assert listeners(installation) == []
    finally:
        installation.kill()


def test_a_sender_has_its_rate_once_whichever_process_it_reaches(tmp_path: Path) -> None:
    modality = {"aet": "MR2", "addresses": ["127.0.0.0/8"], "instances_per_s": 0.001}
    installation = Installation(tmp_path / "data", {"scp": {"processes": 2, "senders": {"mr-2": modality}}})
    heard = []
    try:
        installation.start("scp")
        installation.eventually(lambda: len(listeners(installation)) == 2, "two listeners")
        for number in range(16):  # by chance all reach one process once in 32,768 times
            body, name = instance(SOPInstanceUID=f"1.2.3.{number}")
            with Peer(installation.scp, calling="MR2").associated() as peer:
                heard.append(peer.store(body, name))
                assert peer.release() == RELEASED
        installation.stop()
    finally:
        installation.kill()
    assert sorted(heard) == [0x0000, *[0xA700] * 15]


def send_with(port: int, numbers: range) -> None:
    """Send one instance on each of several associations at once, again until it is taken."""

    def send(number: int) -> None:
        body, name = instance(SOPInstanceUID=f"1.2.3.{number}")
        for _ in range(50):
            try:
                with Peer(port, calling="MR2").associated() as peer:
                    taken.append(peer.store(body, name))
                    assert peer.release() == RELEASED
            except (OSError, AssertionError):
                continue
            return

    taken: list[int] = []
    threads = [threading.Thread(target=send, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) >= len(numbers)
    assert set(taken) == {0}
