"""What suspends a version by itself: a rejection for the wrong patient, many rejections, failed runs or discordances.

Each is off until the site sets it (``[triggers]``). It is looked at in the transaction that could pull it, so that the
stop is in force from the very next decision, send and run. A trigger appends a stop like any other, which names it;
nothing restarts by itself: two people resume, once the golden cases come out. (A golden case that does not come out
suspends always: flows/golden.py. So does a report of harm: flows/incidents.py.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bridge.flows import golden
from guarantee.incident import REPEATED
from guarantee.opinion import Reason
from guarantee.result import Result
from guarantee.runs import Outcome, Run
from guarantee.stops import Action, Scope, Stop
from guarantee.unit import Unit

WRONG_PATIENT: Final = "wrong-patient"
REJECTIONS: Final = "rejections"
FAILURES: Final = "failures"
DISCORDANCES: Final = "discordances"

BY: Final = "trigger"
"""Who suspends where the desk does; a worker does it in its own name (golden.BY), which is all that it may."""

FAILED: Final = frozenset({Outcome.FAILED, Outcome.RETRIED})
"""Runs that the model broke off. One without inputs for it, or without a machine, says nothing of the model."""


def _plain(trigger: str, **values: object) -> str:
    return f"{trigger}: {values}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """When a version is suspended; nothing here is on until it is set.

    Args:
        wrong_patient: whether one rejection with this reason is enough.
        rejections: how many rejections in ``window`` are; 0 for never.
        failures_percent: share of the last ``runs`` runs that failed; 0 for never.
        discordances: how many reports of D3 or D4 on one version within 30 days are enough; 0 for never.
        say: the reason of the stop, given the trigger's name and what was counted.
    """

    wrong_patient: bool = False
    rejections: int = 0
    window: timedelta = timedelta(days=1)
    failures_percent: int = 0
    runs: int = 20
    discordances: int = 0
    say: Callable[..., str] = _plain


NEVER: Final = Triggers()
"""Nothing suspends by itself."""


def after_rejection(result: Result, reason: Reason | None, triggers: Triggers, unit: Unit, now: datetime) -> None:
    """Suspend the version of a result that was just rejected, when that is what the site said."""
    if triggers.wrong_patient and reason is Reason.WRONG_PATIENT:
        suspend(result, BY, triggers.say(WRONG_PATIENT), unit, now)
    elif triggers.rejections:
        many = unit.gate.rejections(result.model.id, now - triggers.window)
        if many >= triggers.rejections:
            hours = round(triggers.window.total_seconds() / 3600)
            suspend(result, BY, triggers.say(REJECTIONS, many=many, hours=hours), unit, now)


def note_run(run: Run, result: Result, triggers: Triggers, unit: Unit) -> None:
    """Insert an attempt that ended, and suspend its version when too many of its last runs failed."""
    unit.runs.add(run)
    if not triggers.failures_percent or run.outcome not in FAILED:
        return
    last = unit.runs.outcomes(result.model.id, triggers.runs)
    failed = sum(one in FAILED for one in last)
    if len(last) == triggers.runs and failed * 100 >= triggers.failures_percent * len(last):
        suspend(result, golden.BY, triggers.say(FAILURES, failed=failed, runs=len(last)), unit, run.ended_at)


def after_discordance(result: Result, triggers: Triggers, unit: Unit, now: datetime) -> None:
    """Suspend the version of a result on which a serious discordance was just reported, when they add up."""
    if triggers.discordances:
        many = unit.incidents.serious(result.model.id, now - REPEATED)
        if many >= triggers.discordances:
            suspend(result, BY, triggers.say(DISCORDANCES, many=many, days=REPEATED.days), unit, now)


def suspend(result: Result, by: str, reason: str, unit: Unit, now: datetime) -> None:
    """Append a stop of the version, unless one covers the result: its reason is the first one."""
    if not unit.stops.over(result.id):
        line = Stop(
            scope=Scope.VERSION,
            target=result.model.id,
            action=Action.STOP,
            by=by,
            second="",
            reason=reason,
            at=now,
        )
        unit.stops.add(line)
