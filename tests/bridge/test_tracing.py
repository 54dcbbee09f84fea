"""Spans as a collector reads them, and settings that turn them on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from bridge.config.tracing import TracingSettings
from bridge.tracing import (
    TEXT_CHARS_MAX,
    CaseTimes,
    ResultTimes,
    RunTimes,
    case_root,
    of_case,
    of_result,
    result_place,
    review_place,
    to_otlp,
)
from tests.collector import decoded, spans_of

START = datetime(2026, 11, 27, 8, 0, 0, 123456, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


CASE = CaseTimes(
    case="c", kind="study", site="chu", opened_at=START, last_input_at=after(40.000001), judged_at=after(340)
)
RUN = RunTimes(
    started_at=after(342),
    ended_at=after(360),
    outcome="drafted",
    cause="",
    parts_s={"fetch": 1.0, "predict": 10.0, "store": 0.25},
)
RESULT = ResultTimes(
    result="r",
    case="c",
    model="m@1",
    mode="care",
    priority="stat",
    state="drafted",
    cause="",
    judged_at=after(340),
    queued_at=after(341),
    ended_at=after(360),
    runs=(RUN,),
)


def test_the_trace_follows_from_the_case_and_nothing_else() -> None:
    assert case_root("c") == case_root("c")
    places = [case_root("c"), case_root("d"), result_place("c", "r"), review_place("r"), review_place("c")]
    assert len({place.span for place in places}) == len(places)
    assert result_place("c", "r").trace == case_root("c").trace
    assert all(len(bytes.fromhex(place.trace)) == 16 and len(bytes.fromhex(place.span)) == 8 for place in places)


def test_what_is_told_is_read_by_the_official_package() -> None:
    request = decoded(to_otlp([*of_case(CASE), *of_result(RESULT)], "1.2"))
    (resource,) = request.resource_spans
    assert {one.key: one.value.string_value for one in resource.resource.attributes} == {
        "service.name": "aval",
        "service.version": "1.2",
    }
    spans = spans_of(request)
    assert [span.name for span in spans] == [
        *("case", "receive", "complete", "result", "route", "queue", "run", "fetch", "predict", "store")
    ]
    receive = spans[1]
    assert receive.end_time_unix_nano - receive.start_time_unix_nano == 40_000_001_000
    assert receive.start_time_unix_nano == 1_795_766_400_123_456_000


def test_parts_of_a_run_come_one_after_the_other() -> None:
    _, _, _, run, fetch, predict, store = of_result(RESULT)
    assert (fetch.begin, fetch.end, predict.begin, predict.end, store.begin) == (
        run.begin,
        after(343),
        after(343),
        after(353),
        after(353),
    )


def test_without_a_run_there_is_no_queue() -> None:
    assert [span.name for span in of_result(replace(RESULT, runs=(), state="excluded"))] == ["result", "route"]


def test_a_clock_that_was_set_back_makes_no_span_end_before_it_began() -> None:
    assert all(span.end >= span.begin for span in of_case(replace(CASE, judged_at=after(-100))))


def test_attributes_are_short_and_empty_ones_are_left_out() -> None:
    (span, *_) = spans_of(decoded(to_otlp([*of_case(replace(CASE, site="", kind="x" * 999))], "1")))
    found = {one.key: one.value.string_value for one in span.attributes}
    assert found == {"aval.case": "c", "aval.case.kind": "x" * TEXT_CHARS_MAX}


def test_an_endpoint_is_an_address_and_none_by_default() -> None:
    assert TracingSettings().endpoint == ""
    with pytest.raises(ValidationError, match="http"):
        TracingSettings(endpoint="collector:4318")
