"""Messages of a feed (HL7v2) are committed: inputs join their stays, and news of an identity stops what it concerns.

Nothing here merges or corrects anybody. A case that news may concern is superseded with another identity version, what
was drafted from it is out of date, and its next revision is held until a person says whether it may go on. What was
delivered is on the desk's list of copies that may be wrong.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from bridge.flows.intake import take_in
from bridge.flows.objections import follow
from bridge.flows.orders import hear
from bridge.flows.overtaking import Latest, overtake
from guarantee.case import Case
from guarantee.errors import PortError
from guarantee.feed import Message, News, Noted
from guarantee.identity import Doubt
from guarantee.ids import CaseId
from guarantee.orders import Order
from guarantee.ports import Clock, Store
from guarantee.result import Cause
from guarantee.states import CaseState, CaseVerb
from guarantee.unit import Arrival, Unit


class Joins(StrEnum):
    """When an input becomes part of its stay."""

    ALWAYS = "always"
    """It says something that a model looks at: late, it opens a new revision."""

    EARLY = "early"
    """It says whose the stay is: of no use once the inputs are complete, where it would only make drafts stale."""

    KNOWN = "known"
    """It takes a stay back: it opens none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one message says.

    Args:
        arrival: the input that it is; None for none.
        news: what it says of identities; None for nothing.
        orders: what it says of orders.
    """

    message: Message
    arrival: Arrival | None = None
    joins: Joins = Joins.ALWAYS
    news: News | None = None
    orders: tuple[Order, ...] = ()


def take(told: Sequence[Told], *, store: Store, clock: Clock, actor: str) -> tuple[Noted, ...]:
    """Commit messages in their order, and return what each turned out to be.

    Messages that bring no news of an identity are committed together. When one cannot be kept, what came before it is
    kept, and those after it are not: the sender sends them again, in the same order.

    Raises:
        PortError: the first message cannot be kept now.
    """
    done: list[Noted] = []
    for batch in _batches(told):
        try:
            with store.transaction(actor) as unit:
                done.extend(_take(batch, unit, clock.now))
        except PortError:
            if not done:
                raise
            break
    return tuple(done)


def _batches(told: Sequence[Told]) -> Iterator[Sequence[Told]]:
    """Yield runs of messages that concern nobody else, and each other one alone: whom it concerns is asked first."""
    for concerns, run in groupby(told, key=lambda one: one.news is not None or bool(one.orders)):
        if concerns:
            yield from ([one] for one in run)
        else:
            yield list(run)


def _take(batch: Sequence[Told], unit: Unit, now: Callable[[], datetime]) -> list[Noted]:
    concerned = [case for one in batch if one.news for case in unit.feed.concerned(one.news) if one.news.concerns(case)]
    concerned += [case for one in batch for order in one.orders for case in unit.orders.exams(order)]
    names = {(case.kind, case.uid) for case in concerned}
    names |= {(one.arrival.kind, one.arrival.uid) for one in batch if one.arrival}
    # Every lock before the first write, in one order: see intake.lock.
    latest: Latest = {name: unit.cases.latest(*name) for name in sorted(names)}
    seen = frozenset(case.id for case in concerned)
    return [_take_one(one, latest, seen, unit, now()) for one in batch]


def _take_one(one: Told, latest: Latest, seen: frozenset[CaseId], unit: Unit, at: datetime) -> Noted:
    noted = unit.feed.note(one.message, at)
    if noted is Noted.AGAIN:
        return noted
    if noted is Noted.REUSED:
        detail = "another message under a control number that this sender has used; it was taken"
        unit.messages.turn_away("hl7", one.message.sender, "control-reused", detail, at)
    joins = one.arrival is not None and _joins(one, latest[one.arrival.kind, one.arrival.uid])
    if one.news is not None:
        unit.feed.mention(one.news, one.message, at)
        follow(one.news, one.message, unit, at)
        for name, case in latest.items():
            is_own = joins and one.arrival is not None and name == (one.arrival.kind, one.arrival.uid)
            if case is not None and one.news.concerns(case) and not (is_own and one.news.traits):
                latest[name] = _stop(case, one.news, seen, unit, at)
    for order in one.orders:
        hear(order, one.message.digest, one.message.sender, latest, unit, at)
    if one.arrival is not None and joins:
        take_in([one.arrival], latest, unit, lambda: at)
    return noted


def _joins(one: Told, case: Case | None) -> bool:
    """Return whether the input becomes part of its stay; traits that contradict are then intake's to judge."""
    match one.joins:
        case Joins.ALWAYS:
            return True
        case Joins.EARLY:
            return case is None or case.state is CaseState.RECEIVING
        case Joins.KNOWN:
            return case is not None


def _stop(case: Case, news: News, seen: frozenset[CaseId], unit: Unit, at: datetime) -> Case:
    """Put another identity version behind ``case``, locked, and hold what follows until a person has looked."""
    if case.state is CaseState.COMPLETE and case.id not in seen:
        return case  # nothing may come of it any more; an earlier revision is what was found
    if not unit.identities.doubt(case, Doubt.IDENTITY_CHANGED, news.subject, at):
        return case  # a person has looked at exactly this news
    changed = case.reidentified()
    unit.feed.reidentify(changed, at)
    if changed.state is CaseState.COMPLETE:
        changed = _supersede(changed, news, unit, at)
    if changed.state is CaseState.RECEIVING:
        changed = changed.after(CaseVerb.QUARANTINE, cause=Doubt.IDENTITY_CHANGED)
        unit.cases.move(changed, at)
    return changed


def _supersede(case: Case, news: News, unit: Unit, at: datetime) -> Case:
    unit.cases.move(case.after(CaseVerb.SUPERSEDE), at)
    cause = Cause(code="identity-changed", detail="the record merged, moved or corrected the patient's identity")
    overtake(case, cause, unit, at)
    following = case.following()
    unit.cases.add(following, at)
    unit.identities.doubt(following, Doubt.IDENTITY_CHANGED, news.subject, at)
    return following
