"""Every exhibit through every reader: the verdict on its label, and nothing but our own errors."""

import hashlib
import subprocess
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from dicom_adapters.errors import MalformedInstance
from dicom_adapters.image.pixels import describe_series, read_frame
from dicom_adapters.image.series import read_volume
from dicom_adapters.read.headers import read_header
from guarantee.errors import NotEligible
from guarantee.inputs import Volume
from tests.museum.collection import PIECES, ROOMS
from tests.museum.piece import KEPT, SHOWN, VOLUME, Piece
from tests.museum.words import undecodable_identifiers
from tests.peers.fixtures import tool


@pytest.fixture(autouse=True)
def _as_in_a_hospital() -> Iterator[None]:
    """Warnings of pydicom are not errors there: a verdict must not lean on their being raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def asked(door: str) -> list[Piece]:
    """Return the exhibits that have something to say at ``door``."""
    return [piece for piece in PIECES.values() if getattr(piece, door)]


def test_every_label_is_whole() -> None:
    assert len(PIECES) == sum(map(len, ROOMS))
    for piece in PIECES.values():
        assert piece.since >= "2026-11-27"
        assert piece.why
        assert not piece.twin or PIECES[piece.twin].volume == VOLUME


@pytest.mark.parametrize("piece", PIECES.values(), ids=str)
def test_the_reader_of_headers(piece: Piece) -> None:
    data = piece.files()[0]

    assert verdict(lambda: read_header(data), KEPT) == piece.read
    if piece.patient is not None:
        assert read_header(data).patient.name == piece.patient


@pytest.mark.parametrize("piece", asked("volume"), ids=str)
def test_a_volume_for_a_model(piece: Piece) -> None:
    files = piece.files()

    assert verdict(lambda: read_volume(files), VOLUME) == piece.volume
    if piece.twin:
        assert digest_of(read_volume(files)) == digest_of(read_volume(PIECES[piece.twin].files()))


@pytest.mark.parametrize("piece", asked("frame"), ids=str)
def test_a_picture_for_the_desk(piece: Piece) -> None:
    files = piece.files()

    assert verdict(lambda: read_frame(files[0], 1), SHOWN) == piece.frame


@pytest.mark.parametrize("piece", asked("frame"), ids=str)
def test_a_series_for_the_desk(piece: Piece) -> None:
    """It is described, or refused for a reason; the pictures are judged above."""
    files = [(f"1.2.{n}", file) for n, file in enumerate(piece.files())]

    assert verdict(lambda: describe_series(files), SHOWN) in {SHOWN, *NOT_DESCRIBED}


NOT_DESCRIBED = (
    *("no-images", "size-mixed", "rescale-mixed"),
    *("samples-unsupported", "too-large", "pixels-unreadable"),
)


def test_identifiers_that_differ_stay_different() -> None:
    first, second = (read_header(file).patient.identifier for file in undecodable_identifiers())
    assert first != second


def digest_of(volume: Volume) -> str:
    parts: Iterable[object] = (volume.dtype, volume.shape, volume.affine, [s.sop_instance_uid for s in volume.slices])
    return hashlib.sha256(repr(parts).encode() + bytes(volume.voxels)).hexdigest()


def verdict(ask: Callable[[], object], taken: str) -> str:
    """Return ``taken``, or the code of our own error; any other one fails the test."""
    try:
        ask()
    except (MalformedInstance, NotEligible) as error:
        return error.code
    return taken


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("dcmcjpeg", ("+e1",)),
        ("dcmcjpeg", ("+el",)),
        ("dcmcjpls", ("+el",)),
        ("dcmcrle", ()),
        ("dcmconv", ("+tb",)),
        ("dcmconv", ("+ti",)),
    ],
)
def test_a_series_that_dcmtk_rewrote_is_the_same_volume(name: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    """JPEG lossless (process 14, and its first predictor alone), JPEG-LS, run lengths, big-endian, implicit VR."""
    twins = []
    for n, file in enumerate(PIECES["plain-mr"].files()):
        (tmp_path / f"{n}.dcm").write_bytes(file)
        command = [tool(name), *flags, str(tmp_path / f"{n}.dcm"), str(tmp_path / f"{n}.out")]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        twins.append((tmp_path / f"{n}.out").read_bytes())

    assert twins != PIECES["plain-mr"].files()
    assert digest_of(read_volume(twins)) == digest_of(read_volume(PIECES["plain-mr"].files()))
