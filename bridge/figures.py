"""What was measured of results, and the few statistics that hold on it: for the desk's page and for /metrics.

Plain values and arithmetic. The database fills them (db/measures.py); nothing here is about a patient or a reader.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from guarantee.runs import STAGES

OWN: Final = tuple(stage for stage in STAGES if stage not in {"receive", "review", "deliver"})
"""Stages between the last input and the draft, in their order."""

N_MIN: Final = 30
"""Fewest measurements of which a median, a p95 or a rate of decisions is printed; below it, "insufficient n"."""

N_MIN_P99: Final = 100
"""Fewest measurements of which a p99 is printed: of fewer, it would be the longest one."""

N_MIN_FAILURES: Final = 100
"""Fewest attempts of which a failure rate is printed."""

Z_95: Final = 1.959963984540054
"""Of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One result as it was measured.

    Args:
        model: "name@version".
        sender, scanner: of the series that the model looked at; "" where nothing says, or before the first attempt.
        seconds: by stage; what has not ended yet, or was not measured, is left out.
        cause: why there is no draft; "" when there is one, or not yet.
    """

    result: str
    model: str
    mode: str
    priority: str
    site: str
    sender: str
    scanner: str
    state: str
    cause: str
    queued_at: datetime
    seconds: Mapping[str, float]

    @property
    def to_draft_s(self) -> float | None:
        """From the last input to the draft, in seconds; None while there is no draft."""
        if "store" not in self.seconds:
            return None
        return sum(self.seconds.get(stage, 0.0) for stage in OWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """How often attempts of one model ended in one way, for one cause."""

    model: str
    outcome: str
    cause: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What readers decided on the results of one model: agreement with a reader who saw them, never accuracy."""

    model: str
    accepted: int
    amended: int
    rejected: int

    @property
    def decided(self) -> int:
        """All of them."""
        return self.accepted + self.amended + self.rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits at one place now.

    Args:
        place: "complete", "held", "queue", "review", "deliver" or "outbox".
        of: the model, or the destination; "" for none.
        oldest: since when the first of them waits.
    """

    place: str
    of: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that may explain a change: another model, a stop, a worker that was started.

    Args:
        kind: "model", "service", "retirement", "policy", "stop", "resume", "pause", "unpause" or "worker".
        about: which; never a patient, nor a reason that somebody typed.
    """

    at: datetime
    kind: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Everything that was measured in one window.

    Args:
        observations: of results that were queued in it, newest first.
        is_cut: whether there were more than are read at once; the oldest are then left out.
        waiting: now, whatever the window.
    """

    since: datetime
    until: datetime
    observations: Sequence[Observation]
    is_cut: bool
    attempts: Sequence[Attempts]
    verdicts: Sequence[Verdicts]
    waiting: Sequence[Waiting]
    events: Sequence[Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How long something took.

    Args:
        p50_s, p95_s, p99_s: None below the number of measurements that they need.
    """

    n: int
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None


def spread(seconds: Iterable[float]) -> Spread:
    """Return the percentiles of some durations: the smallest value that the share does not exceed (nearest rank)."""
    ordered = sorted(seconds)
    n = len(ordered)

    def rank(share: float, n_min: int) -> float | None:
        return ordered[max(0, math.ceil(share * n) - 1)] if n >= n_min else None

    return Spread(n=n, p50_s=rank(0.5, N_MIN), p95_s=rank(0.95, N_MIN), p99_s=rank(0.99, N_MIN_P99))


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A proportion with its 95 % interval, from 0 to 1."""

    count: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The proportion itself."""
        return self.count / self.n


def share(count: int, n: int, n_min: int = N_MIN) -> Share | None:
    """Return ``count`` of ``n`` with Wilson's 95 % interval; None when ``n`` is below ``n_min``.

    Source: E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.
    """
    if n < max(1, n_min):
        return None
    value, spread_ = count / n, Z_95**2 / n
    middle = value + spread_ / 2
    half = Z_95 * math.sqrt(value * (1 - value) / n + spread_ / (4 * n))
    return Share(
        count=count, n=n, low=max(0.0, (middle - half) / (1 + spread_)), high=min(1.0, (middle + half) / (1 + spread_))
    )


def failure_share(attempts: Iterable[Attempts]) -> tuple[int, int]:
    """Return the technical failures and the attempts that count: the model was run, and could have answered.

    Inputs that a model is not made for are no failure of it, nor is an outage of something else.
    """
    ended = {"drafted": 0, "failed": 0, "retried": 0}
    for attempt in attempts:
        if attempt.outcome in ended:
            ended[attempt.outcome] += attempt.count
    failed = ended["failed"] + ended["retried"]
    return failed, failed + ended["drafted"]
