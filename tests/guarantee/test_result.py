"""How a result advances."""

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from guarantee.errors import Malformed, NotAllowed
from guarantee.result import Cause, ModelVersion, result_id
from guarantee.states import RESULT_LIFE, ResultState, ResultVerb
from tests.guarantee.samples import DRAFT, MODEL, a_complete_case, a_result, digest_of

CAUSE = Cause(code="late-images")
EXPLAINED = {
    ResultVerb.EXCLUDE,
    ResultVerb.FAIL,
    ResultVerb.EXPIRE,
    ResultVerb.OVERTAKE,
    ResultVerb.RETRACT,
    ResultVerb.REJECT,
}


def a_result_in(state: ResultState):  # type: ignore[no-untyped-def]
    undrafted = {ResultState.QUEUED, ResultState.FAILED, ResultState.EXCLUDED}
    return a_result(state=state, version=4, draft=None if state in undrafted else DRAFT)


@pytest.mark.parametrize(("state", "verb"), RESULT_LIFE)
def test_each_step_counts_a_version_and_keeps_what_the_result_is_about(state: ResultState, verb: ResultVerb) -> None:
    before = a_result_in(state)
    draft = DRAFT if verb is ResultVerb.DRAFT else None
    after = before.after(verb, draft=draft, cause=CAUSE if verb in EXPLAINED else None)
    assert after == replace(
        before, state=RESULT_LIFE[state, verb], version=5, draft=draft or before.draft, cause=after.cause
    )
    assert after.cause == (CAUSE if verb in EXPLAINED else None)


@pytest.mark.parametrize(("state", "verb"), RESULT_LIFE)
def test_only_a_model_brings_a_draft(state: ResultState, verb: ResultVerb) -> None:
    draft = None if verb is ResultVerb.DRAFT else DRAFT
    with pytest.raises(Malformed, match="draft"):
        a_result_in(state).after(verb, draft=draft, cause=CAUSE)


@pytest.mark.parametrize(("state", "verb"), [cell for cell in RESULT_LIFE if cell[1] in EXPLAINED])
def test_what_a_person_must_understand_has_a_cause(state: ResultState, verb: ResultVerb) -> None:
    with pytest.raises(Malformed, match="needs a cause"):
        a_result_in(state).after(verb)


def test_a_step_that_does_not_exist_is_refused() -> None:
    with pytest.raises(NotAllowed, match="is rejected"):
        a_result_in(ResultState.REJECTED).after(ResultVerb.DELIVER)


def test_a_result_is_not_edited() -> None:
    with pytest.raises(FrozenInstanceError):
        a_result().state = ResultState.DELIVERED  # type: ignore[misc]


def test_one_model_version_on_one_revision_is_one_result() -> None:
    case = a_complete_case()
    assert result_id(case.id, MODEL) == result_id(case.id, MODEL)
    others = [
        replace(MODEL, version="1.0.1"),
        replace(MODEL, digest=digest_of("x")),
        replace(MODEL, card=digest_of("y")),
    ]
    assert len({result_id(case.id, model) for model in [MODEL, *others]}) == 4


@pytest.mark.parametrize(
    "change", [{"name": ""}, {"name": "a@b"}, {"version": ""}, {"digest": "12"}, {"card": "A" * 64}]
)
def test_a_model_version_that_names_nothing_exact_is_refused(change: dict[str, Any]) -> None:
    good: dict[str, Any] = {"name": "a", "version": "1", "digest": digest_of("m"), "card": digest_of("c")}
    assert ModelVersion(**good).id == "a@1"
    with pytest.raises(Malformed):
        ModelVersion(**good | change)
