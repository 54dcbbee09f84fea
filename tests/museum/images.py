"""Exhibits of images: pixels that do not fit their header, kinds of pixels, compressed twins."""

from collections.abc import Callable
from typing import Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.dicom import samples
from tests.dicom.samples import capture, to_file, to_files
from tests.museum import htj2k
from tests.museum.piece import SHOWN, VOLUME, Piece, changed, put, rewritten

_FIRST, _THIRD = slice(0, 1), slice(2, 3)
_UNREADABLE, _UNSUPPORTED = "pixels-unreadable", "samples-unsupported"


def _unsigned_first(datasets: list[Dataset]) -> None:
    """Store the first slice without sign, shifted, and say so: the same Hounsfield units."""
    stored = np.frombuffer(datasets[0].PixelData, "<i2").reshape(datasets[0].Rows, datasets[0].Columns)
    samples.set_pixels(datasets[0], (stored.astype(int) + 1024).astype("<u2"), bits_stored=16)
    datasets[0].RescaleIntercept = "-1024"


def _overlaid(datasets: list[Dataset]) -> None:
    """Put a retired overlay into the bits that are not stored (PS3.3 2004, C.9.3.1.1)."""
    for dataset in datasets:
        stored = np.frombuffer(dataset.PixelData, "<u2")
        dataset.PixelData = (stored | 0x8000).tobytes()
        dataset.add_new(0x60000010, "US", dataset.Rows)
        dataset.add_new(0x60000011, "US", dataset.Columns)
        dataset.add_new(0x60000100, "US", 16)
        dataset.add_new(0x60000102, "US", 15)


def _captured(bits: int = 8, photometric: str = "MONOCHROME2", **changes: object) -> Callable[[], list[bytes]]:
    values = np.arange(32 * 36, dtype="u1" if bits == 8 else "<u2").reshape(32, 36)
    return lambda: [to_file(capture(values, photometric, **changes))]


def _coloured(photometric: str, **changes: object) -> Callable[[], list[bytes]]:
    values = np.arange(32 * 36 * 3, dtype=np.uint8).reshape(32, 36, 3)
    return lambda: [to_file(capture(values, photometric, **changes))]


def _in_pixels(keyword: str, bits: int) -> Callable[[], list[bytes]]:
    """Return a maker of a parametric map: float pixel data, which no model here takes."""

    def make() -> list[bytes]:
        datasets = samples.series("MR", slices=4, rows=32, columns=36)
        for dataset in datasets:
            del dataset.PixelData
            dataset.BitsAllocated = bits
            setattr(dataset, keyword, np.ones(32 * 36, f"<f{bits // 8}").tobytes())
        return to_files(datasets)

    return make


def _compressed(syntax: str) -> Callable[[], list[bytes]]:
    return changed(syntax=syntax)


def _high_throughput(*, coded: bool, damaged: bool = False) -> Callable[[], list[bytes]]:
    def make() -> list[bytes]:
        datasets = samples.series("MR", slices=4, rows=32, columns=32)
        for index, dataset in enumerate(datasets):
            samples.set_pixels(dataset, htj2k.slices()[index], bits_stored=16)
        files = to_files(datasets)
        return [_recoded(data, n, damaged=damaged) for n, data in enumerate(datasets)] if coded else files

    return make


def _recoded(dataset: Dataset, index: int, *, damaged: bool) -> bytes:
    stream = htj2k.stream(index)
    if damaged:
        stream = stream[:120] + bytes(len(stream) - 120)
    file = to_file(dataset, JPEG2000Lossless)  # for its form: encapsulated, one fragment
    at = file.rindex(b"\xe0\x7f\x10\0OB") + 12
    coded = encapsulate([stream + b"\0" * (len(stream) % 2)]) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return samples.raw_file(samples.data_set_of(file[:at]) + coded, HTJ2KLossless)


def _more_pixels(file: bytes) -> bytes:
    """Say fewer rows than there are pixels."""
    at = file.index(b"\x28\0\x10\0US")
    return file[: at + 8] + b"\x10\0" + file[at + 10 :]


_PALETTE: Final = {
    f"{colour}PaletteColorLookupTable{part}": value
    for colour in ("Red", "Green", "Blue")
    for part, value in (("Descriptor", [2, 0, 8]), ("Data", b"\0\xff"))
}

