"""What the walls cannot stop, because somebody owns the database: the seals and the journal find it.

Nobody can keep the owner of a database from writing what they like into it. What they cannot write is the desk's seal
under an opinion, nor a journal that agrees with a head kept elsewhere.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bridge.db.engine import make_aval_engine
from bridge.db.store import SqlStore
from bridge.seal import KeyRing
from guarantee.decision import decision_id
from guarantee.errors import GuaranteeError, JournalBroken
from guarantee.ids import ReleaseId
from guarantee.journal import Head, Link, require_not_behind, verify
from guarantee.opinion import Verdict
from guarantee.release import Kind, mint, release_id
from tests.db.databases import READERS, SQLiteTemplate
from tests.db.steps import Steps, draft_of
from tests.gate.attacks import DESK, POSTGRESQL, Attack, attack, pure
from tests.gate.places import PostgreSQLPlace
from tests.gate.rows import opinion_row, release_row
from tests.gate.statements import EVIL, insert
from tests.guarantee.samples import DESK as DESK_KEY
from tests.guarantee.samples import PACS, STRANGER, at, sealed

TABLES = ("opinions", "decisions", "releases", "renderings", "results", "journal", "questions")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """A store of its own: these tests do not roll back."""
    if request.param == "sqlite":
        database = request.getfixturevalue("sqlite_template").copy(tmp_path / "aval.sqlite")
    else:
        database = request.getfixturevalue("postgresql_template").copy()
    store = SqlStore(make_aval_engine(database.url))
    yield store
    store.dispose()


def owner_writes(store: SqlStore, *statements: tuple[str, dict[str, object]]) -> None:
    """Write as the owner with the foreign keys and the walls out of the way."""
    is_sqlite = store._engine.dialect.name == "sqlite"
    with store._engine.connect() as connection:
        if is_sqlite:
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        with connection.begin():
            _take_down(connection, is_sqlite=is_sqlite)
            for statement, parameters in statements:
                connection.execute(text(statement), parameters)
        connection.invalidate()


def _take_down(connection: Connection, *, is_sqlite: bool) -> None:
    if is_sqlite:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name NOT LIKE 'note_%'"
        for (name,) in connection.execute(text(query)).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        return
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    for table in TABLES:
        connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))


def release_of(store: SqlStore, release: ReleaseId) -> None:
    """Do what the deliverer does before it sends: read everything back and mint again."""
    with store.reading() as unit:
        terms, seal = unit.gate.terms(release)
        grounds = unit.gate.grounds(release)
    mint(terms=terms, seal=seal, grounds=grounds, witness=DESK_KEY)


def test_what_honest_steps_stored_can_be_minted(store: SqlStore) -> None:
    result = Steps(lambda role: store).sign(Steps(lambda role: store).drafted("1.2"))
    release_of(store, release_id(decision_id(result.id)))


def a_forgery(store: SqlStore, ring: KeyRing, *, opinions: bool) -> ReleaseId:
    """Release a draft that nobody endorsed, in the name of the decision it would have; return the release."""
    steps = Steps(lambda role: store)
    result = steps.drafted("1.2")
    decision = decision_id(result.id)
    signed = steps.opinion(steps.ask(result), result, READERS[0], Verdict.ACCEPT)
    terms = steps.terms(result, Kind.RESULT, decision, draft_of(result))
    by = [insert("opinions", opinion_row(sealed(signed.statement, STRANGER)))] if opinions else []
    owner_writes(store, *by, insert("releases", release_row(terms, ring.seal(terms.to_bytes()))))
    return release_id(decision)


def test_a_release_that_nobody_stands_behind_opens_nothing(store: SqlStore) -> None:
    release = a_forgery(store, DESK_KEY, opinions=False)
    with pytest.raises(GuaranteeError, match="not satisfied"):
        release_of(store, release)


def test_an_opinion_with_a_strangers_seal_opens_nothing(store: SqlStore) -> None:
    release = a_forgery(store, STRANGER, opinions=True)
    with pytest.raises(GuaranteeError, match="does not trust"):
        release_of(store, release)


EDITS: dict[str, tuple[str, dict[str, object]]] = {
    "the draft": ("UPDATE results SET draft = :evil WHERE id = :result", {"evil": EVIL}),
    "the verdict": ("UPDATE opinions SET verdict = 'amend', content = :evil WHERE result_id = :result", {"evil": EVIL}),
    "the signed statement": (
        "UPDATE opinions SET statement = replace(statement, :auth, 'somebody else') WHERE result_id = :result",
        {"auth": "password+totp"},
    ),
    "the seal of the opinion": (
        "UPDATE opinions SET signature = :zeros WHERE result_id = :result",
        {"zeros": "0" * 128},
    ),
    "the sealed terms": (
        "UPDATE releases SET terms = replace(terms, :package, :evil) WHERE result_id = :result",
        {"package": PACS.package, "evil": EVIL},
    ),
    "the released content": ("UPDATE releases SET content = :evil WHERE result_id = :result", {"evil": EVIL}),
    "the policy": ("UPDATE results SET policy = 'readers-2@1' WHERE id = :result", {}),
    "the opinion away": ("DELETE FROM opinions WHERE result_id = :result", {}),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_owner_who_edits_what_was_endorsed_is_found_before_anything_is_sent(store: SqlStore, what: str) -> None:
    steps = Steps(lambda role: store)
    result = steps.sign(steps.drafted("1.2"))
    statement, parameters = EDITS[what]
    owner_writes(store, (statement, parameters | {"result": result.id}))
    with pytest.raises(GuaranteeError):
        release_of(store, release_id(decision_id(result.id)))


def links(store: SqlStore) -> list[Link]:
    with store.reading() as unit:
        return [Link(**row) for row in unit.connection.execute(text("SELECT * FROM journal ORDER BY seq")).mappings()]


JOURNAL_EDITS = {
    "edited": "UPDATE journal SET body = '{}' WHERE seq = 5",
    "removed": "DELETE FROM journal WHERE seq = 5",
    "exchanged": "UPDATE journal SET subject = 'x', hash = aval_link(seq, at, actor, role, action, 'x', body, prev) "
    "WHERE seq = 5",
}


@pytest.mark.parametrize("how", JOURNAL_EDITS)
def test_an_owner_who_touches_the_journal_is_found(store: SqlStore, how: str) -> None:
    Steps(lambda role: store).drafted("1.2")
    owner_writes(store, (JOURNAL_EDITS[how], {}))
    with pytest.raises(JournalBroken):
        verify(links(store))


def test_an_owner_who_cuts_the_journals_end_is_found_by_the_anchor(store: SqlStore) -> None:
    Steps(lambda role: store).drafted("1.2")
    seq, head = verify(links(store))
    anchor = Head(site="chu", seq=seq, hash=head, at=at(0))
    owner_writes(store, ("DELETE FROM journal WHERE seq > :seq", {"seq": seq - 2}))
    cut, _ = verify(links(store))
    with pytest.raises(JournalBroken, match="cut off"):
        require_not_behind(anchor, seq=cut, hash_at_anchor=None)


def test_an_old_backup_that_was_put_back_is_found_by_the_anchor(
    sqlite_template: SQLiteTemplate, tmp_path: Path
) -> None:
    database = sqlite_template.copy(tmp_path / "aval.sqlite")
    file = tmp_path / "aval.sqlite"
    shutil.copy(file, tmp_path / "backup.sqlite")
    store = SqlStore(make_aval_engine(database.url))
    Steps(lambda role: store).drafted("1.2")
    seq, head = verify(links(store))
    store.dispose()
    for leftover in tmp_path.glob("aval.sqlite-*"):
        leftover.unlink()
    shutil.copy(tmp_path / "backup.sqlite", file)
    restored = SqlStore(make_aval_engine(database.url))
    back, _ = verify(links(restored))
    with pytest.raises(JournalBroken, match="old backup"):
        require_not_behind(Head(site="chu", seq=seq, hash=head, at=at(0)), seq=back, hash_at_anchor=None)
    restored.dispose()


# ---------------------------------------------------------------------------------------- where the walls look


def shadowing_users() -> Attack:
    return attack(
        DESK,
        "shadow users with a temporary table",
        "",
        pure("CREATE TEMPORARY TABLE users (login text, role text, active int)"),
        pure("INSERT INTO pg_temp.users VALUES ('dr.closed', 'radiologist', 1)"),
        lambda w: w.opinion("open", "dr.closed"),
        on=POSTGRESQL,
    )


def test_a_wall_that_did_not_say_where_to_look_would_be_passed(
    postgresql: PostgreSQLPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control: with PostgreSQL's usual search path, which begins with temporary tables, the same attack succeeds."""
    assert postgresql.attempt(shadowing_users()) is not None
    careless = "ALTER FUNCTION opinions_by_active_people() SET search_path = aval, pg_catalog"
    monkeypatch.setattr("tests.gate.places._removal", lambda name, session: name)
    assert postgresql.attempt(shadowing_users(), frozenset({careless})) is None


