"""The recipe "readings-score": measured values to one probability, and what else the model computes on the way.

Every input is shown as it was sent; the conversion is between the card and the model. A value that is missing, too old,
implausible or in a unit we do not know is missing for the model, and the reader is told which of these it was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import Final, TypeAlias

import numpy as np

from guarantee.card import Trait
from guarantee.content import Finding, Origin, Presence, Quantity, Text, Used
from guarantee.errors import NotEligible
from guarantee.inputs import Inputs, Reading, Record
from guarantee.ports import Proposal
from inference.card import MODEL_FILE
from inference.recipes.parameters import Bound, Feature, Further, Measure, ReadingsScore
from inference.recipes.wording import in_both, in_language, listed, number
from inference.session import Array, Session, require_probability, single

AGE_SOURCE: Final = "Patient.birthDate"
"""Where the age comes from: a place in the record, not a reading of its own."""

SEX_SOURCE: Final = "Patient.gender"
"""Where the sex comes from."""

SEXES: Final = {"M": Decimal(1), "F": Decimal(0)}
"""What a model is given for each; the equations know no other."""

Answers: TypeAlias = Mapping[str, Decimal]
"""Each output of the model, by name."""


class Fate(Enum):
    """What became of a feature."""

    USED = auto()
    MISSING = auto()
    IMPLAUSIBLE = auto()
    STALE = auto()
    UNIT = auto()
    FUTURE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One feature of the model on this record.

    Args:
        value: in the model's unit; None when the model runs without it.
        used: what the reader sees: value and unit as they were sent.
    """

    feature: Feature
    fate: Fate
    value: Decimal | None
    used: Used


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One record, ready for the model.

    Args:
        row: [1, features], float32; NaN where the model runs without a value.
    """

    choices: tuple[Choice, ...]
    row: Array


def propose(inputs: Inputs, parameters: ReadingsScore, sessions: Mapping[str, Session], language: str) -> Proposal:
    """Return what the model says of a record.

    Raises:
        NotEligible: "kind", "inputs-missing" when a required value or too many others are missing, or the code of a
            bound that the model's own answer lies outside of.
        ModelFailed: "nonsense" when the answer is not one probability, or as Session.run.
    """
    prepared = prepare(inputs, parameters)
    session = sessions[MODEL_FILE]
    names = [tensor.name for tensor in session.outputs]
    found = session.run(**{session.inputs[0].name: prepared.row})
    return conclude(prepared, dict(zip(names, found, strict=True)), parameters, language)


def prepare(inputs: Inputs, parameters: ReadingsScore) -> Prepared:
    """Return the model's row for a record.

    Raises:
        NotEligible: "kind" or "inputs-missing", as :func:`propose`.
    """
    if not isinstance(inputs, Record):
        raise NotEligible("kind", "this model reads a record, not images")
    choices = tuple(choose(feature, inputs, parameters.future_s) for feature in parameters.features)
    require_enough(choices, parameters)
    values = [float("nan") if choice.value is None else float(choice.value) for choice in choices]
    return Prepared(choices=choices, row=np.array([values], dtype=np.float32))


def conclude(prepared: Prepared, found: Mapping[str, Array], parameters: ReadingsScore, language: str) -> Proposal:
    """Return what the model's answer to one row means.

    Args:
        found: each output, by name, the probability first; shape [1].

    Raises:
        NotEligible, ModelFailed: of the answer, as :func:`propose`.
    """
    choices = prepared.choices
    answers = {name: single(array) for name, array in found.items()}
    require_inside(answers, parameters.bounds)
    probability = require_probability(next(iter(answers.values())))
    return Proposal(
        findings=(_finding(probability, answers, parameters),),
        segments=(),
        key_images=(),
        inputs=tuple(choice.used for choice in choices),
        report=_report(choices, probability, answers, parameters, language),
        cautions=cautions(choices, parameters),
    )


def choose(feature: Feature, record: Record, future_s: int) -> Choice:
    """Return what the model is given for ``feature``: the newest reading, if it is fresh, plausible and understood.

    An older reading never stands in for a newer one that was refused: the newest is what the ward goes by, and quietly
    using another would show the reader a value that nobody acts on.
    """
    if feature.is_trait:
        return _age(feature, record) if feature.trait is Trait.AGE else _sex(feature, record)
    codes = {code for row in feature.accepts for code in row.codes}
    readings = [reading for reading in record.readings if reading.code.scheme == "LN" and reading.code.code in codes]
    past = [reading for reading in readings if reading.taken_at <= record.at + timedelta(seconds=future_s)]
    if not past:
        return _without(feature, Fate.FUTURE if readings else Fate.MISSING)
    newest = max(past, key=lambda r: (r.taken_at, _converted(feature, r) is not None, r.source, r.value))
    if newest.taken_at < record.at - timedelta(seconds=feature.fresh_s):
        return _without(feature, Fate.STALE)
    value = _converted(feature, newest)
    if value is None:
        return _without(feature, Fate.UNIT)
    if not feature.minimum <= value <= feature.maximum:
        return _without(feature, Fate.IMPLAUSIBLE)
    used = Used(
        label=feature.label,
        code=newest.code,
        value=newest.value,
        unit=newest.unit,
        taken_at=newest.taken_at,
        source=newest.source,
    )
    return Choice(feature=feature, fate=Fate.USED, value=value, used=used)


def require_enough(choices: Iterable[Choice], parameters: ReadingsScore) -> None:
    """Return when the card's rule on missing values is kept.

    Raises:
        NotEligible: "inputs-missing"; the detail names what is missing, never a value.
    """
    missing = [choice.feature for choice in choices if choice.value is None]
    required = [feature.name for feature in missing if feature.name in parameters.required]
    if required:
        raise NotEligible("inputs-missing", f"without a usable {', '.join(required)} this model does not run")
    others = len(parameters.features) - len(set(parameters.required))
    there = others - len(missing)
    if there < parameters.readings_min:
        raise NotEligible(
            "inputs-missing", f"{there} of {others} readings can be used; this model needs {parameters.readings_min}"
        )


def require_inside(answers: Answers, bounds: Iterable[Bound]) -> None:
    """Return when the model is for this patient, as far as its own answer tells.

    Raises:
        NotEligible: the bound's code; the detail names the output, never its value.
    """
    for bound in bounds:
        if not bound.holds(answers[bound.output]):
            raise NotEligible(bound.code, f"{bound.output} is not from {bound.minimum} to below {bound.below}")


def cautions(choices: Iterable[Choice], parameters: ReadingsScore) -> tuple[Text, ...]:
    """Return what the reader must know of readings that were there and were not used, or were not there."""
    words = parameters.cautions
    by_fate = {
        Fate.IMPLAUSIBLE: words.implausible,
        Fate.STALE: words.stale,
        Fate.UNIT: words.unit,
        Fate.FUTURE: words.future,
        Fate.MISSING: words.missing,
    }
    found = []
    known = tuple(choices)
    for fate, text in by_fate.items():
        labels = [choice.feature.label for choice in known if choice.fate is fate]
        if labels:
            fr, en = listed(labels)
            found.append(in_both(text, {"features": fr}, {"features": en}))
    return tuple(found)


def _age(feature: Feature, record: Record) -> Choice:
    age = record.age_years
    if age is None:
        return _without(feature, Fate.MISSING)
    if not feature.minimum <= age <= feature.maximum:
        return _without(feature, Fate.IMPLAUSIBLE)
    used = Used(
        label=feature.label, code=feature.code, value=age, unit=feature.unit, taken_at=record.at, source=AGE_SOURCE
    )
    return Choice(feature=feature, fate=Fate.USED, value=age, used=used)


def _sex(feature: Feature, record: Record) -> Choice:
    value = SEXES.get(record.sex)
    if value is None:
        return _without(feature, Fate.MISSING)
    used = Used(
        label=feature.label, code=feature.code, value=value, unit=feature.unit, taken_at=record.at, source=SEX_SOURCE
    )
    return Choice(feature=feature, fate=Fate.USED, value=value, used=used)


def _without(feature: Feature, fate: Fate) -> Choice:
    used = Used(label=feature.label, code=feature.code, value=None, unit=feature.unit, taken_at=None, source="")
    return Choice(feature=feature, fate=fate, value=None, used=used)


def _converted(feature: Feature, reading: Reading) -> Decimal | None:
    for row in feature.accepts:
        if reading.code.code in row.codes and reading.unit == row.unit:
            return row.convert(reading.value)
    return None


def _further(one: Further, answers: Answers) -> Decimal:
    return one.measure.rounded(answers[one.output] * one.factor)


def _quantity(measure: Measure, value: Decimal) -> Quantity:
    return Quantity(concept=measure.concept, label=measure.label, value=value, unit=measure.unit, origin=Origin.MODEL)


def _finding(probability: Decimal, answers: Answers, parameters: ReadingsScore) -> Finding:
    threshold, measure, subject = parameters.threshold, parameters.probability, parameters.subject
    score = None if threshold is None else probability.quantize(parameters.score_step)
    # Judged on the rounded score that is shown: nobody must read "0.500, threshold 0.500: absent".
    present = threshold is None or score is None or score >= threshold
    return Finding(
        key=subject.key,
        label=subject.label,
        category=subject.category,
        type=subject.type,
        presence=Presence.PRESENT if present else Presence.ABSENT,
        site=subject.site,
        laterality=subject.laterality,
        score=score,
        threshold=threshold,
        quantities=(
            _quantity(measure, measure.rounded(probability * 100)),
            *(_quantity(one.measure, _further(one, answers)) for one in parameters.further),
        ),
        segment=None,
        regions=(),
        origin=Origin.MODEL,
    )


def _report(
    choices: tuple[Choice, ...], probability: Decimal, answers: Answers, parameters: ReadingsScore, language: str
) -> str:
    missing = [choice.feature.label for choice in choices if choice.value is None]
    fr, en = listed(missing) if missing else (parameters.none_missing.fr, parameters.none_missing.en)
    return in_language(
        parameters.report,
        language,
        probability=number(parameters.probability.rounded(probability * 100), language),
        used=str(len(choices) - len(missing)),
        total=str(len(choices)),
        missing=in_language(Text(fr=fr, en=en), language),
        **{one.output: number(_further(one, answers), language) for one in parameters.further},
    )
