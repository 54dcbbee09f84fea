"""Whether what a model is given, or what it answers, has changed: distances between two periods, judged by permutation.

A distance between two samples is never zero, and with few cases it is large while nothing changes: with ten bins and
200 cases the usual threshold of 0.1 is exceeded by chance alone. So no threshold stands here. The population stability
index (PSI) of a feature is held against what it would be had the same results been dealt out to the two periods at
random: its quantile among those. Bins are made of both periods together, so that they do not depend on who is in which.

What this takes for granted: each study, or stay, counts once, and one does not depend on another. What it does not say:
whether a change matters, or whether the model is still right.
"""

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Value: TypeAlias = str | float | None

N_MIN: Final = 200
"""Fewest results of each of the two periods. Of fewer, only a change that everybody sees anyway would be found."""

N_MAX: Final = 5_000
"""Most results of each period: 10,000 with 40 features take about 0.3 s when nothing changed, 0.8 s when all did."""

FEATURES_MAX: Final = 40
"""Most features that are compared at once, the most frequent ones; each makes all others a little harder to find."""

BINS: Final = 10
"""Most bins of numbers, each of about as many results."""

CATEGORIES_MAX: Final = 20
"""Most words that are told apart; the others are one bin."""

CELL_MIN: Final = 10
"""Fewest results of both periods that make a word a bin of its own: what hardly anybody has is not shown."""

ALPHA: Final = 0.01
"""How often all features of one comparison together raise a false alarm, at most: one comparison in a hundred."""

SEED: Final = 20_261_127
"""Of the permutations: the same results give the same answer."""

ROUNDS_FIRST: Final = 999
ROUNDS: Final = 9_999
"""Permutations of a first look, and of the second one that a feature gets whose first quantile is above LOOK_AGAIN.
The answer is that of the second look alone, and without one there is no alarm: so the false alarm rate only falls. As
many as these are needed: an alarm among FEATURES_MAX features asks for a p-value of ALPHA / FEATURES_MAX."""

LOOK_AGAIN: Final = 0.95

_SMOOTH: Final = 0.5
"""Added to each count, so that an empty bin has a logarithm."""

_EQUAL: Final = 1e-12
"""Distances closer than this are ties; a tie counts against an alarm."""


class Side(StrEnum):
    """Whether a feature is of what a model is given, or of what it answers."""

    INPUT = "input"
    OUTPUT = "output"