def test_a_temporary_journal_gets_no_link(postgresql: PostgreSQLPlace) -> None:
    steps = attack(
        DESK,
        "write the links of a stop into a temporary journal",
        "",
        pure("CREATE TEMPORARY TABLE journal (LIKE aval.journal)"),
        pure("SET LOCAL search_path = pg_temp, aval, pg_catalog"),
        lambda w: w.stop(),
        pure(
            "DO $$ BEGIN "
            "IF (SELECT count(*) FROM pg_temp.journal) > 0 THEN RAISE EXCEPTION 'it was fooled'; END IF; "
            "IF NOT EXISTS (SELECT 1 FROM aval.journal WHERE action = 'stop.stop' AND role = 'aval_desk' "
            "AND seq = (SELECT max(seq) FROM aval.journal)) THEN RAISE EXCEPTION 'no link'; END IF; END $$"
        ),
        on=POSTGRESQL,
    )
    assert postgresql.attempt(steps) is None


def test_the_journal_keeps_the_role_that_really_acted(postgresql: PostgreSQLPlace) -> None:
    """A process may call itself what it likes; the role beside it is the one that logged in."""
    steps = attack(
        DESK,
        "stop in somebody else's name",
        "",
        pure("SELECT set_config('aval.actor', 'sweep', true)"),
        lambda w: w.stop(),
        pure(
            "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM aval.journal WHERE actor = 'sweep' AND role = 'aval_desk' "
            "AND seq = (SELECT max(seq) FROM aval.journal)) THEN RAISE EXCEPTION 'no link'; END IF; END $$"
        ),
        on=POSTGRESQL,
    )
    assert postgresql.attempt(steps) is None
