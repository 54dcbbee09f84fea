"""The file of routes and policies."""

import json
from pathlib import Path

import pytest

from bridge.rules_file import FILE_BYTES_MAX, SHIPPED, RulesMalformed, read_rules, schema_text
from guarantee.case import CaseKind
from guarantee.errors import Malformed
from guarantee.result import Priority

GOOD = """
policies:
  - {id: validate-each, version: 1, readers: 1, roles: [radiologist], expires_after_s: 60}
routes:
  - name: brains
    kind: study
    models: [brain-extractor]
    priority: stat
    when:
      - {fact: Modality, one_of: [MR], why: {fr: non, en: nay}, code: modality}
"""


def read(tmp_path: Path, text: str) -> object:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    return read_rules(path)


def test_the_shipped_file_loads() -> None:
    routes, policies = read_rules(SHIPPED)
    assert {route.kind for route in routes} == set(CaseKind)
    assert all(policy.readers >= 1 for policy in policies)


def test_a_file_becomes_values(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(GOOD)
    (route,), (policy,) = read_rules(tmp_path / "rules.yaml")
    assert (route.name, route.priority, route.when[0].code) == ("brains", Priority.STAT, "modality")
    assert policy.ref == "validate-each@1"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("readers: 1", "readers: 0", "between 1 and"),
        ("readers: 1", "readers: 9", "between 1 and"),
        ("readers: 1", "readers: one", r"policies\.0\.readers"),
        ("roles: [radiologist]", "roles: []", "only radiologists and clinicians"),
        ("roles: [radiologist]", "roles: [engineer]", "only radiologists and clinicians"),
        ("roles: [radiologist]", "roles: [wizard]", r"policies\.0\.roles"),
        ("version: 1", "version: 0", "version"),
        ("expires_after_s: 60", "expires_after_s: 0", "positive"),
        ("id: validate-each", "id: a@b", "without @"),
        ("kind: study", "kind: film", r"routes\.0\.kind"),
        ("priority: stat", "priority: never", r"routes\.0\.priority"),
        ("models:", "modules:", r"routes\.0\.mod"),
        ("why: {fr: non, en: nay}", "why: {fr: non}", r"routes\.0\.when\.0\.why\.en"),
        ("one_of: [MR]", "run: rm", r"routes\.0\.when\.0\.run"),
        ("one_of: [MR]", "minimum: 5, maximum: 4", "above maximum"),
        ("policies:", "policies: [", "not YAML"),
        ("policies:", "? !!python/object/apply:os.system ['true']\n  : 1\npolicies:", "not YAML"),
    ],
)
def test_each_mistake_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        read(tmp_path, GOOD.replace(old, new, 1))


@pytest.mark.parametrize("text", ["", "[]", "a", "null", "\x00", "[" * 5_000])
def test_what_is_no_file_of_rules_is_malformed(tmp_path: Path, text: str) -> None:
    with pytest.raises(Malformed):
        read(tmp_path, text)


def test_a_file_beyond_any_reason_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="bytes"):
        read(tmp_path, GOOD + "#" * FILE_BYTES_MAX)


@pytest.mark.parametrize(
    ("old", "new", "line", "place"),
    [
        ("readers: 1", "readers: one", 3, "policies.0.readers"),
        ("kind: study", "kind: film", 6, "routes.0.kind"),
        ("models:", "modules:", 7, "routes.0.modules"),
        ("models: [brain-extractor]", "models: [brain-extractor, 7]", 7, "routes.0.models.1"),
        ("why: {fr: non, en: nay}", "why: {fr: non}", 10, "routes.0.when.0.why.en"),
        ("one_of: [MR]", "minimum: 5, maximum: 4", 10, "routes.0.when.0"),
        ("priority: stat", "priority: stat\n    kind: record", 9, ""),
        ("priority: stat", "reject: {fr: non, en: nay}\n    priority: stat", 5, "routes.0"),
        ("models: [brain-extractor]", "models: [", 9, ""),
    ],
)
def test_each_mistake_has_its_line(tmp_path: Path, old: str, new: str, line: int, place: str) -> None:
    with pytest.raises(RulesMalformed) as raised:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert (line, place) in [(fault.line, fault.place) for fault in raised.value.faults]


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(RulesMalformed) as raised:
        read(tmp_path, GOOD.replace("kind: study", "kind: film").replace("readers: 1", "readers: 9"))
    assert [fault.line for fault in raised.value.faults] == [3, 6]


def test_a_rule_that_rejects_needs_no_models(tmp_path: Path) -> None:
    text = GOOD.replace("models: [brain-extractor]", "reject: {fr: non, en: nay}").replace("    priority: stat\n", "")
    (tmp_path / "rules.yaml").write_text(text)
    (route,), _ = read_rules(tmp_path / "rules.yaml")
    assert route.rejects("anything")


def test_the_schema_for_editors_is_the_one_that_is_checked() -> None:
    assert (SHIPPED.parent / "routing.schema.json").read_text(encoding="utf-8") == schema_text()
    said = json.loads(schema_text())
    assert set(said["properties"]) == {"policies", "routes"}
    assert said["additionalProperties"] is False


def test_two_routes_or_policies_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = GOOD.replace("routes:", GOOD.splitlines()[2].replace("readers: 1", "readers: 2") + "\nroutes:")
    with pytest.raises(Malformed, match=r"line 4: policies\.1: policy validate-each@1"):
        read(tmp_path, twice)
    with pytest.raises(Malformed, match=r"line 11: routes\.1\.name: two routes are called brains"):
        read(tmp_path, GOOD + "  - {name: brains, kind: record, models: [x]}\n")
