"""Transactions, their errors, and the journal that every change leaves, in both databases."""

import sqlite3
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError, StatementError

from bridge.db.engine import make_aval_engine
from bridge.db.store import SqlStore
from guarantee.case import Case
from guarantee.errors import GuaranteeError, JournalBroken, PortError, Refused, Unavailable
from guarantee.events import ResultQueued
from guarantee.ids import Digest, ResultId
from guarantee.journal import GENESIS, Link, link_hash, verify
from guarantee.release import Kind
from guarantee.states import CaseVerb, ResultVerb
from guarantee.stops import Action, Scope
from tests.db.databases import Database
from tests.db.steps import Steps
from tests.guarantee.samples import a_case, at

# ------------------------------------------------------------------------------------------------- transactions


def test_everything_in_a_transaction_happens_or_nothing(store: SqlStore) -> None:
    def crash() -> None:
        with store.transaction("scp") as unit:
            unit.cases.add(a_case("1.2"), at(0))
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        crash()
    with store.reading() as unit:
        assert unit.cases.latest(a_case().kind, "1.2") is None
        assert unit.connection.execute(text("SELECT count(*) FROM journal WHERE subject LIKE 'case%'")).scalar() == 0


def test_what_was_committed_is_there_for_another_process(database: Database, store: SqlStore, steps: Steps) -> None:
    case = steps.receive("1.2")
    other = SqlStore(make_aval_engine(database.url))
    with other.reading() as unit:
        assert unit.cases.get(case.id) == case
    other.dispose()


def test_nothing_is_written_while_reading(store: SqlStore) -> None:
    with pytest.raises((Unavailable, DBAPIError)), store.reading() as unit:
        unit.cases.add(a_case("1.2"), at(0))
    with store.transaction("scp") as unit:
        assert unit.cases.latest(a_case().kind, "1.2") is None
        unit.cases.add(a_case("1.2"), at(0))


# ------------------------------------------------------------------------------------------------------- errors


def test_a_refusal_of_the_database_quotes_no_value(store: SqlStore, steps: Steps) -> None:
    """PostgreSQL's DETAIL line quotes the row: a patient's name must not reach a log through an exception."""
    case = steps.receive("1.2")
    with pytest.raises(Refused) as caught, store.transaction("scp") as unit:
        unit.cases.add(replace(case, patient=replace(case.patient, name="CANARI^Zoé")), at(0))
    assert "CANARI" not in str(caught.value)
    assert "1.2" not in str(caught.value)


def jump(store: SqlStore, result: str) -> None:
    with store.transaction("infer") as unit:
        back = text("UPDATE results SET state = 'queued', version = version + 1 WHERE id = :id")
        unit.connection.execute(back, {"id": result})


def test_a_wall_says_its_name_and_its_reason(store: SqlStore, steps: Steps) -> None:
    result = steps.drafted("1.2")
    with pytest.raises(Refused, match="wall results_follow_life: the life of a result has no such step"):
        jump(store, result.id)


def test_what_a_role_was_not_granted_is_refused(postgresql_database: Database) -> None:
    store = SqlStore(make_aval_engine(postgresql_database.url_of("aval_relay")))
    with pytest.raises(Refused, match="permission denied"), store.transaction("relay") as unit:
        unit.cases.add(a_case("1.2"), at(0))
    store.dispose()


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Any) -> None:
    for url in ("postgresql://owner@127.0.0.1:1/nothing", f"sqlite:///{tmp_path}/missing/aval.sqlite"):
        store = SqlStore(make_aval_engine(url))
        with pytest.raises(Unavailable, match="database"), store.transaction("scp"):
            pass
        store.dispose()


def test_a_connection_that_is_lost_is_unavailable_and_the_next_one_is_not(postgresql_database: Database) -> None:
    store = SqlStore(make_aval_engine(postgresql_database.url))

    def lose() -> None:
        with store.transaction("scp") as unit:
            me = unit.connection.execute(text("SELECT pg_backend_pid()")).scalar()
            with psycopg.connect(postgresql_database.url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [me])
            unit.cases.latest(a_case().kind, "1.2")

    with pytest.raises(Unavailable, match="database"):
        lose()
    with store.transaction("scp") as unit:
        assert unit.cases.latest(a_case().kind, "1.2") is None
    store.dispose()


