"""What a feed of messages from the record says, once an adapter has read it: inputs of stays, and news of identities.

News is heard and never acted out: we merge, correct and create no identity. Whatever it may concern stops, a person is
told, and what was drafted before is out of date.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from guarantee.case import Case, Patient
from guarantee.identity import CONSEQUENCE, likeness
from guarantee.ids import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One patient number.

    Args:
        issuer: who gave it, as our other doors call them.
        aliases: what else the same issuer is called, e.g. its local name beside its OID.
    """

    value: str
    issuer: str
    aliases: frozenset[str] = frozenset()

    def is_of(self, patient: Patient) -> bool:
        """Return whether ``patient`` has this number; one without an issuer may have it, so that it is concerned."""
        known = patient.issuer in {"", self.issuer, *self.aliases}
        return known and patient.identifier == self.value != ""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """The record says something of who somebody is.

    Args:
        numbers: of everybody concerned: of who stays, and of who is gone.
        stays: names of record cases concerned, whoever they were thought to be of.
        traits: as they are now said to be; None when identities were merged, moved, linked or split.
        subject: names what was said, without saying it: the same news again is known, also under another number.
        people: the numbers of each person that it names, the one who stays before who is gone.
        merges: whether it says that all numbers of one of ``people`` are one patient's.
    """

    numbers: tuple[Number, ...]
    stays: tuple[str, ...]
    traits: Patient | None
    subject: Digest
    people: tuple[tuple[Number, ...], ...] = ()
    merges: bool = False

    def concerns(self, case: Case) -> bool:
        """Return whether ``case`` may no longer be whose it was thought to be."""
        numbered = any(number.is_of(case.patient) for number in self.numbers)
        if not numbered and case.uid not in self.stays:
            return False
        return self.traits is None or _contradict(case.patient, self.traits, is_numbered=numbered)


def _contradict(patient: Patient, told: Patient, *, is_numbered: bool) -> bool:
    """Return whether two sets of traits cannot go on as one; a number that was found equal is written alike first."""
    known = replace(patient, issuer=told.issuer) if is_numbered else patient
    doubt = CONSEQUENCE[likeness(known, told)]
    return doubt is not None and doubt.holds


class Noted(StrEnum):
    """What a message turned out to be."""

    NEW = "new"
    AGAIN = "again"
    """The same bytes under the same control number: it changes nothing."""

    REUSED = "reused"
    """Other bytes under a control number that was used: taken, and noted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a feed.

    Args:
        control: its control number, as a digest: a sender may write anything there.
        kind: e.g. "ADT^A40"; of a fixed list, never what was sent.
        digest: of its bytes.
        is_used: whether it means anything here.
    """

    sender: str
    control: Digest
    kind: str
    digest: Digest
    is_used: bool


class Feed(Protocol):
    """Messages of feeds, and the cases that their news may concern."""

    def note(self, message: Message, at: datetime) -> Noted:
        """Note ``message`` and return what it turned out to be."""

    def concerned(self, news: News) -> Sequence[Case]:
        """Return the newest revisions that ``news`` may concern, not locked; the caller asks ``news`` itself of each.

        Only those that something may still come of, or has gone out of: receiving, held, or complete with a result
        that is computed, read, sent or delivered.
        """

    def mention(self, news: News, message: Message, at: datetime) -> None:
        """Note whom ``news`` names: where we keep something of a patient can be told later (access, objection)."""

    def reidentify(self, case: Case, at: datetime) -> None:
        """Write the identity version of ``case`` over the one before it."""
