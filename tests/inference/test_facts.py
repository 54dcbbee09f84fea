"""What a package is part by part: each part of a card changes its own digest, and no other."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from guarantee.revalidation import Facet, compare
from inference.card import load_package
from inference.facts import facts
from inference.registry import shipped
from tests.inference import hostile
from tests.inference.builders import (
    SCORE_PARAMETERS,
    age_is_probability,
    examined_package,
    mask_package,
    score_package,
    text,
)

CAUTIONS = SCORE_PARAMETERS["cautions"]


@pytest.mark.parametrize(
    ("card", "facet"),
    [
        (
            {"regulatory": {"status": "ce", "device_class": "IIa", "udi": "1", "statement": text("Not for care")}},
            "identity",
        ),
        ({"purpose": text("Another purpose")}, "purpose"),
        ({"parameters": {"readings_min": 1}}, "parameters"),
        ({"parameters": {"threshold": Decimal("0.5")}}, "parameters"),
        ({"needs": ["age", "sex"]}, "inputs"),
        ({"incomplete": "refuse"}, "conditions"),
        ({"burned_in": "allow"}, "conditions"),
        ({"policy": "read-twice"}, "review"),
        ({"mode": "shadow"}, "review"),
        ({"deadline_s": 5}, "runtime"),
        ({"memory_mb": 300}, "runtime"),
        ({"label": text("Another label")}, "texts"),
        ({"limits": [text("Another limit")]}, "texts"),
        ({"licence": "MIT"}, "texts"),
        ({"objectives_s": {"queue": 60}}, "texts"),
        ({"parameters": {"none_missing": text("none at all")}}, "texts"),
        ({"parameters": {"cautions": {**CAUTIONS, "stale": text("old: {features}")}}}, "texts"),
        ({"regulatory": {"status": "research", "device_class": "", "udi": "", "statement": text("No")}}, "texts"),
    ],
)
def test_each_part_of_a_card_changes_its_own_digest(card: dict[str, Any], facet: str, tmp_path: Path) -> None:
    parameters = card.pop("parameters", None)
    old = load_package(score_package(tmp_path / "old", age_is_probability()))
    new = load_package(score_package(tmp_path / "new", age_is_probability(), parameters, **card))
    assert compare(facts(old), facts(new)).changed == (Facet(facet),)


def test_files_are_parts_of_their_own(tmp_path: Path) -> None:
    old = load_package(score_package(tmp_path / "old", age_is_probability()))
    weights = load_package(score_package(tmp_path / "weights", hostile.not_a_number()))
    assert compare(facts(old), facts(weights)).changed == (Facet.WEIGHTS,)
    asked = load_package(examined_package(tmp_path / "asked", says=12, expects=12))
    other = load_package(examined_package(tmp_path / "other", says=12, expects=13))
    assert compare(facts(asked), facts(other)).changed == (Facet.GOLDEN,)


def test_graphs_and_a_condition_of_use_are_told_apart_from_its_reason(tmp_path: Path) -> None:
    condition = {"fact": "Modality", "has": ["MR"], "code": "modality", "why": text("magnetic")}
    said = {**condition, "why": text("of magnets")}
    old, reworded, narrowed = (
        load_package(mask_package(tmp_path / name, envelope=[one]))
        for name, one in (("old", condition), ("reworded", said), ("narrowed", {**condition, "has": ["CT"]}))
    )
    assert compare(facts(old), facts(reworded)).changed == (Facet.TEXTS,)
    assert compare(facts(old), facts(narrowed)).changed == (Facet.CONDITIONS,)
    assert {Facet.PREPROCESSING, Facet.POSTPROCESSING} <= facts(old).parts.keys()


def test_every_shipped_package_has_facts_that_are_the_same_each_time() -> None:
    for folder in shipped():
        package = load_package(folder)
        assert facts(package) == facts(package)
        assert Facet.GOLDEN in facts(package).parts
