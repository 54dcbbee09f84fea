"""Text for readers, from the templates of a card: numbers as the language writes them."""

import re
from collections.abc import Sequence
from decimal import Decimal

from guarantee.codec import decimal_text
from guarantee.content import Text

_PLACEHOLDER = re.compile(r"\{(\w+)\}")

NARROW_SPACE = "\u202f"
"""Between groups of three digits in French (Imprimerie nationale): never a line break, never a comma."""


def in_language(text: Text, language: str, **values: str) -> str:
    """Return the template in ``language`` with its placeholders filled."""
    return _fill(text.fr if is_french(language) else text.en, values)


def in_both(text: Text, fr: dict[str, str], en: dict[str, str]) -> Text:
    """Return the template filled in both languages."""
    return Text(fr=_fill(text.fr, fr), en=_fill(text.en, en))


def is_french(language: str) -> bool:
    """Return whether ``language``, e.g. "fr-FR", is French."""
    return language.split("-", maxsplit=1)[0] == "fr"


def number(value: Decimal, language: str) -> str:
    """Return ``value`` as ``language`` writes it: 1 498,9 or 1,498.9. No digit is lost or added."""
    whole, point, fraction = decimal_text(value).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    groups = [digits[max(0, end - 3) : end] for end in range(len(digits), 0, -3)][::-1]
    if is_french(language):
        return sign + NARROW_SPACE.join(groups) + point.replace(".", ",") + fraction
    return sign + ",".join(groups) + point + fraction


def listed(labels: Sequence[Text]) -> tuple[str, str]:
    """Return ``labels`` as one French and one English list."""
    return ", ".join(label.fr for label in labels), ", ".join(label.en for label in labels)


def _fill(template: str, values: dict[str, str]) -> str:
    """Replace each {name}, once; str.format would also follow attributes and indices, which a card must not."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)
