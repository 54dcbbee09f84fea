"""Record messages of a ward and the models that look at them: honest, slow, hostile, and one that is suspended.

The models are those of tests/inference: the probability is the age over a hundred, where they behave.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from bridge.rules_file import SHIPPED
from tests.fhir import stays
from tests.inference import hostile
from tests.inference.builders import examined_package, score_package

SLOW_TRIPS: Final = 1_000_000
"""Turns of the slow model's loop: a second or so, so that a second result comes while it works."""

ROUTES: Final = {"IMP": ["probe", "strict"], "AMB": ["slow"], "ACUTE": ["hostile", "probe"]}
"""Class of the encounter: the models that look at it."""


def settings(folder: Path) -> dict[str, Any]:
    """Write the packages and the rules that choose them; return the settings that name both."""
    packages = [
        examined_package(folder / "probe", says=12, expects=12, name="probe"),
        examined_package(folder / "strict", says=12, expects=13, name="strict"),
        score_package(folder / "slow", hostile.slow(SLOW_TRIPS), name="slow"),
        score_package(folder / "hostile", hostile.not_a_number(), name="hostile"),
    ]
    rules = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    rules["routes"] = [
        {
            "name": f"class-{code.lower()}",
            "kind": "record",
            "when": [
                {"fact": "Encounter.class", "has": [code], "code": "class", "why": {"fr": "classe", "en": "class"}}
            ],
            "models": models,
        }
        for code, models in ROUTES.items()
    ]
    path = folder / "routing.yaml"
    path.write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")
    return {"models": {"packages": [str(package) for package in packages]}, "routing": {"rules": str(path)}}


def message(*stays_told: list[dict[str, Any]]) -> bytes:
    """Return one record message of these stays."""
    found = [resource for told in stays_told for resource in told]
    return orjson.dumps(stays.bundle(*found, kind="transaction"), default=_number)


def stay(number: int, code: str, *, stat: bool = False, years: int = 70) -> list[dict[str, Any]]:
    """Return what a message says of one stay of its own patient.

    Args:
        code: class of the encounter.
        stat: whether an order of it says so.
    """
    patient, encounter, now = str(100 + number), str(1000 + number), datetime.now(UTC)
    subject = {"subject": {"reference": f"Patient/{patient}"}}
    inside = {"encounter": {"reference": f"Encounter/{encounter}"}} | subject
    born = (now - timedelta(days=365.25 * years + 30)).date().isoformat()
    found = [
        stays.person(patient, birthDate=born, identifier=[{"system": "urn:oid:2.25.7", "value": f"IPP{patient}"}]),
        stays.stay(
            encounter, patient, **{"class": {"code": code}}, period={"start": now.isoformat(timespec="seconds")}
        ),
        stays.observation(
            f"o{number}",
            **inside,
            effectiveDateTime=now.isoformat(timespec="seconds"),
            valueQuantity={"value": 72, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
        ),
    ]
    if stat:
        order = {"resourceType": "ServiceRequest", "id": f"s{number}", "status": "active", "intent": "order"}
        found.append({**order, "priority": "stat", **inside})
    return found


def _number(value: object) -> float:
    assert isinstance(value, Decimal)
    return float(value)
