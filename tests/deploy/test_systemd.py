"""The units of deploy/systemd, judged by systemd's own tools; and our processes under what the units ask for."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from bridge.config import load
from bridge.wiring.parts import NAMES
from tests.deploy.sandbox import allowed, unit
from tests.installation import ROOT, WAIT_S
from tests.peers.fixtures import missing, tool

UNITS: Final = ROOT / "deploy" / "systemd"
SANDBOX: Final = Path(__file__).parent / "sandbox.py"
EXPOSURE_MAX: Final = "15"
"""On systemd-analyze's own scale, in tenths: 0 is nothing exposed; a unit without protection has 92 or more."""


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units where they can be judged: the program exists."""
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder, ignore=shutil.ignore_patterns("drop-ins"))
    service = folder / "aval@.service"
    service.write_text(service.read_text().replace("/opt/aval/bin/aval", sys.executable))
    return folder


def analyze(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [tool("systemd-analyze"), *words], capture_output=True, text=True, timeout=WAIT_S, check=False
    )


def test_systemd_finds_nothing_wrong_with_the_units(units: Path) -> None:
    done = analyze("verify", str(units / "aval@.service"), str(units / "aval.target"))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(path.name for path in (UNITS / "drop-ins").iterdir()))
def test_systemd_finds_nothing_wrong_with_a_unit_under_a_drop_in(units: Path, name: str) -> None:
    (units / "aval@.service.d").mkdir()
    shutil.copy(UNITS / "drop-ins" / name, units / "aval@.service.d" / name)
    done = analyze("verify", str(units / "aval@.service"))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_setting_that_systemd_does_not_know_is_found(units: Path) -> None:
    """The control."""
    service = units / "aval@.service"
    service.write_text(service.read_text().replace("NoNewPrivileges=", "NoNewPriviliges="))
    assert "NoNewPriviliges" in analyze("verify", str(service)).stderr


def test_systemd_calls_the_service_well_protected(units: Path) -> None:
    words = ("security", "--offline=true", f"--threshold={EXPOSURE_MAX}")
    done = analyze(*words, str(units / "aval@.service"))
    assert done.returncode == 0, done.stdout[-300:]
    bare = units / "bare.service"
    bare.write_text(f"[Service]\nExecStart={sys.executable}\n")
    assert analyze(*words, str(bare)).returncode != 0


def test_every_setting_that_a_unit_carries_is_one_of_ours(tmp_path: Path) -> None:
    (tmp_path / "aval.toml").write_text('[site]\nnamespace = "00000000-0000-0000-0000-000000000001"\n')
    lines = [line for path in UNITS.rglob("*") if path.is_file() for line in path.read_text().splitlines()]
    carried = dict(
        line.removeprefix("Environment=").split("=", 1) for line in lines if line.startswith("Environment=AVAL")
    )
    assert carried.pop("AVAL_SECRETS") == "/etc/aval/%i/secrets"
    assert load(tmp_path, carried).models.provider == "cuda"


def test_the_template_names_every_process() -> None:
    said = (UNITS / "aval@.service").read_text()
    assert set(re.findall(r"aval@(\w+)[,.]", said.partition("[Unit]")[0])) == set(NAMES)


def test_folders_are_made_for_the_account_and_for_nobody_else(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in ("keys", "secrets"):
        (root / "etc" / "aval" / "desk" / name).mkdir(parents=True, mode=0o700)
    secret = root / "etc" / "aval" / "desk" / "secrets" / "AVAL_BROKER__URL"
    secret.touch(0o600)
    for conf, command in (("sysusers", "systemd-sysusers"), ("tmpfiles", "systemd-tmpfiles")):
        words = [tool(command), f"--root={root}", str(UNITS / f"{conf}.conf")]
        if conf == "tmpfiles":
            words.insert(1, "--create")
        done = subprocess.run(words, capture_output=True, text=True, timeout=WAIT_S, check=False)
        assert done.returncode == 0, done.stderr
    (line,) = [line for line in (root / "etc" / "passwd").read_text().splitlines() if line.startswith("aval:")]
    account = int(line.split(":")[2])
    state = (root / "var" / "lib" / "aval").stat()
    assert (state.st_uid, state.st_mode & 0o777) == (account, 0o700)
    assert (secret.stat().st_uid, secret.stat().st_mode & 0o777) == (0, 0o640)
    assert secret.parent.stat().st_mode & 0o777 == 0o750


# ---------------------------------------------------------------------------------------------- under the restrictions


def under(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as the unit would: only ``folder`` can be written."""
    tool("systemd-analyze")
    if os.geteuid() != 0:
        missing("only root can make a file system of its own for a command")
    return subprocess.run(
        [sys.executable, str(SANDBOX), str(UNITS / "aval@.service"), str(folder), sys.executable, *command],
        env={"HOME": str(folder), "PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        input="",
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        ("import mmap; mmap.mmap(-1, 4096, prot=7)", "PermissionError"),
        ("open('/var/lib/aval-test', 'w')", "Read-only file system"),
        ("import os; os.chroot('/')", "PermissionError"),
        ("import ctypes, os; assert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0", "AssertionError"),
        ("import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", "PermissionError"),
    ],
)
def test_the_restrictions_hold(tmp_path: Path, attempt: str, said: str) -> None:
    done = under(tmp_path, "-c", attempt)
    assert done.returncode == 1
    assert said in done.stderr


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that was made under the restrictions."""
    root = tmp_path_factory.mktemp("restricted")
    done = under(root, "-m", "bridge", "init", "--dir", str(root / "data"))
    assert done.returncode == 0, done.stderr
    return root / "data"


def test_the_models_run_under_the_restrictions(data: Path) -> None:
    """Every model in its own limited child: the unit must not take away what those limits need."""
    done = under(data.parent, "-m", "bridge", "models", "verify", "--dir", str(data))
    assert (done.returncode, done.stderr) == (0, "")
    assert "models hold" in done.stdout


def test_every_process_runs_and_stops_under_the_restrictions(data: Path) -> None:
    settings = data / "aval.toml"
    more = "\n[desk]\nport = 0\n\n[intake]\nport = 0\n\n[metrics]\nenabled = true\nport = 0\n"
    settings.write_text(settings.read_text().replace("port = 11112", "port = 0") + more)
    done = under(data.parent, "-m", "bridge", "run", "all", "--for", "2", "--dir", str(data))
    assert done.returncode == 0, done.stderr
    assert {f"run.stopped process={name}" for name in NAMES if name != "ups"} <= set(
        re.findall(r"run\.stopped process=[\w:]+", done.stderr)
    )
    assert "fault" not in done.stderr


def test_the_decoders_of_compressed_images_load_under_the_restrictions(tmp_path: Path) -> None:
    done = under(tmp_path, "-m", "dicom_adapters.image.decoding")
    assert (done.returncode, done.stdout) == (0, "ready\n")


def test_the_filter_lets_no_debugger_and_no_mount_through() -> None:
    tool("systemd-analyze")
    calls = allowed(unit(UNITS / "aval@.service")["SystemCallFilter"])
    assert {"read", "prlimit64", "setrlimit", "execve", "fsync", "kill"} <= calls
    assert not calls & {"ptrace", "process_vm_readv", "mount", "bpf", "reboot", "init_module", "chroot", "setuid"}
