"""The import contracts hold, and each of them can fail; and what imports alone cannot say."""

import ast
import email
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "deploy" / "dev" / "importlinter.toml"
PACKAGES = ("guarantee", "bridge", "dicom_adapters", "fhir_adapters", "inference")
CONTRACTS = tomllib.loads(CONFIG.read_text())["tool"]["importlinter"]["contracts"]

VIOLATIONS = [
    ("layers", "guarantee/ids.py", "import bridge.db.walls"),
    ("layers", "bridge/flows/review.py", "from bridge.db.store import SqlStore"),
    ("layers", "bridge/flows/deliver.py", "import dicom_adapters.uids"),
    ("layers", "bridge/web/views.py", "from bridge.flows import review"),
    ("layers", "bridge/db/store.py", "import bridge.broker.topology"),
    ("layers", "dicom_adapters/render/source.py", "import fhir_adapters.wire"),
    ("layers", "inference/host.py", "import dicom_adapters.deliver.send"),
    ("layers", "bridge/files.py", "import bridge.vault"),
    ("layers", "bridge/wiring/parts.py", "import bridge.demo"),
    ("layers", "bridge/demo/pacs.py", "import bridge.cli"),
    ("pure", "guarantee/ids.py", "import random"),
    ("pure", "guarantee/decision.py", "import time"),
    ("pure", "guarantee/journal.py", "import sqlite3"),
    ("ways-out", "bridge/cli/run.py", "import dicom_adapters.deliver.send"),
    ("ways-out", "bridge/demo/show.py", "from fhir_adapters import client"),
    ("ways-out", "dicom_adapters/listen/scp.py", "from dicom_adapters.deliver import send"),
    ("ways-out", "fhir_adapters/door.py", "import fhir_adapters.hl7v2.sending"),
    ("dicom", "dicom_adapters/read/headers.py", "import dicom_adapters.listen.scp"),
    ("dicom", "dicom_adapters/render/source.py", "import dicom_adapters.deliver.held"),
    ("hl7v2", "fhir_adapters/hl7v2/er7.py", "import fhir_adapters.hl7v2.header"),
    ("hl7v2", "fhir_adapters/hl7v2/record.py", "import fhir_adapters.hl7v2.inbound"),
    ("two-tongues", "fhir_adapters/hl7v2/people.py", "import fhir_adapters.patient"),
    ("hl7v2-door", "fhir_adapters/inbound.py", "import fhir_adapters.hl7v2.people"),
    ("viewing", "bridge/wiring/viewing.py", "from dicom_adapters.deliver import send"),
    ("releases", "inference/host.py", "from guarantee.release import mint"),
    ("releases", "bridge/flows/infer.py", "from guarantee.release import Release"),
    ("releases", "bridge/broker/relay.py", "import guarantee.release"),
    ("settings", "bridge/web/app.py", "from bridge.config import Settings"),
    ("settings", "dicom_adapters/listen/scp.py", "import bridge.config"),
    ("flows", "bridge/flows/sweep.py", "import sqlalchemy"),
    ("flows", "bridge/flows/infer.py", "import pydicom"),
    ("flows", "bridge/flows/route.py", "import asyncio"),
    ("sql", "bridge/web/views.py", "from sqlalchemy import text"),
    ("sql", "fhir_adapters/door.py", "import sqlite3"),
]


