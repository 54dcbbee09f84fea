"""When to send again, and when to leave a destination alone: pure rules over recorded times.

Each delivery waits longer after each failure of its own. Beside that, each destination has a circuit breaker: closed
while it answers; open, and left alone for a growing time, once it has failed several times in a row; half-open when
that time has passed: one delivery tries, and the others wait for what becomes of it. Waiting uses up no attempt.

Nothing here is drawn: what spreads the attempts follows from the delivery's identifier.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from guarantee.ids import digest
from guarantee.result import Cause

FAILURES_MAX: Final = 5
"""Failures in a row after which a destination is left alone. A restart of a PACS costs two or three."""

REST_S: Final = 15.0
"""First rest of a destination; each failed trial doubles it."""

REST_MAX_S: Final = 300.0
"""Longest rest that follows from failures: a destination that was down for a day is tried within five minutes."""

ASKED_MAX_S: Final = 3600.0
"""Longest rest that a destination may ask for (HTTP Retry-After): who asks for a year is asked again in an hour."""

TRIAL_S: Final = 180.0
"""How long one trial may take before another delivery may try: the time of one attempt."""

BACKOFF_MAX_S: Final = 300.0
"""Longest wait of one delivery between two attempts."""

AFTER_OTHERS_S: Final = 5.0
"""How much later the delivery that failed comes back than those that rested: one that always fails leads no trial."""

_SPREAD: Final = 0.25
"""Share of a wait that differs between deliveries, so that those of one outage do not come back at one moment."""


class Phase(StrEnum):
    """Where the breaker of a destination stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a destination has answered so far.

    Args:
        failures: in a row.
        rests_until: when it may be tried again; None while it answers.
        trying: whether one delivery tries now; then ``rests_until`` says when another one may.
        confirmed_at: when it last proved that it holds something; None when never.
        failed_at: when it last did not answer; None when never.
        cause: of the last failure; it stays after an answer, for who asks what happened.
    """

    destination: str
    failures: int = 0
    rests_until: datetime | None = None
    trying: bool = False
    confirmed_at: datetime | None = None
    failed_at: datetime | None = None
    cause: Cause | None = None

    def phase(self, now: datetime) -> Phase:
        """Return where the breaker stands."""
        if self.rests_until is None:
            return Phase.CLOSED
        return Phase.OPEN if now < self.rests_until and not self.trying else Phase.HALF_OPEN

    def may_begin(self, now: datetime) -> bool:
        """Return whether a delivery may be attempted."""
        return self.rests_until is None or self.rests_until <= now

    def begun(self, now: datetime) -> "Health":
        """Return the health once an attempt that ``may_begin`` was begun: of a rested destination, it is the trial."""
        if self.rests_until is None:
            return self
        return replace(self, trying=True, rests_until=now + timedelta(seconds=TRIAL_S))

    def answered(self) -> "Health":
        """Return the health once the destination took something, or refused it in its own words."""
        return replace(self, failures=0, rests_until=None, trying=False)

    def confirmed(self, at: datetime) -> "Health":
        """Return the health once the destination proved that it holds what was sent."""
        return replace(self.answered(), confirmed_at=at)

    def failed(self, at: datetime, cause: Cause, *, asked_s: float = 0.0) -> "Health":
        """Return the health once the destination did not answer, or said "not now".

        Args:
            asked_s: how long it asked to be left alone; 0 when it did not ask.
        """
        failures = self.failures + 1
        rest_s = max(_rest_s(failures), min(asked_s, ASKED_MAX_S))
        rests = {at + timedelta(seconds=rest_s)} if rest_s > 0 else set()
        if self.rests_until is not None and not self.trying:
            rests.add(self.rests_until)  # the failure of an attempt begun before the rest does not shorten it
        return replace(
            self, failures=failures, rests_until=max(rests, default=None), trying=False, failed_at=at, cause=cause
        )

    def untried(self, at: datetime) -> "Health":
        """Return the health once an attempt ended before anything was sent: it says nothing of the destination."""
        return replace(self, trying=False, rests_until=at) if self.trying else self


def _rest_s(failures: int) -> float:
    over = failures - FAILURES_MAX
    return 0.0 if over < 0 else min(REST_S * 2.0 ** min(over, 10), REST_MAX_S)


def backoff_s(delivery: str, attempt: int) -> float:
    """Return how long a delivery waits after its attempt number ``attempt`` failed, in seconds."""
    return min(2.0 ** min(attempt, 10), BACKOFF_MAX_S) * (1 - _SPREAD * _share(delivery, attempt))


def comes_back(delivery: str, health: Health, now: datetime) -> datetime:
    """Return when a delivery that may not begin now looks again: spread over the moments after the rest."""
    until = max(now, health.rests_until or now)
    return until + timedelta(seconds=AFTER_OTHERS_S * _share(delivery, health.failures))


def tries_again(delivery: str, attempt: int, health: Health, now: datetime) -> datetime:
    """Return when a delivery whose attempt failed tries again: after those that only rested."""
    mine = now + timedelta(seconds=backoff_s(delivery, attempt))
    return mine if health.rests_until is None else max(mine, health.rests_until + timedelta(seconds=AFTER_OTHERS_S))


def _share(delivery: str, n: int) -> float:
    """Return a number from 0 to below 1 that follows from its arguments."""
    return int(digest(f"{delivery}:{n}".encode())[:8], 16) / 2**32
