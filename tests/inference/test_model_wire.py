"""What host and child say to each other."""

import io
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from guarantee.canonical import Json, canonical
from guarantee.content import Finding, KeyImage, Origin, Presence, Quantity, Text, Used
from guarantee.errors import Malformed
from guarantee.inputs import Coded, Inputs, Record, Slice, Volume
from guarantee.mask import Grid, Mask
from guarantee.ports import Proposal, ProposedSegment
from guarantee.runs import Spent
from inference.errors import WireBroken
from inference.messages import read_inputs, read_proposal, write_inputs, write_proposal
from inference.view import View
from inference.wire import MARK, pack, receive, send
from tests.inference.builders import NOON, reading, record

LABEL = Text(fr="Chose", en="Thing")
CODE = Coded(code="1", scheme="99TEST", meaning="thing")
SLICES = tuple(Slice(sop_class_uid="1.2", sop_instance_uid=f"2.25.{n}") for n in range(3))


def volume() -> Volume:
    voxels = np.arange(24, dtype="<i2").reshape(3, 2, 4)
    return Volume(
        voxels=voxels.tobytes(),
        dtype="<i2",
        shape=(3, 2, 4),
        affine=(0.1, 0, 0, -1e-17, 0, 1 / 3, 0, 2, 0, 0, 3, 3, 0, 0, 0, 1),
        slices=SLICES,
        modality="MR",
        patient_age_years=61.37,
    )


def as_it_is(inputs: Inputs) -> View:
    """Return a view that hides nothing: here it is the wire that is looked at."""
    images = {image.sop_instance_uid: image for image in inputs.slices} if isinstance(inputs, Volume) else {}
    return View(inputs=inputs, images=images, readings={})


def proposal() -> Proposal:
    grid = Grid(frames=tuple(s.sop_instance_uid for s in SLICES), rows=2, columns=4)
    quantity = Quantity(
        concept=CODE,
        label=LABEL,
        value=Decimal("12.50"),
        unit=Coded(code="mL", scheme="UCUM", meaning="milliliter"),
        origin=Origin.MODEL,
    )
    finding = Finding(
        key="thing",
        label=LABEL,
        category=CODE,
        type=CODE,
        presence=Presence.PRESENT,
        site=None,
        laterality=None,
        score=Decimal("0.70"),
        threshold=Decimal("0.5"),
        quantities=(quantity,),
        segment=1,
        regions=(),
        origin=Origin.MODEL,
    )
    return Proposal(
        findings=(finding,),
        segments=(
            ProposedSegment(
                number=1, label=LABEL, category=CODE, type=CODE, mask=Mask(grid=grid, bits=b"\x01\x80\xff")
            ),
        ),
        key_images=(KeyImage(sop_class_uid="1.2", sop_instance_uid="2.25.1", frame=1, label=LABEL),),
        inputs=(
            Used(label=LABEL, code=CODE, value=Decimal("7.0"), unit="g/L", taken_at=NOON, source="Observation/1"),
            Used(label=LABEL, code=CODE, value=None, unit="g/L", taken_at=None, source=""),
        ),
        report="Rapport proposé : œdème ≥ 3 mm",
        cautions=(LABEL,),
    )


def test_a_message_arrives_as_it_was_sent() -> None:
    pipe = io.BytesIO()
    send(pipe, pack({"a": ["é", 1, None]}, [b"", b"abc", memoryview(np.arange(3, dtype="<i2"))]))
    send(pipe, pack({}))
    pipe.seek(0)
    first, second = receive(pipe, 9), receive(pipe, 0)
    assert first is not None
    assert second is not None
    assert first.header == {"a": ["é", 1, None]}
    assert [bytes(buffer) for buffer in first.buffers] == [b"", b"abc", b"\0\0\1\0\2\0"]
    assert (second.header, second.buffers) == ({}, ())
    assert receive(pipe, 0) is None


def frame(header: Json, size: int | None = None, mark: bytes = MARK) -> bytes:
    data = canonical(header)
    return mark + (len(data) if size is None else size).to_bytes(4, "big") + data


@pytest.mark.parametrize(
    "data",
    [
        b"AVL",
        frame({"says": {}, "sizes": []}, mark=b"AVL2"),
        frame({"says": {}, "sizes": []}, size=2**31),
        frame({"says": {}, "sizes": []})[:-1],
        frame({"says": {}, "sizes": [5]}) + b"four",
        frame({"says": {}, "sizes": [101]}),
        frame({"says": {}, "sizes": [60, 60]}),
        frame({"says": {}, "sizes": [-1]}),
        frame({"says": {}, "sizes": [True]}),
        frame({"says": {}, "sizes": [0] * 257}),
        frame({"says": {}, "sizes": [], "more": 1}),
        frame({"sizes": []}),
        frame([1, 2]),
        MARK + b"\0\0\0\x02" + b"{ ",
        MARK + b"\0\0\0\x11" + b'{"says":{},"a":1}',
        MARK + (100_000).to_bytes(4, "big") + b"[" * 100_000,
    ],
)
def test_what_is_not_a_message_is_refused(data: bytes) -> None:
    with pytest.raises(WireBroken):
        receive(io.BytesIO(data), 100)


