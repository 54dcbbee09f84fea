"""A record that receives HL7v2: python-hl7's MLLP server, which reads and answers by itself and keeps each number once.

It does with each message what its script says, then "AA" for ever:

    AA CA AE CE AR CR   answers that, and keeps the message only when it accepts
    hang                keeps it, and never answers
    cut                 keeps it, and ends the connection
    other               keeps it, and answers about another number (MSA-2)
    noise, nonsense     answers bytes that are no frame, or a frame that is no message
    silent              ends the connection without having read
"""

import asyncio
import ssl
import threading
import warnings
from typing import Any

import hl7
from hl7.mllp import start_hl7_server

PATIENCE_S = 60.0
KEEPING = frozenset({"AA", "CA", "hang", "cut", "other", "noise", "nonsense"})


class Receiver:
    """A server on a thread of its own."""

    def __init__(self, *, encoding: str = "utf-8", tls: ssl.SSLContext | None = None) -> None:
        self.script: list[str] = []
        self.heard: list[Any] = []
        """Every message that came, parsed by python-hl7."""
        self.kept: dict[str, Any] = {}
        """What it holds, by MSH-10."""
        self.port = 0
        self._encoding = encoding
        self._tls = tls
        self._news = threading.Condition()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._talks: dict[asyncio.Task[None], Any] = {}
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def start(self) -> "Receiver":
        self._thread.start()
        assert self._ready.wait(PATIENCE_S)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def wait_for(self, messages: int) -> None:
        """Return when so many messages were heard."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.heard) >= messages, PATIENCE_S)

    async def _serve(self) -> None:
        server = await start_hl7_server(self._begin, "127.0.0.1", 0, encoding=self._encoding, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._ended.wait()
        while taken := asyncio.all_tasks() - {asyncio.current_task()} - self._talks.keys():
            await asyncio.wait(taken)  # a connection that came just now is taken whole, or it would stay open
        server.close()
        for talk, writer in self._talks.items():
            talk.cancel()
            writer.close()
        if self._talks:
            await asyncio.wait(self._talks)
        await asyncio.sleep(0)  # a transport ends in the round after it was closed

    def _begin(self, reader: Any, writer: Any) -> None:
        self._talks[self._loop.create_task(self._talk(reader, writer))] = writer

    async def _talk(self, reader: Any, writer: Any) -> None:
        try:
            while await self._answered(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answered(self, reader: Any, writer: Any) -> bool:
        """Answer one message and return whether the connection goes on."""
        if self.script[:1] == ["silent"]:
            self.script.pop(0)
            return False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            message = await reader.readmessage()
        with self._news:
            self.heard.append(message)
            self._news.notify_all()
        what = self.script.pop(0) if self.script else "AA"
        control = str(message.segment("MSH")(10))
        if what in KEEPING:
            self.kept.setdefault(control, message)
        if what == "hang":
            await asyncio.Event().wait()
        if what == "cut":
            return False
        writer.writeblock(b"what?") if what == "nonsense" else writer.write(self._reply(message, what))
        await writer.drain()
        return True

    def _reply(self, message: Any, what: str) -> bytes:
        if what == "noise":
            return b"HTTP/1.1 400 Bad Request\r\n\r\n"
        ack = message.create_ack("AA" if what == "other" else what)
        if what == "other":
            ack.segment("MSA").assign_field("another", 2)
        text = str(ack)
        if what[1] in "ER":
            text += "ERR||PID^1^3|204^Unknown key identifier^HL70357|E|||IPP00012345 unknown\r"
        return b"\x0b" + text.encode(self._encoding) + b"\x1c\r"


def text(message: Any) -> str:
    """Return a message that was heard, one segment a line."""
    return str(message).replace("\r", "\n")


__all__ = ["Receiver", "hl7", "text"]
