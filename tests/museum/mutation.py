"""Seeded damage to files: what a bad cable, a bad disk or a bad person does to a header."""

from random import Random
from typing import Final

from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.dicom import samples
from tests.dicom.enhanced import enhanced

_LENGTHS: Final = (b"\xff\xff\xff\xff", b"\xf0\xff\xff\xff", bytes(4), b"\0\0\0\x80", b"\x01\0\0\0")
_REPRESENTATIONS: Final = (
    *(b"AT", b"CS", b"DS", b"FD", b"IS", b"LO", b"OB", b"PN", b"SQ", b"UI", b"UN", b"US", b"UT"),
    *(b"ZZ", b"Lo"),
)
_MARKS: Final = (b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0", b"\xe0\x7f\x10\x00", b"\x1b$B")

HEADER_BYTES: Final = 3_000
"""Where most of the damage goes: pixels are not read by anybody who is attacked here."""


def series() -> list[list[bytes]]:
    """Return small series in three encodings, and as multi-frame images, with all that is looked at."""
    datasets = samples.series("CT", slices=4, rows=8, columns=8)
    for dataset in datasets:
        dataset.WindowCenter, dataset.WindowWidth = ["40", "400"], ["80", "2000"]
        dataset.PatientOrientation = ["L", "P"]
        dataset.ReferencedImageSequence = [samples.patient()]
    encodings = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
    halves = [enhanced(datasets, (0, 2), name="even"), enhanced(datasets, (1, 3), name="odd")]
    return [*(samples.to_files(datasets, syntax) for syntax in encodings), samples.to_files(halves)]


def mutated(data: bytes, chance: Random) -> bytes:
    """Return ``data`` with one to four faults behind its preamble."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        end = len(out) - 8
        at = chance.randrange(132, min(HEADER_BYTES, end) if chance.random() < 0.9 else end)
        _damage(out, at, chance)
    return bytes(out)


def _damage(out: bytearray, at: int, chance: Random) -> None:
    match chance.randrange(8):
        case 0:
            out[at] = chance.randrange(256)
        case 1:
            out[at] ^= 1 << chance.randrange(8)
        case 2:
            out[at : at + 4] = chance.choice(_LENGTHS)
        case 3:
            out[at : at + 2] = chance.choice(_REPRESENTATIONS)
        case 4:
            out[at : at + 4] = chance.choice(_MARKS)
        case 5:
            out[at:at] = chance.randbytes(chance.randrange(1, 9))
        case 6:
            del out[at : at + chance.randrange(1, 9)]
        case 7:
            source = chance.randrange(132, len(out) - 40)
            out[at:at] = out[source : source + chance.randrange(8, 40)]
