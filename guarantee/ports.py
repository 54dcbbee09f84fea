"""What the flows need from the outside world, and nothing more.

Six come from the design: Store, Vault, Model, Destination, Bell, Clock. Two were added, each for a reason:
Renderer, because rendering happens in the desk, which must hold no write credentials, while sending happens in the
deliverer, which holds them; Sealer (with release.Witness), because signatures are not in the standard library.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from mmap import mmap
from pathlib import Path
from typing import Protocol

from guarantee.card import Card
from guarantee.case import Case, Source
from guarantee.content import Content, Finding, KeyImage, Text, Used
from guarantee.decision import Decision
from guarantee.errors import NotEligible, Unavailable
from guarantee.events import Fact
from guarantee.ids import Digest, ReleaseId
from guarantee.inputs import Coded, Inputs
from guarantee.mask import Mask
from guarantee.opinion import Opinion, Reader, Seal
from guarantee.orders import Order
from guarantee.preparation import Preparation
from guarantee.release import Notice, Package, Receipt, Release
from guarantee.result import Result
from guarantee.runs import Spent
from guarantee.unit import Unit

# ---------------------------------------------------------------------------------------------------- clock, bell


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """Return the time, in UTC."""


class Bell(Protocol):
    """Wakes a consumer. At least once, in no particular order; a lost ring costs time, never a case."""

    def ring(self, message_id: str, fact: Fact) -> None:
        """Hand ``fact`` over, and return only when it cannot be lost by a crash of this process alone.

        Raises:
            Unavailable: nobody took it; the relay rings again.
        """

    def ring_all(self, rings: Sequence[tuple[str, Fact]]) -> Sequence[Unavailable | None]:
        """Hand facts of one topic over as :meth:`ring` does, waiting for all of them at once.

        Returns:
            For each None, or why nobody took it.
        """

    def listen(self, topic: str, handler: Callable[[str, Fact], None], *, workers: int = 1) -> None:
        """Call ``handler(message_id, fact)`` for each ring of ``topic``, on ``workers`` threads.

        A handler that raises is called again, at most DELIVERIES_MAX times in all; then the message is parked.
        """

    def close(self) -> None:
        """Stop listening; handlers that run are waited for."""


# ---------------------------------------------------------------------------------------------------------- vault


class Incoming(Protocol):
    """Bytes on their way into the vault, however many: nobody finds them there before they are kept."""

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``.

        Raises:
            Unavailable: no space, or the disk refuses.
        """

    def view(self) -> AbstractContextManager[bytes | mmap]:
        """Lend everything that was written, as one buffer, for as long as the block lasts."""

    @property
    def is_noted(self) -> bool:
        """Return whether the note that ``keep`` was given would survive a power cut as the bytes do."""

    def keep(self, note: bytes = b"") -> Digest:
        """Keep the bytes and return their digest, once they would survive a power cut; called once, or not at all.

        Args:
            note: what else to keep with them in the same flush, where there is a place for it; see ``is_noted``.

        Raises:
            Unavailable: no space, or the disk refuses; nothing was kept.
        """

    def discard(self) -> None:
        """Forget the bytes; harmless when they were kept."""


class Vault(Protocol):
    """Bytes by digest. Never edited, never renamed."""

    def begin(self) -> Incoming:
        """Begin to take bytes whose number is not known yet.

        Raises:
            Unavailable: no space, or the disk refuses.
        """

    def put(self, data: bytes) -> Digest:
        """Keep ``data`` and return its digest, once it would survive a power cut."""

    def get(self, name: Digest) -> bytes:
        """Return the bytes.

        Raises:
            BlobMissing: not held, or no longer what the digest says.
        """

    def has(self, name: Digest) -> bool:
        """Return whether the bytes are held."""

    def path(self, name: Digest) -> Path:
        """Return a file that holds the bytes, for readers that map them. It may be a copy: open it within a minute.

        Raises:
            BlobMissing: not held.
        """


