"""Readings of a stay to one probability: which value is used, and what the reader is told of the others."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from guarantee.content import Origin, Presence
from guarantee.errors import ModelFailed, NotEligible
from guarantee.inputs import Coded, Reading, Record
from guarantee.ports import Proposal
from inference.card import load_package
from inference.recipes.parameters import ReadingsScore
from inference.recipes.readings_score import AGE_SOURCE, propose
from inference.recipes.wording import number
from inference.session import Session, SessionOptions
from tests.inference.builders import (
    NOON,
    SCORE_PARAMETERS,
    age_is_probability,
    constant,
    helper,
    reading,
    record,
    score_model,
    score_package,
)


class Score:
    """One card's recipe, in this process."""

    def __init__(self, folder: Path, model: bytes, parameters: dict[str, Any] | None = None) -> None:
        package = load_package(score_package(folder, model, parameters))
        assert isinstance(package.parameters, ReadingsScore)
        self.parameters = package.parameters
        self.sessions = {"model.onnx": Session(package.read("model.onnx"), SessionOptions(threads=1))}

    def of(self, inputs: Record, language: str = "fr-FR") -> Proposal:
        return propose(inputs, self.parameters, self.sessions, language)


@pytest.fixture
def by_age(tmp_path: Path) -> Score:
    """The probability is the age in per cent; the heart rate is shown and ignored."""
    return Score(tmp_path, age_is_probability())


@pytest.fixture
def by_rate(tmp_path: Path) -> Score:
    """The probability is the heart rate in thousandths, 0.9 without one."""
    nodes = [
        helper.make_node("Gather", ["features", "first"], ["rate"], axis=1),
        helper.make_node("Div", ["rate", "thousand"], ["share"]),
        helper.make_node("IsNaN", ["share"], ["none"]),
        helper.make_node("Where", ["none", "fallback", "share"], ["probability"]),
    ]
    first = helper.make_tensor("first", 7, [], [1])
    model = score_model(nodes, first, constant("thousand", 1000), constant("fallback", 0.9))
    return Score(tmp_path, model.SerializeToString())


def percent(proposal: Proposal) -> Decimal:
    return proposal.findings[0].quantities[0].value


def test_the_newest_reading_is_used_and_shown_as_it_was_sent(by_rate: Score) -> None:
    older, newer = reading("60", hours_ago=0.9), reading("72.50", hours_ago=0.5, source="Observation/2")
    for readings in ((older, newer), (newer, older)):
        proposal = by_rate.of(record(50, *readings))
        assert percent(proposal) == Decimal("7.2")
        age, rate = proposal.inputs
        assert (str(rate.value), rate.unit, rate.source, rate.taken_at) == (
            "72.50",
            "/min",
            "Observation/2",
            newer.taken_at,
        )
        assert (age.value, age.unit, age.taken_at, age.source) == (Decimal(50), "a", NOON, AGE_SOURCE)
        assert proposal.cautions == ()


def test_a_converted_reading_keeps_its_sent_value_and_unit(by_rate: Score) -> None:
    proposal = by_rate.of(record(50, reading("1.20", "Hz")))
    assert percent(proposal) == Decimal("7.2")
    assert (str(proposal.inputs[1].value), proposal.inputs[1].unit) == ("1.20", "Hz")


def test_a_reading_under_another_accepted_code_is_used_under_its_own_code(by_rate: Score) -> None:
    other = Coded(code="99-1", scheme="LN", meaning="Heart rate, by ear")
    proposal = by_rate.of(record(50, reading("2", "Hz", code=other)))
    assert percent(proposal) == Decimal("12.0")
    assert proposal.inputs[1].code == other


def refused(by_rate: Score, *readings: Reading) -> Proposal:
    """Assert that the heart rate is missing for the model and for the reader."""
    proposal = by_rate.of(record(50, *readings))
    assert percent(proposal) == Decimal("90.0")
    rate = proposal.inputs[1]
    assert (rate.value, rate.taken_at, rate.source, rate.code.code) == (None, None, "", "8867-4")
    return proposal


def test_a_value_that_is_not_there_is_said(by_rate: Score) -> None:
    (caution,) = refused(by_rate).cautions
    assert (caution.fr, caution.en) == ("missing: Heart rate (fr) (fr)", "missing: Heart rate (en) (en)")


def test_an_implausible_value_is_missing_and_said(by_rate: Score) -> None:
    for value in ("19.99", "301", "-80"):
        assert refused(by_rate, reading(value)).cautions[0].fr.startswith("implausible:")


def test_plausible_limits_are_inclusive_and_in_the_model_unit(by_rate: Score) -> None:
    assert percent(by_rate.of(record(50, reading("20")))) == Decimal("2.0")
    assert percent(by_rate.of(record(50, reading("5", "Hz")))) == Decimal("30.0")


def test_an_older_value_does_not_stand_in_for_a_newer_one_that_was_refused(by_rate: Score) -> None:
    older = reading("70", hours_ago=0.9)
    assert refused(by_rate, older, reading("700")).cautions[0].fr.startswith("implausible:")
    assert refused(by_rate, older, reading("70", "furlong")).cautions[0].fr.startswith("unit:")


def test_a_stale_value_is_missing_and_said(by_rate: Score) -> None:
    assert refused(by_rate, reading("70", hours_ago=1.01)).cautions[0].fr.startswith("stale:")
    assert percent(by_rate.of(record(50, reading("70", hours_ago=1)))) == Decimal("7.0")


