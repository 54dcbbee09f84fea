"""A stop while hundreds of results are decided, sent and computed: what still got through, and how late."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from operator import ge
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from bridge.db.engine import make_aval_engine
from bridge.db.migrate import migrate
from bridge.db.store import SqlStore
from bridge.flows import deliver, infer
from bridge.flows.stop import stop
from bridge.wiring.clock import SystemClock
from guarantee.errors import GuaranteeError, PortError
from guarantee.lifecycle import Stage
from guarantee.result import Result
from guarantee.stops import Scope
from tests.flows.fakes import arrival
from tests.flows.world import World

SEND_S: Final = 0.02
"""How long a destination takes."""

RUN_S: Final = 0.05
"""How long a model takes."""

UNDER_LOAD: Final = (100, 100, 10)
"""Decisions, sends and runs that were made before the stop; on a slow machine it waits for them, LOADED_S at most."""

LOADED_S: Final = 120.0
AFTER_S: Final = 7.0
"""Load after the stop: longer than a worker may take to hear of it."""

AFTER: Final = text("""
SELECT count(*) FROM journal WHERE action = :action AND seq > (SELECT seq FROM journal WHERE action = 'stop.stop')""")


@dataclass(slots=True)
class Moments:
    """When something got through, on this machine's monotonic clock."""

    at: list[float] = field(default_factory=list)

    def note(self) -> None:
        self.at.append(time.monotonic())

    def since(self, moment: float) -> float:
        """Return how long after ``moment`` the last one was, in seconds; 0 when it was before."""
        return max([0.0, *(one - moment for one in self.at)])

    def until(self, moment: float) -> int:
        return sum(one <= moment for one in self.at)


class RealClock(SystemClock):
    """The machine's time, asked as the worlds of the tests ask theirs."""

    @property
    def time(self) -> datetime:
        return self.now()


class Site(World):
    """A world on any database, whose clock is the real one once it is under load."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        self.engine.dispose()
        self.engine = make_aval_engine(url)
        migrate(self.engine)
        self.sql = SqlStore(self.engine)
        self.store = self.sql
        with self.sql.transaction("setup") as unit:
            self.furnish(unit, Stage.PILOT)

    def fill(self, drafted: int, queued: int) -> list[Result]:
        """Make results that wait for a decision, and results that wait for a model; return the former."""
        self.receive(*(arrival(self.vault, study=f"1.2.{n}") for n in range(drafted)))
        self.complete()
        self.infer_all()
        waiting = self.awaiting()
        self.receive(*(arrival(self.vault, study=f"1.3.{n}") for n in range(queued)))
        self.complete()
        return waiting

    def awaiting(self) -> list[Result]:
        with self.sql.reading() as unit:
            return [row.result for row in unit.views.results(("awaiting_review",), limit=100_000)]


def measure(folder: Path, url: str, *, drafted: int, queued: int) -> dict[str, Any]:
    """Return what got through after a stop of the model under load."""
    site = Site(folder, url)
    waiting = iter(site.fill(drafted, queued))
    site.clock = RealClock()  # type: ignore[assignment] # its time can no longer be moved
    for destination in site.destinations.values():
        destination._clock = site.clock  # type: ignore[assignment] # likewise
    grants, sends, starts = Moments(), Moments(), Moments()
    _slow(site, sends, starts)
    over, lock = threading.Event(), threading.Lock()
    jobs = [
        *(lambda: _decide(site, waiting, lock, grants) for _ in range(3)),
        *(lambda: _send(site) for _ in range(3)),
        *(lambda: _compute(site) for _ in range(2)),
    ]
    threads = [threading.Thread(target=_until, args=(over, job)) for job in jobs]
    for thread in threads:
        thread.start()
    _wait_for_load(grants, sends, starts)
    asked = time.monotonic()
    stop(Scope.MODEL, "toy", by="dr.martin", reason="essai", store=site.store, clock=site.clock)
    committed = time.monotonic()
    time.sleep(AFTER_S)
    over.set()
    for thread in threads:
        thread.join()
    found = {
        "stop_took_s": committed - asked,
        "decided_before": grants.until(committed),
        "sent_before": sends.until(committed),
        "started_before": starts.until(committed),
        "last_grant_s": grants.since(committed),
        "last_send_s": sends.since(committed),
        "last_start_s": starts.since(committed),
        "left_to_decide": len(site.awaiting()),
    }
    with site.sql.reading() as unit:
        for name, action in (("grants_after", "release.result"), ("attempts_after", "delivery.attempted")):
            found[name] = unit.connection.scalar(AFTER, {"action": action})
    site.engine.dispose()
    return found | {"holds": _holds(found)}


def _wait_for_load(*noted: Moments) -> None:
    deadline = time.monotonic() + LOADED_S
    while time.monotonic() < deadline and not all(len(one.at) >= n for one, n in zip(noted, UNDER_LOAD, strict=True)):
        time.sleep(0.1)


def _holds(found: dict[str, Any]) -> bool:
    before = (found["decided_before"], found["sent_before"], found["started_before"])
    loaded = all(map(ge, before, UNDER_LOAD)) and found["left_to_decide"] > 0
    nothing = found["grants_after"] == found["attempts_after"] == 0
    in_time = max(found["last_grant_s"], found["last_send_s"]) <= 1 and found["last_start_s"] <= 5
    return bool(loaded and nothing and in_time)


def _slow(site: Site, sends: Moments, starts: Moments) -> None:
    """Give destinations and the model the time they take, and note when they were reached."""
    for place in site.destinations.values():
        place.send = _timed(place.send, SEND_S, after=sends)  # type: ignore[method-assign]
    site.model.run = _timed(site.model.run, RUN_S, before=starts)  # type: ignore[method-assign]


def _timed(call: Callable[..., Any], takes_s: float, **noted: Moments) -> Callable[..., Any]:
    def timed(*args: Any, **kwargs: Any) -> Any:
        if "before" in noted:
            noted["before"].note()
        time.sleep(takes_s)
        answer = call(*args, **kwargs)
        if "after" in noted:
            noted["after"].note()
        return answer

    return timed


def _until(over: threading.Event, job: Callable[[], None]) -> None:
    while not over.is_set():
        with suppress(GuaranteeError, PortError):  # held, or somebody else was faster: what the load meets all day
            job()
        time.sleep(0.001)


def _decide(site: Site, waiting: Iterator[Result], lock: threading.Lock, grants: Moments) -> None:
    with lock:
        result = next(waiting, None)
    if result is None:
        time.sleep(0.1)
    elif site.answer(result) is not None:
        grants.note()


def _send(site: Site) -> None:
    with site.store.reading() as unit:
        due = unit.deliveries.due(now=site.clock.now())
    for delivery in due[:20]:
        deliver.deliver(delivery.id, site.dispatch)


def _compute(site: Site) -> None:
    with site.store.reading() as unit:
        waiting = unit.results.waiting(now=site.clock.now())
    for result in waiting[:1]:
        infer.infer(result, site.inference)
