"""One study as a trace, its review as another one that leads to it, told to a real collector from both databases."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bridge.db.engine import make_aval_engine
from bridge.db.store import SqlStore
from bridge.tracing import case_root, result_place, review_place
from bridge.wiring.tracer import WAITING_MAX, Tracer, poster
from guarantee.opinion import Verdict
from guarantee.runs import Outcome
from guarantee.states import ResultVerb
from tests.collector import Collector
from tests.db.databases import Database
from tests.db.steps import Steps
from tests.db.test_kept_runs import a_run
from tests.guarantee.samples import MODEL, at


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.stop()


@pytest.fixture
def tracer(database: Database, collector: Collector) -> Iterator[Tracer]:
    """A tracer with the role that audits, which has begun."""
    store = SqlStore(make_aval_engine(database.url_of("aval_audit")))
    made = Tracer(store, poster(collector.endpoint, "secret"), "1.2")
    made.look()
    yield made
    store.dispose()


def said(span: Span) -> dict[str, str]:
    return {one.key: one.value.string_value for one in span.attributes}


def seconds(span: Span) -> float:
    return (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9


def test_a_study_is_one_trace_from_the_first_image_to_the_last_receipt(
    store: SqlStore, steps: Steps, tracer: Tracer, collector: Collector
) -> None:
    result = steps.queued("1.2")
    with store.transaction("infer") as unit:
        shift = timedelta(seconds=100)
        retried = {"outcome": Outcome.RETRIED, "cause": "crashed", "spent": None, "answered_at": None}
        unit.runs.add(a_run(result, started_at=at(20), ended_at=at(25), read_at=at(21), **retried))
        times = {"started_at": at(1), "read_at": at(2), "answered_at": at(6), "ended_at": at(7)}
        unit.runs.add(a_run(result, **{name: time + shift for name, time in times.items()}))
    steps.seconds = 107
    delivered = steps.deliver(steps.sign(steps.draft(result), verdict=Verdict.ACCEPT))
    tracer.look()
    trace = bytes.fromhex(case_root(result.case).trace)
    own = [span for span in collector.spans if span.trace_id == trace]
    assert sorted(span.name for span in own) == sorted(
        [
            *("case", "receive", "complete", "result", "route", "queue", "run", "run", "fetch"),
            *("fetch", "start", "preprocess", "predict", "postprocess", "store", "deliver", "deliver"),
        ]
    )
    ids = {span.span_id: span for span in own}
    assert len(ids) == len(own), "each span once"
    (root,) = [span for span in own if not span.parent_span_id]
    assert root.name == "case"
    assert all(span.parent_span_id in ids for span in own if span is not root)
    (predict,) = [span for span in own if span.name == "predict"]
    assert (seconds(predict), ids[predict.parent_span_id].name) == (2.5, "run")
    (failed,) = [span for span in own if span.name == "run" and span.status.code == 2]
    assert (failed.status.message, said(failed)["aval.outcome"]) == ("crashed", "retried")
    assert {said(span)["aval.destination"] for span in own if span.name == "deliver"} == {"pacs", "record"}
    (whole,) = [span for span in own if span.name == "result"]
    assert said(whole) | {"aval.priority": ""} == {
        "aval.result": delivered.id,
        "aval.model": MODEL.id,
        "aval.mode": "care",
        "aval.priority": "",
        "aval.state": "drafted",
    }
    assert all(header["Authorization"] == "Bearer secret" for header in collector.headers)


def test_a_review_is_a_trace_of_its_own_that_leads_to_it(steps: Steps, tracer: Tracer, collector: Collector) -> None:
    result = steps.sign(steps.drafted("1.2"), verdict=Verdict.AMEND)
    tracer.look()
    place, made = review_place(result.id), result_place(result.case, result.id)
    (review,) = [span for span in collector.spans if span.name == "review"]
    assert (review.trace_id.hex(), review.span_id.hex(), review.parent_span_id) == (place.trace, place.span, b"")
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in review.links] == [(made.trace, made.span)]
    assert made.trace != place.trace
    assert said(review)["aval.verdict"] == "amend"
    steps.deliver(result)
    tracer.look()
    delivered = [span for span in collector.spans if span.name == "deliver"]
    assert {link.span_id.hex() for span in delivered for link in span.links} == {place.span}
    assert {span.trace_id.hex() for span in delivered} == {made.trace}


def test_a_result_that_failed_is_told_with_its_cause(steps: Steps, tracer: Tracer, collector: Collector) -> None:
    steps.conclude(steps.queued("1.2"), ResultVerb.FAIL)
    tracer.look()
    (result,) = [span for span in collector.spans if span.name == "result"]
    assert (result.status.code, result.status.message, said(result)["aval.state"]) == (2, "because", "failed")


def test_what_ended_before_it_began_is_not_told(store: SqlStore, steps: Steps, collector: Collector) -> None:
    steps.drafted("1.2")
    late = Tracer(store, poster(collector.endpoint, ""), "1.2")
    late.look()
    late.look()
    assert collector.spans == []
    steps.drafted("1.3")
    late.look()
    assert {span.name for span in collector.spans} >= {"case", "result"}
    assert "Authorization" not in collector.headers[0]


def test_while_the_collector_is_away_spans_wait_and_are_told_once(
    steps: Steps, tracer: Tracer, collector: Collector
) -> None:
    collector.status = 503
    steps.drafted("1.2")
    tracer.look()
    steps.drafted("1.3")
    tracer.look()
    collector.status = 200
    tracer.look()
    names = [span.name for span in collector.spans]
    assert (names.count("case"), names.count("result")) == (2, 2)
    tracer.look()
    assert len(collector.spans) == len(names)


def test_more_than_can_wait_is_given_up_oldest_first(
    steps: Steps, tracer: Tracer, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status = 503
    steps.drafted("1.2")
    tracer.look()
    held = tracer._waiting
    first = held[0]
    held.extend([held[-1]] * (WAITING_MAX - len(held)))
    steps.drafted("1.3")
    with caplog.at_level("WARNING", "aval.tracing"):
        tracer.look()
    assert len(held) == WAITING_MAX
    assert first not in held
    assert "tracing.lost spans=" in caplog.text
