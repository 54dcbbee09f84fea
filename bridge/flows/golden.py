"""A model version answers its golden cases before it works, and again every day; one that does not is suspended.

Suspended is a stop like any other (guarantee/stops.py): what was queued or drafted is held and visible, nothing is
lost, and other models go on. It says why, and two people resume it. After that the worker asks the golden cases again
before it takes work of that version: who resumes says that the cause is mended, not that it need not be looked at.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from guarantee.card import Card
from guarantee.ports import Clock, Store
from guarantee.stops import Action, Scope, Stop, in_force

BY: Final = "infer"
"""Who suspends, in the list of stops: the worker, never a person's name."""


@dataclass(frozen=True, slots=True)
class _Examined:
    at: datetime
    passed: bool


@dataclass(slots=True, kw_only=True)
class Examiner:
    """Examines the model versions of one worker, and remembers what came out.

    What it remembers ends with the process: another process may run on another machine, or with other libraries.

    Args:
        failure: runs the golden cases of a version; which one does not come out and how, or None when all do.
        every_s: seconds after which a version is examined again.
        reason: the sentence of the stop, given ``failure=``.
    """

    store: Store
    clock: Clock
    failure: Callable[[Card], str | None]
    every_s: float
    reason: Callable[..., str]
    _examined: dict[str, _Examined] = field(default_factory=dict)

    def must_examine(self, card: Card) -> bool:
        """Return whether this version may take no work before it is examined."""
        last = self._examined.get(card.model.id)
        return last is None or not last.passed or self._is_old(last)

    def examine(self, card: Card) -> None:
        """Run the golden cases of a version, and suspend it when one does not come out.

        Two threads may do it at once: it costs the time, and one stop is enough.

        Raises:
            Unavailable: nothing could be run, or the database does not answer; the version is examined again later.
        """
        failure = self.failure(card)
        if failure is not None:
            self._suspend(card, failure)
        self._examined[card.model.id] = _Examined(at=self.clock.now(), passed=failure is None)

    def examine_due(self, cards: Iterable[Card]) -> None:
        """Examine each of ``cards`` that never was, or too long ago. One that failed since waits for the day to pass.

        Raises:
            Unavailable: as :meth:`examine`; those that follow are looked at in the next round.
        """
        for card in cards:
            last = self._examined.get(card.model.id)
            if last is None or self._is_old(last):
                self.examine(card)

    def _is_old(self, last: _Examined) -> bool:
        return self.clock.now() - last.at >= timedelta(seconds=self.every_s)

    def _suspend(self, card: Card, failure: str) -> None:
        """Append a stop of this version, unless one is in force: its reason is the first one."""
        line = Stop(
            scope=Scope.VERSION,
            target=card.model.id,
            action=Action.STOP,
            by=BY,
            second="",
            reason=self.reason(failure=failure),
            at=self.clock.now(),
        )
        with self.store.transaction(f"stop:{BY}") as unit:
            held = in_force(unit.stops.lines())
            if not any((stop.scope, stop.target) == (line.scope, line.target) for stop in held):
                unit.stops.add(line)
