"""Stored messages, read again as the model's worker does: values, units, times, corrections, both doors together."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.wiring.outside import read_stay
from fhir_adapters.hl7v2.er7 import Delimiters, read, unescape
from fhir_adapters.hl7v2.errors import BadMessage
from fhir_adapters.hl7v2.header import read_header
from fhir_adapters.hl7v2.times import read_date, read_time
from fhir_adapters.wire import write_exact
from guarantee.errors import NotEligible
from guarantee.inputs import Record
from tests.fhir.stays import bundle, observation, person, stay
from tests.hl7v2 import messages as m

PARIS = ZoneInfo("Europe/Paris")
STAY = f"urn:oid:{m.STAYS}|S7"
CREATININE = ("2160-0", "88", "umol/L")


def record(*stored: str | bytes) -> Record:
    data = [one.encode("iso8859-15") if isinstance(one, str) else one for one in stored]
    return read_stay(data, STAY, charset="8859/15", zone=PARIS)


def values(*stored: str | bytes) -> list[tuple[str, Decimal, str]]:
    return [(one.code.code, one.value, one.unit) for one in record(*stored).readings]


def test_values_come_with_their_code_unit_time_and_source() -> None:
    found = record(m.oru())
    assert [(r.code.code, r.value, r.unit) for r in found.readings] == [
        ("9318-7", Decimal("300"), "mg/g"),
        ("98979-8", Decimal("32"), "mL/min/{1.73_m2}"),
    ]
    assert {r.taken_at for r in found.readings} == {datetime(2026, 11, 21, 7, 20, tzinfo=UTC)}
    assert {r.source.partition("/")[0] for r in found.readings} == {"ORU"}
    assert (found.sex, found.age_years) == ("F", Decimal("71.4442"))


def test_a_decimal_keeps_its_digits() -> None:
    assert values(m.oru([("2160-0", "72.50", "umol/L")]))[0][1].as_tuple() == Decimal("72.50").as_tuple()


def row(**changes: str) -> str:
    kind, value, status = changes.get("kind", "NM"), changes.get("value", "88"), changes.get("status", "F")
    obx = m.obx("2160-0", value, "umol/L", kind=kind, status=status)
    for old, new in ((k, v) for k, v in changes.items() if k.startswith(("^", "|"))):
        obx = obx.replace(old, new)
    return m.message(m.msh("ORU^R01"), m.pid(), m.pv1(), m.obr(), obx)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, ["88"]),
        ({"value": "-1.5"}, ["-1.5"]),
        ({"kind": "SN", "value": "^88"}, ["88"]),
        ({"kind": "SN", "value": "=^88"}, ["88"]),
        ({"kind": "SN", "value": "<^88"}, []),
        ({"kind": "SN", "value": "^1^:^128"}, []),
        ({"kind": "ST", "value": "88"}, []),
        ({"value": "<88"}, []),
        ({"value": "1e3"}, []),
        ({"value": "88~90"}, []),
        ({"value": '""'}, []),
        ({"value": "9" * 40}, []),
        ({"status": "C"}, ["88"]),
        ({"status": "P"}, []),
        ({"status": ""}, []),
        ({"status": "X"}, []),
        ({"^^UCUM": ""}, []),
        ({"^LN": "^L"}, []),
        ({"2160-0^Analyte^LN": "CREA^Créatinine^L^2160-0^Creatinine^LN"}, ["88"]),
    ],
)
def test_only_a_number_that_somebody_stands_behind_is_a_reading(changes: dict[str, str], found: list[str]) -> None:
    text = row(**changes)
    if "2160-0^Analyte^LN" in changes:
        text = text.replace("2160-0^Analyte^LN", changes["2160-0^Analyte^LN"])
    assert [str(one.value) for one in record(text).readings] == found


def later(value: str, status: str, *, hour: int = 12, control: str = "2") -> str:
    said = f"20261121{hour}0000+0100"
    order = m.obr(said=said)
    return m.oru([("2160-0", value, "umol/L")], control=control, order=order, status=status, sent=said)


@pytest.mark.parametrize(
    ("word", "found"),
    [
        (later("90", "C"), ["90"]),
        (later("", "D"), []),
        (later("", "W"), []),
        (later("", "X"), []),
        (later("90", "C", hour=10), ["90"]),
        (later("90", "P"), []),
    ],
)
def test_the_newest_word_on_a_result_stands_in_whichever_order_they_came(word: str, found: list[str]) -> None:
    first = m.oru([CREATININE], order=m.obr(said="20261121100000+0100"))
    for stored in ((first, word), (word, first)):
        assert [str(one.value) for one in record(*stored).readings] == found


def test_two_words_of_one_moment_that_differ_are_none() -> None:
    first = m.oru([CREATININE])
    assert values(first, m.oru([("2160-0", "90", "umol/L")], control="2")) == []
    assert len(values(first, m.oru([CREATININE], control="2"))) == 1


def test_the_same_analyte_of_two_orders_is_two_readings() -> None:
    assert len(values(m.oru([CREATININE]), m.oru([CREATININE], order=m.obr("L779"), control="2"))) == 2


def test_a_time_without_a_zone_is_of_the_site_s() -> None:
    for text, moment in (("20261121082000", (7, 20)), ("20260721082000", (6, 20))):
        found = record(m.oru([CREATININE], order=m.obr(at=text))).readings[0].taken_at.astimezone(UTC)
        assert (found.hour, found.minute) == moment


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("20261121", "2026-11-20T23:00:00+00:00"),
        ("2026112108", "2026-11-21T07:00:00+00:00"),
        ("20261121082030.1234-0500", "2026-11-21T13:20:30.123400+00:00"),
        ("20261025023000", "2026-10-25T00:30:00+00:00"),
        ("202611", None),
        ("20260230", None),
        ("20261121250000", None),
        ("2026-11-21", None),
        ("00010101000000+2359", None),
        ("20261121+9900", None),
        ("", None),
    ],
)
def test_times_are_read_or_left_alone(text: str, found: str | None) -> None:
    moment = read_time(text, PARIS)
    assert (moment.astimezone(UTC).isoformat() if moment else None) == found


def test_dates_are_exact_to_the_day_or_none() -> None:
    assert [read_date(text) for text in ("19550612", "195506121015", "195506", "19550632")] == [
        "1955-06-12",
        "1955-06-12",
        "",
        "",
    ]


def test_a_stay_that_was_cancelled_is_not_scored() -> None:
    cancelled = m.adt("A11", m.pid(), m.pv1(), sent="20261121120000+0100")
    with pytest.raises(NotEligible) as refused:
        record(m.oru(), cancelled)
    assert refused.value.code == "stay-cancelled"
    assert values(m.oru(), cancelled, m.adt("A01", m.pid(), m.pv1(), sent="20261121130000+0100"))


def fhir(*resources: dict[str, object]) -> bytes:
    told = [{"system": f"urn:oid:{m.STAYS}", "value": "S7"}]
    return write_exact(bundle(person(), stay(identifier=told), *(resources or (observation(),))))


def test_a_stay_is_read_from_both_doors_together() -> None:
    found = record(fhir(), m.oru())
    assert [r.code.code for r in found.readings] == ["8867-4", "9318-7", "98979-8"]
    assert found.at == datetime(2026, 11, 21, 7, 20, tzinfo=UTC)
    assert found.age_years == Decimal("71.4442")


def test_the_same_reading_through_both_doors_is_one() -> None:
    assert len(record(fhir(), m.oru([("8867-4", "72.50", "/min")])).readings) == 1
    assert len(record(fhir(), m.oru([("8867-4", "73", "/min")])).readings) == 2


def test_traits_come_from_whoever_says_them() -> None:
    found = record(m.oru(patient=m.pid(born="", sex="")), m.adt("A01", m.pid(), m.pv1()))
    assert (found.sex, found.age_years) == ("F", Decimal("71.4442"))


# --------------------------------------------------------------------------------------------------- the reader itself


MARKS = Delimiters(field="|", component="^", repetition="~", escape="\\", subcomponent="&")


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        (r"a\F\b\S\c\R\d\T\e\E\f", r"a|b^c~d&e" + "\\f"),
        (r"a\.br\b", "a\nb"),
        (r"a\H\b\N\c\X0D\d", "abcd"),
        (r"a\b", r"a\b"),
        ("a", "a"),
    ],
)
def test_escapes_are_replaced(raw: str, meant: str) -> None:
    assert unescape(raw, MARKS) == meant


def test_delimiters_are_those_that_the_message_names() -> None:
    odd = m.oru([CREATININE]).replace("|", "!").replace("^", "*").replace("~", "@").replace("MSH!*@", "MSH!*@")
    assert values(odd) == values(m.oru([CREATININE]))


def test_line_feeds_end_segments_where_there_is_nothing_else() -> None:
    for end in ("\n", "\r\n"):
        assert values(m.oru().replace("\r", end)) == values(m.oru())


@given(st.binary(max_size=400))
def test_whatever_bytes_come_are_read_or_refused(data: bytes) -> None:
    for sent in (data, b"MSH|^~\\&|" + data, m.oru().encode()[:60] + data):
        try:
            header = read_header(sent)
            read(sent.decode("latin-1"))
        except BadMessage:
            continue
        assert len(header.fields) >= 20


@given(st.text(alphabet='|^~\\&\rMSHPIDOBXR01ORU.25-"\x1c\n é', max_size=300))
def test_whatever_text_follows_a_header_is_read_or_refused(text: str) -> None:
    try:
        message = read(m.msh("ORU^R01") + "\r" + text)
        record((m.msh("ORU^R01") + "\r" + text).encode("iso8859-15"))
    except (BadMessage, NotEligible):
        return
    assert message.segments


def test_the_age_is_that_of_the_fhir_door() -> None:
    assert record(m.oru()).age_years == record(fhir()).age_years
