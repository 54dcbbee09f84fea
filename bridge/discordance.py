"""Two versions of a model on the same cases: where they say the same, where not, and what each costs in time.

Plain values and arithmetic. It says how far two versions agree with each other, never which of them is right: that is
for people, who look at the cases that are listed. Nothing here is about a patient but the identifier of a case.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from bridge.figures import N_MIN, Z_95, Share, Spread, share, spread
from guarantee.content import Content, Finding, Presence
from guarantee.ids import CaseId

LISTED_MAX: Final = 20
"""Most discordant cases that are listed: as many as a committee looks at in one sitting."""

Code: TypeAlias = tuple[str, ...]
"""What is said, by codes: type, site and laterality of a finding; of a number, its concept and unit too."""

UNSAID: Final = "unsaid"
"""What a draft says of a finding that it does not name: not the same as that it is absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How one version ended on one case.

    Args:
        state: of its result.
        cause: why there is no draft; "" when there is one, or not yet.
        focus: the series it looked at.
        content: its draft; None when there is none.
        seconds: pre-processing, the model and post-processing together; None when nothing was measured.
    """

    state: str
    cause: str
    focus: str
    content: Content | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two versions on one revision of a case, hence on the same manifest."""

    case: CaseId
    first: Ran
    second: Ran


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two versions say of one case, side by side.

    Args:
        said: each finding that either names: what the first says, what the second says ("present", …, "unsaid").
        numbers: each number that both give once: the first, the second.
        seconds: how long each took.
        alone: why only one of them made a draft: ("first" or "second", cause of the other); None otherwise.
        elsewhere: whether they looked at different series: what they say is then not compared.
    """

    case: CaseId
    said: Mapping[Code, tuple[str, str]]
    numbers: Mapping[Code, tuple[float, float]]
    seconds: tuple[float | None, float | None]
    alone: tuple[str, str] | None
    elsewhere: bool
    drafted: bool

    @property
    def apart(self) -> int:
        """How many findings they do not say the same of."""
        return sum(first != second for first, second in self.said.values())

    @property
    def furthest(self) -> float:
        """The largest difference of a number, as a share of the larger of the two; 0 when there is none."""
        return max((_relative(first, second) for first, second in self.numbers.values()), default=0.0)


def difference(pair: Pair) -> Difference:
    """Return what the two versions of ``pair`` say, side by side."""
    one, other = pair.first.content, pair.second.content
    elsewhere = one is not None and other is not None and pair.first.focus != pair.second.focus
    drafted = one is not None and other is not None and not elsewhere
    said: dict[Code, tuple[str, str]] = {}
    numbers: dict[Code, tuple[float, float]] = {}
    if one is not None and other is not None and not elsewhere:
        here, there = _presences(one), _presences(other)
        said = {code: (here.get(code, UNSAID), there.get(code, UNSAID)) for code in {**here, **there}}
        left, right = _numbers(one), _numbers(other)
        numbers = {code: (left[code], right[code]) for code in left.keys() & right.keys()}
    return Difference(
        case=pair.case,
        said=said,
        numbers=numbers,
        seconds=(pair.first.seconds, pair.second.seconds),
        alone=_alone(pair),
        elsewhere=elsewhere,
        drafted=drafted,
    )


def _alone(pair: Pair) -> tuple[str, str] | None:
    first, second = pair.first, pair.second
    if (first.content is None) == (second.content is None):
        return None
    name, other = ("first", second) if first.content is not None else ("second", first)
    return name, other.cause or other.state


def _code(finding: Finding) -> Code:
    parts = (finding.type, finding.site, finding.laterality)
    return tuple(f"{part.scheme}:{part.code}" if part else "" for part in parts)


def _presences(content: Content) -> dict[Code, str]:
    """Return what a draft says of each finding: present when any of several is, then absent, then undetermined."""
    found: dict[Code, set[Presence]] = {}
    for finding in content.findings:
        found.setdefault(_code(finding), set()).add(finding.presence)
    order = (Presence.PRESENT, Presence.ABSENT, Presence.UNDETERMINED)
    return {code: str(next(each for each in order if each in seen)) for code, seen in found.items()}


def _numbers(content: Content) -> dict[Code, float]:
    """Return each number that a draft gives once: of several of one kind nobody knows which belongs to which."""
    found: dict[Code, list[float]] = {}
    for finding in content.findings:
        code = _code(finding)
        for quantity in finding.quantities:
            named = f"{quantity.concept.scheme}:{quantity.concept.code}"
            found.setdefault((*code, named, quantity.unit.code), []).append(float(quantity.value))
        if finding.score is not None:
            found.setdefault((*code, "score", "1"), []).append(float(finding.score))
    return {code: values[0] for code, values in found.items() if len(values) == 1}


def _relative(first: float, second: float) -> float:
    largest = max(abs(first), abs(second))
    return abs(second - first) / largest if largest else 0.0


# ------------------------------------------------------------------------------------------------------- all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What two versions say of one finding, over the cases in which either names it.

    Args:
        counts: (what the first says, what the second says) to how often.
        same: how often they say the same, with Wilson's interval; None below N_MIN cases.
    """

    code: Code
    n: int
    counts: Mapping[tuple[str, str], int]
    same: Share | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How far a number of the second version is from that of the first, over the cases in which both give it.

    Args:
        quantiles: 5, 25, 50, 75 and 95 % of the differences, second minus first; None below N_MIN cases.
        limits: mean difference and its 95 % limits of agreement, mean minus and plus 1.96 standard deviations
            (Bland and Altman, Lancet 1986; 327: 307-310); None below N_MIN cases.
    """

    code: Code
    n: int
    quantiles: tuple[float, float, float, float, float] | None
    limits: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two versions over the same cases.

    Args:
        n: cases that both were given.
        drafted: of those, cases in which both made a draft of the same series.
        same: cases in which they say the same of every finding, with Wilson's interval; None below N_MIN.
        alone: ("first" or "second", why the other made no draft) to how often.
        neither: cases in which neither made a draft, or not yet.
        elsewhere: cases in which they looked at different series.
        seconds: what each takes.
        furthest: cases to look at, the most discordant first.
    """

    n: int
    drafted: int
    same: Share | None
    alone: Mapping[tuple[str, str], int]
    neither: int
    elsewhere: int
    findings: Sequence[Agreement]
    numbers: Sequence[Shift]
    seconds: tuple[Spread, Spread]
    furthest: Sequence[Difference]