PIXELS: Final = (
    Piece(
        name="zero-rows",
        why="an image without a line",
        files=changed(put("Rows", 0, _FIRST)),
        volume=_UNREADABLE,
        frame=_UNREADABLE,
    ),
    Piece(
        name="more-rows-than-pixels",
        why="a reader that trusts the header reads beyond the buffer",
        frame=_UNREADABLE,
        files=changed(put("Rows", 4_000, _FIRST)),
        volume="size-mixed",
    ),
    Piece(
        name="all-rows-more-than-pixels",
        why="the same in every slice",
        files=changed(put("Rows", 4_000)),
        volume=_UNREADABLE,
        frame=_UNREADABLE,
    ),
    Piece(
        name="fewer-rows-than-pixels",
        why="half a picture that looks whole",
        volume=_UNREADABLE,
        frame=_UNREADABLE,
        files=rewritten(_more_pixels, slice(None)),
    ),
    Piece(
        name="rows-40000",
        why="3 GB announced in four bytes",
        files=changed(put("Rows", 40_000), put("Columns", 40_000)),
        volume="too-large",
        frame="too-large",
    ),
    Piece(
        name="frames-2000000000",
        why="a loop over frames that are not there",
        frame="too-large",
        volume="too-large",
        files=changed(put("NumberOfFrames", "2000000000")),
    ),
    Piece(
        name="no-pixel-data",
        why="a header that announces what never comes",
        files=changed(put("PixelData", None, _FIRST)),
        volume=_UNREADABLE,
        frame=_UNREADABLE,
    ),
    Piece(
        name="empty-pixel-data",
        why="the same, with an element",
        files=changed(put("PixelData", b"", _FIRST)),
        volume=_UNREADABLE,
        frame=_UNREADABLE,
    ),
    Piece(
        name="bits-32",
        why="32-bit integers, which no viewer here shows",
        files=changed(put("BitsAllocated", 32)),
        volume=_UNSUPPORTED,
        frame=_UNSUPPORTED,
    ),
    Piece(
        name="bits-12",
        why="samples packed across bytes",
        files=changed(put("BitsAllocated", 12)),
        volume=_UNSUPPORTED,
        frame=_UNSUPPORTED,
    ),
    Piece(
        name="bits-stored-over-allocated",
        why="20 bits in 16",
        files=changed(put("BitsStored", 20)),
        volume=_UNREADABLE,
        frame=_UNREADABLE,
    ),
    Piece(
        name="float-pixels",
        why="Float Pixel Data, 32 bits",
        files=_in_pixels("FloatPixelData", 32),
        volume=_UNSUPPORTED,
        frame=_UNSUPPORTED,
    ),
    Piece(
        name="double-pixels",
        why="Double Float Pixel Data",
        files=_in_pixels("DoubleFloatPixelData", 64),
        volume=_UNSUPPORTED,
        frame=_UNSUPPORTED,
    ),
    Piece(
        name="monochrome1",
        why="inverted grey: a model would see the negative",
        files=changed(put("PhotometricInterpretation", "MONOCHROME1")),
        volume=_UNSUPPORTED,
        frame=SHOWN,
    ),
    Piece(
        name="unknown-photometric",
        why="a kind of pixels of nobody's",
        files=changed(put("PhotometricInterpretation", "XRAY")),
        volume=_UNSUPPORTED,
        frame=_UNSUPPORTED,
    ),
    Piece(
        name="palette",
        why="colours from a table",
        frame=SHOWN,
        volume="not-a-volume",
        files=lambda: [
            to_file(
                capture(
                    np.zeros((32, 36), np.uint8), "MONOCHROME2", PhotometricInterpretation="PALETTE COLOR", **_PALETTE
                )
            )
        ],
    ),
    Piece(
        name="palette-without-table",
        why="colours from nothing",
        files=_captured(PhotometricInterpretation="PALETTE COLOR"),
        frame=_UNREADABLE,
    ),
    Piece(
        name="ybr-full-422",
        why="half the colours are left out: 2 bytes a pixel, not 3",
        frame=_UNREADABLE,
        files=_coloured("YBR_FULL_422"),
    ),
    Piece(name="ybr-full", why="colours as an encoder stores them", files=_coloured("YBR_FULL"), frame=SHOWN),
    Piece(
        name="grey-of-three-samples",
        why="a grey image with three samples a pixel",
        frame=_UNSUPPORTED,
        files=_coloured("RGB", PhotometricInterpretation="MONOCHROME2"),
    ),
    Piece(
        name="overlay-in-pixels",
        why="a retired overlay in the bits that are not stored",
        frame=SHOWN,
        volume=VOLUME,
        files=changed(_overlaid, modality="MR"),
        twin="plain-mr",
    ),
    Piece(name="plain-mr", why="the same without", files=changed(modality="MR"), frame=SHOWN, volume=VOLUME),
)

TWINS: Final = tuple(
    Piece(
        name=f"twin-{name}",
        why=f"the same slices in {what}: the same volume",
        files=_compressed(syntax),
        volume=VOLUME,
        frame=SHOWN,
        twin="plain",
    )
    for name, what, syntax in (
        ("rle", "run-length encoding", RLELossless),
        ("jpeg-ls", "JPEG-LS", JPEGLSLossless),
        ("jpeg-2000", "JPEG 2000", JPEG2000Lossless),
    )
)

OTHER_TWINS: Final = (
    Piece(
        name="twin-htj2k",
        why="the same slices in High-Throughput JPEG 2000",
        files=_high_throughput(coded=True),
        volume=VOLUME,
        frame=SHOWN,
        twin="plain-htj2k",
    ),
    Piece(
        name="plain-htj2k",
        why="the same, not compressed",
        files=_high_throughput(coded=False),
        volume=VOLUME,
        frame=SHOWN,
    ),
    Piece(
        name="htj2k-cut",
        why="a code stream that ends in zeros",
        files=_high_throughput(coded=True, damaged=True),
        volume=_UNREADABLE,
        frame=_UNREADABLE,
    ),
    Piece(
        name="signs-mixed",
        why="signed and unsigned slices that mean the same",
        files=changed(_unsigned_first),
        volume=VOLUME,
        frame=SHOWN,
        twin="plain",
    ),
    Piece(
        name="no-fragments",
        why="encapsulated pixels without one fragment",
        volume=_UNREADABLE,
        frame=_UNREADABLE,
        files=lambda: [_emptied(f) for f in changed(syntax=JPEG2000Lossless)()],
    ),
)


def _emptied(file: bytes) -> bytes:
    at = file.rindex(b"\xe0\x7f\x10\0OB") + 12
    return file[:at] + samples.implicit(0xFFFEE000, b"") + samples.implicit(0xFFFEE0DD, b"")


IMAGES: Final = (*PIXELS, *TWINS, *OTHER_TWINS)
