"""The worker's path (view, pipe, child, recipe, answer) beside a bare loop of session.run on the same tensors."""

import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from guarantee.card import Card
from inference.card import CARD_FILE
from inference.host import ModelHost
from inference.options import Options
from inference.recipes.known import TOGETHER
from inference.registry import Registry, shipped
from tests.bench.dicom.parts import Part
from tests.bench.figures import Spread, Target, paired, table, target
from tests.bench.inference.tensors import Bare, bare
from tests.bench.machine import wait_until_quiet

T = TypeVar("T")

THREADS: Final = 2
IN_FLIGHT: Final = 32
"""Requests at once, for small models; the worker has one child for each model, so that they wait for each other."""

BATCH: Final = 16
"""Cases of one run, where the recipe takes several. No shipped card asks for it: here a copy of the card does."""

OVERHEAD_MAX_MS: Final = 1.0
"""Longest cost of a request beside the bare session, whatever the model."""

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
        together_s: BATCH of them in one run, two runs on their way at once; () where the recipe takes one case.
    """

    session_s: list[float] = field(default_factory=list)
    worker_s: list[float] = field(default_factory=list)
    many_s: list[float] = field(default_factory=list)
    predict_s: list[float] = field(default_factory=list)
    together_s: list[float] = field(default_factory=list)


def measure_worker(*, repetitions: int, share: float, quiet_s: float) -> Part:
    """Return what a request costs, for each shipped model.

    Args:
        share: of the usual number of requests.
    """
    registry = Registry.load(shipped())
    found = {name: Taken() for name in MODELS}
    models = {name: bare(name, THREADS) for name in MODELS}
    with (
        TemporaryDirectory() as folder,
        ModelHost(registry, Options(threads=THREADS)) as host,
        ModelHost(batched := _batched(Path(folder), models), Options(threads=THREADS)) as beside,
    ):
        for name, one in models.items():
            host.run(one.package.card, one.inputs)  # the child is warm
            if (card := batched.card(name)) is not None:
                beside.warm(card)
        for repetition in range(repetitions):
            wait_until_quiet(quiet_s)
            for name in _turned(list(MODELS), repetition):
                count = max(1, round(MODELS[name] * share))
                _repeat(host, beside, batched.card(name), models[name], found[name], count, repetition)
    return Part(name="worker", shown=_table(found), targets=tuple(_targets(found)), data=_data(found))


def _batched(folder: Path, models: dict[str, Bare]) -> Registry:
    """Return copies of the packages whose recipe takes several cases in a run, with a card that says so."""
    copies = []
    for name, one in models.items():
        if one.package.recipe in TOGETHER:
            copies.append(Path(shutil.copytree(one.package.folder, folder / name)))
            card = copies[-1] / CARD_FILE
            card.write_text(f"{card.read_text(encoding='utf-8')}\nbatch: {{most: {BATCH}}}\n", encoding="utf-8")
    return Registry.load(copies)


def _repeat(
    host: ModelHost, beside: ModelHost, several: Card | None, one: Bare, taken: Taken, count: int, repetition: int
) -> None:
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

    def together() -> None:
        if several is None:
            return
        runs = max(2, round(count / BATCH))
        with ThreadPoolExecutor(IN_FLIGHT // BATCH) as pool:
            began = time.perf_counter()
            for done in [pool.submit(beside.run_together, several, [inputs] * BATCH) for _ in range(runs)]:
                done.result()
            taken.together_s.append((time.perf_counter() - began) / (runs * BATCH))

    for way in _turned([in_session, in_worker, in_flight, together], repetition):
        way()


def _turned(ways: list[T], by: int) -> list[T]:
    by %= len(ways)
    return ways[by:] + ways[:by]


def _targets(found: dict[str, Taken]) -> list[Target]:
    targets = []
    for name, taken in found.items():
        session_ms = Spread.of(taken.session_s).median * 1000
        over = Spread.of([(w - s) * 1000 for w, s in zip(taken.worker_s, taken.session_s, strict=True)])
        targets.append(target(f"{name}: ms of a request beyond the bare session", "at most", OVERHEAD_MAX_MS, over))
        if session_ms >= SMALL_MS:
            ratio = paired(taken.session_s, taken.worker_s)
            targets.append(target(f"{name}: worker over bare, items/s", "at least", VOLUME_RATIO, ratio))
        else:
            ratio = paired(taken.session_s, taken.together_s or taken.many_s)
            targets.append(target(f"{name}: {IN_FLIGHT} in flight over bare, items/s", "at least", SMALL_RATIO, ratio))
    return targets


def _table(found: dict[str, Taken]) -> str:
    head = (
        "model",
        "bare ms",
        "worker ms",
        "of it predict ms",
        f"{IN_FLIGHT} in flight, ms",
        f"{IN_FLIGHT} by {BATCH}, ms",
        "batching gains",
    )
    return table(head, [(name, *_cells(taken)) for name, taken in found.items()])


def _cells(taken: Taken) -> tuple[str, ...]:
    times = (taken.session_s, taken.worker_s, taken.predict_s, taken.many_s, taken.together_s)
    gain = str(paired(taken.many_s, taken.together_s)) if taken.together_s else "–"
    return (*(_milliseconds(each) for each in times), gain)


def _milliseconds(times_s: Sequence[float]) -> str:
    return str(Spread.of([each * 1000 for each in times_s])) if times_s else "–"


def _data(found: dict[str, Taken]) -> dict[str, dict[str, list[float]]]:
    return {
        name: {
            "session_s": taken.session_s,
            "worker_s": taken.worker_s,
            "predict_s": taken.predict_s,
            "many_s": taken.many_s,
            "together_s": taken.together_s,
        }
        for name, taken in found.items()
    }
