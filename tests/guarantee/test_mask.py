"""A mask and its bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarantee.errors import Malformed
from guarantee.ids import digest
from guarantee.mask import Grid, Mask, frame_name, frame_of


def packed(frames: list[list[bool]]) -> bytes:
    """Pack pixels the slow and obvious way: one bit a pixel, lowest bit first, each frame padded to a whole byte."""
    out = bytearray()
    for frame in frames:
        for start in range(0, len(frame), 8):
            out.append(sum(1 << n for n, pixel in enumerate(frame[start : start + 8]) if pixel))
    return bytes(out)


@st.composite
def drawn(draw: st.DrawFn) -> tuple[list[list[bool]], Mask]:
    rows, columns, count = draw(st.integers(1, 5)), draw(st.integers(1, 5)), draw(st.integers(0, 3))
    size = rows * columns
    pixels = draw(st.lists(st.lists(st.booleans(), min_size=size, max_size=size), min_size=count, max_size=count))
    grid = Grid(frames=tuple(f"1.2.{n}" for n in range(count)), rows=rows, columns=columns)
    return pixels, Mask(grid=grid, bits=packed(pixels))


@given(drawn())
def test_a_mask_comes_back_from_its_bytes(example: tuple[list[list[bool]], Mask]) -> None:
    pixels, mask = example
    assert Mask.from_bytes(mask.to_bytes()) == mask
    assert mask.count == sum(map(sum, pixels))
    assert [mask.frame(n) for n in range(len(pixels))] == [packed([frame]) for frame in pixels]


@given(drawn(), st.data())
def test_one_voxel_changes_the_digest(example: tuple[list[list[bool]], Mask], data: st.DataObject) -> None:
    pixels, mask = example
    if not pixels:
        return
    frame, place = data.draw(st.integers(0, len(pixels) - 1)), data.draw(st.integers(0, len(pixels[0]) - 1))
    pixels[frame][place] = not pixels[frame][place]
    assert digest(Mask(grid=mask.grid, bits=packed(pixels)).to_bytes()) != digest(mask.to_bytes())


GRID = Grid(frames=("1.2",), rows=1, columns=3)
DATA = Mask(grid=GRID, bits=b"\x05").to_bytes()


def test_the_form_is_the_one_that_is_written_down() -> None:
    assert DATA == b'AVALMASK1\n{"columns":3,"frames":["1.2"],"rows":1}\n\x05'


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a mask"),
        (b"AVALMASK2" + DATA[9:], "not a mask"),
        (DATA + b"\x00", "fit its grid"),
        (DATA[:-1], "fit its grid"),
        (DATA[:-1] + b"\x08", "pad a frame"),
        (DATA.replace(b'{"columns"', b'{ "columns"'), "canonical"),
        (DATA.replace(b'"rows":1', b'"rows":1,"more":1'), "canonical|unknown"),
        (DATA.replace(b'"rows":1', b'"rows":-1'), "rows and columns"),
        (DATA.replace(b'"columns":3', b'"columns":0'), "rows and columns"),
    ],
)
def test_other_bytes_are_not_a_mask(data: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        Mask.from_bytes(data)


@pytest.mark.parametrize(
    ("uid", "frame", "name"), [("1.2.3", 0, "1.2.3"), ("1.2.3", 1, "1.2.3#1"), ("1.2", 20, "1.2#20")]
)
def test_an_image_has_one_name(uid: str, frame: int, name: str) -> None:
    assert frame_name(uid, frame) == name
    assert frame_of(name) == (uid, frame)


@pytest.mark.parametrize("name", ["1.2#", "1.2#0", "1.2#01", "1.2#-1", "1.2#x", "1.2#1#2", "1.2#\u0663"])
def test_a_name_that_numbers_no_frame_is_refused(name: str) -> None:
    with pytest.raises(Malformed):
        frame_of(name)
