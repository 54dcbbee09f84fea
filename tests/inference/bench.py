"""A bench for one model in its limited child process, and what a test there waits for."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

from guarantee.card import Card
from guarantee.ports import Proposal
from inference.host import ModelHost
from inference.options import Options
from inference.process import Child
from inference.registry import Registry
from tests.inference.builders import record

PATIENCE_S = 20.0
"""How long a test waits for something that happens at once, on a machine that may be busy."""


class Bench:
    """One model in one host."""

    def __init__(self, folder: Path, options: Options | None = None) -> None:
        self.registry = Registry.load([folder])
        (self.card,) = self.registry.cards()
        self.host = ModelHost(self.registry, options or Options(threads=1))

    def run(self, age: float | None, card: Card | None = None) -> Proposal:
        return self.host.run(card or self.card, record(age))

    def percent(self, age: float) -> Decimal:
        return self.run(age).findings[0].quantities[0].value

    @property
    def child(self) -> Child:
        child = self.host._slots[self.card.model.id].child
        assert child is not None
        return child

    def interrupted(self, interrupt: Callable[[int], None]) -> BaseException | None:
        """Return how a run ends that would not, once ``interrupt`` was called with the process of its busy child."""
        self.run(0.25)
        pid = self.child.pid
        with ThreadPoolExecutor(1) as pool:
            run = pool.submit(self.run, 2.5)
            wait_until_busy(pid)
            interrupt(pid)
            return run.exception()


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def wait_until_busy(pid: int) -> None:
    """Return when an idle child has begun to compute."""
    idle_s = _cpu_s(pid)
    wait_for(lambda: _cpu_s(pid) > idle_s + 0.2)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
