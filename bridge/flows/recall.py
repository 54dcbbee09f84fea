"""Many released results are taken back: one order, then one withdrawal after another, each by itself.

The order is committed first and names every result. Whoever carries it out withdraws what is left of it; killed in the
middle, the next one goes on where it was. A result that cannot be taken back now keeps its cause and stays in what is
left, so that it is tried again the next time, and listed until then.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.flows.retract import withdraw
from bridge.flows.review import Review
from guarantee.errors import BlobMissing, GuaranteeError, Malformed, NotAllowed
from guarantee.ids import ResultId
from guarantee.recalls import Recall, recall_id
from guarantee.release import WithdrawalReason
from guarantee.result import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What people say when they take results back.

    Args:
        alone_max: most results that one person may take back at this site; at most recalls.FEW.
        others: as of a Recall.
    """

    reason: WithdrawalReason
    comment: str
    by: str
    second: str = ""
    criteria: str = ""
    copies: str = ""
    alone_max: int


def order(results: Sequence[ResultId], said: Order, tools: Review) -> Recall:
    """Record the order to take ``results`` back, and return it. The same order given twice is one.

    Raises:
        Malformed: no result, or more than one person may take back alone.
        Refused: one of them was never released; nothing is recorded.
    """
    chosen = tuple(dict.fromkeys(results))
    if len(chosen) > said.alone_max and not said.second:
        raise Malformed(
            f"{len(chosen)} results are more than the {said.alone_max} that one person may take back at once here: "
            "two people give this order, each with their code"
        )
    made = Recall(
        id=recall_id(chosen, said.reason, said.by),
        reason=said.reason,
        comment=said.comment,
        criteria=said.criteria,
        copies=said.copies,
        many=len(chosen),
        by=said.by,
        second=said.second,
        at=tools.clock.now(),
    )
    with tools.store.transaction(f"desk:{said.by}") as unit:
        unit.recalls.add(made, chosen)
        return unit.recalls.get(made.id) or made


def carry_out(recall: str, tools: Review) -> int:
    """Withdraw what is left of an order, one result after another, and return how many were withdrawn now.

    Raises:
        NotAllowed: there is no such order.
        Unavailable: the database or the vault does not answer; what is left stays left.
    """
    with tools.store.reading() as unit:
        ordered, left = unit.recalls.get(recall), unit.recalls.left(recall)
    if ordered is None:
        raise NotAllowed(f"nobody ordered {recall}")
    return sum(_take_back(result, ordered, tools) for result in left)


def _take_back(result: ResultId, ordered: Recall, tools: Review) -> bool:
    """Withdraw one result; what was written of an earlier try that failed is written over."""
    cause = None
    try:
        withdraw(result, by=ordered.by, reason=ordered.reason, comment=ordered.comment, tools=tools)
    except (GuaranteeError, BlobMissing) as error:
        cause = Cause(code="not-allowed" if isinstance(error, NotAllowed) else "refused", detail=str(error))
    with tools.store.transaction(f"desk:{ordered.by}") as unit:
        unit.recalls.note(ordered.id, result, cause, tools.clock.now())
    return cause is None
