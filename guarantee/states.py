"""The life of a case and of a result, as two tables.

These tables are the rule. The diagrams in the README and the rows of the SQL table ``transitions`` are generated from
them, and a test asserts that all three agree.

A *case* is a set of inputs that arrives over time: a DICOM study, or what the record says of one stay. Late inputs
open a new revision of the case. A *result* is one model version on one revision of a case.

*Held* is not a state: it follows from the stops (stops.py). *Shadow* is not a state: it is a mode, fixed at birth.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeVar

from guarantee.errors import NotAllowed


class CaseState(StrEnum):
    """Where a revision of a case stands."""

    RECEIVING = "receiving"
    COMPLETE = "complete"
    SUPERSEDED = "superseded"
    QUARANTINED = "quarantined"


class CaseVerb(StrEnum):
    """What can happen to a revision of a case."""

    COMPLETE = "complete"
    SUPERSEDE = "supersede"
    QUARANTINE = "quarantine"


class ResultState(StrEnum):
    """Where a result stands. None of these reads as "normal"."""

    QUEUED = "queued"
    EXCLUDED = "excluded"
    FAILED = "failed"
    AWAITING_REVIEW = "awaiting_review"
    VALIDATED = "validated"
    AMENDED = "amended"
    REJECTED = "rejected"
    EXPIRED = "expired"
    STALE = "stale"
    DELIVERED = "delivered"
    RETRACTED = "retracted"


class ResultVerb(StrEnum):
    """What can happen to a result."""

    DRAFT = "draft"
    EXCLUDE = "exclude"
    FAIL = "fail"
    REQUEUE = "requeue"
    VALIDATE = "validate"
    AMEND = "amend"
    REJECT = "reject"
    EXPIRE = "expire"
    OVERTAKE = "overtake"
    DELIVER = "deliver"
    RETRACT = "retract"


CASE_LIFE: Final[Mapping[tuple[CaseState, CaseVerb], CaseState]] = {
    (CaseState.RECEIVING, CaseVerb.COMPLETE): CaseState.COMPLETE,
    (CaseState.RECEIVING, CaseVerb.QUARANTINE): CaseState.QUARANTINED,
    (CaseState.COMPLETE, CaseVerb.SUPERSEDE): CaseState.SUPERSEDED,
}

RESULT_LIFE: Final[Mapping[tuple[ResultState, ResultVerb], ResultState]] = {
    (ResultState.QUEUED, ResultVerb.DRAFT): ResultState.AWAITING_REVIEW,
    (ResultState.QUEUED, ResultVerb.EXCLUDE): ResultState.EXCLUDED,
    (ResultState.QUEUED, ResultVerb.FAIL): ResultState.FAILED,
    (ResultState.QUEUED, ResultVerb.OVERTAKE): ResultState.STALE,
    (ResultState.FAILED, ResultVerb.REQUEUE): ResultState.QUEUED,
    (ResultState.EXCLUDED, ResultVerb.REQUEUE): ResultState.QUEUED,
    (ResultState.AWAITING_REVIEW, ResultVerb.VALIDATE): ResultState.VALIDATED,
    (ResultState.AWAITING_REVIEW, ResultVerb.AMEND): ResultState.AMENDED,
    (ResultState.AWAITING_REVIEW, ResultVerb.REJECT): ResultState.REJECTED,
    (ResultState.AWAITING_REVIEW, ResultVerb.EXPIRE): ResultState.EXPIRED,
    (ResultState.AWAITING_REVIEW, ResultVerb.OVERTAKE): ResultState.STALE,
    (ResultState.VALIDATED, ResultVerb.DELIVER): ResultState.DELIVERED,
    (ResultState.VALIDATED, ResultVerb.OVERTAKE): ResultState.STALE,
    (ResultState.VALIDATED, ResultVerb.RETRACT): ResultState.RETRACTED,
    (ResultState.AMENDED, ResultVerb.DELIVER): ResultState.DELIVERED,
    (ResultState.AMENDED, ResultVerb.OVERTAKE): ResultState.STALE,
    (ResultState.AMENDED, ResultVerb.RETRACT): ResultState.RETRACTED,
    (ResultState.DELIVERED, ResultVerb.RETRACT): ResultState.RETRACTED,
}
"""Terminal states have no row: a new opinion on the same case is a new result.

EXCLUDED is left in one case only, which the database looks at: what a patient's objection kept from running is queued
again when the objection is lifted (objections.py).

VALIDATED and AMENDED can still be overtaken, but only while nothing has been attempted at any destination (world.py,
and the database): once a copy may exist outside, the way back is RETRACT, which follows the copy.
"""

_State = TypeVar("_State", bound=StrEnum)
_Verb = TypeVar("_Verb", bound=StrEnum)


def step(life: Mapping[tuple[_State, _Verb], _State], state: _State, verb: _Verb, what: str) -> _State:
    """Return the state after ``verb``.

    Args:
        what: the thing that moves, for the message, e.g. "result 8f3…".

    Raises:
        NotAllowed: ``life`` has no such step.
    """
    try:
        return life[state, verb]
    except KeyError:
        possible = ", ".join(sorted(v for s, v in life if s is state)) or "nothing, this state is final"
        raise NotAllowed(f"{what} is {state}; it cannot {verb}. From here: {possible}") from None


def mermaid(life: Mapping[tuple[_State, _Verb], _State]) -> str:
    """Return the table as a Mermaid state diagram, for the README."""
    lines = [f"    {source} --> {target}: {verb}" for (source, verb), target in life.items()]
    return "\n".join(["stateDiagram-v2", *lines])
