"""Exhibits of structure: lengths, nesting, order, marks, preambles."""

import struct
import zlib
from collections.abc import Callable
from typing import Final

from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEG2000Lossless

from tests.dicom.samples import element, encoded, implicit, raw_file, series, to_file
from tests.museum.piece import KEPT, NEVER_SENT, SHOWN, VOLUME, Piece, changed, one, rewritten

_OPEN: Final = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS: Final = b"\xe0\x7f\x10\x00"
_CONTENT, _ICON = 0x0040A730, 0x00880200
_END: Final = implicit(_ITEM_END, b"") + implicit(_SEQUENCE_END, b"")


def _nested(depth: int, tag: int = _CONTENT, vr: str = "SQ") -> bytes:
    return (element(tag, vr, b"", length=_OPEN) + implicit(_ITEM, b"", length=_OPEN)) * depth + _END * depth


def _nested_with_lengths(depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = implicit(_CONTENT, implicit(_ITEM, body))
    return body


def _bomb() -> list[bytes]:
    """Nine megabytes of zeros in nine kilobytes, after a data set that looks honest; the walker never gets there."""
    honest = encoded(series("CT", slices=1)[0])
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    body = deflater.compress(honest + element(0x00420011, "OB", bytes(9_000_000))) + deflater.flush()
    return [raw_file(body, DeflatedExplicitVRLittleEndian)]


def _honest() -> bytes:
    return to_file(series("CT", slices=1)[0])


def _with_preamble(magic: bytes) -> Callable[[], list[bytes]]:
    return rewritten(lambda file: magic.ljust(128, b"\0") + file[128:])


def _behind(more: bytes) -> Callable[[], list[bytes]]:
    return rewritten(lambda file: file + more)


def _before_pixels(more: bytes) -> Callable[[], list[bytes]]:
    def rewrite(file: bytes) -> bytes:
        at = file.rindex(_PIXELS + b"OW")
        return file[:at] + more + file[at:]

    return rewritten(rewrite, slice(None))


def _icon(end: bytes = _SEQUENCE_END.to_bytes(4, "big")) -> bytes:
    fragments = implicit(_ITEM, b"") + implicit(_ITEM, b"\xff\x4f\xff\x51abcd")
    pixels = element(0x7FE00010, "OB", fragments, length=_OPEN) + (implicit(_SEQUENCE_END, b"") if end else b"")
    return element(_ICON, "SQ", implicit(_ITEM, pixels))


NESTING: Final = (
    Piece(name="nested-200", why="a reader that recurses runs out of stack", files=one(_nested(200)), read="too-deep"),
    Piece(name="nested-5000", why="the same, for a stack made larger", files=one(_nested(5_000)), read="too-deep"),
    Piece(
        name="nested-5000-unknown",
        why="VR UN of undefined length is a sequence too (PS3.5, 6.2.2)",
        files=one(_nested(5_000, 0x00091001, "UN")),
        read="too-deep",
    ),
    Piece(
        name="nested-5000-lengths",
        why="depth without one delimiter, implicit VR",
        files=lambda: [raw_file(_nested_with_lengths(5_000), ImplicitVRLittleEndian)],
        read="too-deep",
    ),
    Piece(
        name="tiny-elements-300000",
        why="two megabytes of header that become a gigabyte of objects",
        files=one(element(0x00091001, "SQ", b"".join(implicit(_ITEM, b"") for _ in range(300_000)))),
        read="too-many-elements",
    ),
    Piece(
        name="tiny-fragments-300000",
        why="as many pieces of pixel data",
        files=one(
            element(0x7FE00010, "OB", implicit(_ITEM, b"") * 300_000, length=_OPEN) + implicit(_SEQUENCE_END, b""),
            syntax=JPEG2000Lossless,
        ),
        read="too-many-elements",
    ),
    Piece(
        name="text-of-20-mb",
        why="a comment as long as a CT study",
        files=one(element(0x00204000, "UT", b"a" * 20_000_000)),
        read="header-too-large",
    ),
    Piece(
        name="sequence-in-unknown",
        why="a sequence that a relay rewrote as VR UN",
        read=KEPT,
        volume=VOLUME,
        frame=SHOWN,
        files=_before_pixels(element(0x52009229, "UN", implicit(_ITEM, implicit(0x00280030, b"9\\9 ")))),
    ),
    Piece(
        name="implicit-item",
        why="implicit VR inside an explicit file, as some writers fall back to",
        files=one(element(_CONTENT, "SQ", implicit(_ITEM, implicit(0x00080100, b"T-A0100 ")))),
    ),
)

LENGTHS: Final = (
    Piece(
        name="length-fffffff0",
        why="a reader that allocates first asks for 4 GiB",
        files=one(element(0x00420011, "OB", b"", length=0xFFFFFFF0)),
        read="truncated",
    ),
    Piece(
        name="length-ffffffff-of-text",
        why="undefined length where there can be none",
        files=one(element(0x00204000, "UT", b"abcd", length=_OPEN)),
        read="broken",
    ),
    Piece(
        name="item-longer-than-its-sequence",
        why="the item ends where the next element begins",
        files=one(
            element(_CONTENT, "SQ", implicit(_ITEM, bytes(8), length=40), length=16),
            element(0x00420011, "OB", bytes(64)),
        ),
        read="broken",
    ),
    Piece(
        name="header-cut",
        why="a connection that broke, saved as if it were whole",
        files=rewritten(lambda file: file[:600]),
        read="truncated",
    ),
    Piece(
        name="pixels-cut-by-half",
        why="the disk was full at the sender",
        volume="pixels-unreadable",
        files=rewritten(lambda file: file[:-1_000]),
        read="truncated",
        frame="pixels-unreadable",
    ),
    Piece(
        name="odd-length",
        why="a value of odd length, which PS3.5, 7.1.1 forbids and real devices write",
        files=_before_pixels(element(0x00204000, "LT", b"abc")),
        volume=VOLUME,
        frame=SHOWN,
    ),
    Piece(
        name="encapsulated-in-a-defined-item",
        why="an icon with a length around it: pydicom reads and loses it",
        files=one(_icon()),
    ),
    Piece(
        name="encapsulated-in-a-defined-item-cut",
        why="the same without its end: it reaches into its parent",
        files=one(_icon(b"")),
        read="truncated",
    ),
    Piece(
        name="group-lengths",
        why="retired group lengths, right and wrong ones (PS3.5, 7.2)",
        files=_before_pixels(element(0x50000000, "UL", b"\xff\xff\xff\x7f")),
        volume=VOLUME,
        frame=SHOWN,
    ),
)

ORDER: Final = (
    Piece(
        name="group-2-inside",
        why="a second transfer syntax, for readers that look for one",
        files=one(element(0x00020010, "UI", b"1.2.840.10008.1.2.2\0")),
        read="stray-group",
    ),
    Piece(
        name="group-0-inside",
        why="a command set in the data set",
        files=one(element(0x00000900, "US", b"\0\0")),
        read="stray-group",
    ),
    Piece(
        name="two-patients-in-one-header",
        why="readers differ in which of two Patient IDs counts",
        files=one(element(0x00100020, "LO", b"ONE "), element(0x00100020, "LO", b"TWO ")),
        read="repeated-element",
    ),
    Piece(
        name="two-positions",
        why="one reader stacks by the first place, the next by the second",
        files=_before_pixels(element(0x00200032, "DS", b"0\\0\\0 ")),
        read="repeated-element",
    ),
    Piece(
        name="two-slopes",
        why="the model would see other values than the viewer",
        files=_before_pixels(element(0x00281053, "DS", b"2 ")),
        read="repeated-element",
    ),
    Piece(
        name="two-pixel-data",
        why="one reader shows the first image, the next the second",
        files=_behind(element(0x7FE00010, "OW", bytes(2_304))),
        read="repeated-element",
    ),
    Piece(
        name="header-behind-the-pixels",
        why="a patient's name where few readers look",
        files=_behind(element(0x00100010, "PN", b"EVE^X ")),
        read="broken",
    ),
    Piece(
        name="trailing-padding",
        why="Data Set Trailing Padding, as PS3.10, 7.2 allows",
        files=_behind(element(0xFFFCFFFC, "OB", bytes(512))),
        volume=VOLUME,
        frame=SHOWN,
    ),
    Piece(name="trailing-zeros", why="a block of zeros from a tape", files=_behind(bytes(512)), read="broken"),
    Piece(name="trailing-bytes", why="seven bytes that are no element", files=_behind(b"garbage"), read="truncated"),
    Piece(
        name="trailing-archive",
        why="another file type behind a whole image, for whoever opens it as one",
        files=_behind(b"PK\x03\x04" + bytes(60)),
        read="broken",
    ),
    Piece(
        name="unsorted",
        why="elements that go down in number: every reader takes them",
        files=one(element(0x00080060, "CS", b"CT"), element(0x00080005, "CS", b"ISO_IR 100")),
    ),
)

SYNTAXES: Final = (
    Piece(name="deflate-bomb", why="a thousandfold when inflated", files=_bomb, read="deflated", sent=NEVER_SENT),
    Piece(
        name="implicit-in-explicit",
        why="another transfer syntax than the file says",
        read="broken",
        files=lambda: [raw_file(_implicit_body())],
    ),
    Piece(
        name="explicit-in-implicit",
        why="the other way round",
        read="truncated",
        files=lambda: [raw_file(encoded(series("CT", slices=1)[0]), ImplicitVRLittleEndian)],
    ),
    Piece(
        name="little-in-big",
        why="bytes the other way round",
        read="broken",
        files=lambda: [raw_file(encoded(series("CT", slices=1)[0]), ExplicitVRBigEndian)],
    ),
    Piece(
        name="private-syntax",
        why="GE's private big-endian pixels: nobody outside can decode them, so nobody tries",
        files=lambda: [raw_file(encoded(dataset), "1.2.840.113619.5.2") for dataset in series("CT")],
        sent=NEVER_SENT,
        frame="pixels-unreadable",
        volume="pixels-unreadable",
    ),
    Piece(
        name="unknown-vr",
        why="a private element of VR ZZ, by its length a short one",
        files=one(element(0x00091001, "ZZ", b"ab")),
    ),
    Piece(
        name="unknown-vr-of-a-name",
        why="VR ZZ of a UID: pydicom raises when it is first asked, days later",
        files=lambda: [raw_file(encoded(series("CT", slices=1)[0]).replace(b"\x20\0\x0d\0UI", b"\x20\0\x0d\0ZZ"))],
        read="broken",
    ),
    Piece(
        name="uid-that-is-a-tag",
        why="VR AT of a UID: text for one reader, a number for the next (found by test_fuzz_headers.py)",
        files=lambda: [raw_file(encoded(series("CT", slices=1)[0]).replace(b"\x20\0\x0d\0UI", b"\x20\0\x0d\0AT"))],
        read="uid-form",
    ),
    Piece(
        name="vr-in-small-letters",
        why="between AA and ZZ for a reader that compares bytes",
        files=lambda: [raw_file(encoded(series("CT", slices=1)[0]).replace(b"\x10\0\x20\0LO", b"\x10\0\x20\0Lo"))],
        read="broken",
    ),
    Piece(
        name="big-endian",
        why="the twin of an ordinary series, as old archives keep it",
        volume=VOLUME,
        frame=SHOWN,
        files=changed(syntax=ExplicitVRBigEndian),
        twin="plain",
    ),
    Piece(
        name="implicit",
        why="the twin in the default transfer syntax",
        volume=VOLUME,
        frame=SHOWN,
        files=changed(syntax=ImplicitVRLittleEndian),
        twin="plain",
    ),
    Piece(
        name="plain", why="an ordinary series, to show that the doors open", files=changed(), volume=VOLUME, frame=SHOWN
    ),
)

PREAMBLES: Final = tuple(
    Piece(
        name=f"preamble-{name}",
        why=f"a file that is DICOM and {what} at once; by the network no preamble comes",
        files=_with_preamble(magic),
        read="executable",
        sent=KEPT,
    )
    for name, what, magic in (
        ("pe", "a Windows program", b"MZ\x90\0" + bytes(56) + b"\x80\0\0\0"),
        ("elf", "a Linux program", b"\x7fELF\x02\x01\x01"),
        ("script", "a script", b"#!/bin/sh\nrm -rf /\n"),
    )
)

OTHER_PREAMBLES: Final = (
    Piece(
        name="no-preamble",
        why="a bare data set in a file",
        files=lambda: [_honest()[132:]],
        read="not-dicom",
        sent=NEVER_SENT,
    ),
    Piece(
        name="meta-longer-than-the-file",
        why="a group length of 4 GiB",
        read="truncated",
        sent=NEVER_SENT,
        files=rewritten(lambda f: f[:140] + struct.pack("<L", 0xFFFFFFF0) + f[144:]),
    ),
    Piece(name="empty", why="a file of nothing", files=lambda: [b""], read="not-dicom", sent=NEVER_SENT),
)


def _implicit_body() -> bytes:
    file = to_file(series("CT", slices=1)[0], ImplicitVRLittleEndian)
    return file[144 + int.from_bytes(file[140:144], "little") :]


STRUCTURES: Final = (*NESTING, *LENGTHS, *ORDER, *SYNTAXES, *PREAMBLES, *OTHER_PREAMBLES)
