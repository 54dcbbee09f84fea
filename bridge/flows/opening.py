"""Which draft a reader may open: asked before each showing, at the desk and by another viewer."""

from datetime import datetime

from bridge.flows import preparing
from guarantee.errors import FirstReadDue, NotAllowed, WorldChanged
from guarantee.ids import Digest, ResultId
from guarantee.opinion import Reader
from guarantee.result import Result
from guarantee.states import ResultState
from guarantee.unit import Unit
from guarantee.world import require_unchanged


def draft_to_open(result_id: ResultId, reader: Reader, unit: Unit, now: datetime) -> Digest:
    """Return the draft that ``reader`` may open now; raise as ``review.ask``."""
    result = unit.results.get(result_id)
    draft = draft_to_review(result)
    case = unit.cases.get(result.case)
    require_unchanged(result, case, unit.stops.over(result.id), unit.objections.over(case.patient))
    policy = unit.gate.policy(result.policy)
    right = preparing.right_to_answer(reader, result, case, policy, unit, now)
    preparing.require_turn(reader, right, unit.preparations.of(result.id), unit.gate.opinions(result.id))
    if unit.first_reads.standing(result.id, reader.login).is_due:
        raise FirstReadDue(f"result {result.id} is read first by {reader.login}; nothing of it was shown")
    return draft


def draft_to_review(result: Result) -> Digest:
    """Return the draft that awaits a decision; a stale one is told apart, so that its reader learns why."""
    if result.state is ResultState.STALE:
        raise WorldChanged(f"result {result.id} is stale: its inputs changed after the draft was made")
    if result.state is not ResultState.AWAITING_REVIEW or result.draft is None:
        raise NotAllowed(f"result {result.id} is {result.state}; it can no longer be decided. Nothing was recorded")
    return result.draft
