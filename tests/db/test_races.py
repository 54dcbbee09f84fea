"""The list of stops, and what happens when several people and processes act at the same moment."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bridge.db.engine import make_aval_engine
from bridge.db.store import SqlStore
from guarantee.decision import decide
from guarantee.errors import Refused
from guarantee.opinion import Verdict
from guarantee.result import Cause
from guarantee.states import CaseVerb, ResultVerb
from guarantee.stops import Action, Scope, Stop, in_force
from tests.db.databases import READERS, TWO_READERS, Database
from tests.db.steps import LATE, Steps, draft_of
from tests.guarantee.samples import at


def a_stop(target: str = "brain-extractor", by: str = "dr.martin") -> Stop:
    return Stop(scope=Scope.MODEL, target=target, action=Action.STOP, by=by, second="", reason="essai", at=at(0))


def test_lines_come_back_in_the_order_they_were_given(store: SqlStore, steps: Steps) -> None:
    steps.stop(Scope.ALL, "")
    steps.stop(Scope.SITE, "chu")
    steps.stop(Scope.ALL, "", Action.RESUME)
    with store.reading() as unit:
        lines = unit.stops.lines()
    assert [(str(line.scope), str(line.action)) for line in lines] == [
        ("all", "stop"),
        ("site", "stop"),
        ("all", "resume"),
    ]
    assert [line.scope for line in in_force(lines)] == [Scope.SITE]
    assert lines[2].second == "dr.leroy"


@contextmanager
def at_the_same_moment(database: Database, first: Callable[[Any], None]) -> Iterator[tuple[SqlStore, threading.Event]]:
    """Hold the transaction in which ``first`` was done open; it commits when the event is set and the block ends."""
    done, go_on = threading.Event(), threading.Event()
    stores = SqlStore(make_aval_engine(database.url)), SqlStore(make_aval_engine(database.url))

    def hold() -> None:
        with stores[0].transaction("first") as unit:
            first(unit)
            done.set()
            go_on.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert done.wait(30)
    timer = threading.Timer(0.3, go_on.set)
    timer.start()
    try:
        yield stores[1], go_on
    finally:
        go_on.set()
        timer.join()
        thread.join(30)
        for store in stores:
            store.dispose()


def test_two_people_who_stop_at_once_are_both_heard(postgresql_database: Database) -> None:
    with (
        at_the_same_moment(postgresql_database, lambda unit: unit.stops.add(a_stop(by="dr.martin"))) as (second, _),
        second.transaction("desk:dr.leroy") as unit,
    ):
        unit.stops.add(a_stop("lung", by="dr.leroy"))
    store = SqlStore(make_aval_engine(postgresql_database.url))
    with store.reading() as unit:
        assert [line.by for line in unit.stops.lines()] == ["dr.martin", "dr.leroy"]
    store.dispose()


@pytest.fixture
def pg_steps(postgresql_database: Database) -> Iterator[Steps]:
    store = SqlStore(make_aval_engine(postgresql_database.url))
    yield Steps(lambda role: store)
    store.dispose()


def test_two_deliverers_try_a_rested_destination_once(postgresql_database: Database) -> None:
    def rest(unit: Any) -> None:
        health = unit.destinations.health("pacs")
        unit.destinations.keep(health.failed(at(0), Cause(code="down"), asked_s=10.0))

    def try_it(unit: Any) -> None:
        health = unit.destinations.health("pacs")
        assert health.may_begin(at(20))
        unit.destinations.keep(health.begun(at(20)))

    store = SqlStore(make_aval_engine(postgresql_database.url))
    with store.transaction("deliver") as unit:
        rest(unit)
    store.dispose()
    with (
        at_the_same_moment(postgresql_database, try_it) as (second, _),
        second.transaction("deliver") as unit,
    ):
        assert not unit.destinations.health("pacs").may_begin(at(20)), "it waited, and saw that somebody tries"


def test_a_send_that_meets_a_stop_waits_for_it_and_does_not_begin(
    postgresql_database: Database, pg_steps: Steps
) -> None:
    """Without the lock both would pass: the send would look before the stop is there, and begin after it returned."""
    delivery = pg_steps.deliveries(pg_steps.sign(pg_steps.drafted("1.2")))[0]
    with (
        at_the_same_moment(postgresql_database, lambda unit: unit.stops.add(a_stop())) as (second, _),
        pytest.raises(Refused, match="nothing is sent"),
        second.transaction("deliver") as unit,
    ):
        unit.deliveries.begin(delivery, at=at(900), until=at(960))


def test_a_signature_that_meets_a_stop_waits_for_it_and_is_refused(
    postgresql_database: Database, pg_steps: Steps
) -> None:
    result = pg_steps.drafted("1.2")
    opinion = pg_steps.opinion(pg_steps.ask(result), result, READERS[0], Verdict.ACCEPT)
    with (
        at_the_same_moment(postgresql_database, lambda unit: unit.stops.add(a_stop())) as (second, _),
        pytest.raises(Refused, match="held"),
        second.transaction("desk") as unit,
    ):
        unit.gate.add_opinion(opinion)


def test_a_send_that_meets_late_images_does_not_begin(postgresql_database: Database, pg_steps: Steps) -> None:
    """Even a process that forgot to lock the case."""
    result = pg_steps.sign(pg_steps.drafted("1.2"))
    delivery = pg_steps.deliveries(result)[0]

    def late(unit: Any) -> None:
        unit.cases.move(unit.cases.get(result.case).after(CaseVerb.SUPERSEDE), at(900))

    with (
        at_the_same_moment(postgresql_database, late) as (second, _),
        pytest.raises(Refused, match="nothing more is sent"),
        second.transaction("deliver") as unit,
    ):
        unit.deliveries.begin(delivery, at=at(900), until=at(960))


def test_a_result_is_not_overtaken_while_its_send_begins(postgresql_database: Database, pg_steps: Steps) -> None:
    result = pg_steps.sign(pg_steps.drafted("1.2"))
    delivery = pg_steps.deliveries(result)[0]

    def send(unit: Any) -> None:
        unit.deliveries.begin(delivery, at=at(900), until=at(960))

    with (
        at_the_same_moment(postgresql_database, send) as (second, _),
        pytest.raises(Refused, match="already be outside"),
        second.transaction("scp") as unit,
    ):
        unit.results.move(result.after(ResultVerb.OVERTAKE, cause=LATE), at(901))


def test_a_refusal_given_at_the_moment_of_the_decision_is_heeded(
    postgresql_database: Database, pg_steps: Steps
) -> None:
    result = pg_steps.sign(pg_steps.drafted("1.2", policy=TWO_READERS.ref), READERS[0])
    yes = pg_steps.opinion(pg_steps.ask(result, READERS[1]), result, READERS[1], Verdict.ACCEPT)
    no = pg_steps.opinion(pg_steps.ask(result, READERS[2]), result, READERS[2], Verdict.REJECT)
    with pg_steps.store_of("owner").reading() as unit:
        opinions = unit.gate.opinions(result.id)
    decision = decide(policy=TWO_READERS, draft=draft_of(result), opinions=(*opinions, yes))
    assert decision is not None

    def complete(store: SqlStore) -> None:
        with store.transaction("desk") as unit:
            unit.gate.add_opinion(yes)
            unit.gate.add_decision(decision)

    with (
        at_the_same_moment(postgresql_database, lambda unit: unit.gate.add_opinion(no)) as (second, _),
        pytest.raises(Refused, match="a reader said no"),
    ):
        complete(second)
