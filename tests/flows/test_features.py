"""What a run leaves to be compared: facts of what was given and answered, and nothing that says whose they are."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bridge.db import tables
from bridge.flows import features
from guarantee.content import Content, Origin, Presence, Quantity, Text, Used
from guarantee.errors import ModelFailed, NotEligible, Unavailable
from guarantee.inputs import Coded, Record, Slice, Volume
from guarantee.runs import Outcome
from tests.flows.fakes import BRAIN, PATIENT, START, arrival
from tests.flows.world import World
from tests.guarantee.samples import a_content, a_finding


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def kept(world: World) -> list[dict[str, Any]]:
    with world.sql.reading() as unit:
        rows = unit.connection.execute(select(tables.features)).mappings()
        return [{**row, "body": json.loads(row["body"])} for row in rows]


def test_a_draft_leaves_what_it_says_and_what_it_was_made_from(world: World) -> None:
    result = world.drafted(arrival(world.vault))
    (row,) = kept(world)
    assert (row["result_id"], row["answered"], row["mode"], row["sender"]) == (result.id, 1, "care", "scanner")
    assert row["body"]["output/outcome"] == "drafted"
    assert row["body"]["output/presence:brain"] == "present"
    assert row["body"]["output/quantity:brain:volume"] == 1499.0
    assert row["body"]["output/findings-present"] == 1.0


def test_nothing_in_it_says_who_the_patient_is(world: World) -> None:
    world.drafted(arrival(world.vault))
    text = json.dumps(kept(world)[0]["body"])
    for trait in (PATIENT.identifier, "ESSAI", "Anne", PATIENT.birth_date, "1970"):
        assert trait not in text


def test_images_that_are_none_for_the_model_leave_why(world: World) -> None:
    world.model.failures = [NotEligible("slices-missing", "two")]
    world.receive(arrival(world.vault))
    world.complete()
    world.infer_all()
    (row,) = kept(world)
    assert (row["answered"], row["body"]["output/outcome"]) == (0, "slices-missing")
    assert not any(name.startswith("output/") for name in row["body"].keys() - {"output/outcome"})


def test_a_failure_says_nothing_of_the_inputs(world: World) -> None:
    world.model.failures = [ModelFailed("crashed", "signal 11")]
    world.receive(arrival(world.vault))
    world.complete()
    with pytest.raises(Unavailable):
        world.infer_all()
    assert kept(world) == []
    world.infer_all()
    assert len(kept(world)) == 1


def volume(**changes: Any) -> Volume:
    made = Volume(
        voxels=b"\0" * 12,
        dtype="<i2",
        shape=(1, 2, 3),
        affine=(0.0, 0.5, 0.0, 9.0, 0.43301, 0.0, 0.0, 9.0, 0.25, 0.0, 1.2, 9.0, 0.0, 0.0, 0.0, 1.0),
        slices=(Slice(sop_class_uid="1", sop_instance_uid="2"),),
        modality="MR",
        patient_age_years=47.6,
    )
    return replace(made, **changes)


def test_a_volume_leaves_its_grid_and_a_decade() -> None:
    assert features.of_inputs(volume()) == {
        "input/modality": "MR",
        "input/slices": 1.0,
        "input/rows": 2.0,
        "input/columns": 3.0,
        "input/column-spacing": 0.5,
        "input/row-spacing": 0.5,
        "input/slice-spacing": 1.2,
        "input/age-band": "40-49",
    }


@pytest.mark.parametrize(
    ("years", "band"), [(None, None), (0.2, "0-9"), (9.99, "0-9"), (90.0, "90+"), (104.0, "90+"), (-1.0, None)]
)
def test_an_age_is_a_decade(years: float | None, band: str | None) -> None:
    assert features.of_inputs(volume(patient_age_years=years))["input/age-band"] == band


def used(label: str, value: str | None, unit: str = "mmol/L") -> Used:
    code = Coded(code="2524-7", scheme="LN", meaning="Lactate")
    said = None if value is None else Decimal(value)
    return Used(
        label=Text(fr=label, en=label), code=code, value=said, unit=unit, taken_at=START, source="Observation/1"
    )


def test_readings_are_kept_by_their_label_and_an_age_among_them_is_not() -> None:
    record = Record(readings=(), age_years=Decimal(71), sex="", at=START + timedelta(days=1))
    assert features.of_inputs(record) == {"input/age-band": "70-79", "input/sex": None, "input/readings": 0.0}
    content = answer(inputs=(used("Lactate", "2.34567"), used("Glucose", None), used("Age", "71", unit="a")))
    found = features.of_answer(content)
    assert {name: value for name, value in found.items() if name.startswith("input/")} == {
        "input/reading:Lactate": 2.346,
        "input/reading:Glucose": None,
    }


def answer(**changes: Any) -> Content:
    return replace(a_content(), **changes)


def test_scores_and_quantities_are_kept_by_their_finding() -> None:
    quantity = Quantity(
        concept=BRAIN,
        label=Text(fr="volume", en="volume"),
        value=Decimal("12.3456"),
        unit=Coded(code="mL", scheme="UCUM", meaning="milliliter"),
        origin=Origin.MODEL,
    )
    finding = replace(
        a_finding(),
        key="lesion",
        presence=Presence.ABSENT,
        score=Decimal("0.123456"),
        threshold=Decimal("0.5"),
        quantities=(quantity,),
    )
    found = features.of_answer(answer(findings=(finding,), inputs=()))
    assert found == {
        "output/findings-present": 0.0,
        "output/presence:lesion": "absent",
        "output/score:lesion": 0.1235,
        "output/quantity:lesion:volume": 12.35,
    }


def test_what_is_kept_has_a_limit() -> None:
    many = tuple(replace(a_finding(), key=f"{'x' * 90}{number:03}"[3:], segment=None) for number in range(150))
    found = features.of_answer(answer(findings=many, inputs=()))
    assert len(found) <= features.KEPT_MAX
    assert all(len(name) <= features.NAME_CHARS_MAX for name in found)


def test_how_it_ended_is_a_word() -> None:
    assert features.of_outcome(Outcome.DRAFTED, "") == {"output/outcome": "drafted"}
    assert features.of_outcome(Outcome.EXCLUDED, "modality") == {"output/outcome": "modality"}
