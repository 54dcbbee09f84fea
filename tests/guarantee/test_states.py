"""Every state with every verb, for both machines: the table's next state, or the named error."""

from enum import StrEnum
from itertools import product

import pytest

from guarantee.errors import NotAllowed
from guarantee.states import CASE_LIFE, RESULT_LIFE, CaseState, CaseVerb, ResultState, ResultVerb, mermaid, step

C, CV, R, RV = CaseState, CaseVerb, ResultState, ResultVerb

CASE_STEPS = {
    (C.RECEIVING, CV.COMPLETE, C.COMPLETE),
    (C.RECEIVING, CV.QUARANTINE, C.QUARANTINED),
    (C.COMPLETE, CV.SUPERSEDE, C.SUPERSEDED),
}
RESULT_STEPS = {
    (R.QUEUED, RV.DRAFT, R.AWAITING_REVIEW),
    (R.QUEUED, RV.EXCLUDE, R.EXCLUDED),
    (R.QUEUED, RV.FAIL, R.FAILED),
    (R.QUEUED, RV.OVERTAKE, R.STALE),
    (R.FAILED, RV.REQUEUE, R.QUEUED),
    (R.EXCLUDED, RV.REQUEUE, R.QUEUED),
    (R.AWAITING_REVIEW, RV.VALIDATE, R.VALIDATED),
    (R.AWAITING_REVIEW, RV.AMEND, R.AMENDED),
    (R.AWAITING_REVIEW, RV.REJECT, R.REJECTED),
    (R.AWAITING_REVIEW, RV.EXPIRE, R.EXPIRED),
    (R.AWAITING_REVIEW, RV.OVERTAKE, R.STALE),
    (R.VALIDATED, RV.DELIVER, R.DELIVERED),
    (R.VALIDATED, RV.OVERTAKE, R.STALE),
    (R.VALIDATED, RV.RETRACT, R.RETRACTED),
    (R.AMENDED, RV.DELIVER, R.DELIVERED),
    (R.AMENDED, RV.OVERTAKE, R.STALE),
    (R.AMENDED, RV.RETRACT, R.RETRACTED),
    (R.DELIVERED, RV.RETRACT, R.RETRACTED),
}
"""Written out a second time on purpose: a slip in the table must be made twice before it passes."""

CELLS = [
    *((CASE_LIFE, CASE_STEPS, state, verb) for state, verb in product(CaseState, CaseVerb)),
    *((RESULT_LIFE, RESULT_STEPS, state, verb) for state, verb in product(ResultState, ResultVerb)),
]


@pytest.mark.parametrize(
    ("life", "steps", "state", "verb"), CELLS, ids=[f"{state}-{verb}" for _, _, state, verb in CELLS]
)
def test_each_cell_is_the_next_state_or_refused(life, steps, state: StrEnum, verb: StrEnum) -> None:  # type: ignore[no-untyped-def]
    allowed = {target for source, by, target in steps if (source, by) == (state, verb)}
    if allowed:
        assert {step(life, state, verb, "result 8f3")} == allowed
        return
    with pytest.raises(NotAllowed, match=f"result 8f3 is {state}; it cannot {verb}"):
        step(life, state, verb, "result 8f3")


def test_a_refusal_says_what_is_possible() -> None:
    with pytest.raises(NotAllowed, match="From here: deliver, overtake, retract"):
        step(RESULT_LIFE, R.VALIDATED, RV.DRAFT, "result 8f3")
    with pytest.raises(NotAllowed, match="nothing, this state is final"):
        step(RESULT_LIFE, R.REJECTED, RV.DELIVER, "result 8f3")


def test_a_terminal_state_never_resurrects() -> None:
    final = {state for state in ResultState if not any(source is state for source, _ in RESULT_LIFE)}
    assert final == {R.REJECTED, R.EXPIRED, R.STALE, R.RETRACTED}


def reachable(start: ResultState) -> set[ResultState]:
    found: set[ResultState] = set()
    edge = {start}
    while edge:
        edge = {target for (source, _), target in RESULT_LIFE.items() if source in edge} - found
        found |= edge
    return found


def test_every_state_can_be_reached_and_only_through_review() -> None:
    assert reachable(R.QUEUED) | {R.QUEUED} == set(ResultState)
    for state in (R.EXPIRED, R.REJECTED, R.STALE):
        assert R.DELIVERED not in reachable(state), "time, a refusal or late images never deliver"
    undecided = {source for (source, _), target in RESULT_LIFE.items() if target is R.DELIVERED}
    assert undecided == {R.VALIDATED, R.AMENDED}


def test_no_state_reads_as_normal() -> None:
    assert not {"normal", "negative", "ok", "done"} & {str(state) for state in ResultState}


def test_the_diagram_has_one_arrow_for_each_row() -> None:
    lines = mermaid(RESULT_LIFE).splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert len(lines) == 1 + len(RESULT_LIFE)
    assert "    validated --> delivered: deliver" in lines
