"""What messages of ours say, from their bytes alone, read by the reader of the door (er7.py): not by who wrote them."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Final

from fhir_adapters.hl7v2.er7 import Composite, Message, Segment, read, unescape
from fhir_adapters.hl7v2.errors import BadMessage
from fhir_adapters.hl7v2.header import decode, read_header
from fhir_adapters.hl7v2.observations import DIGEST, KEYS, METRICS, PRESENCE, SPELLING
from fhir_adapters.pdf import read_pdf
from guarantee.errors import Malformed
from guarantee.ids import parse_digest
from guarantee.ports import ReadBack
from guarantee.respelling import respelled

_PRESENCES: Final = {said.code: str(presence) for presence, said in PRESENCE.items()}


def parsed(data: bytes) -> Message:
    """Return a message of ours.

    Raises:
        Malformed: it cannot be read as what it says it is.
    """
    try:
        header = read_header(data)
        return read(decode(data, header, ""))
    except BadMessage as error:
        raise Malformed(f"a message that cannot be read: {error.code} {error.place}") from error


def read_back(messages: Sequence[bytes]) -> ReadBack:
    """Return what ``messages`` say: the results of the first, and the one report that is in all of them.

    Raises:
        Malformed: not messages of ours, or two that say two things.
    """
    found = [parsed(data) for data in messages]
    if not found:
        raise Malformed("a package without a message says nothing")
    try:
        reports = {(_value(one, DIGEST), *_text(one)) for one in found}
        (content, text, repertoire), *others = reports
        findings = tuple(_findings(found[0]))
        quantities = tuple(_quantities(found[0]))
    except (LookupError, ValueError) as error:
        raise Malformed(f"a message is not in the form we write: {type(error).__name__}") from error
    if others:
        raise Malformed("the messages of one package say two things")
    return ReadBack(
        content=parse_digest(content), findings=findings, quantities=quantities, text=text, repertoire=repertoire
    )


def _observations(message: Message, kind: str) -> Iterator[tuple[Segment, Composite]]:
    """Yield OBX of one type, with what it is about."""
    for row in message.all("OBX"):
        if row.text(11) != "P":
            raise ValueError(row.text(11))
        if row.text(2) == kind:
            yield row, row.first(3)


def _value(message: Message, code: str) -> str:
    return next((row.text(5) for row, what in _observations(message, "ST") if what.text(1) == code), "")


def _findings(message: Message) -> Iterator[tuple[str, str, str]]:
    for row, what in _observations(message, "CE"):
        if what.text(6) == KEYS:
            yield _whole(what, 4), what.text(1), _PRESENCES[row.text(5)]


def _quantities(message: Message) -> Iterator[tuple[str, str, str, str]]:
    keys = {row.text(4): _whole(what, 4) for row, what in _observations(message, "CE") if what.text(6) == KEYS}
    for row, what in _observations(message, "NM"):
        if what.text(3) != METRICS:
            yield keys[row.text(4).partition(".")[0]], what.text(1), row.text(5), row.text(6)


def _whole(value: Composite, component: int) -> str:
    """Return a component with the spaces at its ends, which a key may have."""
    return unescape(value.value.split(value.marks.component)[component - 1], value.marks)


def _text(message: Message) -> tuple[str, str]:
    """Return the report and what it was respelled for; as lines and as a document, it must be one text."""
    repertoire = _value(message, SPELLING)
    said = _lines(message)
    documents = [row.first(5).text(5) for row, _ in _observations(message, "ED")]
    if not documents:
        return said, repertoire
    try:
        text, narrowed = read_pdf(base64.b64decode(documents[0], validate=True))
    except binascii.Error as error:
        raise Malformed("the document of the message cannot be read") from error
    if not said:
        return text, repertoire or narrowed
    if len(documents) > 1 or text != (respelled(said, narrowed) if narrowed else said):
        raise Malformed("the document of the message is not its text")
    return said, repertoire


def _lines(message: Message) -> str:
    """Return the lines, each where its number puts it; a number that is left out is an empty line."""
    found: dict[int, str] = {}
    for row, _ in _observations(message, "TX"):
        line, _, piece = row.text(4).partition(".")
        if not piece and int(line) in found:
            raise ValueError(line)
        found[int(line)] = found.get(int(line), "") + unescape(row.raw(5), row.marks)
    return "\n".join(found.get(number, "") for number in range(1, max(found, default=0) + 1))
