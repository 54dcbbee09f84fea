"""What waits at RabbitMQ, and its dead letters: looked at and rung again by hand.

A dead letter is a ring that its consumer refused again and again, or could not read. Nothing is lost with it: the
row still says what is due, and the sweeper rings anew. It is kept so that somebody can see what kept failing.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import ChannelClosed
from aiormq.exceptions import DeliveryError

from bridge.broker.codec import decode, encode
from bridge.broker.line import BROKEN, CONNECT_S, close, connect, persistent
from bridge.broker.topology import DEAD_LETTERS, declare_exchanges, declare_queue, queue_of
from guarantee.errors import Malformed, Unavailable
from guarantee.events import Fact, topic

LOOKED_AT_MAX: Final = 1_000
"""Most dead letters that are looked at in one go, oldest first."""

WORK_S: Final = 120.0
"""Longest work at the broker for one verb."""

_QUEUE: Final = re.compile(r"aval\.[a-z0-9.-]{1,64}")
_REASONS: Final = frozenset({"rejected", "delivery_limit", "expired", "maxlen"})

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One queue.

    Args:
        waiting: messages that nobody has taken; None when there is no such queue.
        consumers: how many processes listen.
    """

    queue: str
    waiting: int | None
    consumers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One ring that was given up.

    Args:
        id: of the message; "" when the letter cannot be read.
        fact: None when it cannot be read. Its bytes are not shown: they are not ours.
        queue: that it came from; "" when the broker does not say.
        reason: RabbitMQ's: rejected, delivery_limit, expired, maxlen; "" for any other word.
        at: when it was given up, by the broker's clock.
    """

    id: str
    fact: Fact | None
    queue: str
    reason: str
    at: datetime | None
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came of ringing again.

    Args:
        rung: messages that a queue has taken again; they are no dead letters any more.
        refused: messages that no queue takes now; they stay.
        left: dead letters that were not asked for, or cannot be read.
    """

    rung: tuple[str, ...]
    refused: tuple[str, ...]
    left: int


def reach(url: str) -> None:
    """Return when the broker lets us in.

    Raises:
        Unavailable: it does not.
    """
    _run(url, _nothing)


def waiting(url: str, topics: Sequence[str]) -> list[Waiting]:
    """Return how long each topic's queue is, the dead letters last. Nothing is declared.

    Raises:
        Unavailable: the broker does not answer.
    """
    names = [*map(queue_of, topics), DEAD_LETTERS]
    return _run(url, lambda line: _lengths(line, names))


def dead_letters(url: str) -> list[DeadLetter]:
    """Return the dead letters, oldest first; they stay where they are.

    Raises:
        Unavailable: the broker does not answer.
    """
    return _run(url, _listed)


def replay(url: str, wanted: Collection[str] | None) -> Replayed:
    """Ring again for dead letters by message identifier, or for all of them when ``wanted`` is None.

    Each is taken by its queue before it is taken off the dead letters: a crash in between rings twice, which is
    harmless.

    Raises:
        Unavailable: the broker does not answer.
    """
    return _run(url, lambda line: _replayed(line, wanted))


# ------------------------------------------------------------------------------------------------------ at the broker


def _run(url: str, work: Callable[["_Line"], Coroutine[Any, Any, _T]]) -> _T:
    async def inside() -> _T:
        connection = await connect(url)
        try:
            return await work(_Line(connection))
        finally:
            await close(connection)  # what was taken and not acknowledged goes back

    try:
        return asyncio.run(asyncio.wait_for(inside(), WORK_S))
    except BROKEN as error:
        raise Unavailable("broker", f"{type(error).__name__}: RabbitMQ does not answer at broker.url") from error


class _Line:
    """A connection that hands out channels."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[AbstractChannel]:
        """Yield a channel: one that asked for something that is not there is closed by the broker."""
        channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        try:
            yield channel
        finally:
            if not channel.is_closed:
                await channel.close()


async def _nothing(line: _Line) -> None:
    async with line.channel():
        return


async def _lengths(line: _Line, names: Sequence[str]) -> list[Waiting]:
    return [await _length(line, name) for name in names]


async def _length(line: _Line, name: str) -> Waiting:
    try:
        async with line.channel() as channel:
            queue = await channel.declare_queue(name, passive=True, timeout=CONNECT_S)
    except ChannelClosed:  # NOT_FOUND: nobody declared it yet
        return Waiting(queue=name, waiting=None, consumers=0)
    found = queue.declaration_result
    return Waiting(queue=name, waiting=found.message_count or 0, consumers=found.consumer_count or 0)


async def _taken(line: _Line, channel: AbstractChannel) -> AsyncIterator[AbstractIncomingMessage]:
    """Yield what the queue of dead letters holds now; what is not acknowledged goes back with the channel."""
    there = (await _length(line, DEAD_LETTERS)).waiting
    if not there:
        return
    queue = await channel.get_queue(DEAD_LETTERS)
    for _ in range(min(there, LOOKED_AT_MAX)):
        message = await queue.get(fail=False, timeout=CONNECT_S)
        if message is None:
            return
        yield message


async def _listed(line: _Line) -> list[DeadLetter]:
    async with line.channel() as channel:
        return [_letter(message) async for message in _taken(line, channel)]


async def _replayed(line: _Line, wanted: Collection[str] | None) -> Replayed:
    rung: list[str] = []
    refused: list[str] = []
    left = 0
    async with line.channel() as channel:
        async for message in _taken(line, channel):
            letter = _letter(message)
            if letter.fact is None or (wanted is not None and letter.id not in wanted):
                left += 1
            elif await _rung(line, letter.id, letter.fact):
                await message.ack()
                rung.append(letter.id)
            else:
                refused.append(letter.id)
    return Replayed(rung=tuple(rung), refused=tuple(refused), left=left)


async def _rung(line: _Line, message_id: str, fact: Fact) -> bool:
    """Return whether the topic's queue has taken the ring."""
    message = persistent(message_id, encode(message_id, fact))
    async with line.channel() as channel:
        exchange = await declare_exchanges(channel)
        await declare_queue(channel, exchange, topic(fact))
        try:
            await exchange.publish(message, routing_key=topic(fact), mandatory=True, timeout=CONNECT_S)
        except DeliveryError:
            return False
    return True


def _letter(message: AbstractIncomingMessage) -> DeadLetter:
    try:
        message_id, fact = decode(message.body)
    except Malformed:
        message_id, fact = "", None
    queue, reason, at = _first_death(message.headers.get("x-death"))
    return DeadLetter(id=message_id, fact=fact, queue=queue, reason=reason, at=at, size_bytes=len(message.body))


def _first_death(header: object) -> tuple[str, str, datetime | None]:
    """Return queue, reason and time of the newest entry of x-death; what is not the broker's own words is left out."""
    newest = header[0] if isinstance(header, list) and header and isinstance(header[0], dict) else {}
    queue, reason, at = (newest.get(name) for name in ("queue", "reason", "time"))
    return (
        queue if isinstance(queue, str) and _QUEUE.fullmatch(queue) else "",
        reason if isinstance(reason, str) and reason in _REASONS else "",
        at if isinstance(at, datetime) else None,
    )
