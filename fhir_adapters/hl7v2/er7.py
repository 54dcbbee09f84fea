"""A message in ER7, the vertical-bar encoding (HL7 2.5, 2.5 to 2.7): segments, fields, components, escapes.

A reader of our own: python-hl7 0.4.5 takes 5.6 ms for an order message, more than all that is done with one. It is
strict about what another reader could read otherwise (delimiters, segment names, control characters) and lazy about
the rest: nothing is split or unescaped before somebody asks for it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fhir_adapters.hl7v2.errors import DATA_TYPE, SEQUENCE, BadMessage

MESSAGE_BYTES_MAX: Final = 1024 * 1024
"""Largest message, 1 MiB: a laboratory report with every analyte of a stay is some 100 kB. Documents go elsewhere."""

SEGMENTS_MAX: Final = 4_000
"""Most segments: a report of a thousand analytes with a note to each has two thousand."""

FIELDS_MAX: Final = 200
"""Most fields of a segment; the longest segment of HL7 2.8 (PV1) has 54, Z segments some more."""

REPETITIONS_MAX: Final = 100
"""Most repetitions of a field that we read, e.g. of a patient's identifiers."""

_SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}(?![A-Za-z0-9])")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_GIBBERISH: Final = re.compile(r"[\x80-\x9f]")
_NULL: Final = '""'
"""Means "delete what you have" (2.5, 2.7.1): for us, who keep nothing, the same as no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delimiters:
    """MSH-1 and MSH-2."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str

    @classmethod
    def of(cls, text: str) -> "Delimiters":
        """Return the delimiters that a message begins with.

        Raises:
            BadMessage: not an MSH segment, or not five different punctuation marks.
        """
        marks = text[3:9]
        if not text.startswith("MSH") or len(marks) < 6:
            raise BadMessage("no-header", SEQUENCE, "MSH", "a message begins with an MSH segment")
        # Four marks from 2.3 to 2.6; a fifth (truncation) since 2.7. What follows is the field separator again.
        end = 5 if marks[5] == marks[0] else 6
        used = text[3 : 3 + end]
        if len(set(used)) != len(used) or any(c.isalnum() or not "!" <= c <= "~" for c in used):
            raise BadMessage("delimiters", DATA_TYPE, "MSH-2", "delimiters are different punctuation marks of ASCII")
        if text[3 + end : 4 + end] != used[0]:
            raise BadMessage("delimiters", DATA_TYPE, "MSH-2", "there are four delimiters, or five since HL7 2.7")
        return cls(field=used[0], component=used[1], repetition=used[2], escape=used[3], subcomponent=used[4])


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment.

    Args:
        fields: as sent; ``fields[n]`` is field n.
    """

    name: str
    fields: Sequence[str]
    marks: Delimiters

    def raw(self, number: int) -> str:
        """Return field ``number`` as sent; "" when it is absent or null."""
        value = self.fields[number] if number < len(self.fields) else ""
        return "" if value == _NULL else value

    def repetitions(self, number: int) -> tuple["Composite", ...]:
        """Return the repetitions of field ``number`` that have a value.

        Raises:
            BadMessage: more than anybody needs.
        """
        raw = self.raw(number)
        if not raw:
            return ()
        parts = raw.split(self.marks.repetition)
        if len(parts) > REPETITIONS_MAX:
            place = f"{self.name}-{number}"
            raise BadMessage("too-many", DATA_TYPE, place, f"at most {REPETITIONS_MAX} repetitions of a field are read")
        return tuple(Composite(part, self.marks) for part in parts if part not in {"", _NULL})

    def first(self, number: int) -> "Composite":
        """Return the first repetition of field ``number``; an empty one when there is none."""
        raw = self.raw(number)
        if self.marks.repetition not in raw:  # nearly every field; what follows costs four times as much
            return Composite(raw, self.marks)
        found = self.repetitions(number)
        return found[0] if found else Composite("", self.marks)

    def text(self, number: int) -> str:
        """Return the first component of field ``number``, unescaped."""
        return self.first(number).text(1) if self.raw(number) else ""


@dataclass(frozen=True, slots=True)
class Composite:
    """One repetition of a field."""

    value: str
    marks: Delimiters

    def text(self, component: int, subcomponent: int = 1) -> str:
        """Return a part, counted from 1, unescaped; "" when it is absent or null."""
        if not self.value:
            return ""
        parts = self.value.split(self.marks.component)
        if component > len(parts):
            return ""
        inside = parts[component - 1].split(self.marks.subcomponent)
        value = inside[subcomponent - 1] if subcomponent <= len(inside) else ""
        return "" if value == _NULL else unescape(value, self.marks).strip()


@dataclass(frozen=True, slots=True)
class Message:
    """One message."""

    segments: Sequence[Segment]

    def all(self, name: str) -> Iterator[Segment]:
        """Yield the segments called ``name``, in order."""
        return (segment for segment in self.segments if segment.name == name)

    def first(self, name: str) -> Segment | None:
        """Return the first segment called ``name``, or None."""
        return next(self.all(name), None)


def read(text: str) -> Message:
    """Return the message that ``text`` writes.

    Segments end with CR (2.5, 2.5.1). CR LF is taken, and LF where there is no CR at all: engines that pass messages
    through files write them.

    Raises:
        BadMessage: outside the limits above, a segment without a name, or a control character.
    """
    marks = Delimiters.of(text)
    if _CONTROL.search(text):
        raise BadMessage("control-character", DATA_TYPE, "", "a control character; escape it (HL7 2.5, 2.7)")
    lines = text.replace("\r\n", "\r").split("\r") if "\r" in text else text.split("\n")
    lines = [line for line in lines if line]
    if len(lines) > SEGMENTS_MAX:
        raise BadMessage("too-many", SEQUENCE, "", f"at most {SEGMENTS_MAX} segments are taken")
    return Message(tuple(_segment(line, number, marks) for number, line in enumerate(lines, start=1)))


def _segment(line: str, number: int, marks: Delimiters) -> Segment:
    name = line[:3]
    if not _SEGMENT.match(line) or line[3:4] not in {"", marks.field}:
        raise BadMessage("segment-name", SEQUENCE, "", f"line {number} does not begin with the name of a segment")
    if name == "MSH" and number > 1:
        raise BadMessage("two-headers", SEQUENCE, "MSH", "one frame holds one message")
    fields = line.split(marks.field)
    if len(fields) > FIELDS_MAX:
        raise BadMessage("too-many", SEQUENCE, name, f"at most {FIELDS_MAX} fields of a segment are taken")
    if name in {"PID", "MRG"} and _GIBBERISH.search(line):
        # What UTF-8 becomes when it is read as 8859: a name that is wrong on every report.
        raise BadMessage("charset", DATA_TYPE, name, "its letters are not in the character set that MSH-18 names")
    return Segment(name, ["MSH", marks.field, *fields[1:]] if name == "MSH" else fields, marks)


def unescape(value: str, marks: Delimiters) -> str:
    r"""Return ``value`` with its escape sequences replaced (2.5, 2.7.1).

    ``\.br\`` is a line break. Highlighting, hexadecimal and others are dropped; a lone escape character stays.
    """
    if marks.escape not in value:
        return value
    meant = {
        "F": marks.field,
        "S": marks.component,
        "T": marks.subcomponent,
        "R": marks.repetition,
        "E": marks.escape,
        ".br": "\n",
    }
    mark = re.escape(marks.escape)
    return re.sub(f"{mark}([^{mark}]*){mark}", lambda found: meant.get(found.group(1), ""), value)
