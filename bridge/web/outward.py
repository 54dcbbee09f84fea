"""How destinations stand, as pages, metrics and the command line are told. Nothing here is about a patient."""

from dataclasses import dataclass
from datetime import datetime

from guarantee.breaker import Phase
from guarantee.pauses import Pause
from guarantee.result import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A destination as it is configured, without credentials.

    Args:
        kind: "pacs", "record" or "hl7"; "" for one that only old deliveries name.
        address: where it is; "" likewise.
    """

    name: str
    kind: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one destination stands.

    Args:
        rests_until: when it may be tried again; None while it answers.
        failures: in a row.
        cause: of the last failure, whenever that was.
        waiting, attempts: deliveries on their way to it, and how often those were begun.
        oldest: since when the first of them waits.
        refused: deliveries that it declined and nobody has asked to be sent again: a person must look.
    """

    place: Place
    breaker: Phase
    rests_until: datetime | None
    failures: int
    confirmed_at: datetime | None
    failed_at: datetime | None
    cause: Cause | None
    pause: Pause | None
    waiting: int
    attempts: int
    oldest: datetime | None
    refused: int
