"""Drift is judged by permutation: no alarm without a change but as often as is stated, and an alarm with one."""

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bridge.drift import (
    ALPHA,
    BINS,
    CATEGORIES_MAX,
    CELL_MIN,
    FEATURES_MAX,
    N_MAX,
    N_MIN,
    Compared,
    Sample,
    Side,
    Value,
    Verdict,
    compare,
)

AT = datetime(2026, 11, 27, tzinfo=UTC)
Draw = Callable[[random.Random], Value]


def samples(count: int, chance: random.Random, **draws: Draw) -> list[Sample]:
    """Return results whose features are drawn; names say input__x for input/x."""
    names = {name: name.replace("__", "/") for name in draws}
    return [
        Sample(at=AT, answered=True, features={names[name]: draw(chance) for name, draw in draws.items()})
        for _ in range(count)
    ]


def only(reference: list[Sample], recent: list[Sample]) -> Compared:
    (found,) = compare(reference, recent)
    return found


def verdict(before: Draw, after: Draw, n: int = N_MIN) -> Compared:
    chance = random.Random(7)
    return only(samples(n, chance, input__x=before), samples(n, chance, input__x=after))


def volume(chance: random.Random) -> float:
    return round(chance.gauss(1450, 120), 1)


def scanner(chance: random.Random) -> Value:
    return chance.choice(("SIGNA Premier", "SIGNA Premier", "MAGNETOM Vida"))


def lactate(chance: random.Random) -> Value:
    return None if chance.random() < 0.3 else round(chance.expovariate(0.5), 1)


def thickness(chance: random.Random) -> Value:
    return chance.choice((1.0, 1.0, 1.0, 3.0, 5.0))


NOTHING_CHANGES = {
    "input__device": scanner,
    "input__thickness": thickness,
    "input__lactate": lactate,
    "output__volume": volume,
    "output__score": lambda chance: chance.random(),
    "output__present": lambda chance: "present" if chance.random() < 0.1 else "absent",
}


def test_without_a_change_an_alarm_is_as_rare_as_it_is_said_to_be() -> None:
    """200 comparisons of six features: 2 alarms are expected, more than 7 happen once in a thousand times."""
    chance, alarms, high, features = random.Random(20261127), 0, 0, 0
    for _ in range(200):
        rows = compare(samples(N_MIN, chance, **NOTHING_CHANGES), samples(N_MIN, chance, **NOTHING_CHANGES))
        alarms += any(row.verdict is Verdict.LOOK for row in rows)
        high += sum(row.quantile is not None and row.quantile > 0.9 for row in rows)
        features += len(rows)
    assert alarms <= 7
    assert 0.05 < high / features < 0.13, "one feature in ten is above its quantile of 90 %, fewer where there are ties"


def test_a_fixed_threshold_would_have_cried_wolf() -> None:
    """The reason of it all: PSI above 0.1 is common at n = 200 while nothing changes."""
    chance, above = random.Random(3), 0
    for _ in range(50):
        row = only(samples(N_MIN, chance, output__v=volume), samples(N_MIN, chance, output__v=volume))
        assert row.verdict is Verdict.STEADY
        above += row.psi is not None and row.psi > 0.1
    assert above > 10


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(volume, lambda chance: volume(chance) * 0.93, id="the volumes shrink"),
        pytest.param(
            scanner, lambda chance: chance.choice(("SIGNA Premier", *["MAGNETOM Vida"] * 2)), id="scanner mix"
        ),
        pytest.param(scanner, lambda chance: "Ingenia", id="another scanner"),
        pytest.param(thickness, lambda chance: chance.choice((1.0, 3.0, 5.0)), id="thicker slices"),
        pytest.param(lactate, lambda chance: None if chance.random() < 0.55 else lactate(chance), id="missing more"),
        pytest.param(lambda chance: 1.0, lambda chance: 1.5, id="a constant becomes another"),
        pytest.param(volume, lambda chance: None, id="it is not said any more"),
        pytest.param(lambda chance: None, scanner, id="it is said at last"),
        pytest.param(thickness, lambda chance: f"{thickness(chance)} mm", id="numbers become words"),
    ],
)
def test_a_real_change_is_found(before: Draw, after: Draw) -> None:
    row = verdict(before, after)
    assert row.verdict is Verdict.LOOK
    assert row.p is not None
    assert row.p <= ALPHA
    assert row.quantile is not None
    assert row.quantile > 0.99


