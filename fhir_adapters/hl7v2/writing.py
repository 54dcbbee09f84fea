r"""Writing ER7 (HL7 2.5, 2.5 to 2.7): escapes, fields by number, and the letters a receiver can show.

A message is built for one spelling after another, and the first whose letters hold it whole is sent: the character set
that the site asks for; the same with our own words respelled by the fixed table (guarantee/respelling.py), where the
site asks for that too; else UTF-8, which MSH-18 then says. What names a person or identifies is never respelled.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from guarantee.errors import Malformed
from guarantee.respelling import respelled

UTF8: Final = "UNICODE UTF-8"

REPERTOIRES: Final = {"8859/1": "latin-1", "8859/15": "iso8859-15"}
"""What text is respelled for, by the character set of the message (HL7 table 0211)."""

_ESCAPES: Final = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class UnspellableError(Exception):
    """Words that a spelling cannot write; the next one is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """The letters of one message.

    Args:
        charset: value of MSH-18.
        repertoire: what our own words are respelled for; "" when they stay as they are.
    """

    charset: str
    repertoire: str = ""

    @property
    def codec(self) -> str:
        """Python's name of the character set."""
        return REPERTOIRES.get(self.charset, "utf-8")

    def words(self, text: str) -> str:
        """Return words of ours, respelled where that is asked for, and escaped.

        Raises:
            UnspellableError: the table does not hold every sign.
        """
        return escape(self.spell(text))

    def spell(self, text: str) -> str:
        """Return words of ours, respelled where that is asked for.

        Raises:
            UnspellableError: the table does not hold every sign.
        """
        if not self.repertoire:
            return text
        written = respelled(text, self.repertoire)
        if written is None:
            raise UnspellableError(self.charset)
        return written


def written(build: Callable[[Spelling], Sequence[str]], charset: str, *, transliterate: bool) -> bytes:
    """Return the message that ``build`` makes of its segments, in the first spelling that holds it whole.

    Raises:
        Malformed: not even UTF-8 holds it (half a surrogate pair).
    """
    for spelling in _choices(charset, transliterate=transliterate):
        try:
            return "".join(f"{line}\r" for line in build(spelling)).encode(spelling.codec)
        except (UnspellableError, UnicodeEncodeError):
            continue
    raise Malformed("a character of the content is none of Unicode; nothing can write it")


def _choices(charset: str, *, transliterate: bool) -> Iterator[Spelling]:
    yield Spelling(charset=charset)
    if charset in REPERTOIRES:
        if transliterate:
            yield Spelling(charset=charset, repertoire=REPERTOIRES[charset])
        yield Spelling(charset=UTF8)


def escape(text: str) -> str:
    """Return ``text`` with what delimits escaped (2.5, 2.7.1).

    Raises:
        Malformed: a control character, which no receiver reads alike.
    """
    if _CONTROL.search(text):
        raise Malformed("a control character in what HL7v2 should carry: take it out of the text")
    return "".join(_ESCAPES.get(sign, sign) for sign in text)


def segment(name: str, fields: Mapping[int, str]) -> str:
    """Return a segment with ``fields`` at their numbers, already escaped; what is empty at its end is left out."""
    last = max((number for number, value in fields.items() if value), default=0)
    return "|".join([name, *(fields.get(number, "") for number in range(1, last + 1))])


def components(*parts: str) -> str:
    """Return a field of ``parts``, already escaped."""
    return "^".join(parts).rstrip("^")


def subcomponents(*parts: str) -> str:
    """Return a component of ``parts``, already escaped."""
    return "&".join(parts).rstrip("&")
