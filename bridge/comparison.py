"""Which results of a model version are held against which others, and what came out: values for page and export."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from bridge.drift import N_MAX, N_MIN, Compared, Sample, Verdict, compare
from bridge.figures import Event
from guarantee.errors import Malformed

Period: TypeAlias = tuple[datetime, datetime]

GROUPS: Final = ("site", "sender", "scanner")
"""What the results of one model version are told apart by."""

GROUPS_MAX: Final = 8
"""Most groups that are compared, the largest ones: with the whole, about 5 s on one core when all have changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants to compare, of one model version.

    Args:
        model: "name@version".
        mode: "care" or "shadow".
        by: one of GROUPS, or "" for all results together alone.
        count: results of each period, where no times are given: the first ones of the version, and the last ones.
        reference, recent: times instead: from the first on, before the second; the newest N_MAX results of them count.
    """

    model: str
    mode: str = "care"
    by: str = ""
    count: int = N_MIN
    reference: Period | None = None
    recent: Period | None = None

    def __post_init__(self) -> None:
        if self.mode not in {"care", "shadow"} or self.by not in {"", *GROUPS}:
            raise Malformed("results are compared in care or in shadow, by site, by sender or by scanner")
        if not N_MIN <= self.count <= N_MAX:
            raise Malformed(f"each period has {N_MIN} to {N_MAX} results")
        for period in (self.reference, self.recent):
            if period and not period[0] < period[1]:
                raise Malformed("a period begins before it ends")
        if self.reference and self.recent and self.reference[1] > self.recent[0]:
            raise Malformed("the reference ends before the recent period begins: nothing is in both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The results of one site, sender or scanner in the two periods.

    Args:
        name: "" for all of them together.
        reference, recent: from the first result to the last one; None for none.
    """

    name: str
    reference: Period | None
    recent: Period | None
    rows: Sequence[Compared]

    @property
    def looks(self) -> int:
        """How many features deserve a look."""
        return sum(row.verdict is Verdict.LOOK for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Everything that was compared.

    Args:
        groups: the whole first; others only with enough results in both periods.
        hidden: how many groups are not shown: too few results, or more groups than are compared.
        events: between the first result of the reference and the last recent one, newest first.
    """

    asked: Asked
    groups: Sequence[Group]
    hidden: int
    events: Sequence[Event]


def group(name: str, reference: Sequence[Sample], recent: Sequence[Sample]) -> Group:
    """Return the comparison of one group."""
    spans = (_span(period) for period in (reference, recent))
    return Group(name=name, reference=next(spans), recent=next(spans), rows=compare(reference, recent))


def _span(period: Sequence[Sample]) -> Period | None:
    times = [sample.at for sample in period]
    return (min(times), max(times)) if times else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One model version with results to compare, and the time of the last of them."""

    model: str
    mode: str
    results: int
    last_at: datetime
