"""Send again by hand, and pause or resume a destination: what an engineer does about a place outside.

To send again is another delivery of the same sealed release: the same bytes under the same identifiers. Nothing that
ended is changed. Whether it may leave is looked at here, again when it is sent, and by the database.
"""

from dataclasses import replace
from typing import Final

from guarantee.deliveries import Delivery, Resend
from guarantee.errors import NotAllowed
from guarantee.events import DeliveryDue
from guarantee.ids import DeliveryId, ResultId, derive
from guarantee.pauses import Pause, PauseAction, paused
from guarantee.ports import Clock, Store
from guarantee.release import Kind
from guarantee.states import ResultState
from guarantee.world import require_unchanged

_RELEASED: Final = frozenset({ResultState.VALIDATED, ResultState.AMENDED, ResultState.DELIVERED})


def resend(result_id: ResultId, destination: str, *, by: str, reason: str, store: Store, clock: Clock) -> Delivery:
    """Make what was confirmed or declined at ``destination`` due again, and return its new delivery.

    Of a withdrawn result it is the word of the withdrawal that goes again.

    Raises:
        NotAllowed: nothing was released there, it is on its way already, or it was withheld.
        Held, Objected, WorldChanged: a stop covers the result, its patient objects, or its inputs or identity changed:
            withdraw it instead.
        Malformed: no reason.
    """
    now = clock.now()
    with store.transaction(f"desk:{by}") as unit:
        result = unit.results.get(result_id)
        kind = Kind.WITHDRAWAL if result.state is ResultState.RETRACTED else Kind.RESULT
        sent = [d for d in unit.deliveries.of_result(result_id) if (d.destination, d.kind) == (destination, kind)]
        last = _ended(sent, result_id, destination)
        if kind is Kind.RESULT:
            if result.state not in _RELEASED:
                raise NotAllowed(f"result {result_id} is {result.state}: nothing of it may leave")
            case = unit.cases.get(result.case)
            require_unchanged(result, case, unit.stops.over(result.id), unit.objections.over(case.patient))
        again = _following(last)
        order = Resend(release=last.release, destination=destination, round=again.round, by=by, reason=reason)
        unit.deliveries.order(order, now)
        unit.deliveries.add(again, now)
        unit.messages.ring(DeliveryDue(delivery=again.id, destination=destination), now)
    return again


def _ended(sent: list[Delivery], result_id: ResultId, destination: str) -> Delivery:
    if not sent:
        raise NotAllowed(f"result {result_id} was never released for {destination}")
    last = max(sent, key=lambda delivery: delivery.round)
    if last.state == "due":
        raise NotAllowed(f"result {result_id} is on its way to {destination} already")
    if last.state == "withheld":
        raise NotAllowed(f"result {result_id} was withheld from {destination}: what forbade it does not pass")
    return last


def _following(last: Delivery) -> Delivery:
    number = last.round + 1
    identifier = DeliveryId(derive("delivery", last.release, last.destination, str(number)))
    return replace(last, id=identifier, round=number, state="due", attempts=0, reference="")


def pause(destination: str, *, by: str, reason: str, store: Store, clock: Clock) -> Pause:
    """Leave a destination alone: no send begins there after this returns, until it is resumed."""
    line = Pause(destination=destination, action=PauseAction.PAUSE, by=by, reason=reason, at=clock.now())
    with store.transaction(f"desk:{by}") as unit:
        unit.destinations.add(line)
    return line


def resume(destination: str, *, by: str, reason: str, store: Store, clock: Clock) -> Pause:
    """Let a paused destination go on.

    Raises:
        NotAllowed: it is not paused.
    """
    line = Pause(destination=destination, action=PauseAction.RESUME, by=by, reason=reason, at=clock.now())
    with store.transaction(f"desk:{by}") as unit:
        if destination not in paused(unit.destinations.pauses()):
            raise NotAllowed(f"{destination} is not paused; there is nothing to resume")
        unit.destinations.add(line)
    return line
