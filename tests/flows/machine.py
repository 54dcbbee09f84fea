"""An installation that can die and start again, and an outside world that remembers what it was sent.

The disk (database, vault) and what is outside (senders, record, destinations) survive a crash; queues, leases in
memory and half-done work do not.
"""

import copy
import random
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event, select

from bridge.broker.relay import Relay
from bridge.db import tables
from bridge.db.store import SqlStore
from bridge.flows import completeness, deliver, fetch, infer, intake
from bridge.flows.fetch import Fetching
from bridge.flows.giving_back import Giving
from bridge.flows.review import Review
from bridge.flows.sweep import Sweeper
from guarantee.card import Card
from guarantee.case import CaseKind
from guarantee.errors import GuaranteeError, PortError, Unavailable
from guarantee.events import DeliveryDue, EventReceived, Fact, ResultQueued
from guarantee.opinion import Reader
from guarantee.result import Result
from guarantee.states import CaseState, ResultState
from guarantee.unit import Arrival, Fetch
from tests.flows.crashes import Fuse, FusedPort, FusedStore
from tests.flows.fakes import READER, FakeVault, arrival
from tests.flows.world import World

ROUND_S = 200.0
"""How far the clock moves between two rounds: further than any lease, wait or quiet time needs more than twice."""

ROUNDS_MAX = 60
"""Rounds after which what still moves will never rest."""


