"""Every exhibit by STOW-RS and from a folder: the same verdict as by C-STORE."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from guarantee.ids import digest
from tests.dicom.stow_site import REFERENCED, StowSite, body
from tests.installation import Installation, json_of
from tests.museum.collection import PIECES
from tests.museum.piece import KEPT, NEVER_SENT, Piece
from tests.museum.visitors import Shipment


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StowSite]:
    folder: Path = tmp_path_factory.mktemp("stow")
    site = StowSite(folder)
    yield site
    site.server.stop()


@pytest.mark.parametrize("piece", PIECES.values(), ids=str)
def test_an_exhibit_is_stored_or_refused_by_name(site: StowSite, piece: Piece) -> None:
    expected, file = expected_of(piece), file_of(piece)
    noted, arrived = len(site.codes), len(site.arrivals)

    said = site.post(body(file))

    if expected == KEPT:
        assert said.status == 200
        (name,) = said.instances(REFERENCED)
        assert [arrival.source.uid for arrival in site.arrivals[arrived:]] == [name]
        assert site.vault.get(digest(file)) == file
    else:
        assert site.codes[noted:] == [expected]
        assert len(site.arrivals) == arrived


def test_the_next_one_is_stored(site: StowSite) -> None:
    assert site.post(body(PIECES["plain"].files()[0])).status == 200


def test_a_folder_of_exhibits_is_imported_file_by_file(tmp_path: Path) -> None:
    """Files whose names would leave the folder in a DICOMDIR are another matter: tests/e2e/test_import.py."""
    house, place = Installation(tmp_path / "data", {}), tmp_path / "museum"
    place.mkdir()
    for piece in PIECES.values():
        (place / f"{piece.name}.dcm").write_bytes(file_of(piece))

    told = json_of(house.aval("import", str(place), "--json"))

    refused = {Path(one["file"]).stem: one["code"] for one in told["refused"]}
    assert refused == {piece.name: expected_of(piece) for piece in PIECES.values() if expected_of(piece) != KEPT}
    assert told["new"] + told["known"] + told["conflicts"] == len(PIECES) - len(refused)


def expected_of(piece: Piece) -> str:
    """Return the verdict on a data set that comes in a file: there is no context that could have been refused."""
    return piece.read if piece.stored == NEVER_SENT else piece.stored


def file_of(piece: Piece) -> bytes:
    """Return the data set under file meta information that announces it, as these two doors ask for it."""
    file = piece.files()[0]
    shipment = Shipment.of(file, honest=expected_of(piece) == KEPT)
    return file if shipment is None else shipment.kept
