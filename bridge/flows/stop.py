"""Suspend a model, and let two people resume it."""

from guarantee.errors import Malformed
from guarantee.ports import Clock, Store
from guarantee.stops import Action, Scope, Stop, in_force


def stop(scope: Scope, target: str, *, by: str, reason: str, store: Store, clock: Clock) -> Stop:
    """Append a stop. It is in force for every decision and every send that begins after this returns."""
    line = Stop(scope=scope, target=target, action=Action.STOP, by=by, second="", reason=reason, at=clock.now())
    with store.transaction(f"stop:{by}") as unit:
        unit.stops.add(line)
    return line


def resume(scope: Scope, target: str, *, by: str, second: str, reason: str, store: Store, clock: Clock) -> Stop:
    """Append a resumption by two people.

    Raises:
        Malformed: nothing of this scope is stopped, or the two people are one.
    """
    line = Stop(scope=scope, target=target, action=Action.RESUME, by=by, second=second, reason=reason, at=clock.now())
    with store.transaction(f"stop:{by}") as unit:
        if not any((held.scope, held.target) == (scope, target) for held in in_force(unit.stops.lines())):
            raise Malformed(f"nothing is stopped under {scope} {target or '(everything)'}; there is nothing to resume")
        unit.stops.add(line)
    return line
