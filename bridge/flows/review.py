"""A clinician looks, judges and signs; when the policy is satisfied, the release is made in the same transaction.

Order of events in ``answer``: read what is stored, compute what may leave, render it, parse the rendering back and
compare, put all bytes in the vault; only then open the one transaction that records opinion, decision, release,
deliveries and state together, after looking at the world once more. Rendering can take seconds and must not hold a
lock; a rendering that is never released is an orphan in the vault, not a leak.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bridge.flows import holds
from guarantee.agreement import disagreement
from guarantee.amend import amended
from guarantee.answer import Answer
from guarantee.case import Case, CaseKind, Manifest
from guarantee.content import Content
from guarantee.decision import Decision, decide
from guarantee.deliveries import Delivery
from guarantee.errors import (
    DraftChanged,
    FirstReadDue,
    Malformed,
    NonceRefused,
    NotAllowed,
    NotEntitled,
    NotHabilitated,
    Refused,
    WorldChanged,
)
from guarantee.events import DeliveryDue
from guarantee.first_read import Exposure, Impression, Surface
from guarantee.habilitation import Grant, entitled
from guarantee.ids import DeliveryId, Digest, ResultId, derive
from guarantee.opinion import Opinion, Reader, Statement, Verdict, opinion_id
from guarantee.orders import Order, OrderStatus
from guarantee.policy import Policy
from guarantee.ports import Catalogue, Clock, Endorsed, Renderer, Sealer, Store, Vault
from guarantee.release import Grounds, Kind, Package, Part, Rendering, Terms, Witness, mint, release_id
from guarantee.result import Cause, Result
from guarantee.states import ResultState
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
        Held, WorldChanged: a stop, late images or a corrected identity forbid a decision now.
    """
    with _counted(result_id, reader, tools):
        return _ask(result_id, reader, tools, opened_from)


