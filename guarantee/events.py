"""Facts that processes tell each other: a name and identifiers, never patient data, never results.

A fact is a bell, not a parcel: whoever hears it reads the database. Losing one costs time (the sweeper rings again),
hearing one twice costs nothing (each consumer looks at the row before it acts).
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from guarantee.codec import from_plain, to_plain
from guarantee.errors import Malformed
from guarantee.ids import DeliveryId, ResultId


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReceived:
    """The record told us that something changed; what it names must still be fetched."""

    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultQueued:
    """A model can start on a result."""

    result: ResultId


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDue:
    """A release can be sent to one destination."""

    delivery: DeliveryId
    destination: str


Fact: TypeAlias = EventReceived | ResultQueued | DeliveryDue

FACTS: Final[dict[str, type[EventReceived] | type[ResultQueued] | type[DeliveryDue]]] = {
    "event.received/1": EventReceived,
    "result.queued/1": ResultQueued,
    "delivery.due/1": DeliveryDue,
}
"""Every fact by its name and version. A version is never edited; a changed fact is a new version."""

_NAMES: Final = {kind: name for name, kind in FACTS.items()}


def topic(fact: Fact) -> str:
    """Return the queue that ``fact`` belongs to: one for each destination, so that a dead one delays no other."""
    if isinstance(fact, DeliveryDue):
        return f"delivery.{fact.destination}"
    return _NAMES[type(fact)].partition("/")[0]


def fact_to_plain(fact: Fact) -> dict[str, object]:
    """Return the JSON value of ``fact``."""
    return {"fact": _NAMES[type(fact)], "ids": to_plain(fact)}


def fact_from_plain(plain: object) -> Fact:
    """Return the fact that ``plain`` describes; keys beside "fact" and "ids" are ignored.

    Raises:
        Malformed: unknown fact or version, or wrong identifiers.
    """
    if not isinstance(plain, dict) or not isinstance(plain.get("fact"), str) or plain["fact"] not in FACTS:
        raise Malformed("not a fact that this version knows")
    return from_plain(FACTS[plain["fact"]], plain.get("ids"))
