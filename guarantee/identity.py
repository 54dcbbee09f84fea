"""Are these two people one? Asked whenever an input joins a case, and whenever a case opens beside others.

Nothing here merges or corrects an identity. What is doubtful is held until a person says that it may go on, or that it
stays apart: it never reaches a model silently.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from guarantee.case import Case, Patient
from guarantee.errors import Malformed
from guarantee.ids import CaseId, Digest, digest


class Likeness(StrEnum):
    """How alike two sets of traits are."""

    IDENTICAL = "identical"
    """Every trait agrees."""

    COMPATIBLE = "compatible"
    """No trait contradicts another; something is missing on one side, or a name is written otherwise."""

    DOUBTFUL = "doubtful"
    """A trait contradicts another, or the number that would settle it is missing on one side."""

    DIFFERENT = "different"
    """Two numbers, two issuers, or two contradictions."""


class Doubt(StrEnum):
    """Why a case is held, or flagged."""

    SPELLED_OTHERWISE = "spelled-otherwise"
    """Compatible traits: the case goes on, and says so."""

    IDENTITY_DOUBTFUL = "identity-doubtful"
    """An input of the case names its patient with a trait that contradicts."""

    TWO_PATIENTS = "two-patients"
    """An input of the case names somebody else."""

    IDENTITY_COLLISION = "identity-collision"
    """Another case has this patient number, and contradicts."""

    SENDER_UNKNOWN = "sender-unknown"
    """It comes from a system that the configuration does not name."""

    CHANGED_BYTES = "changed-bytes"
    """Other bytes came under a known name."""

    IDENTITY_CHANGED = "identity-changed"
    """The record says that its patient was merged, moved, linked, split or corrected."""

    ORDER_CONTRADICTS = "order-contradicts"
    """The order of this exam is about somebody else (orders.py)."""

    ORDER_CANCELLED = "order-cancelled"
    """Every order of this exam was cancelled."""

    @property
    def holds(self) -> bool:
        """Whether the case waits for a person."""
        return self is not Doubt.SPELLED_OTHERWISE


CONSEQUENCE: Final = {
    Likeness.IDENTICAL: None,
    Likeness.COMPATIBLE: Doubt.SPELLED_OTHERWISE,
    Likeness.DOUBTFUL: Doubt.IDENTITY_DOUBTFUL,
    Likeness.DIFFERENT: Doubt.TWO_PATIENTS,
}
"""What becomes of an input by the likeness of its patient to that of its case: joins, joins with a flag, is held."""


class _Trait(StrEnum):
    """How one trait compares."""

    SAME = "same"
    ABSENT = "absent on both"
    ONE_SIDED = "absent on one side"
    OTHER = "contradicts"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """Every trait of two people, compared."""

    identifier: _Trait
    issuer: _Trait
    birth_date: _Trait
    sex: _Trait
    name: _Trait

    @property
    def contradictions(self) -> int:
        """How many of birth date, sex and name contradict."""
        return (self.birth_date, self.sex, self.name).count(_Trait.OTHER)

    @property
    def is_sure_but_for_the_name(self) -> bool:
        """Whether number, issuer, birth date and sex are known and agree: people marry."""
        return {self.identifier, self.issuer, self.birth_date, self.sex} == {_Trait.SAME}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the table; the first whose condition holds decides."""

    condition: str
    holds: Callable[[_Compared], bool]
    likeness: Likeness


RULES: Final = (
    Rule(
        condition="the numbers differ",
        holds=lambda c: c.identifier is _Trait.OTHER,
        likeness=Likeness.DIFFERENT,
    ),
    Rule(
        condition="the issuers of the number differ",
        holds=lambda c: c.issuer is _Trait.OTHER,
        likeness=Likeness.DIFFERENT,
    ),
    Rule(
        condition="two or three of birth date, sex and name contradict",
        holds=lambda c: c.contradictions > 1,
        likeness=Likeness.DIFFERENT,
    ),
    Rule(
        condition="the number is missing on one side",
        holds=lambda c: c.identifier is _Trait.ONE_SIDED,
        likeness=Likeness.DOUBTFUL,
    ),
    Rule(
        condition="number, issuer, birth date and sex are known and agree; the name is another",
        holds=lambda c: c.name is _Trait.OTHER and c.is_sure_but_for_the_name,
        likeness=Likeness.COMPATIBLE,
    ),
    Rule(
        condition="one of birth date, sex and name contradicts",
        holds=lambda c: c.contradictions == 1,
        likeness=Likeness.DOUBTFUL,
    ),
    Rule(
        condition="issuer, birth date, sex or name is missing on one side",
        holds=lambda c: _Trait.ONE_SIDED in (c.issuer, c.birth_date, c.sex, c.name),
        likeness=Likeness.COMPATIBLE,
    ),
    Rule(condition="everything agrees", holds=lambda _: True, likeness=Likeness.IDENTICAL),
)


