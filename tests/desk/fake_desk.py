"""A desk in memory, for the tests of the web layer. It keeps the contract of services.py: it asks and spends one-time
questions, decides with the real `decide`, amends with the real `amended`, and refuses as the real one does.
"""

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.web.outward import Standing
from bridge.web.services import Answer, Happened, Judged, Line, Opened, Sent, Session, View
from guarantee.case import Case
from guarantee.content import Content
from guarantee.decision import Decision, decide
from guarantee.errors import (
    Absent,
    DraftChanged,
    Malformed,
    NonceRefused,
    NotAllowed,
    NotEligible,
    NotEntitled,
    Unavailable,
)
from guarantee.gesture import Gesture
from guarantee.ids import digest
from guarantee.opinion import Opinion, Reader, Seal, Statement, Verdict, opinion_id
from guarantee.policy import Policy, Role
from guarantee.release import Kind, WithdrawalReason
from guarantee.result import Cause, Priority, Result
from guarantee.states import ResultState, ResultVerb
from guarantee.stops import Action, Scope, Stop, in_force, require_may_resume
from guarantee.world import obstacles, require_unchanged
from tests.desk.cases import Staged, cards
from tests.desk.drifts import Measured
from tests.desk.fake_entrance import FakeEntrance
from tests.desk.fake_first_reads import FakeFirstReads
from tests.desk.fake_imaging import FakeImaging
from tests.desk.fake_launches import FakeLaunches
from tests.desk.fake_preparing import FakePreparing
from tests.desk.fake_reporting import FakeReporting
from tests.desk.fake_rights import FakeRights
from tests.desk.fake_signing import FakeSigning
from tests.desk.fake_versions import FakeVersions
from tests.desk.people import PASSWORD, PEOPLE, code_of

Signed = tuple[Gesture, datetime]
IDLE = timedelta(minutes=15)


@dataclass(slots=True)
class _Case:
    staged: Staged
    result: Result
    draft: Content
    queued_at: datetime
    opinions: list[Opinion] = field(default_factory=list)
    decision: Decision | None = None
    content: Content | None = None
    sent: list[Sent] = field(default_factory=list)
    journal: list[Happened] = field(default_factory=list)
    undelivered: Cause | None = None
    judged: Judged | None = None


