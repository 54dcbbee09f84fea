"""A draft that nobody has endorsed yet, as DICOM objects to look at: never sent, never kept.

It is written by the code that writes a release, so that what a viewer shows is what would leave. Three things keep the
one from being taken for the other: every identifier is of a kind of its own; the words, flags and labels of the objects
say what they are, in both languages, for a viewer shows those of one installation to whoever reads; and the digest of
the content is named ``draft_sha256``, so that what a release is read back by does not find it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from dicom_adapters.uids import derive_uid
from guarantee.card import Card
from guarantee.case import Case, Source
from guarantee.content import Content
from guarantee.ids import Digest, ResultId
from guarantee.opinion import Verdict
from guarantee.ports import Endorsed
from guarantee.result import Result

UNVALIDATED: Final = "Brouillon d'IA, non validé / AI draft, not validated"
"""What a draft is called wherever DICOM has room for words; 52 of the 64 characters of a label."""

SEGMENT_MARK: Final = " (brouillon / draft)"
"""Behind the label of each segment: viewers show that one beside the picture, and hide the description."""

CONTENT_LABEL: Final = "AI_DRAFT"

SERIES_SHIFT: Final = 50
"""Draft series are numbered this much above those of a release, so that a list does not mix them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Everything the objects of a draft are made of.

    Args:
        at: when the model drafted it.
        sources: the inputs, readable from the vault.
    """

    result: Result
    case: Case
    card: Card
    content: Content
    sources: tuple[Source, ...]
    at: datetime


Subject: TypeAlias = Endorsed | Draft
"""What an object is made of."""


def uid_of(kind: str, subject: Subject, site_namespace: UUID) -> str:
    """Return the UID of an object of ``subject``: of a draft another one than any release of it will have.

    Args:
        kind: of a release, e.g. "seg".
    """
    if isinstance(subject, Draft):
        return draft_uid(kind, subject.result.id, subject.content.digest, site_namespace)
    return derive_uid(site_namespace, kind, subject.release)


def draft_uid(kind: str, result: ResultId, content: Digest, site_namespace: UUID) -> str:
    """Return the UID of an object of a draft, before it is made.

    Args:
        kind: "seg", "sr", "seg-series", "sr-series".
        content: digest of the draft.
    """
    return derive_uid(site_namespace, f"draft-{kind}", result, content)


def made_at(subject: Subject) -> datetime:
    """Return when a draft was made, or endorsed."""
    return subject.at if isinstance(subject, Draft) else subject.decision.at


def is_amended(subject: Subject) -> bool:
    """Return whether a person changed what the model drafted."""
    return not isinstance(subject, Draft) and subject.decision.verdict is Verdict.AMEND


def number_of(number: int, subject: Subject) -> int:
    """Return which series this is, counted from the base of the site."""
    return number + SERIES_SHIFT if isinstance(subject, Draft) else number
