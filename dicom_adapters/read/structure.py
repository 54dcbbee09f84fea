"""The skeleton of a data set: walked once from end to end, without recursion and without trusting one length.

What passes here is safe to hand to a recursive reader such as pydicom: its nesting, its number of elements and its
header are bounded, every length lies inside its parent, and what identifies the instance is written once.

Pixel data and other bulk are stepped over, never copied. Source: PS3.5, 7 (elements, sequences, items) and A.4.
"""

import struct
from dataclasses import dataclass
from enum import Enum, auto
from mmap import mmap
from typing import Final, Protocol

from pydicom.datadict import dictionary_VR

from dicom_adapters.errors import MalformedInstance

DEPTH_MAX: Final = 64
"""Deepest nesting of sequences. Structured reports reach about 15. pydicom spends 5 Python frames a level of the 1,000
that an interpreter has, so what passes here never ends in a RecursionError there."""

ELEMENTS_MAX: Final = 250_000
"""Most elements, items and pixel fragments of one instance. An enhanced CT of 2,000 frames has about 100,000; walking
this many takes about a second."""

HEADER_BYTES_MAX: Final = 16 * 1024 * 1024
"""Most header, 16 MiB, bulk left out (pixels, documents, waveforms, overlays, private blobs). A CT header is 5 kB, that
of an enhanced CT of 2,000 frames about 6 MB."""

