"""Destinations in each state that an engineer may meet."""

from datetime import UTC, datetime
from typing import Any, Final

from bridge.web.outward import Place, Standing
from guarantee.breaker import Phase
from guarantee.pauses import Pause, PauseAction
from guarantee.result import Cause

AT: Final = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
DOWN: Final = Cause(code="no-connection", detail="pacs (PACS at 10.0.0.7:104) cannot be reached")
PAUSE: Final = Pause(destination="pacs", action=PauseAction.PAUSE, by="b.ngo", reason="migration <b>ce soir</b>", at=AT)


def standing(name: str = "pacs", kind: str = "pacs", **changes: Any) -> Standing:
    """Return how one destination stands: it answers, and nothing waits."""
    values: dict[str, Any] = {
        "place": Place(name=name, kind=kind, address="PACS 10.0.0.7:104" if kind else ""),
        "breaker": Phase.CLOSED,
        "failures": 0,
        "waiting": 0,
        "attempts": 0,
        "refused": 0,
    }
    absent = dict.fromkeys(("rests_until", "confirmed_at", "failed_at", "cause", "pause", "oldest"))
    return Standing(**absent | values | changes)


_FAILED: Final = {"failed_at": AT, "cause": DOWN}

STANDINGS: Final = (
    standing("well", "record", confirmed_at=AT, failed_at=AT, cause=Cause(code="http-429"), refused=2),
    standing("down", breaker=Phase.OPEN, rests_until=AT, failures=7, waiting=12, attempts=30, oldest=AT, **_FAILED),
    standing("tried", breaker=Phase.HALF_OPEN, rests_until=AT, failures=5, **_FAILED),
    standing("paused", pause=PAUSE, waiting=1, oldest=AT),
    standing("failing", failures=2, failed_at=AT, cause=Cause(code="never-heard-of")),
    standing("gone", ""),
)
