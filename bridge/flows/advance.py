"""Sign for the next stage of a model version, or for going back one: guarantee/lifecycle.py says who may."""

from guarantee.lifecycle import Line, Stage, require_untried, signed
from guarantee.opinion import Reader
from guarantee.ports import Clock, Store
from guarantee.stops import in_force
from guarantee.unit import Unit


def advance(model: str, to: Stage, *, by: Reader, reason: str, store: Store, clock: Clock) -> Line:
    """Append a line to the life of a version. It is in force for every case that is judged complete afterwards.

    Args:
        model: "name@version".
        by: who was verified.

    Raises:
        Malformed, NotAllowed, NotEntitled: as guarantee.lifecycle.signed, and while a trial needs more than ``to``.
        Refused: the version was never known here, or an account was closed meanwhile.
    """
    with store.transaction(f"advance:{by.login}") as unit:
        lines = unit.lives.of(model)
        line = Line(model=model, n=len(lines) + 1, stage=to, by=by.login, reason=reason, at=clock.now())
        signed(line, by, stands(model, unit))
        for trial in unit.rollouts.now().trials:
            if trial.model == model:
                require_untried(model, to, share=trial.share)
        unit.lives.add(line)
    return line


def stands(model: str, unit: Unit) -> Stage:
    """Return where a version stands now, of all eight stages."""
    return unit.rollouts.now().standing(
        model,
        suspended=any(stop.suspends(model) for stop in in_force(unit.stops.lines())),
        retired=unit.retirements.of(model) is not None,
    )
