"""A clinician looks, judges and signs; when the policy is satisfied, the release is made in the same transaction.

Order of events in ``answer``: read what is stored, compute what may leave, render it, parse the rendering back and
compare, put all bytes in the vault; only then open the one transaction that records opinion, decision, release,
deliveries and state together, after looking at the world once more. Rendering can take seconds and must not hold a
lock; a rendering that is never released is an orphan in the vault, not a leak.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bridge.flows import holds, preparing
from bridge.flows.opening import draft_to_open, draft_to_review
from bridge.flows.preparing import right_of as right_of  # noqa: PLC0414 - others find it here
from bridge.flows.release import endorse, issue, renderings_of
from guarantee.amend import amended
from guarantee.answer import Answer
from guarantee.case import Case, CaseKind
from guarantee.content import Content
from guarantee.decision import Decision, decide
from guarantee.errors import (
    DraftChanged,
    Forged,
    GestureRefused,
    Malformed,
    NonceRefused,
    Refused,
)
from guarantee.first_read import Exposure, Impression, Surface
from guarantee.gesture import Gesture
from guarantee.habilitation import Act, Grant
from guarantee.ids import ResultId
from guarantee.opinion import SCHEMA as OPINION
from guarantee.opinion import Opinion, Reader, Seal, Statement, Verdict, opinion_id
from guarantee.orders import Order
from guarantee.policy import Policy
from guarantee.ports import Catalogue, Clock, Renderer, Sealer, Store, Vault
from guarantee.preparation import SCHEMA, Preparation
from guarantee.release import Grounds, Kind, Rendering, Terms, Witness, release_id
from guarantee.result import Cause, Result
from guarantee.unit import Question, Unit
from guarantee.world import obstacles, require_unchanged

QUESTION_LIFE: Final = timedelta(hours=8)
"""How long a draft may stay open on a screen before it must be opened again: one working session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What the desk needs to take opinions.

    Args:
        renderers: for each kind of case, each destination's renderer by the destination's name.
        nonce: draws an unguessable one-time number.
        triggers: when a rejection suspends a version.
    """

    store: Store
    vault: Vault
    clock: Clock
    catalogue: Catalogue
    renderers: Mapping[CaseKind, Mapping[str, Renderer]]
    sealer: Sealer
    witness: Witness
    nonce: Callable[[], str]
    triggers: holds.Triggers = holds.NEVER


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """What is known before the reader's answer is weighed."""

    result: Result
    case: Case
    policy: Policy
    draft: Content
    question: Question
    first_shown: Question
    right: Grant
    impression: Impression | None
    opinions: tuple[Opinion, ...]
    preparation: Preparation | None
    orders: tuple[Order, ...]


def ask(result_id: ResultId, reader: Reader, tools: Review, *, opened_from: str = "") -> Question:
    """Put the draft in front of ``reader``: record the exposure and ask the one-time question.

    Args:
        opened_from: the system whose launch brought them here; "" for none.

    Raises:
        NotAllowed: the result is not awaiting review.
        NotEntitled: the policy does not let this role see or endorse it.
        NotHabilitated: nobody gave this person the right to, or no longer.
        FirstReadDue: this reader was drawn to say first what they think (first_read.py).
        Held, Objected, WorldChanged: a stop, an objection, late images or a corrected identity forbid a decision now.
    """
    with preparing.counted(result_id, reader, tools.store, tools.clock):
        return _ask(result_id, reader, tools, opened_from)


def _ask(result_id: ResultId, reader: Reader, tools: Review, opened_from: str) -> Question:
    now = tools.clock.now()
    with tools.store.transaction(f"desk:{reader.login}") as unit:
        draft = draft_to_open(result_id, reader, unit, now)
        question = Question(
            nonce=tools.nonce(),
            result=result_id,
            reader=reader.login,
            shown=draft,
            asked_at=now,
            expires_at=now + QUESTION_LIFE,
            opened_from=opened_from,
        )
        unit.gate.ask(question)
        unit.first_reads.expose(_revealed(question))
        return question