def test_a_message_over_the_limit_is_not_sent() -> None:
    with pytest.raises(WireBroken, match="a message of"):
        pack({"a": "x" * (17 * 1024 * 1024)})
    with pytest.raises(WireBroken, match="a message of"):
        pack({}, [b"123", b"456"], bytes_max=5)


def test_a_volume_arrives_bit_by_bit() -> None:
    header, buffers = write_inputs(as_it_is(volume()))
    canonical(header)
    again = read_inputs(header, [memoryview(buffer) for buffer in buffers])
    assert isinstance(again, Volume)
    assert replace(again, voxels=bytes(again.voxels)) == volume()


def test_a_record_arrives_as_it_was() -> None:
    sent = record(61.5, reading("72.50"), reading("1.20", "Hz", hours_ago=2))
    header, buffers = write_inputs(as_it_is(sent))
    canonical(header)
    again = read_inputs(header, [memoryview(buffer) for buffer in buffers])
    assert again == sent
    assert isinstance(again, Record)
    assert [str(found.value) for found in again.readings] == ["72.50", "1.20"]


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"record": {}},
        {"volume": {}},
        {"volume": {"dtype": "<i2", "shape": [1, 1], "affine": [], "slices": [], "modality": "MR", "age": None}},
        {"volume": {"dtype": "<i2", "shape": [9, 9, 9], "affine": [], "slices": [], "modality": "MR", "age": None}},
    ],
)
def test_inputs_that_nobody_wrote_are_refused(header: dict[str, Json]) -> None:
    with pytest.raises(Malformed):
        read_inputs(header, [memoryview(b"12")] if "volume" in header else [])


def test_a_proposal_arrives_as_it_was() -> None:
    header, buffers = write_proposal(proposal())
    canonical(header)
    assert read_proposal(header, [memoryview(buffer) for buffer in buffers], as_it_is(volume())) == proposal()


def test_a_proposal_with_a_part_too_many_or_too_few_is_refused() -> None:
    header, buffers = write_proposal(proposal())
    views = [memoryview(buffer) for buffer in buffers]
    for change in ({**header, "extra": 1}, {key: value for key, value in header.items() if key != "report"}):
        with pytest.raises(Malformed, match="does not have the parts"):
            read_proposal(change, views, as_it_is(volume()))
    with pytest.raises(Malformed, match="1 segments and 0 masks"):
        read_proposal(header, [], as_it_is(volume()))
    with pytest.raises(Malformed, match="the report is text"):
        read_proposal({**header, "report": 3}, views, as_it_is(volume()))
    with pytest.raises(Malformed, match="a list of Finding"):
        read_proposal({**header, "findings": "none"}, views, as_it_is(volume()))


def test_a_mask_that_is_not_the_one_named_is_refused() -> None:
    header, (mask,) = write_proposal(proposal())
    changed = bytearray(mask)
    changed[-1] ^= 1
    with pytest.raises(Malformed, match="not the one its digest names"):
        read_proposal(header, [memoryview(changed)], as_it_is(volume()))


def test_a_mask_on_other_images_is_refused() -> None:
    header, buffers = write_proposal(proposal())
    other = replace(volume(), slices=(SLICES[1], SLICES[0], SLICES[2]))
    with pytest.raises(Malformed, match="other images than those that were given"):
        read_proposal(header, [memoryview(buffer) for buffer in buffers], as_it_is(other))


def test_a_key_image_from_elsewhere_is_refused() -> None:
    stray = KeyImage(sop_class_uid="1.2", sop_instance_uid="2.25.99", frame=1, label=LABEL)
    header, buffers = write_proposal(replace(proposal(), key_images=(stray,)))
    with pytest.raises(Malformed, match="a key image is not one of the images"):
        read_proposal(header, [memoryview(buffer) for buffer in buffers], as_it_is(volume()))


def test_how_long_a_run_took_crosses_beside_the_proposal() -> None:
    spent = Spent(preprocess_s=0.25, predict_s=3.000001, postprocess_s=0.0)
    header, buffers = write_proposal(replace(proposal(), spent=spent))
    read = read_proposal(header, [memoryview(buffer) for buffer in buffers], as_it_is(volume()))
    assert read.spent == spent
    assert read == proposal(), "a measurement is no part of what was proposed"


@pytest.mark.parametrize("said", [[1, 2], [1, 2, -3], [1, 2, 10**13], [1, 2, "3"], "long", 3, {"a": 1}])
def test_a_duration_that_is_none_is_refused(said: Json) -> None:
    header, buffers = write_proposal(proposal())
    with pytest.raises(Malformed):
        read_proposal({**header, "spent_us": said}, [memoryview(buffer) for buffer in buffers], as_it_is(volume()))
