"""The shipped models: on real data where it lies beside the repository, on golden cases everywhere."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guarantee.canonical import canonical
from guarantee.card import Card
from guarantee.content import Presence
from guarantee.errors import NotEligible, Unavailable
from guarantee.inputs import Volume
from inference.card import load_package
from inference.golden import Case, Expected, Head, cases, failures
from inference.host import ModelHost
from inference.messages import write_proposal
from inference.options import Options
from inference.recipes.parameters import ReadingsScore
from inference.recipes.readings_score import propose
from inference.registry import Registry, shipped
from inference.session import Session, SessionOptions
from tests.inference import real
from tests.inference.builders import age_is_probability, digest_of, score_package


def card_of(catalogue: Registry, name: str) -> Card:
    card = catalogue.card(name)
    assert card is not None
    return card


def test_the_shipped_packages_are_these(catalogue: Registry) -> None:
    assert [card.model.id for card in catalogue.cards()] == [
        "brain-extractor@1.0.0",
        "hospital-mortality@1.0.0",
        "kidney-failure@1.0.0",
        "series-check@1.0.0",
    ]
    assert {card.regulatory.status for card in catalogue.cards()} == {"research"}
    assert {card.policy for card in catalogue.cards()} == {"validate-each"}
    assert catalogue.verify() == []


def test_golden_cases_come_out_as_they_must(catalogue: Registry) -> None:
    assert catalogue.verify(golden=Options()) == []


def test_a_golden_case_that_does_not_come_out_is_named(tmp_path: Path) -> None:
    case: dict[str, Any] = {"name": "twelve", "record": {"age_years": 12, "readings": []}}
    golden = [
        case | {"expect": {"presence": "present", "value": 12, "tolerance": 0}},
        case | {"name": "wrong number", "expect": {"presence": "present", "value": 13, "tolerance": 0.5}},
        case | {"name": "wrong presence", "expect": {"presence": "absent", "value": 12}},
        case | {"name": "no number", "expect": {"presence": "present"}},
        case | {"name": "refusal", "expect": {"not_eligible": "inputs-missing"}},
        {
            "name": "other refusal",
            "record": {"age_years": None, "readings": []},
            "expect": {"not_eligible": "field-of-view"},
        },
    ]
    data = json.dumps(golden).encode()
    (tmp_path / "golden.json").write_bytes(data)
    model = age_is_probability()
    files = {"model.onnx": digest_of(model), "golden.json": digest_of(data)}
    package = load_package(score_package(tmp_path, model, files=files))
    assert [line.split("golden case ")[1] for line in failures([package], Options(threads=1))] == [
        "'wrong number': gives ['12.0'], 13 ± 0.5 was expected",
        "'wrong presence': says present, not absent",
        "'no number': gives 12.0, no number was expected",
        "'refusal': answered; inputs-missing was expected",
        "'other refusal': refused as inputs-missing",
    ]


def test_every_shipped_model_has_golden_cases_of_an_answer_and_of_a_refusal(catalogue: Registry) -> None:
    for card in catalogue.cards():
        package = catalogue.package(card.model.id)
        assert package is not None
        expected = [case.expect.not_eligible for case in cases(package)]
        assert None in expected
        assert {*expected} - {None}


# --------------------------------------------------------------------------------------------------- brain-extractor


@pytest.fixture(scope="module")
def schwannoma() -> Volume:
    return real.volume(real.series(real.members(real.shared("dicom", "mr_t1_brain_vsseg001_jpegls.tar"))))


def test_the_brain_of_a_real_series_is_measured(schwannoma: Volume, catalogue: Registry, worker: ModelHost) -> None:
    proposal = worker.run(card_of(catalogue, "brain-extractor"), schwannoma)
    (finding,) = proposal.findings
    assert finding.presence is Presence.PRESENT
    assert float(finding.quantities[0].value) == pytest.approx(1498.9, rel=0.03)
    assert len(proposal.segments[0].mask.grid.frames) == 120


def test_two_runs_and_two_hosts_give_the_same_bytes(catalogue: Registry, worker: ModelHost) -> None:
    head = Case(
        name="head",
        expect=Expected(),
        head=Head(shape=(64, 80, 72), spacing_mm=(Decimal(3),) * 3, brain_mm=(Decimal(66), Decimal(82), Decimal(62))),
    ).inputs()
    assert isinstance(head, Volume)
    voxels = np.frombuffer(head.voxels, "<i2")
    as_float = replace(head, voxels=voxels.astype("<f4").tobytes(), dtype="<f4")
    card = card_of(catalogue, "brain-extractor")
    with ModelHost(catalogue, Options()) as other:
        proposals = [host.run(card, given) for host, given in ((worker, head), (other, as_float))]
    answers = [write_proposal(replace(proposal, spent=None)) for proposal in proposals]  # all but how long it took
    assert len({canonical(header) for header, _ in answers}) == 1
    assert len({bytes(buffers[0]) for _, buffers in answers}) == 1


def test_a_real_head_is_inside_the_envelope(catalogue: Registry) -> None:
    images = real.series(real.members(real.shared("dicom", "mr_t1_brain_vsseg001_jpegls.tar")))
    assert card_of(catalogue, "brain-extractor").refusal(real.facts(images)) is None


def test_the_plastic_head_in_a_scanner_is_outside_the_envelope(catalogue: Registry) -> None:
    images = real.series(real.members(real.shared("dicom", "ct_head_phantom_philips.tar.xz")))
    refusal = card_of(catalogue, "brain-extractor").refusal(real.facts(images))
    assert refusal is not None
    assert (refusal.code, refusal.detail) == ("modality", "Modality is CT")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Modality": "CT"}, "modality"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "photometric"),
        ({"SamplesPerPixel": "3"}, "samples-per-pixel"),
        ({"BodyPartExamined": "KNEE"}, "body-part"),
        ({"PatientAgeYears": "17"}, "age"),
        ({"MRAcquisitionType": "2D"}, "acquisition-type"),
        ({"ScanningSequence": "SE"}, "sequence"),
        ({"ImageCount": "59"}, "image-count"),
        ({"ImageCount": "601"}, "image-count"),
        ({"SliceThickness": "5"}, "slice-thickness"),
        ({"SpacingBetweenSlices": "3.3"}, "slice-spacing"),
        ({"PixelSpacingRow": "2.1"}, "pixel-spacing"),
    ],
)
def test_the_envelope_refuses(change: dict[str, str], code: str, catalogue: Registry) -> None:
    inside = {
        "Modality": "MR",
        "PhotometricInterpretation": "MONOCHROME2",
        "SamplesPerPixel": "1",
        "ImageCount": "176",
    }
    card = card_of(catalogue, "brain-extractor")
    assert card.refusal({name: frozenset({value}) for name, value in inside.items()}) is None
    refusal = card.refusal({name: frozenset({value}) for name, value in (inside | change).items()})
    assert refusal is not None
    assert refusal.code == code


# ------------------------------------------------------------------------------------------------ hospital-mortality


def bundles() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(real.shared("fhir", "support2", "expected.json").read_text())
    return found


def test_real_stays_get_the_probability_that_the_training_gave_them(catalogue: Registry, worker: ModelHost) -> None:
    card = card_of(catalogue, "hospital-mortality")
    for name, expected in bundles().items():
        stay = real.stay(real.bundle(real.shared("fhir", "support2", f"{name}.json")))
        proposal = worker.run(card, stay)
        value = proposal.findings[0].quantities[0].value
        assert float(value) == pytest.approx(100 * expected["p_hospital_death"], abs=0.06), name  # rounded to 0.1
        seen = {used.code.code: used.value for used in proposal.inputs}
        assert sum(value is not None for value in seen.values()) == sum(
            feature is not None for feature in expected["features"].values()
        )


def test_the_recipe_agrees_with_the_reference_model_to_the_fifth_decimal(catalogue: Registry) -> None:
    package = catalogue.package("hospital-mortality@1.0.0")
    assert package is not None
    parameters = package.parameters
    assert isinstance(parameters, ReadingsScore)
    fine = replace(parameters, probability=replace(parameters.probability, step=Decimal("0.00001")))
    options = SessionOptions(threads=1)
    data = real.shared("models", "support2_mortality.onnx").read_bytes()
    theirs, ours = Session(data, options), Session(package.read("model.onnx"), options)
    for name, expected in bundles().items():
        stay = real.stay(real.bundle(real.shared("fhir", "support2", f"{name}.json")))
        for session in (theirs, ours):
            proposal = propose(stay, fine, {"model.onnx": session}, "fr-FR")
            value = float(proposal.findings[0].quantities[0].value) / 100
            assert value == pytest.approx(expected["p_hospital_death"], abs=expected["tolerance"]), name


def test_values_in_french_units_give_the_same_probability(catalogue: Registry, worker: ModelHost) -> None:
    """mg/dL by the table of the card, µmol/L and mmol/L by molar masses; both round at the last shown decimal."""
    french = {
        "2160-0": ("14682-9", "umol/L", Decimal("88.40")),
        "1975-2": ("14631-6", "umol/L", Decimal("17.104")),
        "2345-7": ("14749-6", "mmol/L", 1 / Decimal("18.016")),
        "3094-0": ("14937-7", "mmol/L", 1 / Decimal("2.8014")),
        "1751-7": ("1751-7", "g/L", Decimal(10)),
    }
    card = card_of(catalogue, "hospital-mortality")
    for name in sorted(bundles())[:6]:
        stay = real.stay(real.bundle(real.shared("fhir", "support2", f"{name}.json")))
        readings = []
        for reading in stay.readings:
            code, unit, factor = french.get(reading.code.code, (reading.code.code, reading.unit, Decimal(1)))
            readings.append(
                replace(reading, code=replace(reading.code, code=code), unit=unit, value=reading.value * factor)
            )
        values = [
            worker.run(card, given).findings[0].quantities[0].value
            for given in (stay, replace(stay, readings=tuple(readings)))
        ]
        assert values[0] == values[1], name


def test_a_day_later_the_same_stay_is_too_old_to_be_scored(catalogue: Registry, worker: ModelHost) -> None:
    name = next(iter(bundles()))
    stay = real.stay(real.bundle(real.shared("fhir", "support2", f"{name}.json")))
    with pytest.raises(NotEligible) as refusal:
        worker.run(card_of(catalogue, "hospital-mortality"), replace(stay, at=stay.at + timedelta(days=3)))
    assert refusal.value.code == "inputs-missing"


@pytest.mark.parametrize(
    ("facts", "code"),
    [({"PatientAgeYears": "17"}, "age"), ({"Encounter.class": "AMB"}, "encounter-class")],
)
def test_the_envelope_of_the_score_refuses(facts: dict[str, str], code: str, catalogue: Registry) -> None:
    card = card_of(catalogue, "hospital-mortality")
    assert card.refusal({"PatientAgeYears": frozenset({"70"}), "Encounter.class": frozenset({"IMP"})}) is None
    refusal = card.refusal({name: frozenset({value}) for name, value in facts.items()})
    assert refusal is not None
    assert refusal.code == code


def test_the_card_says_where_the_model_is_weak_and_whose_data_it_learned_from(catalogue: Registry) -> None:
    card = card_of(catalogue, "hospital-mortality")
    limits = " ".join(limit.en for limit in card.limits)
    for words in ("AUC 0.707", "0.557", "1989 and 1994", "no decision about an individual", "No validation in France"):
        assert words in limits
    assert "Knaus" in card.attribution
    assert "No explicit licence" in card.licence


def test_every_text_of_a_card_exists_in_french_and_is_not_the_english_one(catalogue: Registry) -> None:
    for card in catalogue.cards():
        for text in (
            card.label,
            card.purpose,
            *card.limits,
            card.regulatory.statement,
            *(c.why for c in card.envelope),
        ):
            assert text.fr != text.en


# ------------------------------------------------------------------------------------------------------------- build


def test_the_brain_model_is_rebuilt_byte_for_byte_from_the_published_wheel(tmp_path: Path) -> None:
    from bridge.demo.published import Published, obtain
    from inference.build.build_brain_extractor import WHEEL_SHA256

    wheel = Published(name="deepbrain", version="0.1", file="deepbrain-0.1-py3-none-any.whl", sha256=WHEEL_SHA256)
    try:
        path = obtain(wheel, real.CACHE)
    except Unavailable as reason:
        real.missing(str(reason))
    command = [sys.executable, "-m", "inference.build.build_brain_extractor", str(path), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    (folder,) = (folder for folder in shipped() if folder.name == "brain-extractor")
    for made in tmp_path.iterdir():
        assert made.read_bytes() == (folder / made.name).read_bytes(), made.name
