"""People as a page writes them: names from their DICOM form, birth date with age, sex in words."""

from datetime import date, datetime

from bridge.web.i18n import N_, Language

_SEXES = {"F": N_("female"), "M": N_("male"), "O": N_("other sex")}


_INVISIBLE = dict.fromkeys([*range(0x20), 0x7F, *range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Control characters and explicit direction marks (UAX 9, 2.1 to 2.4): they could make a name read backwards."""


def visible(text: str) -> str:
    """Return ``text`` without characters that are not seen but change how the rest is."""
    return text.translate(_INVISIBLE)


def patient_name(name: str) -> str:
    """Return ``FAMILY^Given^Middle`` as "FAMILY Given Middle"; "" when unknown.

    With an ideographic group, which tells people apart that are written alike in letters, that follows in brackets; the
    phonetic one is shown when it is all there is (PS3.5 6.2.1.2). Nothing is cut: a shortened name is another name.
    """
    groups = [_spelled(group) for group in visible(name).split("=")[:3]]
    said = [group for group in groups[:2] if group] or [group for group in groups[2:] if group]
    return f"{said[0]} ({said[1]})" if len(said) > 1 else "".join(said)


def _spelled(group: str) -> str:
    return " ".join(part.strip() for part in group.split("^")[:3] if part.strip())


def full_name(name: str) -> str:
    """Return a professional's ``FAMILY^Given^Middle^Prefix`` as "Prefix Given FAMILY"."""
    family, given, _, prefix = (*_group(name).split("^"), "", "", "", "")[:4]
    return " ".join(part.strip() for part in (prefix, given, family) if part.strip())


def _group(name: str) -> str:
    return next((group for group in visible(name).split("=") if group.strip(" ^")), "")


def born(birth_date: str, now: datetime, language: Language) -> str:
    """Return a birth date (YYYY-MM-DD) with the age at ``now``; the text as received when it is no such date."""
    try:
        day = date.fromisoformat(birth_date)
    except ValueError:
        return birth_date
    today = now.astimezone(language.zone).date()
    years = today.year - day.year - ((today.month, today.day) < (day.month, day.day))
    if years < 2:
        months = max(0, (today.year - day.year) * 12 + today.month - day.month - (today.day < day.day))
        age = language.plural("%(num)d month", "%(num)d months", months)
    else:
        age = language.plural("%(num)d year", "%(num)d years", years)
    return f"{language.day(day)} ({age})"


def sex_text(sex: str, language: Language) -> str:
    """Return administrative sex in words; "" when unknown."""
    return language.text(_SEXES[sex]) if sex in _SEXES else ""


def exam_time(started: str, language: Language) -> str:
    """Return when an exam began, as received (ISO 8601), readable where it can be read."""
    try:
        moment = datetime.fromisoformat(started)
    except ValueError:
        return started
    if moment.tzinfo is not None:
        return language.moment(moment)
    day = language.day(moment.date())
    return f"{day} {moment:%H:%M}" if "T" in started or " " in started else day
