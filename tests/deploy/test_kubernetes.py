"""The manifests: each document by the schemas of Kubernetes, and all of them against our own processes."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bridge.broker.topology import TOPICS, queue_of
from bridge.config import ConfigError, load
from bridge.wiring.install import from_template
from bridge.wiring.parts import HOLD_NO_BYTES, KNOW_THE_JOURNAL, NAMES, RING
from tests.installation import ROOT, WAIT_S
from tests.peers.deployment import judged

FOLDER: Final = ROOT / "deploy" / "kubernetes"
VERSION: Final = "1.33.0"
"""The oldest Kubernetes that the manifests are held against; the newest is the judge's own."""

TEMPLATE: Final = ROOT / "deploy" / "compose" / "aval.toml"
UNKNOWN_KINDS: Final = {"Kustomization", "ScaledObject", "TriggerAuthentication"}
"""Kinds whose schema the judge does not have."""


def documents(*names: str) -> Iterator[dict[str, Any]]:
    for name in names:
        for path in sorted(FOLDER.glob(name)):
            yield from (one for one in yaml.safe_load_all(path.read_text()) if one)


ALL: Final = list(documents("base/*.yaml", "migrate/*.yaml", "keda/*.yaml", "gpu/*.yaml", "s3/*.yaml"))
BASE: Final = [one for one in documents("base/*.yaml") if one["kind"] != "Kustomization"]
DEPLOYMENTS: Final = {one["metadata"]["name"]: one for one in BASE if one["kind"] == "Deployment"}
PODS: Final = {
    one["metadata"]["name"]: one["spec"]["template"]["spec"]
    for one in [*BASE, *documents("migrate/*.yaml")]
    if one["kind"] in {"Deployment", "Job"}
}


def container(name: str) -> dict[str, Any]:
    (found,) = PODS[name]["containers"]
    return dict(found)


def mounts(name: str) -> dict[str, bool]:
    """Return where a process may look, and whether it may write there."""
    return {one["mountPath"]: not one.get("readOnly", False) for one in container(name)["volumeMounts"]}


# -------------------------------------------------------------------------------------------------------- the formats


@pytest.mark.parametrize("version", [VERSION, ""])
def test_every_document_follows_the_schema_of_its_kind(version: str, tmp_path: Path) -> None:
    known = [one for one in ALL if one["kind"] not in UNKNOWN_KINDS]
    whole = [one for one in known if one["kind"] != "Deployment" or one["spec"].get("selector")]  # a patch is none
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(whole))
    words = ["-k", version] if version else []
    done = judged("kubernetes-validate", "--strict", *words, str(tmp_path / "all.yaml"))
    assert (done.returncode, "ERROR" in done.stdout + done.stderr) == (0, False), done.stdout + done.stderr
    assert len(whole) > len(NAMES) * 2


def test_a_field_that_kubernetes_does_not_know_is_found(tmp_path: Path) -> None:
    """The control."""
    text = (FOLDER / "base" / "desk.yaml").read_text().replace("readOnlyRootFilesystem", "readonlyRootFilesystem")
    (tmp_path / "desk.yaml").write_text(text)
    assert judged("kubernetes-validate", "--strict", str(tmp_path / "desk.yaml")).returncode != 0


def test_every_file_of_the_base_is_applied_with_it() -> None:
    (listed,) = [one["resources"] for one in documents("base/kustomization.yaml")]
    assert set(listed) == {path.name for path in (FOLDER / "base").glob("*.yaml")} - {"kustomization.yaml"}


# ------------------------------------------------------------------------------------------------------ the processes


def test_every_process_has_a_deployment_that_runs_it() -> None:
    assert DEPLOYMENTS.keys() == {f"aval-{name}" for name in NAMES}
    for name in NAMES:
        assert container(f"aval-{name}")["args"] == ["run", name]


