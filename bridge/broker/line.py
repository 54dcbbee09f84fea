"""One connection to RabbitMQ: opened and closed in bounded time, and what its loss looks like."""

import asyncio
from concurrent.futures import CancelledError as FutureCancelledError
from contextlib import suppress
from typing import Final

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.connection import make_url
from aio_pika.exceptions import AMQPException
from aiormq.exceptions import AMQPError
from pamqp.exceptions import PAMQPException

CONNECT_S: Final = 10.0
"""Longest wait for a connection."""

HANG_UP_S: Final = 1.0
"""Longest wait for a connection that failed to close: the broker may never answer on it."""

BROKEN: Final = (
    AMQPException,
    AMQPError,
    RuntimeError,
    PAMQPException,
    ConnectionError,
    OSError,
    TimeoutError,
    asyncio.CancelledError,
    FutureCancelledError,
)
"""What a lost connection looks like: aiormq even cancels a publish that waits for its confirm, which the thread that
waits for the loop sees as another class of the same name; and a channel or a connection that has ended is a
RuntimeError there."""


def persistent(message_id: str, body: bytes) -> aio_pika.Message:
    """Return a message that survives the broker."""
    return aio_pika.Message(
        body, message_id=message_id, content_type="application/json", delivery_mode=aio_pika.DeliveryMode.PERSISTENT
    )


async def connect(url: str) -> AbstractConnection:
    """Return a connection; one that fails half-way is closed here, not by the garbage collector on any thread."""
    connection = aio_pika.Connection(make_url(url))
    try:
        await connection.connect(timeout=CONNECT_S)
    except BaseException:
        await close(connection)
        raise
    return connection


async def close(connection: AbstractConnection) -> None:
    """Close a connection, whatever its state; when the line is gone, the library notes the end only if asked again."""
    for _ in range(2):
        with suppress(*BROKEN):
            await asyncio.wait_for(connection.close(), HANG_UP_S)
            return
