"""Runs models: each version in a child process of its own, warm between runs, ended when it misbehaves."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from guarantee.canonical import Json
from guarantee.card import Card
from guarantee.errors import ModelFailed, NotEligible, Unavailable
from guarantee.inputs import Inputs
from guarantee.ports import Proposal
from inference.card import Package
from inference.errors import PackageRefused
from inference.options import Options
from inference.process import Child
from inference.question import DETAIL_CHARS_MAX, Question, put_together, refusal
from inference.relay import Remote

START_S: Final = 90.0
"""Longest start of a child: from a cold disk on two busy cores, ONNX Runtime alone takes 10 s to import."""


class Packages(Protocol):
    """Where packages come from: the registry."""

    def package(self, model_id: str) -> Package | None:
        """Return the package of exactly this version, or None."""


@dataclass(slots=True)
class _Slot:
    """One model version's place: at most one child, asked by one thread at a time."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    child: Child | None = None
    used_at: float = 0.0

    def end(self) -> None:
        """End the child, if there is one. The caller holds the lock."""
        if self.child is not None:
            self.child.end()
            self.child = None


class ModelHost:
    """Implements guarantee.ports.Model. Close it, or use it as a context manager."""

    def __init__(
        self, packages: Packages, options: Options, trust: Callable[[Package], object] = lambda _: None
    ) -> None:
        """Run ``packages``.

        Args:
            trust: raises PackageRefused for a package that nobody trusted signed; asked before each start of a child.
        """
        self._packages = packages
        self._trust = trust
        self._options = options
        self._remote = Remote(options.triton) if options.triton is not None else None
        self._slots: dict[str, _Slot] = {}
        self._guard = threading.Lock()
        self._closed = False
        # The kernel ends a child when the *thread* that started it ends (PR_SET_PDEATHSIG), so every child is started
        # on this one, which lives as long as the host: worker threads come and go.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model-starter")

    def __enter__(self) -> "ModelHost":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, card: Card, inputs: Inputs) -> Proposal:
        """Return what the model of ``card`` says of ``inputs``.

        Raises:
            NotEligible: the inputs are outside what the model can read.
            ModelFailed: "timeout", "memory", "crashed", "nonsense", "not-loaded" or "run-refused"; the next run gets
                a fresh process.
            Unavailable: this host cannot run it now: "model-unknown", "package-changed", "provider-missing", "busy",
                "closed".
        """
        package = self._package(card)
        question = Question.of(inputs, package)
        with self._lent(package) as child:
            return question.put(child)

    def run_together(self, card: Card, many: Sequence[Inputs]) -> Sequence[Proposal | NotEligible]:
        """Return what the model of ``card`` says of each of ``many``, in their order, from one run.

        Raises:
            ModelFailed: as :meth:`run`, and "too-large" when they do not fit into one question; nothing is said of any.
            Unavailable: as :meth:`run`.
        """
        package = self._package(card)
        if not 0 < len(many) <= card.batch_most:
            raise ModelFailed("too-large", f"{card.model.id}: at most {card.batch_most} cases in one run")
        asked = [_or_refusal(inputs, package) for inputs in many]
        questions = [one for one in asked if isinstance(one, Question)]
        with self._lent(package) as child:
            said = iter(put_together(child, questions) if questions else ())
        return [next(said) if isinstance(one, Question) else one for one in asked]

    def warm(self, card: Card) -> None:
        """Start the child of ``card`` now, so that what is wrong shows at the start and not at the first patient.

        Raises:
            ModelFailed, Unavailable: as :meth:`run`.
        """
        package = self._package(card)
        slot = self._slot(card)
        try:
            self._ready(slot, package)
        except (ModelFailed, Unavailable):
            slot.end()
            raise
        finally:
            slot.lock.release()

    def close(self) -> None:
        """End every child, also one in the middle of a run."""
        self._closed = True
        with self._guard:
            slots = list(self._slots.values())
        for slot in slots:
            child = slot.child
            if child is not None:
                child.kill()
            with slot.lock:
                slot.end()
        if self._remote is not None:
            self._remote.close()
        self._starter.shutdown()

    @contextmanager
    def _lent(self, package: Package) -> Iterator[Child]:
        """Lend a child that has loaded ``package``; one that fails meanwhile is ended."""
        slot = self._slot(package.card)
        try:
            yield self._ready(slot, package)
        except NotEligible:
            raise
        except (ModelFailed, Unavailable) as error:
            slot.end()
            if self._closed:
                raise Unavailable("closed", "the worker is shutting down") from error
            raise
        finally:
            slot.used_at = time.monotonic()
            slot.lock.release()

    def _package(self, card: Card) -> Package:
        package = self._packages.package(card.model.id)
        if package is None or package.card.model != card.model:
            raise Unavailable("model-unknown", f"this worker does not hold exactly {card.model.id}")
        return package

    def _slot(self, card: Card) -> _Slot:
        """Return the model's place, locked by this thread."""
        with self._guard:
            slot = self._slots.setdefault(card.model.id, _Slot())
        if not slot.lock.acquire(timeout=card.deadline_s):
            raise Unavailable("busy", f"{card.model.id} is still busy with another case")
        if self._closed:
            slot.lock.release()
            raise Unavailable("closed", "the worker is shutting down")
        return slot

    def _ready(self, slot: _Slot, package: Package) -> Child:
        """Return a child that has loaded the package. What it raises leaves a child that must be ended."""
        if slot.child is not None:
            return slot.child
        try:
            self._trust(package)
        except PackageRefused as error:
            raise Unavailable("package-changed", str(error)[:DETAIL_CHARS_MAX]) from error
        self._make_room(slot)
        model = package.card.model
        relay = self._remote.relay(package, START_S) if self._remote is not None else None
        slot.child = self._starter.submit(Child, package.folder, model.id, relay).result()
        if self._closed:
            raise Unavailable("closed", "the worker is shutting down")
        start: dict[str, Json] = {
            "card": model.card,
            "model": model.digest,
            "threads": self._options.threads,
            "providers": list(self._options.providers),
            "language": self._options.language,
            "remote": self._remote is not None,
        }
        said = slot.child.ask(start, deadline_s=START_S)
        if said.header != {"answer": "ready"}:
            raise refusal(said.header, model.id)
        return slot.child

    def _make_room(self, wanted: _Slot) -> None:
        """End the child that was idle longest when there are too many. One that is busy is left alone."""
        with self._guard:
            others = [slot for slot in self._slots.values() if slot is not wanted and slot.child is not None]
        excess = len(others) + 1 - self._options.children_max
        for slot in sorted(others, key=lambda other: other.used_at)[: max(0, excess)]:
            if slot.lock.acquire(blocking=False):
                try:
                    slot.end()
                finally:
                    slot.lock.release()


def _or_refusal(inputs: Inputs, package: Package) -> Question | NotEligible:
    try:
        return Question.of(inputs, package)
    except NotEligible as error:
        return error
