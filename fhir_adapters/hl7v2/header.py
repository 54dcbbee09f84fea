"""The header of a message (MSH): what it is, who sent it, how it wants to be answered, in which letters it is written.

It is read before anything else, from bytes, so that even a message that cannot be read is answered by its number.
"""

from dataclasses import dataclass
from typing import Final

from fhir_adapters.hl7v2.er7 import Delimiters
from fhir_adapters.hl7v2.errors import (
    DATA_TYPE,
    REQUIRED,
    TABLE_VALUE,
    UNSUPPORTED_PROCESSING,
    UNSUPPORTED_VERSION,
    BadMessage,
)

CHARSETS: Final = {
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "8859/1": "iso8859-1",
    "8859/15": "iso8859-15",
    "ASCII": "ascii",
}
"""HL7 table 0211 as French systems use it. "UTF-8" is no value of the table; several engines write it."""

VERSIONS: Final = frozenset({"2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2"})

CONTROL_CHARS_MAX: Final = 199
"""Longest MSH-10 (2.7: 199 characters); it is echoed in every answer."""

HEADER_CHARS_MAX: Final = 2_000
"""Longest MSH segment. Much of it is echoed in every answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """MSH, as sent: values are raw, so that what is echoed is exactly what was sent.

    Args:
        fields: ``fields[n]`` is MSH-n; long enough for every field read here.
    """

    marks: Delimiters
    fields: tuple[str, ...]

    @property
    def control(self) -> str:
        """MSH-10."""
        return self.fields[10]

    @property
    def kind(self) -> tuple[str, str]:
        """Message code and trigger event, e.g. ("ADT", "A01")."""
        code, _, rest = self.fields[9].partition(self.marks.component)
        return code, rest.partition(self.marks.component)[0]

    @property
    def version(self) -> str:
        """MSH-12, without what follows the version."""
        return self.fields[12].partition(self.marks.component)[0]

    @property
    def application(self) -> str:
        """MSH-3, its first component."""
        return self.fields[3].partition(self.marks.component)[0]

    @property
    def facility(self) -> str:
        """MSH-4, its first component."""
        return self.fields[4].partition(self.marks.component)[0]


def read_header(data: bytes) -> Header:
    """Return the header of a message.

    Raises:
        BadMessage: there is none, or it is not written with delimiters that can be echoed.
    """
    # Every character set taken here writes delimiters and codes as ASCII does.
    text = data[: HEADER_CHARS_MAX + 1].decode("latin-1").replace("\n", "\r").partition("\r")[0]
    if len(text) > HEADER_CHARS_MAX:
        raise BadMessage("header-too-long", DATA_TYPE, "MSH", f"a header has at most {HEADER_CHARS_MAX} characters")
    marks = Delimiters.of(text)
    if any(not c.isprintable() for c in text.encode("latin-1").decode("ascii", "replace")):
        raise BadMessage("control-character", DATA_TYPE, "MSH", "a control character in the header")
    fields = ["MSH", marks.field, *text.split(marks.field)[1:]]
    return Header(marks=marks, fields=tuple(fields + [""] * (22 - len(fields))))


def require_ours(header: Header, processing: frozenset[str]) -> None:
    """Return when a message is of a version and a purpose that are taken here.

    Args:
        processing: values of MSH-11 that are taken: "P" for production.

    Raises:
        BadMessage: it is not.
    """
    if not 0 < len(header.control) <= CONTROL_CHARS_MAX:
        raise BadMessage("no-control-number", REQUIRED, "MSH-10", "a message has a control number of its own")
    if header.version not in VERSIONS:
        raise BadMessage("version", UNSUPPORTED_VERSION, "MSH-12", "versions 2.3 to 2.8 are taken")
    if header.fields[11].partition(header.marks.component)[0] not in processing:
        says = "not for production: it is not taken here"
        raise BadMessage("processing", UNSUPPORTED_PROCESSING, "MSH-11", says)


def decode(data: bytes, header: Header, default: str) -> str:
    """Return the text of a message.

    Args:
        default: name of the character set when MSH-18 names none (CHARSETS).

    Raises:
        BadMessage: a character set that is not taken, or bytes that are none of its letters.
    """
    # Repetitions name alternate sets, switched to by escape characters, which are control characters: refused there.
    named = header.fields[18].partition(header.marks.repetition)[0].strip() or default
    codec = CHARSETS.get(named.upper())
    if codec is None:
        raise BadMessage("charset", TABLE_VALUE, "MSH-18", f"character sets taken: {', '.join(sorted(CHARSETS))}")
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        says = "its letters are not in the character set that MSH-18 names"
        raise BadMessage("charset", DATA_TYPE, "MSH-18", says) from None
