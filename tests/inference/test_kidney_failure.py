"""The kidney failure equation: the numbers of two other implementations, its ends, and its words."""

import math
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from guarantee.errors import Malformed, NotEligible
from guarantee.inputs import Coded, Reading, Record
from guarantee.ports import Proposal
from inference.build.build_kidney_failure import model
from inference.card import Package, load_package
from inference.errors import PackageRefused
from inference.recipes.parameters import Bound, ReadingsScore
from inference.recipes.readings_score import SEX_SOURCE, propose
from inference.registry import Registry
from inference.session import Session, SessionOptions
from tests.inference import real
from tests.inference.builders import NOON, age_is_probability, score_package

RATIO = "9318-7"
CREATININE = "2160-0"


def reading(code: str, value: str, unit: str) -> Reading:
    coded = Coded(code=code, scheme="LN", meaning=code)
    return Reading(code=coded, value=Decimal(value), unit=unit, taken_at=NOON, source=f"Observation/{code}")


MAN = Record(
    readings=(reading(CREATININE, "2.0", "mg/dL"), reading(RATIO, "300", "mg/g")),
    age_years=Decimal(60),
    sex="M",
    at=NOON,
)


@pytest.fixture(scope="module")
def package(catalogue: Registry) -> Package:
    found = catalogue.package("kidney-failure@1.0.0")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def session(package: Package) -> Session:
    return Session(package.read("model.onnx"), SessionOptions(threads=1))


def parameters_of(package: Package) -> ReadingsScore:
    assert isinstance(package.parameters, ReadingsScore)
    return package.parameters


def said_of(record: Record, package: Package, session: Session, language: str = "fr-FR") -> Proposal:
    return propose(record, parameters_of(package), {"model.onnx": session}, language)


def by_hand(
    age: float, *, is_male: bool, creatinine: float, ratio: float, egfr: float | None
) -> tuple[float, float, float]:
    """Return risks at 5 and 2 years and eGFR, as the two papers print them."""
    k, a = (0.9, -0.302) if is_male else (0.7, -0.241)
    if egfr is None:
        egfr = (
            142 * min(creatinine / k, 1) ** a * max(creatinine / k, 1) ** -1.2 * 0.9938**age * (1 if is_male else 1.012)
        )
    index = (
        -0.2201 * (age / 10 - 7.036)
        + 0.2467 * (is_male - 0.5642)
        - 0.5567 * (egfr / 5 - 7.222)
        + 0.4510 * (math.log(ratio) - 5.137)
    )
    return 1 - 0.9365 ** math.exp(index), 1 - 0.9832 ** math.exp(index), egfr


def patients(count: int) -> np.ndarray:
    draw = np.random.default_rng(7)
    reported = np.where(draw.random(count) < 0.5, np.nan, draw.uniform(10, 59, count))
    columns = draw.uniform(18, 95, count), draw.integers(0, 2, count), draw.uniform(0.4, 9, count)
    return np.stack([*columns, np.exp(draw.uniform(0, 9, count)), reported], axis=1).astype(np.float32)


def test_the_graph_computes_what_the_papers_print(session: Session) -> None:
    table = patients(200)
    risks_5, risks_2, egfrs = session.run(features=table)
    for row, *answers in zip(table, risks_5, risks_2, egfrs, strict=True):
        age, sex, creatinine, ratio, reported = (float(value) for value in row)
        egfr = None if math.isnan(reported) else reported
        expected = by_hand(age, is_male=sex > 0.5, creatinine=creatinine, ratio=ratio, egfr=egfr)
        assert [float(answer) for answer in answers] == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_the_graph_computes_what_another_implementation_does(session: Session) -> None:
    other = Session(real.shared("models", "kfre4.onnx").read_bytes(), SessionOptions(threads=1))
    table = patients(5_000)
    theirs = dict(zip([tensor.name for tensor in other.outputs], other.run(features=table), strict=True))
    risks_5, risks_2, egfrs = session.run(features=table)
    for ours, name in ((risks_5, "risk_5y"), (risks_2, "risk_2y"), (egfrs, "egfr_used")):
        np.testing.assert_allclose(ours, theirs[name], rtol=1e-6, atol=1e-9)


