"""A multipart body gives the same parts however it is cut into pieces, and what is none is said to be none."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_adapters.read.multipart import (
    PART_HEADER_BYTES_MAX,
    PREAMBLE_BYTES_MAX,
    Begin,
    BrokenBody,
    Data,
    End,
    Parts,
    content_type,
)

MARK = "a-boundary"


def body(*parts: bytes, end: bytes = b"--\r\n") -> bytes:
    head = b"Content-Type: application/dicom\r\nX: y:z"
    return b"".join(b"--a-boundary\r\n" + head + b"\r\n\r\n" + part + b"\r\n" for part in parts) + b"--a-boundary" + end


def read(data: bytes, cuts: tuple[int, ...] = ()) -> list[bytes]:
    """Return the parts of ``data``, fed in pieces."""
    parts, found = Parts(MARK), []
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, stop in pairwise(places):
        for event in parts.feed(data[start:stop]):
            match event:
                case Begin(headers):
                    found.append(bytearray())
                    assert headers in ({"content-type": "application/dicom", "x": "y:z"}, {})
                case Data(piece):
                    found[-1] += piece
                case End():
                    found[-1] = bytes(found[-1])
    parts.close()
    assert all(isinstance(part, bytes) for part in found)
    return found


PIECES = st.lists(st.sampled_from([b"\r\n--a-boundar", b"\r\n--", b"\r\n", b"-", b"\0", b"DICM", b"a-boundary"]))
PART = PIECES.map(b"".join).filter(lambda part: b"\r\n--a-boundary" not in part)


@settings(max_examples=150, deadline=None)
@given(st.lists(PART, min_size=1, max_size=4), st.lists(st.integers(0, 10_000), max_size=12))
def test_where_the_network_cuts_does_not_matter(parts: list[bytes], cuts: list[int]) -> None:
    assert read(body(*parts), tuple(cuts)) == parts


def test_byte_by_byte() -> None:
    data = body(b"one", b"", b"\r\n\r\nthree")
    assert read(data, tuple(range(len(data)))) == [b"one", b"", b"\r\n\r\nthree"]


@pytest.mark.parametrize(
    "data",
    [
        b"a preamble\r\n" + body(b"x"),
        b"\r\n" + body(b"x"),
        body(b"x") + b"an epilogue\r\n--a-boundary\r\n",
        body(b"x").replace(b"--a-boundary\r\n", b"--a-boundary \t\r\n"),
        b"--a-boundary\r\n\r\nx\r\n--a-boundary--",
    ],
)
def test_what_the_standard_allows_around_a_part(data: bytes) -> None:
    assert read(data) == [b"x"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        body(b"x", end=b""),
        body(b"x", end=b"-"),
        body(b"x")[:-20],
        body(b"x", end=b"other\r\n"),
        body(b"x", end=b"-\r\n"),
        b"--another\r\n\r\nx\r\n--another--\r\n",
        bytes(PREAMBLE_BYTES_MAX + 20) + body(b"x"),
        b"--a-boundary\r\nno colon\r\n\r\nx\r\n--a-boundary--",
        b"--a-boundary\r\n: no name\r\n\r\nx\r\n--a-boundary--",
        b"--a-boundary\r\nx: " + b"y" * PART_HEADER_BYTES_MAX + b"\r\n\r\nx\r\n--a-boundary--",
        b"--a-boundary" + b" " * (PART_HEADER_BYTES_MAX + 1),
    ],
)
@pytest.mark.parametrize("cuts", [(), tuple(range(0, 100_000, 97))])
def test_what_is_no_multipart_body_is_refused(data: bytes, cuts: tuple[int, ...]) -> None:
    with pytest.raises(BrokenBody):
        read(data, cuts)


def feed_for_ever(parts: Parts) -> None:
    for _ in range(100):
        list(parts.feed(bytes(4096)))


def test_a_body_without_a_boundary_is_not_held() -> None:
    parts = Parts(MARK)
    with pytest.raises(BrokenBody, match="no boundary"):
        feed_for_ever(parts)
    assert len(parts._held) < 10_000


@pytest.mark.parametrize(
    ("header", "media", "parts", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary=abc', "multipart/related", "application/dicom", "abc"),
        ('Multipart/Related; boundary="a b"; type=Application/DICOM', "multipart/related", "application/dicom", "a b"),
        ("multipart/related", "multipart/related", "", ""),
        ("multipart/related; boundary=" + "a" * 201, "multipart/related", "", ""),
        ('multipart/related; boundary="é"', "multipart/related", "", ""),
        ('multipart/related; boundary="a\r\nb"', "multipart/related", "", "a  b"),
        ("application/dicom", "application/dicom", "", ""),
        ("", "", "", ""),
    ],
)
def test_a_content_type_is_read(header: str, media: str, parts: str, boundary: str) -> None:
    found = content_type(header)
    assert (found.media, found.type, found.boundary) == (media, parts, boundary)
