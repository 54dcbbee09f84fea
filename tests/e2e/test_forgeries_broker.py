"""Nothing leaves on a decision that was forged on the broker."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.control import NOBODY, drafted, require_honest_work, world_of
from tests.e2e.outside import PACS, RECORD, Outside
from tests.e2e.reader import AtDesk
from tests.e2e.wire import Tap, dead_letters, publish
from tests.installation import Installation
from tests.peers.rabbitmq import RabbitMQ

pytestmark = [pytest.mark.peer("orthanc"), pytest.mark.peer("sekmet"), pytest.mark.peer("dcmtk")]


def forged_facts(result: str, delivery: str, case: str) -> list[tuple[str, bytes]]:
    """Every fact there is, with real identifiers and with made-up ones; facts there are not; and what is no fact."""
    found: list[tuple[str, Any]] = []
    for number, name in enumerate((result, delivery, case, NOBODY, "", "' OR 1=1 --", "x" * 300)):
        for topic in (f"delivery.{PACS}", f"delivery.{RECORD}"):
            ids = {"delivery": name, "destination": topic.partition(".")[2]}
            found.append((topic, {"id": f"f{number}", "fact": "delivery.due/1", "ids": ids}))
        found.append(("result.queued", {"id": f"q{number}", "fact": "result.queued/1", "ids": {"result": name}}))
        found.append(("event.received", {"id": f"e{number}", "fact": "event.received/1", "ids": {"event": name}}))
        for unknown in ("decision.made/1", "result.validated/1", "release.granted/1", "delivery.due/2", ""):
            ids = {"result": name, "release": name, "verdict": "accept"}
            found.append((f"delivery.{PACS}", {"id": "u", "fact": unknown, "ids": ids}))
    found.append((f"delivery.{RECORD}", {"id": "o", "fact": "delivery.due/1", "ids": {"delivery": result}}))
    found.append((f"delivery.{RECORD}", {"id": 7, "fact": "delivery.due/1", "ids": [delivery]}))
    broken = [b"", b"{", b"null", b"[[[[", b"\xff\xfe", b"A" * 100_000, b'{"id":"d","fact":' + b"[" * 3000]
    return [(topic, json.dumps(body).encode()) for topic, body in found] + [(f"delivery.{PACS}", raw) for raw in broken]


@pytest.mark.peer("rabbitmq")
def test_nothing_that_is_rung_on_the_broker_releases_anything(
    distributed: Installation, outside: Outside, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    topics = ("result.queued", "event.received", f"delivery.{PACS}", f"delivery.{RECORD}")
    with AtDesk(distributed, distributed.people["dr.martin"]) as martin:
        with Tap(rabbitmq.url, topics) as tap:
            study, sent = drafted(martin, tmp_path)
            martin.sign(sent)
            martin.wait_for(sent, "delivered")
        assert {topic for topic, _ in tap.heard} >= {"result.queued", f"delivery.{PACS}", f"delivery.{RECORD}"}
        study, waiting = drafted(martin, tmp_path)
        with distributed.reading() as unit:
            done = unit.deliveries.of_result(sent)[0].id
        unreadable = dead_letters(rabbitmq.url)
        before = world_of(distributed)
        with outside.watched() as watch:
            publish(rabbitmq.url, [*tap.heard * 3, *forged_facts(waiting, done, study.case())])
            # Queues are in order: when a whole case has gone through them, everything before it was handled.
            drafted(martin, tmp_path)
            distributed.eventually(
                lambda: dead_letters(rabbitmq.url) >= unreadable + 30, "what is no fact to be parked"
            )
        watch.require_nothing()
        after = world_of(distributed)
        assert set(before.pop("results")) < set(after.pop("results"))
        assert after == before
        require_honest_work(martin, outside, study, waiting)
