"""What brokers and their processes do: die, restart, refuse, park."""

import asyncio
import logging
import subprocess
import sys
import time
import uuid
from contextlib import closing
from datetime import datetime
from pathlib import Path

import aio_pika
import pytest

from bridge.broker import topology
from bridge.broker.local import LocalBell
from bridge.broker.rabbit import RabbitBell
from bridge.flows.sweep import Sweeper
from guarantee.errors import Unavailable
from guarantee.events import DeliveryDue, EventReceived, Fact, ResultQueued, topic
from guarantee.ids import ResultId
from guarantee.unit import Fetch
from tests.broker.conftest import MakeBell
from tests.broker.outbox import CLOCK, Outbox
from tests.broker.rings import ring
from tests.broker.test_bell import eventually, fact
from tests.peers.base import listens
from tests.peers.rabbitmq import RabbitMQ

DECLARE = """
import sys
from bridge.broker.rabbit import RabbitBell
from guarantee.events import DeliveryDue
bell = RabbitBell(sys.argv[1])
for number in range(20):
    bell.ring(f"{sys.argv[3]}{number}", DeliveryDue(delivery="d", destination=sys.argv[2]))
bell.close()
"""


def dead_letters(broker: RabbitMQ, holding: str) -> list[bytes]:
    """Take every dead letter, and return those that hold this text."""

    async def take() -> list[bytes]:
        connection = await aio_pika.connect(broker.url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.get_queue(topology.DEAD_LETTERS)
            found = []
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                found.append(message.body)
            return [body for body in found if holding.encode() in body]

    return asyncio.run(take())


def publish(broker: RabbitMQ, queue: str, body: bytes) -> None:
    async def send() -> None:
        connection = await aio_pika.connect(broker.url)
        async with connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange(topology.EXCHANGE)
            await exchange.publish(aio_pika.Message(body), routing_key=queue)

    asyncio.run(send())


def test_a_message_that_keeps_failing_becomes_a_dead_letter_and_the_sweepers_ring_works_again(
    rabbitmq: RabbitMQ,
) -> None:
    bell, told, calls = RabbitBell(rabbitmq.url), fact(), []

    def fail_at_first(message_id: str, _fact: Fact) -> None:
        calls.append(message_id)
        if message_id == "m1":
            raise Unavailable("test", "not now")

    bell.listen(topic(told), fail_at_first)
    ring(bell, "m1", told)
    letters: list[bytes] = []
    eventually(lambda: bool(letters.extend(dead_letters(rabbitmq, told.delivery)) or letters))
    assert len(letters) == 1
    assert b'"m1"' in letters[0]
    assert calls.count("m1") == topology.DELIVERIES_MAX
    ring(bell, "sweep:1", told)
    eventually(lambda: "sweep:1" in calls)
    bell.close()


def test_the_local_bell_parks_what_keeps_failing_and_takes_the_sweepers_ring() -> None:
    bell, told, calls = LocalBell(), fact(), []

    def fail_at_first(message_id: str, _fact: Fact) -> None:
        calls.append(message_id)
        if message_id == "m1":
            raise Unavailable("test", "not now")

    bell.listen(topic(told), fail_at_first)
    ring(bell, "m1", told)
    eventually(lambda: list(bell.parked) == [(topic(told), "m1")])
    ring(bell, "sweep:1", told)
    eventually(lambda: calls[-1] == "sweep:1")
    bell.close()


def test_the_sweeper_rings_for_what_was_parked(tmp_path: Path) -> None:
    """A parked message is a nuisance, not a loss: the row still says what is due."""
    outbox, bell = Outbox(tmp_path), LocalBell()
    heard: list[str] = []
    bell.listen("event.received", lambda message_id, _: heard.append(message_id))
    with outbox.store.transaction("test") as unit:
        unit.messages.add_fetch(Fetch(id="f1", sender="dpi", site="s", what="Encounter/1"), CLOCK.now())
    sweeper = Sweeper(outbox.store, bell, CLOCK)
    assert sweeper.ring_due() == 1
    assert sweeper.ring_due() == 0, "not again so soon"
    eventually(lambda: len(heard) == 1)
    bell.close()
    outbox.engine.dispose()


class TwoDue(Sweeper):
    """A result that no process works on, and something to look up."""

    def _due(self, now: datetime) -> list[tuple[str, Fact]]:
        return [("r1", ResultQueued(result=ResultId("r1"))), ("f1", EventReceived(event="f1"))]


def test_the_sweeper_rings_for_the_others_when_nobody_listens_to_one(tmp_path: Path) -> None:
    outbox, bell, heard = Outbox(tmp_path), LocalBell(), []
    bell.listen("event.received", lambda message_id, _: heard.append(message_id))
    sweeper = TwoDue(outbox.store, bell, CLOCK)
    sweeper.ring_due()
    eventually(lambda: len(heard) == 1)
    bell.close()
    outbox.engine.dispose()


def test_a_body_that_cannot_be_read_is_a_dead_letter_at_once(rabbitmq: RabbitMQ) -> None:
    bell, told, heard = RabbitBell(rabbitmq.url), fact(), []
    bell.listen(topic(told), lambda message_id, _: heard.append(message_id))
    ring(bell, "good", told)
    publish(rabbitmq, topic(told), b"not a fact")
    letters: list[bytes] = []
    eventually(lambda: bool(letters.extend(dead_letters(rabbitmq, "not a fact")) or letters))
    assert letters == [b"not a fact"]
    eventually(lambda: heard == ["good"])
    bell.close()


def test_two_processes_declare_the_same_queue(rabbitmq: RabbitMQ) -> None:
    name, heard = uuid.uuid4().hex[:12], set()
    command = [sys.executable, "-c", DECLARE, rabbitmq.url, name]
    others = [subprocess.Popen([*command, letter]) for letter in "ab"]
    bell = RabbitBell(rabbitmq.url)
    bell.listen(f"delivery.{name}", lambda message_id, _: heard.add(message_id))
    assert [other.wait(60) for other in others] == [0, 0]
    eventually(lambda: len(heard) == 40)
    bell.close()


def test_a_broker_that_dies_and_comes_back_finds_its_consumers_again(
    rabbitmq: RabbitMQ, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="aiormq")
    bell, told, heard = RabbitBell(rabbitmq.url), fact(), []
    bell.listen(topic(told), lambda message_id, _: heard.append(message_id))
    ring(bell, "before", told)
    eventually(lambda: heard == ["before"])
    time.sleep(1.5)  # killed in the second in which it declares a quorum queue, RabbitMQ 3.10 loses that queue's leader
    rabbitmq.kill()
    eventually(lambda: not listens(rabbitmq.port))
    with pytest.raises(Unavailable):
        bell.ring("meanwhile", told)
    rabbitmq.restart()
    eventually(lambda: _rings(bell, "after", told), within_s=60)
    eventually(lambda: "after" in heard, within_s=60)
    bell.close()


def _rings(bell: RabbitBell, message_id: str, told: DeliveryDue) -> bool:
    try:
        ring(bell, message_id, told)
    except Unavailable:
        return False
    return True


def test_a_ring_to_a_broker_that_is_not_there_says_so_at_once(make_bell: MakeBell) -> None:
    bell = RabbitBell("amqp://guest:guest@127.0.0.1:1/")
    with pytest.raises(Unavailable, match="broker"):
        bell.ring("m", fact())
    bell.close()


def test_a_connection_that_ended_unnoticed_costs_one_message_and_not_all_that_follow(
    rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a broker was killed, the library refused a connection that it did not hold for closed, for ever."""

    async def ended() -> None:
        raise RuntimeError("<Connection> closed")

    with closing(RabbitBell(rabbitmq.url)) as bell:
        ring(bell, "m1", fact())
        assert bell._publisher is not None
        monkeypatch.setattr(bell._publisher[0], "channel", ended)
        other = fact()
        with pytest.raises(Unavailable, match="RuntimeError"):
            bell.ring("m2", other)
        ring(bell, "m2", other)
