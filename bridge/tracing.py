"""Spans of what already happened, in OTLP's JSON form: what a collector of traces is told.

A trace is one revision of a case, its identifier a digest of the case's: nothing has to travel with messages, and what
is told twice is the same span. A review is a trace of its own with a link: a person's hours are no span of a machine.

Source: opentelemetry.io/docs/specs/otlp (1.x, JSON over HTTP). Written here, for it is a page of JSON, and the SDK
makes spans of what happens now, while everything here was stored with its times (guarantee/runs.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from hashlib import sha256
from typing import Any, Final

import orjson

from guarantee.runs import Outcome

PARTS: Final = ("fetch", "start", "preprocess", "predict", "postprocess", "store")
"""Parts of a run, in the order in which they come one after the other."""

TEXT_CHARS_MAX: Final = 200
"""Longest value of an attribute; they are identifiers, names and codes."""

_BROKEN: Final = frozenset({Outcome.FAILED, Outcome.RETRIED, Outcome.UNAVAILABLE})


class Kind(IntEnum):
    """What a span is to its neighbours, as OTLP numbers it."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    CONSUMER = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One span's identity: 16 and 8 bytes, as hexadecimal digits."""

    trace: str
    span: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One thing that began and ended.

    Args:
        parent: "" for the root of a trace.
        attributes: identifiers of ours, names and codes; never anything of a patient.
        error: code of what went wrong; "" for nothing.
    """

    name: str
    at: Place
    parent: str
    kind: Kind
    begin: datetime
    end: datetime
    attributes: Mapping[str, str]
    error: str = ""
    links: Sequence[Place] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTimes:
    """A case that was judged complete.

    Args:
        opened_at, last_input_at, judged_at: first and last input, and the judgement.
    """

    case: str
    kind: str
    site: str
    opened_at: datetime
    last_input_at: datetime
    judged_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTimes:
    """One attempt of a model; parts in seconds, those that were measured."""

    started_at: datetime
    ended_at: datetime
    outcome: str
    cause: str
    parts_s: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultTimes:
    """A result that a model is done with.

    Args:
        ended_at: when the draft was stored, or it was said why there is none.
    """

    result: str
    case: str
    model: str
    mode: str
    priority: str
    state: str
    cause: str
    judged_at: datetime
    queued_at: datetime
    ended_at: datetime
    runs: Sequence[RunTimes]


def case_root(case: str) -> Place:
    """Return the place of a case's root span."""
    return _place(_trace("case", case), "case", case)


def result_place(case: str, result: str) -> Place:
    """Return the place of the span of one result."""
    return _place(_trace("case", case), "result", result)


def review_place(result: str) -> Place:
    """Return the place of the review of one result: in a trace of its own."""
    return _place(_trace("review", result), "review", result)


def of_case(times: CaseTimes) -> Iterator[Span]:
    """Yield the spans of a case until it was judged complete."""
    root = case_root(times.case)
    said = {"aval.case": times.case, "aval.case.kind": times.kind, "aval.site": times.site}
    yield _span("case", root, "", times.opened_at, times.judged_at, said, kind=Kind.SERVER)
    for name, begin, end in (
        ("receive", times.opened_at, times.last_input_at),
        ("complete", times.last_input_at, times.judged_at),
    ):
        yield _span(name, _place(root.trace, name, times.case), root.span, begin, end, {})


def of_result(times: ResultTimes) -> Iterator[Span]:
    """Yield the spans of a result: from the judgement of its case to its draft, each attempt part by part."""
    here = result_place(times.case, times.result)
    said = {
        "aval.result": times.result,
        "aval.model": times.model,
        "aval.mode": times.mode,
        "aval.priority": times.priority,
        "aval.state": times.state,
    }
    error = times.cause if times.state == "failed" else ""
    root = case_root(times.case).span
    yield _span("result", here, root, times.judged_at, times.ended_at, said, error=error)
    route = _place(here.trace, "route", times.result)
    yield _span("route", route, here.span, times.judged_at, times.queued_at, {})
    if times.runs:
        queue = _place(here.trace, "queue", times.result)
        yield _span("queue", queue, here.span, times.queued_at, times.runs[0].started_at, {}, kind=Kind.CONSUMER)
    for number, run in enumerate(times.runs):
        yield from _of_run(run, here, f"{times.result}:{number}")


