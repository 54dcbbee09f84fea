"""Alert rules and dashboard: they ask for metrics, labels, values and buckets that /metrics really has."""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bridge.db.engine import make_aval_engine
from bridge.db.migrate import migrate
from bridge.db.store import SqlStore
from bridge.drift import Side
from bridge.drift import Verdict as Judged
from bridge.exposition import SECONDS, Family
from bridge.web.monitoring_words import PLACES
from bridge.wiring.exporter import Exporter
from guarantee.breaker import Phase
from guarantee.opinion import Verdict
from guarantee.runs import STAGES, TO_DRAFT, Outcome
from guarantee.states import CaseState, ResultState
from tests.installation import ROOT
from tests.peers.promtool import judge

FOLDER: Final = ROOT / "deploy" / "monitoring"
TESTS: Final = Path(__file__).parent
RULES: Final[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]
DASHBOARD: Final[dict[str, Any]] = json.loads((FOLDER / "grafana-aval.json").read_text())

VALUES: Final = {
    "stage": {*STAGES, TO_DRAFT},
    "queue": set(PLACES),
    "outcome": set(Outcome),
    "le": {str(int(bound)) if bound == int(bound) else str(bound) for bound in SECONDS},
    "side": set(Side),
    "verdict": {*Verdict, *Judged},
    "state": {*map(str, Phase), *ResultState, *CaseState, "confirmed", "declined", "withheld", "overdue"},
}
"""What the labels with a fixed vocabulary can say."""


def expressions() -> Iterator[tuple[str, str]]:
    """Yield each query with where it stands."""
    for rule in RULES["rules"]:
        yield rule.get("alert") or rule["record"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    yield from (("annotation", one["expr"]) for one in DASHBOARD["annotations"]["list"])


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Family]:
    """What an exporter really has, by the names that its text has."""
    engine = make_aval_engine(f"sqlite:///{tmp_path_factory.mktemp('metrics') / 'aval.db'}")
    migrate(engine)
    store = SqlStore(engine)
    exporter = Exporter(store, SystemClock(), lambda _unit: (), "1")
    text = exporter.text()
    store.dispose()
    made = {family.name: family for family in exporter.families}
    assert all(f"# TYPE {name} " in text for name in made)
    return made


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def wrong(expression: str, families: dict[str, Family]) -> list[str]:
    """Return what a query asks for that there is not."""
    found = []
    for name, said in re.findall(r"\b((?:aval|process)_\w+)(?:\{([^}]*)\})?", expression):
        suffix = next((end for end in ("_bucket", "_sum", "_count") if name.endswith(end)), "")
        family = families.get(name.removesuffix(suffix) if suffix else name)
        if family is None or (family.kind == "histogram") is not bool(suffix):
            found.append(name)
            continue
        for label, value in re.findall(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"', said):
            known = {*family.labels, *({"le"} if suffix == "_bucket" else ())}
            said_values = {one for one in value.split("|") if "$" not in one}
            if label not in known or not said_values <= VALUES.get(label, said_values):
                found.append(f"{name}{{{label}={value}}}")
    labels = {label for family in families.values() for label in family.labels} | {"le"}
    grouped = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in re.findall(r"\w+", group)}
    return [*found, *sorted(grouped - labels)]


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_a_query_asks_for_what_there_is(where: str, expression: str, families: dict[str, Family]) -> None:
    assert wrong(expression, families) == [], where


@pytest.mark.parametrize(
    "expression",
    [
        "aval_queue_depth",
        'aval_queue_items{queue="inference"}',
        'aval_queue_items{model="x"}',
        "sum by (patient) (aval_queue_items)",
        'aval_stage_duration_seconds_bucket{le="601"}',
        "rate(aval_stage_duration_seconds[5m])",
        'aval_runs_total{outcome=~"failed|broken"}',
    ],
)
def test_a_query_that_asks_for_what_there_is_not_is_found(expression: str, families: dict[str, Family]) -> None:
    assert wrong(expression, families)


@pytest.mark.peer("promtool")
@pytest.mark.parametrize("name", ["alerts.test.yml", "alerts.months.test.yml"])
def test_each_alert_fires_where_it_must_and_not_beside_it(tmp_path: Path, name: str) -> None:
    for path in (FOLDER / "alerts.yml", TESTS / name):
        shutil.copy(path, tmp_path)
    status, said = judge("test", "rules", name, folder=tmp_path)
    assert status == 0, said


def test_every_alert_has_a_test_in_which_it_fires() -> None:
    tests = [yaml.safe_load(path.read_text()) for path in TESTS.glob("alerts*.test.yml")]
    fires = {
        one["alertname"]
        for group in tests
        for case in group["tests"]
        for one in case["alert_rule_test"]
        if one.get("exp_alerts")
    }
    alerts = [rule for rule in RULES["rules"] if "alert" in rule]
    assert fires == {rule["alert"] for rule in alerts}
    assert all(rule["labels"]["severity"] in {"page", "ticket"} for rule in alerts)
    assert all(rule["annotations"].keys() == {"summary", "summary_en"} for rule in alerts)


@pytest.mark.peer("promtool")
def test_prometheus_reads_every_query_of_the_dashboard(tmp_path: Path) -> None:
    queries = [
        expression.replace("$__rate_interval", "5m").replace("$model", ".*")
        for where, expression in expressions()
        if not where.startswith(("Aval", "aval:"))
    ]
    rules = [{"record": f"query:number{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    status, said = judge("check", "rules", "queries.yml", folder=tmp_path)
    assert status == 0, said
    (tmp_path / "bad.yml").write_text((tmp_path / "queries.yml").read_text().replace("sum by", "sum bye"))
    assert judge("check", "rules", "bad.yml", folder=tmp_path)[0] != 0, "the control"


def test_panels_have_their_own_place_and_name() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    taken = [
        (row, column)
        for panel in panels
        for at in [panel["gridPos"]]
        for row in range(at["y"], at["y"] + at["h"])
        for column in range(at["x"], at["x"] + at["w"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(column for _, column in taken) < 24
