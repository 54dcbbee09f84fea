"""One open transaction, seen by subject: cases, results, gate, deliveries, destinations, stops, messages.

`Store` (ports.py) opens it. Whoever reads a case, a result or a delivery in order to change it holds the lock of
the *case* (all its revisions) until the transaction ends: one lock, so nothing waits in a circle.

What is read and written of a subject that has a module of its own is said there: identity.py, orders.py and others.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from guarantee.case import Case, CaseKind, Patient, Source
from guarantee.decision import Decision
from guarantee.deliveries import Deliveries
from guarantee.events import Fact
from guarantee.examinations import Examinations
from guarantee.exports import Export
from guarantee.feed import Feed
from guarantee.first_read import FirstReads
from guarantee.habilitation import Habilitations
from guarantee.identity import Identities
from guarantee.ids import CaseId, Digest, ReleaseId, ResultId
from guarantee.incident import Incidents
from guarantee.judging import Judging, Rejection
from guarantee.lifecycle import Lives
from guarantee.objections import Objections
from guarantee.opinion import Opinion, Seal
from guarantee.orders import Order, Orders
from guarantee.pauses import Destinations
from guarantee.policy import Policy
from guarantee.preparation import Preparations
from guarantee.recalls import Recalls
from guarantee.release import Grounds, Kind, Release, Terms, Withdrawal
from guarantee.result import Priority, Result
from guarantee.retirement import Retirements
from guarantee.rollout import Rollouts
from guarantee.rules import Facts
from guarantee.runs import Runs
from guarantee.stops import Stops


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One input whose bytes are already in the vault.

    Args:
        uid: of the case.
        facts: small coded values for routing; never a name or a number that identifies the patient.
        sender: name of the sender, from configuration.
        conversation: identifier of the open association that brought it; "" when there is none.
        doubt: why its case must be held until a person admits it, whatever it says: "sender-unknown"; "" otherwise.
        rejects: what it takes out of use, when it is a rejection note.
        orders: what it says of orders of exams.
        is_noted: whether the vault keeps all of this beside the bytes, so that a power cut may take the row.
    """

    kind: CaseKind
    uid: str
    source: Source
    site: str
    patient: Patient
    order: str
    modality: str
    description: str
    started: str
    encounter: str
    facts: Facts
    sender: str
    conversation: str
    doubt: str = ""
    rejects: tuple[Rejection, ...] = ()
    orders: tuple[Order, ...] = ()
    is_noted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of a case, as stored.

    Args:
        sender: name of the sender, from configuration.
        conflict: whether these are other bytes under an identifier that was already known: kept, never used.
        modality: of its series; "" for a record.
        rejected: document title of the rejection note that takes it out of use, e.g. "113038"; "" for none.
    """

    source: Source
    facts: Facts
    sender: str
    conflict: bool
    modality: str
    at: datetime
    rejected: str = ""

    @property
    def is_used(self) -> bool:
        """Whether a model may look at it."""
        return not self.conflict and not self.rejected


class Cases(Protocol):
    """Cases and their inputs."""

    def latest(self, kind: CaseKind, uid: str) -> Case | None:
        """Return the newest revision, the case locked until the transaction ends; None when there is none."""

    def get(self, case: CaseId) -> Case:
        """Return one revision, the case locked until the transaction ends."""

    def add(self, case: Case, at: datetime) -> None:
        """Insert a new revision."""

    def move(self, case: Case, at: datetime) -> None:
        """Write ``case`` over its previous version."""

    def known(self, kind: CaseKind, uid: str, source_uid: str) -> tuple[Input, ...]:
        """Return what was already received under this identifier."""

    def add_input(self, case: Case, arrival: Arrival, *, conflict: bool, at: datetime) -> None:
        """Insert one input and note that the case is still moving."""

    def inputs(self, kind: CaseKind, uid: str) -> tuple[Input, ...]:
        """Return every input of the case, all revisions, sorted by uid."""

    def newest_input(self) -> datetime | None:
        """Return when the newest input of all was received; None when there is none."""


class Results(Protocol):
    """Results, their leases and drafts."""

    def get(self, result: ResultId) -> Result:
        """Return a result, its case locked until the transaction ends."""

    def of_case(self, case: CaseId) -> tuple[Result, ...]:
        """Return the results of one revision, its case locked."""

    def add(self, result: Result, at: datetime) -> bool:
        """Insert a result; return False when it already exists."""

    def move(self, result: Result, at: datetime) -> None:
        """Write ``result`` over its previous version."""

    def claim(self, result: ResultId, holder: str, *, now: datetime, until: datetime) -> Result | None:
        """Return the queued result, leased to ``holder``; None when somebody else has it or it is not queued."""

    def holds(self, result: ResultId, holder: str, *, now: datetime) -> bool:
        """Return whether ``holder`` still has the lease."""

    def let_go(self, result: ResultId, holder: str, *, counted: bool = True) -> None:
        """Give the lease back.

        Args:
            counted: whether the attempt still counts; False when something else was down and nothing was tried.
        """

    def waiting(self, *, now: datetime, priority: Priority | None = None) -> tuple[ResultId, ...]:
        """Return queued results that nobody has a lease on, most urgent first, then oldest.

        Args:
            priority: only these; None for all.
        """

    def companions(self, result: Result, *, now: datetime, most: int) -> tuple[ResultId, ...]:
        """Return queued results that may be run together with ``result``, most urgent first, then oldest.

        They are of the same model version and not less urgent, nobody has a lease on them, and none was ever begun:
        one that failed, or whose worker died, is run alone from then on.

        Args:
            most: how many at most.
        """

    def renew(self, result: ResultId, holder: str, *, now: datetime, until: datetime) -> bool:
        """Make the lease that ``holder`` has last until ``until``; False when it has none any more."""

    def awaiting_since(self, before: datetime, policy: str) -> tuple[ResultId, ...]:
        """Return results under ``policy`` that have awaited review since before ``before``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the server asked one reader: will you answer for exactly this draft?

    Args:
        opened_from: the system whose launch brought this reader to the case; "" when they came by themselves.
    """

    nonce: str
    result: ResultId
    reader: str
    shown: Digest
    asked_at: datetime
    expires_at: datetime
    opened_from: str = ""


class Gate(Protocol):
    """Opinions, decisions, releases: append-only."""

    def policy(self, ref: str) -> Policy:
        """Return the policy "id@version"."""

    def policies(self) -> tuple[Policy, ...]:
        """Return every policy."""

    def ask(self, question: Question) -> None:
        """Insert a one-time question, and with it the fact that this reader was shown this draft."""

    def question(self, nonce: str) -> Question | None:
        """Return the question; None when it was never asked."""

    def first_shown(self, result: ResultId, reader: str) -> Question | None:
        """Return the first question this reader was asked on this result: when the draft was first shown."""

    def is_answered(self, nonce: str) -> bool:
        """Return whether an opinion already used this one-time number."""

    def opinions(self, result: ResultId) -> tuple[Opinion, ...]:
        """Return the opinions on a result, oldest first."""

    def add_opinion(self, opinion: Opinion) -> None:
        """Insert an opinion."""

    def add_decision(self, decision: Decision) -> None:
        """Insert the decision."""

    def decision(self, result: ResultId) -> Decision | None:
        """Return the decision, or None."""

    def rejections(self, model: str, since: datetime) -> int:
        """Return how many results of a version were rejected since ``since``."""

    def add_release(self, release: Release, seal: Seal) -> None:
        """Insert a release and its renderings."""

    def terms(self, release: ReleaseId) -> tuple[Terms, Seal]:
        """Return the sealed terms of a release."""

    def release_of(self, result: ResultId, kind: Kind) -> ReleaseId | None:
        """Return the release of this kind, or None."""

    def grounds(self, release: ReleaseId) -> Grounds:
        """Return the recorded facts behind a release."""

    def add_withdrawal(self, withdrawal: Withdrawal) -> None:
        """Insert a withdrawal."""

    def withdrawal(self, result: ResultId) -> Withdrawal | None:
        """Return the withdrawal of a result, or None."""

    def add_export(self, export: Export) -> None:
        """Record that a decided result is about to leave under a pseudonym."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Something the record told us to look up.

    Args:
        id: derived from the notification, so that a repeated one is the same fetch.
        what: relative FHIR reference or search, e.g. "Observation/17".
        state: "due", "done" or "failed".
    """

    id: str
    sender: str
    site: str
    what: str
    state: str = "due"
    attempts: int = 0


class Messages(Protocol):
    """Outbox, inbox, fetches, and what was turned away."""

    def ring(self, fact: Fact, at: datetime) -> None:
        """Write ``fact`` beside the change it tells of; the relay hands it to the bell."""

    def heard(self, consumer: str, message_id: str, at: datetime) -> bool:
        """Note that ``consumer`` handles this message; return False when it already had."""

    def pending(self, limit: int) -> Iterable[tuple[str, Fact]]:
        """Return facts not yet handed over, oldest first."""

    def rung(self, message_ids: Sequence[str], at: datetime) -> None:
        """Mark facts as handed over."""

    def turn_away(self, door: str, sender: str, code: str, detail: str, at: datetime) -> None:
        """Record what was refused at a door, and why; no identity, no bytes."""

    def add_fetch(self, fetch: Fetch, at: datetime) -> bool:
        """Note that something must be fetched; return False when it already was noted."""

    def fetch(self, fetch_id: str) -> Fetch | None:
        """Return a fetch, locked, or None."""

    def fetches_due(self, now: datetime) -> tuple[str, ...]:
        """Return fetches whose next attempt is due."""

    def settle_fetch(self, fetch: Fetch, state: str, cause_code: str, next_attempt_at: datetime) -> None:
        """Note how an attempt to fetch ended: "done", "failed", or "due" again later."""


class Unit(Protocol):
    """One transaction: everything in it happens, or nothing."""

    @property
    def cases(self) -> Cases:
        """Cases and their inputs."""

    @property
    def identities(self) -> Identities:
        """Doubts and admissions."""

    @property
    def judging(self) -> Judging:
        """What was announced, what was rejected, what was judged."""

    @property
    def results(self) -> Results:
        """Results, leases, drafts."""

    @property
    def runs(self) -> Runs:
        """How long models took."""

    @property
    def gate(self) -> Gate:
        """Opinions, decisions, releases."""

    @property
    def first_reads(self) -> FirstReads:
        """What readers thought before AI was shown, and what they were shown when."""

    @property
    def preparations(self) -> Preparations:
        """What learners prepared."""

    @property
    def deliveries(self) -> Deliveries:
        """What is on its way."""

    @property
    def destinations(self) -> Destinations:
        """How destinations answer; pauses."""

    @property
    def stops(self) -> Stops:
        """The list of stops."""

    @property
    def examinations(self) -> Examinations:
        """Golden cases that were asked."""

    @property
    def recalls(self) -> Recalls:
        """Results that are taken back together, and who was told."""

    @property
    def incidents(self) -> Incidents:
        """What was reported of results, and the freezes of evidence."""

    @property
    def retirements(self) -> Retirements:
        """Model versions that have ended."""

    @property
    def habilitations(self) -> Habilitations:
        """Who may endorse what."""

    @property
    def rollouts(self) -> Rollouts:
        """Model versions in routine, and those that are tried."""

    @property
    def lives(self) -> Lives:
        """Where model versions stand."""

    @property
    def messages(self) -> Messages:
        """Outbox and inbox."""

    @property
    def feed(self) -> Feed:
        """Messages of feeds, and whom their news concerns."""

    @property
    def orders(self) -> Orders:
        """What was said of orders."""

    @property
    def objections(self) -> Objections:
        """Patients who object to AI."""