def likeness(one: Patient, other: Patient) -> Likeness:
    """Return how alike the traits of two patients are; the order does not matter."""
    if one == other:
        return Likeness.IDENTICAL  # as the table says, for every image but a few
    compared = _Compared(
        identifier=_compare(one.identifier, other.identifier),
        issuer=_compare(one.issuer, other.issuer),
        birth_date=_compare(one.birth_date, other.birth_date),
        sex=_compare(one.sex, other.sex),
        name=_compare_names(one.name, other.name),
    )
    return next(rule.likeness for rule in RULES if rule.holds(compared))


def collides(patient: Patient, others: Iterable[tuple[Patient, bool]]) -> bool:
    """Return whether the number of ``patient`` is that of somebody else in another case.

    The same number of another issuer is another number. A person who has looked at exactly these traits before, and let
    them through, settles it.

    Args:
        others: patients of other cases with the same number, and whether a person let that case through.
    """
    found = [(likeness(patient, other), admitted) for other, admitted in others if _share_a_number(patient, other)]
    if any(like is Likeness.IDENTICAL and admitted for like, admitted in found):
        return False
    return any(like in {Likeness.DOUBTFUL, Likeness.DIFFERENT} for like, _ in found)


def _share_a_number(one: Patient, other: Patient) -> bool:
    same = one.identifier == other.identifier != ""
    return same and _compare(one.issuer, other.issuer) is not _Trait.OTHER


def person(patient: Patient) -> Digest:
    """Return a name for exactly these traits that says none of them."""
    traits = (patient.identifier, patient.issuer, patient.birth_date, patient.sex, patient.name)
    return digest("\0".join(traits).encode())


def _compare(one: str, other: str) -> _Trait:
    if one == other:
        return _Trait.SAME if one else _Trait.ABSENT
    return _Trait.OTHER if one and other else _Trait.ONE_SIDED


def _compare_names(one: str, other: str) -> _Trait:
    """Compare names group by group: letters with letters, ideographs with ideographs (PS3.5, 6.2.1.2).

    Accents, capitals, punctuation and the order of the words do not count, nor does a word more: a second first name.
    """
    if not one or not other:
        return _compare(one, other)
    pairs = list(zip(_groups(one), _groups(other), strict=False))
    both = [(mine, theirs) for mine, theirs in pairs if mine and theirs]
    if not both:
        return _Trait.ONE_SIDED
    return _Trait.SAME if all(mine <= theirs or theirs <= mine for mine, theirs in both) else _Trait.OTHER


def _groups(name: str) -> list[frozenset[str]]:
    return [_words(group) for group in name.split("=")]


def _words(group: str) -> frozenset[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", group) if not unicodedata.combining(c))
    return frozenset(re.findall(r"\w+", plain.casefold()))


class Verdict(StrEnum):
    """What a person says of a held case."""

    ADMIT = "admit"
    """What came belongs together and may be used: a new revision is judged, doubts and all."""

    KEEP_APART = "keep-apart"
    """No model sees it, whatever else arrives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """One person's word on one held revision of a case. Said once, never taken back.

    Args:
        by: who said it.
        reason: one sentence; never patient data.
    """

    case: CaseId
    verdict: Verdict
    by: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        if not self.by or not self.reason:
            raise Malformed("whoever admits a held case, or keeps it apart, says who they are and why")


class Identities(Protocol):
    """Doubts about whose inputs a case holds, and what people said of them."""

    def doubt(self, case: Case, doubt: Doubt, subject: str, at: datetime) -> bool:
        """Note a doubt about ``case``, locked, and return whether it stands.

        It does not when a person let exactly this through in an earlier revision.

        Args:
            subject: what it is about: ``person``, a sender, a digest; never patient data.
        """

    def namesakes(self, case: Case) -> tuple[tuple[Patient, bool], ...]:
        """Return the patients of other cases of this kind with the same number, and whether a person admitted the case.

        Only revisions that were judged complete count: what is held may be wrong.
        """

    def admit(self, admission: Admission) -> None:
        """Insert a person's word on a held case."""

    def admission(self, case: CaseId) -> Verdict | None:
        """Return what a person said of a held revision, or None."""


def table() -> str:
    """Return the rules as a table, for the README."""
    lines = ["| the first that holds | likeness | what happens |", "| --- | --- | --- |"]
    for rule in RULES:
        doubt = CONSEQUENCE[rule.likeness]
        happens = "joins" if doubt is None else f"is held: `{doubt}`" if doubt.holds else f"joins, flagged `{doubt}`"
        lines.append(f"| {rule.condition} | {rule.likeness} | {happens} |")
    return "\n".join(lines)
