"""A model looks at a result: lease it, read the inputs, run, keep the draft."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bridge.flows import features, holds
from bridge.flows.golden import Examiner
from bridge.flows.objections import forbidden
from bridge.flows.together import Answered, Ready, answers
from guarantee.card import Card
from guarantee.case import Case, CaseKind, Manifest, Source
from guarantee.content import Content, Segment, Text
from guarantee.errors import BlobMissing, ModelFailed, NotEligible, PortError, Unavailable
from guarantee.events import Fact, ResultQueued
from guarantee.ids import Digest, ResultId
from guarantee.inputs import Inputs
from guarantee.objections import OBJECTION
from guarantee.ports import Catalogue, Clock, Model, Proposal, ProposedSegment, Store, Vault
from guarantee.result import Cause, Priority, Result
from guarantee.retirement import RETIRED
from guarantee.runs import Feature, Outcome, Run, Spent
from guarantee.states import CaseState, ResultState, ResultVerb
from guarantee.unit import Unit

ATTEMPTS_MAX: Final = 3
"""How often a model that fails is run again on a result."""

STARTS_MAX: Final = 20
"""How often a result is started when its worker dies without a word. A poison study must not kill workers for ever;
a service that is restarted, or killed, a few times in a row must not fail a study that has nothing to do with it."""

OVERTAKEN: Final = "overtaken"
"""Cause of an attempt whose draft came too late: the inputs had changed, or another worker had taken over."""

STAT_IN_A_ROW_MAX: Final = 8
"""Most STAT results that one ring lets pass before the result it rang for. A rule against starvation: whatever comes, a
routine result whose ring is answered waits for eight others and no more, and one in nine runs is a routine one."""

LEASE_MARGIN_S: Final = 60.0
"""A lease outlives the card's deadline by this much: reading the inputs and storing the draft take time too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """What a worker needs.

    Args:
        read_volume: the images of one series to a volume; raises NotEligible when they are not one.
        read_record: the bundles of one record case, and its uid, to readings.
        mention: the patient-information sentence, given the card.
        examiner: sees to it that a model takes no work before its golden cases came out.
        holder: name of this worker, unique among workers.
        triggers: when it suspends a version whose runs fail.
    """

    store: Store
    vault: Vault
    clock: Clock
    catalogue: Catalogue
    model: Model
    read_volume: Callable[[Sequence[bytes]], Inputs]
    read_record: Callable[[Sequence[bytes], str], Inputs]
    mention: Callable[[Card], str]
    examiner: Examiner
    language: str
    holder: str
    triggers: holds.Triggers = holds.NEVER


@dataclass(slots=True, kw_only=True)
class _Times:
    """How far an attempt has come, and when; and what it has seen."""

    started_at: datetime
    read_at: datetime | None = None
    answered_at: datetime | None = None
    spent: Spent | None = None
    seen: dict[str, Feature] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    result: Result
    case: Case
    card: Card
    cautions: tuple[Text, ...]
    times: _Times = field(compare=False)


def infer(result_id: ResultId, tools: Inference) -> bool:
    """Turn a queued result into a draft, or say why not. A result that is held, taken or done is left alone.

    Where its card says so, what waits for the same model version is run together with it. Nothing is waited for: who
    comes while a run lasts goes with the next. Each has a lease, an end and a draft of its own.

    Returns:
        Whether anything was done on it.

    Raises:
        Unavailable: the database or the vault does not answer; the result stays queued and is rung again.
    """
    job = _claim(result_id, tools)
    if job is not None and tools.examiner.must_examine(job.card):
        _hand_back(job, tools)  # no lease is held meanwhile: golden cases may take longer than one
        tools.examiner.examine(job.card)
        job = _claim(result_id, tools)
    if job is None:
        return False
    _work((job, *_companions(job, tools)), tools)
    return True


def handle(_message_id: str, fact: Fact, tools: Inference) -> None:
    """Answer the bell of ``result.queued``: first whatever is wanted at once, then what it rang for.

    Bells keep the order in which results were queued, and a backlog can be hours long; so a ring means that something
    waits, and the database says what is most urgent: asked again after each run, so that what comes meanwhile is not
    behind a routine result either. At most STAT_IN_A_ROW_MAX of them, then it is the turn of what was rung for. This
    holds for every bell.
    """
    if not isinstance(fact, ResultQueued):
        return
    tried: set[ResultId] = set()
    done = 0
    while done < STAT_IN_A_ROW_MAX and (urgent := _most_urgent(tried, tools)) is not None:
        tried.add(urgent)
        with suppress(Unavailable):  # its own ring comes again; it must not use up the attempts of this one
            done += infer(urgent, tools)
    infer(fact.result, tools)


def _most_urgent(tried: Set[ResultId], tools: Inference) -> ResultId | None:
    """Return the STAT result that waits longest, of those that this ring has not tried; None when there is none."""
    with tools.store.reading() as unit:
        waiting = unit.results.waiting(now=tools.clock.now(), priority=Priority.STAT)
    return next((result for result in waiting if result not in tried), None)


def _companions(job: _Job, tools: Inference) -> list[_Job]:
    """Return what is run together with ``job``, each claimed; one that is not tried for the first time runs alone."""
    room = job.card.batch_most - 1
    if room < 1 or job.result.attempts > 1:
        return []
    with tools.store.reading() as unit:
        likely = unit.results.companions(job.result, now=tools.clock.now(), most=room)
    claimed: list[_Job] = []
    with suppress(Unavailable):  # what was claimed is worked on, and the others have rings of their own
        claimed.extend(found for one in likely if (found := _claim(one, tools)) is not None)
    return claimed


def _work(jobs: Sequence[_Job], tools: Inference) -> None:
    """Bring each of ``jobs`` to its end.

    Raises:
        Unavailable: about the first of them, which was rung for; any other is rung for again when its lease has ended.
    """
    failed: dict[ResultId, Unavailable] = {}
    for answered in _answers(jobs, tools):
        now = tools.clock.now()
        for job, answer in answered:
            if isinstance(answer, Proposal):
                job.times.answered_at, job.times.spent = now, answer.spent
        for job, answer in answered:
            try:
                _settle(job, answer, tools)
            except Unavailable as error:
                failed[job.result.id] = error
    if jobs[0].result.id in failed:
        raise failed[jobs[0].result.id]


def _answers(jobs: Sequence[_Job], tools: Inference) -> Iterator[Answered[_Job]]:
    ready: list[tuple[_Job, Inputs]] = []
    for job in jobs:
        try:
            ready.append((job, _read(job, tools)))
        except (NotEligible, BlobMissing, Unavailable) as error:
            yield [(job, error)]
    yield from answers(jobs[0].card, ready, tools.model, lambda part: _still_held(part, tools))


def _still_held(part: Ready[_Job], tools: Inference) -> Ready[_Job]:
    """Return those of ``part`` whose leases are still ours, each renewed for one more run."""
    now = tools.clock.now()
    held: list[tuple[_Job, Inputs]] = []
    with tools.store.transaction(tools.holder) as unit:
        for job, inputs in part:
            until = now + timedelta(seconds=job.card.deadline_s + LEASE_MARGIN_S)
            if unit.results.renew(job.result.id, tools.holder, now=now, until=until):
                held.append((job, inputs))
            else:
                unit.runs.add(_run(job, tools, Outcome.OVERTAKEN, OVERTAKEN, now))
    return held


def _settle(job: _Job, answer: Proposal | PortError, tools: Inference) -> None:
    """Keep the draft, or say why there is none.

    Raises:
        Unavailable: the result stays queued, and is rung for again.
    """
    try:
        if isinstance(answer, PortError):
            raise answer
        content = _content(job, answer, tools)
        job.times.seen |= features.of_answer(content)
    except NotEligible as error:
        _conclude(job, tools, ResultVerb.EXCLUDE, error)
    except (ModelFailed, BlobMissing) as error:
        if isinstance(error, ModelFailed) and job.result.attempts < ATTEMPTS_MAX:
            _let_go(job, tools, Outcome.RETRIED, error)
            raise Unavailable("model-failed", f"attempt {job.result.attempts}: {error}") from error
        _conclude(job, tools, ResultVerb.FAIL, error)
    except Unavailable as error:
        _let_go(job, tools, Outcome.UNAVAILABLE, error)
        raise
    else:
        _keep(job, content, tools)


def _claim(result_id: ResultId, tools: Inference) -> _Job | None:
    now = tools.clock.now()
    with tools.store.transaction(tools.holder) as unit:
        deadline_s = _deadline_s(result_id, unit, tools)
        if deadline_s is None:
            return None
        until = now + timedelta(seconds=deadline_s + LEASE_MARGIN_S)
        result = unit.results.claim(result_id, tools.holder, now=now, until=until)
        if result is None:
            return None
        case = unit.cases.get(result.case)
        ended = forbidden(result, unit)
        if ended is not None:
            _give_up(result, ResultVerb.EXCLUDE, ended, unit, tools, now)
            return None
        card = tools.catalogue.card_of(result.model.id)
        if card is None or card.model != result.model:
            cause = Cause(code="model-missing", detail=f"this worker does not hold exactly {result.model.id}")
            _give_up(result, ResultVerb.FAIL, cause, unit, tools, now)
            return None
        if result.attempts > STARTS_MAX:
            cause = Cause(code="worker-died", detail=f"the worker died each of the {STARTS_MAX} times it started on it")
            _give_up(result, ResultVerb.FAIL, cause, unit, tools, now)
            return None
        times = _Times(started_at=now)
        return _Job(result=result, case=case, card=card, cautions=_lacks(result, unit), times=times)


def _lacks(result: Result, unit: Unit) -> tuple[Text, ...]:
    """Return what is known to be missing of what the model looks at; a reader must see it beside the draft."""
    judgement = unit.judging.judgement(result.case)
    return tuple(short.said for short in judgement.concerning(result.focus)) if judgement else ()


def _give_up(result: Result, verb: ResultVerb, cause: Cause, unit: Unit, tools: Inference, now: datetime) -> None:
    unit.results.let_go(result.id, tools.holder)
    unit.results.move(result.after(verb, cause=cause), now)


def _deadline_s(result_id: ResultId, unit: Unit, tools: Inference) -> float | None:
    """Return how long the model may take, or None when nothing may run now: the result is gone or held."""
    result = unit.results.get(result_id)
    case = unit.cases.get(result.case)
    if unit.stops.over(result.id) or result.state is not ResultState.QUEUED or case.state is not CaseState.COMPLETE:
        return None
    card = tools.catalogue.card_of(result.model.id)
    return float(card.deadline_s) if card else 0.0


def _read(job: _Job, tools: Inference) -> Inputs:
    manifest = Manifest.from_bytes(tools.vault.get(job.result.manifest))
    sources = used_sources(manifest, job.case.kind, job.result.focus)
    data = [tools.vault.get(source.digest) for source in sources]
    study = job.case.kind is CaseKind.STUDY
    inputs = tools.read_volume(data) if study else tools.read_record(data, job.case.uid)
    job.times.read_at = tools.clock.now()
    job.times.seen |= features.of_inputs(inputs)
    return inputs


def used_sources(manifest: Manifest, kind: CaseKind, focus: str) -> tuple[Source, ...]:
    """Return the inputs a result is computed from: one series of a study, or everything of a record."""
    if kind is CaseKind.RECORD:
        return manifest.sources
    return tuple(source for source in manifest.sources if source.group == focus)


def _content(job: _Job, proposal: Proposal, tools: Inference) -> Content:
    return Content(
        result=job.result.id,
        case=job.case.id,
        revision=job.case.revision,
        model=job.result.model,
        findings=proposal.findings,
        segments=tuple(_stored(segment, tools.vault) for segment in proposal.segments),
        key_images=proposal.key_images,
        inputs=proposal.inputs,
        language=tools.language,
        report=proposal.report,
        mention=tools.mention(job.card),
        cautions=(*job.cautions, *proposal.cautions),
    )


def _stored(segment: ProposedSegment, vault: Vault) -> Segment:
    return Segment(
        number=segment.number,
        label=segment.label,
        category=segment.category,
        type=segment.type,
        mask=vault.put(segment.mask.to_bytes()),
    )


def _keep(job: _Job, content: Content, tools: Inference) -> None:
    draft: Digest = tools.vault.put(content.to_bytes())

    def move(result: Result, unit: Unit, now: datetime) -> None:
        unit.results.move(result.after(ResultVerb.DRAFT, draft=draft), now)

    _finish(job, tools, move, Outcome.DRAFTED)


def _conclude(job: _Job, tools: Inference, verb: ResultVerb, error: PortError) -> None:
    def move(result: Result, unit: Unit, now: datetime) -> None:
        unit.results.move(result.after(verb, cause=Cause(code=error.code, detail=error.detail)), now)

    _finish(job, tools, move, Outcome.EXCLUDED if verb is ResultVerb.EXCLUDE else Outcome.FAILED, error.code)


def _finish(
    job: _Job,
    tools: Inference,
    move: Callable[[Result, Unit, datetime], None],
    outcome: Outcome,
    cause: str = "",
) -> None:
    """Move the result; otherwise when it was overtaken, lost its lease, or no draft may be made any more."""
    now = tools.clock.now()
    with tools.store.transaction(tools.holder) as unit:
        result = unit.results.get(job.result.id)
        ended = forbidden(result, unit)
        if result.state is not ResultState.QUEUED or not unit.results.holds(result.id, tools.holder, now=now):
            outcome, cause = Outcome.OVERTAKEN, cause or OVERTAKEN
        elif ended is not None:
            unit.results.move(result.after(ResultVerb.EXCLUDE, cause=ended), now)
            outcome, cause = Outcome.EXCLUDED, ended.code
        else:
            move(result, unit, now)
        unit.results.let_go(result.id, tools.holder)
        holds.note_run(_run(job, tools, outcome, cause, now), job.result, tools.triggers, unit)


def _let_go(job: _Job, tools: Inference, outcome: Outcome, error: PortError) -> None:
    """Give the result back to be run again; an attempt that says nothing of the model is not counted."""
    now = tools.clock.now()
    with tools.store.transaction(tools.holder) as unit:
        unit.results.let_go(job.result.id, tools.holder, counted=outcome is Outcome.RETRIED)
        holds.note_run(_run(job, tools, outcome, error.code, now), job.result, tools.triggers, unit)


def _hand_back(job: _Job, tools: Inference) -> None:
    """Give the result back untried: nothing was begun on it, so that no attempt is counted and no run recorded."""
    with tools.store.transaction(tools.holder) as unit:
        unit.results.let_go(job.result.id, tools.holder, counted=False)


def _run(job: _Job, tools: Inference, outcome: Outcome, cause: str, now: datetime) -> Run:
    times = job.times
    return Run(
        result=job.result.id,
        holder=tools.holder,
        outcome=outcome,
        cause=cause,
        started_at=times.started_at,
        ended_at=now,
        read_at=times.read_at,
        answered_at=times.answered_at,
        spent=times.spent,
        features=_features(job, outcome, cause),
    )


def _features(job: _Job, outcome: Outcome, cause: str) -> Mapping[str, Feature]:
    """Return what is to be learnt from an attempt: nothing of one that failed, or that says nothing of its inputs.

    A record that is refused today is asked about again with its next message, so that a refusal is no answer yet.
    """
    refused = outcome is Outcome.EXCLUDED and cause not in {RETIRED, OBJECTION} and job.case.kind is CaseKind.STUDY
    if outcome is not Outcome.DRAFTED and not refused:
        return {}
    return job.times.seen | features.of_outcome(outcome, cause)
