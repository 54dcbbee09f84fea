"""Notifications: validated, committed with their outbox row, confirmed by RabbitMQ; beside the record's own creates."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from guarantee.codec import parse_time
from guarantee.ids import derive
from tests.bench.dicom.parts import Part
from tests.bench.dpi.place import Aval, running
from tests.bench.dpi.posts import CONNECTIONS, post_all, request
from tests.bench.figures import Spread, paired, table, target
from tests.bench.machine import LOADED_CORES, wait_until_quiet, watching_others
from tests.bench.tree import cpu_s
from tests.peers.postgresql import PostgreSQL
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.sekmet import Sekmet

TIMES: Final = 8.0
"""How many times the record's create rate is asked."""

P95_MS: Final = 50.0
"""Longest wait of 19 notifications in 20, from when they were due to the broker's confirm, at half that load."""

WARM: Final = 200
"""Posts before the clock starts, on each side: models are imported, statements compiled, connections opened."""


@dataclass(slots=True)
class Round:
    """What one repetition measured: rates in 1/s, waits in milliseconds, processor time in ms for each."""

    creates_per_s: float = 0.0
    per_s: float = 0.0
    cpu_ms: float = 0.0
    paced_per_s: float = 0.0
    waits_ms: list[float] = field(default_factory=list)
    others_cores: float = 0.0

    def wait_ms(self, share: float) -> float:
        """Return the wait that ``share`` of the paced notifications had at most."""
        ordered = sorted(self.waits_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure_notifications(
    folder: Path, *, repetitions: int, count: int, quiet_s: float, cluster: PostgreSQL | None = None
) -> Part:
    """Return the comparison: the record creates, then Aval takes as many as it can, then half of what is asked."""
    broker, record = RabbitMQ(), Sekmet()
    rounds = []
    try:
        for number in range(repetitions):
            wait_until_quiet(quiet_s)
            with running(folder / f"aval-{number}", broker.url, cluster) as aval, watching_others() as others:
                rounds.append(_round(aval, record, count))
            rounds[-1].others_cores = others.cores
    finally:
        record.stop()
        broker.stop()
    return _part("PostgreSQL" if cluster else "SQLite", rounds)


def _round(aval: Aval, record: Sekmet, count: int) -> Round:
    done = Round()
    creates = max(50, count // 8)
    post_all(record.port, _creates(20), status=201)
    begun = time.time()
    post_all(record.port, _creates(creates), status=201)
    done.creates_per_s = creates / (time.time() - begun)
    _at_most(aval, WARM, first=0)
    done.per_s, done.cpu_ms = _at_most(aval, count, first=WARM)
    done.paced_per_s = TIMES / 2 * done.creates_per_s
    done.waits_ms = _paced(aval, count, first=WARM + count, per_s=done.paced_per_s)
    return done


def _at_most(aval: Aval, count: int, *, first: int) -> tuple[float, float]:
    """Return the rate as fast as answers come, to the last confirm, and processor milliseconds for each."""
    assert aval.process is not None
    before = cpu_s([aval.process.pid])
    due = post_all(aval.port, list(_notifications(first, count)), status=200)
    confirmed = [parse_time(at).timestamp() for _, at in aval.confirmed(first + count)]
    return count / (max(confirmed) - min(due)), (cpu_s([aval.process.pid]) - before) / count * 1000


def _paced(aval: Aval, count: int, *, first: int, per_s: float) -> list[float]:
    """Return how long each waited for its confirm."""
    due = post_all(aval.port, list(_notifications(first, count)), status=200, per_s=per_s)
    confirmed = {json.loads(fact)["ids"]["event"]: at for fact, at in aval.confirmed(first + count)}
    return [(parse_time(confirmed[_fetch(first + number)]).timestamp() - at) * 1000 for number, at in enumerate(due)]


def _fetch(number: int) -> str:
    """Return the name that the door gives to what notification ``number`` asks for."""
    return derive("fetch", "dpi", "dpi", f"ServiceRequest/r{number}", f"Subscription/aval {number}")


def _notifications(first: int, count: int) -> Iterator[bytes]:
    for number in range(first, first + count):
        yield request("/fhir/notify/dpi", json.dumps(notification(number)).encode())


def notification(number: int) -> dict[str, Any]:
    """Return a Backport event-notification with its whole resource, as R4 record systems send it: 1.9 kB."""
    event = [
        {"name": "event-number", "valueString": str(number)},
        {"name": "timestamp", "valueInstant": "2026-11-21T10:15:00.000+01:00"},
        {"name": "focus", "valueReference": {"reference": f"ServiceRequest/r{number}"}},
    ]
    said = [
        {"name": "subscription", "valueReference": {"reference": "Subscription/aval"}},
        {"name": "topic", "valueCanonical": "http://chu.example/topics/orders"},
        {"name": "status", "valueCode": "active"},
        {"name": "type", "valueCode": "event-notification"},
        {"name": "events-since-subscription-start", "valueString": str(number)},
        {"name": "notification-event", "part": event},
    ]
    status = {"resourceType": "Parameters", "id": f"status-{number}", "parameter": said}
    entries = [
        {"fullUrl": f"urn:uuid:0a{number:034d}", "resource": status},
        {"fullUrl": f"http://dpi.example/fhir/ServiceRequest/r{number}", "resource": _order(number)},
    ]
    return {"resourceType": "Bundle", "type": "history", "timestamp": "2026-11-21T10:15:00+01:00", "entry": entries}


def _order(number: int) -> dict[str, Any]:
    kinds = "http://terminology.hl7.org/CodeSystem/v2-0203"
    return {
        "resourceType": "ServiceRequest",
        "id": f"r{number}",
        "meta": {"versionId": "1", "lastUpdated": "2026-11-21T10:15:00.000+01:00"},
        "identifier": [
            {"type": {"coding": [{"system": kinds, "code": "ACSN"}]}, "system": "urn:oid:1.2.250.1.999.1.7",
             "value": f"A{number:08d}"},
            {"type": {"coding": [{"system": kinds, "code": "PLAC"}]}, "system": "urn:oid:1.2.250.1.999.1.8",
             "value": f"P{number:08d}"},
        ],
        "status": "active",
        "intent": "order",
        "priority": "routine",
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "363679005", "display": "Imaging"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "24590-2", "display": "MR Brain"}],
                 "text": "IRM cérébrale"},
        "subject": {"reference": "Patient/9"},
        "encounter": {"reference": "Encounter/7"},
        "occurrenceDateTime": "2026-11-21T11:00:00+01:00",
        "authoredOn": "2026-11-21T10:14:58+01:00",
        "reasonCode": [{"text": "céphalées inhabituelles, à explorer"}],
    }  # fmt: skip


