"""What is on its way to the outside: one release to one destination, and what a transaction reads and writes of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from guarantee.ids import DeliveryId, Digest, ReleaseId, ResultId
from guarantee.release import Kind, Receipt
from guarantee.result import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One release on its way to one destination.

    Args:
        state: "due", "confirmed", "declined" or "withheld".
        attempts: how often it was begun.
        round: 0 for the delivery that the release makes; from 1 on for each that a person asked for (Resend).
    """

    id: DeliveryId
    release: ReleaseId
    result: ResultId
    kind: Kind
    destination: str
    package: Digest
    state: str
    attempts: int
    reference: str
    round: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resend:
    """A person asks for a delivery that ended to be sent again: the same bytes under the same identifiers."""

    release: ReleaseId
    destination: str
    round: int
    by: str
    reason: str


class Deliveries(Protocol):
    """What is on its way."""

    def add(self, delivery: Delivery, at: datetime) -> None:
        """Insert a delivery that is due from ``at`` on."""

    def get(self, delivery: DeliveryId) -> Delivery | None:
        """Return a delivery, its case locked until the transaction ends; None when there is none."""

    def of_result(self, result: ResultId) -> tuple[Delivery, ...]:
        """Return every delivery of a result, both kinds, its case locked."""

    def begin(self, delivery: Delivery, *, at: datetime, until: datetime) -> int | None:
        """Insert an attempt and return its number; None when another worker is at it, or it is not yet time.

        Until ``until`` nobody else begins. The database checks the world again and may refuse.
        """

    def confirm(self, delivery: Delivery, attempt: int, receipt: Receipt) -> None:
        """Insert the receipt; a delivery that is due is now confirmed.

        A delivery that was withheld meanwhile keeps its state: the receipt says that a copy is outside nevertheless.
        """

    def postpone(self, delivery: Delivery, *, until: datetime, cause: Cause) -> None:
        """Note why an attempt failed and when to try again."""

    def defer(self, delivery: Delivery, *, at: datetime, until: datetime, cause: Cause) -> None:
        """Note why a delivery that is due at ``at`` waits, and until when. One that somebody is at is left alone."""

    def close(self, delivery: Delivery, state: str, cause: Cause, at: datetime) -> None:
        """Give up: "declined" or "withheld", with the reason that a person will read."""

    def order(self, resend: Resend, at: datetime) -> None:
        """Insert who asked for what to be sent again, and why; the delivery of that round may then be added."""

    def due(self, *, now: datetime) -> tuple[Delivery, ...]:
        """Return the deliveries whose next attempt is due."""
