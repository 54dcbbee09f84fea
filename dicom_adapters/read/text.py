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
_UNDECLARED: Final = "undeclared"
"""Without a declared set, or with one that nobody knows. The standard says ASCII; senders that forget to declare one
mean UTF-8, which is recognised by its form, or else Latin-1."""

_DEFAULT: Final = "latin_1"

_WITHOUT_ESCAPES: Final = frozenset({"utf8", "gbk", "gb18030"})
"""These know no escape sequences (PS3.5, 6.1.2.5.4)."""

_RESETS: Final = re.compile(rb"[\^=\\\r\n\t\f]")
_FRAGMENTS: Final = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")


def _key(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", name.upper())


python_encoding.update({"ISO_IR 203": "iso8859_15", "ISO 2022 IR 203": "iso8859_15"})
CODES_TO_ENCODINGS[b"\x1b-b"] = "iso8859_15"
# Latin-9, with the euro and the French œ, is a defined term since 2023. pydicom 3.0 does not know it, and would warn
# with the sender's word wherever it reads a file.

_ASCII: Final = frozenset({"", "ISOIR6", "ISO2022IR6"})
_ENCODINGS: Final[dict[str, str]] = {_key(name): codec.lower() for name, codec in python_encoding.items()} | {
    "UTF8": "utf8"
}


def codec(declared: str) -> str:
    """Return Python's name of the first value of Specific Character Set (0008,0005), e.g. "latin_1" of "ISO_IR 100".

    The further values announce escape sequences; those are understood whether announced or not. Misspelt names
    ("ISO-IR 100") are understood; unknown ones are taken for undeclared.
    """
    key = _key(declared.split("\\", maxsplit=1)[0])
    return _UNDECLARED if key in _ASCII else _ENCODINGS.get(key, _UNDECLARED)


def decode(value: bytes, first: str) -> str:
    """Return ``value`` as text on one line, at most TEXT_CHARS_MAX characters.

    What cannot be decoded becomes U+FFFD; what cannot be printed becomes a space.

    Args:
        first: what :func:`codec` returned.
    """
    text = decode_whole(value[:_TEXT_BYTES_MAX], first)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return text.strip()[:TEXT_CHARS_MAX].rstrip()


def decode_whole(value: bytes, first: str) -> str:
    """Return ``value`` as text, however long, with its lines and its padding; nothing is refused.

    Args:
        first: what :func:`codec` returned.
    """
    if first == _UNDECLARED:
        first = "utf8" if _is_utf8(value) else _DEFAULT
    if first in _WITHOUT_ESCAPES:
        return value.decode(first, "replace")
    return "".join(_fragment(part, first) for part in _FRAGMENTS.findall(value))


def person_name(name: str) -> str:
    """Return a person name without padding: ``FAMILY^Given``, or in several writings, ``Yamada=山田=やまだ``.

    Source: PS3.5, 6.2.1.2 (component groups: alphabetic, ideographic, phonetic).
    """
    return "=".join(group.strip().rstrip("^ ") for group in name.split("=")[:3]).rstrip("=")


def _is_utf8(value: bytes) -> bool:
    """Return whether ``value`` has more than ASCII, no escape sequence, and the form of UTF-8: no other text has it."""
    if value.isascii() or b"\x1b" in value:
        return False
    try:
        value.decode("utf8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and len(value) == _TEXT_BYTES_MAX
    return True


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
