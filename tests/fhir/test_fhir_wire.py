"""JSON on the wire: what is refused, and that numbers keep every digit."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_adapters.errors import BadRequest
from fhir_adapters.outcome import refusal
from fhir_adapters.times import read_date, read_time
from fhir_adapters.wire import BODY_BYTES_MAX, DEPTH_MAX, parse_body, read_exact, write_exact

JSON = "application/fhir+json"


def nested(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "structure"),
        (b"nul", 400, "structure"),
        (b"[]", 400, "structure"),
        (b'"text"', 400, "structure"),
        (b'{"a":1}x', 400, "structure"),
        (b"[" * 100_000, 400, "structure"),
        (b'{"a":' * 100_000, 400, "structure"),
        (nested(DEPTH_MAX + 1), 400, "structure"),
        (b'{"a":' + b"1" * 5_000 + b"}", 400, "structure"),
        (b'{"a":' + b"1" * 65 + b"}", 400, "value"),
        (b'{"a":0.' + b"1" * 5_000 + b"}", 400, "value"),
        (b'{"a":1e31}', 400, "value"),
        (b'{"a":1e-999999999}', 400, "value"),
        (b'{"a":NaN}', 400, "structure"),
        (b'{"a":Infinity}', 400, "structure"),
        (b'{"a":"\\u0000"}', 400, "value"),
        (b'{"\\u0007":1}', 400, "structure"),
        (b'{"a":"\\ud800"}', 400, "structure"),
        (b'{"a":"\xff"}', 400, "structure"),
        (b'{"a":1,"a":2}', 400, "structure"),
        (b'{"x":{"a":1,"a":1}}', 400, "structure"),
        ('{"a":1}'.encode("utf-16"), 400, "structure"),
        (b"{" + b" " * BODY_BYTES_MAX + b"}", 413, "too-long"),
    ],
    ids=lambda value: value[:20].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_a_hostile_or_broken_body_is_refused_with_an_outcome(data: bytes, status: int, code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_body(data, JSON)
    assert (refused.value.status, refused.value.code) == (status, code)
    said = json.loads(refusal(refused.value))
    assert said["resourceType"] == "OperationOutcome"
    assert said["issue"][0]["code"] == code


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/html",
        "application/fhir+xml",
        "application/json; charset=utf-16",
        "application/fhir+json; charset=iso-8859-1",
        "application/fhir+json; fhirVersion=5.0",
    ],
)
def test_another_media_type_or_character_set_is_refused(content_type: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_body(b"{}", content_type)
    assert refused.value.status == 415


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/FHIR+JSON; Charset=UTF-8",
        'application/fhir+json;charset="utf-8";fhirVersion=4.0',
    ],
)
def test_the_usual_ways_to_say_fhir_json_are_taken(content_type: str) -> None:
    assert parse_body(b'{"a":1}', content_type) == {"a": 1}


def test_a_byte_order_mark_is_skipped() -> None:
    assert parse_body(b"\xef\xbb\xbf{}", JSON) == {}


def test_the_deepest_allowed_nesting_is_taken() -> None:
    assert parse_body(nested(DEPTH_MAX), JSON)


@pytest.mark.parametrize("text", ["72.50", "0.10", "412.500", "-0.0", "1E+2", "0.1234567890123456789", "100"])
def test_a_number_keeps_its_digits(text: str) -> None:
    value = read_exact(b'{"value":' + text.encode() + b"}")["value"]
    assert str(value) == text.replace("E+2", "E+2")
    assert read_exact(write_exact({"value": value}))["value"] == value


def test_trailing_zeros_are_written_as_they_were_read() -> None:
    assert write_exact(read_exact(b'{"value":412.50}')) == b'{"value":412.50}'


def test_a_float_is_never_written() -> None:
    with pytest.raises(TypeError, match="float"):
        write_exact({"value": 0.1})


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)
VALUES: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_what_is_written_is_read_back_the_same(value: dict[str, Any]) -> None:
    assert read_exact(write_exact(value)) == value


def test_a_decimal_with_an_exponent_is_written_in_plain_digits() -> None:
    assert write_exact([Decimal("1E+3"), Decimal("1.50E-3")]) == b"[1000,0.00150]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T10:15:00Z", "2026-11-21T10:15:00+00:00"),
        ("2026-11-21T10:15:00.1234567+01:00", "2026-11-21T10:15:00.123456+01:00"),
        ("2026-11-21", "2026-11-21T00:00:00+00:00"),
        ("2016-12-31T23:59:60Z", None),
        ("2026-11", None),
        ("2026-02-30", None),
        ("", None),
        (None, None),
        (20261121, None),
    ],
)
def test_a_time_is_read_with_its_zone_or_not_at_all(text: object, expected: str | None) -> None:
    found = read_time(text)
    assert (found and found.isoformat()) == expected


@pytest.mark.parametrize("text", ["2026", "2026-11", "2026-02-30", "2026-11-21T10:15:00Z", None])
def test_a_date_is_exact_to_the_day_or_not_read(text: object) -> None:
    assert read_date(text) is None
