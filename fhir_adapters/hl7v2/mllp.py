"""MLLP (HL7 Minimal Lower Layer Protocol, release 1): a listener on a thread of its own, one answer after the other.

    <VT> message <FS><CR>          0x0B … 0x1C 0x0D

A sender that does not wait for answers is read ahead: what has arrived whole is handed over together, and answered in
order. While it is being kept nothing more is read, so that a fast sender waits for the disk and not in our memory.
"""

import asyncio
import logging
import ssl
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from fhir_adapters.hl7v2.door import Door, Sender
from fhir_adapters.hl7v2.er7 import MESSAGE_BYTES_MAX
from fhir_adapters.hl7v2.errors import BrokenFraming
from fhir_adapters.hl7v2.frames import END, START, Frames
from guarantee.errors import PortError, Unavailable

READ_BYTES: Final = 64 * 1024
"""How much is read at once."""

SEND_S: Final = 30.0
"""Longest time for a sender to take its answers; then its connection ends."""

START_S: Final = 30.0
"""Longest start."""

STOP_S: Final = 20.0
"""How long a stop waits for what is being kept."""

THREADS: Final = 8
"""Most connections whose messages are being kept at the same moment; the others wait their turn."""

_log = logging.getLogger("aval.hl7")

_Reader: TypeAlias = asyncio.StreamReader
_Writer: TypeAlias = asyncio.StreamWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the listener listens.

    Args:
        connections_max: of all senders together.
        message_s: longest time from the first byte of a message to its last.
        idle_s: longest time without a message; then the connection ends, and a sender opens another one.
        tls: for TLS alone on this port; None for none.
    """

    host: str
    port: int
    connections_max: int
    message_s: float
    idle_s: float
    tls: ssl.SSLContext | None = None


class Listener:
    """The HL7v2 listener as a process.

    Args:
        turn_away: records what was refused before it was a message: sender, code, detail.
    """

    name = "intake:hl7"

    def __init__(self, options: Options, door: Door, turn_away: Callable[[str, str, str], object]) -> None:
        self.port = options.port
        self._options = options
        self._door = door
        self._turn_away = turn_away
        self._ready = threading.Event()
        self._refusal: OSError | None = None
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._open: Counter[str] = Counter()
        self._turning_down = 0
        self._serving: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="hl7")

    def start(self) -> None:
        """Listen; ``port`` is the real one afterwards.

        Raises:
            Unavailable: the port is taken.
        """
        self._thread.start()
        if not self._ready.wait(START_S) or self._refusal is not None:
            place = f"{self._options.host}:{self._options.port}"
            raise Unavailable("port", f"{self.name} cannot listen on {place}; is the port taken?")

    def stop(self) -> None:
        """Answer what is being kept, then end every connection."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._listen())
        finally:
            self._loop.close()

    async def _listen(self) -> None:
        mine = self._options
        try:
            server = await asyncio.start_server(
                self._accept, mine.host, mine.port, ssl=mine.tls, limit=READ_BYTES, backlog=mine.connections_max
            )
        except OSError as error:
            self._refusal = error
            self._ready.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        if self._serving:
            await asyncio.wait(self._serving, timeout=STOP_S)
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _accept(self, reader: _Reader, writer: _Writer) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._serving.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:  # the sender went away
            _log.info("hl7.ended kind=%s", type(error).__name__)
        except PortError as error:  # the refusal stands, though it could not be recorded
            _log.warning("hl7.unrecorded code=%s", error.code)
        except Exception as error:  # noqa: BLE001 - boundary: a fault of ours ends one connection; it is sent again
            _log.error("hl7.fault %s", _where(error))
        finally:
            self._serving.discard(task)
            writer.close()
            with suppress(OSError, asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), SEND_S)

    # ------------------------------------------------------------------------------------------- one connection

    async def _serve(self, reader: _Reader, writer: _Writer) -> None:
        peer = writer.get_extra_info("peername")
        senders = self._door.senders_at(peer[0] if peer else "")
        if not senders or not self._has_room(senders):
            await self._turn_down(reader, senders)
            return
        self._open[senders[0].name] += 1
        try:
            await self._talk(reader, writer, senders)
        finally:
            self._open[senders[0].name] -= 1

    def _has_room(self, senders: Sequence[Sender]) -> bool:
        theirs = self._open[senders[0].name]
        return self._open.total() < self._options.connections_max and theirs < senders[0].connections_max

    async def _turn_down(self, reader: _Reader, senders: Sequence[Sender]) -> None:
        """Hang up; a connection that says nothing is no event: whoever watches us opens one and closes it.

        Those that are waited for are counted: who may not send could open them until no file is left to open.
        """
        if self._turning_down >= self._options.connections_max:
            return
        self._turning_down += 1
        try:
            async with asyncio.timeout(self._options.message_s):
                if not await reader.read(1):
                    return
        finally:
            self._turning_down -= 1
        if senders:
            await self._record(senders[0].name, "too-many-connections", "more connections than this sender may have")
        else:
            await self._record("", "sender-unknown", "no configured sender has this address")

    async def _record(self, sender: str, code: str, detail: str) -> None:
        await self._loop.run_in_executor(self._pool, self._turn_away, sender, code, detail)

    async def _talk(self, reader: _Reader, writer: _Writer, senders: Sequence[Sender]) -> None:
        frames = Frames()
        stopping = self._loop.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                whole = await self._gather(reader, writer, frames, senders, stopping)
                if not whole:
                    return
                await self._send(
                    writer, await self._loop.run_in_executor(self._pool, self._door.answer, senders, whole)
                )
        except BrokenFraming as error:
            await self._record(_only(senders), error.code, error.says)
        finally:
            stopping.cancel()

    async def _gather(
        self,
        reader: _Reader,
        writer: _Writer,
        frames: Frames,
        senders: Sequence[Sender],
        stopping: "asyncio.Task[bool]",
    ) -> list[bytes]:
        """Return the next messages that are whole; none when the connection has ended.

        Raises:
            BrokenFraming: it must end.
        """
        begun_at = self._loop.time()
        while not (whole := frames.cut()):
            if frames.is_too_long:
                says = f"at most {MESSAGE_BYTES_MAX} bytes are taken: send less at a time"
                refuse = self._door.refuse
                reply = await self._loop.run_in_executor(
                    self._pool, refuse, senders, frames.beginning, "too-long", says
                )
                await self._send(writer, reply)
                return []
            left = (
                self._options.message_s - (self._loop.time() - begun_at) if frames.has_begun else self._options.idle_s
            )
            data = await self._read(reader, left, stopping)
            if data is None and frames.has_begun:
                raise BrokenFraming("broken-off", "the message did not end in time, or the connection ended within it")
            if data is None:
                return []
            if not frames.has_begun:
                begun_at = self._loop.time()
            frames.add(data)
        return whole

    async def _read(self, reader: _Reader, within_s: float, stopping: "asyncio.Task[bool]") -> bytes | None:
        """Return what comes next; None when nothing does in time, at the end, or when we stop."""
        reading = self._loop.create_task(reader.read(READ_BYTES))
        done, _ = await asyncio.wait({reading, stopping}, timeout=max(0.0, within_s), return_when="FIRST_COMPLETED")
        if reading in done:
            return reading.result() or None
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        return None

    async def _send(self, writer: _Writer, replies: Sequence[bytes]) -> None:
        writer.write(b"".join(START + reply + END for reply in replies))
        async with asyncio.timeout(SEND_S):
            await writer.drain()


def _only(senders: Sequence[Sender]) -> str:
    return senders[0].name if len(senders) == 1 else ""


def _where(error: Exception) -> str:
    """Return the class and the place of a fault; its message may hold what was sent."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"kind={type(error).__name__} at={frames[-1].name}:{frames[-1].lineno}"
