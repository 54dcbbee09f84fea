"""How a process dies: at its n-th call to anything outside the flows; before it, after its effect, or at a commit."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

SUBJECTS = (
    "cases",
    "identities",
    "judging",
    "results",
    "runs",
    "gate",
    "deliveries",
    "destinations",
    "stops",
    "examinations",
    "recalls",
    "incidents",
    "retirements",
    "rollouts",
    "habilitations",
    "first_reads",
    "preparations",
    "passkeys",
    "feed",
    "orders",
    "objections",
    "lives",
    "messages",
)


class Crash(BaseException):
    """The process is gone. Not an Exception: nothing in the product may catch it and go on."""


class Fuse:
    """Counts calls, and burns at one of them; whatever is called after that finds a dead process.

    Args:
        at: number of the call that never happens; None never burns.
    """

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.calls: list[str] = []

    def touch(self, call: str) -> None:
        self.calls.append(call)
        if self.at is not None and len(self.calls) >= self.at:
            raise Crash(f"call {self.at}: {call}")


class FusedPort:
    """A port whose calls touch the fuse: before, and, where the effect is outside the transaction, after."""

    def __init__(self, inner: Any, fuse: Fuse, name: str, *, afterwards: bool = True) -> None:
        self.inner = inner
        self._fuse = fuse
        self._name = name
        self._afterwards = afterwards

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self.inner, attribute)
        if not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            self._fuse.touch(f"{self._name}.{attribute}")
            answer = value(*args, **kwargs)
            if self._afterwards:
                self._fuse.touch(f"{self._name}.{attribute}, done")
            return answer

        return call


class FusedUnit:
    """A transaction each of whose calls touches the fuse. What is undone by a rollback needs no point after it."""

    def __init__(self, unit: Any, fuse: Fuse) -> None:
        self._unit = unit
        for subject in SUBJECTS:
            setattr(self, subject, FusedPort(getattr(unit, subject), fuse, subject, afterwards=False))


class FusedStore:
    """A store whose transactions can die at their beginning, before their commit, and right after it."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    def transaction(self, actor: str, *, is_noted: bool = False) -> AbstractContextManager[Any]:
        return self._open(lambda: self._inner.transaction(actor, is_noted=is_noted), "transaction")

    def reading(self) -> AbstractContextManager[Any]:
        return self._open(self._inner.reading, "reading")

    @contextmanager
    def _open(self, start: Callable[[], AbstractContextManager[Any]], name: str) -> Iterator[Any]:
        self._fuse.touch(f"{name} begins")
        with start() as unit:
            yield FusedUnit(unit, self._fuse)
            self._fuse.touch(f"{name} before its commit")
        self._fuse.touch(f"{name} committed")
