"""FHIR dates and times (R4 2.24.0.1) as Python's."""

import re
from datetime import UTC, date, datetime
from typing import Any, Final

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_FRACTION: Final = re.compile(r"(\.\d{1,6})\d*")


def read_time(text: object) -> datetime | None:
    """Return a FHIR dateTime or instant with its own zone, or None when it is absent or not exact to the day.

    A date without a time means its first moment, in UTC: a reading never looks fresher than it may be.
    """
    if not isinstance(text, str) or not _DATE.match(text):
        return None
    try:
        # More than six digits of a second are cut, not rounded: R4 asks readers to accept any number of them.
        value = datetime.fromisoformat(_FRACTION.sub(r"\1", text))
    except ValueError:
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def read_date(text: object) -> date | None:
    """Return a FHIR date that is exact to the day, or None."""
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def instant(value: datetime) -> str:
    """Return ``value`` in UTC to the millisecond: 2026-11-21T10:15:00.000Z."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def taken_at(observation: dict[str, Any]) -> datetime | None:
    """Return when an Observation was true of the patient: its time, or the end of its period, or None."""
    period = observation.get("effectivePeriod") or {}
    moments = (
        observation.get("effectiveDateTime"),
        observation.get("effectiveInstant"),
        period.get("end"),
        period.get("start"),
    )
    return next((found for found in map(read_time, moments) if found is not None), None)
