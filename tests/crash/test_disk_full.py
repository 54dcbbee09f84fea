"""The vault's disk is full: the modality is told so, nothing that was taken is lost; with room again it goes on."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.ledger import Outside, account, missing_of
from tests.crash.people import send_once
from tests.e2e import inputs
from tests.e2e.inputs import PHANTOM
from tests.e2e.reader import AtDesk
from tests.installation import Installation
from tests.peers.dicom_tools import Dcmtk

pytestmark = pytest.mark.peer("dcmtk")

OUT_OF_RESOURCES = "a700"

SIZE_KIB = 512
FILLER_KIB = 488
"""How much of the small disk is taken before the first image: five or so of the phantom's twelve still fit."""


def small_disk(command: list[str], vault: Path) -> list[str]:
    """Return a command that runs ``command`` where ``vault`` is a disk of its own, almost full; nobody else sees it.

    A mount of a private namespace: it needs no root where user namespaces are allowed, and is gone with the process.
    """
    script = (
        f'set -e; mount -t tmpfs -o size={SIZE_KIB}k tmpfs "$0"; mkdir "$0/incoming"; '
        f'dd if=/dev/zero of="$0/filler" bs=1k count={FILLER_KIB} status=none; exec "$@"'
    )
    flags = ["--mount"] if os.geteuid() == 0 else ["--mount", "--map-root-user"]
    return ["unshare", *flags, "sh", "-c", script, str(vault), *command]


def require_namespaces(folder: Path) -> None:
    vault = folder / "probe"
    vault.mkdir()
    if (
        shutil.which("unshare") is None
        or subprocess.run(small_disk(["true"], vault), capture_output=True, check=False).returncode
    ):
        pytest.skip("no private mounts on this machine: a full disk cannot be made without touching the real one")


def test_a_full_disk_refuses_images_and_loses_none(dcmtk: Dcmtk, outside: Outside, tmp_path: Path) -> None:
    require_namespaces(tmp_path)
    settings = inputs.models(tmp_path) | outside.settings() | {"storage": {"free_min_mb": 0}}
    installation = Installation(tmp_path / "data", settings)
    (installation.folder / "vault").mkdir(exist_ok=True)
    run = [sys.executable, "-m", "bridge", "run", "all", "--dir", str(installation.folder)]
    try:
        with (installation.logs / "all.log").open("ab") as log:
            installation.running["all"] = subprocess.Popen(
                small_disk(run, installation.folder / "vault"),
                stdout=log,
                stderr=log,
                env=installation.environment(),
                cwd=installation.folder,
                start_new_session=True,
            )
        installation.wait_until_open("all")
        inside = Path(f"/proc/{installation.running['all'].pid}/root") / str(installation.folder / "vault").lstrip("/")
        study = inputs.phantom(tmp_path, "full")
        first = send_once(study, installation.scp)
        met = Counter(first.values())
        assert met.keys() == {"0000", OUT_OF_RESOURCES}, met
        taken = {uid for uid, status in first.items() if status == "0000"}
        with installation.reading() as unit:
            kept = {used.source.uid for case in unit.views.cases(9) for used in unit.cases.inputs(case.kind, case.uid)}
        assert kept == taken, "what was refused has no row, what was taken has one"
        (inside / "filler").unlink()
        again = send_once(study, installation.scp)
        assert set(again.values()) == {"0000"}
        assert len(again) == len(study.files)
        shutil.copytree(inside, tmp_path / "seen", ignore=shutil.ignore_patterns("incoming"))
        with AtDesk(installation, installation.people["dr.martin"]) as martin:
            result = martin.draft_of(study.case(), PHANTOM, "awaiting_review", "stale")
            revision = 1 if martin.state(result) == "awaiting_review" else 2
            result = martin.draft_of(study.case(revision), PHANTOM)
            martin.sign(result)
            martin.wait_for(result, "delivered")
        shutil.copytree(inside, installation.folder / "vault", dirs_exist_ok=True)
        assert missing_of(installation, study, set(again)) == []
        account(outside, {result: study.uid}).require_exactly_once()
        installation.stop()
    finally:
        installation.kill()
