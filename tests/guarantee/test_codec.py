"""Values to JSON and back, strictly."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarantee.canonical import canonical, parse_canonical
from guarantee.case import Manifest
from guarantee.codec import DIGITS_MAX, decimal_text, from_plain, parse_decimal, parse_time, time_text, to_plain
from guarantee.content import Content
from guarantee.errors import Malformed
from guarantee.ids import DecisionId, ResultId, WithdrawalId
from guarantee.opinion import Statement, Verdict
from guarantee.policy import Policy
from guarantee.release import Notice, Terms
from tests.guarantee.samples import (
    POLICY,
    a_content,
    a_finding,
    a_manifest,
    a_notice,
    a_policy,
    a_region,
    a_statement,
    some_grounds,
    terms_for,
)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    text: str
    number: int
    yes: bool
    decimal: Decimal
    colour: Colour
    when: datetime
    many: tuple[Inner, ...]
    some: frozenset[Colour]
    maybe: Inner | None
    name: ResultId
    ground: DecisionId | WithdrawalId


UTC_TIMES = st.datetimes(timezones=st.just(UTC))
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**12), max_value=10**12)
EVERYTHING = st.builds(
    Everything,
    text=st.text(st.characters(codec="utf-8")),
    number=st.integers(-(2**53) + 1, 2**53 - 1),
    yes=st.booleans(),
    decimal=DECIMALS,
    colour=st.sampled_from(Colour),
    when=UTC_TIMES,
    many=st.lists(st.builds(Inner, n=st.integers(0, 9))).map(tuple),
    some=st.frozensets(st.sampled_from(Colour)),
    maybe=st.none() | st.builds(Inner, n=st.integers(0, 9)),
    name=st.text("abc").map(ResultId),
    ground=st.text("abc").map(DecisionId),
)


@given(EVERYTHING)
def test_every_supported_type_comes_back_from_its_bytes(value: Everything) -> None:
    assert from_plain(Everything, parse_canonical(canonical(to_plain(value)))) == value


@pytest.mark.parametrize(
    "value",
    [
        a_content(findings=(a_finding(regions=(a_region(),)),)),
        a_statement(),
        a_statement(Verdict.REJECT),
        a_manifest(),
        a_notice(),
        terms_for(some_grounds()),
        POLICY,
        a_policy(3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_sealed_or_stored_value_comes_back_from_its_bytes(value: Any) -> None:
    assert from_plain(type(value), parse_canonical(canonical(to_plain(value)))) == value


GOOD = to_plain(
    Everything(
        text="a",
        number=1,
        yes=True,
        decimal=Decimal("1.50"),
        colour=Colour.RED,
        when=datetime(2026, 1, 1, tzinfo=UTC),
        many=(Inner(n=1),),
        some=frozenset(Colour),
        maybe=None,
        name=ResultId("r"),
        ground=WithdrawalId("w"),
    )
)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"text": 1}, "Everything.text: a str"),
        ({"text": None}, "a str was expected, a NoneType"),
        ({"number": "1"}, "a int"),
        ({"number": True}, "a int was expected, a bool"),
        ({"yes": 1}, "a bool was expected, a int"),
        ({"decimal": 1}, "a str"),
        ({"decimal": "1E2"}, "plain notation"),
        ({"decimal": "+1"}, "plain notation"),
        ({"decimal": "NaN"}, "plain notation"),
        ({"decimal": "Infinity"}, "plain notation"),
        ({"decimal": "1_0"}, "plain notation"),
        ({"decimal": "one"}, "not a decimal"),
        ({"decimal": "1E+999999999"}, "digits"),
        ({"decimal": "1" * 200}, "digits"),
        ({"colour": "green"}, "not one of"),
        ({"colour": 1}, "a str"),
        ({"when": "2026-01-01"}, "not a UTC time"),
        ({"when": "2026-01-01T00:00:00.000000+00:00"}, "not a UTC time"),
        ({"when": "2026-1-1T0:0:0.0Z"}, "every digit"),
        ({"when": "2026-02-30T00:00:00.000000Z"}, "not a UTC time"),
        ({"when": 5}, "a str"),
        ({"many": {"n": 1}}, "a list"),
        ({"many": [{"n": "1"}]}, r"many\[0\].n"),
        ({"some": ["red", "blue"]}, "sorted"),
        ({"some": ["blue", "blue", "red"]}, "each member once"),
        ({"maybe": []}, "a dict"),
        ({"maybe": {"n": 1, "m": 2}}, "unknown .*'m'"),
        ({"maybe": {}}, "missing .*'n'"),
        ({"extra": 1}, "unknown .*'extra'"),
    ],
)
def test_a_value_of_another_form_is_refused(changes: dict[str, Any], why: str) -> None:
    assert isinstance(GOOD, dict)
    with pytest.raises(Malformed, match=why):
        from_plain(Everything, GOOD | changes)


def test_a_missing_key_is_refused() -> None:
    assert isinstance(GOOD, dict)
    with pytest.raises(Malformed, match=r"missing .*'text'"):
        from_plain(Everything, {key: value for key, value in GOOD.items() if key != "text"})


@pytest.mark.parametrize("kind", [Content, Statement, Terms, Notice, Manifest, Policy])
def test_what_its_own_class_refuses_is_not_read(kind: type) -> None:
    with pytest.raises(Malformed):
        from_plain(kind, {})


@pytest.mark.parametrize("value", [1.5, b"x", [1], {"a": 1}, object(), Inner])
def test_an_unsupported_type_is_not_written(value: Any) -> None:
    with pytest.raises(Malformed, match="cannot be written"):
        to_plain(value)


@pytest.mark.parametrize("text", ["412.50", "0", "-0", "0.00", "-1.5", "1" * DIGITS_MAX, "0." + "0" * 98 + "1"])
def test_a_number_keeps_its_digits(text: str) -> None:
    assert decimal_text(parse_decimal(text)) == text


def test_an_exact_binary_fraction_can_be_written() -> None:
    """A float read exactly has up to 55 digits near one; a model's number must not fail for that."""
    exact = Decimal.from_float(0.1)
    assert parse_decimal(decimal_text(exact)) == exact


@pytest.mark.parametrize(
    "value", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+100", "1E-101", "1E+999999", "0E-999999"]
)
def test_a_number_that_cannot_be_written_out_is_refused(value: str) -> None:
    with pytest.raises(Malformed):
        decimal_text(Decimal(value))


@given(st.datetimes(timezones=st.timezones()))
def test_a_time_is_written_in_utc_and_comes_back(value: datetime) -> None:
    if value.year in {1, 9999}:  # the same moment in UTC may lie outside the calendar
        return
    assert parse_time(time_text(value)) == value.astimezone(UTC)


@given(UTC_TIMES, UTC_TIMES)
def test_times_sort_as_their_text(one: datetime, other: datetime) -> None:
    assert (one < other) == (time_text(one) < time_text(other))


def test_another_time_zone_is_the_same_moment() -> None:
    assert (
        time_text(datetime(2026, 11, 21, 11, 15, tzinfo=timezone(timedelta(hours=1)))) == "2026-11-21T10:15:00.000000Z"
    )


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(Malformed, match="time zone"):
        time_text(datetime(2026, 11, 21))  # noqa: DTZ001 - that is the point
