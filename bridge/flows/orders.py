"""An order is heard: the exam that it asked for is held when it does not go with it.

Asked twice, because either may come first: when a message about the order is committed, of the exams that are here; and
when an exam is complete, of the orders that are known. Both hold the case's lock, so that one of them sees the other.
"""

from datetime import datetime
from typing import Final

from bridge.flows.overtaking import Latest, overtake
from guarantee.case import Case
from guarantee.identity import Doubt
from guarantee.ids import Digest
from guarantee.orders import Dispute, Order, disputes
from guarantee.result import Cause
from guarantee.states import CaseState, CaseVerb
from guarantee.unit import Unit

_WHY: Final = {
    Doubt.ORDER_CONTRADICTS: "the order of this exam is about somebody else",
    Doubt.ORDER_CANCELLED: "the order of this exam was cancelled",
}


def standing_disputes(case: Case, unit: Unit, at: datetime) -> tuple[Dispute, ...]:
    """Note why ``case``, locked, does not go with its orders; return what nobody has let through."""
    found = disputes(case, unit.orders.of(case))
    return tuple(one for one in found if unit.identities.doubt(case, one.doubt, one.subject, at))


def hear(order: Order, message: Digest, sender: str, latest: Latest, unit: Unit, at: datetime) -> None:
    """Note ``order``, and stop the exams that do not go with it.

    Args:
        latest: the newest revision of each case that the transaction has locked, those of ``unit.orders.exams`` among
            them; what stops is replaced in it.
    """
    if not (order.accession or order.study or unit.orders.is_known(order)):
        return  # cancelled, and never known as that of an exam: a laboratory's
    unit.orders.add(order, sender=sender, message=message, at=at)
    live = {exam.id for exam in unit.orders.exams(order)}
    for name, case in latest.items():
        if case is not None and (case.state is not CaseState.COMPLETE or case.id in live):
            latest[name] = _stopped(case, unit, at)


def _stopped(case: Case, unit: Unit, at: datetime) -> Case:
    found = standing_disputes(case, unit, at)
    if not found:
        return case
    if case.state is CaseState.COMPLETE:
        case = _superseded(case, found, unit, at)
    if case.state is CaseState.RECEIVING:
        case = case.after(CaseVerb.QUARANTINE, cause=found[0].doubt)
        unit.cases.move(case, at)
    return case


def _superseded(case: Case, found: tuple[Dispute, ...], unit: Unit, at: datetime) -> Case:
    unit.cases.move(case.after(CaseVerb.SUPERSEDE), at)
    overtake(case, Cause(code=str(found[0].doubt), detail=_WHY[found[0].doubt]), unit, at)
    following = case.following()
    unit.cases.add(following, at)
    for one in found:
        unit.identities.doubt(following, one.doubt, one.subject, at)
    return following
