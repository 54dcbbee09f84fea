"""What runs leave to be compared, read back by period and group; and what a scrape and the page are told of it."""

import random
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import insert, select

from bridge.comparison import Asked
from bridge.db import tables
from bridge.db.store import SqlStore
from bridge.drift import N_MIN, Verdict
from bridge.wiring.drift import drift_of
from bridge.wiring.drift_gauge import EVERY, LIST_EVERY, DriftGauge
from guarantee.codec import time_text
from guarantee.retirement import Retirement
from guarantee.runs import Outcome
from tests.db.steps import Steps
from tests.db.test_exporter import BRAIN, Scraped
from tests.db.test_exporter import scraped as scraped  # noqa: PLC0414 - a fixture
from tests.db.test_kept_runs import a_run
from tests.guarantee.samples import MODEL, at


def learnt(store: SqlStore) -> list[dict[str, Any]]:
    with store.reading() as unit:
        return [dict(row) for row in unit.connection.execute(select(tables.features)).mappings()]


def add(store: SqlStore, result: str, rows: int, *, since_s: float, before: str = "a", **changes: Any) -> None:
    """Insert ``rows`` results, a second apart; the device is ``before``."""
    chance = random.Random(since_s)
    body = {"input/device": before, "output/outcome": "drafted"}
    values = [
        {
            "model_id": MODEL.id,
            "mode": "care",
            "kind": "study",
            "case_uid": f"9.{since_s:.0f}.{number}",
            "result_id": result,
            "site": "chu",
            "sender": "mr1",
            "scanner": before,
            "answered": 1,
            "at": time_text(at(since_s + number)),
            "body": orjson.dumps(body | {"output/score:x": round(chance.random(), 3)}).decode(),
        }
        | changes
        for number in range(rows)
    ]
    with store.transaction("infer") as unit:
        unit.connection.execute(insert(tables.features), values)


def test_a_study_counts_once_however_often_a_version_answers(store: SqlStore, steps: Steps) -> None:
    result = steps.drafted("1.2")
    with store.transaction("infer") as unit:
        for second, said in ((1, "first"), (20, "again")):
            run = a_run(result, started_at=at(second), ended_at=at(second + 6), features={"output/presence:x": said})
            unit.runs.add(run)
    (row,) = learnt(store)
    assert (row["model_id"], row["mode"], row["case_uid"], row["sender"], row["answered"]) == (
        MODEL.id,
        "care",
        "1.2",
        "mr1",
        1,
    )
    assert orjson.loads(row["body"])["output/presence:x"] == "first"


def test_an_attempt_from_which_nothing_is_learnt_leaves_nothing(store: SqlStore, steps: Steps) -> None:
    result = steps.drafted("1.2")
    with store.transaction("infer") as unit:
        unit.runs.add(a_run(result, outcome=Outcome.RETRIED, cause="crashed"))
    assert learnt(store) == []


def test_the_first_results_are_held_against_the_last_and_none_is_in_both(store: SqlStore, steps: Steps) -> None:
    result = steps.drafted("1.2").id
    add(store, result, N_MIN + 50, since_s=1000)
    add(store, result, N_MIN + 30, since_s=2000, before="b")
    (whole,) = drift_of(Asked(model=MODEL.id), store).groups
    assert whole.reference == (at(1000), at(1000 + N_MIN - 1))
    assert whole.recent == (at(2030), at(2000 + N_MIN + 29))
    rows = {row.name: row for row in whole.rows}
    assert (rows["device"].verdict, rows["score:x"].verdict) == (Verdict.LOOK, Verdict.STEADY)
    everything = Asked(model=MODEL.id, count=400)
    (whole,) = drift_of(everything, store).groups
    assert whole.recent is not None
    assert (whole.rows[0].n_reference, whole.rows[0].n_recent) == (400, 80)
    assert whole.reference is not None
    assert whole.reference[1] < whole.recent[0]


