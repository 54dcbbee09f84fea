"""What is kept of a run so that a change is noticed later (bridge/drift.py): of what a model was given and answered.

Facts that say nothing of who the patient is: no text of a report, no date, no identifier; an age as its decade. Header
facts of the images (device, thickness) are added where the headers are (bridge/db/runs.py).
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from math import sqrt
from typing import Final

from guarantee.content import Content
from guarantee.inputs import Inputs, Record, Volume
from guarantee.runs import Feature, Outcome

KEPT_MAX: Final = 60
"""Most features that are kept of a run; beyond it, findings that come late in the draft are left out."""

NAME_CHARS_MAX: Final = 80
"""Longest name of a feature; they are made of the keys and labels of a card."""

DIGITS: Final = 4
"""Significant digits of a number that is kept: more would tell patients apart and no change."""

_BANDS: Final = 90
"""Age in years from which there is one band."""

_YEAR: Final = "a"
"""UCUM for a year: a reading in it is an age, which the band says already."""


def of_inputs(inputs: Inputs) -> dict[str, Feature]:
    """Return what a model was given, in words and numbers."""
    found = _of_volume(inputs) if isinstance(inputs, Volume) else _of_record(inputs)
    return {f"input/{name}": value for name, value in found}


def of_answer(content: Content) -> dict[str, Feature]:
    """Return the readings that a model used and what it answered."""
    readings = {
        f"input/reading:{used.label.en}"[:NAME_CHARS_MAX]: _number(used.value)
        for used in content.inputs
        if used.unit != _YEAR
    }
    answered = {f"output/{name}"[:NAME_CHARS_MAX]: value for name, value in _of_findings(content)}
    return dict(islice((readings | answered).items(), KEPT_MAX))


def of_outcome(outcome: Outcome, cause: str) -> dict[str, Feature]:
    """Return how a run ended: with a draft, or for which cause its inputs were no inputs for the model."""
    return {"output/outcome": cause or str(outcome)}


def _of_volume(volume: Volume) -> Iterator[tuple[str, Feature]]:
    columns = [[volume.affine[row * 4 + column] for row in range(3)] for column in range(3)]
    across, down, between = (_number(sqrt(sum(part * part for part in column))) for column in columns)
    yield "modality", volume.modality
    yield "slices", float(volume.shape[0])
    yield "rows", float(volume.shape[1])
    yield "columns", float(volume.shape[2])
    yield "column-spacing", across
    yield "row-spacing", down
    yield "slice-spacing", between
    yield "age-band", _band(volume.patient_age_years)


def _of_record(record: Record) -> Iterator[tuple[str, Feature]]:
    yield "age-band", _band(record.age_years)
    yield "sex", record.sex or None
    yield "readings", float(len(record.readings))


def _of_findings(content: Content) -> Iterator[tuple[str, Feature]]:
    yield "findings-present", float(sum(finding.presence == "present" for finding in content.findings))
    for finding in content.findings:
        yield f"presence:{finding.key}", str(finding.presence)
        if finding.score is not None:
            yield f"score:{finding.key}", _number(finding.score)
        for quantity in finding.quantities:
            yield f"quantity:{finding.key}:{quantity.label.en}", _number(quantity.value)


def _band(years: float | Decimal | None) -> str | None:
    """Return the decade of an age."""
    if years is None or years < 0:
        return None
    decade = int(years // 10) * 10
    return f"{_BANDS}+" if decade >= _BANDS else f"{decade}-{decade + 9}"


def _number(value: float | Decimal | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")
