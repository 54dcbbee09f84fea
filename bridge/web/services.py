"""What the desk's pages and API ask of the rest, as one protocol with plain values.

The web package imports no flow, no database and no adapter: the composition root hands it an object that does this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bridge.comparison import Asked, Drift, Version
from bridge.figures import Watched
from bridge.links.reading import Link
from bridge.web.dicomweb import Imaging
from bridge.web.entrance import Entrance
from bridge.web.outward import Standing
from bridge.web.package_words import Signature
from bridge.web.reporting import Reporting
from bridge.web.signing import Signing
from guarantee.answer import Answer as Answer  # noqa: PLC0414 - part of this protocol
from guarantee.card import Card
from guarantee.case import Case
from guarantee.content import Content, Text
from guarantee.decision import Decision
from guarantee.first_read import FirstRead, Word
from guarantee.habilitation import Lack, Rights
from guarantee.opinion import Opinion, Reader
from guarantee.orders import Order
from guarantee.preparation import Preparation
from guarantee.release import Kind, WithdrawalReason
from guarantee.result import Cause, Result
from guarantee.retirement import Retirement
from guarantee.rollout import Rollout
from guarantee.states import CaseState, ResultState
from guarantee.stops import Scope, Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who proved who they are.

    Args:
        auth: how, e.g. "password+totp", or "oidc:eidas1" at the identity provider.
    """

    reader: Reader
    auth: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the worklist. Says nothing of what the model found: that would be an exposure.

    Args:
        undelivered: why a destination refused what was endorsed, or the withdrawal, or was never sent it; None
            otherwise. A person must look.
        prepared_by: name of the learner who prepared it, in DICOM form; "" when nobody did. What they say is shown
            with the draft, and not before.
    """

    result: Result
    case: Case
    card: Card | None
    held: bool
    queued_at: datetime
    moved_at: datetime
    undelivered: Cause | None = None
    prepared_by: str = ""

    @property
    def overtaken(self) -> bool:
        """Whether images came, or were taken out of use, after this was delivered; the copies outside stay."""
        return self.result.state is ResultState.DELIVERED and self.case.state is CaseState.SUPERSEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One delivery, as a person follows it.

    Args:
        state: "due", "confirmed", "declined" or "withheld".
        method: how it was confirmed; "" before.
    """

    kind: Kind
    destination: str
    state: str
    attempts: int
    cause: Cause | None
    method: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One line of a result's time line, from the journal.

    Args:
        destination: of the delivery that the line is about; "" when it is about none.
        body: as the journal keeps it.
    """

    seq: int
    at: str
    actor: str
    action: str
    subject: str
    destination: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Why a case was judged complete.

    Args:
        missing: what was announced and is not here, of what this result looks at; a person must see it.
        instances: how many were here.
        waited_s: from the last input to the judgement, in seconds.
    """

    missing: tuple[Text, ...]
    instances: int
    waited_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """Why somebody may not endorse a result that awaits a decision, and who could change that.

    Args:
        granters: the members of the AI committee whose accounts are open.
    """

    lack: Lack
    granters: tuple[Reader, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Habilitated:
    """Every right that was ever given here, and who people are, by login."""

    rights: Rights
    people: Mapping[str, Reader]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A whole result.

    Args:
        draft: what the model proposed; None until there is a draft, and None to who may not see it.
        content: what was endorsed; None before a decision and after a rejection.
        obstacles: everything that forbids deciding now (stops, late images, identity).
        judged: why its case was judged complete.
        doubts: why a person should look at whose inputs these are: flags, and what somebody let through (identity.py).
        orders: what was asked for, as it stands.
        lacking: the right that this reader needs and has not; None when they have it, or may not decide anyway.
        preparation: what a learner prepared: to that learner, and to everybody who sees opinions once it is decided.
        prepares: whether this reader's part is, or was, to prepare it.
        seniors: who could answer for what this reader prepared, while it waits.
    """

    line: Line
    draft: Content | None
    content: Content | None
    opinions: tuple[Opinion, ...]
    decision: Decision | None
    sent: tuple[Sent, ...]
    obstacles: tuple[Cause, ...]
    judged: Judged | None = None
    doubts: tuple[str, ...] = ()
    orders: tuple[Order, ...] = ()
    lacking: Lacking | None = None
    preparation: Preparation | None = None
    prepares: bool = False
    seniors: tuple[Reader, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A draft put in front of one reader, with the one-time question that their opinion must answer.

    Args:
        preparation: what a learner prepared, which the opinion must name; None when nobody did.
        prepared: what they would release; None when they reject the draft.
    """

    view: View
    nonce: str
    shown: str
    expires_at: datetime
    preparation: Preparation | None = None
    prepared: Content | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of the exams that a launch asked for.

    Args:
        launcher: the system that asked.
        lines: results, those of the newest exam first.
        bare: exams without any.
        mixed: whether they are of more than one patient, as far as anybody can tell.
        elsewhere: whether an exam that was asked for is here under another patient number; it is not among the rest.
        more: whether more exams fit than are here.
    """

    launcher: str
    lines: Sequence[Line]
    bare: Sequence[Case]
    mixed: bool = False
    elsewhere: bool = False
    more: bool = False


class Desk(Protocol):
    """What a reader can do. Every method that acts raises guarantee errors, which problems.py turns into answers."""

    @property
    def signing(self) -> Signing:
        """Passkeys, and opinions that are signed with one."""

    @property
    def entrance(self) -> Entrance:
        """The identity provider, and whether people may sign in without it."""

    @property
    def reporting(self) -> Reporting:
        """Discordances and incidents."""

    @property
    def imaging(self) -> Imaging:
        """Studies, images and drafts, for viewers that speak DICOMweb."""

    def sign_in(self, login: str, password: str, code: str) -> str:
        """Return a session token.

        Raises:
            NotEntitled: wrong login, password or code; always the same message.
            LocalClosed: people sign in at the identity provider, and not here.
        """

    def session(self, token: str, *, active: bool = True) -> Session | None:
        """Return who holds ``token``, or None when it is unknown, ended or idle for too long.

        Args:
            active: False for a request that a page made by itself, e.g. the worklist's refresh. It must not count as
                a sign of life: a screen that somebody left would otherwise never lock.
        """

    def sign_out(self, token: str) -> None:
        """End the session."""

    def hand_over(self, token: str) -> str:
        """Return what lets another window of the same browser go on with the session, once, for a minute."""

    def take_over(self, handover: str) -> str | None:
        """Return a session token for the window that holds ``handover``; None when it is used, too old or unknown."""

    def launch(self, link: Link) -> str:
        """Keep what another system asks for, and return a ticket for it: 43 characters of base64url.

        Raises:
            UntrustedLink: the link may not open anything.
        """

    def expected(self, ticket: str) -> str:
        """Return the login that the launcher believes in; "" for none. It proves nothing."""

    def launched(self, ticket: str, reader: Reader) -> Found:
        """Return what is known of what was asked for, and record, once, that ``reader`` came by it.

        Raises:
            UntrustedLink: the ticket is unknown, too old, or somebody else's.
        """

    def lines(self, states: Sequence[str], *, limit: int, newest_first: bool = False) -> Sequence[Line]:
        """Return worklist rows: stat before routine, then oldest first.

        Args:
            newest_first: last moved first, whatever the priority: for what is finished, where the limit must cut off
                the old ones.
        """

    def outside(self, *, limit: int) -> Sequence[Line]:
        """Return rows of which copies may be wrong where they are, last moved first.

        Delivered, the inputs changed since, and nobody has decided on what a later revision gave; or withdrawn, and a
        destination refused the withdrawal.
        """

    def held(self, *, limit: int) -> Sequence[Case]:
        """Return the cases that no model looks at until a person says something of them, oldest first."""

    def view(self, result: str, reader: Reader) -> View:
        """Return a result; a draft that awaits review is left out (open it instead).

        Raises:
            Absent: there is no such result, or it is in shadow mode.
        """

    def prepares(self, result: str, reader: Reader) -> bool:
        """Return whether ``reader`` prepared a result for a co-signature, or may prepare it now."""

    def open(self, result: str, reader: Reader) -> Opened:
        """Show the draft to ``reader``, record that, and ask the one-time question.

        Raises:
            Absent, NotEntitled, NotAllowed (not awaiting review), FirstReadDue.
        """

    def first_read(self, result: str, reader: Reader) -> FirstRead:
        """Return where ``reader`` stands; one who is asked nothing, once the result awaits review no more.

        Raises:
            Absent: there is no such result, or it is in shadow mode.
        """

    def begin_first_read(self, result: str, reader: Reader) -> FirstRead:
        """Note that ``reader`` looks at the images, and at nothing of AI.

        Raises:
            Absent, NotAllowed (not drawn, not awaiting review), NotEntitled, WorldChanged, Held.
        """

    def give_impression(self, result: str, reader: Reader, word: Word, note: str) -> FirstRead:
        """Keep what ``reader`` thinks before the draft is revealed to them.

        Raises:
            Malformed, and as for `begin_first_read`; NotAllowed also when it was said already.
        """

    def answer(self, result: str, session: Session, answer: Answer) -> View:
        """Take an opinion; when it completes a decision, release in the same transaction.

        Raises:
            DraftChanged, NonceRefused, NotEntitled, WorldChanged, Held, NotAllowed, Malformed.
        """

    def withdraw(self, result: str, session: Session, reason: WithdrawalReason, comment: str) -> View:
        """Take a released result back everywhere."""

    def timeline(self, result: str) -> Sequence[Happened]:
        """Return everything the journal says of a result and of its case."""

    def series(self, result: str) -> Sequence[Mapping[str, Any]]:
        """Return the images of a result's case, one mapping a series (see static/js/viewer.js for its form)."""

    def frame(self, result: str, series: str, index: int) -> bytes:
        """Return one frame: 16-bit little-endian stored values, or 8-bit RGB, as the series' mapping says."""

    def mask(self, result: str, segment: int) -> bytes:
        """Return the mask bytes (guarantee/mask.py) of a segment of the draft, or of the endorsed content."""

    def habilitated(self) -> Habilitated:
        """Return every right, and who holds or gave it."""

    def stops(self) -> Sequence[Stop]:
        """Return the stops in force."""

    def stop(self, scope: Scope, target: str, session: Session, reason: str) -> None:
        """Stop: one person is enough."""

    def resume(self, scope: Scope, target: str, session: Session, second: tuple[str, str], reason: str) -> None:
        """Resume; ``second`` is another person's login and one-time code.

        Raises:
            NotEntitled: the second person is the first, or could not be verified.
        """

    def destinations(self) -> Sequence[Standing]:
        """Return how each destination stands."""

    def watched(self, since: datetime, until: datetime) -> Watched:
        """Return what was measured from ``since`` on, before ``until``, and what waits now."""

    def compared(self) -> Sequence[Version]:
        """Return the model versions whose results can be compared over time, those that answered last first."""

    def drift(self, asked: Asked) -> Drift:
        """Return what changed between two periods; takes up to some seconds (comparison.GROUPS_MAX)."""

    def cards(self) -> Sequence[Card]:
        """Return the cards of the models in use."""

    def retired(self) -> Mapping[str, Retirement]:
        """Return the model versions that have ended, by "name@version"."""

    def signatures(self) -> Mapping[str, Signature]:
        """Return the signature of each installed package, looked at now, by "name@version"."""

    def rollout(self) -> Rollout:
        """Return which versions are in routine, and which are tried."""

    def ready(self) -> Sequence[str]:
        """Return what keeps this process from working; empty when nothing does."""
