"""Each process with a folder of its own that holds what deploy/ gives it, and no other process's credentials or bytes.

They share a database, a broker and a bucket, and no disk: as on machines of their own.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bridge.config import load
from bridge.wiring.checks import check_process
from bridge.wiring.parts import NAMES, Parts
from guarantee.ids import digest
from tests.e2e import inputs
from tests.e2e.reader import AtDesk
from tests.installation import PROCESSES as NAMED
from tests.installation import ROOT, WAIT_S, Installation

PROCESSES = (*NAMED, "metrics")
"""Every process but the one that needs a worklist server."""


def aval(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bridge", *words, "--dir", str(folder)],
        env={"PYTHONPATH": str(ROOT), "HOME": str(folder), "AVAL_SECRETS": str(folder / "secrets")},
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )


@pytest.fixture(scope="module")
def folders(installed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Every process of a distributed installation, running on nothing but its own folder."""
    out = tmp_path_factory.mktemp("alone") / "folders"
    done = installed.aval("config", "split", str(out))
    assert done.returncode == 0, done.stderr
    made = {process: out / process for process in NAMES}
    for process in PROCESSES:
        folder = made[process]
        with (installed.logs / f"{process}.log").open("ab") as log:
            installed.running[process] = subprocess.Popen(
                [sys.executable, "-m", "bridge", "run", process, "--dir", str(folder)],
                stdout=log,
                stderr=log,
                env={"PYTHONPATH": str(ROOT), "HOME": str(folder), "AVAL_SECRETS": str(folder / "secrets")},
                start_new_session=True,
            )
    installed.wait_until_open(*PROCESSES)
    yield made
    installed.stop()


def faults(process: str, folder: Path) -> set[str]:
    """Return what one process misses when it has this folder."""
    parts = Parts(load(folder, {"AVAL_SECRETS": str(folder / "secrets")}))
    try:
        return {check.what for check in check_process(process, parts) if check.fault}
    finally:
        parts.close()


@pytest.mark.peer("postgresql")
@pytest.mark.peer("rabbitmq")
@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_is_well_with_its_own_login_keys_and_folders_alone(
    process: str, folders: dict[str, Path], installed: Installation
) -> None:
    assert faults(process, folders[process]) == set()
    assert installed.running[process].poll() is None, installed.tail()


@pytest.mark.peer("postgresql")
def test_the_health_of_one_process_is_no_event_at_its_door(folders: dict[str, Path], installed: Installation) -> None:
    done = aval(folders["scp"], "check", "--process", "scp", "--json")
    assert (done.returncode, {one["what"] for one in json.loads(done.stdout)}) == (0, {"database", "vault", "door"})
    with psycopg.connect(installed.owner) as connection:
        assert connection.execute("SELECT code FROM aval.turned_away").fetchall() == []


@pytest.mark.peer("dcmtk")
@pytest.mark.peer("seaweedfs")
def test_a_study_that_one_machine_takes_is_read_by_another_and_shown_by_a_third(
    folders: dict[str, Path], installed: Installation, tmp_path: Path
) -> None:
    study = inputs.phantom(tmp_path, "distributed")
    inputs.send(study, installed.scp)
    with AtDesk(installed, installed.people["dr.martin"]) as martin:
        result = martin.draft_of(study.case(), inputs.PHANTOM)
        (series,) = martin.web.get(f"/api/results/{result}/series").json()
        shown = martin.web.get(f"/api/results/{result}/series/{series['series']}/frames/0")
    assert (series["frames"], shown.status_code) == (inputs.PHANTOM_SLICES, 200)
    sent = {digest(path.read_bytes()) for path in study.files}
    assert copies(folders["scp"]) == set(), "what was taken is in the bucket and nowhere else"
    assert len(copies(folders["infer"])) >= len(sent)
    assert copies(folders["infer"]) & copies(folders["desk"])


def copies(folder: Path) -> set[str]:
    """Return the blobs on the disk of one process."""
    return {path.name for path in (folder / "copies").rglob("*") if path.is_file()}


@pytest.mark.peer("postgresql")
@pytest.mark.parametrize(
    ("process", "other", "missing"),
    [
        ("infer", "deliver", {"database", "journal"}),
        ("scp", "intake", {"broker"}),
        ("deliver", "desk", {"database", "journal", "keys"}),
    ],
)
def test_a_process_cannot_be_another_one(process: str, other: str, missing: set[str], folders: dict[str, Path]) -> None:
    """The control: what a folder lacks is missed."""
    assert missing <= faults(other, folders[process])
