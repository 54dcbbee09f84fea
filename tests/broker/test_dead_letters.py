"""Dead letters at a real broker: listed without being changed, rung again once, and left when they cannot be."""

import asyncio
import uuid
from collections.abc import Iterator

import aio_pika
import pytest

from bridge.broker import topology
from bridge.broker.dead import DeadLetter, Waiting, dead_letters, reach, replay, waiting
from bridge.broker.rabbit import RabbitBell
from guarantee.errors import Unavailable
from guarantee.events import topic
from tests.broker.rings import ring
from tests.broker.test_bell import eventually, fact
from tests.broker.test_faults import publish
from tests.peers.rabbitmq import RabbitMQ

pytestmark = pytest.mark.peer("rabbitmq")


@pytest.fixture
def clean(rabbitmq: RabbitMQ) -> Iterator[RabbitMQ]:
    """A broker without dead letters: other tests leave theirs."""
    _declare(rabbitmq)
    _ask(rabbitmq, "purge")
    yield rabbitmq
    _ask(rabbitmq, "purge")


def _declare(broker: RabbitMQ) -> None:
    bell = RabbitBell(broker.url)
    ring(bell, "warm", fact())
    bell.close()


def _ask(broker: RabbitMQ, what: str, queue: str = topology.DEAD_LETTERS) -> None:
    async def ask() -> None:
        async with await aio_pika.connect(broker.url) as connection:
            found = await (await connection.channel()).get_queue(queue)
            if what == "purge":
                await found.purge()
            else:
                await found.delete(if_unused=False, if_empty=False)

    asyncio.run(ask())


def _given_up(broker: RabbitMQ, message_id: str) -> tuple[RabbitBell, list[str], DeadLetter]:
    """Ring for a listener that fails until its message is a dead letter; return the bell, who is heard, the letter."""
    bell, told, heard, mended = RabbitBell(broker.url), fact(), list[str](), list[bool]()

    def hear(heard_id: str, _fact: object) -> None:
        if heard_id == message_id and not mended:
            raise Unavailable("test", "not now")
        heard.append(heard_id)

    bell.listen(topic(told), hear)
    ring(bell, message_id, told)
    eventually(lambda: bool(dead_letters(broker.url)))
    mended.append(True)
    (letter,) = dead_letters(broker.url)
    return bell, heard, letter


def test_a_letter_says_what_it_was_why_and_when_and_stays(clean: RabbitMQ) -> None:
    bell, _, letter = _given_up(clean, "m1")
    assert (letter.id, letter.reason) == ("m1", "delivery_limit")
    assert letter.fact is not None
    assert letter.queue == topology.queue_of(topic(letter.fact))
    assert letter.at is not None
    for _ in range(25):  # RabbitMQ 4 drops what was handed out and came back 20 times, unless it is told a limit
        assert dead_letters(clean.url) == [letter]
    bell.close()


def test_a_letter_that_is_rung_again_is_heard_once_and_is_no_letter_any_more(clean: RabbitMQ) -> None:
    bell, heard, _ = _given_up(clean, "m2")
    done = replay(clean.url, ["m2", "unknown"])
    assert (done.rung, done.refused, done.left) == (("m2",), (), 0)
    eventually(lambda: heard == ["m2"])
    assert dead_letters(clean.url) == []
    bell.close()


def test_what_was_not_asked_for_or_cannot_be_read_stays(clean: RabbitMQ) -> None:
    bell, told, heard = RabbitBell(clean.url), fact(), list[str]()
    bell.listen(topic(told), lambda message_id, _: heard.append(message_id))
    ring(bell, "first", told)  # the queue is there now
    publish(clean, topic(told), b"PATIENT^NAME")
    eventually(lambda: len(dead_letters(clean.url)) == 1)
    (letter,) = dead_letters(clean.url)
    assert (letter.id, letter.fact, letter.reason, letter.size_bytes) == ("", None, "rejected", 12)
    assert "PATIENT" not in repr(letter)
    done = replay(clean.url, None)
    assert (done.rung, done.refused, done.left) == ((), (), 1)
    assert len(dead_letters(clean.url)) == 1
    bell.close()


def test_a_queue_that_is_full_leaves_the_letter_where_it_is(clean: RabbitMQ, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "ARGUMENTS", {**topology.ARGUMENTS, "x-max-length": 1})
    bell, _, letter = _given_up(clean, "m3")
    assert letter.fact is not None
    bell.close()
    other = RabbitBell(clean.url)
    for number in range(20):  # nobody listens: full after a few
        try:
            other.ring(f"filler{number}", letter.fact)
        except Unavailable:
            break
    else:
        pytest.fail("the queue never was full")
    other.close()
    done = replay(clean.url, None)
    assert (done.rung, done.refused) == ((), ("m3",))
    assert [one.id for one in dead_letters(clean.url)] == ["m3"]


def test_queues_are_counted_and_one_that_nobody_declared_is_said_to_be_absent(clean: RabbitMQ) -> None:
    bell, told, absent = RabbitBell(clean.url), fact(), f"delivery.{uuid.uuid4().hex[:12]}"
    ring(bell, "m1", told)
    eventually(lambda: waiting(clean.url, [topic(told)])[0].waiting == 1)
    here, gone, dead = waiting(clean.url, [topic(told), absent])
    assert here == Waiting(queue=topology.queue_of(topic(told)), waiting=1, consumers=0)
    assert gone == Waiting(queue=topology.queue_of(absent), waiting=None, consumers=0)
    assert (dead.queue, dead.waiting) == (topology.DEAD_LETTERS, 0)
    bell.close()


def test_a_broker_that_is_not_there_or_refuses_us_says_so(rabbitmq: RabbitMQ) -> None:
    reach(rabbitmq.url)
    for url in (rabbitmq.url.replace("guest:guest", "guest:wrong"), "amqp://guest:guest@127.0.0.1:1/"):
        for ask in (reach, dead_letters):
            with pytest.raises(Unavailable, match="broker"):
                ask(url)