def comparison(differences: Iterable[Difference]) -> Comparison:
    """Return what ``differences`` amount to."""
    found = list(differences)
    drafted = [one for one in found if one.drafted]
    alone = Counter(one.alone for one in found if one.alone is not None)
    elsewhere = sum(one.elsewhere for one in found)
    return Comparison(
        n=len(found),
        drafted=len(drafted),
        same=share(sum(not one.apart for one in drafted), len(drafted)),
        alone=dict(alone),
        neither=len(found) - len(drafted) - alone.total() - elsewhere,
        elsewhere=elsewhere,
        findings=_agreements(drafted),
        numbers=_shifts(drafted),
        seconds=(_times(found, 0), _times(found, 1)),
        furthest=_furthest(found),
    )


def _agreements(drafted: Sequence[Difference]) -> tuple[Agreement, ...]:
    counts: dict[Code, Counter[tuple[str, str]]] = {}
    for one in drafted:
        for code, pair in one.said.items():
            counts.setdefault(code, Counter())[pair] += 1
    return tuple(
        Agreement(
            code=code,
            n=seen.total(),
            counts=dict(seen),
            same=share(sum(count for (first, second), count in seen.items() if first == second), seen.total()),
        )
        for code, seen in sorted(counts.items())
    )


def _shifts(drafted: Sequence[Difference]) -> tuple[Shift, ...]:
    found: dict[Code, list[float]] = {}
    for one in drafted:
        for code, (first, second) in one.numbers.items():
            found.setdefault(code, []).append(second - first)
    return tuple(_shift(code, sorted(values)) for code, values in sorted(found.items()))


def _shift(code: Code, ordered: Sequence[float]) -> Shift:
    n = len(ordered)
    if n < N_MIN:
        return Shift(code=code, n=n, quantiles=None, limits=None)
    q5, q25, q50, q75, q95 = (ordered[max(0, math.ceil(part * n) - 1)] for part in (0.05, 0.25, 0.5, 0.75, 0.95))
    mean = math.fsum(ordered) / n
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in ordered) / (n - 1))
    return Shift(
        code=code,
        n=n,
        quantiles=(q5, q25, q50, q75, q95),
        limits=(mean, mean - Z_95 * deviation, mean + Z_95 * deviation),
    )


def _times(found: Sequence[Difference], which: int) -> Spread:
    return spread(taken for one in found if (taken := one.seconds[which]) is not None)


def _furthest(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """Return the cases to look at: most findings apart first, then no draft of one of them, then numbers furthest."""
    apart = [one for one in found if one.apart or one.alone or one.elsewhere or one.furthest]
    ordered = sorted(apart, key=lambda one: (-one.apart, not (one.alone or one.elsewhere), -one.furthest, one.case))
    return tuple(ordered[:LISTED_MAX])