@pytest.mark.parametrize("name", sorted(PODS))
def test_no_container_is_root_or_may_become_it(name: str) -> None:
    pod, inner = PODS[name]["securityContext"], container(name)["securityContext"]
    assert (pod["runAsNonRoot"], pod["runAsUser"], pod["runAsGroup"]) == (True, 10001, 10001)
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert (inner["allowPrivilegeEscalation"], inner["readOnlyRootFilesystem"]) == (False, True)
    assert inner["capabilities"] == {"drop": ["ALL"]}
    assert PODS[name]["automountServiceAccountToken"] is False
    assert "hostNetwork" not in PODS[name]
    assert all("hostPath" not in volume for volume in PODS[name]["volumes"])


@pytest.mark.parametrize("name", sorted(PODS))
def test_no_variable_of_kubernetes_is_taken_for_a_setting(name: str, tmp_path: Path) -> None:
    """A service called aval-desk becomes AVAL_DESK_SERVICE_HOST in every pod, which would stop every start."""
    assert PODS[name]["enableServiceLinks"] is False
    (tmp_path / "aval.toml").write_text(from_template(TEMPLATE.read_text()))
    with pytest.raises(ConfigError, match="desk_service_host"):
        load(tmp_path, {"AVAL_DESK_SERVICE_HOST": "10.0.0.1"})


@pytest.mark.parametrize("name", sorted(PODS))
def test_every_setting_is_one_of_ours_and_none_is_a_secret(name: str, tmp_path: Path) -> None:
    (tmp_path / "aval.toml").write_text(from_template(TEMPLATE.read_text()))
    carried = {one["name"]: one["value"] for one in container(name)["env"]}
    assert carried.pop("AVAL_SECRETS") == "/etc/aval/secrets"
    load(tmp_path, carried)
    assert not [key for key in carried if re.search(r"URL|TOKEN|PASSWORD|KEY", key)]
    with pytest.raises(ConfigError, match="unknown setting"):
        load(tmp_path, {f"{key}X": value for key, value in carried.items()} or {"AVAL_DESK__HOTS": ""})


def test_no_secret_is_written_down() -> None:
    assert not [one for one in ALL if one["kind"] == "Secret"]
    for path in FOLDER.rglob("*.yaml"):
        assert not re.search(r"\w+://\w+:[^@\s]+@", path.read_text()), path


@pytest.mark.parametrize("process", NAMES)
def test_a_process_is_given_its_own_folder_and_what_its_work_needs(process: str) -> None:
    name = f"aval-{process}"
    volumes = {one["name"]: one for one in PODS[name]["volumes"]}
    assert volumes["settings"]["configMap"]["name"] == name
    assert volumes["secrets"]["secret"]["secretName"] == f"{name}-secrets"
    assert volumes["keys"]["secret"]["secretName"] == f"{name}-keys"
    seen = mounts(name)
    assert [seen[path] for path in ("/etc/aval/aval.toml", "/etc/aval/secrets", "/etc/aval/keys")] == [False] * 3
    assert ("/var/lib/aval" in seen) == (process not in HOLD_NO_BYTES)
    assert seen.get("/var/lib/aval-anchors") == ((process == "sweep") if process in KNOW_THE_JOURNAL else None)


# -------------------------------------------------------------------------------------------------------- who to whom


def reached(process: str) -> set[str]:
    """Return what a process may connect to, by the policies."""
    labels = {"app.kubernetes.io/name": "aval", "app.kubernetes.io/component": process}
    found = set()
    for policy in (one["spec"] for one in BASE if one["kind"] == "NetworkPolicy"):
        chosen = policy["podSelector"].get("matchLabels", {})
        if not chosen.items() <= labels.items():
            continue
        for rule in policy.get("egress", ()):
            for place in rule["to"]:
                selected = place.get("podSelector", {}).get("matchLabels", {})
                found.add(selected.get("app.kubernetes.io/name") or ("names" if "k8s-app" in selected else "outside"))
    return found


def test_everything_is_refused_that_no_policy_allows() -> None:
    (first,) = [one["spec"] for one in BASE if one["metadata"]["name"] == "aval-nothing-else"]
    assert first == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("process", NAMES)
def test_a_process_reaches_what_its_work_needs_and_nothing_else(process: str) -> None:
    expected = {"names", "postgresql"} | ({"rabbitmq"} if process in RING else set())
    outside = {"outside"} if process in {"scp", "intake", "deliver", "sweep", "ups"} else set()
    assert reached(process) == expected | outside