class Verdict(StrEnum):
    """What is said of a feature: STEADY, nothing stands out; LOOK, a person should look; FEW, too few results."""

    STEADY = "steady"
    LOOK = "look"
    FEW = "few"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One result, as far as it is compared.

    Args:
        at: when its run ended.
        features: by name, "input/…" or "output/…"; a number, a word, or None for "missing".
        answered: whether there is a draft; without one there is no output to compare, but for how it ended.
    """

    at: datetime
    features: Mapping[str, Value]
    answered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Results with about the same value.

    Args:
        kind: "word", "range", "other" (words too rare to be told apart) or "missing".
        word: of a "word".
        low, high: of a "range", the least and the greatest value in it; both 0 otherwise.
        reference, recent: how many results of each period.
    """

    kind: str
    word: str = ""
    low: float = 0.0
    high: float = 0.0
    reference: int
    recent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One feature in the two periods.

    Args:
        name: without its side, e.g. "slice-thickness" or "quantity:brain:118565006".
        medians: of the numbers of each period; None for words, or where n is too small.
        psi: population stability index, 0 or more.
        quantile: share of the permutations that gave less; None where n is too small.
        p: corrected for the number of features (Holm); None likewise.
        bins: empty where n is too small.
    """

    side: Side
    name: str
    n_reference: int
    n_recent: int
    medians: tuple[float, float] | None
    psi: float | None
    quantile: float | None
    p: float | None
    verdict: Verdict
    bins: Sequence[Bin]


def compare(reference: Sequence[Sample], recent: Sequence[Sample]) -> tuple[Compared, ...]:
    """Return every feature of two periods, what deserves a look first.

    Among ``ALPHA`` of the comparisons in which nothing changed, and no more, some feature is said to deserve a look.

    Args:
        reference, recent: no result is in both; at most N_MAX of each are used, the first ones.
    """
    periods = reference[:N_MAX], recent[:N_MAX]
    rows = [_compared(name, *periods) for name in _names(periods)]
    return tuple(sorted(_corrected(rows), key=lambda row: (row.verdict is not Verdict.LOOK, row.side, row.name)))


def _names(periods: Sequence[Sequence[Sample]]) -> list[str]:
    """Return the features, the most frequent ones when there are too many."""
    seen = Counter(name for period in periods for sample in period for name in sample.features)
    ordered = sorted(seen, key=lambda name: (-seen[name], name))
    return sorted(ordered[:FEATURES_MAX])


def _compared(full_name: str, reference: Sequence[Sample], recent: Sequence[Sample]) -> Compared:
    side, _, name = full_name.partition("/")
    before, after = (_values(full_name, period) for period in (reference, recent))
    few = min(len(before), len(after)) < N_MIN
    bins = () if few else _bins(before, after)
    counts = np.array([(one.reference, one.recent) for one in bins], dtype=np.int64).reshape(-1, 2)
    psi, share_below, p = (None, None, None) if few else _judged(counts, full_name)
    return Compared(
        side=Side(side),
        name=name,
        n_reference=len(before),
        n_recent=len(after),
        medians=None if few else _medians(before, after),
        psi=psi,
        quantile=share_below,
        p=p,
        verdict=Verdict.FEW if few else Verdict.STEADY,
        bins=bins,
    )


OUTCOME: Final = "output/outcome"
"""How a run ended: the one output that a result without a draft has."""


def _values(name: str, period: Sequence[Sample]) -> list[Value]:
    whole = not name.startswith(f"{Side.OUTPUT}/") or name == OUTCOME
    return [sample.features.get(name) for sample in period if whole or sample.answered]


# ---------------------------------------------------------------------------------------------------------- bins


def _bins(before: Sequence[Value], after: Sequence[Value]) -> tuple[Bin, ...]:
    """Return bins made of both periods together: "missing" is a bin of its own."""
    periods = _present(before), _present(after)
    parts = _ranges if _are_numbers(periods) else _words
    missing = [len(before) - len(periods[0]), len(after) - len(periods[1])]
    found = parts(periods) if any(periods) else ()
    gone = (Bin(kind="missing", reference=missing[0], recent=missing[1]),) if any(missing) else ()
    return (*found, *gone)


def _present(period: Sequence[Value]) -> list[str | float]:
    return [value for value in period if value is not None]


def _are_numbers(periods: Sequence[Sequence[Value]]) -> bool:
    return not any(isinstance(value, str) for period in periods for value in period)


def _medians(before: Sequence[Value], after: Sequence[Value]) -> tuple[float, float] | None:
    periods = _present(before), _present(after)
    if not all(periods) or not _are_numbers(periods):
        return None
    first, second = (float(np.median(np.array(period, dtype=np.float64))) for period in periods)
    return first, second


def _ranges(periods: Sequence[Sequence[Value]]) -> tuple[Bin, ...]:
    """Return ranges that hold about as many numbers each; equal numbers are in the same one."""
    before, after = (np.array(period, dtype=np.float64) for period in periods)
    both = np.concatenate([before, after])
    shares = np.arange(1, BINS) / BINS
    edges = np.unique(np.quantile(both, shares, method="inverted_cdf"))
    edges = edges[edges < both.max()]
    where = [np.searchsorted(edges, period) for period in (before, after)]  # edges[k - 1] < value <= edges[k]
    counts = [np.bincount(at, minlength=len(edges) + 1) for at in where]
    of_both = np.searchsorted(edges, both)
    return tuple(
        Bin(
            kind="range",
            low=float(both[of_both == number].min()),
            high=float(both[of_both == number].max()),
            reference=int(counts[0][number]),
            recent=int(counts[1][number]),
        )
        for number in range(len(edges) + 1)
    )


def _words(periods: Sequence[Sequence[Value]]) -> tuple[Bin, ...]:
    """Return a bin for each word that is not rare, the most frequent first, and one for all others."""
    before, after = (Counter(_word(value) for value in period) for period in periods)
    both = before + after
    ordered = sorted(both, key=lambda word: (-both[word], word))
    told = [word for word in ordered[:CATEGORIES_MAX] if both[word] >= CELL_MIN]
    bins = tuple(Bin(kind="word", word=word, reference=before[word], recent=after[word]) for word in told)
    rest = [sum(count for word, count in period.items() if word not in told) for period in (before, after)]
    return (*bins, Bin(kind="other", reference=rest[0], recent=rest[1])) if any(rest) else bins


def _word(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:g}"


# ------------------------------------------------------------------------------------------------------ judgement


def _judged(counts: NDArray[np.int64], name: str) -> tuple[float, float, float]:
    """Return the distance, its quantile among permutations of the labels, and the p-value, not corrected yet.

    Args:
        counts: axes (bin, period), reference before recent.
    """
    observed = float(_psi(counts[:, 0], counts[:, 1]))
    for rounds in (ROUNDS_FIRST, ROUNDS):
        dealt = _dealt(counts, name, rounds)
        share_below = float(np.mean(dealt < observed - _EQUAL))
        reached = int(np.count_nonzero(dealt >= observed - _EQUAL))
        if share_below <= LOOK_AGAIN:
            break
    return observed, share_below, (1 + reached) / (1 + rounds)


def _dealt(counts: NDArray[np.int64], name: str, rounds: int) -> NDArray[np.float64]:
    """Return the distances when the same results are dealt out to the periods at random.

    Only how many of a bin fall into which period matters, so that is what is drawn: the law is that of a shuffle.
    """
    chance = np.random.default_rng([SEED, zlib.crc32(name.encode()), rounds])
    whole = counts.sum(axis=1)
    recent = chance.multivariate_hypergeometric(whole, int(counts[:, 1].sum()), size=rounds, method="marginals")
    return np.asarray(_psi(whole - recent, recent), dtype=np.float64)


def _psi(reference: NDArray[np.int64], recent: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the population stability index over the last axis, which are bins."""
    before, after = reference + _SMOOTH, recent + _SMOOTH
    before, after = before / before.sum(axis=-1, keepdims=True), after / after.sum(axis=-1, keepdims=True)
    return np.asarray(((after - before) * np.log(after / before)).sum(axis=-1))


def _corrected(rows: Sequence[Compared]) -> list[Compared]:
    """Return the rows with p-values that hold for all of them together.

    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979), 65-70.
    """
    judged = sorted((row.p, number) for number, row in enumerate(rows) if row.p is not None)
    out, least = list(rows), 0.0
    for rank, (p, number) in enumerate(judged):
        least = max(least, min(1.0, p * (len(judged) - rank)))
        verdict = Verdict.LOOK if least <= ALPHA else Verdict.STEADY
        out[number] = replace(rows[number], p=least, verdict=verdict)
    return out
