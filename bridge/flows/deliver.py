"""A release goes to one destination: look at the world again, note the attempt, send the stored bytes, keep the proof.

The attempt is committed before anything is sent, and no lock is held while sending. If we die in between, the row says
that somebody may hold a copy; sending again is harmless, because the bytes and their identifiers are the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from guarantee.breaker import Health, Phase, comes_back, tries_again
from guarantee.deliveries import Delivery
from guarantee.errors import Absent, Declined, GuaranteeError, Malformed, NotProved, Refused, Unavailable
from guarantee.events import DeliveryDue, Fact
from guarantee.habilitation import revoked_since
from guarantee.ids import DeliveryId
from guarantee.objections import OBJECTION
from guarantee.opinion import Seal
from guarantee.pauses import paused
from guarantee.ports import Clock, Destination, Store
from guarantee.release import Grounds, Kind, Receipt, Release, Terms, Witness, mint
from guarantee.result import Cause, Result
from guarantee.states import ResultState, ResultVerb
from guarantee.unit import Unit
from guarantee.world import obstacles

SEND_S: Final = 180.0
"""How long one attempt may take before another worker may begin: C-STORE, commitment and read-back, with slack."""

HELD_AGAIN_S: Final = 5.0
"""How soon a held delivery is looked at again: a resumed model's results should not wait."""

_PASSING: Final = frozenset({"held", OBJECTION})
"""What may end: until it does, a delivery waits. Everything else that changed is for good, and it is withheld."""

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
        _postpone(begun, error, tools)
    except Declined as error:
        _close(begun.delivery, Cause(code=error.code, detail=error.detail), tools, answered=True)
    except GuaranteeError as error:
        _close(begun.delivery, _not_endorsed(error), tools)
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
            health = unit.destinations.health(delivery.destination)
            if not _answers(delivery, health, unit, now):
                return None
            attempt = unit.deliveries.begin(delivery, at=now, until=now + timedelta(seconds=SEND_S))
            if attempt is None:
                return None
            if health.rests_until is not None:
                unit.destinations.keep(health.begun(now))
            terms, seal = unit.gate.terms(delivery.release)
            grounds = unit.gate.grounds(delivery.release)
            return _Begun(delivery=delivery, attempt=attempt, terms=terms, seal=seal, grounds=grounds)
    except Refused:
        return None  # a wall said no between our look and the attempt: the next ring sees why and records it
    except (Malformed, Absent) as error:  # rows that do not say what was sealed, or name others that are not there
        _close_unread(delivery_id, _not_endorsed(error), tools)
        return None


def _may_go(delivery: Delivery, unit: Unit, now: datetime) -> bool:
    """Return whether the world still allows this; record why not. The withdrawal of a retracted result always goes."""
    result = unit.results.get(delivery.result)
    again = delivery.round > 0 and delivery.kind is Kind.RESULT and result.state is ResultState.DELIVERED
    if result.state not in _SENT_FROM[delivery.kind] and not again:  # no flow of ours leaves such a row
        cause = Cause(code="not-endorsed", detail=f"the result is {result.state}: nothing of this kind may leave")
        unit.deliveries.close(delivery, "declined", cause, now)
        return False
    if delivery.kind is Kind.WITHDRAWAL:
        return True
    case = unit.cases.get(result.case)
    causes = obstacles(result, case, unit.stops.over(result.id), unit.objections.over(case.patient))
    lasting = [cause for cause in causes if cause.code not in _PASSING]
    if lasting:
        unit.deliveries.close(delivery, "withheld", lasting[0], now)
        return False
    waits = causes[0] if causes else _right_is_gone(result, unit, now)
    if waits is not None:
        unit.deliveries.defer(delivery, at=now, until=now + timedelta(seconds=HELD_AGAIN_S), cause=waits)
        return False
    return True


