"""The only key to the outside.

A ``Release`` is permission for exact bytes to go to named places. Destinations accept nothing else (ports.py), and
``mint`` is the only function that makes one: at the decision, and again each time one is read back from the database,
so a row that no sealed opinion stands behind never becomes a key.

What a Python program can still do is ``object.__new__`` with ``object.__setattr__``. The database (composite foreign
keys) and the seals stop what the language cannot.
"""

from dataclasses import InitVar, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NoReturn, Protocol, final

from guarantee.canonical import canonical, parse_canonical
from guarantee.codec import from_plain, to_plain
from guarantee.decision import decide
from guarantee.errors import Malformed, PolicyUnmet
from guarantee.ids import DecisionId, Digest, ReleaseId, ResultId, WithdrawalId, derive, digest, parse_digest
from guarantee.opinion import Opinion, Seal, Verdict
from guarantee.policy import Policy
from guarantee.preparation import Preparation

SCHEMA: Final = "aval.release/1"


class Kind(StrEnum):
    """What leaves: a result, or word that an earlier result is withdrawn."""

    RESULT = "result"
    WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One object for one destination.

    Args:
        name: e.g. "sr", "seg", "bundle".
        media_type: e.g. "application/dicom", "application/fhir+json".
        uid: SOP Instance UID, or identifier of the bundle.
        digest: of its bytes in the vault.
    """

    name: str
    media_type: str
    uid: str
    digest: Digest

    def __post_init__(self) -> None:
        parse_digest(self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Everything for one destination, in the order it is sent."""

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise Malformed("an empty package delivers nothing")

    def to_bytes(self) -> bytes:
        """Return the canonical bytes that the vault keeps and the release seals."""
        return canonical(to_plain(self))

    @property
    def digest(self) -> Digest:
        """Digest of the canonical bytes."""
        return digest(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Package":
        """Return the package that ``data`` writes."""
        return from_plain(cls, parse_canonical(data))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """Which package goes to which destination."""

    destination: str
    package: Digest

    def __post_init__(self) -> None:
        parse_digest(self.package)


class WithdrawalReason(StrEnum):
    """Why a released result is taken back."""

    WRONG_PATIENT = "wrong-patient"
    WRONG_RESULT = "wrong-result"
    MODEL_DEFECT = "model-defect"
    SUPERSEDED = "superseded"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a person says when taking a result back. These bytes are sealed."""

    schema: str = "aval.withdrawal/1"
    result: ResultId
    release: ReleaseId
    reason: WithdrawalReason
    comment: str
    by: str
    at: datetime

    def __post_init__(self) -> None:
        if not self.by or not self.comment.strip():
            raise Malformed("a withdrawal says who and why")

    def to_bytes(self) -> bytes:
        """Return the canonical bytes that are sealed; their digest is the content of the withdrawal's release."""
        return canonical(to_plain(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A notice and its seal."""

    id: WithdrawalId
    notice: Notice
    seal: Seal

    def __post_init__(self) -> None:
        if self.id != withdrawal_id(self.notice.release):
            raise Malformed(f"withdrawal {self.id} does not carry the identifier of its notice")

    @property
    def content(self) -> Digest:
        """Digest of the notice."""
        return digest(self.notice.to_bytes())


class Witness(Protocol):
    """Who checks seals. Outside this package, because the standard library has no signatures."""

    def verify(self, payload: bytes, seal: Seal) -> None:
        """Return when ``seal`` is over ``payload`` by a trusted key.

        Raises:
            Forged: it is not.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a release allows. These bytes are sealed by the desk."""

    schema: str = SCHEMA
    release: ReleaseId
    kind: Kind
    result: ResultId
    ground: DecisionId | WithdrawalId
    content: Digest
    renderings: tuple[Rendering, ...]
    at: datetime

    def __post_init__(self) -> None:
        places = [rendering.destination for rendering in self.renderings]
        if not places or len(set(places)) != len(places):
            raise Malformed(f"release {self.release}: at least one destination, and each once, not {places}")

    def to_bytes(self) -> bytes:
        """Return the canonical bytes that are sealed."""
        return canonical(to_plain(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Proof that a destination holds a package.

    Args:
        method: how it was proved: "storage-commitment", "read-back", "query", "version-id".
        reference: what the destination calls it, as JSON text; no patient data.
    """

    destination: str
    package: Digest
    method: str
    reference: str
    at: datetime


_MINT: Final = object()


@final
@dataclass(frozen=True, kw_only=True)
class Release:
    """Permission for exact bytes to leave for named places. Made by ``mint``; a hand-made one is refused."""

    # Not slots=True: in Python 3.11.2, Debian's, that replaces our __setstate__ by one that makes any release.
    __slots__ = ("terms",)

    terms: Terms
    minted_by: InitVar[object]

    def __post_init__(self, minted_by: object) -> None:
        if minted_by is not _MINT:
            raise TypeError("a Release is made by guarantee.release.mint, not by hand")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Release is neither copied nor pickled: read its terms back and mint it again")

    def __setstate__(self, state: object) -> NoReturn:
        raise TypeError("a Release is made by guarantee.release.mint, not from a state")

    @property
    def id(self) -> ReleaseId:
        """Identifier, derived from the ground."""
        return self.terms.release

    def package_for(self, destination: str) -> Digest:
        """Return the digest of the package that may go to ``destination``.

        Raises:
            Malformed: the release does not name that destination.
        """
        for rendering in self.terms.renderings:
            if rendering.destination == destination:
                return rendering.package
        raise Malformed(f"release {self.id} allows nothing to go to {destination!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """The recorded facts behind a release: enough to decide again, from nothing but sealed statements.

    Args:
        policy: the one frozen on the result.
        draft: digest of the stored draft.
        opinions: all opinions on the result, oldest first.
        withdrawal: for a withdrawal; None for a result.
        preparation: what a learner prepared; None when nobody did.
    """

    policy: Policy
    draft: Digest
    opinions: tuple[Opinion, ...]
    withdrawal: Withdrawal | None = None
    preparation: Preparation | None = None


def mint(*, terms: Terms, seal: Seal, grounds: Grounds, witness: Witness) -> Release:
    """Return the release that ``terms`` describe, after deciding again from ``grounds``.

    Raises:
        Forged: a seal does not verify.
        PolicyUnmet: the opinions do not allow exactly these terms.
        DraftChanged, NotEntitled, GestureMissing, Malformed: as :func:`guarantee.decision.decide`.
    """
    for opinion in grounds.opinions:
        witness.verify(opinion.statement.to_bytes(), opinion.seal)
    prepared = grounds.preparation
    if prepared is not None:
        witness.verify(prepared.statement.to_bytes(), prepared.seal)
    decision = decide(policy=grounds.policy, draft=grounds.draft, opinions=grounds.opinions, preparation=prepared)
    if decision is None or decision.verdict is Verdict.REJECT:
        raise PolicyUnmet(f"result {terms.result}: policy {grounds.policy.ref} is not satisfied; nothing may leave")
    if grounds.withdrawal is None:
        _require(terms, Kind.RESULT, decision.result, decision.id, decision.content)
    else:
        notice = grounds.withdrawal.notice
        witness.verify(notice.to_bytes(), grounds.withdrawal.seal)
        if (notice.result, notice.release) != (decision.result, release_id(decision.id)):
            raise PolicyUnmet(f"withdrawal {grounds.withdrawal.id} is about another release than this result's")
        _require(terms, Kind.WITHDRAWAL, decision.result, grounds.withdrawal.id, grounds.withdrawal.content)
    witness.verify(terms.to_bytes(), seal)
    return Release(terms=terms, minted_by=_MINT)


def _require(
    terms: Terms, kind: Kind, result: ResultId, ground: DecisionId | WithdrawalId, content: Digest | None
) -> None:
    allowed = (kind, result, ground, content, release_id(ground))
    if (terms.kind, terms.result, terms.ground, terms.content, terms.release) != allowed:
        raise PolicyUnmet(f"release {terms.release} asks for something else than what was endorsed")


def release_id(ground: DecisionId | WithdrawalId) -> ReleaseId:
    """Return the identifier that the release on this ground always has."""
    return ReleaseId(derive("release", ground))


def withdrawal_id(release: ReleaseId) -> WithdrawalId:
    """Return the identifier that the withdrawal of ``release`` always has: a result is taken back once."""
    return WithdrawalId(derive("withdrawal", release))
