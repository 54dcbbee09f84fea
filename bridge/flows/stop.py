"""Suspend a model, and let two people resume it once its golden cases come out."""

from collections.abc import Callable

from guarantee.errors import Malformed, NotGreen, Unavailable
from guarantee.examinations import Examination
from guarantee.ports import Clock, Store
from guarantee.stops import Action, Scope, Stop, in_force
from guarantee.unit import Unit

Examine = Callable[[str, str], Examination]
"""Asks the golden cases of a version ("name@version") in somebody's name; raises Unavailable when it cannot."""


def stop(scope: Scope, target: str, *, by: str, reason: str, store: Store, clock: Clock) -> Stop:
    """Append a stop. It is in force for every decision and every send that begins after this returns."""
    line = Stop(scope=scope, target=target, action=Action.STOP, by=by, second="", reason=reason, at=clock.now())
    with store.transaction(f"stop:{by}") as unit:
        unit.stops.add(line)
    return line


def resume(
    scope: Scope, target: str, *, by: str, second: str, reason: str, examine: Examine, store: Store, clock: Clock
) -> Stop:
    """Ask the golden cases of each version that would resume, then append a resumption by two people.

    What was asked is recorded either way, and the database looks at it again (stops_resume_after_golden_cases). It
    takes as long as the golden cases take: seconds for each version.

    Raises:
        Malformed: nothing of this scope is stopped, or the two people are one.
        NotGreen: a golden case does not come out; the message says which and how.
        Unavailable: they cannot be asked here, and no worker has asked them since the stop.
    """
    people = {"by": by, "second": second, "reason": reason}
    Stop(scope=scope, target=target, action=Action.RESUME, at=clock.now(), **people)
    with store.reading() as unit:
        held = _held(scope, target, unit)
        known = {model: unit.examinations.last(model) for model in unit.examinations.concerned(scope, target)}
    asked = [_asked(model, last, held, by, examine) for model, last in known.items()]
    wrong = [one for one in asked if not one.is_green]
    with store.transaction(f"stop:{by}") as unit:
        for one in asked:
            unit.examinations.add(one)
        if not wrong:
            _held(scope, target, unit)
            line = Stop(scope=scope, target=target, action=Action.RESUME, at=clock.now(), **people)
            unit.stops.add(line)
    if wrong:
        raise NotGreen(f"{wrong[0].model} does not resume: {wrong[0].failure}")
    return line


def _held(scope: Scope, target: str, unit: Unit) -> Stop:
    for held in in_force(unit.stops.lines()):
        if (held.scope, held.target) == (scope, target):
            return held
    raise Malformed(f"nothing is stopped under {scope} {target or '(everything)'}; there is nothing to resume")


def _asked(model: str, last: Examination | None, held: Stop, by: str, examine: Examine) -> Examination:
    """Ask now; where this machine cannot run models, what a worker asked since the stop counts."""
    try:
        return examine(model, by)
    except Unavailable:
        if last is not None and last.at >= held.at:
            return last
        raise