def _right_is_gone(result: Result, unit: Unit, now: datetime) -> Cause | None:
    """Return why the rights that ``result`` was endorsed under no longer let it go; None when they do."""
    decision = unit.gate.decision(result.id)
    if decision is None:
        return None  # no flow of ours leaves such a delivery; its release has no ground, and is not minted
    behind = [opinion.statement for opinion in unit.gate.opinions(result.id)]
    used = [said.right for said in behind if said.content == decision.content]
    rights = unit.habilitations.of(grant.person for grant in used)
    return revoked_since(used, rights, site=unit.cases.get(result.case).site, at=now)


def _answers(delivery: Delivery, health: Health, unit: Unit, now: datetime) -> bool:
    """Return whether the destination may be sent to now; what must wait says why, and uses up no attempt."""
    pause = paused(unit.destinations.pauses()).get(delivery.destination)
    if pause is not None:
        cause = Cause(code="destination-paused", detail=f"{delivery.destination} was paused: {pause.reason}")
        unit.deliveries.defer(delivery, at=now, until=now + timedelta(seconds=HELD_AGAIN_S), cause=cause)
        return False
    if health.may_begin(now):
        return True
    why = "one delivery tries it" if health.phase(now) is Phase.HALF_OPEN else "it is left alone for a while"
    cause = Cause(code="destination-resting", detail=f"{delivery.destination} did not answer; {why}")
    unit.deliveries.defer(delivery, at=now, until=comes_back(delivery.id, health, now), cause=cause)
    return False


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
        unit.destinations.keep(unit.destinations.health(delivery.destination).confirmed(tools.clock.now()))
        unit.deliveries.confirm(delivery, begun.attempt, receipt)
        result = unit.results.get(delivery.result)
        mine = [other for other in unit.deliveries.of_result(result.id) if other.kind is Kind.RESULT]
        held = {other.destination for other in mine if other.state == "confirmed"}
        if result.state in _SENT_FROM[Kind.RESULT] and held == {other.destination for other in mine}:
            unit.results.move(result.after(ResultVerb.DELIVER), tools.clock.now())


def _postpone(begun: _Begun, error: Unavailable, tools: Dispatch) -> None:
    """Note that it did not answer. One that took it, and has not proved yet that it holds it, did answer."""
    cause, delivery = Cause(code=error.code, detail=error.detail), begun.delivery
    now = tools.clock.now()
    with tools.store.transaction("deliver") as unit:
        if unit.deliveries.get(delivery.id) is None:
            return
        health = unit.destinations.health(delivery.destination)
        answered = isinstance(error, NotProved)
        health = health.answered() if answered else health.failed(now, cause, asked_s=error.asked_s)
        until = tries_again(delivery.id, begun.attempt, health, now)
        unit.deliveries.postpone(delivery, until=until, cause=cause)
        unit.destinations.keep(health)


def _not_endorsed(error: Exception) -> Cause:
    return Cause(code="not-endorsed", detail=f"{type(error).__name__}: {error}")


def _close(delivery: Delivery, cause: Cause, tools: Dispatch, *, answered: bool = False) -> None:
    """Give up a delivery that was begun.

    Args:
        answered: whether the destination itself said no; otherwise nothing was sent.
    """
    now = tools.clock.now()
    with tools.store.transaction("deliver") as unit:
        found = unit.deliveries.get(delivery.id)
        health = unit.destinations.health(delivery.destination)
        unit.destinations.keep(health.answered() if answered else health.untried(now))
        if found is not None and found.state == "due":
            unit.deliveries.close(found, "declined", cause, now)


def _close_unread(delivery_id: DeliveryId, cause: Cause, tools: Dispatch) -> None:
    """Give up a delivery whose release cannot be read: nothing was begun."""
    with tools.store.transaction("deliver") as unit:
        delivery = unit.deliveries.get(delivery_id)
        if delivery is not None and delivery.state == "due":
            unit.deliveries.close(delivery, "declined", cause, tools.clock.now())
