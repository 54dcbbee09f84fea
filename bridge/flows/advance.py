"""Sign for the next stage of a model version, or for going back one: guarantee/lifecycle.py says who may."""

from guarantee.lifecycle import Line, Stage, signed
from guarantee.opinion import Reader
from guarantee.ports import Clock, Store


def advance(
    model: str, to: Stage, *, by: Reader, second: Reader | None, reason: str, store: Store, clock: Clock
) -> Line:
    """Append a line to the life of a version. It is in force for every case that is judged complete afterwards.

    Args:
        model: "name@version".
        by, second: who were verified; ``second`` where two people sign.

    Raises:
        Malformed, NotAllowed, NotEntitled: as guarantee.lifecycle.signed.
        Refused: the version is retired or was never known here, or an account was closed meanwhile.
    """
    with store.transaction(f"advance:{by.login}") as unit:
        lines = unit.lives.of(model)
        line = Line(
            model=model,
            n=len(lines) + 1,
            stage=to,
            by=by.login,
            second=second.login if second else "",
            reason=reason,
            at=clock.now(),
        )
        unit.lives.add(signed(lines, line, by, second))
    return line