@pytest.mark.parametrize(
    ("asked", "reference_n", "recent_n"),
    [
        ({"reference": (at(1000), at(1210))}, 210, 200),
        ({"recent": (at(2000), at(2220))}, 200, 220),
        ({"reference": (at(1010), at(1215)), "recent": (at(2000), at(2204))}, 205, 204),
        ({"mode": "shadow"}, 0, 0),
    ],
)
def test_periods_are_chosen(
    store: SqlStore, steps: Steps, asked: dict[str, Any], reference_n: int, recent_n: int
) -> None:
    result = steps.drafted("1.2").id
    for since_s in (1000, 2000):
        add(store, result, N_MIN + 50, since_s=since_s)
    (whole,) = drift_of(Asked(model=MODEL.id, **asked), store).groups
    assert {(row.n_reference, row.n_recent) for row in whole.rows} == ({(reference_n, recent_n)} if recent_n else set())


def test_a_group_below_the_minimum_is_counted_and_not_shown(store: SqlStore, steps: Steps) -> None:
    result = steps.drafted("1.2").id
    add(store, result, 2 * N_MIN, since_s=1000, scanner="large")
    add(store, result, 2 * N_MIN - 1, since_s=5000, scanner="small")
    add(store, result, 30, since_s=9000, scanner="")
    found = drift_of(Asked(model=MODEL.id, by="scanner"), store)
    assert [group.name for group in found.groups] == ["", "large"]
    assert found.hidden == 1
    with store.reading() as unit:
        (version,) = unit.samples.versions()
    assert (version.results, version.last_at) == (4 * N_MIN + 29, at(9029))


def test_what_may_explain_it_is_told_beside_it(store: SqlStore, steps: Steps) -> None:
    steps.seconds = 1100
    result = steps.drafted("1.2").id
    add(store, result, N_MIN, since_s=1000)
    add(store, result, N_MIN, since_s=2000)
    with store.transaction("desk") as unit:
        unit.retirements.add(Retirement(model=MODEL.id, by="operator:x", reason="DUPONT", at=at(1500)))
    told = [(event.kind, event.about) for event in drift_of(Asked(model=MODEL.id), store).events]
    assert told == [("retirement", MODEL.id), ("service", MODEL.id)]
    with store.reading() as unit:
        assert [event.kind for event in unit.measures.events(at(1400), at(3000))] == ["retirement"]


def test_a_scrape_is_told_how_many_features_deserve_a_look(store: SqlStore, steps: Steps, scraped: Scraped) -> None:
    result = steps.drafted("1.2").id
    add(store, result, N_MIN, since_s=100)
    add(store, result, N_MIN, since_s=2000, before="b")
    scraped.scrape()
    look = f'aval_drift_features{{{BRAIN},side="input",verdict="look"}}'
    assert scraped.value(look) == 1.0
    assert scraped.value(f'aval_drift_features{{{BRAIN},side="output",verdict="steady"}}') == 2.0
    scraped.scrape(after_s=timedelta(days=30).total_seconds())
    assert scraped.value(look) is None


def test_one_version_is_compared_at_a_time_and_again_after_an_hour(store: SqlStore, steps: Steps) -> None:
    result = steps.drafted("1.2").id
    with store.transaction("register") as unit:
        row = dict(
            unit.connection.execute(select(tables.models).where(tables.models.c.id == MODEL.id)).mappings().one()
        )
        unit.connection.execute(insert(tables.models).values(row | {"id": "other@1", "name": "other", "version": "1"}))
    add(store, result, N_MIN, since_s=100)
    add(store, result, 10, since_s=900, model_id="other@1")
    gauge, now = DriftGauge(store), at(3000)
    assert {model for model, _, _ in gauge.values(now)} == {"other@1"}, "the one that answered last"
    assert {model for model, _, _ in gauge.values(now)} == {"other@1"}, "not twice within a minute"
    now += LIST_EVERY
    assert {model for model, _, _ in gauge.values(now)} == {"other@1", MODEL.id}
    add(store, result, N_MIN, since_s=2000, before="b")
    now += LIST_EVERY
    assert gauge.values(now)[MODEL.id, "input", "look"] == 0
    for _ in range(2):  # the other one is older, and comes first
        now += EVERY
        found = gauge.values(now)
    assert found[MODEL.id, "input", "look"] == 1
