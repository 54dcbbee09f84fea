"""Percentiles and intervals: golden values, and what is not printed below its minimum."""

import pytest

from bridge.figures import N_MIN, N_MIN_P99, Attempts, failure_share, share, spread


def test_nothing_is_printed_below_its_minimum() -> None:
    assert (spread([]).n, spread([]).p50_s) == (0, None)
    few = spread(range(N_MIN - 1))
    assert (few.n, few.p50_s, few.p95_s, few.p99_s) == (N_MIN - 1, None, None, None)
    enough = spread(range(N_MIN))
    assert (enough.p50_s, enough.p95_s, enough.p99_s) == (14, 28, None)
    assert spread(range(N_MIN_P99)).p99_s == 98
    assert share(N_MIN - 1, N_MIN - 1) is None
    assert share(0, 0, n_min=0) is None


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(1, 1001)]
    found = spread(reversed(values))
    assert (found.n, found.p50_s, found.p95_s, found.p99_s) == (1000, 500.0, 950.0, 990.0)


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(19, 20, 76.4, 99.1), (45, 50, 78.6, 95.7), (90, 100, 82.6, 94.5), (288, 300, 93.1, 97.7), (0, 30, 0.0, 11.4)],
)
def test_a_share_has_the_interval_of_wilson(count: int, n: int, low: float, high: float) -> None:
    found = share(count, n, n_min=20)
    assert found is not None
    assert (round(100 * found.low, 1), round(100 * found.high, 1)) == (low, high)
    assert found.low <= found.value <= found.high


def test_only_what_the_model_could_have_answered_counts_for_its_failures() -> None:
    ends = {"drafted": 90, "failed": 2, "retried": 8, "excluded": 400, "unavailable": 30, "overtaken": 5}
    counted = [Attempts(model="m@1", outcome=outcome, cause="", count=count) for outcome, count in ends.items()]
    assert failure_share(counted) == (10, 100)
