"""The engineer's page as values: which window, where time went, what is slow, what failed. Nothing here is of a person.

Below the minimum of a figure (figures.py) there is no figure, only its n.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from bridge.figures import (
    N_MIN_FAILURES,
    OWN,
    Attempts,
    Event,
    Observation,
    Share,
    Spread,
    Verdicts,
    Waiting,
    Watched,
    failure_share,
    share,
    spread,
)
from bridge.web.blame import KEYS, SLOW_MIN, Blame, blame
from bridge.web.charts import Part, Scatter, bar, scatter
from bridge.web.periods import Window
from guarantee.card import Card
from guarantee.codec import time_text
from guarantee.runs import STAGES, TO_DRAFT

SLOWEST: Final = 10
"""Results shown as the slowest."""

SLOW_SHARE: Final = 0.05
"""The slowest twentieth of the drafts: what is said of them is what an engineer is asked about."""

EVENTS_DRAWN: Final = 40
"""Most events drawn in the chart; the table has all of them."""

BLAMED_MIN: Final = 0.1
"""How much more than usual the slowest drafts must have taken, as a part of the median, for anything to be blamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    """One stage, as the table under the chart says it.

    Args:
        of_all, of_slow: share of the time to the draft, of every draft and of the slowest; None for other stages.
        objective_s: the strictest of the cards shown; None for none.
    """

    stage: str
    spread: Spread
    of_all: float | None
    of_slow: float | None
    objective_s: int | None

    @property
    def missed(self) -> bool:
        """Whether more than 5 % took longer than the objective."""
        p95_s = self.spread.p95_s
        return self.objective_s is not None and p95_s is not None and p95_s > self.objective_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Results that have a model, a sender, a device or a site in common."""

    name: str
    results: int
    stages: Sequence[StageRow]

    @property
    def whole(self) -> StageRow:
        """From the last input to the draft."""
        return self.stages[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """One of the slowest results.

    Args:
        took_s: from the last input to the draft, or until now.
        stage: what took longest beyond its median, and how long.
    """

    seen: Observation
    took_s: float
    is_over: bool
    stage: str
    stage_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """How often one model failed."""

    model: str
    failed: int
    attempts: int
    rate: Share | None
    causes: Sequence[Attempts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What readers decided on one model's results, each with its interval; None below the minimum."""

    verdicts: Verdicts
    rates: Sequence[Share | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What happened in one part of the window: the chart of results, in numbers."""

    since: datetime
    results: int
    spread: Spread
    longest_s: float | None
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """The whole page.

    Args:
        slow: how many the slowest twentieth of the drafts are.
        blamed: the stage in which they differ most from the median; "" without drafts.
        blamed_s: how much longer than the median it took of them, on average.
        blame: what they have in common; None on a night like others, or where they are too few.
    """

    window: Window
    models: Sequence[str]
    results: int
    drafts: int
    is_cut: bool
    whole: Spread
    slow: int
    blamed: str
    blamed_s: float
    blame: Blame | None
    slowest: Sequence[Slow]
    chart: Scatter
    buckets: Sequence[Bucket]
    all_bar: Sequence[Part]
    slow_bar: Sequence[Part]
    stages: Sequence[StageRow]
    groups: Sequence[Group]
    waiting: Sequence[Waiting]
    failing: Sequence[Failing]
    decided: Sequence[Decided]
    events: Sequence[Event]


def page(watched: Watched, asked: Window, cards: Sequence[Card], now: datetime) -> Monitoring:
    """Return everything the page says of a window."""
    models = sorted({seen.model for seen in watched.observations})
    if asked.model not in models:
        asked = replace(asked, model="")  # what was typed into an address is not repeated in ours
    seen = [one for one in watched.observations if asked.model in {"", one.model}]
    limits = {card.model.id: card.objectives_s for card in cards}
    drafts = [one for one in seen if one.to_draft_s is not None]
    slow = sorted(drafts, key=_took, reverse=True)[: max(1, round(len(drafts) * SLOW_SHARE))] if drafts else []
    usual = _usual(drafts)
    time_of_slow = _totals(slow)
    blamed, blamed_s = _standing_out({stage: total / len(slow) for stage, total in time_of_slow.items()}, usual)
    return Monitoring(
        window=asked,
        models=models,
        results=len(seen),
        drafts=len(drafts),
        is_cut=watched.is_cut,
        whole=spread(map(_took, drafts)),
        slow=len(slow),
        blamed=blamed,
        blamed_s=blamed_s,
        blame=_blame(slow, drafts, watched, blamed_s),
        slowest=_slowest(seen, usual, now),
        chart=_chart(drafts, watched, asked, limits),
        buckets=list(_buckets(seen, usual, asked)),
        all_bar=bar(_totals(drafts), OWN),
        slow_bar=bar(time_of_slow, OWN),
        stages=_stages(seen, drafts, slow, limits),
        groups=list(_groups(seen, asked.by, limits)),
        waiting=[one for one in watched.waiting if asked.model in {"", one.of} or "@" not in one.of],
        failing=[found for found in _failing(watched.attempts) if asked.model in {"", found.model}],
        decided=[_decided(one) for one in watched.verdicts if asked.model in {"", one.model}],
        events=watched.events,
    )


def _blame(
    slow: Sequence[Observation], drafts: Sequence[Observation], watched: Watched, blamed_s: float
) -> Blame | None:
    """Return what the slowest have in common: of those that lie nearer to the longest than to the median, if any do."""
    usual_s = median(map(_took, drafts)) if drafts else 0.0
    if blamed_s < BLAMED_MIN * usual_s:
        return None
    far = [one for one in slow if _took(one) >= (usual_s + _took(slow[0])) / 2]
    asked = far if len(far) >= SLOW_MIN else slow
    return blame(asked, drafts, watched.events, watched.until - watched.since)


def _took(seen: Observation) -> float:
    return seen.to_draft_s or 0.0


def _totals(drafts: Iterable[Observation]) -> dict[str, float]:
    """Return how much time each stage to the draft took of all of them together."""
    totals = dict.fromkeys(OWN, 0.0)
    for seen in drafts:
        for stage in OWN:
            totals[stage] += seen.seconds.get(stage, 0.0)
    return {stage: total_s for stage, total_s in totals.items() if total_s}


def _usual(drafts: Sequence[Observation]) -> dict[str, float]:
    """Return the median of each stage: what a slow result is held against. The quiet time, say, is long and usual."""
    return {stage: median(one.seconds.get(stage, 0.0) for one in drafts) for stage in OWN} if drafts else {}


def _standing_out(spent: Mapping[str, float], usual: Mapping[str, float]) -> tuple[str, float]:
    """Return the stage that is longest beyond its median, and by how much; of equals, the longest one."""
    stage = max(spent, key=lambda name: (spent[name] - usual.get(name, 0.0), spent[name]), default="")
    return stage, spent.get(stage, 0.0) - usual.get(stage, 0.0)


def _slowest(seen: Sequence[Observation], usual: Mapping[str, float], now: datetime) -> list[Slow]:
    """Return the slowest drafts, and what has waited longer than they took."""
    found = [_slow(one, usual, now) for one in seen if one.to_draft_s is not None or one.state == "queued"]
    return sorted(found, key=lambda slow: slow.took_s, reverse=True)[:SLOWEST]


def _slow(seen: Observation, usual: Mapping[str, float], now: datetime) -> Slow:
    spent = {stage: seen.seconds[stage] for stage in OWN if stage in seen.seconds}
    if seen.to_draft_s is None:
        spent["queue"] = max(0.0, (now - seen.queued_at).total_seconds())
    stage, _ = _standing_out(spent, usual)
    return Slow(
        seen=seen,
        took_s=sum(spent.values()),
        is_over=seen.to_draft_s is not None,
        stage=stage,
        stage_s=spent[stage],
    )


def _chart(
    drafts: Sequence[Observation], watched: Watched, asked: Window, limits: Mapping[str, Mapping[str, int]]
) -> Scatter:
    points = [
        (seen.queued_at, _took(seen), _took(seen) > limits.get(seen.model, {}).get(TO_DRAFT, float("inf")))
        for seen in drafts
    ]
    moments = [event.at for event in watched.events][:EVENTS_DRAWN]
    return scatter(points, moments, asked.since, asked.until)


def _buckets(seen: Sequence[Observation], usual: Mapping[str, float], asked: Window) -> Iterator[Bucket]:
    """Yield each part of the window in which something was queued, oldest first."""
    span = asked.until - asked.since
    each = timedelta(hours=1) if span <= timedelta(days=2) else timedelta(days=1)
    found: dict[int, list[Observation]] = {}
    for one in seen:
        found.setdefault((one.queued_at - asked.since) // each, []).append(one)
    for number, members in sorted(found.items()):
        drafts = [one for one in members if one.to_draft_s is not None]
        longest = max(drafts, key=_took, default=None)
        yield Bucket(
            since=asked.since + number * each,
            results=len(members),
            spread=spread(map(_took, drafts)),
            longest_s=_took(longest) if longest else None,
            stage=_slow(longest, usual, asked.until).stage if longest else "",
        )


def _stages(
    seen: Sequence[Observation],
    drafts: Sequence[Observation],
    slow: Sequence[Observation],
    limits: Mapping[str, Mapping[str, int]],
) -> list[StageRow]:
    """Return every stage that was measured, and the whole."""
    of_all, of_slow = _totals(drafts), _totals(slow)
    shown = {limits[model].get for model in {one.model for one in seen} if model in limits}
    rows = []
    for stage in (*OWN, *(other for other in STAGES if other not in OWN), TO_DRAFT):
        measured = (
            [_took(one) for one in drafts]
            if stage == TO_DRAFT
            else [one.seconds[stage] for one in seen if stage in one.seconds]
        )
        objectives = [objective for said in shown if (objective := said(stage)) is not None]
        rows.append(
            StageRow(
                stage=stage,
                spread=spread(measured),
                of_all=of_all.get(stage, 0.0) / sum(of_all.values()) if stage in OWN and of_all else None,
                of_slow=of_slow.get(stage, 0.0) / sum(of_slow.values()) if stage in OWN and of_slow else None,
                objective_s=min(objectives, default=None),
            )
        )
    return rows


def _groups(seen: Sequence[Observation], by: str, limits: Mapping[str, Mapping[str, int]]) -> Iterator[Group]:
    found: dict[str, list[Observation]] = {}
    for one in seen:
        found.setdefault(KEYS[by](one), []).append(one)
    for name, members in sorted(found.items(), key=_slowness, reverse=True):
        drafts = [one for one in members if one.to_draft_s is not None]
        yield Group(name=name, results=len(members), stages=_stages(members, drafts, (), limits))


def _slowness(group: tuple[str, Sequence[Observation]]) -> tuple[float, str]:
    """Return by what groups are sorted: the slowest first. Its p95, or its longest where there is no figure."""
    name, members = group
    took = [_took(one) for one in members if one.to_draft_s is not None]
    return spread(took).p95_s or max(took, default=0.0), name


def _failing(attempts: Sequence[Attempts]) -> Iterator[Failing]:
    for model in sorted({attempt.model for attempt in attempts}):
        own = [attempt for attempt in attempts if attempt.model == model]
        failed, total = failure_share(own)
        yield Failing(model=model, failed=failed, attempts=total, rate=share(failed, total, N_MIN_FAILURES), causes=own)


def _decided(verdicts: Verdicts) -> Decided:
    counts = (verdicts.accepted, verdicts.amended, verdicts.rejected)
    return Decided(verdicts=verdicts, rates=[share(count, verdicts.decided) for count in counts])


_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would compute instead of showing; a device's name is what a header says."""


def to_csv(watched: Watched, asked: Window) -> str:
    """Return one line for each result: seconds by stage, empty where nothing was measured (RFC 4180)."""
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    facts = ("result", "model", "mode", "priority", "site", "sender", "scanner", "state", "cause", "queued_at")
    writer.writerow([*facts, *(f"{stage}_s" for stage in (*STAGES, TO_DRAFT))])
    for seen in watched.observations:
        if asked.model not in {"", seen.model}:
            continue
        said = [plain(str(getattr(seen, name))) for name in facts[:-1]]
        spent = [seen.seconds.get(stage) for stage in STAGES]
        writer.writerow([*said, time_text(seen.queued_at), *map(_seconds, [*spent, seen.to_draft_s])])
    return table.getvalue()


def plain(text: str) -> str:
    """Return ``text`` as a spreadsheet shows it and does not compute it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
