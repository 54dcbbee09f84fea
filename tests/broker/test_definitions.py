"""What is imported into RabbitMQ is what our processes declare; a real broker says so."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import aio_pika
import pytest

from bridge.broker.definitions import VHOST, definitions
from bridge.broker.rabbit import RabbitBell
from bridge.broker.topology import DEAD_LETTERS, TOPICS, topics
from guarantee.events import FACTS, DeliveryDue, ResultQueued, topic
from guarantee.ids import DeliveryId, ResultId
from tests.peers.rabbitmq import RabbitMQ

ROOT: Final = Path(__file__).parents[2]
COMMITTED: Final = ROOT / "deploy" / "rabbitmq" / "definitions.json"
PLACES: Final = ("pacs-1", "record")


def listed(broker: RabbitMQ) -> dict[str, list[Any]]:
    """Return everything that the broker has on our virtual host."""
    found = {
        "exchanges": ("name", "type", "durable", "auto_delete", "internal", "arguments"),
        "queues": ("name", "durable", "auto_delete", "exclusive", "arguments", "type"),
        "bindings": ("source_name", "destination_name", "routing_key", "arguments"),
    }
    return {
        what: sorted(
            json.loads(broker.ctl(f"list_{what}", "-p", VHOST, *columns, "--formatter", "json")), key=json.dumps
        )
        for what, columns in found.items()
    }


@pytest.mark.peer("rabbitmq")
def test_after_the_import_our_own_declarations_change_nothing_and_our_login_suffices(
    rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    path = rabbitmq.home / "definitions.json"
    path.write_text(json.dumps(definitions(PLACES, {"aval": "a long password"})))
    path.chmod(0o644)
    rabbitmq.ctl("import_definitions", str(path))
    before = listed(rabbitmq)
    url = rabbitmq.url.replace("guest:guest", "aval:a%20long%20password") + VHOST
    bell, heard = RabbitBell(url), list[str]()
    facts = [
        ResultQueued(result=ResultId("r")),
        *(DeliveryDue(delivery=DeliveryId("d"), destination=p) for p in PLACES),
    ]
    for fact in facts:
        bell.listen(topic(fact), lambda message_id, _: heard.append(message_id))
        bell.ring(topic(fact), fact)
    asyncio.run(_until(lambda: len(heard) == len(facts)))
    bell.close()
    assert listed(rabbitmq) == before
    names = {queue["name"] for queue in before["queues"]}
    assert names == {DEAD_LETTERS, *(f"aval.{name}" for name in topics(PLACES))}


@pytest.mark.peer("rabbitmq")
def test_our_login_may_touch_nothing_but_ours(rabbitmq: RabbitMQ) -> None:
    path = rabbitmq.home / "definitions.json"
    path.write_text(json.dumps(definitions(PLACES, {"aval": "a long password"})))
    path.chmod(0o644)
    rabbitmq.ctl("import_definitions", str(path))
    url = rabbitmq.url.replace("guest:guest", "aval:a%20long%20password")

    async def declare(place: str, queue: str) -> None:
        async with await aio_pika.connect(url + place) as connection:
            await (await connection.channel()).declare_queue(queue, durable=True, arguments={"x-queue-type": "quorum"})

    asyncio.run(declare(VHOST, "aval.delivery.new"))
    with pytest.raises(aio_pika.exceptions.ChannelClosed, match="ACCESS_REFUSED"):
        asyncio.run(declare(VHOST, "somebody.elses"))
    with pytest.raises(aio_pika.exceptions.AMQPError):
        asyncio.run(declare("", "aval.delivery.new"))


def test_the_committed_definitions_are_those_of_an_installation_without_destinations() -> None:
    assert json.loads(COMMITTED.read_text()) == definitions([], {}), "run: aval queues definitions > " + str(COMMITTED)


def test_every_fact_has_a_queue() -> None:
    named = {topic(kind(**dict.fromkeys(kind.__dataclass_fields__, "x"))) for kind in FACTS.values()}
    assert {name for name in named if not name.startswith("delivery.")} == set(TOPICS)


def test_the_committed_definitions_hold_no_login() -> None:
    assert json.loads(COMMITTED.read_text())["users"] == []
    assert json.loads(COMMITTED.read_text())["permissions"] == []


async def _until(done: Any) -> None:
    async with asyncio.timeout(60):
        while not done():
            await asyncio.sleep(0.05)