def test_the_broker_hears_those_who_ring_and_nobody_else() -> None:
    (policy,) = [one["spec"] for one in BASE if one["metadata"]["name"] == "aval-to-rabbitmq"]
    (rule,) = policy["ingress"][0]["from"][0]["podSelector"]["matchExpressions"]
    assert (rule["operator"], set(rule["values"])) == ("In", RING)


def test_an_object_store_is_reached_by_who_holds_bytes_and_shares_no_disk() -> None:
    (policy,) = documents("s3/network.yaml")
    (rule,) = policy["spec"]["podSelector"]["matchExpressions"]
    held = set(NAMES) - HOLD_NO_BYTES
    assert (rule["operator"], set(rule["values"])) == ("In", held)
    (overlay,) = documents("s3/kustomization.yaml")
    pattern = overlay["patches"][0]["target"]["name"]
    assert {name for name in DEPLOYMENTS if re.fullmatch(pattern, name)} == {f"aval-{name}" for name in held}
    (patch,) = documents("s3/copies.yaml")
    (volume,) = patch["spec"]["template"]["spec"]["volumes"]
    for name in held:
        (replaced,) = [one for one in PODS[f"aval-{name}"]["volumes"] if one["name"] == volume["name"]]
        assert replaced.keys() - volume.keys() == set(), "each way to have it is taken away, or given anew"


def test_each_door_is_open_for_its_service_alone() -> None:
    doors = {}
    for one in BASE:
        if one["kind"] == "NetworkPolicy" and one["metadata"]["name"].removeprefix("aval-") in NAMES:
            ports = [port["port"] for rule in one["spec"].get("ingress", ()) for port in rule["ports"]]
            doors |= {one["metadata"]["name"]: ports} if ports else {}
    services: dict[str, list[int]] = {}
    for one in BASE:
        if one["kind"] == "Service":  # a process has one for each place that it hears from
            chosen = one["spec"]["selector"]["app.kubernetes.io/component"]
            services.setdefault(f"aval-{chosen}", []).extend(port["port"] for port in one["spec"]["ports"])
    inside = {
        name: [port["containerPort"] for port in container(name)["ports"]]
        for name in PODS
        if "ports" in container(name)
    }
    assert doors == services == inside


def test_doors_stay_open_while_a_machine_is_emptied() -> None:
    kept = {one["metadata"]["name"] for one in BASE if one["kind"] == "PodDisruptionBudget"}
    assert kept == {"aval-scp", "aval-intake", "aval-desk"}
    assert all(DEPLOYMENTS[name]["spec"]["replicas"] >= 2 for name in kept)


def test_workers_follow_the_queue_that_they_listen_to() -> None:
    scaled, login = sorted(documents("keda/infer-scaler.yaml"), key=lambda one: str(one["kind"]))
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["metadata"]["queueName"] in map(queue_of, TOPICS)
    assert scaled["spec"]["scaleTargetRef"]["name"] in DEPLOYMENTS
    assert trigger["authenticationRef"]["name"] == login["metadata"]["name"]
    (secret,) = login["spec"]["secretTargetRef"]
    assert (secret["name"], secret["key"]) == ("aval-infer-secrets", "AVAL_BROKER__URL")


def test_load_makes_everything_that_the_manifests_name(tmp_path: Path) -> None:
    """`kubectl` stands for itself: it says what it was asked for."""
    (tmp_path / "kubectl").write_text('#!/bin/sh\necho "$4/$5/$6"\n')
    (tmp_path / "kubectl").chmod(0o755)
    for name in NAMES:
        (tmp_path / "master" / "processes" / name).mkdir(parents=True)
    done = subprocess.run(
        [str(FOLDER / "load"), str(tmp_path / "master")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=WAIT_S,
    )
    made = {line.replace("secret/generic", "secret").rsplit("/--", 1)[0] for line in done.stdout.splitlines()} - {"---"}
    wanted = set()
    for pod in PODS.values():
        wanted |= {f"configmap/{one['configMap']['name']}" for one in pod["volumes"] if "configMap" in one}
        wanted |= {f"secret/{one['secret']['secretName']}" for one in pod["volumes"] if "secret" in one}
    assert made == wanted
