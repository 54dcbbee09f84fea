"""Conditions on what is known of a case, as data. Routing rules and the envelope of a model's card are made of them.

A condition is read, never run: there is no expression language, hence nothing to inject. Facts are text, as received:
a DICOM keyword ("Modality") or a FHIR name ("Observation.code") with every value seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias

from guarantee.case import CaseKind
from guarantee.content import Text
from guarantee.errors import Malformed
from guarantee.result import Priority

Facts: TypeAlias = Mapping[str, frozenset[str]]
"""What is known: each name with every distinct value seen, empty values left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition on one fact.

    Args:
        fact: its name, e.g. "Modality", "ImageCount", "Observation.code".
        one_of: allowed values, without regard to case; () allows any.
        has: values that must be among those seen.
        minimum, maximum: bounds on every value, inclusive; None for none.
        required: whether an absent fact fails.
        why: what a person reads when it fails.
        code: stable word for the cause, e.g. "modality".
    """

    fact: str
    one_of: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    required: bool = True
    why: Text
    code: str

    def __post_init__(self) -> None:
        if not self.fact or not self.code:
            raise Malformed("a condition names a fact and has a code")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise Malformed(f"condition {self.code}: minimum {self.minimum} is above maximum {self.maximum}")

    def holds(self, facts: Facts) -> bool:
        """Return whether ``facts`` satisfy this condition. What cannot be read as a number is out of bounds."""
        seen = facts.get(self.fact, frozenset())
        if not seen:
            return not self.required
        if self.one_of and not {value.casefold() for value in seen} <= {value.casefold() for value in self.one_of}:
            return False
        if not set(self.has) <= seen:
            return False
        return all(self._within(value) for value in seen)

    def _within(self, value: str) -> bool:
        if self.minimum is None and self.maximum is None:
            return True
        try:
            number = Decimal(value)
        except InvalidOperation:
            return False
        if not number.is_finite():
            return False
        return (self.minimum is None or number >= self.minimum) and (self.maximum is None or number <= self.maximum)


def first_unmet(conditions: Sequence[Condition], facts: Facts) -> Condition | None:
    """Return the first condition that ``facts`` do not satisfy, or None."""
    return next((condition for condition in conditions if not condition.holds(facts)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which models look at which cases, or must not.

    Args:
        name: for the trace and for ``aval route try``.
        when: all must hold; facts of the whole case.
        models: names; each is then held against the envelope of its own card. A rule that rejects may name none: it
            then holds for every model.
        reject: why these models do not run; None for a rule that runs them. A rejection holds wherever it is written.
    """

    name: str
    kind: CaseKind
    when: tuple[Condition, ...]
    models: tuple[str, ...]
    priority: Priority = Priority.ROUTINE
    reject: Text | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise Malformed("a route has a name")
        if self.reject is None and not self.models:
            raise Malformed(f"route {self.name} names at least one model, or says why it rejects")
        if self.reject is not None and self.priority is not Priority.ROUTINE:
            raise Malformed(f"route {self.name} rejects: what does not run has no priority")

    def rejects(self, model: str) -> bool:
        """Return whether this rule, when it holds, keeps the model called ``model`` from running."""
        return self.reject is not None and (not self.models or model in self.models)


ORDERED_STAT: Final = (
    ("RequestedProcedurePriority", "stat"),
    ("ServiceRequest.priority", "stat"),
    ("Order.priority", "stat"),
)
"""Facts by which an order says that its result is wanted at once, without regard to case: PS3.3 C.4.11,
(0040,1003), FHIR R4 ServiceRequest.priority, and what a feed says of orders (orders.py)."""


def ordered_stat(facts: Facts) -> str:
    """Return the fact by which the order asks for its result at once; "" when none does."""
    found = (name for name, word in ORDERED_STAT if word in {v.casefold() for v in facts.get(name, frozenset())})
    return next(found, "")
