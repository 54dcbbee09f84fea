"""A case has gone quiet: judge it complete, fix its inputs, and hand it to the models, all in one transaction.

What decides is a table, guarantee/completeness.py; here is what it looks at. Judging early is safe: a late input opens
a new revision, and what was drafted from the old one becomes stale.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from bridge.flows.announcements import announced, from_headers
from bridge.flows.asking import ASK_AGAIN_S, About, Asking
from bridge.flows.orders import standing_disputes
from bridge.flows.route import MISSING, NO_ROUTE, Routed, Routing, asked, route, try_rules
from guarantee.case import Case, CaseKind, Manifest
from guarantee.completeness import Arrived, Incomplete, Judgement, Situation, Verdict, judge
from guarantee.events import ResultQueued
from guarantee.identity import Doubt, collides, person
from guarantee.ids import CaseId
from guarantee.judging import Moving
from guarantee.objections import stops
from guarantee.orders import facts_of
from guarantee.ports import Catalogue, Clock, Store, Vault
from guarantee.result import Cause, Mode
from guarantee.states import CaseState, CaseVerb, ResultVerb
from guarantee.unit import Input, Unit

LOOK_AGAIN_S: Final = 1.0
"""Shortest time between two looks at a case that goes on receiving: a look reads all of its inputs."""

_UNCONFIRMED: Final = frozenset({"quiet", "doubt", "not-awaited", "missing", "deadline"})
"""Reasons for a judgement about which the source of the study may know better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietTimes:
    """How long a case must be quiet, in seconds.

    Args:
        default_s: for a modality without its own.
        by_modality_s: e.g. {"MR": 300}: MR series come minutes apart.
        silence_s: an association not heard of for so long no longer counts as open (its process may have died).
        broken_s: how much longer after a transfer that was broken off.
        deadline_s: longest wait for what was announced and is missing, from the last input.
        heed_acquisitions: whether counts of acquisitions in image headers are believed.
    """

    default_s: float
    by_modality_s: Mapping[str, float]
    silence_s: float
    broken_s: float = 60.0
    deadline_s: float = 1800.0
    heed_acquisitions: bool = True


@dataclass(slots=True)
class _Looked:
    moving: Moving
    at: datetime
    until: datetime | None


