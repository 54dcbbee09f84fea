"""What a scrape is told: counted from the journal and the rows since this process began, and what stands now.

Counters begin at zero with the process, as Prometheus expects of a process that starts again. They are read with the
role that audits: it reads everything but secrets, and writes nothing. No label is of a patient, a study or a person.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from bridge.db.measures import Step
from bridge.db.store import SqlStore, SqlUnit
from bridge.exposition import Family
from bridge.figures import Observation
from bridge.web.outward import Standing
from bridge.wiring.drift_gauge import DriftGauge
from guarantee.breaker import Phase
from guarantee.declarations import is_late
from guarantee.errors import PortError
from guarantee.incident import near_misses
from guarantee.ports import Clock
from guarantee.runs import TO_DRAFT

STEPS_MAX: Final = 5_000
"""Most links of the journal read at a time."""

ROUNDS_MAX: Final = 20
"""Most times that so many are read in one scrape; what is left is counted by the next."""

SETTLE_S: Final = 15.0
"""Rows without a number of their own are counted this long after their time: by then they are committed."""

KEEP_S: Final = 5.0
"""A text younger than this is given out again: who asks more often costs nothing."""

INCIDENTS_MAX: Final = 1_000
"""Incidents that a scrape counts, the newest: older ones that are still open are found by `aval incidents list`."""

AFTER_DRAFT: Final = frozenset({"review", "deliver"})
"""Stages that are not over when a draft is made; each is counted when it ends."""


class Exporter:
    """Holds the metrics of one process."""

    def __init__(
        self, store: SqlStore, clock: Clock, standings: Callable[[SqlUnit], Sequence[Standing]], version: str
    ) -> None:
        """Begin to count from now on.

        Args:
            standings: how destinations stand, given an open transaction.
        """
        self._store = store
        self._clock = clock
        self._standings = standings
        self._drift = DriftGauge(store)
        self._lock = threading.Lock()
        self._seq: int | None = None
        self._counted_until = clock.now() - timedelta(seconds=SETTLE_S)
        self._made_at: datetime | None = None
        self._text = ""
        self._families = {
            name: Family(name=name, kind=kind, says=says, labels=labels) for name, kind, says, labels in _FAMILIES
        }
        self._families["aval_build_info"].add((version,))
        self._families["process_start_time_seconds"].add((), clock.now().timestamp())

    @property
    def families(self) -> Sequence[Family]:
        """Every metric, in the order of the text."""
        return tuple(self._families.values())

    def text(self) -> str:
        """Return what a scrape reads; when the database does not answer, what was counted so far, and aval_up 0."""
        with self._lock:
            now = self._clock.now()
            if self._made_at is None or now - self._made_at >= timedelta(seconds=KEEP_S):
                self._text, self._made_at = self._fresh(now), now
            return self._text

    def _fresh(self, now: datetime) -> str:
        try:
            with self._store.reading() as unit:
                self._count(unit, now)
                self._look(unit, now)
            self._compare(now)
            is_up = 1.0
        except PortError:
            is_up = 0.0
        self._families["aval_up"].replace({(): is_up})
        return "\n".join(line for family in self._families.values() for line in family.lines()) + "\n"

    # ------------------------------------------------------------------------------------------------- what happened

    def _count(self, unit: SqlUnit, now: datetime) -> None:
        if self._seq is None:
            head = unit.journal.head()
            self._seq = head[0] if head else 0
        for _ in range(ROUNDS_MAX):
            steps = unit.measures.steps(self._seq, STEPS_MAX)
            if not steps:
                break
            self._durations(unit, steps)
            for step in steps:
                self._step(step)
            self._seq = steps[-1].seq
        until = now - timedelta(seconds=SETTLE_S)
        if until > self._counted_until:
            for attempt in unit.measures.attempts(self._counted_until, until):
                labels = (*_name_and_version(attempt.model), attempt.outcome, attempt.cause)
                self._families["aval_runs_total"].add(labels, attempt.count)
            for (door, code), count in unit.measures.turned_away(self._counted_until, until).items():
                self._families["aval_refusals_total"].add((door, code), count)
            for told, count in unit.measures.fed(self._counted_until, until).items():
                self._families["aval_feed_messages_total"].add(told, count)
            self._counted_until = until

    def _step(self, step: Step) -> None:
        subject, _, verb = step.action.partition(".")
        match subject:
            case "result":
                self._families["aval_results_total"].add((*_name_and_version(step.model), verb))
            case "decision":
                self._families["aval_decisions_total"].add((*_name_and_version(step.model), verb))
            case "refusal":
                self._families["aval_decisions_refused_total"].add((verb,))
            case "case":
                self._families["aval_cases_total"].add((verb,))
            case "delivery" if verb in {"confirmed", "declined", "withheld"}:
                self._families["aval_deliveries_total"].add((step.destination, verb))

    def _durations(self, unit: SqlUnit, steps: Sequence[Step]) -> None:
        """Observe the stages that ended with these steps."""
        ended = {"result.awaiting_review": "", "result.delivered": "deliver"}
        wanted = [
            (step.subject, ended.get(step.action, "review"))
            for step in steps
            if step.action in ended or step.action.startswith("decision.")
        ]
        seen = {one.result: one for one in unit.measures.of_results(sorted({result for result, _ in wanted}))}
        for result, stage in wanted:
            if result in seen:
                self._observe(seen[result], stage)

    def _observe(self, seen: Observation, stage: str) -> None:
        durations = dict(seen.seconds)
        if seen.to_draft_s is not None:
            durations[TO_DRAFT] = seen.to_draft_s
        for name, seconds in durations.items():
            if name == stage or (not stage and name not in AFTER_DRAFT):
                labels = (*_name_and_version(seen.model), name)
                self._families["aval_stage_duration_seconds"].observe(labels, seconds)

    # ------------------------------------------------------------------------------------------------ what stands now

    def _look(self, unit: SqlUnit, now: datetime) -> None:
        waiting = unit.measures.waiting()
        ages: dict[tuple[str, ...], float] = {
            (one.place, one.of): max(0.0, (now - one.oldest).total_seconds()) for one in waiting
        }
        self._families["aval_queue_items"].replace({(one.place, one.of): float(one.count) for one in waiting})
        self._families["aval_queue_oldest_age_seconds"].replace(ages)
        self._families["aval_stops_in_force"].replace({(): float(unit.measures.stops_in_force())})
        self._families["aval_model_info"].replace(
            {(*_name_and_version(model), digest): 1.0 for model, digest in unit.measures.models()}
        )
        self._families["aval_incidents"].replace(_incidents(unit, now))
        head = unit.journal.head()
        self._families["aval_journal_head"].replace({(): float(head[0] if head else 0)})
        standings = self._standings(unit)
        self._families["aval_destination_breaker_state"].replace(
            {(one.place.name, str(phase)): float(one.breaker is phase) for one in standings for phase in Phase}
        )
        self._families["aval_destination_paused"].replace(
            {(one.place.name,): float(one.pause is not None) for one in standings}
        )
        self._families["aval_destination_failures"].replace(
            {(one.place.name,): float(one.failures) for one in standings}
        )

    def _compare(self, now: datetime) -> None:
        found = self._drift.values(now).items()
        self._families["aval_drift_features"].replace(
            {(*_name_and_version(model), side, verdict): float(count) for (model, side, verdict), count in found}
        )


def _incidents(unit: SqlUnit, now: datetime) -> dict[tuple[str, ...], float]:
    """Return how many incidents are open, how many have a clock that ran out, and how many the gate caught."""
    files = [one.file for one in unit.incidents.all(INCIDENTS_MAX)]
    late = [one for one in files if not one.is_closed and is_late(one, now)]
    counts = {"open": sum(one.is_open for one in files), "overdue": len(late), "near-miss": near_misses(files)}
    return {(state,): float(count) for state, count in counts.items()}


def _name_and_version(model: str) -> tuple[str, str]:
    name, _, version = model.partition("@")
    return name, version


_FAMILIES: Final[Sequence[tuple[str, str, str, tuple[str, ...]]]] = (
    ("aval_up", "gauge", "1 while the database answers.", ()),
    ("aval_build_info", "gauge", "The version that runs.", ("version",)),
    ("process_start_time_seconds", "gauge", "When this process began to count.", ()),
    (
        "aval_incidents",
        "gauge",
        "Incidents: open, with a clock that ran out (overdue), serious and caught before they left (near-miss).",
        ("state",),
    ),
    ("aval_model_info", "gauge", "Model versions known here.", ("model", "version", "digest")),
    ("aval_cases_total", "counter", "Cases that came into a state.", ("state",)),
    ("aval_results_total", "counter", "Results that came into a state.", ("model", "version", "state")),
    ("aval_runs_total", "counter", "Attempts of models, by how they ended.", ("model", "version", "outcome", "cause")),
    (
        "aval_decisions_total",
        "counter",
        "Decisions of readers, by verdict: agreement, not accuracy.",
        ("model", "version", "verdict"),
    ),
    (
        "aval_decisions_refused_total",
        "counter",
        "Decisions that somebody was refused for their role, or for want of a right.",
        ("cause",),
    ),
    ("aval_deliveries_total", "counter", "Deliveries that ended, by how.", ("destination", "state")),
    ("aval_refusals_total", "counter", "What a door turned away, by code.", ("door", "code")),
    (
        "aval_feed_messages_total",
        "counter",
        "HL7v2 messages that were acknowledged, used here or not.",
        ("sender", "type", "outcome"),
    ),
    (
        "aval_stage_duration_seconds",
        "histogram",
        "How long each stage of a result took.",
        ("model", "version", "stage"),
    ),
    ("aval_queue_items", "gauge", "What waits now, and for which.", ("queue", "of")),
    ("aval_queue_oldest_age_seconds", "gauge", "How long the oldest of it has waited.", ("queue", "of")),
    (
        "aval_destination_breaker_state",
        "gauge",
        "1 for the state of each destination's circuit breaker.",
        ("destination", "state"),
    ),
    ("aval_destination_paused", "gauge", "1 while a person leaves a destination alone.", ("destination",)),
    ("aval_destination_failures", "gauge", "Failures of a destination in a row.", ("destination",)),
    (
        "aval_drift_features",
        "gauge",
        "Inputs and outputs of a version, its first results held against its last ones, by what is said of them.",
        ("model", "version", "side", "verdict"),
    ),
    ("aval_stops_in_force", "gauge", "Stops in force.", ()),
    ("aval_journal_head", "gauge", "Number of the last link of the journal.", ()),
)
"""Name, kind, what it says, and labels of every metric."""
