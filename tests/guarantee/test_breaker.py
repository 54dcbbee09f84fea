"""When to send again, when to leave a destination alone, and who paused it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarantee.breaker import (
    AFTER_OTHERS_S,
    ASKED_MAX_S,
    BACKOFF_MAX_S,
    FAILURES_MAX,
    REST_MAX_S,
    REST_S,
    TRIAL_S,
    Health,
    Phase,
    backoff_s,
    comes_back,
    tries_again,
)
from guarantee.errors import Malformed
from guarantee.pauses import Pause, PauseAction, paused
from guarantee.result import Cause
from tests.guarantee.samples import at

DOWN = Cause(code="no-connection", detail="nobody there")
NEW = Health(destination="pacs")


def failed(times: int, *, last: float = 0.0, asked_s: float = 0.0) -> Health:
    """Return the health of a destination that failed ``times`` in a row, the last time at ``last``."""
    health = NEW
    for _ in range(times):
        health = health.failed(at(last), DOWN, asked_s=asked_s)
    return health


def seconds(moment: datetime | None) -> float:
    assert moment is not None
    return (moment - at(0)).total_seconds()


def test_a_destination_that_failed_now_and_then_is_not_left_alone() -> None:
    health = failed(FAILURES_MAX - 1)
    assert (health.phase(at(0)), health.may_begin(at(0))) == (Phase.CLOSED, True)
    assert health.begun(at(0)) == health, "of a destination that answers, an attempt is no trial"
    again = health.confirmed(at(1)).failed(at(2), DOWN)
    assert (again.failures, again.phase(at(2)), again.confirmed_at) == (1, Phase.CLOSED, at(1))


def test_one_that_failed_often_in_a_row_rests_then_one_delivery_tries() -> None:
    health = failed(FAILURES_MAX)
    assert (health.phase(at(0)), seconds(health.rests_until)) == (Phase.OPEN, REST_S)
    assert not health.may_begin(at(REST_S - 1))
    assert health.phase(at(REST_S)) is Phase.HALF_OPEN
    trial = health.begun(at(REST_S))
    assert trial.phase(at(REST_S + 1)) is Phase.HALF_OPEN
    assert not trial.may_begin(at(REST_S + 1)), "one is enough"
    assert trial.may_begin(at(REST_S + TRIAL_S)), "a deliverer that died in its trial holds up nobody for ever"
    closed = trial.answered()
    assert (closed.phase(at(REST_S + 2)), closed.failures, closed.cause) == (Phase.CLOSED, 0, DOWN)


def test_each_failed_trial_makes_the_rest_longer_up_to_a_bound() -> None:
    rests = [seconds(failed(FAILURES_MAX + n).rests_until) for n in range(20)]
    assert rests[:3] == [REST_S, 2 * REST_S, 4 * REST_S]
    assert rests[-1] == max(rests) == REST_MAX_S


def test_a_destination_may_ask_to_be_left_alone_within_reason() -> None:
    asked = NEW.failed(at(0), DOWN, asked_s=40.0)
    assert (asked.phase(at(39)), asked.phase(at(40))) == (Phase.OPEN, Phase.HALF_OPEN)
    assert seconds(NEW.failed(at(0), DOWN, asked_s=1e9).rests_until) == ASKED_MAX_S
    assert asked.begun(at(40)).failed(at(41), DOWN).phase(at(41)) is Phase.CLOSED, "two failures are no outage"


def test_a_failure_that_comes_late_does_not_shorten_a_rest() -> None:
    asked = NEW.failed(at(0), DOWN, asked_s=40.0)
    assert asked.failed(at(1), DOWN).rests_until == at(40)


def test_a_trial_in_which_nothing_was_sent_lets_another_delivery_try() -> None:
    trial = failed(FAILURES_MAX).begun(at(REST_S))
    assert trial.untried(at(REST_S + 1)).may_begin(at(REST_S + 1))
    assert NEW.untried(at(0)) == NEW


@given(st.text(max_size=40), st.integers(1, 10_000))
def test_waits_grow_differ_and_are_bounded(delivery: str, attempt: int) -> None:
    wait_s = backoff_s(delivery, attempt)
    whole = min(2.0 ** min(attempt, 10), BACKOFF_MAX_S)
    assert 0.75 * whole <= wait_s <= whole
    assert wait_s == backoff_s(delivery, attempt), "nothing is drawn"


def test_deliveries_of_one_outage_do_not_come_back_at_one_moment() -> None:
    assert len({backoff_s(f"delivery-{n}", 5) for n in range(100)}) == 100
    health = failed(FAILURES_MAX)
    backs = {comes_back(f"delivery-{n}", health, at(1)) for n in range(100)}
    assert len(backs) == 100
    assert all(REST_S <= seconds(back) < REST_S + AFTER_OTHERS_S for back in backs)


def test_the_one_that_failed_comes_back_after_those_that_only_rested() -> None:
    health = failed(FAILURES_MAX)
    assert seconds(tries_again("x", 1, health, at(0))) == REST_S + AFTER_OTHERS_S
    assert tries_again("x", 9, health, at(0)) == at(0) + timedelta(seconds=backoff_s("x", 9))
    assert tries_again("x", 2, NEW, at(0)) == at(0) + timedelta(seconds=backoff_s("x", 2))
    assert comes_back("x", NEW, at(7)) >= at(7)


# ------------------------------------------------------------------------------------------------------------ pauses


def a_pause(**changes: Any) -> Pause:
    values = {"destination": "pacs", "action": PauseAction.PAUSE, "by": "b.ngo", "reason": "migration", "at": at(0)}
    return Pause(**values | changes)


@pytest.mark.parametrize("change", [{"destination": ""}, {"by": ""}, {"reason": " "}])
def test_a_pause_says_what_who_and_why(change: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        a_pause(**change)


def test_the_last_line_of_each_destination_counts() -> None:
    resumed = a_pause(action=PauseAction.RESUME, reason="")
    other = a_pause(destination="dpi")
    assert paused([]) == {}
    assert paused([a_pause(), other, resumed]) == {"dpi": other}
    assert paused([a_pause(), resumed, a_pause()]) == {"pacs": a_pause()}
