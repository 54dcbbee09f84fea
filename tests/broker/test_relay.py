"""Outbox to broker through a line that breaks: nothing is lost; and a relay that trusts too early must lose."""

import itertools
import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bridge.broker import line, rabbit, relay, topology
from bridge.broker.local import LocalBell
from bridge.broker.rabbit import RabbitBell
from bridge.broker.relay import Relay
from guarantee.errors import Unavailable
from guarantee.events import Fact
from tests.broker.outbox import CLOCK, Listener, Outbox
from tests.broker.proxy import Mode, Proxy
from tests.broker.test_bell import eventually
from tests.peers.rabbitmq import RabbitMQ

FACTS = 5_000
FAULTS = 55
FAULT_EVERY = FACTS // (FAULTS + 5)
HARM = (Mode.REFUSE, Mode.BLACK_HOLE, Mode.SLOW, Mode.CUT, Mode.MUTE)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture
def proxy(rabbitmq: RabbitMQ) -> Iterator[Proxy]:
    made = Proxy(rabbitmq.port)
    yield made
    made.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter waits than the product's, so that many faults fit into a test."""
    monkeypatch.setattr(rabbit, "CONFIRM_S", 0.3)
    monkeypatch.setattr(rabbit, "CONNECT_S", 1.0)
    monkeypatch.setattr(line, "CONNECT_S", 1.0)
    monkeypatch.setattr(line, "HANG_UP_S", 0.1)
    monkeypatch.setattr(relay, "POLL_S", 0.02)
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
    logging.getLogger("aio_pika").setLevel(logging.CRITICAL)


class CountingBell:
    """Counts the rings that were taken, and lets a test break the line after some of them."""

    def __init__(self, inner: RabbitBell, every: int, harm: Callable[[], None]) -> None:
        self._inner = inner
        self._every = every
        self._harm = harm
        self.taken = 0

    def ring(self, message_id: str, fact: Fact) -> None:
        if self.taken % self._every == self._every - 1:
            self.taken += 1
            self._harm()
        self._inner.ring(message_id, fact)
        self.taken += 1

    def ring_all(self, rings: Sequence[tuple[str, Fact]]) -> list[Unavailable | None]:
        before, self.taken = self.taken, self.taken + len(rings)
        if before // self._every != self.taken // self._every:
            self._harm()
        return self._inner.ring_all(rings)

    def listen(self, topic: str, handler: Callable[[str, Fact], None], *, workers: int = 1) -> None:
        self._inner.listen(topic, handler, workers=workers)

    def close(self) -> None:
        self._inner.close()


class Harm:
    """Breaks the line for a moment, each time in the next way."""

    def __init__(self, proxy: Proxy, most: int) -> None:
        self._proxy = proxy
        self._most = most
        self._modes = itertools.cycle(HARM)
        self._timers: list[threading.Timer] = []
        self.done = 0

    def __call__(self) -> None:
        if self.done < self._most:
            self.done += 1
            self._proxy.mode = next(self._modes)
            if self._proxy.mode is Mode.REFUSE:
                self._proxy.cut_all()
            timer = threading.Timer(0.15, self._mend)
            timer.start()
            self._timers.append(timer)

    def _mend(self) -> None:
        cut = self._proxy.mode in {Mode.BLACK_HOLE, Mode.MUTE} and self.done % 3
        self._proxy.mode = Mode.PASS
        if cut:  # else the publisher finds out by itself, when the confirm does not come in time
            self._proxy.cut_all()

    def end(self) -> None:
        for timer in self._timers:
            timer.join()


