"""Attempts of models as the database keeps them, with where their inputs came from."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from bridge.db import tables
from bridge.db.store import SqlStore
from guarantee.case import Source
from guarantee.result import Result
from guarantee.runs import Outcome, Run, Spent
from tests.db.steps import Steps, an_arrival
from tests.guarantee.samples import MANIFEST, a_case, a_result, a_source, at

SPENT = Spent(preprocess_s=0.0004, predict_s=2.5, postprocess_s=0.1)


def a_run(result: Result, **changes: Any) -> Run:
    made = Run(
        result=result.id,
        holder="infer:host:1",
        outcome=Outcome.DRAFTED,
        cause="",
        started_at=at(1),
        read_at=at(2),
        answered_at=at(6),
        ended_at=at(7),
        spent=SPENT,
    )
    return replace(made, **changes)


def kept(store: SqlStore, run: Run) -> dict[str, Any]:
    with store.transaction(run.holder) as unit:
        unit.runs.add(run)
    with store.reading() as unit:
        row = unit.connection.execute(select(tables.runs).where(tables.runs.c.result_id == run.result)).mappings().one()
    return dict(row)


def test_a_run_is_kept_in_milliseconds_with_its_sender(store: SqlStore, steps: Steps) -> None:
    row = kept(store, a_run(steps.drafted("1.2")))
    assert (row["sender"], row["scanner"], row["holder"]) == ("mr1", "", "infer:host:1")
    parts = ("fetch_ms", "start_ms", "preprocess_ms", "predict_ms", "postprocess_ms", "store_ms")
    assert [row[name] for name in parts] == [1000, 1400, 0, 2500, 100, 1000]


def test_what_was_not_reached_stays_empty(store: SqlStore, steps: Steps) -> None:
    failed = a_run(
        steps.queued("1.2"), outcome=Outcome.FAILED, cause="blob-missing", read_at=None, answered_at=None, spent=None
    )
    row = kept(store, failed)
    assert {row[name] for name in row if name.endswith("_ms")} == {None}


@pytest.mark.parametrize(
    ("said", "kept_as"), [("SIGNA Premier", "SIGNA Premier"), ("a\0b\x1b[31m\n", "ab[31m"), (None, "")]
)
def test_the_device_is_that_of_the_series_that_the_model_looked_at(
    store: SqlStore, steps: Steps, said: str | None, kept_as: str
) -> None:
    case = a_case("1.2")
    steps.receive("1.2")
    facts = {} if said is None else {"ManufacturerModelName": frozenset({said})}
    looked_at, other = a_source("1.2.3", group="1.2.9"), a_source("1.2.0", group="1.2.8")
    with store.transaction("scp") as unit:
        add = unit.cases.add_input
        add(case, replace(an_arrival(case, looked_at), facts=facts, sender="mr2"), conflict=False, at=at(50))
        add(case, replace(an_arrival(case, other), sender="other"), conflict=False, at=at(51))
        bad = Source(uid="1.2.1", group="1.2.9", kind=other.kind, digest=other.digest)
        add(case, replace(an_arrival(case, bad), sender="conflict"), conflict=True, at=at(52))
    result = a_result(replace(case, manifest=MANIFEST), focus="1.2.9")
    steps.complete(case, result)
    row = kept(store, a_run(result))
    assert (row["sender"], row["scanner"]) == ("mr2", kept_as)


@pytest.mark.parametrize(
    ("said", "learnt"),
    [
        ({"SliceThickness": "1.50", "Manufacturer": "GE", "MagneticFieldStrength": "3"}, (1.5, "GE", 3.0)),
        ({"SliceThickness": "thin", "Manufacturer": "\0", "MagneticFieldStrength": "1e999"}, (None, None, None)),
    ],
)
def test_facts_of_the_header_are_features_and_what_is_no_number_is_missing(
    store: SqlStore, steps: Steps, said: dict[str, str], learnt: tuple[float | None, str | None, float | None]
) -> None:
    case = a_case("1.2")
    steps.receive("1.2")
    facts = {"Modality": frozenset({"MR"})} | {name: frozenset({value}) for name, value in said.items()}
    with store.transaction("scp") as unit:
        source = a_source("1.2.3", group="1.2.9")
        unit.cases.add_input(case, replace(an_arrival(case, source), facts=facts), conflict=False, at=at(50))
    result = a_result(replace(case, manifest=MANIFEST), focus="1.2.9")
    steps.complete(case, result)
    kept(store, a_run(result, features={"output/outcome": "drafted"}))
    with store.reading() as unit:
        body = orjson.loads(unit.connection.scalar(select(tables.features.c.body)))
    names = ("slice-thickness", "manufacturer", "field-strength", "device", "sequence")
    assert tuple(body[f"input/{name}"] for name in names) == (*learnt, None, None)
    assert body["output/outcome"] == "drafted"
