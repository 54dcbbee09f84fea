"""Our subscription at a record system, and what may be wrong with it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

FAULTS: Final = frozenset({"missing", "changed", "requested", "error", "off", "unknown"})
"""What :func:`fault_of` may say. Statuses are those of R4 Subscription.status; what a record invents is "unknown"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A subscription as the record holds it.

    Args:
        place: "Subscription/17".
        status: as FHIR has it: "requested", "active", "error" or "off".
        is_as_wanted: whether it is for what we ask.
        changed_at: when the record last wrote it; None when it does not say.
        version: of the resource; "" when the record does not say.
        events: since it began; None when the record does not count.
        doubles: other subscriptions with our endpoint.
    """

    place: str
    status: str
    is_as_wanted: bool = True
    changed_at: datetime | None = None
    version: str = ""
    events: int | None = None
    doubles: tuple[str, ...] = ()


def fault_of(held: Held | None) -> str:
    """Return what is wrong with a subscription, one of FAULTS; "" for nothing.

    One that is off, but not as we ask, is off: somebody switched it off, and is not overruled.
    """
    if held is None:
        return "missing"
    if held.status == "off":
        return "off"
    if not held.is_as_wanted:
        return "changed"
    if held.status == "active":
        return ""
    return held.status if held.status in FAULTS else "unknown"
