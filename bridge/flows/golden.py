"""A model version answers its golden cases before it works, and again every day; one that does not is suspended.

Suspended is a stop like any other (guarantee/stops.py): what was queued or drafted is held and visible, nothing is
lost, and other models go on. It says why, and two people resume it, once the golden cases come out (flows/stop.py).
After that the worker asks them again before it takes work of that version, for another machine may have answered then.
A version that somebody stopped is examined again too, so that those who resume it need no machine that runs models.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from guarantee.card import Card
from guarantee.examinations import Examination
from guarantee.ids import Digest
from guarantee.ports import Clock, Store
from guarantee.stops import Action, Scope, Stop, in_force
from guarantee.unit import Unit

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
        cases: digest of the golden cases of a version.
        every_s: seconds after which a version is examined again.
        reason: the sentence of the stop, given ``failure=``.
    """

    store: Store
    clock: Clock
    failure: Callable[[Card], str | None]
    cases: Callable[[Card], Digest]
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
        now = self.clock.now()
        made = Examination(model=card.model.id, cases=self.cases(card), failure=failure or "", by=BY, at=now)
        with self.store.transaction(f"stop:{BY}") as unit:
            unit.examinations.add(made)
            if failure is not None:
                self._suspend(card, failure, unit)
        self._examined[card.model.id] = _Examined(at=now, passed=failure is None)

    def examine_due(self, cards: Iterable[Card]) -> None:
        """Examine each of ``cards`` that never was, or too long ago, or before somebody stopped it.

        One that failed since waits for the day to pass.

        Raises:
            Unavailable: as :meth:`examine`; those that follow are looked at in the next round.
        """
        with self.store.reading() as unit:
            stops = [stop for stop in in_force(unit.stops.lines()) if stop.by != BY]
        for card in cards:
            last = self._examined.get(card.model.id)
            if last is None or self._is_old(last) or any(_concerns(stop, card) and stop.at > last.at for stop in stops):
                self.examine(card)

    def _is_old(self, last: _Examined) -> bool:
        return self.clock.now() - last.at >= timedelta(seconds=self.every_s)

    def _suspend(self, card: Card, failure: str, unit: Unit) -> None:
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
        held = in_force(unit.stops.lines())
        if not any((stop.scope, stop.target) == (line.scope, line.target) for stop in held):
            unit.stops.add(line)


def _concerns(stop: Stop, card: Card) -> bool:
    """Return whether resuming ``stop`` may ask for an examination of this version: of a site or a device, of each."""
    return stop.scope in {Scope.SITE, Scope.DEVICE} or stop.covers(card.model, "")
