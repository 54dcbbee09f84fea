"""Text of a header in the character set that the sender declared; never an exception, never a control character.

The tables of character sets and escape sequences are pydicom's. Its decoder is not used: it warns, with the sender's
words, through a process-wide filter, and it keeps characters that a database refuses (NUL) or a log breaks on.

Source: PS3.3 C.12.1.1.2 (Specific Character Set), PS3.5 6.1.2.4 and 6.1.2.5 (code extensions).
"""

import re
from typing import Final

from pydicom.charset import CODES_TO_ENCODINGS, python_encoding

TEXT_CHARS_MAX: Final = 324
"""Longest text kept. A person name has at most five times 64 characters and four carets (PS3.5, 6.2.1)."""

_TEXT_BYTES_MAX: Final = 8 * TEXT_CHARS_MAX
_DEFAULT: Final = "latin_1"
"""Without a declared set. The standard says ASCII; French senders that forget to declare one mean Latin-1."""

_WITHOUT_ESCAPES: Final = frozenset({"utf8", "gbk", "gb18030"})
"""These know no escape sequences (PS3.5, 6.1.2.5.4)."""

_RESETS: Final = re.compile(rb"[\^=\\\r\n\t\f]")
_FRAGMENTS: Final = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")


def _key(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", name.upper())


_ENCODINGS: Final[dict[str, str]] = {_key(name): codec.lower() for name, codec in python_encoding.items() if name} | {
    "UTF8": "utf8"
}


def codec(declared: str) -> str:
    """Return Python's name of the first value of Specific Character Set (0008,0005), e.g. "latin_1" of "ISO_IR 100".

    The further values announce escape sequences; those are understood whether announced or not. Misspelt names
    ("ISO-IR 100") are understood; unknown ones become the default.
    """
    return _ENCODINGS.get(_key(declared.split("\\", maxsplit=1)[0]), _DEFAULT)


def decode(value: bytes, first: str) -> str:
    """Return ``value`` as text on one line, at most TEXT_CHARS_MAX characters.

    What cannot be decoded becomes U+FFFD; what cannot be printed becomes a space.

    Args:
        first: what :func:`codec` returned.
    """
    value = value[:_TEXT_BYTES_MAX]
    if first in _WITHOUT_ESCAPES:
        text = value.decode(first, "replace")
    else:
        text = "".join(_fragment(part, first) for part in _FRAGMENTS.findall(value))
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return text.strip()[:TEXT_CHARS_MAX].rstrip()


def alphabetic(name: str) -> str:
    """Return the alphabetic representation of a person name, ``FAMILY^Given``; another one when it is empty.

    Source: PS3.5, 6.2.1.2 (component groups).
    """
    groups = [group.strip().rstrip("^ ") for group in name.split("=")]
    return next((group for group in groups if group), "")


def _fragment(part: bytes, first: str) -> str:
    """Return the text of bytes up to the next escape sequence."""
    if not part.startswith(b"\x1b"):
        return part.decode(first, "replace")
    length = 4 if part.startswith((b"\x1b$(", b"\x1b$)")) else 3
    codec = CODES_TO_ENCODINGS.get(part[:length], first)
    if codec.startswith("iso2022"):
        return part.decode(codec, "replace")  # Python's codec reads the escape sequence itself
    body = part[length:]
    reset = _RESETS.search(body)
    end = reset.start() if reset else len(body)
    return body[:end].decode(codec, "replace") + body[end:].decode(first, "replace")
