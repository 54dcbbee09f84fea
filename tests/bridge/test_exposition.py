"""The text that a scrape reads, held against Prometheus' own checker where there is one."""

import re

import pytest

from bridge.exposition import OTHER, SECONDS, SETS_MAX, Family
from tests.peers.promtool import complaints


def said(family: Family) -> list[str]:
    return [line for line in family.lines() if not line.startswith("#")]


def test_a_counter_counts_and_what_is_said_in_a_label_stays_in_it() -> None:
    counter = Family(name="aval_x_total", kind="counter", says="X.", labels=("code",))
    counter.add(('a"b\\c\nd',))
    counter.add(('a"b\\c\nd',), 2)
    assert said(counter) == ['aval_x_total{code="a\\"b\\\\c\\nd"} 3']
    with pytest.raises(ValueError, match="labels"):
        counter.add(("one", "two"))


def test_a_gauge_forgets_what_is_not_said_any_more() -> None:
    gauge = Family(name="aval_x", kind="gauge", says="X.", labels=("queue",))
    gauge.replace({("a",): 1.0, ("b",): 0.5})
    gauge.replace({("b",): 0.25})
    assert said(gauge) == ['aval_x{queue="b"} 0.25']


def test_a_histogram_is_cumulative_and_ends_with_all() -> None:
    histogram = Family(name="aval_x_seconds", kind="histogram", says="X.", labels=("stage",))
    for seconds in (0.01, 0.05, 7.0, 1e6):
        histogram.observe(("queue",), seconds)
    lines = said(histogram)
    counts = [int(line.rpartition(" ")[2]) for line in lines if "_bucket" in line]
    assert len(counts) == len(SECONDS) + 1
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (2, 4)
    assert lines[-2:] == ['aval_x_seconds_sum{stage="queue"} 1000007.06', 'aval_x_seconds_count{stage="queue"} 4']
    assert 'le="+Inf"' in lines[len(SECONDS)]


def test_a_metric_does_not_grow_without_end() -> None:
    counter = Family(name="aval_x_total", kind="counter", says="X.", labels=("code",))
    for number in range(SETS_MAX * 2):
        counter.add((f"code {number}" + "x" * 1000,))
    assert len(counter.values) == SETS_MAX + 1
    assert counter.values[OTHER,] == SETS_MAX
    assert max(len(label) for (label,) in counter.values) <= 100


@pytest.mark.peer("promtool")
def test_prometheus_reads_it_without_a_complaint() -> None:
    histogram = Family(name="aval_x_seconds", kind="histogram", says="How long.", labels=("stage",))
    histogram.observe(("queue",), 3)
    gauge = Family(name="aval_y", kind="gauge", says='Two "words".')
    gauge.add((), 1.5)
    text = "\n".join([*histogram.lines(), *gauge.lines()]) + "\n"
    assert complaints(text) == ""
    assert complaints(re.sub("# HELP.*\n", "", text)), "the control: a metric without help"
