"""One clinician's verdict on exact content, signed for."""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Final

from guarantee.canonical import canonical
from guarantee.codec import to_plain
from guarantee.errors import Malformed
from guarantee.gesture import Gesture, Level, level_of, require_over
from guarantee.habilitation import Grant
from guarantee.ids import Digest, ImpressionId, OpinionId, PreparationId, ResultId, derive, parse_digest
from guarantee.policy import Role
from guarantee.result import ModelVersion
from guarantee.states import ResultVerb

SCHEMA: Final = "aval.opinion/1"

COMMENT_CHARS_MAX: Final = 2_000
"""Longest free comment."""


class Verdict(StrEnum):
    """What a reader says of a draft."""

    ACCEPT = "accept"
    AMEND = "amend"
    REJECT = "reject"

    @property
    def verb(self) -> ResultVerb:
        """What the result does when this verdict becomes the decision."""
        return {
            Verdict.ACCEPT: ResultVerb.VALIDATE,
            Verdict.AMEND: ResultVerb.AMEND,
            Verdict.REJECT: ResultVerb.REJECT,
        }[self]


class Reason(StrEnum):
    """Why a draft was amended or rejected. Exported with the decision and shown back per model."""

    FALSE_POSITIVE = "false-positive"
    FALSE_NEGATIVE = "false-negative"
    WRONG_PLACE = "wrong-place"
    WRONG_MEASURE = "wrong-measure"
    WRONG_CLASS = "wrong-class"
    WORDING = "wording"
    OUT_OF_SCOPE = "out-of-scope"
    IMAGE_QUALITY = "image-quality"
    WRONG_PATIENT = "wrong-patient"
    TOO_LATE = "too-late"
    DUPLICATE = "duplicate"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A named person who answers for an opinion.

    Args:
        login: stable name at this site.
        name: DICOM form, ``FAMILY^Given^^Dr``.
        professional_id: IDNPS, i.e. "8" followed by the RPPS number.
        organisation, organisation_id: name and FINESS number of the structure.
    """

    login: str
    name: str
    role: Role
    professional_id: str
    organisation: str
    organisation_id: str

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name):
                raise Malformed(f"an opinion is personal: the reader's {field.name} is missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A signature over some bytes, and which key made it.

    Args:
        key: identifier of the public key.
        signature: Ed25519, 128 hexadecimal characters.
    """

    key: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a reader signs for. These bytes, and no others, are sealed.

    Args:
        nonce: one-time number issued by the server for this reader, this result and this shown draft.
        manifest, identity_version, policy: the world the reader judged in.
        right: the right under which they endorse, whole: who gave it, on which evidence, for what and until when.
        shown: digest of the draft that was on the screen.
        content: digest of what may leave; None when rejected.
        reason, comment: why, when not accepted as it stands.
        patient_informed: "yes", "to-do" or "not-possible": CSP L.4001-3, as the reader answered.
        auth: how the person proved who they are, e.g. "password+totp"; "password+totp+passkey" when a gesture of their
            authenticator is over these bytes.
        opened_at: when the draft was first shown to this reader.
        signed_at: when the server took the gesture.
        first_read: the impression that this reader gave before the draft was shown; None when none was asked for.
        prepared: what a learner prepared, and this reader was shown with the draft; None when nobody did.
    """

    schema: str = SCHEMA
    nonce: str
    result: ResultId
    model: ModelVersion
    manifest: Digest
    identity_version: int
    policy: str
    reader: Reader
    right: Grant
    verdict: Verdict
    shown: Digest
    content: Digest | None
    reason: Reason | None
    comment: str
    patient_informed: str
    auth: str
    opened_at: datetime
    signed_at: datetime
    first_read: ImpressionId | None = None
    prepared: PreparationId | None = None

    def __post_init__(self) -> None:
        parse_digest(self.shown)
        if not self.nonce:
            raise Malformed("an opinion answers a question that the server asked: the one-time number is missing")
        if (self.verdict is Verdict.REJECT) != (self.content is None):
            raise Malformed("a rejection has no content to release; any other verdict has one")
        if self.content is not None:
            parse_digest(self.content)
            if (self.verdict is Verdict.ACCEPT) != (self.content == self.shown):
                raise Malformed("accept keeps the shown draft as it is; amend changes it")
        if self.verdict is not Verdict.ACCEPT and self.reason is None:
            raise Malformed(f"{self.verdict} needs a coded reason")
        if self.reason is Reason.OTHER and not self.comment.strip():
            raise Malformed("the reason 'other' is explained in the comment")
        if len(self.comment) > COMMENT_CHARS_MAX:
            raise Malformed(f"the comment has at most {COMMENT_CHARS_MAX} characters")
        if self.patient_informed not in {"yes", "to-do", "not-possible"}:
            raise Malformed(f"patient information is yes, to-do or not-possible, not {self.patient_informed!r}")
        if self.signed_at < self.opened_at:
            raise Malformed("a draft cannot be signed before it was shown")

    def to_bytes(self) -> bytes:
        """Return the canonical bytes that are sealed."""
        return canonical(to_plain(self))

    @property
    def level(self) -> Level:
        """What its signature proves."""
        return level_of(self.auth)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """A statement and its seal.

    Args:
        gesture: what the reader's authenticator signed; None exactly when the statement claims no gesture.
    """

    id: OpinionId
    statement: Statement
    seal: Seal
    gesture: Gesture | None = None

    def __post_init__(self) -> None:
        if self.id != opinion_id(self.statement):
            raise Malformed(f"opinion {self.id} does not carry the identifier of its statement")
        if (self.gesture is not None) != (self.statement.level is Level.GESTURE):
            raise Malformed(f"opinion {self.id}: a gesture and a statement that claims one come together")
        if self.gesture is not None:
            require_over(self.gesture, self.statement.to_bytes())


def opinion_id(statement: Statement) -> OpinionId:
    """Return the identifier that this statement always has: one result, one reader, one question."""
    return OpinionId(derive("opinion", statement.result, statement.reader.login, statement.nonce))
