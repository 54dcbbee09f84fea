"""One value, one sequence of bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarantee import canonical as module
from guarantee.canonical import DEPTH_MAX, INT_MAX, Json, canonical, parse_canonical
from guarantee.errors import NotCanonical

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-INT_MAX, INT_MAX) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_a_value_comes_back_from_its_bytes(value: Json) -> None:
    assert parse_canonical(canonical(value)) == value


@given(VALUES)
def test_a_value_has_one_sequence_of_bytes(value: Json) -> None:
    """Another order of the keys and other white space are the same value, and give the same bytes."""
    shuffled = json.loads(json.dumps(value, indent=1, sort_keys=False))
    assert canonical(shuffled) == canonical(value)


@given(VALUES, st.data())
def test_bytes_that_were_touched_are_another_value_or_refused(value: Json, data: st.DataObject) -> None:
    original = canonical(value)
    place = data.draw(st.integers(0, len(original) - 1))
    touched = original[:place] + bytes([original[place] ^ data.draw(st.integers(1, 255))]) + original[place + 1 :]
    try:
        read = parse_canonical(touched)
    except NotCanonical:
        return
    assert canonical(read) == touched != original


def test_keys_are_sorted_and_nothing_is_spaced() -> None:
    assert canonical({"b": [1, True, None], "a": "é"}) == '{"a":"é","b":[1,true,null]}'.encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"b":1,"a":2}', "canonical form"),
        (b'{"a":1,"a":1}', "canonical form"),
        (b'{"a": 1}', "canonical form"),
        (b"[1]\n", "canonical form"),
        (b'"\\u00e9"', "canonical form"),
        (b"-0", "canonical form"),
        ('"é"'.encode("utf-16"), "canonical form"),
        (b"1.0", "float"),
        (b"NaN", "float"),
        (b"1e400", "float"),
        (b"9007199254740992", "2\\*\\*53"),
        (b"9" * 5_000, "not JSON"),
        (b'"\xff"', "not JSON"),
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'"\\ud800"', "surrogate"),
    ],
)
def test_bytes_in_another_form_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(NotCanonical, match=why):
        parse_canonical(data)


def nested(depth: int) -> Json:
    value: Json = 1
    for _ in range(depth):
        value = [value]
    return value


def test_the_depth_is_limited() -> None:
    assert parse_canonical(canonical(nested(DEPTH_MAX))) == nested(DEPTH_MAX)
    with pytest.raises(NotCanonical, match="deeper"):
        canonical(nested(DEPTH_MAX + 1))


def test_the_size_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BYTES_MAX", 3)
    assert parse_canonical(b"123") == 123
    with pytest.raises(NotCanonical, match="4 bytes"):
        parse_canonical(b"1234")


@pytest.mark.parametrize(
    "value",
    [1.0, {1: "a"}, {"a": {"b": (1,)}}, b"x", {"\ud800": 1}, ["\udfff"], INT_MAX + 1, -INT_MAX - 1, object()],
)
def test_what_has_no_canonical_form_is_refused(value: Json) -> None:
    with pytest.raises(NotCanonical):
        canonical(value)
