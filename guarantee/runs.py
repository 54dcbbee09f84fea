"""How long one attempt of a model took, part by part: measurements for the people who keep the machine, never evidence.

Nothing of a draft depends on them, and no digest covers them. They are taken by the clock of the process that worked.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from guarantee.errors import Malformed
from guarantee.ids import ResultId

STAGES: Final = (
    "receive",
    "complete",
    "queue",
    "retry",
    "fetch",
    "start",
    "preprocess",
    "predict",
    "postprocess",
    "store",
    "review",
    "deliver",
)
"""Parts of a result's life, in the order it meets them; from the first input to the last receipt."""

TO_DRAFT: Final = "to-draft"
"""Name of the whole that the machine answers for: from the last input to the draft."""


Feature: TypeAlias = str | float | None
"""A word, a number or "missing": a fact of what a model was given or answered, by which a change is noticed."""


class Outcome(StrEnum):
    """How an attempt ended.

    FAILED is the model's own failure, and the last attempt; RETRIED the same, and it is run again. UNAVAILABLE is
    something else that did not answer, which says nothing of the model. OVERTAKEN ended after its inputs had changed,
    or after its lease went to another worker.
    """

    DRAFTED = "drafted"
    EXCLUDED = "excluded"
    FAILED = "failed"
    RETRIED = "retried"
    UNAVAILABLE = "unavailable"
    OVERTAKEN = "overtaken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds that the parts of a run took where the model ran.

    Args:
        preprocess_s: from the inputs to the first call of the model.
        predict_s: in the model.
        postprocess_s: from the model's answer to the proposal.
    """

    preprocess_s: float
    predict_s: float
    postprocess_s: float

    def __post_init__(self) -> None:
        parts = (self.preprocess_s, self.predict_s, self.postprocess_s)
        if not all(math.isfinite(part) and part >= 0 for part in parts):
            raise Malformed("a duration is a number of seconds, zero or more")

    @property
    def total_s(self) -> float:
        """All of it, in seconds."""
        return self.preprocess_s + self.predict_s + self.postprocess_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One attempt of a model on a result.

    Args:
        holder: the worker.
        cause: code of why there is no draft; "" when there is one.
        read_at: when the inputs had been read; None when they could not be.
        answered_at: when the model had answered; None when it did not.
        spent: what the model's process says of itself; None when it did not say.
        features: facts of what was given and answered, by name; empty when nothing is to be learnt from this attempt.
    """

    result: ResultId
    holder: str
    outcome: Outcome
    cause: str
    started_at: datetime
    ended_at: datetime
    read_at: datetime | None = None
    answered_at: datetime | None = None
    spent: Spent | None = None
    features: Mapping[str, Feature] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.outcome is Outcome.DRAFTED) != (self.cause == ""):
            raise Malformed("a run without a draft says why, and no other does")

    @property
    def fetch_s(self) -> float | None:
        """Reading the inputs, in seconds."""
        return _between(self.started_at, self.read_at)

    @property
    def start_s(self) -> float | None:
        """Waiting for the model's process and handing over, in seconds: its start, when it was not warm."""
        asked_s = _between(self.read_at, self.answered_at)
        return None if asked_s is None or self.spent is None else max(0.0, asked_s - self.spent.total_s)

    @property
    def store_s(self) -> float | None:
        """From the model's answer to the draft, in seconds."""
        return _between(self.answered_at, self.ended_at)


def _between(begin: datetime | None, end: datetime | None) -> float | None:
    """Return the seconds from ``begin`` to ``end``; none below zero, for a clock may be set back in between."""
    if begin is None or end is None:
        return None
    return max(0.0, (end - begin).total_seconds())


class Runs(Protocol):
    """The attempts, append-only."""

    def add(self, run: Run) -> None:
        """Insert an attempt that ended."""

    def outcomes(self, model: str, most: int) -> tuple[Outcome, ...]:
        """Return how the last runs of a version ended, the newest first: those in which its model was asked."""
