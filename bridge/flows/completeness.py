"""A case has gone quiet: judge it complete, fix its inputs, and hand it to the models, all in one transaction.

A case is complete when nothing arrived for its modality's quiet time *and* no open association is still carrying it.
Judging early is safe: a late input opens a new revision, and what was drafted from the old one becomes stale.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.flows.route import NO_ROUTE, Routing, route
from guarantee.case import Case, Manifest
from guarantee.events import ResultQueued
from guarantee.identity import Doubt, collides, person
from guarantee.ids import CaseId
from guarantee.ports import Catalogue, Clock, Store, Vault
from guarantee.states import CaseState, CaseVerb, ResultVerb
from guarantee.unit import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietTimes:
    """How long a case must be quiet, in seconds.

    Args:
        default_s: for a modality without its own.
        by_modality_s: e.g. {"MR": 300}: MR series come minutes apart.
        silence_s: an association not heard of for so long no longer counts as open (its process may have died).
    """

    default_s: float
    by_modality_s: Mapping[str, float]
    silence_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What judging cases needs."""

    store: Store
    vault: Vault
    clock: Clock
    catalogue: Catalogue
    routing: Routing
    quiet: QuietTimes


def complete_due(tools: Completion) -> tuple[CaseId, ...]:
    """Judge every case that has gone quiet; return those that are now complete."""
    now = tools.clock.now()
    due = _due(tools, now)
    return tuple(case for case in due if _complete(case, tools, now))


def _due(tools: Completion, now: datetime) -> list[CaseId]:
    quiet = tools.quiet
    others = tuple(quiet.by_modality_s)
    silent_before = now - timedelta(seconds=quiet.silence_s)
    with tools.store.reading() as unit:
        due = list(
            unit.cases.quiet_since(
                now - timedelta(seconds=quiet.default_s), None, others=others, silent_before=silent_before
            )
        )
        for modality, quiet_s in quiet.by_modality_s.items():
            moment = now - timedelta(seconds=quiet_s)
            due.extend(unit.cases.quiet_since(moment, modality, others=others, silent_before=silent_before))
    return due


def _complete(case_id: CaseId, tools: Completion, seen_at: datetime) -> bool:
    with tools.store.transaction("sweep:complete") as unit:
        case = unit.cases.get(case_id)
        if case.state is not CaseState.RECEIVING or not _still_quiet(case, unit, tools, seen_at):
            return False
        now = tools.clock.now()
        if _is_somebody_elses(case, unit, now):
            return False
        _fix_inputs(case, unit, tools, now)
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


def _still_quiet(case: Case, unit: Unit, tools: Completion, seen_at: datetime) -> bool:
    """Look again under the case's lock: an input may have arrived since the list was made."""
    quiet_s = tools.quiet.by_modality_s.get(case.modality, tools.quiet.default_s)
    still = unit.cases.quiet_since(
        seen_at - timedelta(seconds=quiet_s),
        case.modality,
        others=(),
        silent_before=seen_at - timedelta(seconds=tools.quiet.silence_s),
    )
    return case.id in still


def _fix_inputs(case: Case, unit: Unit, tools: Completion, now: datetime) -> None:
    inputs = [used for used in unit.cases.inputs(case.kind, case.uid) if not used.conflict]
    manifest = Manifest(uid=case.uid, revision=case.revision, sources=tuple(used.source for used in inputs))
    digest = tools.vault.put(manifest.to_bytes())
    found = route(case, digest, inputs, routing=tools.routing, catalogue=tools.catalogue)
    unit.cases.move(case.after(CaseVerb.COMPLETE, manifest=digest, cause="" if found else NO_ROUTE), now)
    for routed in found:
        if not unit.results.add(routed.result, now):
            continue
        if routed.refusal is None:
            unit.messages.ring(ResultQueued(result=routed.result.id), now)
        else:
            unit.results.move(routed.result.after(ResultVerb.EXCLUDE, cause=routed.refusal), now)
