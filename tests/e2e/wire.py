"""Somebody on the broker: listens to everything that is rung, and rings whatever they like."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Self

import aio_pika

from bridge.broker.topology import DEAD_LETTERS, EXCHANGE


class Tap:
    """Hears a copy of every message of some topics, from its entry on.

    Args:
        url: of the broker.
        topics: routing keys.
    """

    def __init__(self, url: str, topics: Sequence[str]) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._url = url
        self._topics = topics
        self._listening = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tap")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(30), "the tap was not opened"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    def _run(self) -> None:
        self._ending = asyncio.Event()
        self._loop.run_until_complete(self._listen())
        self._loop.close()

    async def _listen(self) -> None:
        connection = await aio_pika.connect(self._url)
        async with connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange(EXCHANGE)
            queue = await channel.declare_queue(exclusive=True)
            for topic in self._topics:
                await queue.bind(exchange, routing_key=topic)
            await queue.consume(self._hear, no_ack=True)
            self._listening.set()
            await self._ending.wait()

    async def _hear(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        self.heard.append((message.routing_key or "", message.body))


def publish(url: str, messages: Sequence[tuple[str, bytes]]) -> None:
    """Ring: each is a topic and a body."""

    async def send() -> None:
        connection = await aio_pika.connect(url)
        async with connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange(EXCHANGE)
            for topic, body in messages:
                await exchange.publish(aio_pika.Message(body), routing_key=topic)

    asyncio.run(send())


def dead_letters(url: str) -> int:
    """Return how many messages nobody could handle."""

    async def count() -> int:
        connection = await aio_pika.connect(url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(DEAD_LETTERS, passive=True)
            return queue.declaration_result.message_count or 0

    return asyncio.run(count())