def lint(folder: Path, *contracts: str) -> tuple[int, str]:
    """Run import-linter on the packages in ``folder``."""
    command = [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports_command as c; c()"]
    options = ["--config", str(CONFIG), "--cache-dir", str(folder / ".cache")]
    chosen = [word for contract in contracts for word in ("--contract", contract)]
    done = subprocess.run(
        [*command, *options, *chosen],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages, where a test may spoil them."""
    folder = tmp_path_factory.mktemp("architecture")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            folder / package,
            ignore=lambda _, names: {n for n in names if "." in n} - {n for n in names if n.endswith(".py")},
        )
    return folder


def test_every_contract_is_kept(copy: Path) -> None:
    status, said = lint(copy)
    assert status == 0, said
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in said


@pytest.mark.parametrize(("contract", "name", "line"), VIOLATIONS, ids=[f"{v[1]}: {v[2]}" for v in VIOLATIONS])
def test_a_violation_is_found_by_its_contract(copy: Path, contract: str, name: str, line: str) -> None:
    file = copy / name
    before = file.read_text()
    file.write_text(f"{before}\n{line}\n")
    try:
        status, said = lint(copy, contract)
    finally:
        file.write_text(before)
    assert status == 1, said
    assert "0 kept, 1 broken" in said
    assert name.removesuffix(".py").replace("/", ".") in said


def test_every_contract_is_shown_to_fail() -> None:
    assert {contract for contract, _, _ in VIOLATIONS} == {contract["id"] for contract in CONTRACTS}


def test_every_module_of_the_bridge_has_its_layer() -> None:
    """A module that no layer names is a module that may import anything."""
    layers = " ".join(next(contract["layers"] for contract in CONTRACTS if contract["id"] == "layers"))
    real = {path.stem for path in (ROOT / "bridge").glob("*.py") if path.stem != "__init__"}
    real |= {path.parent.name for path in (ROOT / "bridge").glob("*/__init__.py")}
    assert set(re.findall(r"bridge\.(\w+)", layers)) == real


# ------------------------------------------------------------------------------------ what imports cannot say


def imports(path: Path) -> set[str]:
    """Return the names that a file imports, dotted."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def files(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def test_the_guarantee_imports_the_standard_library_alone() -> None:
    roots = {name.partition(".")[0] for path in files("guarantee") for name in imports(path)}
    assert roots - sys.stdlib_module_names == {"guarantee"}


UNSTEADY = {"now", "utcnow", "today", "uuid1", "uuid4", "urandom", "open", "print", "input", "system"}


def test_the_guarantee_asks_nobody_for_the_time_or_for_chance() -> None:
    for path in files("guarantee"):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        names = {
            f.attr if isinstance(f, ast.Attribute) else f.id for f in calls if isinstance(f, ast.Attribute | ast.Name)
        }
        assert not names & UNSTEADY, path.name


def test_only_the_flows_that_decide_and_deliver_mint() -> None:
    minting = {str(path.relative_to(ROOT)) for path in files(*PACKAGES) if "guarantee.release.mint" in imports(path)}
    assert minting == {"bridge/flows/release.py", "bridge/flows/deliver.py"}


def test_only_mint_makes_a_release() -> None:
    for path in files(*PACKAGES):
        makers = [
            function.name
            for function in ast.walk(ast.parse(path.read_text()))
            if isinstance(function, ast.FunctionDef)
            and any(
                isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Release"
                for call in ast.walk(function)
            )
        ]
        assert makers == (["mint"] if path == ROOT / "guarantee" / "release.py" else []), path


def test_the_back_doors_of_the_language_are_not_used() -> None:
    """object.__setattr__ would make a Release of anything; nothing of ours needs it."""
    for path in files(*PACKAGES):
        text = path.read_text()
        code = [ast.unparse(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)]
        assert not [word for word in code if word in {"object.__setattr__", "object.__new__"}], path


ENVIRONMENT = {
    "bridge/config/__init__.py": "reads the settings",
    "bridge/cli/operate.py": "explains where a setting came from",
    "bridge/demo/published.py": "hands it to a child process",
    "dicom_adapters/image/child.py": "hands a few names to a child process",
    "inference/session.py": "switches a library's telemetry off before the library is loaded",
}
"""Who touches the environment, and what for."""


def test_the_environment_is_read_with_the_settings() -> None:
    """An adapter that reads the environment has a setting that nobody can explain."""
    touching = {
        str(path.relative_to(ROOT))
        for path in files(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
    }
    assert touching == ENVIRONMENT.keys()


# --------------------------------------------------------------------------------------------------- licences


def licences() -> ModuleType:
    spec = importlib.util.spec_from_file_location("licences", ROOT / "deploy" / "dev" / "licences.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_runtime_package_has_a_licence_that_we_accepted() -> None:
    checked = licences()
    names = list(checked.required(checked.LOCK.read_text()))
    assert {"sqlalchemy", "psycopg", "pydicom", "onnxruntime"} <= set(names)
    assert list(checked.problems(iter(names))) == []


@pytest.mark.parametrize(
    ("expression", "accepted"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-3.0-or-later", False),
        ("AGPL-3.0-only", False),
        ("LGPL-3.0-only", False),
        ("MIT AND GPL-2.0-only", False),
        ("(MIT", False),
        ("MIT MIT", False),
        ("", False),
        ("unreadable-proprietary", False),
    ],
)
def test_a_licence_is_accepted_when_its_expression_can_be_satisfied(expression: str, accepted: bool) -> None:
    assert licences().is_accepted(expression) is accepted


def test_a_package_without_a_readable_licence_is_refused() -> None:
    checked = licences()
    unknown = email.message_from_string("License: All rights reserved, see the contract")
    assert not checked.is_accepted(checked.licence_of(unknown))
    assert not checked.is_accepted(checked.licence_of(email.message_from_string("Name: nothing")))
    assert list(checked.problems(iter(["no-such-package"]))) == [
        "no-such-package is in the lock but not installed; run deploy/dev/venv"
    ]


def test_a_package_for_another_platform_is_not_asked_for() -> None:
    lock = "a==1 \\\n    --hash=sha256:0\nb==1 ; sys_platform == 'win32' \\\n    --hash=sha256:0\n# nothing\na==2\n"
    assert list(licences().required(lock)) == ["a"]