def test_a_value_from_the_future_is_missing_and_said_beyond_what_clocks_differ(by_rate: Score) -> None:
    assert percent(by_rate.of(record(50, reading("70", hours_ago=-300 / 3600)))) == Decimal("7.0")
    assert refused(by_rate, reading("70", hours_ago=-0.2)).cautions[0].fr.startswith("future:")


def test_a_value_from_the_future_does_not_hide_a_present_one(by_rate: Score) -> None:
    proposal = by_rate.of(record(50, reading("70", hours_ago=-2), reading("80")))
    assert percent(proposal) == Decimal("8.0")


def test_a_unit_counts_exactly_as_sent(by_rate: Score) -> None:
    for unit in ("/MIN", "bpm", "", "/h", "hz"):
        assert refused(by_rate, reading("70", unit)).cautions[0].fr.startswith("unit:")


def test_a_code_of_another_system_is_another_code(by_rate: Score) -> None:
    local = Coded(code="8867-4", scheme="99LAB", meaning="Something else")
    assert refused(by_rate, reading("70", code=local)).cautions[0].fr.startswith("missing:")


def test_of_two_values_at_one_time_the_one_that_can_be_read_is_used(by_rate: Score) -> None:
    same = (reading("70", source="Observation/9"), reading("70", "bpm", source="Observation/8"))
    for readings in (same, same[::-1]):
        assert percent(by_rate.of(record(50, *readings))) == Decimal("7.0")


def test_the_order_of_readings_changes_nothing(by_rate: Score) -> None:
    tie = (reading("70", source="Observation/1"), reading("71", source="Observation/2"), reading("69", hours_ago=0.5))
    answers = {str(by_rate.of(record(50, *order))) for order in (tie, tie[::-1], (tie[1], tie[0], tie[2]))}
    assert len(answers) == 1


def test_without_a_required_value_the_model_does_not_run(by_age: Score) -> None:
    for age in (None, -2):
        with pytest.raises(NotEligible) as refusal:
            by_age.of(record(age, reading("70")))
        assert (refusal.value.code, refusal.value.detail) == (
            "inputs-missing",
            "without a usable age this model does not run",
        )


def test_with_too_few_readings_the_model_does_not_run(tmp_path: Path) -> None:
    score = Score(tmp_path, age_is_probability(), {"readings_min": 1})
    score.of(record(50, reading("70")))
    with pytest.raises(NotEligible) as refusal:
        score.of(record(50, reading("700")))
    assert refusal.value.detail == "0 of 1 readings can be used; this model needs 1"


def test_a_probability_is_rounded_half_to_even_as_the_card_says(by_age: Score) -> None:
    for age, shown in (("12.34", "12.3"), ("0", "0.0"), ("100", "100.0"), ("0.04", "0.0"), ("99.96", "100.0")):
        proposal = by_age.of(replace(record(1), age_years=Decimal(age)))
        assert str(percent(proposal)) == shown


def test_a_finding_without_a_threshold_is_the_estimate_itself(by_age: Score) -> None:
    (finding,) = by_age.of(record(3)).findings
    assert (finding.presence, finding.score, finding.threshold) == (Presence.PRESENT, None, None)
    assert finding.origin is finding.quantities[0].origin is Origin.MODEL
    assert not finding.has_place


def test_a_threshold_decides_presence_on_the_score_that_is_shown(tmp_path: Path) -> None:
    score = Score(tmp_path, age_is_probability(), {"threshold": Decimal("0.500")})
    for age, presence, shown in (
        ("49.94", Presence.ABSENT, "0.499"),
        ("49.96", Presence.PRESENT, "0.500"),
        ("50", Presence.PRESENT, "0.500"),
    ):
        (finding,) = score.of(replace(record(1), age_years=Decimal(age))).findings
        assert (finding.presence, str(finding.score), str(finding.threshold)) == (presence, shown, "0.500")


def test_the_report_is_french_or_english(by_age: Score) -> None:
    inputs = record(12.5, reading("80"))
    assert by_age.of(inputs).report == "12,5 % from 2 of 2, without nothing (fr) (fr)"
    assert by_age.of(inputs, "en-GB").report == "12.5 % from 2 of 2, without nothing (en) (en)"


def test_a_label_with_braces_is_not_a_placeholder(tmp_path: Path) -> None:
    features = [dict(feature) for feature in SCORE_PARAMETERS["features"]]
    features[1]["label"] = {"fr": "{used}", "en": "{probability.real}"}
    score = Score(tmp_path, age_is_probability(), {"features": features})
    assert score.of(record(10)).report == "10,0 % from 1 of 2, without {used} (fr)"
    assert score.of(record(10), "en-GB").report == "10.0 % from 1 of 2, without {probability.real} (en)"


def test_images_are_refused(by_age: Score) -> None:
    from tests.inference.test_model_wire import volume

    with pytest.raises(NotEligible, match="reads a record, not images"):
        propose(volume(), by_age.parameters, by_age.sessions, "fr-FR")


def test_nonsense_is_a_failure(by_age: Score) -> None:
    for age in (101, -1):
        with pytest.raises(ModelFailed, match="outside 0 to 1"):
            by_age.of(record(age))


@pytest.mark.parametrize(
    ("value", "french", "english"),
    [
        ("0.0", "0,0", "0.0"),
        ("999.9", "999,9", "999.9"),
        ("1498.90", "1\u202f498,90", "1,498.90"),
        ("-1234567", "-1\u202f234\u202f567", "-1,234,567"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(value: str, french: str, english: str) -> None:
    assert (number(Decimal(value), "fr-FR"), number(Decimal(value), "en-GB")) == (french, english)
