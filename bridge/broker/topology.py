"""Every exchange, queue and limit at RabbitMQ, declared here; nothing is left to a default that differs by version.

RabbitMQ 3.10 (Debian 12) never drops a message that keeps failing; 4.x drops it after 20 deliveries when there is no
dead-letter exchange. So the limit and the exchange are ours.
"""

from typing import Final

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractQueue

EXCHANGE: Final = "aval"
DEAD_LETTERS: Final = "aval.dead"

DELIVERIES_MAX: Final = 5
"""Times a message is handed to a failing consumer before it goes to the dead letters. The sweeper rings anew later."""

LENGTH_MAX: Final = 100_000
"""Most messages of one queue; beyond it the broker refuses, and the outbox keeps them."""

_QUORUM: Final = {"x-queue-type": "quorum"}


async def declare_exchanges(channel: AbstractChannel) -> AbstractExchange:
    """Declare the exchange that facts go to, and the one that dead letters go to with its queue."""
    dead = await channel.declare_exchange(DEAD_LETTERS, ExchangeType.FANOUT, durable=True)
    parked = await channel.declare_queue(DEAD_LETTERS, durable=True, arguments=dict(_QUORUM))
    await parked.bind(dead)
    return await channel.declare_exchange(EXCHANGE, ExchangeType.DIRECT, durable=True)


async def declare_queue(channel: AbstractChannel, exchange: AbstractExchange, topic: str) -> AbstractQueue:
    """Declare the queue of one topic and bind it."""
    queue = await channel.declare_queue(
        f"aval.{topic}",
        durable=True,
        arguments={
            **_QUORUM,
            "x-delivery-limit": DELIVERIES_MAX - 1,  # counts redeliveries
            "x-dead-letter-exchange": DEAD_LETTERS,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            "x-max-length": LENGTH_MAX,
        },
    )
    await queue.bind(exchange, routing_key=topic)
    return queue
