"""Put a model version in routine, go back to the one before, try one beside it; guarantee/rollout.py says how.

Each verb is one transaction, and whoever routes reads what is in force in its own: from the commit on, new work goes
where the last line says.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.flows.advance import stands
from guarantee.errors import Malformed, NotAllowed
from guarantee.lifecycle import require_granted, require_kept, require_triable
from guarantee.opinion import Reader
from guarantee.ports import Clock, Store
from guarantee.result import Mode
from guarantee.rollout import Appointment, Trial, TrialEnd, promoted, rolled_back
from guarantee.states import ResultState
from guarantee.stops import Action, Scope, Stop, in_force


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """What a promotion or a rollback did.

    Args:
        line: the appointment that is in force now.
        left: the version that was in routine before; "" when there was none.
        ended: trials that are over with it.
        work: how many results of the version that was left there are, by mode and state.
        stopped: whether that version is stopped.
    """

    line: Appointment
    left: str
    ended: tuple[Trial, ...]
    work: Mapping[tuple[Mode, ResultState], int]
    stopped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Who says so, and why."""

    by: str
    reason: str


def promote(model: str, by: Reader, second: Reader, *, reason: str, store: Store, clock: Clock) -> Replaced:
    """Put ``model`` ("name@version") in routine: new work goes to it.

    Args:
        by, second: who were verified: who asks for it, and who grants it.

    Raises:
        NotAllowed: it is there already, or does not stand at pilot.
        NotEntitled: one of them may not sign for it.
        Refused: somebody appointed another version at the same moment, or an account was closed meanwhile.
    """
    name, now = model.partition("@")[0], clock.now()
    with store.transaction(f"rollout:{by.login}") as unit:
        before, known = unit.rollouts.now(), unit.rollouts.appointments(name)
        line = promoted(model, known, by=by.login, second=second.login, reason=reason, at=now)
        require_granted(model, unit.lives.of(model), stands(model, unit), by, second)
        unit.rollouts.appoint(line)
        left = before.appointments[name].model if name in before.appointments else ""
        return Replaced(
            line=line,
            left=left,
            ended=tuple(trial for trial in before.trials if trial.name == name),
            work=unit.rollouts.work(left),
            stopped=False,
        )


def roll_back(
    name: str, word: Word, *, stop: bool = False, further: bool = False, store: Store, clock: Clock
) -> Replaced:
    """Put the version before the present one in routine again, and end every trial of the model.

    What the version that is left has queued or drafted, and nobody decided, whoever routes then gives to the version
    before (giving_back.py); what it released stays what it is. All of it is counted in the answer.

    Args:
        stop: whether to stop the version that is left too, in the same transaction: nothing of it is computed, decided
            or sent until two people resume it.
        further: whether to go back once more from a version that was itself gone back to.

    Raises:
        NotAllowed: there is nothing to go back to, somebody went back already, or the pilot of the version before was
            taken away meanwhile.
        Refused: the version before is retired, or somebody appointed another one at the same moment.
    """
    now = clock.now()
    with store.transaction(f"rollout:{word.by}") as unit:
        lines, before = unit.rollouts.appointments(name), unit.rollouts.now()
        line = rolled_back(name, lines, by=word.by, reason=word.reason, at=now, further=further)
        require_kept(line.model, unit.lives.of(line.model))
        left = lines[-1].model
        if stop:
            unit.stops.add(_stop_of(left, word, clock))
        unit.rollouts.appoint(line)
        stopped = any(one.scope is Scope.VERSION and one.target == left for one in in_force(unit.stops.lines()))
        return Replaced(
            line=line,
            left=left,
            ended=tuple(trial for trial in before.trials if trial.name == name),
            work=unit.rollouts.work(left),
            stopped=stopped,
        )


def foresee(name: str, word: Word, *, further: bool = False, store: Store, clock: Clock) -> Replaced:
    """Return what :func:`roll_back` would do now; nothing is changed.

    Raises:
        NotAllowed: as roll_back.
    """
    with store.reading() as unit:
        lines, before = unit.rollouts.appointments(name), unit.rollouts.now()
        line = rolled_back(name, lines, by=word.by, reason=word.reason, at=clock.now(), further=further)
        require_kept(line.model, unit.lives.of(line.model))
        left = lines[-1].model
        return Replaced(
            line=line,
            left=left,
            ended=tuple(trial for trial in before.trials if trial.name == name),
            work=unit.rollouts.work(left),
            stopped=any(one.scope is Scope.VERSION and one.target == left for one in in_force(unit.stops.lines())),
        )


def _stop_of(model: str, word: Word, clock: Clock) -> Stop:
    return Stop(
        scope=Scope.VERSION,
        target=model,
        action=Action.STOP,
        by=word.by,
        second="",
        reason=word.reason,
        at=clock.now(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be tried.

    Args:
        model: the version that is tried, "name@version".
        against: the version in routine, as the person believes it to be; "" to take whichever is.
        shadow, share, site, seed: as of a Trial.
    """

    model: str
    against: str
    shadow: bool
    share: int
    site: str
    seed: str


def begin(plan: Plan, word: Word, *, store: Store, clock: Clock) -> Trial:
    """Begin a trial: from the commit on, new cases take part in it.

    Raises:
        NotAllowed: another version than ``plan.against`` is in routine, or ``plan.model`` is, or none is; or
            ``plan.model`` stands below what is planned, or is suspended or retired.
        Refused: another trial covers the place.
    """
    name = plan.model.partition("@")[0]
    with store.transaction(f"rollout:{word.by}") as unit:
        present = unit.rollouts.now().appointments.get(name)
        if present is None:
            raise NotAllowed(f"no version of {name} is in routine: there is nothing to try {plan.model} against")
        if plan.against not in {"", present.model}:
            raise NotAllowed(
                f"{present.model} is in routine, not {plan.against}: a trial is against the one in routine"
            )
        if plan.model == present.model:
            raise NotAllowed(f"{present.model} is in routine: another version is tried against it")
        require_triable(plan.model, stands(plan.model, unit), share=plan.share)
        trial = Trial(
            model=plan.model,
            under=present.seq,
            shadow=plan.shadow,
            share=plan.share,
            site=plan.site,
            seed=plan.seed,
            by=word.by,
            reason=word.reason,
            at=clock.now(),
        )
        unit.rollouts.begin(trial)
    return trial


def end(trial_id: str, word: Word, *, store: Store, clock: Clock) -> Trial:
    """End a trial: new cases get the version in routine alone. What is queued for the other one is still computed.

    Args:
        trial_id: its identifier, or the first characters of it.

    Raises:
        Malformed: no trial that is not over is called so, or several are.
    """
    with store.transaction(f"rollout:{word.by}") as unit:
        found = [trial for trial in unit.rollouts.now().trials if trial.id.startswith(trial_id)]
        if len(found) != 1 or not trial_id:
            raise Malformed(f"{len(found)} trials that are not over are called {trial_id!r}…: `aval models trial list`")
        unit.rollouts.end(TrialEnd(trial=found[0].id, by=word.by, reason=word.reason, at=clock.now()))
    return found[0]
