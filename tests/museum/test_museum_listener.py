"""Every exhibit through the network, into a listener that runs as it would in a hospital; then it is looked at."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from dicom_adapters.associate.refusals import REFUSALS
from guarantee.ids import digest
from tests.installation import Installation
from tests.museum.collection import PIECES
from tests.museum.piece import KEPT, NEVER_SENT, Piece
from tests.museum.visitors import (
    MEBIBYTE,
    Shipment,
    Weight,
    arrived,
    echoes,
    half_written,
    image,
    refusals,
    tool,
)
from tests.museum.words import WORDS

SUCCESS = 0x0000

TAKEN, REFUSED = "Response (Success)", "Response (Error"
"""What DCMTK's senders print for each answer."""


@pytest.fixture(scope="module")
def before(house: Installation) -> Weight:
    """Weigh the listener once everything that it needs at all is loaded."""
    for n in range(3):
        assert image(n, 200_000).send(house.scp) == SUCCESS
    return Weight.of(house)


@pytest.mark.parametrize("piece", PIECES.values(), ids=str)
def test_an_exhibit_is_kept_or_refused_by_name(house: Installation, before: Weight, piece: Piece) -> None:
    shipment = Shipment.of(piece.files()[0], honest=piece.stored == KEPT)
    if shipment is None:
        assert piece.stored == NEVER_SENT
        return
    noted = refusals(house)

    status = shipment.send(house.scp)

    if piece.stored == NEVER_SENT:
        assert status is None
    elif piece.stored == KEPT:
        assert status == SUCCESS
        assert house.vault.get(digest(shipment.kept)) == shipment.kept
    else:
        assert status == REFUSALS[piece.stored]
        assert refusals(house)[len(noted) :] == [piece.stored]


@pytest.mark.parametrize(
    ("name", "flags", "room"),
    [
        ("dcmsend", ("--no-halt", "-v", "+r"), PIECES),
        ("storescu", ("-nh", "-v", "-R", "+r"), {p.name: p for p in WORDS}),
    ],
)
def test_what_other_peoples_tools_make_of_the_museum(
    house: Installation,
    before: Weight,
    name: str,
    flags: tuple[str, ...],
    room: Mapping[str, Piece],
    tmp_path: Path,
) -> None:
    """They leave some of it out, and repair some; what comes is answered, and every refusal is written down."""
    for piece in room.values():
        (tmp_path / f"{piece.name}.dcm").write_bytes(piece.files()[0])
    noted = len(refusals(house))

    done = tool(name, *flags, "127.0.0.1", str(house.scp), "+sd", str(tmp_path), timeout_s=300)

    said = (done.stdout + done.stderr).decode("latin-1")
    assert said.count(TAKEN) > len(room) / 3, said[-2_000:]
    assert said.count(REFUSED) >= 1
    assert len(refusals(house)) - noted >= said.count(REFUSED)
    assert echoes(house)


def test_the_same_name_with_other_bytes_replaces_nothing(house: Installation) -> None:
    first, second = (image(77, size) for size in (2_000, 4_000))
    assert first.sop_instance_uid == second.sop_instance_uid

    assert first.send(house.scp) == SUCCESS
    assert second.send(house.scp) == SUCCESS

    for sent in (first, second):
        assert house.vault.get(digest(sent.kept)) == sent.kept


def test_after_all_of_it_the_listener_is_as_before(house: Installation, before: Weight) -> None:
    """The last of this file: pytest keeps the order, and the module shares one listener for each way of receiving."""
    assert echoes(house)
    assert image(99).send(house.scp) == SUCCESS
    house.eventually(lambda: Weight.of(house).threads <= before.threads, "the threads of ended conversations to end")
    house.eventually(lambda: Weight.of(house).files <= before.files, "their sockets to be closed")

    after = Weight.of(house)

    assert after.memory_bytes < before.memory_bytes + 128 * MEBIBYTE
    assert half_written(house) == []
    assert image(99).sop_instance_uid in arrived(house)
    assert "Traceback" not in house.said()
