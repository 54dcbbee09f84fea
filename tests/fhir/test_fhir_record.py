"""Stored bundles to readings: which, and exactly how they were written."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fhir_adapters.read import newest_time, read_record
from fhir_adapters.wire import write_exact
from guarantee.errors import NotEligible
from guarantee.inputs import Record
from tests.fhir.stays import SHARED, bundle, observation, person, stay, support2

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

LOINC = {
    "mean_arterial_pressure": "8478-0",
    "heart_rate": "8867-4",
    "respiratory_rate": "9279-1",
    "body_temperature": "8310-5",
    "leukocytes": "6690-2",
    "pao2_fio2": "50984-4",
    "albumin": "1751-7",
    "bilirubin_total": "1975-2",
    "creatinine": "2160-0",
    "sodium": "2951-2",
    "arterial_ph": "2744-1",
    "glucose": "2345-7",
    "urea_nitrogen": "3094-0",
    "urine_output_24h": "9192-6",
}


def record(*observations: dict[str, Any], uid: str = "", at: datetime = AT) -> Record:
    return read_record([write_exact(bundle(person(), stay(), *observations))], at=at, uid=uid)


def values(found: Record) -> list[str]:
    return [str(reading.value) for reading in found.readings]


def amount(value: str, **changes: Any) -> dict[str, Any]:
    return {"value": Decimal(value), "system": "http://unitsofmeasure.org", "code": "/min"} | changes


def test_a_reading_is_what_the_record_wrote() -> None:
    found = record(observation())
    (reading,) = found.readings
    assert (reading.code.code, reading.code.scheme, reading.code.meaning) == ("8867-4", "LN", "Heart rate")
    assert (str(reading.value), reading.unit, reading.source) == ("72.50", "/min", "Observation/17")
    assert reading.taken_at.isoformat() == "2026-11-21T08:20:00+01:00"
    assert (found.sex, found.at) == ("F", AT)
    assert found.age_years == Decimal("71.4442")


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data set is not beside this checkout")
def test_support2_bundles_give_the_features_that_were_put_in() -> None:
    for name, expected in support2().items():
        data = (SHARED / "fhir" / "support2" / f"{name}.json").read_bytes()
        at = newest_time([data])
        assert at is not None
        found = read_record([data], at=at)
        seen = {reading.code.code: reading.value for reading in found.readings}
        features = expected["features"]
        assert found.age_years == Decimal(str(features["age"]))
        for feature, code in LOINC.items():
            value = features[feature]
            assert seen.get(code) == (None if value is None else Decimal(str(value))), (name, feature)


@pytest.mark.parametrize("status", ["registered", "preliminary", "cancelled", "entered-in-error", "unknown"])
def test_what_nobody_stands_behind_is_not_a_reading(status: str) -> None:
    assert record(observation(status=status)).readings == ()


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_what_somebody_stands_behind_is(status: str) -> None:
    assert values(record(observation(status=status))) == ["72.50"]


def test_components_are_readings_too_and_each_loinc_code_is_one() -> None:
    pressure = observation(
        code={
            "coding": [
                {"system": "http://loinc.org", "code": "59408-5"},
                {"system": "http://loinc.org", "code": "2708-6"},
                {"system": "urn:local", "code": "SAT"},
            ]
        },
        component=[
            {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}, "valueQuantity": amount("120")},
            {"code": {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]}, "valueString": "low"},
        ],
    )
    found = record(pressure)
    assert [(r.code.code, str(r.value)) for r in found.readings] == [
        ("2708-6", "72.50"),
        ("59408-5", "72.50"),
        ("8480-6", "120"),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"valueQuantity": amount("72", comparator="<")},
        {"valueQuantity": {"value": 72, "unit": "/min"}},
        {"valueQuantity": {"value": 72, "system": "urn:local", "code": "bpm"}},
        {"valueQuantity": {"value": 72, "system": "http://unitsofmeasure.org"}},
        {"code": {"coding": [{"system": "urn:local", "code": "HR"}]}},
        {"code": {"text": "heart rate"}},
        {"effectiveDateTime": "2026-11"},
    ],
)
def test_what_is_not_a_measured_value_with_unit_code_and_time_is_left_out(changes: dict[str, Any]) -> None:
    assert record(observation(**changes)).readings == ()


def test_a_day_without_a_time_is_as_old_as_it_may_be() -> None:
    (reading,) = record(observation(effectiveDateTime="2026-11-21")).readings
    assert reading.taken_at == datetime(2026, 11, 21, tzinfo=UTC)


def test_a_period_counts_from_its_end() -> None:
    day = observation(effectivePeriod={"start": "2026-11-20T06:00:00Z", "end": "2026-11-21T06:00:00.123456789Z"})
    day.pop("effectiveDateTime")
    (reading,) = record(day).readings
    assert reading.taken_at == datetime(2026, 11, 21, 6, 0, 0, 123456, tzinfo=UTC)


VERSIONS: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "later on the server": (
        [
            observation(meta={"lastUpdated": "2026-11-21T09:00:00Z", "versionId": "2"}),
            observation(meta={"lastUpdated": "2026-11-21T08:59:59.9Z"}, valueQuantity=amount("80")),
        ],
        ["72.50"],
    ),
    "a higher version": (
        [observation(meta={"versionId": "9"}, valueQuantity=amount("80")), observation(meta={"versionId": "10"})],
        ["72.50"],
    ),
    "corrected": ([observation(status="corrected", valueQuantity=amount("80")), observation()], ["80"]),
    "taken back": ([observation(status="entered-in-error"), observation()], []),
    "taken back later": (
        [
            observation(meta={"versionId": "2"}, status="entered-in-error"),
            observation(meta={"versionId": "1"}, status="final"),
        ],
        [],
    ),
    "the same twice": ([observation(), observation()], ["72.50"]),
    "the same with other dressing": (
        [observation(text={"status": "empty", "div": "<div/>"}), observation()],
        ["72.50"],
    ),
    "nobody can tell": ([observation(), observation(valueQuantity=amount("80"))], []),
    "two measurements": ([observation(), observation("18", valueQuantity=amount("80"))], ["72.50", "80"]),
}


@pytest.mark.parametrize("name", VERSIONS)
def test_the_newest_version_of_an_observation_stands_whatever_the_order(name: str) -> None:
    observations, expected = VERSIONS[name]
    for order in (observations, observations[::-1]):
        apart = [write_exact(bundle(person(), stay(), item)) for item in order]
        assert values(record(*order)) == expected
        assert values(read_record(apart, at=AT)) == expected


def test_observations_without_an_id_are_known_by_their_identifier() -> None:
    first = observation(identifier=[{"system": "urn:lab", "value": "R1"}], meta={"versionId": "1"})
    second = observation(
        identifier=[{"system": "urn:lab", "value": "R1"}], meta={"versionId": "2"}, valueQuantity=amount("80")
    )
    for item in (first, second):
        item.pop("id")
    (reading,) = record(first, second).readings
    assert (str(reading.value), reading.source) == ("80", "")


def test_the_readings_do_not_depend_on_the_order_of_the_inputs() -> None:
    inputs = [write_exact(bundle(person(), stay(), observation(str(n)))) for n in range(6)]
    expected = read_record(inputs, at=AT)
    random.Random(1).shuffle(inputs)
    assert read_record(inputs, at=AT) == expected


def test_each_stay_of_a_message_has_its_own_readings() -> None:
    theirs = observation("18", subject={"reference": "Patient/10"}, encounter={"reference": "Encounter/8"})
    data = write_exact(bundle(person(), stay(), observation(), person("10", gender="male"), stay("8", "10"), theirs))
    found = read_record([data], at=AT, uid="Encounter/8")
    assert [r.source for r in found.readings] == ["Observation/18"]
    assert found.sex == "M"
    with pytest.raises(NotEligible) as several:
        read_record([data], at=AT)
    assert several.value.code == "several-stays"
    with pytest.raises(NotEligible) as none:
        read_record([data], at=AT, uid="Encounter/9")
    assert none.value.code == "no-stay"


def test_bytes_that_are_no_bundle_are_not_eligible() -> None:
    with pytest.raises(NotEligible) as unreadable:
        read_record([b"{"], at=AT)
    assert unreadable.value.code == "record-unreadable"


def test_the_age_is_counted_on_the_date_of_the_moment_in_its_own_zone() -> None:
    later = datetime.fromisoformat("2026-11-22T00:30:00+01:00")
    day = Decimal(1) / Decimal("365.25")
    found, before = record(observation(), at=later), record(observation(), at=later.astimezone(UTC))
    assert found.age_years is not None
    assert before.age_years is not None
    assert abs(found.age_years - before.age_years - day) < Decimal("0.0002")


def test_an_age_that_cannot_be_known_is_none() -> None:
    for birth in ({"birthDate": "1955"}, {"birthDate": "1955-06"}, {"birthDate": "2030-01-01"}):
        data = write_exact(bundle(person(**birth), stay(), observation()))
        assert read_record([data], at=AT).age_years is None


def test_no_reading_has_no_newest_time() -> None:
    assert newest_time([write_exact(bundle(person(), stay()))]) is None
    assert newest_time([write_exact(bundle())]) == AT - timedelta(hours=4, minutes=40)