PIXEL_DATA: Final = 0x7FE00010
_PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, PIXEL_DATA})
_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
_UNDEFINED: Final = 0xFFFFFFFF
_LONG: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_BULK: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB or OW"})
_SHORT: Final = frozenset(
    {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI"}
    | {"UL", "US"}
)
_PLAIN_VRS: Final = {
    name.encode(): name
    for name in (
        *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO"),
        *("LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"),
    )
}
"""Representations with a length of two bytes and no structure (PS3.5, 7.1.2)."""

_FRAME_DEPTH: Final = 2
"""Levels around an item of the functional groups of one frame, or of all: the data set, the sequence."""

_GROUP_DEPTHS: Final = frozenset({_FRAME_DEPTH, _FRAME_DEPTH + 2})
"""… and around an item of one of its groups."""

_NOT_PLAIN_GROUPS: Final = frozenset({0x0000, 0x0002, 0x7FE0, 0xFFFE})


@dataclass(frozen=True, slots=True)
class Element:
    """One element of the top level.

    Args:
        vr: value representation, from the file or, when that is silent, from the dictionary.
        value: as encoded, padding included.
    """

    vr: str
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How elements are written (PS3.5, 10)."""

    implicit: bool
    little: bool = True


class Groups(Protocol):
    """Who is told of functional groups (PS3.3, C.7.6.16.1) while a data set is walked."""

    def begin(self, place: int) -> None:
        """An item of a sequence at the top begins, whose tag is ``place``: of the groups of all frames, of one, or of
        something else.
        """

    def wanted(self, place: int, group: int) -> frozenset[int]:
        """Return which elements of a group it is told, the tag of whose sequence is ``group``."""

    def keep(self, place: int, tag: int, element: Element) -> None:
        """Take one of them."""


def walk(
    data: bytes | mmap,
    start: int,
    encoding: Encoding,
    wanted: frozenset[int],
    *,
    only_group: int | None = None,
    groups: Groups | None = None,
) -> dict[int, Element]:
    """Return the ``wanted`` elements of the data set that begins at ``start`` and ends with ``data``.

    Args:
        only_group: 0x0002 for file meta information, 0x0000 for a command set; None for a data set, which has neither.
        groups: told of the functional groups of a multi-frame image; None for nobody.

    Raises:
        MalformedInstance: "truncated", "broken", "stray-group", "repeated-element", "too-deep", "too-many-elements" or
            "header-too-large".
    """
    return _Walker(data, start, encoding, wanted, only_group, groups).run()


class _Kind(Enum):
    DATA_SET = auto()
    ITEMS = auto()
    FRAGMENTS = auto()


@dataclass(frozen=True, slots=True)
class _Level:
    """What the walker is inside of.

    Args:
        end: offset that nothing inside may pass.
        is_open: whether a delimiter ends it; otherwise it ends at ``end``.
        tag: of a sequence.
        wanted: elements that are kept here.
    """

    kind: _Kind
    end: int
    is_open: bool
    implicit: bool
    tag: int = 0
    wanted: frozenset[int] = frozenset()


class _Walker:
    def __init__(
        self,
        data: bytes | mmap,
        start: int,
        encoding: Encoding,
        wanted: frozenset[int],
        only_group: int | None,
        groups: Groups | None,
    ) -> None:
        order = "<" if encoding.little else ">"
        self._tag = struct.Struct(f"{order}HH")
        self._short = struct.Struct(f"{order}H")
        self._long = struct.Struct(f"{order}L")
        self._data = data
        self._at = start
        self._only_group = only_group
        self._groups = groups
        self._found: dict[int, Element] = {}
        self._elements = 0
        self._header_bytes = 0
        self._is_past_pixels = False
        self._head = struct.Struct(f"{order}HH2sH")
        self._levels = [_Level(_Kind.DATA_SET, len(data), is_open=False, implicit=encoding.implicit, wanted=wanted)]

    def run(self) -> dict[int, Element]:
        steps = {
            _Kind.DATA_SET: self._step_element,
            _Kind.ITEMS: self._step_item,
            _Kind.FRAGMENTS: self._step_fragment,
        }
        while self._levels:
            level = self._levels[-1]
            if level.kind is _Kind.DATA_SET and not level.implicit and self._only_group is None:
                self._run_over_plain(level)
            if not level.is_open and self._at == level.end:
                self._levels.pop()
                continue
            self._elements += 1
            if self._elements > ELEMENTS_MAX:
                raise MalformedInstance("too-many-elements", f"more than {ELEMENTS_MAX} elements")
            steps[level.kind](level)
        return self._found

    def _run_over_plain(self, level: _Level) -> None:
        """Step over short elements in explicit VR that hold nothing: most of a header, at a third of the cost.

        It stops before whatever it does not know, does not fit or nears a limit: ``_step_element`` judges that.
        """
        data, unpack, at = self._data, self._head.unpack_from, self._at
        is_top, stop, wanted = len(self._levels) == 1, level.end - 8, level.wanted
        if is_top and self._is_past_pixels:
            return
        while at <= stop and self._elements < ELEMENTS_MAX and self._header_bytes <= HEADER_BYTES_MAX - 0x10008:
            group, number, vr, length = unpack(data, at)
            name = _PLAIN_VRS.get(vr)
            end = at + 8 + length
            if name is None or end > level.end or group in _NOT_PLAIN_GROUPS:
                break
            self._elements += 1
            self._header_bytes += 8 + length
            if wanted and (tag := group << 16 | number) in wanted:
                self._at = at + 8
                self._keep(tag, name, length)
            at = end
        self._at = at

    # ------------------------------------------------------------------------------------------------ one step each

    def _step_element(self, level: _Level) -> None:
        start = self._at
        self._require(8, level)
        group, number = self._tag.unpack_from(self._data, start)
        tag = group << 16 | number
        if group == 0xFFFE:
            self._end_item(tag, level)
            return
        vr, length, self._at = self._read_head(tag, level)
        is_wanted = tag in level.wanted
        if len(self._levels) == 1:
            self._check_top(tag)
        if vr not in _BULK or is_wanted:  # what is copied counts, whatever it calls itself; a sequence by what it holds
            self._charge(self._at - start + (0 if length == _UNDEFINED or vr == "SQ" else length))
        if length == _UNDEFINED:
            self._open(tag, vr, level)
            return
        self._require(length, level)
        if self._holds_items(tag, vr, length):
            self._push(_Level(_Kind.ITEMS, self._at + length, is_open=False, implicit=level.implicit, tag=tag))
            return
        if is_wanted:
            self._keep(tag, vr, length)
        self._at += length

    def _step_item(self, level: _Level) -> None:
        tag, length = self._read_mark(level)
        if tag == _SEQUENCE_END and level.is_open:
            self._levels.pop()
            return
        if tag != _ITEM:
            raise self._broken("a sequence holds something that is not an item")
        if length != _UNDEFINED:
            self._require(length, level)
        end = level.end if length == _UNDEFINED else self._at + length
        implicit, wanted = level.implicit or self._looks_implicit(end), self._wanted_inside(level)
        self._push(_Level(_Kind.DATA_SET, end, is_open=length == _UNDEFINED, implicit=implicit, wanted=wanted))

    def _step_fragment(self, level: _Level) -> None:
        tag, length = self._read_mark(level)
        if tag == _SEQUENCE_END:
            self._levels.pop()
            return
        if tag != _ITEM or length == _UNDEFINED:
            raise self._broken("encapsulated pixels hold something that is not a fragment")
        self._require(length, level)
        self._at += length

    # ---------------------------------------------------------------------------------------------------- the parts

    def _read_head(self, tag: int, level: _Level) -> tuple[str, int, int]:
        """Return (VR, length, offset of the value)."""
        at = self._at
        if not level.implicit:
            vr = self._data[at + 4 : at + 6]
            if b"AA" <= vr <= b"ZZ":
                name = vr.decode("latin-1")
                if name not in _LONG:
                    return name, self._short.unpack_from(self._data, at + 6)[0], at + 8
                self._require(12, level)
                return name, self._long.unpack_from(self._data, at + 8)[0], at + 12
            # Some writers fall back to implicit VR inside a sequence; at the top it is another transfer syntax.
            if len(self._levels) == 1:
                raise self._broken("an element has no value representation, as if the transfer syntax were another")
        return _dictionary_vr(tag), self._long.unpack_from(self._data, at + 4)[0], at + 8

    def _read_mark(self, level: _Level) -> tuple[int, int]:
        """Return (tag, length) of an item or delimiter, and step over it."""
        self._require(8, level)
        group, number = self._tag.unpack_from(self._data, self._at)
        length = self._long.unpack_from(self._data, self._at + 4)[0]
        self._at += 8
        self._charge(8)
        return group << 16 | number, length

    def _end_item(self, tag: int, level: _Level) -> None:
        if tag != _ITEM_END or not level.is_open:
            raise self._broken("a delimiter stands where an element belongs")
        self._at += 8
        self._levels.pop()

    def _check_top(self, tag: int) -> None:
        group = tag >> 16
        if group != self._only_group and (self._only_group is not None or group in {0x0000, 0x0002}):
            # A reader of files would take elements of group 0002 for file meta information (PS3.10, 7.1).
            raise MalformedInstance("stray-group", f"group {group:04X} does not belong here")
        if self._is_past_pixels and tag <= PIXEL_DATA and tag not in _PIXELS:
            # Readers differ in which copy they believe when a header goes on behind the pixels.
            raise self._broken("header elements stand behind the pixel data")
        if self._is_past_pixels and tag in _PIXELS:
            raise MalformedInstance("repeated-element", "the pixel data occur twice")
        self._is_past_pixels = self._is_past_pixels or tag in _PIXELS

    def _wanted_inside(self, sequence: _Level) -> frozenset[int]:
        """Return what is kept of an item of ``sequence``, the innermost level: elements of a functional group."""
        if self._groups is None or len(self._levels) not in _GROUP_DEPTHS:
            return frozenset()
        if len(self._levels) == _FRAME_DEPTH:
            self._groups.begin(sequence.tag)
            return frozenset()
        return self._groups.wanted(self._levels[1].tag, sequence.tag)

    def _open(self, tag: int, vr: str, level: _Level) -> None:
        if vr in {"SQ", "UN"}:
            kind = _Kind.ITEMS
        elif vr in {"OB", "OW", "OB or OW"}:
            kind = _Kind.FRAGMENTS
        else:
            raise self._broken(f"a value of type {vr} has no length")
        self._push(_Level(kind, level.end, is_open=True, implicit=level.implicit, tag=tag))

    def _holds_items(self, tag: int, vr: str, length: int) -> bool:
        if vr == "UN" and _dictionary_vr(tag) == "SQ" and length >= 8:
            return self._tag.unpack_from(self._data, self._at) == (0xFFFE, 0xE000)
        return vr == "SQ"

    def _looks_implicit(self, end: int) -> bool:
        """Return whether the item at this place starts without a value representation, as pydicom judges it."""
        vr = self._data[self._at + 4 : min(self._at + 6, end)]
        return len(vr) == 2 and not all(0x41 <= byte <= 0x5A for byte in vr)

    def _keep(self, tag: int, vr: str, length: int) -> None:
        if len(self._levels) > 1:
            if self._groups is not None:
                self._groups.keep(self._levels[1].tag, tag, Element(vr, self._data[self._at : self._at + length]))
            return
        if tag in self._found:
            raise MalformedInstance("repeated-element", f"element {tag:08X} occurs twice")
        if vr not in _SHORT | _LONG and " or " not in vr:
            # pydicom would raise when the value is asked for, long after the sender was told that all is well.
            raise self._broken(f"element {tag:08X} has a value representation that does not exist")
        self._found[tag] = Element(vr, self._data[self._at : self._at + length])

    def _push(self, level: _Level) -> None:
        if len(self._levels) > 2 * DEPTH_MAX:  # a level of items and one of elements for each sequence
            raise MalformedInstance("too-deep", f"sequences are nested deeper than {DEPTH_MAX}")
        self._levels.append(level)

    def _charge(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > HEADER_BYTES_MAX:
            raise MalformedInstance("header-too-large", f"the header is larger than {HEADER_BYTES_MAX} bytes")

    def _require(self, size: int, level: _Level) -> None:
        if self._at + size > len(self._data):
            raise MalformedInstance("truncated", f"the file ends inside an element, at byte {len(self._data)}")
        if self._at + size > level.end:
            raise self._broken("an element is longer than the item that holds it")

    def _broken(self, why: str) -> MalformedInstance:
        return MalformedInstance("broken", f"{why}, near byte {self._at}")


def _dictionary_vr(tag: int) -> str:
    try:
        vr: str = dictionary_VR(tag)
    except KeyError:
        return "UN"
    return vr
