"""Orders: what somebody asked for, as their system says it; and whether an exam is the one that was asked for.

An order and an exam meet by the accession number, by the exam's own identifier or by the numbers that placer and filler
gave the order; never by a name. An order that is about somebody else, or that was cancelled, holds the exam until a
person has looked. Nothing here chooses, merges or corrects a patient.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from guarantee.case import Case, CaseKind, Patient
from guarantee.errors import Malformed
from guarantee.feed import Number
from guarantee.identity import CONSEQUENCE, Doubt, likeness, person
from guarantee.ids import Digest, digest
from guarantee.rules import Facts

WORDS_CHARS_MAX: Final = 2_000
"""Longest indication that is kept: a page of text. What is longer is a document."""


class OrderStatus(StrEnum):
    """What its system says of an order."""

    WANTED = "wanted"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order, as one message says it.

    Args:
        placer, filler: "authority|number" that the requesting and the fulfilling system gave it; "" when unknown.
        accession: Accession Number (0008,0050) of its exam; "" when unknown.
        study: Study Instance UID (0020,000D) of its exam; "" when unknown.
        sites: sites whose exams it may be about; empty for all. An accession number comes without its authority.
        patient, numbers: whose exam it is to be, with every number that is no national one.
        procedures: codes of what is asked for, "system|code".
        procedure, indication: what is asked for and why, in words; "" when nobody said.
        is_stat: whether it is wanted at once.
        said_at: when its system said so.
    """

    placer: str
    filler: str
    accession: str
    study: str
    sites: frozenset[str]
    patient: Patient
    numbers: tuple[Number, ...]
    procedures: frozenset[str]
    procedure: str
    indication: str
    is_stat: bool
    status: OrderStatus
    said_at: datetime

    def __post_init__(self) -> None:
        if not self.name:
            raise Malformed("an order has a number of its placer or filler, an accession number or a study")
        if max(len(self.procedure), len(self.indication)) > WORDS_CHARS_MAX:
            raise Malformed(f"what an order says in words has at most {WORDS_CHARS_MAX} characters")

    @property
    def name(self) -> str:
        """What tells it from other orders: the first number that it has."""
        return self.placer or self.filler or self.accession or self.study

    def is_for(self, case: Case) -> bool:
        """Return whether the exam ``case`` is the one that was asked for, by its numbers."""
        if case.kind is not CaseKind.STUDY or (self.sites and case.site not in self.sites):
            return False
        return self.study == case.uid or self.accession == case.order != ""

    def goes_with(self, case: Case) -> bool:
        """Return whether it is still wanted, and not about somebody else than its exam ``case``."""
        return self.status is OrderStatus.WANTED and not self.contradicts(case.patient)

    def contradicts(self, patient: Patient) -> bool:
        """Return whether the exam of ``patient`` cannot be the one that was asked for.

        A number of the same issuer settles whether it is the same one, and the other traits must go with it. Where none
        can be compared, because another house asks under its own numbers, no other trait may contradict.
        """
        if not any(number.is_of(patient) for number in self.numbers):
            if any(_comparable(number, patient) for number in self.numbers):
                return True
            patient = replace(patient, identifier="", issuer="")
        told = replace(self.patient, identifier=patient.identifier, issuer=patient.issuer)
        doubt = CONSEQUENCE[likeness(patient, told)]
        return doubt is not None and doubt.holds


def _comparable(number: Number, patient: Patient) -> bool:
    return patient.issuer in {"", number.issuer, *number.aliases}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """Why an exam does not go with its orders.

    Args:
        subject: names what was said, without saying it: a person who let it through is not asked again.
    """

    doubt: Doubt
    subject: Digest


def standing(said: Sequence[Order]) -> tuple[Order, ...]:
    """Return each order as it stands, given everything that was said of them, oldest first.

    What was said under one number of placer or filler is about one order. The last word counts; what it leaves out, an
    earlier one may have said.
    """
    found: list[Order] = []
    for newer in sorted(said, key=lambda order: order.said_at):
        known = next((older for older in found if _same(older, newer)), None)
        if known is None:
            found.append(newer)
        else:
            found[found.index(known)] = _completed(newer, known)
    return tuple(found)


def _same(one: Order, other: Order) -> bool:
    shared = [(one.placer, other.placer), (one.filler, other.filler)]
    if any(mine == theirs != "" for mine, theirs in shared):
        return True
    unnumbered = not (one.placer or one.filler) or not (other.placer or other.filler)
    return unnumbered and (one.accession == other.accession != "" or one.study == other.study != "")


def _completed(newer: Order, older: Order) -> Order:
    kept = {
        name: getattr(older, name)
        for name in ("placer", "filler", "accession", "study", "numbers", "procedures", "procedure", "indication")
        if not getattr(newer, name)
    }
    return replace(newer, **kept)


def disputes(case: Case, orders: Sequence[Order]) -> tuple[Dispute, ...]:
    """Return why the exam ``case`` does not go with its orders as they stand; empty when it does, or has none.

    One order about somebody else is enough. Cancelled means that every order of the exam was.
    """
    mine = [order for order in orders if order.is_for(case)]
    others = dict.fromkeys(person(order.patient) for order in mine if order.contradicts(case.patient))
    found = [Dispute(doubt=Doubt.ORDER_CONTRADICTS, subject=subject) for subject in others]
    if mine and all(order.status is OrderStatus.CANCELLED for order in mine):
        names = "\0".join(sorted(order.name for order in mine))
        found.append(Dispute(doubt=Doubt.ORDER_CANCELLED, subject=digest(names.encode())))
    return tuple(found)


def facts_of(orders: Sequence[Order]) -> Facts:
    """Return what rules are told of the orders of an exam that are still wanted."""
    wanted = [order for order in orders if order.status is OrderStatus.WANTED]
    found = {
        "Order.procedure": frozenset(code for order in wanted for code in order.procedures),
        "Order.priority": frozenset({"stat"}) if any(order.is_stat for order in wanted) else frozenset(),
    }
    return {name: values for name, values in found.items() if values}


class Orders(Protocol):
    """What was said of orders."""

    def add(self, order: Order, *, sender: str, message: Digest, at: datetime) -> None:
        """Note ``order``, which ``message`` of ``sender`` said; the same again changes nothing."""

    def of(self, case: Case) -> tuple[Order, ...]:
        """Return the orders of the exam ``case`` as they stand."""

    def is_known(self, order: Order) -> bool:
        """Return whether something was said under one of its numbers before."""

    def exams(self, order: Order) -> Sequence[Case]:
        """Return the newest revisions of the exams that ``order`` may be about, not locked.

        Only those that something may still come of, or has gone out of, as with news (feed.py).
        """
