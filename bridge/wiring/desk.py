"""The desk's protocol over flows, views and images: the object that the pages and the API are handed."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import Any, Final

from bridge import accounts
from bridge.comparison import Asked, Drift, Version
from bridge.db.store import SqlStore
from bridge.db.views import Row, link_body
from bridge.figures import Watched
from bridge.flows import retract, review
from bridge.flows import stop as stopping
from bridge.links.reading import Link
from bridge.web.dicomweb import Imaging
from bridge.web.entrance import Entrance
from bridge.web.errors import LocalClosed
from bridge.web.outward import Place, Standing
from bridge.web.package_words import Signature
from bridge.web.reporting import Reporting
from bridge.web.services import Answer, Found, Habilitated, Happened, Line, Opened, Session, View
from bridge.web.signing import Signing
from bridge.wiring.drift import drift_of
from bridge.wiring.first_reads import ReadsFirst, shown_at_the_desk
from bridge.wiring.launches import Launching
from bridge.wiring.outward import standings
from bridge.wiring.preparing import READERS, part_of, prepares, seniors
from bridge.wiring.rights import habilitated, lacking
from bridge.wiring.told import judgement_told, sending_told
from dicom_adapters.image.pixels import describe_series, read_frame
from guarantee.card import Card
from guarantee.case import Case, CaseKind, Manifest, Source
from guarantee.content import Content
from guarantee.decision import Decision
from guarantee.errors import Absent, NotEligible, NotEntitled, PortError
from guarantee.habilitation import Act
from guarantee.ids import DeliveryId, Digest, ResultId
from guarantee.opinion import Reader
from guarantee.ports import Catalogue
from guarantee.release import WithdrawalReason
from guarantee.retirement import Retirement
from guarantee.rollout import Rollout
from guarantee.states import ResultState
from guarantee.stops import Scope, Stop, in_force, require_may_resume

DESCRIPTIONS_MAX: Final = 64
"""Series whose description is kept in memory; one takes about 100 ms and 50 kB for 200 images."""

_log = logging.getLogger("aval.desk")


@dataclass(slots=True)
class RealDesk(ReadsFirst):
    """Implements bridge.web.services.Desk."""

    store: SqlStore
    review: review.Review
    sign_ins: accounts.Desk
    catalogue: Catalogue
    installed: Sequence[Card]
    places: Sequence[Place]
    launching: Launching
    signing: Signing
    entrance: Entrance
    reporting: Reporting
    examine: stopping.Examine
    imaging: Imaging
    signed: Callable[[], Mapping[str, Signature]] = dict
    _descriptions: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    # --------------------------------------------------------------------------------------------------- sessions

    def sign_in(self, login: str, password: str, code: str) -> str:
        """Return a session token."""
        if not self.entrance.local():
            raise LocalClosed("desk.oidc.local_accounts")
        return accounts.sign_in(login, password, code, self.sign_ins)

    def session(self, token: str, *, active: bool = True) -> Session | None:
        """Return who holds ``token``, or None."""
        found = accounts.session(token, self.sign_ins, active=active)
        return Session(reader=found[0], auth=found[1], since=found[2]) if found else None

    def sign_out(self, token: str) -> None:
        """End the session."""
        accounts.sign_out(token, self.sign_ins)

    def hand_over(self, token: str) -> str:
        """Return what lets another window go on with the session."""
        return accounts.hand_over(token, self.sign_ins)

    def take_over(self, handover: str) -> str | None:
        """Return a session token for another window."""
        return accounts.take_over(handover, self.sign_ins)

    def launch(self, link: Link) -> str:
        """Keep what another system asks for."""
        return self.launching.receive(link)

    def expected(self, ticket: str) -> str:
        """Return the login that the launcher believes in."""
        return self.launching.expected(ticket)

    def launched(self, ticket: str, reader: Reader) -> Found:
        """Return what is known of what was asked for."""
        opening = self.launching.open(ticket, reader)
        return Found(
            launcher=opening.launcher,
            lines=[self._line(row) for row in opening.rows],
            bare=opening.bare,
            mixed=opening.mixed,
            elsewhere=opening.elsewhere,
            more=opening.more,
        )

    # --------------------------------------------------------------------------------------------------- looking

    def lines(self, states: Sequence[str], *, limit: int, newest_first: bool = False) -> Sequence[Line]:
        """Return worklist rows."""
        with self.store.reading() as unit:
            rows = unit.views.results(states, limit=limit, newest_first=newest_first)
            learners = unit.preparations.learners([row.result.id for row in rows])
        return [self._line(row, learners.get(row.result.id, "")) for row in rows]

    def outside(self, *, limit: int) -> Sequence[Line]:
        """Return results of which copies may be wrong where they are."""
        with self.store.reading() as unit:
            rows = unit.views.outside(limit)
        return [self._line(row) for row in rows]

    def held(self, *, limit: int) -> Sequence[Case]:
        """Return the cases that wait for a person's word."""
        with self.store.reading() as unit:
            return unit.views.held(limit)

    def view(self, result: str, reader: Reader) -> View:
        """Return a result, without the draft while it awaits review."""
        with self.store.reading() as unit:
            row = shown_at_the_desk(result, unit)
            opinions = unit.gate.opinions(row.result.id)
            decision = unit.gate.decision(row.result.id)
            sent = tuple(sending_told(line) for line in unit.views.sent(result))
            judged = unit.views.judged(row.case.id)
            waits = row.result.state is ResultState.AWAITING_REVIEW
            now, made = self.review.clock.now(), unit.preparations.of(row.result.id)
            act = part_of(reader, row.result, row.case, unit, now) if waits else None
            asked = waits and reader.role in READERS and act is None
            missing = lacking(reader, row.result, row.case, unit, now) if asked else None
            own = made is not None and made.learner == reader.login
            others = seniors(row.result, row.case, reader.login, unit, now) if own and waits else ()
            flags = {doubt.cause for doubt in unit.views.doubts(row.case.id)}
            orders = unit.orders.of(row.case)
        may_see = (reader.role in READERS or own) and not waits
        if may_see and decision:
            self.note_shown(row, decision, reader)
        return View(
            line=self._line(row, made.statement.reader.name if made else ""),
            draft=self._content(row.result.draft) if may_see else None,
            content=self._content(decision.content) if may_see and decision else None,
            opinions=opinions if reader.role in READERS or own else (),
            decision=decision,
            sent=sent,
            obstacles=review.what_forbids(row.result.id, self.review),
            doubts=tuple(sorted(flags | {*row.case.admitted.split()})),
            judged=judgement_told(judged, row.result.focus) if judged else None,
            orders=orders,
            lacking=missing,
            preparation=made if own or (decision and reader.role in READERS) else None,
            prepares=own or act is Act.PREPARE,
            seniors=others,
        )

    def prepares(self, result: str, reader: Reader) -> bool:
        """Return whether ``reader`` prepared a result, or may prepare it now."""
        with self.store.reading() as unit:
            return prepares(result, reader, unit, self.review.clock.now())

    def open(self, result: str, reader: Reader) -> Opened:
        """Show the draft, record that, and ask the one-time question."""
        view = self.view(result, reader)
        opened_from = self.launching.opened_from(view.line.case, reader)
        question = review.ask(view.line.result.id, reader, self.review, opened_from=opened_from)
        shown = replace(view, draft=self._content(question.shown), content=None)
        with self.store.reading() as unit:
            made = unit.preparations.of(question.result)
        return Opened(
            view=shown,
            nonce=question.nonce,
            shown=question.shown,
            expires_at=question.expires_at,
            preparation=made,
            prepared=self._content(made.statement.content) if made else None,
        )

    def timeline(self, result: str) -> Sequence[Happened]:
        """Return everything the journal says of a result."""
        with self.store.reading() as unit:
            shown_at_the_desk(result, unit)
            links = unit.views.timeline(result)
            places = {sent.delivery.id: sent.delivery.destination for sent in unit.views.sent(result)}
        return [
            Happened(
                seq=link.seq,
                at=link.at,
                actor=link.actor,
                action=link.action,
                subject=link.subject,
                destination=places.get(DeliveryId(link.subject), ""),
                body=link_body(link),
            )
            for link in links
        ]

    # --------------------------------------------------------------------------------------------------- acting

    def answer(self, result: str, session: Session, answer: Answer) -> View:
        """Take an opinion."""
        decision: Decision | None = review.answer(ResultId(result), session.reader, session.auth, answer, self.review)
        _log.info("opinion.taken result=%s decided=%s", result, decision is not None)
        return self.view(result, session.reader)

    def withdraw(self, result: str, session: Session, reason: WithdrawalReason, comment: str) -> View:
        """Take a released result back everywhere."""
        if session.reader.role not in READERS:
            raise NotEntitled("a radiologist or a clinician withdraws a result")
        retract.withdraw(ResultId(result), by=session.reader.login, reason=reason, comment=comment, tools=self.review)
        return self.view(result, session.reader)

    def stop(self, scope: Scope, target: str, session: Session, reason: str) -> None:
        """Stop: one person is enough."""
        stopping.stop(scope, target, by=session.reader.login, reason=reason, store=self.store, clock=self.review.clock)

    def resume(self, scope: Scope, target: str, session: Session, second: tuple[str, str], reason: str) -> None:
        """Resume, with a second person."""
        other = accounts.verify_code(second[0], second[1], self.sign_ins)
        if other.login == session.reader.login:
            raise NotEntitled("two different people resume what was stopped")
        require_may_resume(session.reader.role, other.role)
        stopping.resume(
            scope,
            target,
            by=session.reader.login,
            second=other.login,
            reason=reason,
            examine=self.examine,
            store=self.store,
            clock=self.review.clock,
        )

    def habilitated(self) -> Habilitated:
        """Return every right."""
        with self.store.reading() as unit:
            return habilitated(unit)

    def stops(self) -> Sequence[Stop]:
        """Return the stops in force."""
        with self.store.reading() as unit:
            return in_force(unit.stops.lines())

    def destinations(self) -> Sequence[Standing]:
        """Return how each destination stands."""
        with self.store.reading() as unit:
            return standings(self.places, unit.destinations.traffic(), self.review.clock.now())

    def watched(self, since: datetime, until: datetime) -> Watched:
        """Return what was measured in a window."""
        with self.store.reading() as unit:
            return unit.measures.watched(since, until)

    def compared(self) -> Sequence[Version]:
        """Return the model versions that have something to compare."""
        with self.store.reading() as unit:
            return unit.samples.versions()

    def drift(self, asked: Asked) -> Drift:
        """Return what changed between two periods."""
        return drift_of(asked, self.store)

    def cards(self) -> Sequence[Card]:
        """Return the cards of the models in use."""
        return self.installed

    def retired(self) -> Mapping[str, Retirement]:
        """Return the model versions that have ended."""
        with self.store.reading() as unit:
            return {line.model: line for line in unit.retirements.all()}

    def signatures(self) -> Mapping[str, Signature]:
        """Return the signature of each installed package."""
        return self.signed()

    def rollout(self) -> Rollout:
        """Return which versions are in routine, and which are tried."""
        with self.store.reading() as unit:
            return unit.rollouts.now()

    # --------------------------------------------------------------------------------------------------- images

    def series(self, result: str) -> Sequence[Mapping[str, Any]]:
        """Return the images of a result's case, the series the model looked at first."""
        focus, groups = self._groups(result)
        described = []
        for series in sorted(groups, key=lambda group: (group != focus, group)):
            try:
                described.append(self._describe(series, groups[series]))
            except NotEligible as error:  # reports, key objects, mixed sizes: not images to look at
                _log.info("series.skipped result=%s code=%s", result, error.code)
        return described

    def frame(self, result: str, series: str, index: int) -> bytes:
        """Return one frame."""
        _, groups = self._groups(result)
        if series not in groups:
            raise Absent(series)
        instances = self._describe(series, groups[series])["instances"]
        if not 0 <= index < len(instances):
            raise Absent(str(index))
        wanted = instances[index]
        source = next(s for s in groups[series] if s.uid == wanted["sop_instance_uid"])
        return read_frame(self.review.vault.path(source.digest), wanted["frame"])

    def mask(self, result: str, segment: int) -> bytes:
        """Return the mask of a segment of the endorsed content, or else of the draft."""
        with self.store.reading() as unit:
            row = shown_at_the_desk(result, unit)
            decision = unit.gate.decision(ResultId(result))
        if row.result.draft is None:
            raise Absent(result)
        content = self._content(decision.content if decision and decision.content else row.result.draft)
        for drawn in content.segments if content else ():
            if drawn.number == segment:
                return self.review.vault.get(drawn.mask)
        raise Absent(str(segment))

    def ready(self) -> Sequence[str]:
        """Return what keeps this process from working."""
        try:
            self.stops()
        except PortError as error:
            return [error.code]
        return []

    # ---------------------------------------------------------------------------------------------------- inside

    def _line(self, row: Row, prepared_by: str = "") -> Line:
        return Line(
            result=row.result,
            case=row.case,
            card=self.catalogue.card_of(row.result.model.id),
            held=row.held,
            queued_at=row.queued_at,
            moved_at=row.moved_at,
            undelivered=row.undelivered,
            prepared_by=prepared_by,
        )

    def _content(self, digest: Digest | None) -> Content | None:
        return Content.from_bytes(self.review.vault.get(digest)) if digest else None

    def _groups(self, result: str) -> tuple[str, dict[str, list[Source]]]:
        with self.store.reading() as unit:
            row = shown_at_the_desk(result, unit)
        groups: dict[str, list[Source]] = {}
        if row.case.kind is CaseKind.STUDY:
            for source in Manifest.from_bytes(self.review.vault.get(row.result.manifest)).sources:
                groups.setdefault(source.group, []).append(source)
        return row.result.focus, groups

    def _describe(self, series: str, sources: Sequence[Source]) -> Mapping[str, Any]:
        key = (series, "".join(source.digest[:8] for source in sources))
        with self._lock:
            found = self._descriptions.get(key)
        if found is None:
            files = [(source.uid, self.review.vault.path(source.digest)) for source in sources]
            found = describe_series(files)
            with self._lock:
                self._descriptions[key] = found
                while len(self._descriptions) > DESCRIPTIONS_MAX:
                    self._descriptions.pop(next(iter(self._descriptions)))
        return found
