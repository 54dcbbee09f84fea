"""A patient objects to AI, or no longer does: note it, then stop what waits, or queue it again.

What is noted counts at once, for it is looked at before a model runs, at every signature and before each send, here and
by the database. So what follows from it for results that exist is not one transaction with it: ``settle`` brings them
into line, each under its case's lock, and the sweeper calls it too. A crash in between costs a round of the sweeper.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from guarantee.events import ResultQueued
from guarantee.feed import Message, News
from guarantee.ids import ResultId, derive
from guarantee.objections import OBJECTION, Objection, Word, require_new, standing, stops
from guarantee.ports import Clock, Store
from guarantee.result import Cause, Result
from guarantee.retirement import RETIRED
from guarantee.states import CaseState, ResultState, ResultVerb
from guarantee.unit import Unit

MERGED: Final = "the record merged this number with one under which an objection stands"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was brought into line."""

    excluded: tuple[ResultId, ...]
    requeued: tuple[ResultId, ...]


def say(
    word: Word, authorities: Sequence[str], identifier: str, *, by: str, reason: str, store: Store, clock: Clock
) -> tuple[Objection, Settled]:
    """Record or lift an objection, by a person's word; return its line and what followed.

    Args:
        authorities: who gave the number, then what else the same authority is called: the same is said under each name.
        by: who says so, e.g. a login or "operator:root".
        reason: one sentence; never a name or a number of a patient.

    Raises:
        NotAllowed: it stands already, or there is nothing to lift.
        Malformed: no number, no authority or no reason.
    """
    now = clock.now()
    lines = [
        Objection(authority=one, identifier=identifier, word=word, by=by, reason=reason, source="", at=now)
        for one in authorities
    ]
    with store.transaction(f"objections:{by}") as unit:
        require_new(lines[0], unit.objections.lines(lines[0].authority, identifier))
        for line in lines:
            stands = bool(standing(unit.objections.lines(line.authority, identifier)))
            if stands is (word is Word.LIFT):
                unit.objections.add(line)
    return lines[0], settle(store=store, clock=clock, actor=f"objections:{by}")


def hear(said: Sequence[Objection], *, store: Store, clock: Clock, actor: str) -> int:
    """Note what the record says; return how many objections are new."""
    if not said:
        return 0
    with store.transaction(actor) as unit:
        new = sum(unit.objections.add(line) for line in said)
    settle(store=store, clock=clock, actor=actor)
    return new


def follow(news: News, message: Message, unit: Unit, at: datetime) -> None:
    """Record under every number of a merged patient what was recorded under one: an objection is the person's."""
    for numbers in news.people if news.merges else ():
        called = [(name, number.value) for number in numbers for name in sorted({number.issuer, *number.aliases})]
        standing_under = [one for one in called if standing(unit.objections.lines(*one))]
        for authority, identifier in called if standing_under else ():
            if (authority, identifier) not in standing_under:
                unit.objections.add(_merged(authority, identifier, message, at))


def _merged(authority: str, identifier: str, message: Message, at: datetime) -> Objection:
    return Objection(
        authority=authority,
        identifier=identifier,
        word=Word.RECORD,
        by=f"record:{message.sender}",
        reason=MERGED,
        source=derive("merge", message.digest, authority, identifier),
        at=at,
    )


def settle(*, store: Store, clock: Clock, actor: str) -> Settled:
    """Exclude what waits and is objected to; queue again what was excluded for an objection that was lifted."""
    with store.reading() as unit:
        stopped, free = unit.objections.to_exclude(), unit.objections.to_requeue()
    excluded = tuple(result for result in stopped if _exclude(result, store, clock, actor))
    requeued = tuple(result for result in free if _requeue(result, store, clock, actor))
    return Settled(excluded=excluded, requeued=requeued)


def forbidden(result: Result, unit: Unit) -> Cause | None:
    """Return why no draft is made of ``result`` any more: its version was retired, or its patient objects; or None."""
    ended = unit.retirements.of(result.model.id)
    if ended is not None:
        return Cause(code=RETIRED, detail=f"{ended.model} was retired on {ended.at:%Y-%m-%d}")
    return objected(result, unit)


def objected(result: Result, unit: Unit) -> Cause | None:
    """Return why no model may look at the exams of the patient of ``result``, under its policy; None when one may."""
    over = unit.objections.over(unit.cases.get(result.case).patient)
    return stops(over, unit.gate.policy(result.policy).objection) if over else None


def _exclude(result_id: ResultId, store: Store, clock: Clock, actor: str) -> bool:
    with store.transaction(actor) as unit:
        result = unit.results.get(result_id)
        cause = objected(result, unit)
        if result.state is not ResultState.QUEUED or cause is None:
            return False
        unit.results.move(result.after(ResultVerb.EXCLUDE, cause=cause), clock.now())
    return True


def _requeue(result_id: ResultId, store: Store, clock: Clock, actor: str) -> bool:
    with store.transaction(actor) as unit:
        result = unit.results.get(result_id)
        cause = result.cause.code if result.cause else ""
        if (result.state, cause) != (ResultState.EXCLUDED, OBJECTION) or objected(result, unit) is not None:
            return False
        if unit.cases.get(result.case).state is not CaseState.COMPLETE:
            return False
        now = clock.now()
        unit.results.move(result.after(ResultVerb.REQUEUE), now)
        unit.messages.ring(ResultQueued(result=result.id), now)
    return True