@pytest.mark.parametrize(
    ("setting", "slow"),
    [("statement_timeout", "SELECT pg_sleep(30)"), ("lock_timeout", "SELECT pg_advisory_xact_lock(99)")],
)
def test_a_database_that_does_not_answer_in_time_is_unavailable(
    postgresql_database: Database, setting: str, slow: str
) -> None:
    store = SqlStore(make_aval_engine(postgresql_database.url))

    def wait() -> None:
        with store.transaction("scp") as unit:
            unit.connection.execute(text(f"SET LOCAL {setting} = '100ms'"))
            unit.connection.execute(text(slow))

    with psycopg.connect(postgresql_database.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(99)")
        with pytest.raises(Unavailable, match="did not answer in time"):
            wait()
    store.dispose()


def test_a_file_that_another_process_keeps_locked_is_unavailable(sqlite_database: Database) -> None:
    engine = make_aval_engine(sqlite_database.url)
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=50"))
    store = SqlStore(engine)
    other = sqlite3.connect(sqlite_database.url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="did not answer in time"), store.transaction("scp"):
        pass
    with store.reading() as unit:
        assert unit.stops.lines() == ()
    other.close()
    store.dispose()


def test_a_mistake_of_ours_is_neither_a_refusal_nor_an_absence(postgresql_database: Database) -> None:
    store = SqlStore(make_aval_engine(postgresql_database.url))
    with pytest.raises(StatementError) as caught, store.transaction("scp") as unit:
        unit.connection.execute(text("SELECT nothing FROM results"))
    assert not isinstance(caught.value, PortError | GuaranteeError)
    store.dispose()


# ------------------------------------------------------------------------------------------------------ journal


def links(store: SqlStore) -> list[Link]:
    with store.reading() as unit:
        rows = unit.connection.execute(text("SELECT * FROM journal ORDER BY seq")).mappings()
        return [Link(**row) for row in rows]


def a_long_life(steps: Steps) -> None:
    """Everything that can happen, once."""
    result = steps.deliver(steps.sign(steps.drafted("1.2")))
    withdrawn, _ = steps.withdraw(result)
    for word in steps.deliveries(withdrawn, Kind.WITHDRAWAL):
        steps.confirm(word, steps.begin(word))
    steps.expire(steps.drafted("1.3"))
    stale = steps.sign(steps.drafted("1.4"))
    steps.supersede(Case.after(a_case("1.4"), CaseVerb.COMPLETE), stale)
    steps.quarantine(steps.receive("1.5"))
    steps.conclude(steps.queued("1.6"), ResultVerb.FAIL)
    steps.stop(Scope.SITE, "chu")
    steps.stop(Scope.SITE, "chu", Action.RESUME)


def test_the_journal_of_a_long_life_is_whole(store: SqlStore, steps: Steps) -> None:
    a_long_life(steps)
    written = links(store)
    assert verify(written) == (len(written), written[-1].hash)
    assert len({link.at for link in written}) > 1


def test_every_change_is_a_link_with_who_caused_it(store: SqlStore, steps: Steps) -> None:
    a_long_life(steps)
    written = links(store)
    actions = {link.action for link in written}
    assert actions >= {
        "case.receiving",
        "case.complete",
        "case.superseded",
        "case.quarantined",
        "result.queued",
        "result.awaiting_review",
        "result.validated",
        "result.delivered",
        "result.retracted",
        "result.expired",
        "result.stale",
        "result.failed",
        "draft.shown",
        "opinion.accept",
        "decision.accept",
        "release.result",
        "release.withdrawal",
        "withdrawal.wrong-result",
        "delivery.attempted",
        "delivery.receipt",
        "delivery.confirmed",
        "delivery.withheld",
        "stop.stop",
        "stop.resume",
        "user.added",
        "policy.added",
        "model.added",
    }
    actors = {link.action: link.actor for link in written}
    assert actors["opinion.accept"] == "desk:dr.martin"
    assert actors["delivery.receipt"] == "deliver"
    assert actors["result.expired"] == "sweep"
    assert actors["user.added"] == "unnamed"


def test_the_journal_names_no_patient(store: SqlStore, steps: Steps) -> None:
    canary = replace(
        a_case().patient, identifier="CANARI1", name="CANARI^Zoé", birth_date="1901-01-01", reference="P/C"
    )
    steps.complete(steps.receive("1.2.826.CANARI", patient=canary, order="CANARI2", description="CANARI3"))
    whole = repr(links(store))
    for word in ("CANARI", "1901-01-01", "P/C"):
        assert word not in whole


def test_a_link_keeps_the_database_role_that_wrote_it(postgresql_database: Database) -> None:
    stores = {
        role: SqlStore(make_aval_engine(postgresql_database.url_of(role))) for role in ("aval_intake", "aval_audit")
    }
    Steps(lambda role: stores[role]).receive("1.2")
    written = links(stores["aval_audit"])
    assert [(link.actor, link.role) for link in written if link.action == "case.receiving"] == [("scp", "aval_intake")]
    for store in stores.values():
        store.dispose()


def test_the_actor_of_one_transaction_is_not_that_of_the_next(
    store: SqlStore, steps: Steps, database: Database
) -> None:
    steps.receive("1.2")
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE users SET active = 0 WHERE login = 'learner'"))
    assert links(store)[-1].actor == "unnamed"


def test_an_edited_row_of_the_journal_is_found(database: Database, store: SqlStore, steps: Steps) -> None:
    """By the owner, who can take the walls down; that is why a signed head is kept elsewhere."""
    a_long_life(steps)
    with store._engine.begin() as connection:
        if database.is_postgresql:
            connection.execute(text("ALTER TABLE journal DISABLE TRIGGER journal_never_updated"))
        else:
            connection.execute(text("DROP TRIGGER journal_never_updated"))
        connection.execute(text("UPDATE journal SET actor = 'desk:dr.leroy' WHERE action = 'opinion.accept'"))
    with pytest.raises(JournalBroken, match="was edited"):
        verify(links(store))


ODD = ["", "'", '"', "a\nb\r\t", "é œ ’ ≥", "漢字", "🧠", "\\", "%s %(x)s", ":name", "5:a,", "\x7f", " ", "x" * 5000]


def test_the_database_hashes_a_link_as_python_does(store: SqlStore) -> None:
    query = text("SELECT aval_link(:seq, :at, :actor, :role, :action, :subject, :body, :prev)")
    with store.reading() as unit:
        for n, odd in enumerate(ODD):
            for field in ("at", "actor", "role", "action", "subject", "body", "prev"):
                values: dict[str, Any] = {name: f"{name} {n}" for name in ("at", "actor", "role", "action", "subject")}
                values |= {"body": "{}", "prev": GENESIS, field: odd}
                found = unit.connection.execute(query, {"seq": n, **values}).scalar()
                assert found == link_hash(seq=n, **values), (field, odd)
        assert unit.connection.execute(text("SELECT aval_sha256('é')")).scalar() == Digest(
            "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"
        )


def test_odd_text_in_a_change_does_not_break_the_chain(store: SqlStore, steps: Steps) -> None:
    for n, odd in enumerate(ODD):
        with store.transaction(odd or "nobody") as unit:
            unit.cases.add(a_case(f"1.2.{n}", site=odd), at(n))
    assert verify(links(store))[0] > len(ODD)


def test_a_connection_without_our_functions_moves_nothing(sqlite_database: Database, steps: Steps) -> None:
    """Somebody's own tool on the file: it cannot write the journal, so it changes nothing the journal tells of."""
    engine = create_engine(sqlite_database.url)
    insert = "INSERT INTO stops VALUES (1, 'all', '', 'stop', 'x', '', 'x', 'x')"
    with pytest.raises(DBAPIError, match="no such function: aval_"), engine.begin() as connection:
        connection.execute(text(insert))
    engine.dispose()


def test_who_waits_for_facts_is_told_after_they_are_there_and_only_of_facts(database: Database) -> None:
    engine = make_aval_engine(database.url)
    seen: list[int] = []

    def look() -> None:
        with store.reading() as unit:
            seen.append(len(unit.messages.pending(9)))

    store = SqlStore(engine, committed=look)
    fact = ResultQueued(result=ResultId("00000000-0000-5000-8000-000000000001"))
    with store.transaction("scp") as unit:
        unit.messages.ring(fact, at(0))
        assert seen == []
    assert seen == [1]
    with store.transaction("scp") as unit:
        unit.cases.add(a_case("1.2"), at(0))

    def tell_and_fail() -> None:
        with store.transaction("scp") as unit:
            unit.messages.ring(fact, at(0))
            unit.cases.add(a_case("1.2"), at(0))

    with pytest.raises(Refused):
        tell_and_fail()
    assert seen == [1], "one had no fact, and one that was rolled back changed nothing"
    store.dispose()
