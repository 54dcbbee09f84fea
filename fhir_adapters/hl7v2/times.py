"""HL7 times (2.5, 2.A.22 DTM and TS) as Python's."""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final

_TIME: Final = re.compile(
    r"(?P<day>\d{8})(?:(?P<hour>\d{2})(?P<minute>\d{2})?(?P<second>\d{2})?(?:\.(?P<part>\d{1,4}))?)?"
    r"(?P<zone>[+-]\d{4})?"
)


def read_time(text: str, zone: tzinfo) -> datetime | None:
    """Return a time with the zone it was sent with, else in ``zone``; None when it is absent or not exact to the day.

    A date without a time means its first moment: a reading never looks fresher than it may be. Of an hour that comes
    twice, when clocks go back, the first is meant, for the same reason.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    part = found["part"] or ""
    try:
        moment = datetime(
            int(found["day"][:4]),
            int(found["day"][4:6]),
            int(found["day"][6:]),
            int(found["hour"] or 0),
            int(found["minute"] or 0),
            int(found["second"] or 0),
            int(part.ljust(6, "0")) if part else 0,
            tzinfo=_zone(found["zone"]) if found["zone"] else zone,
        )
        moment.astimezone(UTC)  # a year that no zone has
    except (ValueError, OverflowError):
        return None
    return moment


def _zone(text: str) -> timezone:
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[3:])))


def read_date(text: str) -> str:
    """Return the date that a time begins with, as YYYY-MM-DD; "" when it is not exact to the day."""
    found = _TIME.fullmatch(text)
    if found is None:
        return ""
    try:
        return date.fromisoformat(found["day"]).isoformat()
    except ValueError:
        return ""
