"""Outbox, inbox, fetches, and what was turned away, in both databases."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import insert, text

from bridge.db import tables
from bridge.db.engine import make_aval_engine
from bridge.db.store import SqlStore, SqlUnit
from guarantee.codec import time_text
from guarantee.events import DeliveryDue, EventReceived, ResultQueued
from guarantee.ids import DeliveryId, ResultId, digest
from guarantee.judging import Commitment
from guarantee.unit import Fetch
from tests.db.databases import Database
from tests.guarantee.samples import at

FACTS = (
    ResultQueued(result=ResultId("r")),
    DeliveryDue(delivery=DeliveryId("d"), destination="pacs"),
    EventReceived(event="e"),
)


def crashing(store: SqlStore, act: Callable[[SqlUnit], object]) -> None:
    """Do something in a transaction of a process that dies before it commits."""

    def die() -> None:
        with store.transaction("infer") as unit:
            act(unit)
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        die()


def ring_all(store: SqlStore) -> None:
    with store.transaction("scp") as unit:
        for seconds, fact in enumerate(FACTS):
            unit.messages.ring(fact, at(seconds))


def test_facts_wait_oldest_first_until_they_are_handed_over(store: SqlStore) -> None:
    ring_all(store)
    with store.transaction("relay") as unit:
        pending = list(unit.messages.pending(2))
        assert [fact for _, fact in pending] == [*FACTS[:2]]
        unit.messages.rung([name for name, _ in pending], at(60))
        assert [fact for _, fact in unit.messages.pending(10)] == [FACTS[2]]
    with store.transaction("relay") as unit:
        unit.messages.rung([], at(61))
        assert [fact for _, fact in unit.messages.pending(10)] == [FACTS[2]]


def test_a_fact_that_this_version_cannot_read_holds_up_no_other(store: SqlStore) -> None:
    with store.transaction("scp") as unit:
        for number, fact in enumerate(
            ('{"fact":"decision.made/1","ids":{}}', "not JSON", '{"fact":"result.queued/1"}')
        ):
            row = {"id": f"forged {number}", "fact": fact, "at": time_text(at(-number))}
            unit.connection.execute(insert(tables.outbox).values(**row))
    ring_all(store)
    with store.reading() as unit:
        assert [fact for _, fact in unit.messages.pending(1)] == [FACTS[0]]
        assert [fact for _, fact in unit.messages.pending(10)] == [*FACTS]


def test_a_fact_of_a_change_that_was_rolled_back_is_never_rung(store: SqlStore) -> None:
    crashing(store, lambda unit: unit.messages.ring(FACTS[0], at(0)))
    with store.reading() as unit:
        assert list(unit.messages.pending(10)) == []


def test_two_relays_never_take_the_same_fact(postgresql_database: Database) -> None:
    """On SQLite there is one writer; on PostgreSQL the second relay skips what the first one holds."""
    one, other = (SqlStore(make_aval_engine(postgresql_database.url_of("aval_relay"))) for _ in range(2))
    owner = SqlStore(make_aval_engine(postgresql_database.url))
    ring_all(owner)
    with one.transaction("relay:1") as first, other.transaction("relay:2") as second:
        mine = list(first.messages.pending(2))
        theirs = list(second.messages.pending(2))
        assert [fact for _, fact in mine] == [*FACTS[:2]]
        assert [fact for _, fact in theirs] == [FACTS[2]]
        first.messages.rung([name for name, _ in mine], at(60))
    with other.transaction("relay:2") as again:
        assert [fact for _, fact in again.messages.pending(2)] == [FACTS[2]], "what was not marked is rung again"
    for store in (one, other, owner):
        store.dispose()


def test_a_message_is_heard_once_by_each_consumer(store: SqlStore) -> None:
    with store.transaction("infer") as unit:
        assert unit.messages.heard("infer", "m1", at(0))
        assert not unit.messages.heard("infer", "m1", at(1))
        assert unit.messages.heard("deliver", "m1", at(1))
    with store.transaction("infer") as unit:
        assert not unit.messages.heard("infer", "m1", at(2))


def test_a_message_whose_handling_failed_is_heard_again(store: SqlStore) -> None:
    crashing(store, lambda unit: unit.messages.heard("infer", "m1", at(0)))
    with store.transaction("infer") as unit:
        assert unit.messages.heard("infer", "m1", at(1))


def test_what_was_turned_away_is_recorded_within_limits(store: SqlStore) -> None:
    with store.transaction("scp") as unit:
        unit.messages.turn_away("scp", "mr1", "too-deep", "x" * 10_000, at(0))
        unit.messages.turn_away("scp", "mr1", "too-deep", "", at(0))
        details = unit.connection.execute(text("SELECT length(detail) FROM turned_away ORDER BY 1")).scalars().all()
    assert details == [0, 500]


def test_a_fetch_is_noted_once_and_settled(store: SqlStore) -> None:
    fetch = Fetch(id="f1", sender="record", site="chu", what="Observation/17")
    with store.transaction("fhir") as unit:
        assert unit.messages.add_fetch(fetch, at(0))
        assert not unit.messages.add_fetch(fetch, at(1))
        assert unit.messages.fetch("f1") == fetch
        assert unit.messages.fetch("f2") is None
        assert unit.messages.fetches_due(at(0)) == ("f1",)
        unit.messages.settle_fetch(fetch, "due", "timeout", at(60))
        assert unit.messages.fetches_due(at(59)) == ()
        again = unit.messages.fetch("f1")
        assert again is not None
        assert (again.state, again.attempts) == ("due", 1)
        unit.messages.settle_fetch(again, "done", "", at(61))
        assert unit.messages.fetches_due(at(9999)) == ()
    with store.reading() as unit:
        done = unit.messages.fetch("f1")
        assert done is not None
        assert (done.state, done.attempts) == ("done", 2)


def test_a_commitment_is_due_until_it_ended(store: SqlStore) -> None:
    asked = Commitment(
        id="c1", sender="mr-2", aet="MR2", transaction="1.2.3", listed=digest(b"1.2 1.3"), asked_at=at(0)
    )
    with store.transaction("scp") as unit:
        unit.judging.add_commitment(asked, at(5))
        unit.judging.add_commitment(replace(asked, id="c2"), at(6))
        assert unit.judging.commitments_due(at(4), 9) == ()
        assert unit.judging.commitments_due(at(6), 1) == (asked,)
        unit.judging.postpone_commitment(replace(asked, attempts=3), at(60))
        assert [one.id for one in unit.judging.commitments_due(at(59), 9)] == ["c2"]
        unit.judging.end_commitment("c2", "unheard")
    with store.transaction("scp") as unit:
        assert unit.judging.commitments_waiting() == 1
        assert unit.judging.commitments_due(at(60), 9) == (replace(asked, attempts=3),)
        unit.judging.end_commitment("c1", "heard")
        assert unit.judging.commitments_waiting() == 0


def test_two_processes_never_take_the_same_commitment(postgresql_database: Database) -> None:
    """On SQLite there is one writer at a time."""
    store = SqlStore(make_aval_engine(postgresql_database.url))
    asked = Commitment(
        id="c1", sender="mr-2", aet="MR2", transaction="1.2.3", listed=digest(b"1.2 1.3"), asked_at=at(0)
    )
    with store.transaction("scp") as unit:
        unit.judging.add_commitment(asked, at(5))
    with store.transaction("scp:1") as first, store.transaction("scp:2") as second:
        assert first.judging.commitments_due(at(5), 9) == (asked,)
        assert second.judging.commitments_due(at(5), 9) == ()
    store.dispose()