def test_the_package_is_rebuilt_byte_for_byte(package: Package) -> None:
    assert model() == package.read("model.onnx")


def test_a_finding_carries_both_risks_and_the_filtration_it_used(package: Package, session: Session) -> None:
    proposal = said_of(MAN, package, session)
    (finding,) = proposal.findings
    assert [(q.concept.code, str(q.value), q.unit.code) for q in finding.quantities] == [
        ("kidney-failure-5-years", "9.6", "%"),
        ("kidney-failure-2-years", "2.6", "%"),
        ("98979-8", "37.5", "mL/min/{1.73_m2}"),
    ]
    assert "9,6 % à 5 ans, 2,6 % à 2 ans" in proposal.report
    assert "37,5 mL/min/1,73 m²" in proposal.report
    assert "9.6 % within 5 years" in said_of(MAN, package, session, "en-GB").report
    sex = next(used for used in proposal.inputs if used.source == SEX_SOURCE)
    assert (sex.value, sex.unit, sex.taken_at) == (Decimal(1), "1", NOON)


def test_a_woman_is_computed_as_one(package: Package, session: Session) -> None:
    egfr = said_of(replace(MAN, sex="F"), package, session).findings[0].quantities[2].value
    assert egfr == Decimal("28.1")


@pytest.mark.parametrize("sex", ["", "O"])
def test_without_a_sex_that_the_equation_knows_there_is_no_estimate(
    sex: str, package: Package, session: Session
) -> None:
    with pytest.raises(NotEligible, match="without a usable sex") as refusal:
        said_of(replace(MAN, sex=sex), package, session)
    assert refusal.value.code == "inputs-missing"


@pytest.mark.parametrize(
    ("creatinine", "inside"), [("1.1", False), ("1.34", False), ("1.36", True), ("5.9", True), ("6.3", False)]
)
def test_the_equation_ends_at_a_filtration_of_10_and_60(
    creatinine: str, *, inside: bool, package: Package, session: Session
) -> None:
    record = replace(MAN, readings=(reading(CREATININE, creatinine, "mg/dL"), MAN.readings[1]))
    if inside:
        assert said_of(record, package, session).findings
        return
    with pytest.raises(NotEligible) as refusal:
        said_of(record, package, session)
    assert refusal.value.code == "egfr-range"
    assert creatinine not in refusal.value.detail


def test_a_reported_filtration_goes_before_a_computed_one(package: Package, session: Session) -> None:
    reported = reading("98979-8", "31", "mL/min/{1.73_m2}")
    proposal = said_of(replace(MAN, readings=(*MAN.readings, reported)), package, session)
    assert proposal.findings[0].quantities[2].value == Decimal("31.0")


def test_a_filtration_by_another_formula_is_not_used(package: Package, session: Session) -> None:
    mdrd = reading("33914-3", "31", "mL/min/{1.73_m2}")
    proposal = said_of(replace(MAN, readings=(*MAN.readings, mdrd)), package, session)
    assert proposal.findings[0].quantities[2].value == Decimal("37.5")


def test_a_card_that_names_an_output_the_model_does_not_have_is_refused(tmp_path: Path) -> None:
    bounds = [{"output": "egfr", "minimum": 10, "below": 60, "code": "egfr-range"}]
    with pytest.raises(PackageRefused, match=r"outputs: the recipe readings-score uses \['egfr'\]"):
        load_package(score_package(tmp_path, age_is_probability(), {"bounds": bounds}))


def test_a_bound_that_nothing_fits_and_a_number_given_twice_are_refused(package: Package) -> None:
    parameters = parameters_of(package)
    with pytest.raises(Malformed, match="below its end"):
        Bound(output="egfr", minimum=Decimal(60), below=Decimal(60), code="egfr-range")
    with pytest.raises(Malformed, match="a name of its own"):
        replace(parameters, further=parameters.further * 2)
