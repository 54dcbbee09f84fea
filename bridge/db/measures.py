"""How long results took and what waits, read from the rows that are there anyway. Nothing here locks or changes.

A window is over the time at which results were queued. Every statement has a limit and an index (0001_tables.sql).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, and_, case, func, literal, select, text

from bridge.db import tables
from bridge.figures import Attempts, Event, Observation, Verdicts, Waiting, Watched
from guarantee.codec import parse_time, time_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One link of the journal that a monitoring system counts.

    Args:
        action: e.g. "result.queued".
        model: "name@version" of the result it is about; "" when it is about none.
        destination: of the delivery it is about; "" when it is about none.
    """

    seq: int
    action: str
    subject: str
    model: str
    destination: str


ROWS_MAX: Final = 10_000
"""Most results of one window that are read, newest first: a month of a large hospital. 8,064 take
1 s to read and 0.4 s to turn into a page, on two busy cores with either database."""

GROUPS_MAX: Final = 1_000
"""Most lines of one table of counts. There are as many as models and causes."""

EVENTS_MAX: Final = 200
"""Most events of one window, newest first."""

_RESULTS, _RUNS, _CASES = tables.results, tables.runs, tables.cases
_JUDGED, _DECIDED = tables.judgements, tables.decisions
_DELIVERIES, _RECEIPTS = tables.deliveries, tables.receipts

_PARTS: Final = ("fetch", "start", "preprocess", "predict", "postprocess", "store")


