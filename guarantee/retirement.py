"""Retirement: a model version ends, for ever. Another version is another model; what was proposed stays what it was.

The rule, in one place: a retired version makes no new draft. What was queued for it is excluded, with the cause
RETIRED. A draft that already waits was made when the version was in use: it is reviewed like any other, and delivered,
or expires under its policy. Who wants it held too stops the version first (stops.py).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from guarantee.errors import Malformed

RETIRED: Final = "model-retired"
"""Code of the cause of a result that was queued for a version when it was retired, or afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """One model version has ended.

    Args:
        model: "name@version".
        by: who says so.
        reason: why; the journal keeps who, and this stays beside it.
    """

    model: str
    by: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        if "@" not in self.model:
            raise Malformed(f"a version is retired, as name@version, not {self.model!r}")
        if not self.by or not self.reason.strip():
            raise Malformed("a retirement says who and why")


class Retirements(Protocol):
    """The versions that have ended; append-only."""

    def of(self, model_id: str) -> Retirement | None:
        """Return the retirement of exactly this version, or None."""

    def all(self) -> tuple[Retirement, ...]:
        """Return every retirement, by version."""

    def add(self, retirement: Retirement) -> None:
        """Append one.

        Raises:
            Refused: the version is retired already, or was never known here.
        """
