"""A released result is taken back: sealed notice, one withdrawal object for each place that may hold a copy."""

from dataclasses import dataclass
from datetime import timedelta

from bridge.flows.deliver import SEND_S
from bridge.flows.release import endorse, issue
from bridge.flows.review import Review
from guarantee.content import Content
from guarantee.deliveries import Delivery
from guarantee.errors import NotAllowed, Refused
from guarantee.ids import Digest, ReleaseId, ResultId
from guarantee.ports import Endorsed, Withdrawn
from guarantee.release import (
    Grounds,
    Kind,
    Notice,
    Package,
    Part,
    Rendering,
    Terms,
    Withdrawal,
    WithdrawalReason,
    release_id,
    withdrawal_id,
)
from guarantee.result import Cause, Result
from guarantee.states import ResultState, ResultVerb
from guarantee.unit import Unit

_RETRACTABLE = frozenset({ResultState.VALIDATED, ResultState.AMENDED, ResultState.DELIVERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Released:
    result: Result
    release: ReleaseId
    grounds: Grounds
    endorsed: Endorsed
    deliveries: tuple[Delivery, ...]


def withdraw(result_id: ResultId, *, by: str, reason: WithdrawalReason, comment: str, tools: Review) -> Withdrawal:
    """Take a released result back everywhere and return the withdrawal.

    What was not yet sent is withheld. Each destination where a send was begun gets word of the withdrawal, even if it
    never answered: it may hold a copy.

    Args:
        by: who takes it back, e.g. a login or "operator:root".

    Raises:
        NotAllowed: the result was never released, or is withdrawn already.
        Refused: a delivery moved meanwhile; try again.
    """
    released = _read(result_id, tools)
    notice = Notice(
        result=result_id, release=released.release, reason=reason, comment=comment, by=by, at=tools.clock.now()
    )
    withdrawal = Withdrawal(
        id=withdrawal_id(released.release), notice=notice, seal=tools.sealer.seal(notice.to_bytes())
    )
    renderings = tuple(_rendering(d, withdrawal, released, tools) for d in _begun(released.deliveries))
    with tools.store.transaction(f"desk:{by}") as unit:
        _record(released, withdrawal, renderings, unit, tools)
    return withdrawal


def _read(result_id: ResultId, tools: Review) -> _Released:
    with tools.store.reading() as unit:
        result = unit.results.get(result_id)
        release = unit.gate.release_of(result_id, Kind.RESULT)
        decision = unit.gate.decision(result_id)
        if result.state not in _RETRACTABLE or release is None or decision is None or decision.content is None:
            raise NotAllowed(f"result {result_id} is {result.state}; only a released result can be withdrawn")
        grounds = unit.gate.grounds(release)
        case = unit.cases.get(result.case)
        deliveries = _of_result(result_id, unit)
    content = Content.from_bytes(tools.vault.get(Digest(decision.content)))
    endorsed = endorse(
        result=result,
        case=case,
        content=content,
        decision=decision,
        opinions=grounds.opinions,
        preparation=grounds.preparation,
        vault=tools.vault,
        catalogue=tools.catalogue,
    )
    return _Released(result=result, release=release, grounds=grounds, endorsed=endorsed, deliveries=deliveries)


def _of_result(result_id: ResultId, unit: Unit) -> tuple[Delivery, ...]:
    return tuple(d for d in unit.deliveries.of_result(result_id) if d.kind is Kind.RESULT)


def _begun(deliveries: tuple[Delivery, ...]) -> tuple[Delivery, ...]:
    """Return one delivery for each place where a send was begun: the last that was confirmed, or else the last."""
    begun = sorted((d for d in deliveries if d.attempts), key=lambda d: (d.reference != "", d.round))
    return tuple({delivery.destination: delivery for delivery in begun}.values())


def _rendering(delivery: Delivery, withdrawal: Withdrawal, released: _Released, tools: Review) -> Rendering:
    renderer = tools.renderers[released.endorsed.case.kind].get(delivery.destination)
    if renderer is None:
        raise Refused(f"destination {delivery.destination} is no longer configured; configure it to withdraw from it")
    objects = renderer.render_withdrawal(
        Withdrawn(
            release=release_id(withdrawal.id),
            notice=withdrawal.notice,
            original=released.endorsed,
            package=Package.from_bytes(tools.vault.get(delivery.package)),
            reference=delivery.reference,
        )
    )
    parts = tuple(
        Part(name=o.name, media_type=o.media_type, uid=o.uid, digest=tools.vault.put(o.data)) for o in objects
    )
    return Rendering(destination=delivery.destination, package=tools.vault.put(Package(parts=parts).to_bytes()))


def _record(
    released: _Released, withdrawal: Withdrawal, renderings: tuple[Rendering, ...], unit: Unit, tools: Review
) -> None:
    result = unit.results.get(released.result.id)
    if result != released.result or _of_result(result.id, unit) != released.deliveries:
        raise Refused(f"result {result.id} moved while it was being withdrawn; try again")
    notice = withdrawal.notice
    cause = Cause(code=str(notice.reason))
    unit.gate.add_withdrawal(withdrawal)
    unit.results.move(result.after(ResultVerb.RETRACT, cause=cause), notice.at)
    for delivery in released.deliveries:
        if delivery.state == "due":
            unit.deliveries.close(delivery, "withheld", cause, notice.at)
    if renderings:
        terms = Terms(
            release=release_id(withdrawal.id),
            kind=Kind.WITHDRAWAL,
            result=result.id,
            ground=withdrawal.id,
            content=withdrawal.content,
            renderings=renderings,
            at=notice.at,
        )
        grounds = Grounds(
            policy=released.grounds.policy,
            draft=released.grounds.draft,
            opinions=released.grounds.opinions,
            withdrawal=withdrawal,
            preparation=released.grounds.preparation,
        )
        issue(terms, grounds, unit, tools.sealer, tools.witness, due_at=notice.at + _settling(released))


def _settling(released: _Released) -> timedelta:
    """Return how long to wait before the word of the withdrawal goes: a send that is under way must land first."""
    under_way = any(delivery.state == "due" and delivery.attempts for delivery in released.deliveries)
    return timedelta(seconds=SEND_S if under_way else 0)
