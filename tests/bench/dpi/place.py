"""The two sides: an Aval with its doors open, and a record that creates."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from bridge.db.engine import engine_at
from tests.bench.dpi.posts import Void
from tests.installation import Installation, eventually
from tests.peers.base import free_port, listens
from tests.peers.postgresql import PostgreSQL

CONFIRMED_S = 60.0
"""Longest wait for the broker's last confirm."""


class Aval:
    """One process with the record's doors and the relay, on a database of its own.

    Args:
        cluster: for PostgreSQL; SQLite when None.
    """

    def __init__(self, folder: Path, broker: str, cluster: PostgreSQL | None = None) -> None:
        self.hl7_port = free_port()
        hl7 = {"port": self.hl7_port, "senders": {"labo": {"addresses": ["127.0.0.0/8"]}}}
        self.installation = Installation(folder, {"intake": {"hl7": hl7}}, broker=broker, cluster=cluster)
        self.port = self.installation.ports["intake"]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when both doors answer."""
        with (self.installation.logs / "bench.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.dpi.server", str(self.installation.folder)],
                stdout=log,
                stderr=log,
                env=self.installation.environment(),
                start_new_session=True,
            )
        eventually(lambda: listens(self.port) and listens(self.hl7_port), "the doors of Aval to open")

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(60)

    def confirmed(self, count: int) -> list[tuple[str, str]]:
        """Return each fact of the outbox, and when it was marked as confirmed, once there are ``count`` of them.

        Raises:
            Void: there are more or fewer.
        """
        waiting = text("SELECT count(*) FROM outbox WHERE rung_at IS NULL")
        rows = text("SELECT fact, rung_at FROM outbox")
        with engine_at(self.installation.owner) as engine:

            def none_waits() -> bool:
                with engine.connect() as connection:
                    return not connection.execute(waiting).scalar_one()

            eventually(none_waits, "every fact to be confirmed", within_s=CONFIRMED_S)
            with engine.connect() as connection:
                found = [(str(row.fact), str(row.rung_at)) for row in connection.execute(rows)]
        if len(found) != count:
            raise Void(f"{len(found)} facts in the outbox instead of {count}")
        return found


@contextmanager
def running(folder: Path, broker: str, cluster: PostgreSQL | None = None) -> Iterator[Aval]:
    """Yield a started Aval; it is stopped afterwards."""
    made = Aval(folder, broker, cluster)
    made.start()
    try:
        yield made
    finally:
        made.stop()