# ---------------------------------------------------------------------------------------------------------- model


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedSegment:
    """A segment with its mask, before the mask has gone to the vault."""

    number: int
    label: Text
    category: Coded
    type: Coded
    mask: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a model answers: everything of a draft but its identifiers.

    Args:
        spent: how long it took; a measurement, no part of the draft.
    """

    findings: tuple[Finding, ...]
    segments: tuple[ProposedSegment, ...]
    key_images: tuple[KeyImage, ...]
    inputs: tuple[Used, ...]
    report: str
    cautions: tuple[Text, ...]
    spent: Spent | None = field(default=None, compare=False)


class Model(Protocol):
    """Runs model versions."""

    def run(self, card: Card, inputs: Inputs) -> Proposal:
        """Return what the model of ``card`` says of ``inputs``.

        Raises:
            NotEligible: the inputs are outside the envelope.
            ModelFailed: time, memory, crash or nonsense.
            Unavailable: the worker cannot run anything now.
        """

    def run_together(self, card: Card, many: Sequence[Inputs]) -> Sequence[Proposal | NotEligible]:
        """Return what the model of ``card`` says of each of ``many``, in their order, from one run.

        Args:
            many: at least one, and at most as many as the card says.

        Raises:
            ModelFailed: as :meth:`run`; which of them it was about is not known, and nothing is said of the others.
            Unavailable: as :meth:`run`.
        """


class Catalogue(Protocol):
    """The model versions this installation runs."""

    def card(self, name: str) -> Card | None:
        """Return the card of the version in use, or None."""

    def card_of(self, model_id: str) -> Card | None:
        """Return the card of exactly this version ("name@version"), or None."""


# ----------------------------------------------------------------------------------------- rendering and sending


@dataclass(frozen=True, slots=True, kw_only=True)
class Endorsed:
    """Everything an outgoing object may be made of.

    Args:
        release: identifier of the release to be; every outgoing identifier is derived from it.
        opinions: those behind the decision; the first one's reader is the verifying observer.
        sources: the inputs, readable from the vault.
        orders: those of the exam that are still wanted and do not contradict its patient.
        preparation: what a learner prepared, whom what leaves names with their part; None when nobody did.
    """

    release: ReleaseId
    result: Result
    case: Case
    card: Card
    content: Content
    decision: Decision
    opinions: tuple[Opinion, ...]
    sources: tuple[Source, ...]
    orders: tuple[Order, ...] = ()
    preparation: Preparation | None = None

    @property
    def reader(self) -> Reader:
        """The person who answers for the content."""
        return next(o.statement.reader for o in self.opinions if o.id == self.decision.opinion)

    @property
    def preparer(self) -> Reader | None:
        """The learner whose text this is, co-signed; None when nobody prepared it, or it was decided otherwise.

        Who is overruled is named with their part in the journal, and not as a source of what they did not say.
        """
        said = self.preparation.statement if self.preparation else None
        return said.reader if said and said.content == self.content.digest else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """Everything the word of a withdrawal may be made of.

    Args:
        original: what was released.
        package: what was sent to this destination.
        reference: what the destination's receipt said; "" when it never answered.
        release: identifier of the withdrawal's own release.
    """

    release: ReleaseId
    notice: Notice
    original: Endorsed
    package: Package
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One outgoing object, as bytes."""

    name: str
    media_type: str
    uid: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """What a rendering says when it is parsed again; None for what its format does not carry.

    Args:
        content: digest of the content it says it was made from.
        findings: (key, code of the type, presence) of each, in order.
        quantities: (finding key, code of the concept, value text, unit code) of each, in order.
        masks: (segment number, digest of the mask).
        text: the full report text.
        repertoire: the letters it says that its text was respelled for (respelling.py); "" when as endorsed.
    """

    content: Digest
    findings: tuple[tuple[str, str, str], ...] | None = None
    quantities: tuple[tuple[str, str, str, str], ...] | None = None
    masks: tuple[tuple[int, Digest], ...] | None = None
    text: str | None = None
    repertoire: str = ""


class Renderer(Protocol):
    """Turns endorsed content into one destination's format. Holds no credentials and sends nothing."""

    def render(self, endorsed: Endorsed) -> Sequence[Rendered]:
        """Return the objects to send, in order. The same input gives the same identifiers."""

    def read_back(self, objects: Sequence[Rendered]) -> ReadBack:
        """Return what ``objects`` say, from their bytes alone."""

    def render_withdrawal(self, withdrawn: Withdrawn) -> Sequence[Rendered]:
        """Return the objects that take ``withdrawn.package`` back."""


class Destination(Protocol):
    """A place outside. Takes a Release and nothing else."""

    @property
    def name(self) -> str:
        """The name that releases use."""

    def send(self, release: Release) -> Receipt:
        """Send the package that ``release`` names for this place, and return once the place is known to hold it.

        Sending again is harmless: same bytes, same identifiers.

        Raises:
            Unavailable: no answer, or not now.
            Declined: the place refused; trying again would not help.
        """


class Sealer(Protocol):
    """Signs for this process."""

    def seal(self, payload: bytes) -> Seal:
        """Return the seal over ``payload``."""


# ---------------------------------------------------------------------------------------------------------- store


class Store(Protocol):
    """The one place where things are true."""

    def transaction(self, actor: str, *, is_noted: bool = False) -> AbstractContextManager[Unit]:
        """Open a transaction; it commits when the block ends, and rolls back when the block raises.

        Args:
            actor: who causes the change, for the journal, e.g. "desk:dr.martin", "scp", "infer:3".
            is_noted: whether all that it writes can be written again from notes that a power cut spares: the commit
                is true at once, for everybody and for who dies, and may leave its flush to the next one.

        Raises:
            Unavailable: the database does not answer, or two transactions met; the caller may try again.
            Refused: a constraint of the gate said no.
        """

    def reading(self) -> AbstractContextManager[Unit]:
        """Open a transaction that only reads and locks nothing."""