def test_a_broken_line_loses_no_fact(
    rabbitmq: RabbitMQ, proxy: Proxy, outbox: Outbox, impatient: None, told: Callable[[str], None]
) -> None:
    destination = uuid.uuid4().hex[:12]
    wanted = outbox.fill(destination, FACTS)
    listener = Listener(rabbitmq.url, f"delivery.{destination}")
    harm = Harm(proxy, FAULTS)
    bell = CountingBell(RabbitBell(f"amqp://guest:guest@127.0.0.1:{proxy.port}/"), FAULT_EVERY, harm)
    stopping, wake = threading.Event(), threading.Event()
    running = threading.Thread(target=Relay(outbox.store, bell, CLOCK, wake=wake).run, args=(stopping,))
    running.start()
    try:
        eventually(lambda: outbox.waiting() == 0, within_s=240)
        eventually(lambda: len(listener.heard) == len(wanted))
    finally:
        stopping.set()
        running.join(30)
        harm.end()
        bell.close()
        listener.close()
    lost, twice = set(wanted) - set(listener.heard), sum(listener.heard.values()) - len(listener.heard)
    told(f"relay: {FACTS} facts, {harm.done} faults on the line, {len(lost)} lost, {twice} heard more than once")
    assert harm.done >= 50
    assert not lost
    assert set(listener.heard) == set(wanted)


class HastyRelay(Relay):
    """Marks facts as handed over before the broker has taken them: what relay.py must not do."""

    def relay_once(self) -> int:
        with self._store.transaction("relay") as unit:
            pending = list(unit.messages.pending(100))
            unit.messages.rung([message_id for message_id, _ in pending], CLOCK.now())
        for message_id, fact in pending:
            try:
                self._bell.ring(message_id, fact)
            except Unavailable:
                continue
        return len(pending)


def test_a_relay_that_marks_before_the_confirm_loses_facts(
    rabbitmq: RabbitMQ, proxy: Proxy, outbox: Outbox, impatient: None, told: Callable[[str], None]
) -> None:
    destination = uuid.uuid4().hex[:12]
    wanted = outbox.fill(destination, 400)
    listener = Listener(rabbitmq.url, f"delivery.{destination}")
    harm = Harm(proxy, 10)
    bell = CountingBell(RabbitBell(f"amqp://guest:guest@127.0.0.1:{proxy.port}/"), 30, harm)
    hasty = HastyRelay(outbox.store, bell, CLOCK, wake=threading.Event())
    while hasty.relay_once():
        pass
    harm.end()
    last = outbox.fill(destination, 1, prefix="z")
    eventually(lambda: bool(hasty.relay_once()) or outbox.waiting() == 0)
    bell.close()
    eventually(lambda: set(last) <= set(listener.heard))
    listener.close()
    lost = set(wanted) - set(listener.heard)
    told(f"relay that marks before the confirm: {len(lost)} of {len(wanted)} facts lost (it must lose some)")
    assert lost, "the test above could not have failed"


def test_a_destination_that_nobody_serves_does_not_hold_up_the_others(outbox: Outbox) -> None:
    bell, heard = LocalBell(), []
    bell.listen("delivery.pacs", lambda message_id, _: heard.append(message_id))
    outbox.fill("gone", 3 * relay.BATCH, prefix="a")
    wanted = outbox.fill("pacs", 5, prefix="b")
    one = Relay(outbox.store, bell, CLOCK, wake=threading.Event())
    for _ in range(6):
        one.relay_once()
    eventually(lambda: heard == wanted)
    assert outbox.waiting() == 3 * relay.BATCH, "the others wait in the outbox"
    bell.close()


def test_a_full_queue_does_not_hold_up_the_others(
    rabbitmq: RabbitMQ, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, other = uuid.uuid4().hex[:12], uuid.uuid4().hex[:12]
    monkeypatch.setattr(topology, "ARGUMENTS", {**topology.ARGUMENTS, "x-max-length": 5})
    bell = RabbitBell(rabbitmq.url)
    outbox.fill(full, 150, prefix="a")  # a quorum queue takes what is under way when it finds itself full: one window
    wanted = outbox.fill(other, 3, prefix="b")
    one = Relay(outbox.store, bell, CLOCK, wake=threading.Event())
    one.relay_once()
    one.relay_once()
    assert outbox.waiting() >= 20
    listener = Listener(rabbitmq.url, f"delivery.{other}")
    eventually(lambda: set(listener.heard) == set(wanted))
    listener.close()
    bell.close()
