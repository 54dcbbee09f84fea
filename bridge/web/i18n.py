"""The languages of the desk: texts from .po files, dates in the site's zone, numbers as people write them.

Catalogues are compiled in memory at start (26 ms for both): no build step, no .mo file to forget. English is the text
in the code; ``build_catalogues.py`` brings the .po files up to date and a test refuses a missing translation.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from guarantee.codec import decimal_text
from guarantee.content import Text

FOLDER: Final = Path(__file__).parent / "locale"
DOMAIN: Final = "aval"

THIN_SPACE: Final = "\u202f"
"""Groups the digits of a long number, in both languages: "1,498" means two things on the two sides of the Channel."""

_GROUP_FROM = 5
"""Digits before the decimal mark from which they are grouped (ISO 80000-1, 7.3.1: four stay together)."""


def N_(text: str) -> str:  # noqa: N802 - the name that gettext tools look for
    """Mark ``text`` for translation later."""
    return text


class Language:
    """One language of the desk."""

    def __init__(self, code: str, zone: ZoneInfo) -> None:
        self.code = code
        self.zone = zone
        self.locale = Locale.parse(code)
        self.translations = _compiled(code)

    def text(self, message: str, **values: object) -> str:
        """Return ``message`` in this language, with ``%(name)s`` filled in."""
        found = self.translations.gettext(message)
        return found % values if values else found

    def plural(self, one: str, many: str, count: int, **values: object) -> str:
        """Return the form that ``count`` asks for."""
        return self.translations.ngettext(one, many, count) % {"num": count, **values}

    def choose(self, label: Text) -> str:
        """Return a label in this language; English where the label has no such language."""
        return label.fr if self.code == "fr" else label.en

    def number(self, value: Decimal) -> str:
        """Return every digit of ``value``: 412.50 keeps its zero, with a comma in French."""
        sign, digits = ("\u2212", decimal_text(-value)) if value < 0 else ("", decimal_text(value))
        whole, _, fraction = digits.partition(".")
        if len(whole) >= _GROUP_FROM:
            head = len(whole) % 3
            groups = [whole[:head]] if head else []
            groups += [whole[at : at + 3] for at in range(head, len(whole), 3)]
            whole = THIN_SPACE.join(groups)
        mark = "," if self.code == "fr" else "."
        return f"{sign}{whole}{mark + fraction if fraction else ''}"

    def day(self, value: date) -> str:
        """Return a date without doubt about day and month: 12/03/1961 in French, 12 Mar 1961 in English."""
        return format_date(value, "dd/MM/y" if self.code == "fr" else "d MMM y", locale=self.locale)

    def moment(self, value: datetime) -> str:
        """Return day and time to the minute, in the site's zone."""
        return f"{self.day(value.astimezone(self.zone).date())} {self.clock(value)}"

    def clock(self, value: datetime, *, seconds: bool = False) -> str:
        """Return the time of day in the site's zone."""
        pattern = "HH:mm:ss" if seconds else "HH:mm"
        return format_datetime(value.astimezone(self.zone), pattern, locale=self.locale)

    def span(self, seconds: float) -> str:
        """Return how long something has lasted, in the two units that matter."""
        minutes = max(0, int(seconds // 60))
        hours, minutes = divmod(minutes, 60)
        days, hours = divmod(hours, 24)
        if days:
            return self.text(N_("%(days)d d %(hours)d h"), days=days, hours=hours)
        if hours:
            return self.text(N_("%(hours)d h %(minutes)02d"), hours=hours, minutes=minutes)
        return self.text(N_("%(minutes)d min"), minutes=minutes)


def load(codes: Sequence[str], time_zone: str) -> Mapping[str, Language]:
    """Return the languages by code, in the same order."""
    zone = ZoneInfo(time_zone)
    return {code: Language(code, zone) for code in codes}


def preferred(accept_language: str, known: Sequence[str]) -> str:
    """Return the known language that a browser likes best, or the first one (RFC 9110, 12.5.4)."""
    ranked: list[tuple[float, str]] = []
    for part in accept_language[:200].split(","):
        name, _, weight = part.strip().partition(";q=")
        code = name.split("-")[0].strip().lower()
        if code in known:
            ranked.append((-_weight(weight), code))
    return min(ranked, key=lambda entry: entry[0])[1] if ranked else known[0]


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


@cache
def _compiled(code: str) -> GNUTranslations:
    with (FOLDER / code / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as source:
        catalogue = read_po(source, locale=code, domain=DOMAIN)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
