"""UIDs, dates, ages and numbers as DICOM writes them (PS3.5, 6.2)."""

import re
import struct
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Final

from pydicom.errors import BytesLengthException

from dicom_adapters.errors import MalformedInstance

CONVERSION_ERRORS: Final = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError),
    *(BytesLengthException, struct.error),
)
"""What pydicom raises, at the first look, for values that are not what their representation says; found by fuzzing."""

UID_CHARS_MAX: Final = 64
"""PS3.5, 9.1."""

_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)*")

_YEAR_DAYS: Final = 365.2425
"""Mean length of a year of the Gregorian calendar."""

_PER_YEAR: Final = {"D": _YEAR_DAYS, "W": _YEAR_DAYS / 7, "M": 12.0, "Y": 1.0}


def parse_uid(text: str, what: str) -> str:
    """Return ``text`` as a UID, its padding removed.

    Leading zeros in a component are let through, though PS3.5 9.1 forbids them: real devices write them, and an
    instance must keep its name.

    Args:
        what: for the message, e.g. "SOPInstanceUID".

    Raises:
        MalformedInstance: "uid-missing" or "uid-form".
    """
    uid = text.rstrip("\0 ")
    if not uid:
        raise MalformedInstance("uid-missing", f"{what} is missing")
    if len(uid) > UID_CHARS_MAX or not _UID.fullmatch(uid):
        raise MalformedInstance("uid-form", f"{what} is not a UID (digits and dots, at most {UID_CHARS_MAX})")
    return uid


def parse_day(text: str) -> date | None:
    """Return a date (DA), also in the old form YYYY.MM.DD; None when it is not one."""
    digits = text.replace(".", "")
    if not re.fullmatch("[0-9]{8}", digits):
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def parse_time(text: str) -> time | None:
    """Return a time (TM: HH, HHMM, HHMMSS or HHMMSS.F), without its fraction; None when it is not one."""
    digits = text.replace(":", "").partition(".")[0]
    if not re.fullmatch("[0-9]{2}|[0-9]{4}|[0-9]{6}", digits):
        return None
    try:
        return time(int(digits[:2]), int(digits[2:4] or 0), int(digits[4:6] or 0))
    except ValueError:
        return None


def age_years(stated: str, birth: date | None, begun: date | None) -> float | None:
    """Return the age at the study in years: as stated (0010,1010), else from the dates; None when unknown.

    A statement in years is a whole number; so is what the dates give, from two years on.
    """
    match = re.fullmatch("([0-9]{3})([DWMY])", stated)
    if match:
        return int(match[1]) / _PER_YEAR[match[2]]
    if birth is None or begun is None or begun < birth:
        return None
    whole = begun.year - birth.year - ((begun.month, begun.day) < (birth.month, birth.day))
    return float(whole) if whole >= 2 else (begun - birth).days / _YEAR_DAYS


def plain_number(text: str, places: int | None = None) -> str:
    """Return a number (DS, IS) without exponent or trailing zeros, rounded to ``places``; "" when it is not one."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return ""
    if not number.is_finite() or abs(number.adjusted()) > 15:
        return ""
    rounded = number if places is None else round(number, places)
    return format(rounded.normalize() + 0, "f")