class QueueBell:
    """A bell whose rings wait until a test pumps them; a crash loses them, as it may."""

    def __init__(self) -> None:
        self.rings: list[tuple[str, Fact]] = []

    def ring(self, message_id: str, fact: Fact) -> None:
        self.rings.append((message_id, fact))

    def ring_all(self, rings: Sequence[tuple[str, Fact]]) -> list[None]:
        self.rings.extend(rings)
        return [None] * len(rings)

    def listen(self, topic: str, handler: Callable[[str, Fact], None], *, workers: int = 1) -> None:
        raise NotImplementedError("a test pumps this bell itself")

    def close(self) -> None:
        self.rings.clear()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that survives a crash, at one moment."""

    database: bytes
    outside: dict[str, Any]


class Machine(World):
    """A world with a relay, a sweeper, a bell and a record to fetch from."""

    def __init__(self, folder: Path, *cards: Card) -> None:
        self.disk = FakeVault()
        super().__init__(folder, vault=self.disk, cards=cards)
        event.listen(self.engine, "connect", _do_not_wait_for_the_disk)
        self.engine.dispose()
        self.path = folder / "aval.db"
        self.record: dict[str, bytes] = {}
        self.acknowledged: list[Arrival] = []
        self.draw = random.Random(0)
        self.fuse = Fuse()
        self.restart()

    # ------------------------------------------------------------------------------------------ dying and restarting

    def restart(self) -> None:
        """Start again on what the disk holds: new stores, new queues, nothing remembered."""
        self.sql = SqlStore(self.engine)
        self.arm(None)

    def arm(self, at: int | None) -> Fuse:
        """Wrap every port, so that the process dies at call number ``at``; None for a process that lives."""
        self.fuse = Fuse(at)
        self.bell = FusedPort(QueueBell(), self.fuse, "bell")
        self.store = FusedStore(self.sql, self.fuse) if at else self.sql
        self.vault = FusedPort(self.disk, self.fuse, "vault") if at else self.disk
        self.sweeper = Sweeper(self.store, self.bell, self.clock)
        return self.fuse

    def port(self, inner: object, name: str) -> Any:
        return FusedPort(inner, self.fuse, name) if self.fuse.at else inner

    def snapshot(self) -> Snapshot:
        with self.engine.connect() as connection:
            connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.engine.dispose()
        return Snapshot(self.path.read_bytes(), _copied(self._outside()))

    def restore(self, then: Snapshot) -> None:
        self.engine.dispose()
        for leftover in self.path.parent.glob(f"{self.path.name}-*"):
            leftover.unlink()
        self.path.write_bytes(then.database)
        kept = _copied(then.outside)
        self.draw.setstate(kept["draw"])
        self.clock.time = kept["time"]
        self.disk.blobs = kept["blobs"]
        self.model.failures = kept["failures"]
        self.record = kept["record"]
        self.acknowledged = kept["acknowledged"]
        for name, state in kept["destinations"].items():
            vars(self.destinations[name]).update(state)
        self.restart()

    def fingerprint(self) -> str:
        """Return everything that survives a crash, but for drawn identifiers and fractions of seconds.

        Two deaths that leave the same fingerprint have the same future: nothing else reaches the next process.
        """
        with self.sql.reading() as unit:
            rows = {
                table.name: unit.connection.execute(select(*(c for c in table.c if c.name not in _DRAWN))).all()
                for table in tables.metadata.sorted_tables
            }
        outside = {name: value for name, value in self._outside().items() if name not in {"blobs", "draw"}}
        text = repr((rows, outside | {"time": str(self.clock.time)}))
        named = sorted(name for name in self.disk.blobs if name in text)  # bytes that no row names change nothing
        return _FRACTION.sub(r"\1", text + repr(named))

    def _outside(self) -> dict[str, Any]:
        remembered = ("troubles", "held", "stored", "released", "withdrawn")
        return {
            "time": self.clock.time,
            "draw": self.draw.getstate(),
            "blobs": self.disk.blobs,
            "failures": self.model.failures,
            "record": self.record,
            "acknowledged": self.acknowledged,
            "destinations": {
                name: {key: getattr(place, key) for key in remembered} for name, place in self.destinations.items()
            },
        }

    # ------------------------------------------------------------------------------------------------- the tools

    @property
    def inference(self) -> infer.Inference:
        return replace(super().inference, model=self.port(self.model, "model"))

    @property
    def review(self) -> Review:
        renderers = {name: self.port(renderer, "renderer") for name, renderer in self.renderers.items()}
        return replace(
            super().review,
            renderers=dict.fromkeys(CaseKind, renderers),
            nonce=lambda: f"{self.draw.getrandbits(64):016x}",
        )

    @property
    def dispatch(self) -> deliver.Dispatch:
        places = {name: self.port(place, "destination") for name, place in self.destinations.items()}
        return replace(super().dispatch, destinations=places)

    @property
    def fetching(self) -> Fetching:
        return Fetching(
            store=self.store,
            vault=self.vault,
            clock=self.clock,
            look_up=self.port(self, "record").look_up,
            to_arrivals=self._to_arrivals,
        )

    def look_up(self, sender: str, what: str) -> bytes:
        """Answer as the record's server would."""
        if what not in self.record:
            raise Unavailable("timeout", "the record did not answer")
        return self.record[what]

    def _to_arrivals(self, data: bytes, fetch: Fetch) -> Sequence[Arrival]:
        return [arrival(self.disk, study=fetch.what, data=data, kind=CaseKind.RECORD)]

    # ------------------------------------------------------------------------------------------------- what runs

    def send(self, *arrivals: Arrival) -> None:
        """Receive, and tell the sender that we did."""
        self.receive(*arrivals)
        self.acknowledged.extend(arrivals)

    def relay(self) -> int:
        return Relay(self.store, self.bell, self.clock, wake=None).relay_once()  # type: ignore[arg-type]

    def handle(self, message_id: str, fact: Fact) -> None:
        """Answer one ring, as the process that listens to its topic would; what it raises comes again."""
        with suppress(PortError):
            if isinstance(fact, ResultQueued):
                infer.handle(message_id, fact, self.inference)
            elif isinstance(fact, DeliveryDue):
                deliver.handle(message_id, fact, self.dispatch)
            elif isinstance(fact, EventReceived):
                fetch.handle(message_id, fact, self.fetching)

    def pump(self) -> None:
        """Answer every ring."""
        while self.bell.rings:
            self.handle(*self.bell.rings.pop(0))

    def round(self) -> None:
        """Let every process do what it does once."""
        self.clock.advance(seconds=ROUND_S)
        self.relay()
        self.sweeper.ring_due()
        completeness.complete_due(self.completion)
        Giving(tools=self.completion).give_back()
        self.pump()

    def settle(self) -> None:
        """Let everything finish that finishes by itself."""
        for _ in range(ROUNDS_MAX):
            self.round()
            moving = self.moving()
            if not moving:
                return
        raise AssertionError(f"stuck after {ROUNDS_MAX} rounds: {moving}")

    def moving(self) -> list[str]:
        """Return what is not at rest yet: nothing here waits for a person, except under a stop."""
        with self.sql.reading() as unit:
            found = [f"case {case.id} is {case.state}" for case in unit.views.cases(1000) if case.state is _RECEIVING]
            rows = unit.views.results(("queued",), modes=("care", "shadow"), limit=1000)
            found += [f"result {row.result.id} is queued" for row in rows if not row.held]
            held = {row.result.id for row in unit.views.results((), limit=1000) if row.held}
            far = datetime(9000, 1, 1, tzinfo=UTC)
            found += [f"delivery {d.id} is due" for d in unit.deliveries.due(now=far) if d.result not in held]
            found += [f"fetch {fetch} is due" for fetch in unit.messages.fetches_due(far)]
            found += [f"message {message} was not relayed" for message, _ in unit.messages.pending(1000)]
        return found

    def awaiting(self) -> list[Result]:
        with self.sql.reading() as unit:
            rows = unit.views.results((str(ResultState.AWAITING_REVIEW),), modes=("care",), limit=1000)
        return [row.result for row in rows]

    def accept_all(self, *readers: Reader) -> None:
        """Let the readers accept whatever waits for them."""
        for result in self.awaiting():
            for reader in readers or (READER,):
                with suppress(GuaranteeError):
                    self.answer(result, reader=reader)


_DRAWN = {"hash", "prev"}
"""Columns that differ between two runs of the same story: links of the journal, which carry the time in full."""

_FRACTION = re.compile(r"(\d\d:\d\d:\d\d)\.\d+")

_RECEIVING = CaseState.RECEIVING


def _copied(kept: dict[str, Any]) -> dict[str, Any]:
    """Return copies of the containers; what they hold never changes."""
    return {
        name: _copied(value) if name in {"destinations", "pacs", "dpi"} else copy.copy(value)
        for name, value in kept.items()
    }


def _do_not_wait_for_the_disk(connection: Any, _entry: object) -> None:
    """A simulated crash ends a process, not the machine: the operating system still holds what was written."""
    connection.execute("PRAGMA synchronous=OFF")


def hang_up(machine: Machine, conversation: str) -> None:
    intake.hang_up(conversation, broken_off=False, store=machine.store, clock=machine.clock, actor="scp")
