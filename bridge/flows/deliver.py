"""A release goes to one destination: look at the world again, note the attempt, send the stored bytes, keep the proof.

The attempt is committed before anything is sent, and no lock is held while sending. If we die in between, the row says
that somebody may hold a copy; sending again is harmless, because the bytes and their identifiers are the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from guarantee.errors import Absent, Declined, GuaranteeError, Malformed, Refused, Unavailable
from guarantee.events import DeliveryDue, Fact
from guarantee.ids import DeliveryId
from guarantee.opinion import Seal
from guarantee.ports import Clock, Destination, Store
from guarantee.release import Grounds, Kind, Receipt, Release, Terms, Witness, mint
from guarantee.result import Cause
from guarantee.states import ResultState, ResultVerb
from guarantee.stops import in_force
from guarantee.unit import Delivery, Unit
from guarantee.world import obstacles

SEND_S: Final = 180.0
"""How long one attempt may take before another worker may begin: C-STORE, commitment and read-back, with slack."""

BACKOFF_MAX_S: Final = 300.0
"""Longest wait between attempts. A destination that was down for an hour is tried again within five minutes."""

HELD_AGAIN_S: Final = 5.0
"""How soon a held delivery is looked at again: a resumed model's results should not wait."""

_SENT_FROM: Final = {
    Kind.RESULT: frozenset({ResultState.VALIDATED, ResultState.AMENDED}),
    Kind.WITHDRAWAL: frozenset({ResultState.RETRACTED}),
}
"""In which states of its result something may leave; the walls say the same (attempts_on_decided_results)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """What the deliverer needs. It holds the only write credentials to the outside, inside ``destinations``."""

    store: Store
    clock: Clock
    destinations: Mapping[str, Destination]
    witness: Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    delivery: Delivery
    attempt: int
    terms: Terms
    seal: Seal
    grounds: Grounds


def deliver(delivery_id: DeliveryId, tools: Dispatch) -> None:
    """Try one delivery once. What happens is recorded; nothing is raised for a destination's failure.

    Raises:
        Unavailable: the database does not answer.
    """
    begun = _begin(delivery_id, tools)
    if begun is None:
        return
    try:
        release = mint(terms=begun.terms, seal=begun.seal, grounds=begun.grounds, witness=tools.witness)
        receipt = _send(release, begun.delivery, tools)
    except Unavailable as error:
        _postpone(begun, Cause(code=error.code, detail=error.detail), tools)
    except Declined as error:
        _close(delivery_id, Cause(code=error.code, detail=error.detail), tools)
    except GuaranteeError as error:
        _close(delivery_id, _not_endorsed(error), tools)
    else:
        _confirm(begun, receipt, tools)


def handle(_message_id: str, fact: Fact, tools: Dispatch) -> None:
    """Answer the bell of ``delivery.<destination>``."""
    if isinstance(fact, DeliveryDue):
        deliver(fact.delivery, tools)


def _begin(delivery_id: DeliveryId, tools: Dispatch) -> _Begun | None:
    now = tools.clock.now()
    try:
        with tools.store.transaction("deliver") as unit:
            delivery = unit.deliveries.get(delivery_id)
            if delivery is None or delivery.state != "due" or not _may_go(delivery, unit, now):
                return None
            attempt = unit.deliveries.begin(delivery, at=now, until=now + timedelta(seconds=SEND_S))
            if attempt is None:
                return None
            terms, seal = unit.gate.terms(delivery.release)
            grounds = unit.gate.grounds(delivery.release)
            return _Begun(delivery=delivery, attempt=attempt, terms=terms, seal=seal, grounds=grounds)
    except Refused:
        return None  # a wall said no between our look and the attempt: the next ring sees why and records it
    except (Malformed, Absent) as error:  # rows that do not say what was sealed, or name others that are not there
        _close(delivery_id, _not_endorsed(error), tools)
        return None


def _may_go(delivery: Delivery, unit: Unit, now: datetime) -> bool:
    """Return whether the world still allows this; record why not. The withdrawal of a retracted result always goes."""
    result = unit.results.get(delivery.result)
    if result.state not in _SENT_FROM[delivery.kind]:  # no flow of ours leaves such a row
        cause = Cause(code="not-endorsed", detail=f"the result is {result.state}: nothing of this kind may leave")
        unit.deliveries.close(delivery, "declined", cause, now)
        return False
    if delivery.kind is Kind.WITHDRAWAL:
        return True
    causes = obstacles(result, unit.cases.get(result.case), in_force(unit.stops.lines()))
    lasting = [cause for cause in causes if cause.code != "held"]
    if lasting:
        unit.deliveries.close(delivery, "withheld", lasting[0], now)
        return False
    if causes:
        unit.deliveries.postpone(delivery, until=now + timedelta(seconds=HELD_AGAIN_S), cause=causes[0])
        return False
    return True


def _send(release: Release, delivery: Delivery, tools: Dispatch) -> Receipt:
    destination = tools.destinations.get(delivery.destination)
    if destination is None:
        raise Declined("destination-unknown", f"{delivery.destination} is not configured here")
    if release.package_for(delivery.destination) != delivery.package:
        raise Refused("the delivery names another package than the sealed release")
    return destination.send(release)


def _confirm(begun: _Begun, receipt: Receipt, tools: Dispatch) -> None:
    with tools.store.transaction("deliver") as unit:
        delivery = unit.deliveries.get(begun.delivery.id)
        if delivery is None or delivery.state == "confirmed":
            return
        unit.deliveries.confirm(delivery, begun.attempt, receipt)
        result = unit.results.get(delivery.result)
        mine = [other for other in unit.deliveries.of_result(result.id) if other.kind is Kind.RESULT]
        decided = result.state in _SENT_FROM[Kind.RESULT]
        if decided and all(other.state == "confirmed" for other in mine):
            unit.results.move(result.after(ResultVerb.DELIVER), tools.clock.now())


def _postpone(begun: _Begun, cause: Cause, tools: Dispatch) -> None:
    wait_s = min(2.0 ** min(begun.attempt, 10), BACKOFF_MAX_S)
    until = tools.clock.now() + timedelta(seconds=wait_s)
    with tools.store.transaction("deliver") as unit:
        unit.deliveries.postpone(begun.delivery, until=until, cause=cause)


def _not_endorsed(error: Exception) -> Cause:
    return Cause(code="not-endorsed", detail=f"{type(error).__name__}: {error}")


def _close(delivery_id: DeliveryId, cause: Cause, tools: Dispatch) -> None:
    with tools.store.transaction("deliver") as unit:
        delivery = unit.deliveries.get(delivery_id)
        if delivery is not None and delivery.state == "due":
            unit.deliveries.close(delivery, "declined", cause, tools.clock.now())
