"""Every place where patient data must not be, read as bytes; and the search."""

import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx2
from sqlalchemy import text

from tests.canary.patient import needles
from tests.e2e.wire import Tap
from tests.installation import Installation
from tests.peers.postgresql import PostgreSQL
from tests.peers.rabbitmq import RabbitMQ

TABLES: Final = {
    "outbox": "*",
    "inbox": "*",
    "journal": "*",
    "turned_away": "*",
    "feed": "*",
    "doubts": "*",
    "admissions": "*",
    "sign_ins": "*",
    "authentication_requests": "*",
    "local_openings": "*",
    "openings": "*",
    "handovers": "*",
    "leases": "*",
    "results": "*",
    "runs": "*",
    "features": "mode, site, sender, scanner, body",
    "deliveries": "*",
    "attempts": "*",
    "stops": "*",
    "models": "*",
}
"""Tables that hold identifiers, digests and causes; patients are in cases, inputs and the sealed statements alone."""

LOOK_EVERY_S: Final = 0.1


@dataclass(slots=True)
class Answers:
    """What a caller was told when the answer was no."""

    bodies: list[tuple[str, bytes]] = field(default_factory=list)

    def watch(self, web: httpx2.Client) -> None:
        """Keep every refusal that ``web`` gets from now on."""
        web.event_hooks = {"response": [self._keep]}

    def _keep(self, answer: httpx2.Response) -> None:
        answer.read()
        if answer.status_code >= 400:
            headers = b"\n".join(name + b": " + value for name, value in answer.headers.raw)
            self.bodies.append((f"HTTP {answer.status_code}", headers + b"\n" + answer.content))


class Commands:
    """Sees every argument of every process of the installation, for as long as it lasts."""

    def __init__(self, installation: Installation) -> None:
        self.seen: set[bytes] = set()
        self._installation = installation
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="commands", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._ending.wait(LOOK_EVERY_S):
            sessions = {process.pid for process in list(self._installation.running.values())}
            for entry in Path("/proc").iterdir():
                if entry.name.isdecimal():
                    try:
                        if os.getsid(int(entry.name)) in sessions:
                            self.seen.add((entry / "cmdline").read_bytes())
                    except (OSError, ValueError):
                        continue  # it ended while we looked


@dataclass(slots=True)
class Sinks:
    """All of them, for one installation.

    Args:
        tap: on the broker; None where there is none.
        servers: logs of the database server and of the broker.
    """

    installation: Installation
    answers: Answers
    commands: Commands
    tap: Tap | None
    cluster: PostgreSQL | None
    rabbitmq: RabbitMQ | None

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Yield the name of each sink with what is in it, some of them in several pieces."""
        folder = self.installation.folder
        for path in sorted(self.installation.logs.iterdir()):
            yield f"log {path.name}", path.read_bytes()
        yield from self.answers.bodies
        yield from (("process arguments", words) for words in sorted(self.commands.seen))
        yield from (("file names", os.fsencode(path)) for path in self._files())
        for path in self._files():
            if path.is_file() and "vault" not in path.parts and not path.name.startswith("aval.db"):
                yield f"file {path.relative_to(folder)}", path.read_bytes()
        yield from self._rows()
        if self.tap is not None:
            yield from (("broker", topic.encode() + b" " + body) for topic, body in self.tap.heard)
        for server in (self.cluster, self.rabbitmq):
            if server is not None:
                yield f"log of {server.daemon.name}", server.daemon.log.read_bytes()

    def _files(self) -> list[Path]:
        return sorted(self.installation.folder.rglob("*"))

    def _rows(self) -> Iterator[tuple[str, bytes]]:
        with self.installation.reading() as unit:
            for table, columns in TABLES.items():
                rows = unit.connection.execute(text(f"SELECT {columns} FROM {table}"))
                yield from ((f"table {table}", repr(tuple(row)).encode()) for row in rows)


def found_in(contents: Iterable[tuple[str, bytes]], traits: dict[bytes, str] | None = None) -> dict[str, set[str]]:
    """Return which traits each sink gives away; empty when none does."""
    wanted = needles() if traits is None else traits
    found: dict[str, set[str]] = {}
    for name, data in contents:
        lowered = data.lower()
        hits = {trait for needle, trait in wanted.items() if needle in lowered}
        if hits:
            found.setdefault(name, set()).update(hits)
    return found
