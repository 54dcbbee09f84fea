"""A model's card: what it is, what it is for, where it must not be used. Shown to every reader, frozen by digest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from guarantee.case import CaseKind
from guarantee.completeness import Incomplete
from guarantee.content import Text
from guarantee.errors import Malformed
from guarantee.result import Cause, Mode, ModelVersion
from guarantee.rules import Condition, Facts, first_unmet
from guarantee.runs import STAGES, TO_DRAFT


class Trait(StrEnum):
    """What a model may be told besides pixels and readings. Nothing else crosses into its process.

    Modality is what the header calls the series, for models that hold it against the pixels.
    """

    AGE = "age"
    SEX = "sex"
    MODALITY = "modality"


class BurnedIn(StrEnum):
    """Whether a model takes images that say they have text burned in (PS3.3 C.7.6.1.1, (0028,0301))."""

    REFUSE = "refuse"
    ALLOW = "allow"


BURNED_IN: Final = "burned-in"
"""Code of the cause when a model does not take images with text burned in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regulatory:
    """Status under the Medical Devices Regulation 2017/745, as the manufacturer declares it.

    Args:
        status: "research" (not a medical device) or "ce" (CE-marked, in its intended use).
        device_class: "I", "IIa", "IIb", "III", or "" for research.
        udi: device identifier, or "".
        statement: the sentence a reader sees.
    """

    status: str
    device_class: str
    udi: str
    statement: Text

    def __post_init__(self) -> None:
        if self.status not in {"research", "ce"}:
            raise Malformed(f"regulatory status is research or ce, not {self.status!r}")
        if (self.status == "ce") != bool(self.device_class):
            raise Malformed("a CE-marked model has a device class; a research model has none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What everybody outside the worker needs to know of a model version.

    Args:
        label, purpose, limits: shown to the reader in their language.
        kind: what the model looks at.
        envelope: conditions on one series (or on the record); outside them the model does not run.
        policy: id of the review policy.
        mode: care or shadow.
        thresholds: name to value text, e.g. {"mask": "0.5"}.
        deadline_s: longest run, in seconds.
        memory_mb: most memory of a run, in MiB.
        licence, attribution: of weights and training data.
        needs: what the model is told besides pixels and readings.
        burned_in: what happens with images that have text burned in.
        incomplete: what the model does with a case that is known to be incomplete.
        batch_most: cases of one run of the model, at most; 1 for a model that looks at one case at a time.
        objectives_s: how long a stage (runs.py), or "to-draft", is meant to take at most in 95 % of cases, in seconds.
    """

    model: ModelVersion
    label: Text
    manufacturer: str
    purpose: Text
    limits: tuple[Text, ...]
    regulatory: Regulatory
    kind: CaseKind
    envelope: tuple[Condition, ...]
    policy: str
    mode: Mode
    thresholds: Mapping[str, str]
    deadline_s: int
    memory_mb: int
    licence: str
    attribution: str
    needs: tuple[Trait, ...] = ()
    burned_in: BurnedIn = BurnedIn.REFUSE
    incomplete: Incomplete = Incomplete.WAIT
    batch_most: int = 1
    objectives_s: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.limits:
            raise Malformed(f"{self.model.id}: a card says the model's limits; a model without limits does not exist")
        if self.deadline_s <= 0 or self.memory_mb <= 0:
            raise Malformed(f"{self.model.id}: deadline and memory are positive")
        if self.batch_most < 1:
            raise Malformed(f"{self.model.id}: a run has at least one case")
        if unknown := sorted(self.objectives_s.keys() - {*STAGES, TO_DRAFT}):
            raise Malformed(f"{self.model.id}: objectives are for {TO_DRAFT} or one of {STAGES}, not {unknown}")
        if any(objective_s <= 0 for objective_s in self.objectives_s.values()):
            raise Malformed(f"{self.model.id}: an objective is a number of seconds above zero")

    def refusal(self, facts: Facts) -> Cause | None:
        """Return why ``facts`` are outside the envelope, or None when they are inside."""
        if self.burned_in is BurnedIn.REFUSE and "YES" in facts.get("BurnedInAnnotation", frozenset()):
            return Cause(code=BURNED_IN, detail="BurnedInAnnotation is YES, and the card does not take such images")
        unmet = first_unmet(self.envelope, facts)
        if unmet is None:
            return None
        seen = ", ".join(sorted(facts.get(unmet.fact, frozenset()))) or "absent"
        return Cause(code=unmet.code, detail=f"{unmet.fact} is {seen[:200]}")
