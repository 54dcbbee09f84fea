"""Every exchange, queue and limit at RabbitMQ, declared here; nothing is left to a default that differs by version.

RabbitMQ 3.10 (Debian 12) never drops a message that keeps failing; 4.x drops it after 20 deliveries when there is no
dead-letter exchange. So the limit and the exchange are ours.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractQueue

EXCHANGE: Final = "aval"
DEAD_LETTERS: Final = "aval.dead"

DELIVERIES_MAX: Final = 5
"""Times a message is handed to a failing consumer before it goes to the dead letters. The sweeper rings anew later."""

LENGTH_MAX: Final = 100_000
"""Most messages of one queue; beyond it the broker refuses, and the outbox keeps them."""

DEAD_LETTERS_MAX: Final = 10_000
"""Most dead letters; beyond it the oldest goes. The rows still say what is due."""

LOOKS_MAX: Final = 1_000_000
"""Times a dead letter may be looked at: each look counts as a delivery that failed, and RabbitMQ 4 allows 20."""

TOPICS: Final = ("event.received", "result.queued")
"""The topics of every installation; each destination has one more."""

EXCHANGES: Final[Mapping[str, ExchangeType]] = {EXCHANGE: ExchangeType.DIRECT, DEAD_LETTERS: ExchangeType.FANOUT}
"""The exchange that facts go to, and the one that dead letters go to."""

DEAD_ARGUMENTS: Final[Mapping[str, str | int]] = {
    "x-queue-type": "quorum",
    "x-delivery-limit": LOOKS_MAX,
    "x-max-length": DEAD_LETTERS_MAX,
    "x-overflow": "drop-head",
}
"""The queue of dead letters."""

ARGUMENTS: Final[Mapping[str, str | int]] = {
    "x-queue-type": "quorum",
    "x-delivery-limit": DELIVERIES_MAX - 1,  # counts redeliveries
    "x-dead-letter-exchange": DEAD_LETTERS,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
    "x-max-length": LENGTH_MAX,
}
"""The queue of each topic."""


def topics(destinations: Iterable[str]) -> tuple[str, ...]:
    """Return every topic of an installation."""
    return (*TOPICS, *(f"delivery.{name}" for name in sorted(destinations)))


def queue_of(topic: str) -> str:
    """Return the name of a topic's queue."""
    return f"{EXCHANGE}.{topic}"


async def declare_exchanges(channel: AbstractChannel) -> AbstractExchange:
    """Declare the exchange that facts go to, and the one that dead letters go to with its queue."""
    dead = await channel.declare_exchange(DEAD_LETTERS, EXCHANGES[DEAD_LETTERS], durable=True)
    parked = await channel.declare_queue(DEAD_LETTERS, durable=True, arguments=dict(DEAD_ARGUMENTS))
    await parked.bind(dead, routing_key=DEAD_LETTERS)
    return await channel.declare_exchange(EXCHANGE, EXCHANGES[EXCHANGE], durable=True)


async def declare_queue(channel: AbstractChannel, exchange: AbstractExchange, topic: str) -> AbstractQueue:
    """Declare the queue of one topic and bind it."""
    queue = await channel.declare_queue(queue_of(topic), durable=True, arguments=dict(ARGUMENTS))
    await queue.bind(exchange, routing_key=topic)
    return queue
