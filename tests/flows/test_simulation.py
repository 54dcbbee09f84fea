"""Many random lives of one installation; SIM_WORLDS, SIM_STEPS and SIM_SEED run more, or one again."""

import multiprocessing
import os
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from tests.flows.simulation import CARDS, SimulatedMachine, Simulation, live

WORLDS = int(os.environ.get("SIM_WORLDS", "300"))
STEPS = int(os.environ.get("SIM_STEPS", "60"))
SEED = int(os.environ.get("SIM_SEED", "20261122"))
PROCESSES = 2


@pytest.mark.timeout(0 if WORLDS > 300 else 600)
def test_no_random_life_breaks_a_promise(tmp_path: Path, told: Callable[[str], None]) -> None:
    crashes, ends = 0, Counter[str]()
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        parts = []
        for number in range(PROCESSES):
            (tmp_path / str(number)).mkdir()
            seeds = range(SEED + number, SEED + WORLDS, PROCESSES)
            parts.append(pool.submit(live, tmp_path / str(number), seeds, STEPS))
        for part in parts:
            crashed, ended = part.result()
            crashes, ends = crashes + crashed, ends + ended
    told(f"simulation: {WORLDS} worlds of {STEPS} steps from seed {SEED}, {crashes} crashes, ended in {dict(ends)}")
    if WORLDS >= 100:  # a simulation that never gets anywhere proves nothing
        lives = {"delivered", "retracted", "rejected", "expired", "stale", "failed", "excluded", "validated"}
        assert lives <= set(ends)
        assert ends["delivered"] + ends["retracted"] >= WORLDS / 4


def test_the_simulation_finds_identifiers_that_are_new_each_time(tmp_path: Path) -> None:
    machine = SimulatedMachine(tmp_path, *CARDS)
    empty = machine.snapshot()
    for place in machine.destinations.values():
        place.forgets = True
    lives = [Simulation(machine, seed) for seed in range(WORLDS)]
    with pytest.raises(AssertionError, match=r"P3: .* more than once"):
        deque((life.run(empty, STEPS) for life in lives), maxlen=0)
    machine.engine.dispose()