def _ask(result_id: ResultId, reader: Reader, tools: Review, opened_from: str) -> Question:
    now = tools.clock.now()
    with tools.store.transaction(f"desk:{reader.login}") as unit:
        result = unit.results.get(result_id)
        draft = draft_to_review(result)
        case = unit.cases.get(result.case)
        require_unchanged(result, case, unit.stops.over(result.id))
        if reader.role not in unit.gate.policy(result.policy).roles:
            raise NotEntitled(f"a {reader.role} does not review results under policy {result.policy}")
        right_of(reader, result, case, unit, now)
        if unit.first_reads.standing(result.id, reader.login).is_due:
            raise FirstReadDue(f"result {result.id} is read first by {reader.login}; nothing of it was shown")
        question = Question(
            nonce=tools.nonce(),
            result=result.id,
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


def answer(result_id: ResultId, reader: Reader, auth: str, given: Answer, tools: Review) -> Decision | None:
    """Take an opinion; return the decision when it completes one.

    Args:
        auth: how the reader proved who they are.

    Raises:
        NonceRefused: the one-time number is unknown, used, somebody else's or out of date.
        DraftChanged: the digest that was shown is not the stored draft.
        NotAllowed, NotEntitled, NotHabilitated, WorldChanged, Held, Malformed: as their names say.
    """
    with _counted(result_id, reader, tools):
        return _answer(result_id, reader, auth, given, tools)


def _answer(result_id: ResultId, reader: Reader, auth: str, given: Answer, tools: Review) -> Decision | None:
    stored = _read(result_id, reader, given, tools)
    content = _endorsed_content(stored.draft, given)
    opinion = _signed(stored, reader, auth, given, content, tools)
    decision = decide(policy=stored.policy, draft=stored.draft.digest, opinions=(*stored.opinions, opinion))
    packages = _packages(stored, opinion, decision, content, tools)
    with tools.store.transaction(f"desk:{reader.login}") as unit:
        _record(stored, opinion, decision, packages, unit, tools)
    return decision


@contextmanager
def _counted(result_id: ResultId, reader: Reader, tools: Review) -> Iterator[None]:
    """Record that somebody was refused for what they are or lack: the house must see how often, and who is to be asked.

    In a transaction of its own: that of the decision is undone.
    """
    try:
        yield
    except NotEntitled as refusal:
        cause = refusal.lack if isinstance(refusal, NotHabilitated) else "role"
        with tools.store.transaction(f"desk:{reader.login}") as unit:
            unit.habilitations.refuse(result_id, reader.login, cause, tools.clock.now())
        raise


def right_of(reader: Reader, result: Result, case: Case, unit: Unit, now: datetime) -> Grant:
    """Return the right by which ``reader`` may endorse ``result`` now.

    Raises:
        NotHabilitated: there is none.
    """
    rights = unit.habilitations.of([reader.login])
    return entitled(rights, person=reader.login, model=result.model, site=case.site, at=now)


# ----------------------------------------------------------------------------------------- before the transaction


def _read(result_id: ResultId, reader: Reader, given: Answer, tools: Review) -> _Stored:
    with tools.store.reading() as unit:
        result = unit.results.get(result_id)
        question = _question(result, reader, given, unit, tools)
        draft = draft_to_review(result)
        if given.shown != draft:
            raise DraftChanged(f"result {result.id}: the draft is no longer the one that was shown; open it again")
        case = unit.cases.get(result.case)
        return _Stored(
            result=result,
            case=case,
            policy=unit.gate.policy(result.policy),
            draft=Content.from_bytes(tools.vault.get(draft)),
            question=question,
            first_shown=unit.gate.first_shown(result.id, reader.login) or question,
            right=right_of(reader, result, case, unit, tools.clock.now()),
            impression=unit.first_reads.standing(result.id, reader.login).impression,
            opinions=unit.gate.opinions(result.id),
            orders=tuple(o for o in unit.orders.of(case) if _goes_with(o, case)),
        )


def _goes_with(order: Order, case: Case) -> bool:
    return order.status is OrderStatus.WANTED and not order.contradicts(case.patient)


def draft_to_review(result: Result) -> Digest:
    """Return the draft that awaits a decision; a stale one is told apart, so that its reader learns why."""
    if result.state is ResultState.STALE:
        raise WorldChanged(f"result {result.id} is stale: its inputs changed after the draft was made")
    if result.state is not ResultState.AWAITING_REVIEW or result.draft is None:
        raise NotAllowed(f"result {result.id} is {result.state}; it can no longer be decided. Nothing was recorded")
    return result.draft


def _question(result: Result, reader: Reader, given: Answer, unit: Unit, tools: Review) -> Question:
    question = unit.gate.question(given.nonce)
    if question is None or (question.result, question.reader, question.shown) != (result.id, reader.login, given.shown):
        raise NonceRefused("this answer belongs to no question that was asked; open the draft again")
    if unit.gate.is_answered(given.nonce):
        raise NonceRefused("this question was already answered; nothing was recorded twice")
    if tools.clock.now() > question.expires_at:
        raise NonceRefused("the draft was opened too long ago; open it again")
    return question


def _endorsed_content(draft: Content, given: Answer) -> Content | None:
    if given.verdict is Verdict.REJECT:
        return None
    if given.verdict is Verdict.ACCEPT:
        return draft
    if given.edits is None:
        raise Malformed("an amendment says what it changes")
    return amended(draft, given.edits)


def _signed(
    stored: _Stored, reader: Reader, auth: str, given: Answer, content: Content | None, tools: Review
) -> Opinion:
    statement = Statement(
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
        signed_at=tools.clock.now(),
        first_read=stored.impression.id if stored.impression else None,
    )
    return Opinion(id=opinion_id(statement), statement=statement, seal=tools.sealer.seal(statement.to_bytes()))


def _packages(
    stored: _Stored, opinion: Opinion, decision: Decision | None, content: Content | None, tools: Review
) -> tuple[Rendering, ...]:
    """Render what may leave for each destination, read it back, compare, keep the bytes."""
    if content is not None:
        tools.vault.put(content.to_bytes())
    if decision is None or decision.content is None:
        return ()
    final = content if content is not None and content.digest == decision.content else _load(decision.content, tools)
    endorsed = endorse(
        result=stored.result,
        case=stored.case,
        content=final,
        decision=decision,
        opinions=(*stored.opinions, opinion),
        orders=stored.orders,
        vault=tools.vault,
        catalogue=tools.catalogue,
    )
    destinations = tools.renderers[stored.case.kind]
    if not destinations:
        raise Refused("no destination is configured for this kind of case; nothing could be released")
    return tuple(_rendering(name, renderer, endorsed, tools.vault) for name, renderer in destinations.items())


def _load(content: Digest, tools: Review) -> Content:
    return Content.from_bytes(tools.vault.get(content))


def endorse(
    *,
    result: Result,
    case: Case,
    content: Content,
    decision: Decision,
    opinions: Sequence[Opinion],
    vault: Vault,
    catalogue: Catalogue,
    orders: tuple[Order, ...] = (),
) -> Endorsed:
    """Gather everything an outgoing object may be made of.

    Args:
        orders: only what is rendered anew needs them; a withdrawal is made of what was sent.

    Raises:
        Refused: the card of the model version is no longer here; nothing can be rendered without it.
    """
    card = catalogue.card_of(result.model.id)
    if card is None:
        raise Refused(f"the card of {result.model.id} is not installed here; install it, then try again")
    manifest = Manifest.from_bytes(vault.get(result.manifest))
    return Endorsed(
        release=release_id(decision.id),
        result=result,
        case=case,
        card=card,
        content=content,
        decision=decision,
        opinions=tuple(opinions),
        sources=manifest.sources,
        orders=orders,
    )


def _rendering(destination: str, renderer: Renderer, endorsed: Endorsed, vault: Vault) -> Rendering:
    objects = renderer.render(endorsed)
    difference = disagreement(renderer.read_back(objects), endorsed.content)
    if difference is not None:
        raise Refused(f"what would go to {destination} is not what was endorsed: {difference}. Nothing was released")
    parts = tuple(Part(name=o.name, media_type=o.media_type, uid=o.uid, digest=vault.put(o.data)) for o in objects)
    return Rendering(destination=destination, package=vault.put(Package(parts=parts).to_bytes()))


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
    require_unchanged(result, case, unit.stops.over(result.id))
    right_of(opinion.statement.reader, result, case, unit, tools.clock.now())
    if unit.gate.opinions(result.id) != stored.opinions:
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
    grounds = Grounds(policy=stored.policy, draft=stored.draft.digest, opinions=(*stored.opinions, opinion))
    issue(terms, grounds, unit, tools, due_at=decision.at)


def issue(terms: Terms, grounds: Grounds, unit: Unit, tools: Review, *, due_at: datetime) -> None:
    """Mint a release, record it, and make its deliveries due from ``due_at`` on."""
    seal = tools.sealer.seal(terms.to_bytes())
    unit.gate.add_release(mint(terms=terms, seal=seal, grounds=grounds, witness=tools.witness), seal)
    for rendering in terms.renderings:
        delivery = Delivery(
            id=DeliveryId(derive("delivery", terms.release, rendering.destination)),
            release=terms.release,
            result=terms.result,
            kind=terms.kind,
            destination=rendering.destination,
            package=rendering.package,
            state="due",
            attempts=0,
            reference="",
        )
        unit.deliveries.add(delivery, due_at)
        unit.messages.ring(DeliveryDue(delivery=delivery.id, destination=delivery.destination), terms.at)


def what_forbids(result_id: ResultId, tools: Review) -> tuple[Cause, ...]:
    """Return everything that forbids deciding a result now, for the page."""
    with tools.store.reading() as unit:
        result = unit.results.get(result_id)
        return obstacles(result, unit.cases.get(result.case), unit.stops.over(result.id))
