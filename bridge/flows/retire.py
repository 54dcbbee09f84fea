"""End a model version: guarantee/retirement.py says what that means for what waits."""

from guarantee.errors import Malformed
from guarantee.ports import Clock, Store
from guarantee.retirement import Retirement


def retire(model: str, *, by: str, reason: str, store: Store, clock: Clock) -> Retirement:
    """Append a retirement. Workers exclude what is queued for the version as they meet it.

    Args:
        model: "name@version".

    Raises:
        Malformed: it is retired already.
        Refused: this installation never knew it.
    """
    line = Retirement(model=model, by=by, reason=reason, at=clock.now())
    with store.transaction(f"retire:{by}") as unit:
        known = unit.retirements.of(model)
        if known is not None:
            raise Malformed(f"{model} was retired on {known.at:%Y-%m-%d} by {known.by}: {known.reason}")
        unit.retirements.add(line)
    return line
