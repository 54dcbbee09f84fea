"""Results and their lives, as far as the caller may see them."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from bridge.web.schemas.base import DigestText, Out, TimeText
from bridge.web.schemas.content import ContentOut, TextOut
from bridge.web.schemas.people import ReaderOut
from guarantee.case import CaseKind
from guarantee.gesture import Level
from guarantee.opinion import Reason, Verdict
from guarantee.release import Kind
from guarantee.result import Mode, Priority
from guarantee.states import ResultState


class CauseOut(Out):
    """Why something is as it is."""

    code: str
    detail: str


class PatientOut(Out):
    """Traits as received."""

    identifier: str
    issuer: str
    name: str
    birth_date: str
    sex: str


class CaseOut(Out):
    """Whose inputs. Patient, order and description are left out for roles that need no name."""

    id: str
    kind: CaseKind
    revision: int
    site: str
    modality: str
    started: str
    patient: PatientOut | None
    order: str | None
    description: str | None


class LineOut(Out):
    """One row of the worklist. Says nothing of what the model found."""

    id: str
    state: ResultState
    priority: Priority
    mode: Mode
    model: str = Field(description="name@version")
    label: TextOut | None
    focus: str | None = Field(description="Series Instance UID the model looked at; None for roles that see no images")
    held: bool
    cause: CauseOut | None
    undelivered: CauseOut | None
    case: CaseOut
    queued_at: TimeText
    moved_at: TimeText


class LinesOut(Out):
    """A worklist."""

    lines: tuple[LineOut, ...]
    more: bool = Field(description="whether the limit cut the list off")


class StatementOut(Out):
    """One clinician's verdict."""

    reader: ReaderOut
    verdict: Verdict
    reason: Reason | None
    comment: str
    patient_informed: str
    shown: DigestText
    content: DigestText | None
    auth: str
    level: Level = Field(description="L1: the desk's seal after two factors; L2: a gesture over exactly these bytes")
    opened_at: TimeText
    signed_at: TimeText


class OpinionOut(Out):
    """A verdict and its seal."""

    id: str
    statement: StatementOut


class DecisionOut(Out):
    """What the opinions amount to."""

    id: str
    opinion: str
    verdict: Verdict
    shown: DigestText
    content: DigestText | None
    policy: str
    at: TimeText


class SentOut(Out):
    """One delivery."""

    kind: Kind
    destination: str
    state: Literal["due", "confirmed", "declined", "withheld"]
    attempts: int
    cause: CauseOut | None
    method: str
    at: TimeText


class ViewOut(Out):
    """A whole result, as far as the caller may see it."""

    line: LineOut
    draft: ContentOut | None = Field(description="None while it awaits review: ask the question to see it")
    content: ContentOut | None = Field(description="what was endorsed; None before a decision and after a rejection")
    opinions: tuple[OpinionOut, ...] = Field(description="while the result awaits review, the caller's own only")
    preparation: OpinionOut | None = Field(description="a learner's; to others than that learner once it is decided")
    decision: DecisionOut | None
    sent: tuple[SentOut, ...]
    obstacles: tuple[CauseOut, ...] = Field(description="everything that forbids deciding now")


class OpenedOut(Out):
    """A draft in front of its reader, with the one-time question that an opinion answers."""

    view: ViewOut
    draft: ContentOut
    nonce: str
    shown: DigestText
    expires_at: TimeText
    prepares: bool = Field(description="whether the caller's answer is a preparation, for somebody else to answer for")
    preparation: OpinionOut | None = Field(description="what a learner prepared; the answer must name it")
    prepared: ContentOut | None = Field(description="what that learner would release; None when they reject the draft")


class HappenedOut(Out):
    """One line of the journal."""

    seq: int
    at: str
    actor: str
    action: str
    subject: str
    destination: str
    body: Mapping[str, Any]
