"""The contract of a bell, run on both: the in-process one and RabbitMQ."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable

import pytest

from bridge.broker.local import DELIVERIES_MAX
from guarantee.errors import Unavailable
from guarantee.events import DeliveryDue, Fact, topic
from guarantee.ids import DeliveryId
from tests.broker.conftest import MakeBell
from tests.broker.rings import ring

WAIT_S = 15.0


def fact(name: str | None = None) -> DeliveryDue:
    """Return a fact on a topic of its own, so that tests never hear each other."""
    return DeliveryDue(delivery=DeliveryId(str(uuid.uuid4())), destination=name or uuid.uuid4().hex[:12])


def eventually(condition: Callable[[], bool], within_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def test_a_ring_reaches_its_listener(make_bell: MakeBell) -> None:
    bell, told, heard = make_bell(), fact(), []
    bell.listen(topic(told), lambda message_id, said: heard.append((message_id, said)))
    ring(bell, "m1", told)
    eventually(lambda: heard == [("m1", told)])


def test_every_ring_is_heard_under_load_by_several_workers(make_bell: MakeBell) -> None:
    bell, told, heard, lock = make_bell(), fact(), Counter[str](), threading.Lock()

    def hear(message_id: str, _said: Fact) -> None:
        with lock:
            heard[message_id] += 1

    bell.listen(topic(told), hear, workers=4)
    for number in range(200):
        ring(bell, f"m{number}", told)
    eventually(lambda: len(heard) == 200)


def test_a_failing_handler_is_called_again_and_then_no_more(make_bell: MakeBell) -> None:
    bell, told, calls = make_bell(), fact(), []

    def fail(message_id: str, _said: Fact) -> None:
        calls.append(message_id)
        raise Unavailable("test", "not now")

    bell.listen(topic(told), fail)
    ring(bell, "poison", told)
    eventually(lambda: len(calls) == DELIVERIES_MAX)
    time.sleep(1.0)
    assert len(calls) == DELIVERIES_MAX


def test_a_poison_message_does_not_stop_the_next_one(make_bell: MakeBell) -> None:
    bell, told, heard = make_bell(), fact(), []

    def hear(message_id: str, _said: Fact) -> None:
        if message_id == "poison":
            raise ValueError("bad")
        heard.append(message_id)

    bell.listen(topic(told), hear)
    ring(bell, "poison", told)
    ring(bell, "good", told)
    eventually(lambda: heard == ["good"])


def test_topics_do_not_wait_for_each_other(make_bell: MakeBell) -> None:
    """A dead PACS never delays the DPI: each destination has a queue of its own."""
    bell, slow, fast = make_bell(), fact(), fact()
    release, heard = threading.Event(), []
    bell.listen(topic(slow), lambda *_: release.wait(WAIT_S))
    bell.listen(topic(fast), lambda message_id, _: heard.append(message_id))
    ring(bell, "slow", slow)
    ring(bell, "fast", fast)
    eventually(lambda: heard == ["fast"])
    release.set()


def test_closing_waits_for_the_handler_that_runs(make_bell: MakeBell) -> None:
    bell, told, began, done = make_bell(), fact(), threading.Event(), []

    def work(*_: object) -> None:
        began.set()
        time.sleep(0.5)
        done.append(True)

    bell.listen(topic(told), work)
    ring(bell, "m", told)
    assert began.wait(WAIT_S)
    bell.close()
    assert done == [True]
    with pytest.raises(Unavailable):
        bell.ring("late", told)
