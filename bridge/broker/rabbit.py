"""The Bell port over RabbitMQ.

aio-pika runs on an event loop in a thread of its own; the rest of the product stays synchronous. Publishing waits for
the broker's confirm and treats an unroutable message as a failure. Connections are plain, with a reconnect loop of our
own: the library's robust ones have let a publish hang for ever while disconnected.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Final, TypeAlias, TypeVar

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.exceptions import DeliveryError

from bridge.broker.codec import decode, encode
from bridge.broker.line import BROKEN, CONNECT_S, close, connect, persistent
from bridge.broker.topology import declare_exchanges, declare_queue
from guarantee.errors import Malformed, PortError, Unavailable
from guarantee.events import Fact, topic

CONFIRM_S: Final = 10.0
"""Longest wait for the broker's confirm of one message."""

RETRY_S: Final = 2.0
"""Pause between attempts to connect."""

BROKEN_OR_REFUSED: Final = (DeliveryError, *BROKEN)
"""How a publish ends that no queue took."""

_log = logging.getLogger("aval.bell")
_T = TypeVar("_T")
_Publisher: TypeAlias = tuple[AbstractConnection, AbstractExchange]


class RabbitBell:
    """The Bell port over RabbitMQ.

    Args:
        url: amqp:// or amqps://.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bell:loop", daemon=True)
        self._thread.start()
        self._publisher: _Publisher | None = None
        self._publishing = asyncio.Lock()
        self._known: set[str] = set()
        self._consumers: list[asyncio.Task[None]] = []
        self._pools: list[ThreadPoolExecutor] = []
        self._endings: set[asyncio.Task[None]] = set()
        self._closing = threading.Event()

    def ring(self, message_id: str, fact: Fact) -> None:
        """Publish ``fact`` and return once the broker has confirmed it.

        Raises:
            Unavailable: no connection, no confirm in time, no queue for it, or the queue is full.
        """
        if self._closing.is_set():
            raise Unavailable("closing", "this process is stopping; the outbox keeps the message")
        try:
            self._run(self._publish(topic(fact), encode(message_id, fact), message_id), CONFIRM_S + CONNECT_S)
        except BROKEN_OR_REFUSED as error:
            raise _refusal(topic(fact), error) from error

    def ring_all(self, rings: Sequence[tuple[str, Fact]]) -> list[Unavailable | None]:
        """Publish facts of one topic, the next without waiting for the confirm of the one before."""
        if self._closing.is_set() or not rings:
            return [Unavailable("closing", "this process is stopping; the outbox keeps the message") for _ in rings]
        name = topic(rings[0][1])
        try:
            return self._run(self._publish_all(name, rings), CONFIRM_S + CONNECT_S)
        except BROKEN_OR_REFUSED as error:
            return [_refusal(name, error) for _ in rings]

    def listen(self, topic: str, handler: Callable[[str, Fact], None], *, workers: int = 1) -> None:
        """Consume ``topic`` on ``workers`` threads, reconnecting for as long as this bell is open."""
        pool = ThreadPoolExecutor(workers, thread_name_prefix=f"bell:{topic}")
        self._pools.append(pool)
        self._run(self._start(self._consume_for_ever(topic, handler, pool, workers)), CONNECT_S)

    def close(self) -> None:
        """Stop consuming; handlers that run are waited for. Closing twice is harmless."""
        if self._closing.is_set():
            return
        self._closing.set()
        asyncio.run_coroutine_threadsafe(self._wind_up(), self._loop).result()
        for pool in self._pools:
            pool.shutdown(wait=True)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CONNECT_S)
        self._loop.close()

    async def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._consumers.append(asyncio.create_task(coroutine))

    async def _wind_up(self) -> None:
        """End the consumers, each after what it runs, then the publisher."""
        for consumer in self._consumers:
            consumer.cancel()
        await asyncio.gather(*self._consumers, return_exceptions=True)
        if self._publisher is not None:
            await close(self._publisher[0])
        self._publisher = None
        await asyncio.gather(*self._endings, return_exceptions=True)

    # ------------------------------------------------------------------------------------------------- publishing

    async def _publish_all(self, name: str, rings: Sequence[tuple[str, Fact]]) -> list[Unavailable | None]:
        exchange, used = await self._ready_for(name)
        publishing = asyncio.gather(
            *(
                exchange.publish(persistent(message_id, encode(message_id, fact)), routing_key=name, mandatory=True)
                for message_id, fact in rings
            ),
            return_exceptions=True,
        )
        try:
            ends = await asyncio.wait_for(publishing, CONFIRM_S)
        except BROKEN:  # some may have been taken; they are rung for again
            self._drop(used)
            raise
        if any(isinstance(end, BROKEN) and not isinstance(end, DeliveryError) for end in ends):
            self._drop(used)
        return [_refusal(name, end) if isinstance(end, BaseException) else None for end in ends]

    async def _publish(self, name: str, body: bytes, message_id: str) -> None:
        exchange, used = await self._ready_for(name)
        message = persistent(message_id, body)
        try:
            await asyncio.wait_for(exchange.publish(message, routing_key=name, mandatory=True), CONFIRM_S)
        except DeliveryError:
            raise  # the broker answered: the connection is well
        except BROKEN:
            self._drop(used)
            raise

    async def _ready_for(self, name: str) -> tuple[AbstractExchange, _Publisher | None]:
        """Return an exchange that a queue called ``name`` is bound to, and the connection it is on."""
        async with self._publishing:
            try:
                return await self._exchange_for(name), self._publisher
            except BROKEN:  # it may have ended without the library's own mark of that, and would never be well again
                self._drop(self._publisher)
                raise

    def _drop(self, used: _Publisher | None) -> None:
        """Let go of a connection that failed, so that the next message gets a new one instead of another wait."""
        if used is not None and self._publisher is used:
            self._publisher = None
            self._hang_up(used[0])

    def _hang_up(self, connection: AbstractConnection) -> None:
        """Close a connection on a task of its own: the one that failed may be cancelled already."""
        task = asyncio.create_task(close(connection))
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    async def _exchange_for(self, name: str) -> AbstractExchange:
        if self._publisher is not None and self._publisher[0].is_closed:
            self._drop(self._publisher)
        if self._publisher is None:
            self._known.clear()
            self._publisher = await self._connect_publisher()
        connection, exchange = self._publisher
        if name not in self._known:
            channel = await connection.channel()
            await asyncio.wait_for(_declare(channel, name), CONNECT_S)
            await channel.close()
            self._known.add(name)
        return exchange

    async def _connect_publisher(self) -> tuple[AbstractConnection, AbstractExchange]:
        connection = await connect(self._url)
        try:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            return connection, await declare_exchanges(channel)
        except BaseException:
            self._hang_up(connection)
            raise

    # -------------------------------------------------------------------------------------------------- consuming

    async def _consume_for_ever(
        self, name: str, handler: Callable[[str, Fact], None], pool: ThreadPoolExecutor, workers: int
    ) -> None:
        while not self._closing.is_set():
            try:
                await self._consume(name, handler, pool, workers)
            except (*BROKEN, *CONNECTION_EXCEPTIONS) as error:
                if _is_ours(error):
                    raise
                _log.warning("bell.lost topic=%s code=%s", name, type(error).__name__)
                await asyncio.sleep(RETRY_S)

    async def _consume(
        self, name: str, handler: Callable[[str, Fact], None], pool: ThreadPoolExecutor, workers: int
    ) -> None:
        running: set[asyncio.Task[None]] = set()
        connection = await connect(self._url)
        try:
            channel: AbstractChannel = await connection.channel()
            await channel.set_qos(prefetch_count=workers)
            queue = await asyncio.wait_for(_declare(channel, name), CONNECT_S)
            async with queue.iterator() as messages:
                async for message in messages:
                    task = asyncio.create_task(self._handle(message, handler, pool))
                    running.add(task)
                    task.add_done_callback(running.discard)
        finally:
            if running:  # what runs is finished and acknowledged before the connection goes
                await asyncio.wait(running)
            await close(connection)
        raise ConnectionError("the broker ended the consumer")

    async def _handle(
        self, message: AbstractIncomingMessage, handler: Callable[[str, Fact], None], pool: ThreadPoolExecutor
    ) -> None:
        """Run the handler on a thread, then acknowledge. What cannot be read is a dead letter at once."""
        verdict = await self._verdict(message, handler, pool)
        try:
            if verdict == "done":
                await message.ack()
            else:
                await message.reject(requeue=verdict == "again")
        except BROKEN as error:
            if _is_ours(error):
                raise
            _log.warning("bell.unacknowledged code=%s", type(error).__name__)  # it comes again; handlers look first

    async def _verdict(
        self, message: AbstractIncomingMessage, handler: Callable[[str, Fact], None], pool: ThreadPoolExecutor
    ) -> str:
        try:
            message_id, fact = decode(message.body)
        except Malformed:
            _log.warning("bell.unreadable bytes=%d", len(message.body))
            return "dead"
        try:
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(pool, handler, message_id, fact))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - boundary: a handler's failure is recorded and the message goes back
            code = error.code if isinstance(error, PortError) else type(error).__name__
            _log.warning("bell.failed message=%s code=%s", message_id, code)
            return "again"
        return "done"

    def _run(self, coroutine: Coroutine[Any, Any, _T], timeout_s: float) -> _T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout_s)
        except FutureTimeoutError:
            future.cancel()
            raise


def _refusal(name: str, error: BaseException) -> Unavailable:
    match error:
        case DeliveryError():  # this queue alone: the others may well take theirs
            return Unavailable("queue-full", f"{name} takes no more messages; the outbox keeps this one")
        case TimeoutError():  # a queue that lost its leader answers nothing, and the others are well
            return Unavailable("no-confirm", f"{name} did not take the message in time")
    return Unavailable("broker", f"{type(error).__name__}: the broker did not take the message")


async def _declare(channel: AbstractChannel, name: str) -> AbstractQueue:
    return await declare_queue(channel, await declare_exchanges(channel), name)


def _is_ours(error: BaseException) -> bool:
    """Return whether a cancellation was asked for, rather than caused by a lost connection."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
