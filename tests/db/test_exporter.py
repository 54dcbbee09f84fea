"""What a scrape is told of an honest life, read with the role that audits, in both databases."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bridge.db.engine import make_aval_engine
from bridge.db.store import SqlStore
from bridge.figures import STAGES
from bridge.flows.incidents import Tools, grade_again, report
from bridge.web.outward import Place
from bridge.wiring.exporter import KEEP_S, SETTLE_S, Exporter
from bridge.wiring.outward import standings
from guarantee.errors import Unavailable
from guarantee.incident import Grade
from guarantee.opinion import Verdict
from guarantee.runs import TO_DRAFT, Outcome
from guarantee.states import ResultVerb
from guarantee.stops import Scope
from tests.db.databases import Database
from tests.db.steps import Steps
from tests.db.test_kept_runs import a_run
from tests.flows.fakes import FakeClock
from tests.guarantee.samples import MODEL, a_reader, at
from tests.peers.promtool import complaints

PLACES = (Place(name="pacs", kind="pacs", address=""), Place(name="record", kind="record", address=""))
BRAIN = f'model="{MODEL.name}",version="{MODEL.version}"'


class Scraped:
    """An exporter, and time that passes before each scrape."""

    def __init__(self, store: SqlStore) -> None:
        self.clock = FakeClock()
        self.clock.time = at(0)
        self.exporter = Exporter(
            store, self.clock, lambda unit: standings(PLACES, unit.destinations.traffic(), self.clock.now()), "1.2"
        )
        self.exporter.text()

    def scrape(self, *, after_s: float = 1000.0) -> str:
        self.clock.advance(seconds=after_s)
        return self.exporter.text()

    def value(self, series: str) -> float | None:
        """Return the value of one series of the last scrape."""
        found = re.search(rf"^{re.escape(series)} (\S+)$", self.exporter.text(), re.MULTILINE)
        return float(found[1]) if found else None


@pytest.fixture
def scraped(database: Database) -> Iterator[Scraped]:
    store = SqlStore(make_aval_engine(database.url_of("aval_audit")))
    yield Scraped(store)
    store.dispose()


def test_a_life_is_counted_once_from_the_first_state_to_the_last(scraped: Scraped, steps: Steps) -> None:
    result = steps.queued("1.2")
    with steps.store_of("aval_infer").transaction("infer") as unit:
        unit.runs.add(a_run(result, started_at=at(20), read_at=at(21), answered_at=at(25), ended_at=at(26)))
    steps.deliver(steps.sign(steps.draft(result)))
    for _ in range(2):
        scraped.scrape()
        for state in ("queued", "awaiting_review", "validated", "delivered"):
            assert scraped.value(f'aval_results_total{{{BRAIN},state="{state}"}}') == 1, state
        assert scraped.value(f'aval_decisions_total{{{BRAIN},verdict="accept"}}') == 1
        assert scraped.value('aval_deliveries_total{destination="pacs",state="confirmed"}') == 1
        assert scraped.value('aval_cases_total{state="complete"}') == 1
        assert scraped.value(f'aval_runs_total{{{BRAIN},outcome="drafted",cause=""}}') == 1
        for stage in (*(stage for stage in STAGES if stage != "retry"), TO_DRAFT):
            assert scraped.value(f'aval_stage_duration_seconds_count{{{BRAIN},stage="{stage}"}}') == 1, stage
        assert scraped.value(f'aval_stage_duration_seconds_sum{{{BRAIN},stage="predict"}}') == 2.5
        assert scraped.value(f'aval_stage_duration_seconds_bucket{{{BRAIN},stage="predict",le="2"}}') == 0
        assert scraped.value(f'aval_stage_duration_seconds_bucket{{{BRAIN},stage="predict",le="5"}}') == 1


def test_a_decision_that_somebody_was_refused_is_counted_by_its_cause(scraped: Scraped, steps: Steps) -> None:
    result = steps.drafted("1.2")
    scraped.scrape()
    with steps.store_of("aval_desk").transaction("desk:dr.martin") as unit:
        unit.habilitations.refuse(result.id, "dr.martin", "expired", at(20))
    scraped.scrape()
    assert scraped.value('aval_decisions_refused_total{cause="expired"}') == 1


def test_what_was_before_is_not_counted(database: Database, steps: Steps) -> None:
    steps.sign(steps.drafted("1.2"), verdict=Verdict.REJECT)
    store = SqlStore(make_aval_engine(database.url_of("aval_audit")))
    late = Scraped(store)
    late.scrape()
    assert late.value(f'aval_decisions_total{{{BRAIN},verdict="reject"}}') is None
    assert late.value("aval_up") == 1
    store.dispose()


def test_what_stands_now_is_said_and_forgotten(scraped: Scraped, steps: Steps) -> None:
    result = steps.drafted("1.2")
    steps.stop(Scope.SITE, "north")
    scraped.scrape()
    waits = f'queue="review",of="{MODEL.id}"'
    assert scraped.value(f"aval_queue_items{{{waits}}}") == 1
    age_s = scraped.value(f"aval_queue_oldest_age_seconds{{{waits}}}")
    assert age_s is not None
    assert 900 < age_s < 1100
    assert scraped.value("aval_stops_in_force") == 1
    assert scraped.value('aval_destination_breaker_state{destination="pacs",state="closed"}') == 1
    assert scraped.value('aval_destination_breaker_state{destination="pacs",state="open"}') == 0
    assert scraped.value('aval_destination_paused{destination="record"}') == 0
    steps.sign(result, verdict=Verdict.REJECT)
    scraped.scrape()
    assert scraped.value(f"aval_queue_items{{{waits}}}") is None


def test_failures_and_refusals_are_counted_by_cause(scraped: Scraped, steps: Steps) -> None:
    failed = steps.conclude(steps.queued("1.2"), ResultVerb.FAIL)
    with steps.store_of("aval_intake").transaction("scp") as unit:
        unit.messages.turn_away("scp", "mr1", "uid-form", "", at(30))
    with steps.store_of("aval_infer").transaction("infer") as unit:
        dead = {"answered_at": None, "spent": None, "ended_at": at(40), "outcome": Outcome.FAILED, "cause": "memory"}
        unit.runs.add(a_run(failed, **dead))
    scraped.scrape(after_s=39 + SETTLE_S)
    refused = 'aval_refusals_total{door="scp",code="uid-form"}'
    assert scraped.value(refused) == 1
    ran = f'aval_runs_total{{{BRAIN},outcome="failed",cause="memory"}}'
    assert scraped.value(ran) is None, "it may not be committed yet"
    scraped.scrape(after_s=10)
    assert (scraped.value(ran), scraped.value(refused)) == (1, 1)


def test_who_asks_too_often_is_told_the_same(scraped: Scraped, steps: Steps) -> None:
    first = scraped.scrape()
    steps.queued("1.2")
    assert scraped.scrape(after_s=KEEP_S - 1) == first
    assert scraped.scrape(after_s=2) != first


def test_a_long_journal_is_caught_up_with_in_pieces(
    scraped: Scraped, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.wiring.exporter.STEPS_MAX", 3)
    monkeypatch.setattr("bridge.wiring.exporter.ROUNDS_MAX", 2)
    for number in range(5):
        steps.queued(f"1.2.{number}")
    for _ in range(10):
        scraped.scrape()
    assert scraped.value(f'aval_results_total{{{BRAIN},state="queued"}}') == 5


def test_a_database_that_is_away_is_said_and_nothing_that_was_counted_is_lost(
    scraped: Scraped, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.queued("1.2")
    scraped.scrape()

    def away(*_: object) -> None:
        raise Unavailable("database", "no answer")

    with monkeypatch.context() as patch:
        patch.setattr(scraped.exporter, "_count", away)
        scraped.scrape()
        assert scraped.value("aval_up") == 0
        assert scraped.value(f'aval_results_total{{{BRAIN},state="queued"}}') == 1
    scraped.scrape()
    assert scraped.value("aval_up") == 1


@pytest.mark.peer("promtool")
def test_prometheus_has_nothing_to_say_against_it(scraped: Scraped, steps: Steps) -> None:
    result = steps.drafted("1.2")
    with steps.store_of("aval_infer").transaction("infer") as unit:
        unit.runs.add(a_run(result))
    steps.deliver(steps.sign(result))
    assert complaints(scraped.scrape()) == ""


def test_time_of_scrapes_does_not_go_back(scraped: Scraped) -> None:
    """A clock that is set back counts nothing twice, and refuses nothing."""
    scraped.scrape()
    scraped.clock.time -= timedelta(hours=1)
    assert "aval_up" in scraped.exporter.text()


def test_incidents_are_counted_by_what_people_still_have_to_do(database: Database) -> None:
    engine = make_aval_engine(database.url)
    store = SqlStore(engine)
    result = Steps(lambda role: store).drafted("1.2")
    scraped = Scraped(store)
    tools = Tools(store=store, clock=scraped.clock)
    key = report(result.id, Grade.D3, "manqué", a_reader("dr.martin"), tools).incident.id
    scraped.scrape()
    assert [scraped.value(f'aval_incidents{{state="{word}"}}') for word in ("open", "overdue", "near-miss")] == [
        1,
        0,
        1,
    ]
    scraped.scrape(after_s=2 * 86_400)
    assert scraped.value('aval_incidents{state="overdue"}') == 1
    grade_again(key, Grade.D1, "relu à deux", a_reader("dr.leroy"), tools)
    scraped.scrape()
    assert [scraped.value(f'aval_incidents{{state="{word}"}}') for word in ("open", "overdue", "near-miss")] == [
        0,
        0,
        0,
    ]
    engine.dispose()
