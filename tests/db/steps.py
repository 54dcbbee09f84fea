"""The honest life of a case, step by step, each step through the store of the process that takes it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bridge.db.store import SqlStore
from guarantee.case import Case, Source
from guarantee.decision import Decision, decide, decision_id
from guarantee.deliveries import Delivery
from guarantee.errors import Unavailable
from guarantee.events import DeliveryDue, ResultQueued
from guarantee.examinations import Examination
from guarantee.identity import Admission, Doubt
from guarantee.identity import Verdict as Word
from guarantee.ids import CaseId, DeliveryId, Digest, ReleaseId, derive
from guarantee.opinion import Opinion, Reader, Verdict
from guarantee.release import Grounds, Kind, Receipt, Rendering, Terms, Withdrawal, mint, release_id
from guarantee.result import Cause, Result
from guarantee.states import CaseVerb, ResultVerb
from guarantee.stops import Action, Scope, Stop
from guarantee.unit import Arrival, Question, Unit
from tests.db.databases import READERS
from tests.guarantee.samples import (
    DESK,
    JUDGEMENT,
    MANIFEST,
    PACS,
    RECORD,
    a_case,
    a_notice,
    a_result,
    a_right,
    a_source,
    a_statement,
    a_withdrawal,
    at,
    digest_of,
    sealed,
)

LATE = Cause(code="inputs-changed", detail="late images")
QUESTION_S = 3600.0


def draft_of(result: Result) -> Digest:
    return digest_of(f"draft of {result.id}")


def correction_of(result: Result) -> Digest:
    return digest_of(f"correction of {result.id}")


def an_arrival(case: Case, source: Source | None = None, conversation: str = "") -> Arrival:
    return Arrival(
        kind=case.kind,
        uid=case.uid,
        source=source or a_source(f"{case.uid}.1"),
        site=case.site,
        patient=case.patient,
        order=case.order,
        modality=case.modality,
        description=case.description,
        started=case.started,
        encounter=case.encounter,
        facts={"Modality": frozenset({case.modality})},
        sender="mr1",
        conversation=conversation,
    )


def delivery_of(release: ReleaseId, result: Result, rendering: Rendering, kind: Kind = Kind.RESULT) -> Delivery:
    return Delivery(
        id=DeliveryId(derive("delivery", release, rendering.destination)),
        release=release,
        result=result.id,
        kind=kind,
        destination=rendering.destination,
        package=rendering.package,
        state="due",
        attempts=0,
        reference="",
    )


@dataclass(slots=True)
class Steps:
    """Each verb is one transaction of one process.

    Args:
        store_of: the store of a database role; on SQLite always the same one.
    """

    store_of: Callable[[str], SqlStore]
    seconds: float = 0.0
    sender: str = "mr1"
    renderings: tuple[Rendering, ...] = field(default=(PACS, RECORD))
    sites: dict[CaseId, str] = field(default_factory=dict)

    def now(self) -> datetime:
        """Return the next second."""
        self.seconds += 1
        return at(self.seconds)

    # ------------------------------------------------------------------------------------------- intake and sweep

    def receive(self, uid: str, **changes: Any) -> Case:
        case = a_case(uid, **changes)
        with self.store_of("aval_intake").transaction("scp") as unit:
            if unit.cases.latest(case.kind, case.uid) is None or case.revision > 1:
                unit.cases.add(case, self.now())
            source = a_source(f"{uid}.{case.revision}")
            arrival = replace(an_arrival(case, source, conversation="association 1"), sender=self.sender)
            unit.cases.add_input(case, arrival, conflict=False, at=self.now())
            unit.judging.hang_up("association 1", self.now(), broken_off=False)
        return case

    def complete(self, case: Case, *results: Result, is_judged: bool = True) -> Case:
        complete = case.after(CaseVerb.COMPLETE, manifest=MANIFEST)
        with self.store_of("aval_sweep").transaction("sweep") as unit:
            unit.cases.get(case.id)
            unit.cases.move(complete, self.now())
            if is_judged:
                unit.judging.judge(complete, JUDGEMENT, self.now())
            for result in results:
                assert unit.results.add(result, self.now())
                unit.messages.ring(ResultQueued(result=result.id), self.now())
        return complete

    def quarantine(self, case: Case) -> Case:
        moved = case.after(CaseVerb.QUARANTINE, cause="two-patients")
        with self.store_of("aval_intake").transaction("scp") as unit:
            unit.cases.move(moved, self.now())
        return moved

    def doubt(self, case: Case, cause: Doubt = Doubt.TWO_PATIENTS, subject: str = "somebody") -> bool:
        with self.store_of("aval_intake").transaction("scp") as unit:
            return unit.identities.doubt(case, cause, subject, self.now())

    def say(self, case: Case, verdict: Word = Word.ADMIT) -> None:
        word = Admission(case=case.id, verdict=verdict, by="operator:root", reason="vu", at=self.now())
        with self.store_of("aval_desk").transaction("admit") as unit:
            unit.identities.admit(word)

    def supersede(self, case: Case, *results: Result) -> tuple[Result, ...]:
        """Late images: the case is superseded, and each of ``results`` overtaken with its deliveries withheld."""
        with self.store_of("aval_intake").transaction("scp") as unit:
            unit.cases.move(unit.cases.get(case.id).after(CaseVerb.SUPERSEDE), self.now())
            return tuple(self._overtake(unit, result) for result in results)

    def _overtake(self, unit: Unit, result: Result) -> Result:
        stale = unit.results.get(result.id).after(ResultVerb.OVERTAKE, cause=LATE)
        unit.results.move(stale, self.now())
        for delivery in unit.deliveries.of_result(result.id):
            unit.deliveries.close(delivery, "withheld", LATE, self.now())
        return stale

    def expire(self, result: Result) -> Result:
        with self.store_of("aval_sweep").transaction("sweep") as unit:
            expired = unit.results.get(result.id).after(ResultVerb.EXPIRE, cause=Cause(code="too-late"))
            unit.results.move(expired, self.now())
        return expired

    # ---------------------------------------------------------------------------------------------------- infer

    def draft(self, result: Result, holder: str = "infer:1") -> Result:
        with self.store_of("aval_infer").transaction(holder) as unit:
            now = self.now()
            claimed = unit.results.claim(result.id, holder, now=now, until=at(self.seconds + 60))
            assert claimed is not None
            drafted = claimed.after(ResultVerb.DRAFT, draft=draft_of(result))
            unit.results.move(drafted, now)
            unit.results.let_go(result.id, holder)
        return drafted

    def conclude(self, result: Result, verb: ResultVerb) -> Result:
        """Fail, exclude or requeue."""
        with self.store_of("aval_infer").transaction("infer:1") as unit:
            moved = unit.results.get(result.id).after(verb, cause=Cause(code="because"))
            unit.results.move(moved, self.now())
        return moved

    # ----------------------------------------------------------------------------------------------------- desk

    def ask(self, result: Result, reader: Reader = READERS[0], *, life_s: float = QUESTION_S) -> Question:
        now = self.now()
        question = Question(
            nonce=derive("nonce", result.id, reader.login, now.isoformat()),
            result=result.id,
            reader=reader.login,
            shown=result.draft or draft_of(result),
            asked_at=now,
            expires_at=at(self.seconds + life_s),
        )
        with self.store_of("aval_desk").transaction(f"desk:{reader.login}") as unit:
            unit.gate.ask(question)
        return question

    def opinion(self, question: Question, result: Result, reader: Reader, verdict: Verdict, **changes: Any) -> Opinion:
        """Return what ``reader`` signs; nothing is stored."""
        content = {Verdict.ACCEPT: question.shown, Verdict.AMEND: correction_of(result), Verdict.REJECT: None}[verdict]
        values: dict[str, Any] = {
            "nonce": question.nonce,
            "result": result.id,
            "model": result.model,
            "policy": result.policy,
            "reader": reader,
            "right": a_right(reader.login, result.model, self.sites.get(result.case, "chu")),
            "shown": question.shown,
            "content": content,
            "opened_at": question.asked_at,
            "signed_at": self.now(),
        }
        return sealed(a_statement(verdict, **values | changes))

    def sign(
        self, result: Result, reader: Reader = READERS[0], verdict: Verdict = Verdict.ACCEPT, **changes: Any
    ) -> Result:
        """Ask, sign, and whatever the opinion completes; return the result as it is then."""
        opinion = self.opinion(self.ask(result, reader), result, reader, verdict, **changes)
        with self.store_of("aval_desk").transaction(f"desk:{reader.login}") as unit:
            result = unit.results.get(result.id)
            unit.gate.add_opinion(opinion)
            opinions = unit.gate.opinions(result.id)
            decision = decide(policy=unit.gate.policy(result.policy), draft=draft_of(result), opinions=opinions)
            if decision is not None:
                result = self._decided(unit, result, decision)
        return result

    def _decided(self, unit: Unit, result: Result, decision: Decision) -> Result:
        unit.gate.add_decision(decision)
        cause = Cause(code="because") if decision.verdict is Verdict.REJECT else None
        decided = result.after(decision.verdict.verb, cause=cause)
        unit.results.move(decided, decision.at)
        if decision.content is not None:
            grounds = Grounds(
                policy=unit.gate.policy(result.policy),
                draft=decision.shown,
                opinions=unit.gate.opinions(result.id),
            )
            self._release(unit, decided, self.terms(decided, Kind.RESULT, decision.id, decision.content), grounds)
        return decided

    def terms(self, result: Result, kind: Kind, ground: Any, content: Digest) -> Terms:
        return Terms(
            release=release_id(ground),
            kind=kind,
            result=result.id,
            ground=ground,
            content=content,
            renderings=self.renderings,
            at=self.now(),
        )

    def _release(self, unit: Unit, result: Result, terms: Terms, grounds: Grounds) -> None:
        seal = DESK.seal(terms.to_bytes())
        unit.gate.add_release(mint(terms=terms, seal=seal, grounds=grounds, witness=DESK), seal)
        for rendering in terms.renderings:
            delivery = delivery_of(terms.release, result, rendering, terms.kind)
            unit.deliveries.add(delivery, terms.at)
            unit.messages.ring(DeliveryDue(delivery=delivery.id, destination=delivery.destination), terms.at)

    def withdraw(self, result: Result) -> tuple[Result, Withdrawal]:
        withdrawal = a_withdrawal(a_notice(result.id, at=self.now()))
        with self.store_of("aval_desk").transaction("desk:dr.martin") as unit:
            result = unit.results.get(result.id)
            unit.gate.add_withdrawal(withdrawal)
            retracted = result.after(ResultVerb.RETRACT, cause=Cause(code="wrong-result"))
            unit.results.move(retracted, self.now())
            for delivery in unit.deliveries.of_result(result.id):
                if delivery.state == "due":
                    unit.deliveries.close(delivery, "withheld", Cause(code="wrong-result"), self.now())
            grounds = replace(unit.gate.grounds(release_id(decision_id(result.id))), withdrawal=withdrawal)
            terms = self.terms(result, Kind.WITHDRAWAL, withdrawal.id, withdrawal.content)
            self._release(unit, retracted, terms, grounds)
        return retracted, withdrawal

    def stop(self, scope: Scope, target: str, action: Action = Action.STOP) -> None:
        second = "dr.leroy" if action is Action.RESUME else ""
        line = Stop(
            scope=scope, target=target, action=action, by="dr.martin", second=second, reason="essai", at=self.now()
        )
        with self.store_of("aval_desk").transaction("desk:dr.martin") as unit:
            for model in unit.examinations.concerned(scope, target) if second else ():
                cases = digest_of("golden")
                unit.examinations.add(Examination(model=model, cases=cases, failure="", by="dr.martin", at=line.at))
            unit.stops.add(line)

    # -------------------------------------------------------------------------------------------------- deliver

    def deliveries(self, result: Result, kind: Kind = Kind.RESULT) -> tuple[Delivery, ...]:
        with self.store_of("aval_deliver").reading() as unit:
            return tuple(d for d in unit.deliveries.of_result(result.id) if d.kind is kind)

    def begin(self, delivery: Delivery) -> int:
        with self.store_of("aval_deliver").transaction("deliver") as unit:
            current = unit.deliveries.get(delivery.id)
            assert current is not None
            attempt = unit.deliveries.begin(current, at=self.now(), until=at(self.seconds + 60))
        if attempt is None:
            raise Unavailable("not-now", "somebody else is at it")
        return attempt

    def confirm(self, delivery: Delivery, attempt: int) -> None:
        receipt = Receipt(
            destination=delivery.destination,
            package=delivery.package,
            method="read-back",
            reference='{"id":"7"}',
            at=self.now(),
        )
        with self.store_of("aval_deliver").transaction("deliver") as unit:
            current = unit.deliveries.get(delivery.id)
            assert current is not None
            unit.deliveries.confirm(current, attempt, receipt)

    def deliver(self, result: Result) -> Result:
        """Send everything, confirm everything."""
        for delivery in self.deliveries(result):
            self.confirm(delivery, self.begin(delivery))
        with self.store_of("aval_deliver").transaction("deliver") as unit:
            delivered = unit.results.get(result.id).after(ResultVerb.DELIVER)
            unit.results.move(delivered, self.now())
        return delivered

    # ------------------------------------------------------------------------------------------------- in one go

    def queued(self, uid: str, site: str = "chu", **changes: Any) -> Result:
        case = self.receive(uid, site=site)
        self.sites[case.id] = site
        result = a_result(replace(case, manifest=MANIFEST), **changes)
        self.complete(case, result)
        return result

    def drafted(self, uid: str, site: str = "chu", **changes: Any) -> Result:
        return self.draft(self.queued(uid, site, **changes))