class SqlMeasures:
    """What was measured, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def watched(self, since: datetime, until: datetime, *, limit: int = ROWS_MAX) -> Watched:
        """Return everything that was measured from ``since`` on, before ``until``."""
        found = self.observations(_RESULTS.c.queued_at, since, until, limit + 1)
        return Watched(
            since=since,
            until=until,
            observations=found[:limit],
            is_cut=len(found) > limit,
            attempts=self.attempts(since, until),
            verdicts=self._verdicts(since, until),
            waiting=self.waiting(),
            events=self.events(since, until),
        )

    # ------------------------------------------------------------------------------------------------- how long

    def observations(self, time: Any, since: datetime, until: datetime, limit: int) -> tuple[Observation, ...]:
        """Return the results whose ``time``, a column of theirs, lies in a window, newest first."""
        within = (time >= time_text(since), time < time_text(until))
        return self._observed(select(_RESULTS.c.id).where(*within).order_by(time.desc(), _RESULTS.c.id).limit(limit))

    def of_results(self, results: Sequence[str]) -> tuple[Observation, ...]:
        """Return these results; those that do not exist are left out."""
        return self._observed(select(_RESULTS.c.id).where(_RESULTS.c.id.in_(results)))

    def _observed(self, chosen: Select[Any]) -> tuple[Observation, ...]:
        wanted = chosen.subquery("wanted")
        query = (
            select(
                _RESULTS, _CASES.c.site, _CASES.c.opened_at, _JUDGED.c.last_input_at, _JUDGED.c.at.label("judged_at")
            )
            .add_columns(_DECIDED.c.at.label("decided_at"))
            .join(wanted, wanted.c.id == _RESULTS.c.id)
            .join(_CASES, _CASES.c.id == _RESULTS.c.case_id)
            .outerjoin(_JUDGED, _JUDGED.c.case_id == _RESULTS.c.case_id)
            .outerjoin(_DECIDED, _DECIDED.c.result_id == _RESULTS.c.id)
            .order_by(_RESULTS.c.queued_at.desc(), _RESULTS.c.id)
        )
        rows = self._connection.execute(query).mappings().all()
        runs = self._runs(wanted)
        confirmed = self._confirmed(wanted)
        return tuple(_observation(row, runs.get(row["id"], []), confirmed.get(row["id"], "")) for row in rows)

    def _runs(self, wanted: Any) -> dict[str, list[RowMapping]]:
        found: dict[str, list[RowMapping]] = {}
        query = select(_RUNS).join(wanted, wanted.c.id == _RUNS.c.result_id).order_by(_RUNS.c.started_at)
        for row in self._connection.execute(query).mappings():
            found.setdefault(row["result_id"], []).append(row)
        return found

    def _confirmed(self, wanted: Any) -> dict[str, str]:
        """Return when the last destination confirmed, of the results that each first delivery of was confirmed."""
        first = and_(_DELIVERIES.c.kind == "result", _DELIVERIES.c.round == 0)
        query = (
            select(_DELIVERIES.c.result_id, func.max(_RECEIPTS.c.at).label("at"))
            .join(wanted, wanted.c.id == _DELIVERIES.c.result_id)
            .outerjoin(_RECEIPTS, _RECEIPTS.c.delivery_id == _DELIVERIES.c.id)
            .where(first)
            .group_by(_DELIVERIES.c.result_id)
            .having(func.count() == func.count(_RECEIPTS.c.delivery_id))
        )
        return {row.result_id: row.at for row in self._connection.execute(query)}

    # ------------------------------------------------------------------------------------------------- how often

    def attempts(self, since: datetime, until: datetime) -> tuple[Attempts, ...]:
        """Return how attempts ended that ended from ``since`` on, before ``until``."""
        names = (_RESULTS.c.model_id, _RUNS.c.outcome, _RUNS.c.cause_code)
        query = (
            select(*names, func.count().label("many"))
            .join(_RESULTS, _RESULTS.c.id == _RUNS.c.result_id)
            .where(_RUNS.c.ended_at >= time_text(since), _RUNS.c.ended_at < time_text(until))
            .group_by(*names)
            .order_by(*names)
            .limit(GROUPS_MAX)
        )
        return tuple(
            Attempts(model=row.model_id, outcome=row.outcome, cause=row.cause_code, count=row.many)
            for row in self._connection.execute(query)
        )

    def turned_away(self, since: datetime, until: datetime) -> Mapping[tuple[str, str], int]:
        """Return how often each door refused with each code, from ``since`` on, before ``until``."""
        away = tables.turned_away
        query = (
            select(away.c.door, away.c.code, func.count().label("many"))
            .where(away.c.at >= time_text(since), away.c.at < time_text(until))
            .group_by(away.c.door, away.c.code)
            .limit(GROUPS_MAX)
        )
        return {(row.door, row.code): row.many for row in self._connection.execute(query)}

    def fed(self, since: datetime, until: datetime) -> Mapping[tuple[str, str, str], int]:
        """Return how many messages of each sender and kind were used or not, from ``since`` on, before ``until``."""
        feed = tables.feed
        query = (
            select(feed.c.sender, feed.c.kind, feed.c.outcome, func.count().label("many"))
            .where(feed.c.at >= time_text(since), feed.c.at < time_text(until))
            .group_by(feed.c.sender, feed.c.kind, feed.c.outcome)
            .limit(GROUPS_MAX)
        )
        return {(row.sender, row.kind, row.outcome): row.many for row in self._connection.execute(query)}

    def _verdicts(self, since: datetime, until: datetime) -> tuple[Verdicts, ...]:
        query = (
            select(_RESULTS.c.model_id, _DECIDED.c.verdict, func.count().label("many"))
            .join(_RESULTS, _RESULTS.c.id == _DECIDED.c.result_id)
            .where(_DECIDED.c.at >= time_text(since), _DECIDED.c.at < time_text(until))
            .group_by(_RESULTS.c.model_id, _DECIDED.c.verdict)
        )
        found: dict[str, dict[str, int]] = {}
        for row in self._connection.execute(query):
            found.setdefault(row.model_id, {})[row.verdict] = row.many
        return tuple(
            Verdicts(
                model=model,
                accepted=counts.get("accept", 0),
                amended=counts.get("amend", 0),
                rejected=counts.get("reject", 0),
            )
            for model, counts in sorted(found.items())
        )

    def steps(self, after: int, limit: int) -> tuple[Step, ...]:
        """Return the links of the journal after ``after``, in order."""
        journal = tables.journal
        query = (
            select(journal.c.seq, journal.c.action, journal.c.subject, _RESULTS.c.model_id, _DELIVERIES.c.destination)
            .outerjoin(_RESULTS, _RESULTS.c.id == journal.c.subject)
            .outerjoin(_DELIVERIES, _DELIVERIES.c.id == journal.c.subject)
            .where(journal.c.seq > after)
            .order_by(journal.c.seq)
            .limit(limit)
        )
        return tuple(
            Step(seq=seq, action=action, subject=subject, model=model or "", destination=destination or "")
            for seq, action, subject, model, destination in self._connection.execute(query)
        )

    def stops_in_force(self) -> int:
        """Return how many stops are in force."""
        return self._connection.scalar(select(func.count()).select_from(tables.stops_in_force)) or 0

    def models(self) -> tuple[tuple[str, str], ...]:
        """Return the model versions that were ever registered, newest first, and the digest of each."""
        models = tables.models
        query = select(models.c.id, models.c.digest).order_by(models.c.added_at.desc(), models.c.id).limit(GROUPS_MAX)
        return tuple((row.id, row.digest) for row in self._connection.execute(query))

    # ------------------------------------------------------------------------------------------------- what waits

    def waiting(self) -> tuple[Waiting, ...]:
        """Return what waits now, and since when the oldest of each does."""
        care = _RESULTS.c.mode == "care"
        places = (
            ("complete", _CASES.c.kind, _CASES.c.last_input_at, _CASES.c.state == "receiving"),
            ("held", _CASES.c.cause, _CASES.c.moved_at, and_(_CASES.c.state == "quarantined", ~_said())),
            ("queue", _RESULTS.c.model_id, _RESULTS.c.queued_at, _RESULTS.c.state == "queued"),
            ("review", _RESULTS.c.model_id, _RESULTS.c.drafted_at, and_(_RESULTS.c.state == "awaiting_review", care)),
            ("outbox", literal(""), tables.outbox.c.at, tables.outbox.c.rung_at.is_(None)),
            ("deliver", _DELIVERIES.c.destination, _DELIVERIES.c.added_at, _DELIVERIES.c.state == "due"),
        )
        return tuple(row for place in places for row in self._waiting(*place))

    def _waiting(self, place: str, of: Any, since: Any, where: Any) -> Iterator[Waiting]:
        query = select(of.label("of"), func.count().label("many"), func.min(since).label("oldest"))
        for row in self._connection.execute(query.where(where).group_by("of").order_by("of").limit(GROUPS_MAX)):
            yield Waiting(place=place, of=row.of, count=row.many, oldest=parse_time(row.oldest))

    # ------------------------------------------------------------------------------------------------- what happened

    def events(self, since: datetime, until: datetime) -> tuple[Event, ...]:
        """Return what may explain a change, newest first.

        Models that became known, entered service or ended; review policies; stops and pauses; and workers that were
        seen for the first time.
        """
        begin, end = time_text(since), time_text(until)
        models, stops, pauses, ended = tables.models, tables.stops, tables.pauses, tables.retirements
        policies = tables.policies
        earlier = _RUNS.alias("earlier")
        is_known = select(earlier.c.holder).where(earlier.c.holder == _RUNS.c.holder, earlier.c.started_at < begin)
        started = func.min(_RUNS.c.started_at)
        worker = select(started.label("at"), literal("worker").label("kind"), _RUNS.c.holder.label("about"))
        let_go = case((pauses.c.action == "resume", "unpause"), else_="pause")
        queries = (
            (models.c.added_at, select(models.c.added_at.label("at"), literal("model").label("kind"), models.c.id)),
            (ended.c.at, select(ended.c.at, literal("retirement"), ended.c.model_id)),
            (policies.c.added_at, select(policies.c.added_at, literal("policy"), policies.c.ref)),
            (_RESULTS.c.queued_at, _into_service(begin)),
            (stops.c.at, select(stops.c.at, stops.c.action, stops.c.scope + ":" + stops.c.target)),
            (pauses.c.at, select(pauses.c.at, let_go, pauses.c.destination)),
            (_RUNS.c.ended_at, worker.where(~is_known.exists()).group_by(_RUNS.c.holder)),
        )
        rows = [
            row
            for time, query in queries
            for row in self._connection.execute(
                query.where(time >= begin, time < end).order_by(text("1 DESC")).limit(EVENTS_MAX)
            )
        ]
        found = [Event(at=parse_time(row[0]), kind=row[1], about=row[2]) for row in rows]
        return tuple(sorted(found, key=lambda event: event.at, reverse=True)[:EVENTS_MAX])


def _into_service(begin: str) -> Select[Any]:
    """Return the first result of each version that has none in care before ``begin``: from then on it is used."""
    older = _RESULTS.alias("older")
    is_used = select(older.c.id).where(
        older.c.model_id == _RESULTS.c.model_id, older.c.mode == "care", older.c.queued_at < begin
    )
    first = select(func.min(_RESULTS.c.queued_at).label("at"), literal("service").label("kind"), _RESULTS.c.model_id)
    return first.where(_RESULTS.c.mode == "care", ~is_used.exists()).group_by(_RESULTS.c.model_id)


def _said() -> Any:
    admissions = tables.admissions
    return select(admissions.c.case_id).where(admissions.c.case_id == _CASES.c.id).exists()


def _observation(row: RowMapping, runs: list[RowMapping], confirmed_at: str) -> Observation:
    sender, scanner = (runs[-1]["sender"], runs[-1]["scanner"]) if runs else ("", "")
    return Observation(
        result=row["id"],
        model=row["model_id"],
        mode=row["mode"],
        priority=row["priority"],
        site=row["site"],
        sender=sender,
        scanner=scanner,
        state=row["state"],
        cause=row["cause_code"],
        queued_at=parse_time(row["queued_at"]),
        seconds=dict(_seconds(row, runs, confirmed_at)),
    )


def _seconds(row: RowMapping, runs: list[RowMapping], confirmed_at: str) -> Iterator[tuple[str, float]]:
    """Yield how long each stage took that has ended; a clock that was set back makes none shorter than nothing."""
    spans = [
        ("receive", row["opened_at"], row["last_input_at"]),
        ("complete", row["last_input_at"], row["judged_at"]),
    ]
    if runs:
        spans += [("queue", row["queued_at"], runs[0]["started_at"])]
    if len(runs) > 1:
        spans += [("retry", runs[0]["started_at"], runs[-1]["started_at"])]
    spans += [("review", row["drafted_at"], row["decided_at"]), ("deliver", row["decided_at"], confirmed_at)]
    for stage, begin, end in spans:
        if begin and end:
            yield stage, max(0.0, (parse_time(end) - parse_time(begin)).total_seconds())
    if runs and runs[-1]["outcome"] == "drafted":
        for part in _PARTS:
            spent_ms = runs[-1][f"{part}_ms"]
            if spent_ms is not None:
                yield part, spent_ms / 1000
