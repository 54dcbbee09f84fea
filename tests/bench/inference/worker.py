"""The worker's path (view, pipe, child, recipe, answer) beside a bare loop of session.run on the same tensors."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np

from inference.host import ModelHost
from inference.options import Options
from inference.registry import Registry, shipped
from tests.bench.dicom.parts import Part
from tests.bench.figures import Spread, Target, paired, table, target
from tests.bench.inference.tensors import Bare, bare
from tests.bench.machine import wait_until_quiet

T = TypeVar("T")

THREADS: Final = 2
IN_FLIGHT: Final = 32
"""Requests at once, for small models; the worker has one child for each model, so that they wait for each other."""

OVERHEAD_MAX_MS: Final = 1.0
"""Longest cost of a request, for a model of more than a millisecond."""

SMALL_RATIO: Final = 1.6
VOLUME_RATIO: Final = 0.97

MODELS: Final = {"hospital-mortality": 300, "kidney-failure": 300, "series-check": 100, "brain-extractor": 3}
"""Each shipped model, and how many requests make one repetition."""

SMALL_MS: Final = 1.0
"""A model that takes less is small: what matters of it is how many go through."""


@dataclass(slots=True)
class Taken:
    """Seconds of one request, repetition by repetition.

    Args:
        session_s: the bare loop, every graph of the model.
        worker_s: one request after the other.
        many_s: with IN_FLIGHT at once.
        predict_s: what the child says of the model's own part.
        batch_s: of one row, when so many rows are one call of the bare session; () where the graph takes one.
    """

    session_s: list[float] = field(default_factory=list)
    worker_s: list[float] = field(default_factory=list)
    many_s: list[float] = field(default_factory=list)
    predict_s: list[float] = field(default_factory=list)
    batch_s: list[float] = field(default_factory=list)


def measure_worker(*, repetitions: int, share: float, quiet_s: float) -> Part:
    """Return what a request costs, for each shipped model.

    Args:
        share: of the usual number of requests.
    """
    registry = Registry.load(shipped())
    found = {name: Taken() for name in MODELS}
    with ModelHost(registry, Options(threads=THREADS)) as host:
        models = {name: bare(name, THREADS) for name in MODELS}
        for one in models.values():
            host.run(one.package.card, one.inputs)  # the child is warm
        for repetition in range(repetitions):
            wait_until_quiet(quiet_s)
            for name in _turned(list(MODELS), repetition):
                _repeat(host, models[name], found[name], max(1, round(MODELS[name] * share)), repetition)
    return Part(name="worker", shown=_table(found), targets=tuple(_targets(found)), data=_data(found))


def _repeat(host: ModelHost, one: Bare, taken: Taken, count: int, repetition: int) -> None:
    """Measure each way once, in an order that turns."""
    card, inputs = one.package.card, one.inputs

    def in_session() -> None:
        taken.session_s.append(sum(one.once_s() for _ in range(count)) / count)

    def in_worker() -> None:
        began, predicted = time.perf_counter(), 0.0
        for _ in range(count):
            proposal = host.run(card, inputs)
            predicted += proposal.spent.predict_s if proposal.spent else 0.0
        taken.worker_s.append((time.perf_counter() - began) / count)
        taken.predict_s.append(predicted / count)

    def in_flight() -> None:
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            began = time.perf_counter()
            for done in [pool.submit(host.run, card, inputs) for _ in range(count)]:
                done.result()
            taken.many_s.append((time.perf_counter() - began) / count)

    for way in _turned([in_session, in_worker, in_flight, lambda: _batched(one, taken)], repetition):
        way()


def _batched(one: Bare, taken: Taken) -> None:
    """Give IN_FLIGHT copies of a record's row to the bare session at once: the most that batching could save."""
    (call, *more) = one.model_calls
    rows = {name: np.repeat(array, IN_FLIGHT, axis=0) for name, array in call.inputs.items()}
    session = one.sessions[call.file]
    if more or any(array.ndim != 2 or array.shape[0] != 1 for array in call.inputs.values()):
        return
    session.run(**rows)
    began = time.perf_counter()
    for _ in range(20):
        session.run(**rows)
    taken.batch_s.append((time.perf_counter() - began) / 20 / IN_FLIGHT)


def _turned(ways: list[T], by: int) -> list[T]:
    by %= len(ways)
    return ways[by:] + ways[:by]


def _targets(found: dict[str, Taken]) -> list[Target]:
    targets = []
    for name, taken in found.items():
        session_ms = Spread.of(taken.session_s).median * 1000
        over = Spread.of([(w - s) * 1000 for w, s in zip(taken.worker_s, taken.session_s, strict=True)])
        if session_ms >= SMALL_MS:
            targets.append(target(f"{name}: ms of a request beyond the bare session", "at most", OVERHEAD_MAX_MS, over))
            ratio = paired(taken.session_s, taken.worker_s)
            targets.append(target(f"{name}: worker over bare, items/s", "at least", VOLUME_RATIO, ratio))
        else:
            ratio = paired(taken.session_s, taken.many_s)
            targets.append(target(f"{name}: {IN_FLIGHT} in flight over bare, items/s", "at least", SMALL_RATIO, ratio))
    return targets


def _table(found: dict[str, Taken]) -> str:
    head = ("model", "bare ms", "worker ms", "of it predict ms", f"{IN_FLIGHT} in flight, ms", "batching gains at most")
    return table(head, [(name, *_cells(taken)) for name, taken in found.items()])


def _cells(taken: Taken) -> tuple[str, ...]:
    times = (taken.session_s, taken.worker_s, taken.predict_s, taken.many_s)
    return (*(str(Spread.of([s * 1000 for s in each])) for each in times), str(batching_gain(taken) or "–"))


def batching_gain(taken: Taken) -> Spread | None:
    """Return by how much more would go through if the session's part were that of a batch, and nothing else changed."""
    if not taken.batch_s:
        return None
    both = zip(taken.worker_s, taken.predict_s, taken.batch_s, strict=True)
    return Spread.of([worker / (worker - predict + min(batch, predict)) for worker, predict, batch in both])


def _data(found: dict[str, Taken]) -> dict[str, dict[str, list[float]]]:
    return {
        name: {
            "session_s": taken.session_s,
            "worker_s": taken.worker_s,
            "predict_s": taken.predict_s,
            "many_s": taken.many_s,
            "batch_s": taken.batch_s,
        }
        for name, taken in found.items()
    }
