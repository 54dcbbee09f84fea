"""Read first, then reveal: what a reader thinks before they see what the model says, and who was shown it when.

A policy may ask that a share of its results is read without AI first. Which result of which reader is drawn follows
from a seed that is committed in the journal before the first result under the policy exists: nobody can choose, and
whoever is given the seed can repeat every draw.

A drawn reader's life with a result has three steps, each a row that stays: *opened* (the images, nothing of AI), the
*impression* (a coded word), the *reveal* (the draft). An impression after any exposure is none, and is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from guarantee.case import CaseKind
from guarantee.errors import Malformed
from guarantee.ids import Digest, ImpressionId, ResultId, derive, digest, parse_digest
from guarantee.policy import SHARE_MAX, Role

SEED_CHARS: Final = 32
"""Length of a seed: 16 random bytes, hexadecimal."""

NOTE_CHARS_MAX: Final = 500
"""Longest free text beside the coded word: a first impression is short, or it is a report."""

EVERY: Final = "gggggggg"
"""Bound below which every draw lies: no hexadecimal character follows "f"."""

SHOWN_TO: Final = frozenset({Role.RADIOLOGIST, Role.CLINICIAN})
"""Who is ever shown what a model says of a patient. Nothing needs hiding from the others: they see states only."""


class Word(StrEnum):
    """A first impression. Of images: is there something? Of values: how high is the risk?"""

    NONE = "none"
    PRESENT = "present"
    UNSURE = "unsure"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    NO_OPINION = "no-opinion"


WORDS: Final[dict[CaseKind, tuple[Word, ...]]] = {
    CaseKind.STUDY: (Word.NONE, Word.PRESENT, Word.UNSURE),
    CaseKind.RECORD: (Word.LOW, Word.MEDIUM, Word.HIGH, Word.NO_OPINION),
}
"""What may be said of each kind of case. It follows from the case alone: words by the draft would tell of the draft."""


class Surface(StrEnum):
    """By which way a reader was shown something of what a model said."""

    REVEAL = "reveal"
    """The draft, as the answer to a question that was asked."""
    RESULT = "result"
    """What was decided, after the decision."""


class Independence(StrEnum):
    """How far an impression stands alone. Derived from what was shown before it, never declared."""

    UNEXPOSED = "unexposed"
    """Nothing that this installation shows of AI on this case had been shown to this reader."""
    INDIRECTLY_EXPOSED = "indirectly-exposed"
    """The reader had seen another result on the same case: of another model, or of an earlier revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """The lot of one policy: which result of which reader is read first.

    Args:
        policy: "id@version".
        share: of the pairs of result and reader, in per mille, 1 to 1000.
        seed: what the draw begins with; random. The journal holds its SHA-256 from the day the policy is known.
    """

    policy: str
    share: int
    seed: str
    at: datetime

    def __post_init__(self) -> None:
        if not 1 <= self.share <= SHARE_MAX:
            raise Malformed(f"a draw has a share of 1 to {SHARE_MAX} per mille; who never asks draws nothing")
        if len(self.seed) != SEED_CHARS or not set(self.seed) <= set("0123456789abcdef"):
            raise Malformed(f"a seed is {SEED_CHARS} hexadecimal characters")

    @property
    def commitment(self) -> Digest:
        """What the journal holds before the first draw: the SHA-256 of the seed."""
        return digest(self.seed.encode())

    @property
    def drawn_below(self) -> str:
        """Draws below this one are read first: eight characters that compare as text."""
        return EVERY if self.share == SHARE_MAX else f"{self.share * 2**32 // SHARE_MAX:08x}"

    def takes(self, result: ResultId, reader: str) -> bool:
        """Return whether ``reader`` reads ``result`` first."""
        return digest(f"{self.seed}:{result}:{reader}".encode()) < self.drawn_below


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A drawn reader opened the images, and nothing of AI: when their first read began.

    Args:
        role: of the reader; one that may not endorse under the policy opens none.
    """

    result: ResultId
    reader: str
    role: Role
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Impression:
    """What a reader thinks before they see what the model says.

    Args:
        kind: of the case, which settles the words.
        note: free text of at most NOTE_CHARS_MAX characters; "" for none.
    """

    result: ResultId
    reader: str
    kind: CaseKind
    word: Word
    note: str
    at: datetime

    def __post_init__(self) -> None:
        if not self.reader:
            raise Malformed("an impression is personal: the reader is missing")
        if self.word not in WORDS[self.kind]:
            raise Malformed(f"of a {self.kind} one says {', '.join(WORDS[self.kind])}; not {self.word}")
        if len(self.note) > NOTE_CHARS_MAX:
            raise Malformed(f"the note has at most {NOTE_CHARS_MAX} characters")

    @property
    def id(self) -> ImpressionId:
        """Identifier: one result, one reader, one impression."""
        return ImpressionId(derive("impression", self.result, self.reader))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A reader was shown something of what a model said.

    Args:
        shown: digest of what was shown, byte for byte.
        nonce: of the question that revealed it; None when it was decided already.
    """

    result: ResultId
    reader: str
    surface: Surface
    shown: Digest
    nonce: str | None
    at: datetime

    def __post_init__(self) -> None:
        parse_digest(self.shown)
        if (self.surface is Surface.REVEAL) != (self.nonce is not None):
            raise Malformed("a reveal answers a question, and nothing else does")

    @property
    def id(self) -> str:
        """Identifier: one reader, one result, one question; what was decided counts once."""
        return derive("exposure", self.result, self.reader, self.surface, self.nonce or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRead:
    """Where one reader stands with one result that awaits review.

    Args:
        drawn: whether the draw says that they read it first.
        opened_at: when they opened the images; None before.
        exposures: what they were shown of it.
        before: what they were shown of other results on the same case.
    """

    drawn: bool
    opened_at: datetime | None = None
    impression: Impression | None = None
    exposures: tuple[Exposure, ...] = ()
    before: tuple[Exposure, ...] = ()

    @property
    def is_due(self) -> bool:
        """Whether an impression is asked for before anything else."""
        return self.drawn and self.impression is None

    @property
    def hides(self) -> bool:
        """Whether nothing of AI may reach this reader yet, but by the reveal itself."""
        return self.drawn and not any(shown.surface is Surface.REVEAL for shown in self.exposures)

    @property
    def revealed_at(self) -> datetime | None:
        """When the draft was first shown to them; None before."""
        return min((shown.at for shown in self.exposures if shown.surface is Surface.REVEAL), default=None)


def independence(impression: Impression, before: Iterable[Exposure]) -> Independence:
    """Return how far ``impression`` stands alone.

    Args:
        before: what its reader was shown of other results on the same case, whenever that was.
    """
    seen = any(shown.at <= impression.at for shown in before)
    return Independence.INDIRECTLY_EXPOSED if seen else Independence.UNEXPOSED


class FirstReads(Protocol):
    """Draws, openings, impressions, exposures; append-only."""

    def standing(self, result: ResultId, reader: str) -> FirstRead:
        """Return where this reader stands with a result, whatever became of it."""

    def open(self, opening: Opening) -> None:
        """Insert the beginning of a first read.

        Raises:
            Refused: it was not drawn, is not awaiting review, or this role may not endorse under the policy.
        """

    def add_impression(self, impression: Impression) -> None:
        """Insert an impression.

        Raises:
            Refused: it was not opened, or something of AI was shown before.
        """

    def expose(self, exposure: Exposure) -> None:
        """Insert an exposure; the same one twice is one.

        Raises:
            Refused: the first read is due.
        """
