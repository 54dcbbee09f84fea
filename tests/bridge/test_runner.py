"""Processes start in order and stop in reverse, whatever happens between; and what the log keeps to itself."""

import logging
import os
import signal
import threading
import time

import pytest
from fastapi import FastAPI

from bridge import logs, runner
from bridge.runner import Background, HttpServer, Loop, Simple, run
from guarantee.errors import Unavailable


def named(name: str, events: list[str], *, fails: bool = False) -> Simple:
    def start() -> None:
        if fails:
            raise Unavailable("port", f"{name} cannot start")
        events.append(f"+{name}")

    return Simple(name, start, lambda: events.append(f"-{name}"))


def test_processes_stop_in_reverse_order() -> None:
    events: list[str] = []
    run([named(name, events) for name in "abc"], ready=lambda: events.append("ready"), for_s=0.01)
    assert events == ["+a", "+b", "+c", "ready", "-c", "-b", "-a"]


def test_one_that_does_not_start_stops_those_that_did() -> None:
    events: list[str] = []
    with pytest.raises(Unavailable, match="b cannot start"):
        run([named("a", events), named("b", events, fails=True), named("c", events)])
    assert events == ["+a", "-a"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_and_the_old_handler_returns(number: signal.Signals) -> None:
    events: list[str] = []
    before = signal.getsignal(number)
    run([named("a", events)], ready=lambda: os.kill(os.getpid(), number), for_s=30)
    assert events == ["+a", "-a"]
    assert signal.getsignal(number) is before


def test_a_signal_that_another_thread_takes_while_everything_waits_stops_it_too() -> None:
    events: list[str] = []
    waiting = threading.Event()

    def take_it() -> None:
        waiting.wait(30)
        time.sleep(0.2)  # until the main thread waits
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    thread = threading.Thread(target=take_it)
    thread.start()
    began = time.monotonic()
    run([named("a", events)], ready=waiting.set, for_s=30)
    thread.join()
    assert events == ["+a", "-a"]
    assert time.monotonic() - began < 15


def test_one_that_fails_to_stop_does_not_keep_the_others_running() -> None:
    events: list[str] = []

    def refuse() -> None:
        raise RuntimeError("stuck")

    with pytest.raises(RuntimeError, match="stuck"):
        run([named("a", events), Simple("b", lambda: None, refuse)], for_s=0.01)
    assert events == ["+a", "-a"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # uvicorn leaves by SystemExit
def test_a_port_that_is_taken_is_said() -> None:
    first = HttpServer("first", FastAPI(), "127.0.0.1", 0)
    first.start()
    second = HttpServer("second", FastAPI(), "127.0.0.1", first.port)
    with pytest.raises(Unavailable, match="is the port taken"):
        second.start()
    first.stop()


def test_a_loop_goes_on_after_a_fault_and_a_refusal() -> None:
    calls, enough = [], threading.Event()

    def step() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise Unavailable("database", "not now")
        if len(calls) == 2:
            raise ValueError("a fault")
        enough.set()

    loop = Loop("sweep", [(step, 0.001)])
    loop.start()
    assert enough.wait(10)
    loop.stop()


def test_a_background_function_that_ends_in_a_fault_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "AGAIN_S", 0.01)
    calls, enough = [], threading.Event()

    def live(stopping: threading.Event) -> None:
        calls.append(1)
        if len(calls) < 3:
            raise RuntimeError("a fault that nobody foresaw")
        enough.set()
        stopping.wait()

    relay = Background("relay", live, lambda: None)
    relay.start()
    assert enough.wait(10)
    relay.stop()


def test_a_fault_is_logged_by_its_place_and_never_by_its_values(caplog: pytest.LogCaptureFixture) -> None:
    def step() -> None:
        raise ValueError("CANARY^Patient")

    loop = Loop("sweep", [(step, 0.001)])
    loop.start()
    deadline = time.monotonic() + 10
    while not caplog.records and time.monotonic() < deadline:
        time.sleep(0.01)
    loop.stop()
    assert "ValueError" in caplog.text
    assert "test_runner.py" in caplog.text
    assert "CANARY" not in caplog.text


def test_libraries_that_print_what_they_receive_are_held_back() -> None:
    before = {name: logging.getLogger(name).level for name in logs._LIBRARIES}
    try:
        logs.hold_libraries()
        for name in ("pydicom", "pynetdicom", "sqlalchemy", "aiormq", "httpx2"):
            assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
