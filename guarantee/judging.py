"""What judging a case complete reads and writes: announcements, rejections, the judgements themselves; and who must
still hear what we hold.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from guarantee.case import Case, CaseKind
from guarantee.completeness import Basis, Judgement, Status
from guarantee.errors import Malformed
from guarantee.ids import CaseId, Digest

REJECTION_TITLES: Final = frozenset({"113001", "113037", "113038", "113039"})
"""Document titles of a rejection note (IHE RAD TF, Imaging Object Change Management; PS3.16, CID 7010): quality,
patient safety, incorrect worklist entry, retention expired."""

STILL_TRUE: Final = frozenset({"113039"})
"""Titles that say nothing against what was computed from the images: they have only grown old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """How a case that still receives stands.

    Args:
        told_at: when something was last announced of it; None when nothing was.
        is_open: whether an association that brought some of it is still open.
        broken_off: whether the last such association ended otherwise than by release, or fell silent.
    """

    case: CaseId
    last_input_at: datetime
    told_at: datetime | None
    is_open: bool
    broken_off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What somebody announced, as stored.

    Args:
        source: who, e.g. "mpps:1.2.3"; the same source says it again over what it said before.
        group: Series Instance UID; "" for the whole study.
        instances: how many; of a list, its length.
        listed: digest of the list in the vault, one identifier a line; None when only counted.
    """

    source: str
    group: str
    basis: Basis
    status: Status
    instances: int
    listed: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Images of one study that a rejection note takes out of use.

    Args:
        note: SOP Instance UID of the note.
        title: code of its document title.
    """

    study: str
    uids: frozenset[str]
    note: str
    title: str

    def __post_init__(self) -> None:
        if self.title not in REJECTION_TITLES:
            raise Malformed(f"{self.title!r} is not the title of a rejection note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An instance that is held under a name.

    Args:
        kind: SOP Class UID.
    """

    uid: str
    kind: str
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """What a sender asked us to answer for, until it has heard the answer (PS3.4, J).

    Args:
        sender: name, from the configuration.
        aet: AE title it asked with, and listens under.
        transaction: Transaction UID.
        listed: digest of what it asked about, in the vault.
        attempts: how often the answer went out and was not heard.
    """

    id: str
    sender: str
    aet: str
    transaction: str
    listed: Digest
    asked_at: datetime
    attempts: int = 0


def to_list(uids: Iterable[str]) -> bytes:
    """Return the bytes of a list of instances, the same whatever their order."""
    return "\n".join(sorted(set(uids))).encode()


def from_list(data: bytes) -> frozenset[str]:
    """Return the instances that :func:`to_list` wrote."""
    return frozenset(data.decode().split())


class Judging(Protocol):
    """Conversations, announcements, rejections, judgements, commitments."""

    def receiving(self, *, silent_before: datetime, case: CaseId | None = None) -> tuple[Moving, ...]:
        """Return how every receiving case stands, or this one, the longest quiet first.

        Args:
            silent_before: a conversation not heard of since then no longer counts as open, but as broken off.
        """

    def hang_up(self, conversation: str, at: datetime, *, broken_off: bool) -> None:
        """Note that a conversation has ended, and whether otherwise than by a release."""

    def forget_conversations(self, before: datetime) -> int:
        """Delete conversations that ended, or fell silent, before ``before``; return how many."""

    def expect(self, kind: CaseKind, uid: str, said: Expectation, at: datetime) -> None:
        """Write ``said`` over what its source said of the same study or series before."""

    def expectations(self, kind: CaseKind, uid: str) -> tuple[Expectation, ...]:
        """Return everything announced of a case."""

    def announced_by(self, source: str) -> tuple[tuple[str, Expectation], ...]:
        """Return what one source announced, each with the case it is about."""

    def reject(self, kind: CaseKind, rejection: Rejection, at: datetime) -> None:
        """Take instances out of use; saying it twice changes nothing."""

    def judge(self, case: Case, judgement: Judgement, at: datetime) -> None:
        """Insert the judgement that a case is complete."""

    def judgement(self, case: CaseId) -> Judgement | None:
        """Return the judgement of one revision; None before there is one."""

    def held(self, uids: Collection[str]) -> tuple[Held, ...]:
        """Return every instance received under one of these identifiers, other bytes under a known one left out."""

    def add_commitment(self, asked: Commitment, next_attempt_at: datetime) -> None:
        """Note that somebody must hear an answer."""

    def commitments_due(self, now: datetime, limit: int) -> tuple[Commitment, ...]:
        """Return what must be answered now, the longest due first, locked; what another process looks at is skipped."""

    def commitments_waiting(self) -> int:
        """Return how many wait to be answered, due or not."""

    def postpone_commitment(self, asked: Commitment, next_attempt_at: datetime) -> None:
        """Note the attempts of ``asked``, and when the next one is due."""

    def end_commitment(self, commitment_id: str, state: str) -> None:
        """Note how it ended: "heard" or "unheard"."""
