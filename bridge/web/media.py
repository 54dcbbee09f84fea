"""Which media type a DICOMweb caller takes, and bodies of several parts.

Source: RFC 9110, 12.5.1 (Accept); PS3.18, 8.7 (media types) and 8.6 (multipart payload); RFC 2387.
"""

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.web.errors import NotAcceptable

JSON: Final = "application/dicom+json"
DICOM: Final = "application/dicom"
OCTETS: Final = "application/octet-stream"
MULTIPART: Final = "multipart/related"

RANGES_MAX: Final = 64
"""Most media ranges looked at. OHIF sends one, browsers about five."""

_ELEMENT: Final = re.compile(r'(?:"[^"]*"|[^,"])+')
_PARAMETER: Final = re.compile(r';\s*([a-z-]+)\s*=\s*("[^"]*"|[^;\s]+)', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One form in which an answer can be given.

    Args:
        syntax: transfer syntax of what is in it; "" where there is none.
        parts: whether it is a body of several parts.
    """

    media_type: str
    syntax: str = ""
    parts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    media_type: str
    inner: str
    syntax: str
    weight: float

    def takes(self, offer: Offer) -> bool:
        """Return whether this range covers ``offer``."""
        if self.syntax not in {"", "*"} and offer.syntax and self.syntax != offer.syntax:
            return False
        if self.media_type == "*/*":
            return True
        if self.media_type == MULTIPART:
            return offer.parts and self.inner in {"", offer.media_type, "*/*"}
        kind = offer.media_type.partition("/")[0]
        return not offer.parts and self.media_type in {offer.media_type, f"{kind}/*"}


def chosen(accept: str, offers: Sequence[Offer]) -> Offer:
    """Return the offer that the caller likes best, the first of equals; the first of all when they say nothing.

    Raises:
        NotAcceptable: they take none.
    """
    ranges = sorted(_ranges(accept), key=lambda one: -one.weight)
    if not ranges:
        return offers[0]
    for one in ranges:
        for offer in offers:
            if one.weight > 0 and one.takes(offer):
                return offer
    raise NotAcceptable("no media type that is asked for can be given")


def _ranges(accept: str) -> Iterator[_Range]:
    for text in _ELEMENT.findall(accept)[:RANGES_MAX]:
        media_type = text.partition(";")[0].strip().lower()
        said = {name.lower(): value.strip('"') for name, value in _PARAMETER.findall(text)}
        if media_type:
            yield _Range(
                media_type=media_type,
                inner=said.get("type", "").lower(),
                syntax=said.get("transfer-syntax", ""),
                weight=_weight(said.get("q", "1")),
            )


def _weight(text: str) -> float:
    return float(text) if re.fullmatch(r"[01](\.[0-9]{0,3})?", text) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a body.

    Args:
        pieces: its bytes.
    """

    media_type: str
    syntax: str
    pieces: Iterable[bytes]


def boundary() -> str:
    """Return a line that no object holds: 128 random bits."""
    return f"aval-{secrets.token_hex(16)}"


def multipart(parts: Iterable[Part], between: str) -> Iterator[bytes]:
    """Yield a body of several parts, piece by piece."""
    for part in parts:
        syntax = f"; transfer-syntax={part.syntax}" if part.syntax else ""
        yield f"--{between}\r\nContent-Type: {part.media_type}{syntax}\r\n\r\n".encode()
        yield from part.pieces
        yield b"\r\n"
    yield f"--{between}--\r\n".encode()
