"""Which part of the past somebody wants to see: what an address of the engineer's page asks for."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from bridge.web.i18n import Language
from bridge.web.monitoring_words import GROUPS

WINDOW_MAX: Final = timedelta(days=31)
"""Longest window that is shown."""

NIGHT: Final = (time(18), time(8))
"""Begin and end of a night, in the site's zone."""

_SPANS: Final = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=28)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What somebody wants to see.

    Args:
        name: "night", "day", "week", "month" or "chosen".
        begin, end: as a form gives them back (local time, to the minute).
        wrong: whether what was asked for is no window; the last day is then shown.
        by: how results are grouped.
        model: only this one; "" for all.
    """

    name: str
    since: datetime
    until: datetime
    begin: str
    end: str
    wrong: bool
    by: str
    model: str


def window_of(name: str, begin: str, end: str, by: str, model: str, now: datetime, language: Language) -> Window:
    """Return the window that an address asks for."""
    chosen = _chosen(begin, end, language) if name == "chosen" else None
    wrong = name == "chosen" and chosen is None
    if name == "night":
        since, until = _night(now, language)
    else:
        since, until = chosen or (now - _SPANS.get(name, _SPANS["day"]), now)
    known = name in {*_SPANS, "night", "chosen"}
    local = [moment.astimezone(language.zone).strftime("%Y-%m-%dT%H:%M") for moment in (since, until)]
    return Window(
        name=name if known else "day",
        since=since,
        until=until,
        begin=local[0],
        end=local[1],
        wrong=wrong,
        by=by if by in GROUPS else "model",
        model=model,
    )


def _chosen(begin: str, end: str, language: Language) -> tuple[datetime, datetime] | None:
    try:
        since, until = (datetime.fromisoformat(said).replace(tzinfo=language.zone) for said in (begin, end))
        return (since, until) if timedelta(0) < until - since <= WINDOW_MAX else None
    except (ValueError, OverflowError):
        return None


def _night(now: datetime, language: Language) -> tuple[datetime, datetime]:
    """Return the last night that has begun; it ends now when it has not ended."""
    here = now.astimezone(language.zone)
    evening = here.date() if here.time() >= NIGHT[0] else here.date() - timedelta(days=1)
    since = datetime.combine(evening, NIGHT[0], language.zone)
    return since, min(now, datetime.combine(evening + timedelta(days=1), NIGHT[1], language.zone))
