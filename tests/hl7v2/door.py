"""The door as the intake process has it: a real socket, a real vault, a real database; and who talks to it."""

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bridge.config.record import Hl7
from bridge.flows import feed, intake
from bridge.wiring.hl7 import as_told, keeping, senders
from bridge.wiring.tls import context_of
from fhir_adapters.hl7v2.door import Door
from fhir_adapters.hl7v2.mllp import Listener, Options
from guarantee.case import Case, CaseKind
from tests.flows.world import World

PATIENCE_S = 60.0

MINE: dict[str, Any] = {
    "senders": {
        "labo": {"addresses": ["127.0.0.1"], "application": "LABO"},
        "gam": {"addresses": ["127.0.0.1"], "application": "GAM"},
    }
}


@dataclass(frozen=True, slots=True)
class Ack:
    """An answer, read without our own reader: segments by name, fields by number."""

    text: str

    def field(self, segment: str, number: int) -> str:
        rows = [row.split("|") for row in self.text.split("\r") if row.startswith(segment)]
        assert rows, self.text
        at = number - 1 if segment == "MSH" else number
        return rows[0][at] if at < len(rows[0]) else ""

    @property
    def code(self) -> str:
        return self.field("MSA", 1)

    @property
    def control(self) -> str:
        return self.field("MSA", 2)

    @property
    def why(self) -> str:
        return self.field("ERR", 3).partition("^")[0]


class Talk:
    """One connection of a sender."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.socket = tls.wrap_socket(plain, server_hostname="127.0.0.1") if tls else plain
        self.socket.settimeout(PATIENCE_S)
        self._rest = b""

    def send(self, *messages: str | bytes, charset: str = "iso8859-15") -> None:
        bodies = (one if isinstance(one, bytes) else one.encode(charset) for one in messages)
        self.socket.sendall(b"".join(b"\x0b" + body + b"\x1c\r" for body in bodies))

    def ack(self) -> Ack:
        while b"\x1c\r" not in self._rest:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the door hung up")
            self._rest += data
        frame, _, self._rest = self._rest.partition(b"\x1c\r")
        assert frame.startswith(b"\x0b"), frame
        return Ack(frame[1:].decode("latin-1"))

    def ask(self, message: str | bytes, charset: str = "iso8859-15") -> Ack:
        self.send(message, charset=charset)
        return self.ack()

    def is_hung_up(self) -> bool:
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.socket.close()


class Site:
    """An installation in one folder, with the door open."""

    def __init__(self, world: World, **changes: Any) -> None:
        self.world = world
        self.settings = Hl7.model_validate({**MINE, **changes})
        self.listener = Listener(self._options(), self.door, self._turn_away)
        self.talks: list[Talk] = []

    def _options(self) -> Options:
        mine = self.settings
        return Options(
            host="127.0.0.1",
            port=0,
            connections_max=mine.connections_max,
            message_s=mine.message_s,
            idle_s=mine.idle_s,
            tls=context_of("intake.hl7.tls", mine.tls, lambda path: path),
        )

    @property
    def door(self) -> Door:
        world = self.world
        return Door(
            keep=keeping(world.vault),
            take=lambda heard: len(feed.take(as_told(heard), store=world.store, clock=world.clock, actor="hl7")),
            turn_away=self._turn_away,
            senders=senders(self.settings),
            site="site-1",
            zone=ZoneInfo(self.settings.zone),
            charset=self.settings.charset,
            processing=frozenset(self.settings.processing),
            now=world.clock.now,
        )

    def _turn_away(self, sender: str, code: str, detail: str) -> None:
        intake.turn_away("hl7", sender, code, detail, store=self.world.store, clock=self.world.clock)

    def talk(self) -> Talk:
        self.talks.append(Talk(self.listener.port))
        return self.talks[-1]

    def close(self) -> None:
        for talk in self.talks:
            talk.close()
        self.listener.stop()

    # ------------------------------------------------------------------------------------------- what is there now

    def refusals(self) -> list[tuple[str, str]]:
        with self.world.sql.reading() as unit:
            return [(row["sender"], row["code"]) for row in reversed(unit.views.turned_away(100))]

    def case(self, uid: str, kind: CaseKind = CaseKind.RECORD) -> Case | None:
        with self.world.store.transaction("look") as unit:
            return unit.cases.latest(kind, uid)

    def stored(self, uid: str) -> Sequence[bytes]:
        with self.world.store.reading() as unit:
            inputs = unit.cases.inputs(CaseKind.RECORD, uid)
        return [self.world.vault.get(one.source.digest) for one in inputs if one.is_used]


def site(folder: Path, **changes: Any) -> Site:
    """Return a site over a world of its own, not yet listening."""
    return Site(World(folder), **changes)