@dataclass(slots=True)
class Memory:
    """What was seen of cases that go on receiving, so that none is read through again for nothing."""

    _looked: dict[CaseId, _Looked] = field(default_factory=dict)

    def is_due(self, moving: Moving, now: datetime) -> bool:
        """Return whether a look could end otherwise than the last one."""
        if moving.is_open and moving.told_at is None:
            return False
        last = self._looked.get(moving.case)
        if last is None or (last.until is not None and now >= last.until) or last.moving.is_open != moving.is_open:
            return True
        return last.moving != moving and now - last.at >= timedelta(seconds=LOOK_AGAIN_S)

    def note(self, moving: Moving, now: datetime, until: datetime | None) -> None:
        """Remember a look that ended with waiting."""
        self._looked[moving.case] = _Looked(moving, now, until)

    def forget(self, others: frozenset[CaseId]) -> None:
        """Forget every case that is not one of ``others``."""
        self._looked = {case: looked for case, looked in self._looked.items() if case in others}


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What judging cases needs.

    Args:
        asking: the sources that can be asked how much of a study there is; None for none.
    """

    store: Store
    vault: Vault
    clock: Clock
    catalogue: Catalogue
    routing: Routing
    quiet: QuietTimes
    asking: Asking | None = None
    memory: Memory = field(default_factory=Memory)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """A case, what may be used of it, and what the table says."""

    case: Case
    inputs: Sequence[Input]
    judgement: Judgement


def complete_due(tools: Completion) -> tuple[CaseId, ...]:
    """Judge every case that may be complete; return those that now are."""
    now = tools.clock.now()
    with tools.store.reading() as unit:
        moving = unit.judging.receiving(silent_before=_silent_before(tools, now))
    receiving = frozenset(one.case for one in moving)
    tools.memory.forget(receiving)
    if tools.asking:
        tools.asking.forget(receiving)
    due = [one for one in moving if tools.memory.is_due(one, now)]
    return tuple(one.case for one in due if _consider(one, tools, now))


def _consider(moving: Moving, tools: Completion, now: datetime) -> bool:
    with tools.store.reading() as unit:
        look = _look(moving, unit, tools, now)
    if look.judgement.how in _UNCONFIRMED and not _is_settled(look, moving, tools, now):
        return False
    if look.judgement.verdict is Verdict.WAIT:
        tools.memory.note(moving, now, _look_again_at(look, tools, now))
        return False
    return _conclude(moving.case, tools, now)


def _look_again_at(look: _Look, tools: Completion, now: datetime) -> datetime | None:
    until = look.judgement.until
    if until is None or tools.asking is None or look.judgement.how != "missing":
        return until
    return min(until, now + timedelta(seconds=ASK_AGAIN_S))


def _is_settled(look: _Look, moving: Moving, tools: Completion, now: datetime) -> bool:
    """Ask the source, outside any transaction; return False when its answer may change the judgement."""
    if tools.asking is None or look.case.kind is not CaseKind.STUDY or not look.inputs:
        return True
    about = About(
        case=look.case.id,
        uid=look.case.uid,
        series=frozenset(used.source.group for used in look.inputs),
        sender=max(look.inputs, key=lambda used: used.at).sender,
        last_input_at=moving.last_input_at,
    )
    reply = tools.asking.reply(about, now)
    if reply.said:
        with tools.store.transaction("sweep:asked") as unit:
            for said in reply.said:
                unit.judging.expect(look.case.kind, look.case.uid, said, tools.clock.now())
    return not (reply.is_pending or reply.said)


def _conclude(case_id: CaseId, tools: Completion, seen_at: datetime) -> bool:
    """Look again under the case's lock: an input may have arrived since; then fix the inputs and route."""
    with tools.store.transaction("sweep:complete") as unit:
        case = unit.cases.get(case_id)
        if case.state is not CaseState.RECEIVING:
            return False
        (moving,) = unit.judging.receiving(silent_before=_silent_before(tools, seen_at), case=case_id)
        look = _look(moving, unit, tools, seen_at)
        now = tools.clock.now()
        if look.judgement.verdict is Verdict.WAIT or _is_somebody_elses(case, unit, now):
            return False
        if _is_not_what_was_ordered(case, unit, now):
            return False
        _fix_inputs(look, unit, tools, now)
    return True


def _is_somebody_elses(case: Case, unit: Unit, now: datetime) -> bool:
    """Hold ``case`` when its patient's number is that of somebody else in another case; return whether it is held.

    Asked here and not when a case opens: cases are judged one after the other, so of two that contradict each other one
    is held, whenever they came.
    """
    if not collides(case.patient, unit.identities.namesakes(case)):
        return False
    if not unit.identities.doubt(case, Doubt.IDENTITY_COLLISION, person(case.patient), now):
        return False
    unit.cases.move(case.after(CaseVerb.QUARANTINE, cause=Doubt.IDENTITY_COLLISION), now)
    return True


def _is_not_what_was_ordered(case: Case, unit: Unit, now: datetime) -> bool:
    """Hold ``case`` when its order is about somebody else, or was cancelled; return whether it is held."""
    found = standing_disputes(case, unit, now)
    if found:
        unit.cases.move(case.after(CaseVerb.QUARANTINE, cause=found[0].doubt), now)
    return bool(found)


def _silent_before(tools: Completion, now: datetime) -> datetime:
    return now - timedelta(seconds=tools.quiet.silence_s)


# ------------------------------------------------------------------------------------------------- what the table sees


def _look(moving: Moving, unit: Unit, tools: Completion, now: datetime) -> _Look:
    case = unit.cases.get(moving.case)
    everything = unit.cases.inputs(case.kind, case.uid)
    inputs = [used for used in everything if used.is_used]
    rejected = frozenset(used.source.uid for used in everything if used.rejected)
    said = [
        *announced(unit.judging.expectations(case.kind, case.uid), rejected, tools.vault),
        *from_headers(inputs, heed_acquisitions=tools.quiet.heed_acquisitions),
    ]
    situation = Situation(
        arrived=_arrived(inputs, tools.quiet),
        announced=said,
        last_at=moving.last_input_at,
        is_open=moving.is_open,
        broken_off=moving.broken_off,
        broken_s=tools.quiet.broken_s,
        waits=bool(said) and _waits(case, inputs, unit, tools),
        deadline_s=tools.quiet.deadline_s,
    )
    return _Look(case=case, inputs=inputs, judgement=judge(situation, now))