def _revealed(question: Question) -> Exposure:
    return Exposure(
        result=question.result,
        reader=question.reader,
        surface=Surface.REVEAL,
        shown=question.shown,
        nonce=question.nonce,
        at=question.asked_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """A gesture over the statement that :func:`prepare` returned.

    Args:
        at: when that statement says that it was signed.
    """

    gesture: Gesture
    at: datetime


def prepare(result_id: ResultId, reader: Reader, auth: str, given: Answer, tools: Review) -> Statement:
    """Return the statement that the reader's authenticator signs: the one that :func:`answer` would seal now.

    Raises:
        As :func:`answer`, as far as it can be known before.
    """
    with preparing.counted(result_id, reader, tools.store, tools.clock):
        stored = _read(result_id, reader, given, tools)
    preparing.require_no_gesture(stored.right, asked=True)
    return _statement(stored, reader, auth, given, _endorsed_content(stored, given, tools), tools.clock.now())


def answer(
    result_id: ResultId, reader: Reader, auth: str, given: Answer, tools: Review, *, signing: Signing | None = None
) -> Decision | None:
    """Take an opinion; return the decision when it completes one.

    Of somebody whose right is to prepare, it is kept for a senior, and decides nothing.

    Args:
        auth: how the reader proved who they are, and that a gesture is over the statement when one is.
        signing: the gesture; None for none.

    Raises:
        GestureMissing: the policy asks for a gesture.
        GestureRefused: the gesture is over another statement than this answer makes.
        NonceRefused: the one-time number is unknown, used, somebody else's or out of date.
        DraftChanged: the digest that was shown is not the stored draft.
        NotAllowed, NotEntitled, NotHabilitated, WorldChanged, Held, Malformed: as their names say.
    """
    with preparing.counted(result_id, reader, tools.store, tools.clock):
        return _answer(result_id, reader, auth, given, tools, signing)


def _answer(
    result_id: ResultId, reader: Reader, auth: str, given: Answer, tools: Review, signing: Signing | None
) -> Decision | None:
    stored = _read(result_id, reader, given, tools)
    preparing.require_no_gesture(stored.right, asked=signing is not None)
    content = _endorsed_content(stored, given, tools)
    statement = _statement(stored, reader, auth, given, content, signing.at if signing else tools.clock.now())
    if stored.right.act is Act.PREPARE:
        prepared = preparing.prepared_by(statement, stored.policy, tools.sealer)
        preparing.keep(prepared, content, tools.store, tools.vault, tools.clock)
        return None
    opinion = _signed(statement, signing.gesture if signing else None, tools)
    decision = decide(
        policy=stored.policy,
        draft=stored.draft.digest,
        opinions=(*stored.opinions, opinion),
        preparation=stored.preparation,
    )
    packages = _packages(stored, opinion, decision, content, tools)
    with tools.store.transaction(f"desk:{reader.login}") as unit:
        _record(stored, opinion, decision, packages, unit, tools)
    return decision


# ----------------------------------------------------------------------------------------- before the transaction


def _read(result_id: ResultId, reader: Reader, given: Answer, tools: Review) -> _Stored:
    with tools.store.reading() as unit:
        result = unit.results.get(result_id)
        question = _question(result, reader, given, unit, tools)
        draft = draft_to_review(result)
        if given.shown != draft:
            raise DraftChanged(f"result {result.id}: the draft is no longer the one that was shown; open it again")
        case, policy = unit.cases.get(result.case), unit.gate.policy(result.policy)
        right = preparing.right_to_answer(reader, result, case, policy, unit, tools.clock.now())
        opinions, prepared = unit.gate.opinions(result.id), unit.preparations.of(result.id)
        preparing.require_turn(reader, right, prepared, opinions)
        preparing.require_on_screen(given, prepared)
        return _Stored(
            result=result,
            case=case,
            policy=policy,
            draft=Content.from_bytes(tools.vault.get(draft)),
            question=question,
            first_shown=unit.gate.first_shown(result.id, reader.login) or question,
            right=right,
            impression=unit.first_reads.standing(result.id, reader.login).impression,
            opinions=opinions,
            preparation=prepared,
            orders=tuple(o for o in unit.orders.of(case) if o.goes_with(case)),
        )


def _question(result: Result, reader: Reader, given: Answer, unit: Unit, tools: Review) -> Question:
    question = unit.gate.question(given.nonce)
    if question is None or (question.result, question.reader, question.shown) != (result.id, reader.login, given.shown):
        raise NonceRefused("this answer belongs to no question that was asked; open the draft again")
    if unit.gate.is_answered(given.nonce):
        raise NonceRefused("this question was already answered; nothing was recorded twice")
    if tools.clock.now() > question.expires_at:
        raise NonceRefused("the draft was opened too long ago; open it again")
    return question


def _endorsed_content(stored: _Stored, given: Answer, tools: Review) -> Content | None:
    if given.cosigns:
        return preparing.cosigned_content(stored.preparation, tools.vault)
    if given.verdict is Verdict.REJECT:
        return None
    if given.verdict is Verdict.ACCEPT:
        return stored.draft
    if given.edits is None:
        raise Malformed("an amendment says what it changes")
    return amended(stored.draft, given.edits)


def _statement(
    stored: _Stored, reader: Reader, auth: str, given: Answer, content: Content | None, signed_at: datetime
) -> Statement:
    return Statement(
        schema=SCHEMA if stored.right.act is Act.PREPARE else OPINION,
        nonce=given.nonce,
        result=stored.result.id,
        model=stored.result.model,
        manifest=stored.result.manifest,
        identity_version=stored.result.identity_version,
        policy=stored.result.policy,
        reader=reader,
        right=stored.right,
        verdict=given.verdict,
        shown=stored.draft.digest,
        content=content.digest if content else None,
        reason=given.reason,
        comment=given.comment,
        patient_informed=given.patient_informed,
        auth=auth,
        opened_at=stored.first_shown.asked_at,
        signed_at=signed_at,
        first_read=stored.impression.id if stored.impression else None,
        prepared=stored.preparation.id if stored.preparation else None,
    )


def _signed(statement: Statement, gesture: Gesture | None, tools: Review) -> Opinion:
    """Seal a statement, after its gesture was held against it: the desk seals no claim that does not hold."""
    seal = Seal(key="", signature="")
    try:
        bound = Opinion(id=opinion_id(statement), statement=statement, seal=seal, gesture=gesture)
    except Forged as error:
        raise GestureRefused(str(error)) from error
    return replace(bound, seal=tools.sealer.seal(statement.to_bytes()))


def _packages(
    stored: _Stored, opinion: Opinion, decision: Decision | None, content: Content | None, tools: Review
) -> tuple[Rendering, ...]:
    """Render what may leave for each destination; keep what this reader endorsed, also when more must agree."""
    if content is not None:
        tools.vault.put(content.to_bytes())
    if decision is None or decision.content is None:
        return ()
    kept = content if content is not None and content.digest == decision.content else None
    endorsed = endorse(
        result=stored.result,
        case=stored.case,
        content=kept or Content.from_bytes(tools.vault.get(decision.content)),
        decision=decision,
        opinions=(*stored.opinions, opinion),
        preparation=stored.preparation,
        orders=stored.orders,
        vault=tools.vault,
        catalogue=tools.catalogue,
    )
    return renderings_of(endorsed, tools.renderers[stored.case.kind], tools.vault)


# ------------------------------------------------------------------------------------------------ the transaction


def _record(
    stored: _Stored,
    opinion: Opinion,
    decision: Decision | None,
    renderings: tuple[Rendering, ...],
    unit: Unit,
    tools: Review,
) -> None:
    result = unit.results.get(stored.result.id)
    case = unit.cases.get(result.case)
    require_unchanged(result, case, unit.stops.over(result.id), unit.objections.over(case.patient))
    right_of(opinion.statement.reader, result, case, unit, tools.clock.now())
    if (unit.gate.opinions(result.id), unit.preparations.of(result.id)) != (stored.opinions, stored.preparation):
        raise Refused("another reader signed at the same moment; look again and sign")
    unit.gate.add_opinion(opinion)
    if decision is None:
        return
    unit.gate.add_decision(decision)
    cause = Cause(code=str(opinion.statement.reason)) if decision.verdict is Verdict.REJECT else None
    unit.results.move(result.after(decision.verdict.verb, cause=cause), decision.at)
    if cause is not None:
        holds.after_rejection(result, opinion.statement.reason, tools.triggers, unit, decision.at)
    if decision.content is not None:
        _release(stored, opinion, decision, renderings, unit, tools)


def _release(
    stored: _Stored,
    opinion: Opinion,
    decision: Decision,
    renderings: tuple[Rendering, ...],
    unit: Unit,
    tools: Review,
) -> None:
    terms = Terms(
        release=release_id(decision.id),
        kind=Kind.RESULT,
        result=decision.result,
        ground=decision.id,
        content=decision.content or stored.draft.digest,
        renderings=renderings,
        at=decision.at,
    )
    grounds = Grounds(
        policy=stored.policy,
        draft=stored.draft.digest,
        opinions=(*stored.opinions, opinion),
        preparation=stored.preparation,
    )
    issue(terms, grounds, unit, tools.sealer, tools.witness, due_at=decision.at)


def what_forbids(result_id: ResultId, tools: Review) -> tuple[Cause, ...]:
    """Return everything that forbids deciding a result now, for the page."""
    with tools.store.reading() as unit:
        result = unit.results.get(result_id)
        case = unit.cases.get(result.case)
        return obstacles(result, case, unit.stops.over(result.id), unit.objections.over(case.patient))