def _of_run(run: RunTimes, result: Place, name: str) -> Iterator[Span]:
    here = _place(result.trace, "run", name)
    said = {"aval.outcome": run.outcome, "aval.cause": run.cause}
    error = run.cause if run.outcome in _BROKEN else ""
    yield _span("run", here, result.span, run.started_at, run.ended_at, said, error=error)
    begin = run.started_at
    for part in PARTS:
        if part in run.parts_s:
            end = begin + timedelta(seconds=run.parts_s[part])
            yield _span(part, _place(here.trace, part, name), here.span, begin, end, {})
            begin = end


def of_review(case: str, result: str, verdict: str, shown_at: datetime, decided_at: datetime) -> Span:
    """Return the review of a result, which links to how its draft was made."""
    said = {"aval.result": result, "aval.verdict": verdict}
    return _span("review", review_place(result), "", shown_at, decided_at, said, links=[result_place(case, result)])


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTimes:
    """A delivery that has ended."""

    delivery: str
    case: str
    result: str
    kind: str
    destination: str
    state: str
    cause: str
    added_at: datetime
    ended_at: datetime


def of_delivery(times: DeliveryTimes) -> Span:
    """Return a delivery: part of the case's trace, and linked to the review that allowed it."""
    made = result_place(times.case, times.result)
    said = {"aval.destination": times.destination, "aval.kind": times.kind, "aval.state": times.state}
    return _span(
        "deliver",
        _place(made.trace, "deliver", times.delivery),
        made.span,
        times.added_at,
        times.ended_at,
        said,
        kind=Kind.CLIENT,
        error=times.cause if times.state == "declined" else "",
        links=[review_place(times.result)],
    )


def _span(
    name: str, at: Place, parent: str, begin: datetime, end: datetime, said: Mapping[str, str], **more: Any
) -> Span:
    """Return a span; a clock that was set back makes none end before it began."""
    return Span(
        name=name,
        at=at,
        parent=parent,
        begin=begin,
        end=max(begin, end),
        attributes=said,
        kind=more.get("kind", Kind.INTERNAL),
        error=more.get("error", ""),
        links=more.get("links", ()),
    )


def _trace(kind: str, name: str) -> str:
    return sha256(f"aval.trace/1\0{kind}\0{name}".encode()).hexdigest()[:32]


def _place(trace: str, kind: str, name: str) -> Place:
    return Place(trace=trace, span=sha256(f"aval.span/1\0{trace}\0{kind}\0{name}".encode()).hexdigest()[:16])


# ------------------------------------------------------------------------------------------------------- as bytes


def to_otlp(spans: Sequence[Span], version: str) -> bytes:
    """Return an ExportTraceServiceRequest in JSON."""
    resource = {"attributes": _attributes({"service.name": "aval", "service.version": version})}
    scope = {"scope": {"name": "aval", "version": version}, "spans": [_plain(span) for span in spans]}
    return orjson.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]})


def _plain(span: Span) -> dict[str, Any]:
    made: dict[str, Any] = {
        "traceId": span.at.trace,
        "spanId": span.at.span,
        "name": span.name,
        "kind": int(span.kind),
        "startTimeUnixNano": _nanoseconds(span.begin),
        "endTimeUnixNano": _nanoseconds(span.end),
        "attributes": _attributes(span.attributes),
        "links": [{"traceId": link.trace, "spanId": link.span} for link in span.links],
    }
    if span.parent:
        made["parentSpanId"] = span.parent
    if span.error:
        made["status"] = {"code": 2, "message": span.error[:TEXT_CHARS_MAX]}
    return made


def _attributes(said: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value[:TEXT_CHARS_MAX]}} for key, value in said.items() if value]


def _nanoseconds(moment: datetime) -> str:
    """Return a time as a decimal text, for 64 bits are more than a JSON number holds safely."""
    since = moment - datetime.fromtimestamp(0, moment.tzinfo)
    return str(((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000)