def test_a_change_is_found_among_many_features_and_stands_first() -> None:
    chance = random.Random(11)
    steady = {f"input__f{number:02}": volume for number in range(FEATURES_MAX - 1)}
    reference = samples(N_MIN, chance, **steady, output__z=volume)
    recent = samples(N_MIN, chance, **steady, output__z=lambda chance: volume(chance) + 90)
    rows = compare(reference, recent)
    assert len(rows) == FEATURES_MAX
    assert [row.name for row in rows if row.verdict is Verdict.LOOK] == [rows[0].name] == ["z"]
    assert rows[0].side is Side.OUTPUT


@pytest.mark.parametrize("value", ["CT", 1.25, None], ids=["word", "number", "missing"])
def test_what_never_changes_is_steady(value: Value) -> None:
    row = verdict(lambda chance: value, lambda chance: value)
    assert (row.verdict, row.psi, row.quantile, row.p, len(row.bins)) == (Verdict.STEADY, 0.0, 0.0, 1.0, 1)


@pytest.mark.parametrize(("reference", "recent"), [(N_MIN - 1, N_MIN), (N_MIN, N_MIN - 1), (0, 0), (0, N_MIN)])
def test_below_the_minimum_nothing_is_said_but_n(reference: int, recent: int) -> None:
    chance = random.Random(1)
    before = samples(reference, chance, input__x=lambda chance: "a")
    rows = compare(before, samples(recent, chance, input__x=lambda chance: "b"))
    assert [(row.verdict, row.psi, row.quantile, row.p, row.medians, row.bins) for row in rows] == [
        (Verdict.FEW, None, None, None, None, ()) for _ in range(bool(reference + recent))
    ]
    assert [(row.n_reference, row.n_recent) for row in rows] == [(reference, recent)] * len(rows)


def test_a_result_without_a_draft_has_no_outputs_but_says_how_it_ended() -> None:
    chance = random.Random(5)
    whole = samples(N_MIN, chance, output__v=volume, output__outcome=lambda chance: "drafted", input__x=volume)
    refused = [
        replace(one, answered=False, features={"output/outcome": "slices-missing", "input/x": 1.0})
        for one in whole[:40]
    ]
    rows = {row.name: row for row in compare([*whole, *refused], [*whole, *refused])}
    assert (rows["v"].n_reference, rows["outcome"].n_reference, rows["x"].n_reference) == (
        N_MIN,
        N_MIN + 40,
        N_MIN + 40,
    )
    assert {one.word for one in rows["outcome"].bins} == {"drafted", "slices-missing"}


def test_bins_hold_everybody_once_and_equal_values_together() -> None:
    row = verdict(lactate, lactate, n=400)
    assert {one.kind for one in row.bins} == {"range", "missing"}
    assert sum(one.reference for one in row.bins) == sum(one.recent for one in row.bins) == 400
    ranges = [one for one in row.bins if one.kind == "range"]
    assert len(ranges) <= BINS
    assert all(one.low <= one.high < after.low for one, after in itertools.pairwise(ranges))
    assert row.medians is not None
    ties = verdict(thickness, thickness)
    assert [(one.low, one.high) for one in ties.bins] == [(1.0, 1.0), (3.0, 3.0), (5.0, 5.0)]


def test_rare_words_are_not_shown() -> None:
    def word(chance: random.Random) -> Value:
        return "common" if chance.random() < 0.9 else f"rare-{chance.randrange(50)}"

    row = verdict(word, word)
    assert {one.word for one in row.bins if one.kind == "word"} == {"common"}
    (other,) = [one for one in row.bins if one.kind == "other"]
    assert other.reference + other.recent > CELL_MIN
    many = verdict(lambda chance: f"w{chance.randrange(30)}", lambda chance: f"w{chance.randrange(30)}", n=2000)
    assert len(many.bins) == CATEGORIES_MAX + 1


def test_the_same_results_give_the_same_answer() -> None:
    rows = [compare(*(samples(N_MIN, random.Random(seed), **NOTHING_CHANGES) for seed in (1, 2))) for _ in range(2)]
    assert rows[0] == rows[1]


def test_too_many_features_and_results_are_cut() -> None:
    chance = random.Random(2)
    usual = {f"input__f{number:02}": scanner for number in range(FEATURES_MAX)}
    reference = samples(N_MAX + 10, chance, **usual)
    reference[0] = replace(reference[0], features={**reference[0].features, "input/seldom": 1.0})
    rows = compare(reference, samples(N_MIN, chance, **usual))
    assert "seldom" not in {row.name for row in rows}
    assert {row.n_reference for row in rows} == {N_MAX}
