"""Text in fewer letters, for a destination that cannot show them all: by one fixed table, never by guessing.

What a reader endorsed may hold "œ", "≥" or "10⁹". An old archive that knows Latin-1 or ASCII alone shows "?" for
them, or nothing. Where a site asks for it, our own words are respelled by this table when they are rendered: before
anything is sealed, and whoever checks that what leaves says what was endorsed (agreement.py) respells by the same
table. A text that the table cannot respell whole is not respelled at all.

Nothing may change its meaning: a superscript stays one (10⁹ is 10^9, never 109), a fraction stays apart from the number
before it (2½ is 2 1/2, never 21/2), and a point that multiplies is no decimal point. Names of people are not for this
function: they are never respelled.
"""

import re
import unicodedata
from typing import Final

REPERTOIRES: Final = ("latin-1", "iso8859-15", "ascii")
"""What text may be respelled for: ISO 8859-1, ISO 8859-15 and ISO 646."""

TABLE: Final[dict[str, str]] = {
    "œ": "oe",
    "Œ": "OE",
    "æ": "ae",
    "Æ": "AE",
    "ß": "ss",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    **dict.fromkeys("‘’‚′ʼ", "'"),
    **dict.fromkeys("“”„″«»", '"'),
    **dict.fromkeys("‐‑–—−", "-"),
    **dict.fromkeys("\u00a0\u202f\u2007\u2009\u200a", " "),
    "…": "...",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "≈": "~",
    "±": "+/-",
    "×": "x",
    "÷": "/",
    "→": "->",
    "←": "<-",
    "•": "*",
    "·": "*",
    "°": " deg",
    "µ": "u",
    "μ": "u",
    "€": "EUR",
    "‰": " per 1000",
    "№": "No",
    "½": " 1/2",
    "¼": " 1/4",
    "¾": " 3/4",
    "⅓": " 1/3",
    "⅔": " 2/3",
}
"""What each sign becomes where it cannot stay. Letters with accents lose the accent."""

_PREFERRED: Final = {"μ": "µ", "′": "´", "•": "·", "\u202f": "\u00a0", "\u2007": "\u00a0"}
"""What is closer than the table where Latin-1 has it: the Greek letter becomes the micro sign."""

_RAISED: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_LOWERED: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_RUNS: Final = re.compile("([⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+|[₀₁₂₃₄₅₆₇₈₉]+)")
"""Raised and lowered signs stand together: 10²⁰ with one of the two raised would be another number."""


def respelled(text: str, repertoire: str) -> str | None:
    """Return ``text`` in the letters of ``repertoire``; None when the table cannot respell it whole.

    Args:
        repertoire: one of REPERTOIRES.
    """
    pieces: list[str | None] = []
    runs = _RUNS.split(unicodedata.normalize("NFC", text))
    for n, run in enumerate(runs):
        if n % 2 and not _fits(run, repertoire):
            mark = "_" if run[0] in "₀₁₂₃₄₅₆₇₈₉" else "^"
            apart = " " if runs[n + 1][:1].isdigit() else ""
            pieces.append(mark + run.translate(_RAISED).translate(_LOWERED) + apart)
        else:
            pieces.extend(_sign(sign, repertoire) for sign in run)
    return None if None in pieces else "".join(piece for piece in pieces if piece is not None)


def _sign(sign: str, repertoire: str) -> str | None:
    preferred = _PREFERRED.get(sign, "")
    for choice in (sign, preferred, TABLE.get(sign, "")):
        if choice and _fits(choice, repertoire):
            return choice
    letters = "".join(c for c in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(c))
    same = unicodedata.category(sign).startswith("L") and len(letters) == 1 and _fits(letters, repertoire)
    return letters if same else None


def _fits(text: str, repertoire: str) -> bool:
    try:
        text.encode(repertoire)
    except UnicodeEncodeError:
        return False
    return True
