"""How long an attempt took: no duration is invented, and none is below zero."""

from dataclasses import replace
from datetime import timedelta

import pytest

from guarantee.errors import Malformed
from guarantee.ids import ResultId
from guarantee.runs import Outcome, Run, Spent
from tests.guarantee.samples import at

SPENT = Spent(preprocess_s=0.5, predict_s=2.0, postprocess_s=0.25)
RUN = Run(
    result=ResultId("r"),
    holder="infer:1",
    outcome=Outcome.DRAFTED,
    cause="",
    started_at=at(0),
    read_at=at(1),
    answered_at=at(5),
    ended_at=at(7),
    spent=SPENT,
)


def test_the_parts_of_a_run_add_up_to_the_whole() -> None:
    parts = (RUN.fetch_s, RUN.start_s, SPENT.total_s, RUN.store_s)
    assert parts == (1.0, 1.25, 2.75, 2.0)
    assert sum(part or 0.0 for part in parts) == (RUN.ended_at - RUN.started_at).total_seconds()


def test_what_was_not_reached_or_not_said_has_no_duration() -> None:
    silent = replace(RUN, spent=None)
    assert (silent.fetch_s, silent.start_s, silent.store_s) == (1.0, None, 2.0)
    unread = replace(RUN, outcome=Outcome.FAILED, cause="blob-missing", read_at=None, answered_at=None, spent=None)
    assert (unread.fetch_s, unread.start_s, unread.store_s) == (None, None, None)


def test_a_clock_that_is_set_back_makes_no_time_below_zero() -> None:
    back = replace(RUN, read_at=at(0) - timedelta(hours=1), answered_at=at(0) - timedelta(hours=1))
    assert (back.fetch_s, back.start_s) == (0.0, 0.0)


@pytest.mark.parametrize("part", [-0.001, float("nan"), float("inf")])
def test_a_duration_is_a_number_of_seconds(part: float) -> None:
    for name in ("preprocess_s", "predict_s", "postprocess_s"):
        with pytest.raises(Malformed, match="duration"):
            replace(SPENT, **{name: part})


@pytest.mark.parametrize(("outcome", "cause"), [(Outcome.DRAFTED, "crashed"), (Outcome.FAILED, "")])
def test_a_run_without_a_draft_says_why_and_no_other_does(outcome: Outcome, cause: str) -> None:
    with pytest.raises(Malformed, match="says why"):
        replace(RUN, outcome=outcome, cause=cause)
