"""The image's recipe and the compose file: judged by tools that know the formats, held against our own processes."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bridge.config import ConfigError, load
from bridge.wiring.install import from_template
from bridge.wiring.parts import HOLD_NO_BYTES, KNOW_THE_JOURNAL, NAMES, RING
from tests.installation import ROOT
from tests.peers.deployment import judged

DEPLOY: Final = ROOT / "deploy"
DOCKERFILE: Final = DEPLOY / "container" / "Dockerfile"
COMPOSE: Final = DEPLOY / "compose" / "compose.yaml"
SERVICES: Final[dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
OURS: Final = sorted(name for name, service in SERVICES.items() if "aval" in service["image"].split(":-")[-1])


def mounts(name: str) -> dict[str, tuple[str, bool]]:
    """Return, by target, what a service mounts and whether it may write there."""
    return {
        one["target"]: (one["source"], not one.get("read_only", False)) for one in SERVICES[name].get("volumes", [])
    }


# ------------------------------------------------------------------------------------------------------ the formats


def test_the_dockerfile_is_one_that_hadolint_accepts() -> None:
    done = judged("hadolint", str(DOCKERFILE))
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_finds_a_mistake(tmp_path: Path) -> None:
    """The control."""
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.read_text().replace("USER 10001:10001", "USER root"))
    assert "DL3002" in judged("hadolint", str(tmp_path / "Dockerfile")).stdout


def test_the_compose_file_follows_the_specification() -> None:
    done = judged("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_key_that_the_specification_does_not_know_is_found(tmp_path: Path) -> None:
    """The control."""
    (tmp_path / "compose.yaml").write_text(
        COMPOSE.read_text().replace("read_only: true\n  cap", "readonly: true\n  cap")
    )
    done = judged("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(tmp_path / "compose.yaml"))
    assert done.returncode == 1
    assert "readonly" in done.stdout


# -------------------------------------------------------------------------------------------------------- the recipe


def test_the_image_is_made_from_the_locks_alone_and_runs_as_nobody_in_particular() -> None:
    text = DOCKERFILE.read_text()
    installs = re.findall(r"pip install (.*)", text)
    assert len(installs) == 2
    assert all("--require-hashes" in words or "--no-deps --no-build-isolation" in words for words in installs)
    assert re.findall(r"^USER (.*)", text, re.M) == ["10001:10001"]
    assert {"runtime.txt", "gpu.txt"} <= {path.name for path in (DEPLOY / "locks").iterdir()}


def test_each_lock_holds_one_onnx_runtime_with_hashes() -> None:
    """The two wheels own the same import name: one of them overwrites the other."""
    for lock, expected in (("runtime", "onnxruntime"), ("gpu", "onnxruntime-gpu")):
        names = re.findall(r"^(onnxruntime[a-z-]*)==", (DEPLOY / "locks" / f"{lock}.txt").read_text(), re.M)
        assert names == [expected]


def test_every_package_of_ours_is_in_the_image_and_no_test() -> None:
    copied = set(re.findall(r"^COPY (\w+)/ ", DOCKERFILE.read_text(), re.M))
    assert copied == {"guarantee", "bridge", "dicom_adapters", "fhir_adapters", "inference"}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} >= copied
    assert "!tests" not in ignored


# ------------------------------------------------------------------------------------------------------ the services


def test_every_process_is_a_service() -> None:
    assert set(OURS) == {*NAMES, "setup", "owner"}
    assert {name: SERVICES[name]["command"] for name in NAMES} == {name: ["run", name] for name in NAMES}


@pytest.mark.parametrize("name", OURS)
def test_a_service_has_no_rights_and_writes_nowhere_but_to_its_volumes(name: str) -> None:
    service = SERVICES[name]
    assert service["user"] == "10001:10001"
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", NAMES)
def test_a_service_sees_its_own_folder_and_what_its_work_needs(name: str) -> None:
    seen = mounts(name)
    assert seen.pop("/etc/aval") == (f"./master/processes/{name}", False)
    assert seen.pop("/var/lib/aval", None) == (None if name in HOLD_NO_BYTES else ("state", True))
    anchors = ("anchors", name == "sweep") if name in KNOW_THE_JOURNAL else None
    assert seen.pop("/var/lib/aval-anchors", None) == anchors
    assert not seen


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_asked_whether_it_is_well_by_our_own_command(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"] == ["CMD", "aval", "check", "--process", name]


def test_networks_let_each_service_reach_what_it_must_and_nothing_else() -> None:
    networks = yaml.safe_load(COMPOSE.read_text())["networks"]
    assert {name for name, network in networks.items() if network.get("internal")} == {"data", "bell"}
    for name in NAMES:
        reached = set(SERVICES[name]["networks"])
        assert "data" in reached
        assert ("bell" in reached) == (name in RING), name
        assert ("hospital" in reached) == (name not in {"infer", "relay"}), name
    assert SERVICES["postgresql"]["networks"] == ["data"]
    assert SERVICES["rabbitmq"]["networks"] == ["bell"]
    assert {name for name, service in SERVICES.items() if "ports" in service} == {
        *("scp", "intake", "desk", "deliver", "metrics")
    }


def test_who_holds_bytes_reaches_an_object_store_where_there_is_one() -> None:
    path = DEPLOY / "compose" / "s3.yaml"
    done = judged("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    services = yaml.safe_load(path.read_text())["services"]
    assert services == {name: {"networks": ["store"]} for name in NAMES if name not in HOLD_NO_BYTES}


def test_no_secret_is_written_in_the_file() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            secret = re.search(r"PASSWORD|TOKEN|KEY|URL$|URLS", variable)
            assert not secret or variable.endswith("_FILE"), f"{name}: {variable}"
            assert "://" not in value


def written(folder: Path, text: str) -> Path:
    (folder / "aval.toml").write_text(from_template(text))
    return folder


@pytest.mark.parametrize("name", OURS)
def test_every_setting_that_a_service_carries_is_one_of_ours(name: str, tmp_path: Path) -> None:
    folder = written(tmp_path, (DEPLOY / "compose" / "aval.toml").read_text())
    carried = {key: value for key, value in SERVICES[name].get("environment", {}).items() if key != "AVAL_SECRETS"}
    settings = load(folder, carried)
    assert str(settings.storage.vault) == "/var/lib/aval/vault"
    with pytest.raises(ConfigError, match="unknown setting"):
        load(folder, carried | {"AVAL_DESK__HOTS": "0.0.0.0"})


def test_the_published_ports_are_those_of_the_settings(tmp_path: Path) -> None:
    settings = load(written(tmp_path, (DEPLOY / "compose" / "aval.toml").read_text()), {})
    inside = {name: int(SERVICES[name]["ports"][0].rpartition(":")[2]) for name in ("scp", "intake", "desk", "metrics")}
    doors = {"scp": settings.scp, "intake": settings.intake, "desk": settings.desk, "metrics": settings.metrics}
    assert inside == {name: door.port for name, door in doors.items()}


def test_what_the_template_comments_out_are_settings_too(tmp_path: Path) -> None:
    """Somebody will take the sign away."""
    text = (DEPLOY / "compose" / "aval.toml").read_text()
    bare = re.sub(r"^# (\[[a-z]|[a-z_]+ = )", r"\1", text, flags=re.M)
    settings = load(written(tmp_path, bare), {})
    assert settings.scp.senders.keys() == {"scanner-1"}
    assert settings.destinations.pacs.keys() == {"pacs-1"}
    assert settings.destinations.hl7.keys() == {"dpi-1"}
    assert settings.intake.hl7 is not None
    published = [int(port.rpartition(":")[2]) for port in SERVICES["intake"]["ports"]]
    assert published == [settings.intake.port, settings.intake.hl7.port]
    assert (settings.storage.kind, settings.storage.s3.bucket) == ("s3", "aval")


def test_the_readme_says_of_every_process_who_speaks_to_whom() -> None:
    section = (DEPLOY / "README.md").read_text().partition("## Who may speak to whom")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| ")]
    said = {name: (speaks_to, held) for name, _, speaks_to, held, _ in rows[1:] if name != "---"}
    assert said.keys() == set(NAMES)
    assert {name for name, (speaks_to, _) in said.items() if "broker" in speaks_to} == RING
    assert {name for name, (_, held) in said.items() if "anchors" in held} == KNOW_THE_JOURNAL - {"all"}
    assert {name for name, (_, held) in said.items() if held == "–"} == HOLD_NO_BYTES
