"""A real outbox, filled for a test, and somebody who listens and counts."""

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import event, insert, select

from bridge.broker.rabbit import RabbitBell
from bridge.db import tables
from bridge.db.engine import make_aval_engine
from bridge.db.migrate import migrate
from bridge.db.store import SqlStore
from bridge.wiring.clock import SystemClock
from guarantee.events import DeliveryDue, Fact, fact_to_plain
from guarantee.ids import DeliveryId

CLOCK = SystemClock()


class Outbox:
    """A database with facts to hand over."""

    def __init__(self, folder: Path) -> None:
        self.engine = make_aval_engine(f"sqlite:///{folder / 'outbox.db'}")
        event.listen(self.engine, "connect", _do_not_wait_for_the_disk)
        migrate(self.engine)
        self.store = SqlStore(self.engine)

    def fill(self, destination: str, many: int, *, prefix: str = "m") -> list[str]:
        """Add facts for one destination, oldest first; return their message ids."""
        names = [f"{prefix}{number:06}" for number in range(many)]
        with self.store.transaction("test") as unit:
            unit.connection.execute(
                insert(tables.outbox),
                [{"id": name, "fact": _body(name, destination), "at": name, "rung_at": None} for name in names],
            )
        return names

    def waiting(self) -> int:
        with self.store.reading() as unit:
            return len(
                unit.connection.execute(select(tables.outbox.c.id).where(tables.outbox.c.rung_at.is_(None))).all()
            )


def _body(name: str, destination: str) -> str:
    fact = DeliveryDue(delivery=DeliveryId(name), destination=destination)
    return orjson.dumps(fact_to_plain(fact)).decode()


def _do_not_wait_for_the_disk(connection: Any, _entry: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


class Listener:
    """Counts what it hears of one topic, on a connection of its own."""

    def __init__(self, url: str, topic: str) -> None:
        self.heard: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._bell = RabbitBell(url)
        self._bell.listen(topic, self._hear, workers=4)

    def _hear(self, message_id: str, _fact: Fact) -> None:
        with self._lock:
            self.heard[message_id] += 1

    def close(self) -> None:
        self._bell.close()