class FakeDesk(FakeVersions, Measured, FakeFirstReads, FakePreparing, FakeLaunches, FakeRights):
    """Keeps everything in memory. One lock: the pages call from many threads."""

    def __init__(self, readers_needed: int = 1) -> None:
        super().__init__()
        self.people = {
            login: Reader(
                login=login,
                name=name,
                role=role,
                professional_id=f"8{n:011}",
                organisation="CHU Démo",
                organisation_id="010000024",
            )
            for n, (login, name, role) in enumerate(PEOPLE)
        }
        self.give_everybody(cards())
        both = frozenset({Role.RADIOLOGIST, Role.CLINICIAN})
        self.policy = Policy(id="validate-each", version=1, readers=readers_needed, roles=both, expires_after_s=86_400)
        self.cases: dict[str, _Case] = {}
        self.questions: dict[str, tuple[str, str, str, datetime]] = {}
        self.sessions: dict[str, tuple[Session, datetime]] = {}
        self.stop_lines: list[Stop] = []
        self.held_cases: list[Case] = []
        self.missing: list[str] = []
        self.standing: list[Standing] = []
        self.broken_frames: set[tuple[str, int]] = set()
        self.seen: list[tuple[str, str]] = []
        self.offset = timedelta(0)
        self.lock = threading.RLock()
        self.signing = FakeSigning(self)
        self.entrance = FakeEntrance()
        self.reporting = FakeReporting(self)
        self.imaging = FakeImaging()

    def now(self) -> datetime:
        """Return the time, moved by ``offset``."""
        return datetime.now(UTC) + self.offset

    # ------------------------------------------------------------------------------------------ staging, for tests

    def stage(self, staged: Staged, *, waited: timedelta = timedelta(minutes=12)) -> str:
        """Put a case in, with its draft awaiting review; return the result's identifier."""
        with self.lock:
            result = staged.result.after(ResultVerb.DRAFT, draft=staged.draft.digest)
            case = _Case(staged=staged, result=result, draft=staged.draft, queued_at=self.now() - waited)
            self.cases[result.id] = case
            self._note(case, "infer:1", "result.queued", {"model": result.model.id})
            self._note(case, "infer:1", "result.awaiting_review", {"draft": result.draft})
            return result.id

    def put(self, result: str, state: ResultState, cause: Cause | None = None) -> None:
        """Set a state that tests need and no reader's action gives."""
        with self.lock:
            case = self.cases[result]
            case.result = replace(case.result, state=state, cause=cause)

    def change_draft(self, result: str, report: str) -> None:
        """Replace the draft, as no honest process would; what was shown is then no longer what is stored."""
        with self.lock:
            case = self.cases[result]
            case.draft = replace(case.draft, report=report)
            case.result = replace(case.result, draft=case.draft.digest)

    def confirm(self, result: str) -> None:
        """Let every destination confirm."""
        with self.lock:
            case = self.cases[result]
            case.sent = [replace(sent, state="confirmed", method="read-back", at=self.now()) for sent in case.sent]
            case.result = case.result.after(ResultVerb.DELIVER)
            self._note(case, "deliver", "result.delivered", {})

    def decline(self, result: str, cause: Cause) -> None:
        """Let the last destination refuse."""
        with self.lock:
            case = self.cases[result]
            case.undelivered = cause
            case.sent[-1] = replace(case.sent[-1], state="declined", cause=cause, attempts=3)

    # -------------------------------------------------------------------------------------------------- the people

    def sign_in(self, login: str, password: str, code: str) -> str:
        """Return a token, or raise NotEntitled with always the same words."""
        with self.lock:
            self.entrance.require_local()
            if login not in self.people or password != PASSWORD or code != code_of(login):
                raise NotEntitled("wrong login, password or code")
            token = secrets.token_urlsafe(32)
            session = Session(reader=self.people[login], auth="password+totp", since=self.now())
            self.sessions[token] = (session, self.now())
            return token

    def session(self, token: str, *, active: bool = True) -> Session | None:
        """Return who holds ``token``."""
        with self.lock:
            session, seen = self.sessions.get(token, (None, self.now()))
            if session is None or self.now() - seen > IDLE:
                return None
            if active:
                self.sessions[token] = (session, self.now())
            return session

    def sign_out(self, token: str) -> None:
        self.sessions.pop(token, None)

    # ------------------------------------------------------------------------------------------------- the results

    def lines(self, states: Sequence[str], *, limit: int, newest_first: bool = False) -> Sequence[Line]:
        with self.lock:
            found = [self._line(case) for case in self.cases.values() if case.result.state in states]
        found.sort(key=lambda line: (line.result.priority is not Priority.STAT, line.queued_at))
        return sorted(found, key=lambda line: line.moved_at, reverse=True)[:limit] if newest_first else found[:limit]

    def outside(self, *, limit: int) -> Sequence[Line]:
        lines = [self._line(case) for case in self.cases.values()]
        return [a for a in lines if a.overtaken or (a.undelivered and a.result.state == "retracted")][:limit]

    def held(self, *, limit: int) -> Sequence[Case]:
        return self.held_cases[:limit]

    def view(self, result: str, reader: Reader) -> View:
        """Return a result."""
        with self.lock:
            case = self._case(result)
            waits = case.result.state is ResultState.AWAITING_REVIEW
            view = self._view(case, draft=None if waits or case.result.draft is None else case.draft)
            asked = waits and reader.role in self.policy.roles
            lacking = self.lacking(reader, case.result, case.staged.case) if asked else None
            return self.with_prepared(replace(view, lacking=lacking), result, reader)

    def open(self, result: str, reader: Reader) -> Opened:
        """Show the draft and ask."""
        with self.lock:
            case = self._case(result)
            if case.result.state is not ResultState.AWAITING_REVIEW:
                raise NotAllowed(f"result {result} is {case.result.state}")
            require_unchanged(case.result, case.staged.case, self._over(case), ())
            if not self.policy.shows(reader.role):
                raise NotEntitled("not under this policy")
            if not self.prepares(result, reader):
                self.right_of(reader, case.result, case.staged.case)
            self.require_impression(result, reader)
            nonce = secrets.token_urlsafe(24)
            expires_at = self.now() + timedelta(hours=8)
            self.questions[nonce] = (result, reader.login, case.draft.digest, expires_at)
            self.seen.append((result, reader.login))
            self._note(case, f"desk:{reader.login}", "draft.shown", {"shown": case.draft.digest})
            self.note_reveal(result, reader, nonce, case.draft.digest)
            view = self.with_prepared(self._view(case, draft=case.draft), result, reader)
            made, proposed = self.prepared.get(result), self.proposed.get(result)
            asked = {"nonce": nonce, "shown": case.draft.digest, "expires_at": expires_at}
            return Opened(view=view, **asked, preparation=made, prepared=proposed)

    def answer(self, result: str, session: Session, answer: Answer, signing: Signed | None = None) -> View:
        with self.lock:
            case = self._case(result)
            reader = session.reader
            asked = self.questions.get(answer.nonce)
            if asked is None or asked[:3] != (result, reader.login, answer.shown) or self.now() > asked[3]:
                raise NonceRefused("no such question")
            if case.result.state is not ResultState.AWAITING_REVIEW:
                raise NotAllowed(f"result {result} is {case.result.state}")
            if answer.shown != case.draft.digest:
                raise DraftChanged("the draft is another one")
            require_unchanged(case.result, case.staged.case, self._over(case), ())
            if self.prepares(result, reader):
                self.keep_prepared(result, session, answer)
                return self.view(result, reader)
            self.require_shown(result, answer)
            content = self.endorsed(case, answer)
            gesture, at = signing or (None, self.now())
            said, seal = self.statement(case, session, answer, content, at), Seal(key="test", signature="00" * 64)
            opinion = Opinion(id=opinion_id(said), statement=said, seal=seal, gesture=gesture)
            said_by = {"opinions": [*case.opinions, opinion], "preparation": self.prepared.get(result)}
            decision = decide(policy=self.policy, draft=case.draft.digest, **said_by)
            del self.questions[answer.nonce]
            case.opinions.append(opinion)
            self._note(case, f"desk:{reader.login}", f"opinion.{answer.verdict}", {"opinion": opinion.id})
            if decision is not None:
                self._decided(case, decision, content, answer)
            return self.view(result, reader)

    def withdraw(self, result: str, session: Session, reason: WithdrawalReason, comment: str) -> View:
        """Take a result back."""
        with self.lock:
            case = self._case(result)
            case.result = case.result.after(ResultVerb.RETRACT, cause=Cause(code=str(reason)))
            case.sent += [self._sent(place, Kind.WITHDRAWAL) for place in ("PACS", "DPI")]
            self._note(case, f"desk:{session.reader.login}", f"withdrawal.{reason}", {})
            return self.view(result, session.reader)

    def timeline(self, result: str) -> Sequence[Happened]:
        return tuple(self._case(result).journal)

    # -------------------------------------------------------------------------------------------------- the images

    def series(self, result: str) -> Sequence[Mapping[str, Any]]:
        return [picture.described for picture in self._case(result).staged.pictures]

    def frame(self, result: str, series: str, index: int) -> bytes:
        if (series, index) in self.broken_frames:
            raise NotEligible("pixels-unreadable", "the decoder gave up")
        for picture in self._case(result).staged.pictures:
            if picture.uid == series and index < len(picture.frames):
                return picture.frames[index]
        raise Absent("no such frame")

    def mask(self, result: str, segment: int) -> bytes:
        masks = self._case(result).staged.masks
        if segment not in masks:
            raise Absent("no such segment")
        return masks[segment]

    # --------------------------------------------------------------------------------------------------- the stops

    def stops(self) -> Sequence[Stop]:
        with self.lock:
            return in_force(self.stop_lines)

    def stop(self, scope: Scope, target: str, session: Session, reason: str) -> None:
        self._append(scope, target, Action.STOP, session.reader.login, "", reason)

    def resume(self, scope: Scope, target: str, session: Session, second: tuple[str, str], reason: str) -> None:
        login, code = second
        if login == session.reader.login or login not in self.people or code != code_of(login):
            raise NotEntitled("the second person")
        require_may_resume(session.reader.role, self.people[login].role)
        if not any((line.scope, line.target) == (scope, target) for line in self.stops()):
            raise Malformed("nothing is stopped under this name")
        self._append(scope, target, Action.RESUME, session.reader.login, login, reason)

    def destinations(self) -> Sequence[Standing]:
        return tuple(self.standing)

    def ready(self) -> Sequence[str]:
        return tuple(self.missing)

    # -------------------------------------------------------------------------------------------------------- own

    def _case(self, result: str) -> _Case:
        if self.missing:
            raise Unavailable("database", "no answer")
        if result not in self.cases:
            raise Absent("no such result")
        return self.cases[result]

    def _over(self, case: _Case) -> list[Stop]:
        """The stops in force that cover a result; everything here was sent by one scanner."""
        lines = in_force(self.stop_lines)
        return [line for line in lines if line.covers(case.result.model, case.staged.case.site, {"mr1"})]

    def _line(self, case: _Case) -> Line:
        held = bool(self._over(case))
        open_states = {ResultState.AWAITING_REVIEW, ResultState.VALIDATED, ResultState.AMENDED}
        return Line(
            result=case.result,
            case=case.staged.case,
            card=next((card for card in cards() if card.model.id == case.result.model.id), None),
            held=held and case.result.state in open_states,
            queued_at=case.queued_at,
            moved_at=case.queued_at + timedelta(minutes=3),
            undelivered=case.undelivered,
            prepared_by=made.statement.reader.name if (made := self.prepared.get(case.result.id)) else "",
        )

    def _view(self, case: _Case, *, draft: Content | None) -> View:
        return View(
            line=self._line(case),
            draft=draft,
            content=case.content,
            opinions=tuple(case.opinions),
            decision=case.decision,
            sent=tuple(case.sent),
            obstacles=obstacles(case.result, case.staged.case, self._over(case), ()),
            doubts=tuple(case.staged.case.admitted.split()),
            judged=case.judged,
        )

    def statement(
        self, case: _Case, session: Session, answer: Answer, content: Content | None, at: datetime
    ) -> Statement:
        return Statement(
            nonce=answer.nonce,
            result=case.result.id,
            model=case.result.model,
            manifest=case.result.manifest,
            identity_version=1,
            policy=self.policy.ref,
            reader=session.reader,
            right=self.right_used(session.reader, case.result, case.staged.case),
            verdict=answer.verdict,
            shown=case.draft.digest,
            content=content.digest if content else None,
            reason=answer.reason,
            comment=answer.comment,
            patient_informed=answer.patient_informed,
            auth=session.auth,
            opened_at=at - timedelta(minutes=1),
            signed_at=at,
            prepared=answer.prepared,
        )

    def _decided(self, case: _Case, decision: Decision, content: Content | None, answer: Answer) -> None:
        cause = Cause(code=str(answer.reason)) if decision.verdict is Verdict.REJECT else None
        case.decision = decision
        case.content = content
        case.result = case.result.after(decision.verdict.verb, cause=cause)
        if content is not None:
            case.sent = [self._sent(place, Kind.RESULT) for place in ("PACS", "DPI")]
        self._note(case, "desk", f"decision.{decision.verdict}", {"content": decision.content})

    def _sent(self, place: str, kind: Kind) -> Sent:
        return Sent(kind=kind, destination=place, state="due", attempts=0, cause=None, method="", at=self.now())

    def _append(self, scope: Scope, target: str, action: Action, by: str, second: str, reason: str) -> None:
        line = Stop(scope=scope, target=target, action=action, by=by, second=second, reason=reason, at=self.now())
        with self.lock:
            self.stop_lines.append(line)

    def _note(self, case: _Case, actor: str, action: str, body: Mapping[str, Any]) -> None:
        seq = len(case.journal) + 1
        at = self.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        subject = digest(case.result.id.encode())[:12]
        place = str(body.get("destination", ""))
        case.journal.append(
            Happened(seq=seq, at=at, actor=actor, action=action, subject=subject, destination=place, body=body)
        )