def _arrived(inputs: Sequence[Input], quiet: QuietTimes) -> tuple[Arrived, ...]:
    series: dict[str, list[Input]] = defaultdict(list)
    for used in inputs:
        series[used.source.group].append(used)
    return tuple(
        Arrived(
            group=group,
            instances=frozenset(used.source.uid for used in members),
            last_at=max(used.at for used in members),
            quiet_s=max(_quiet_s(modality, quiet) for modality in {used.modality for used in members}),
        )
        for group, members in series.items()
    )


def _quiet_s(modality: str, quiet: QuietTimes) -> float:
    return quiet.by_modality_s.get(modality, quiet.default_s)


def _waits(case: Case, inputs: Sequence[Input], unit: Unit, tools: Completion) -> bool:
    """Return whether a model that a route chooses waits; outside its envelope too, for what is missing may be why.

    What runs in shadow mode has no say: a version that is tried must not delay the one that care waits for.
    """
    if not inputs:
        return False
    tried = try_rules(
        asked(case),
        inputs,
        routing=tools.routing,
        catalogue=tools.catalogue,
        rollout=unit.rollouts.now(),
        order_facts=facts_of(unit.orders.of(case)),
    )
    choices = [choice for one in tried for choice in one.choices]
    care = [choice for choice in choices if choice.mode is Mode.CARE]
    return any(choice.card.incomplete is not Incomplete.RUN for choice in care or choices)


# --------------------------------------------------------------------------------------------------- what it amounts to


def _fix_inputs(look: _Look, unit: Unit, tools: Completion, now: datetime) -> None:
    case, inputs = look.case, look.inputs
    manifest = Manifest(uid=case.uid, revision=case.revision, sources=tuple(used.source for used in inputs))
    digest = tools.vault.put(manifest.to_bytes())
    order_facts, rollout = facts_of(unit.orders.of(case)), unit.rollouts.now()
    found = (
        route(
            case,
            digest,
            inputs,
            routing=tools.routing,
            catalogue=tools.catalogue,
            rollout=rollout,
            order_facts=order_facts,
        )
        if inputs
        else ()
    )
    complete = case.after(CaseVerb.COMPLETE, manifest=digest, cause="" if found else NO_ROUTE)
    unit.cases.move(complete, now)
    unit.judging.judge(complete, look.judgement, now)
    give([incomplete(routed, look.judgement) for routed in found], case, unit, now)


def give(found: Sequence[Routed], case: Case, unit: Unit, now: datetime) -> None:
    """Queue what is to run of ``case``, and keep what does not with its reason.

    A patient's objection comes last: what it alone keeps from running is queued again when it is lifted.
    """
    objections = unit.objections.over(case.patient)
    for routed in found:
        if not unit.results.add(routed.result, now):
            continue
        objected = stops(objections, unit.gate.policy(routed.result.policy).objection) if objections else None
        refusal = routed.refusal or objected
        if refusal is None:
            unit.messages.ring(ResultQueued(result=routed.result.id), now)
        else:
            verb = ResultVerb.FAIL if refusal.code == MISSING else ResultVerb.EXCLUDE
            unit.results.move(routed.result.after(verb, cause=refusal), now)


def incomplete(routed: Routed, judgement: Judgement) -> Routed:
    """Return ``routed``, refused where its model does not run on what is known to be incomplete."""
    lacking = judgement.concerning(routed.result.focus)
    if routed.refusal is not None or routed.card.incomplete is not Incomplete.REFUSE or not lacking:
        return routed
    refusal = Cause(code="incomplete", detail=" ".join(short.said.en for short in lacking))
    return replace(routed, refusal=refusal)