def _creates(count: int) -> list[bytes]:
    value = {"value": 72.5, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"}
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                                  "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
        "effectiveDateTime": "2026-11-21T08:20:00+01:00",
        "valueQuantity": value,
    }  # fmt: skip
    return [request("/fhir/Observation", json.dumps(observation).encode())] * count


def _part(database: str, rounds: list[Round]) -> Part:
    creates, ours = [one.creates_per_s for one in rounds], [one.per_s for one in rounds]
    times, p95 = paired(ours, creates), Spread.of([one.wait_ms(0.95) for one in rounds])
    rows = [
        ("the record creates, 1/s", str(Spread.of(creates))),
        ("Aval: taken and confirmed, 1/s", str(Spread.of(ours))),
        ("Aval over the record", str(times)),
        ("Aval's processor time, ms for each", str(Spread.of([one.cpu_ms for one in rounds]))),
        (f"load of the waits ({TIMES / 2:g} x the record), 1/s", str(Spread.of([one.paced_per_s for one in rounds]))),
        ("wait until confirmed, p50, ms", str(Spread.of([one.wait_ms(0.5) for one in rounds]))),
        ("wait until confirmed, p95, ms", str(p95)),
    ]
    return Part(
        name=f"notifications, {database}",
        shown=table((f"one process, {database}, RabbitMQ, {CONNECTIONS} connections", "median (least–most)"), rows),
        targets=(
            target(f"notifications over creates, {database}", "at least", TIMES, times),
            target(f"p95 in ms at {TIMES / 2:g} x the creates, {database}", "at most", P95_MS, p95),
        ),
        data={"rounds": [{**_plain(one), "p95_ms": one.wait_ms(0.95)} for one in rounds]},
        loaded=tuple(f"round {n}" for n, one in enumerate(rounds) if one.others_cores > LOADED_CORES),
    )


def _plain(one: Round) -> dict[str, float]:
    names = ("creates_per_s", "per_s", "cpu_ms", "paced_per_s", "others_cores")
    return {name: round(getattr(one, name), 3) for name in names}
