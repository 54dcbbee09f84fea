"""What is kept of one patient is found in every table: each row is of exactly one of the patients in the world."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from sqlalchemy import select, text

from bridge.db import tables
from bridge.db.about_patients import HOLDINGS, Held, Named, NotHeld, Scope, numbers_of
from bridge.db.engine import make_aval_engine, name_actor
from bridge.db.store import SqlUnit, one_unit
from tests.gate import rights
from tests.gate.accesses import access, mention
from tests.gate.objections import objection
from tests.gate.places import PostgreSQLPlace, SQLitePlace
from tests.gate.statements import SIGNED, Sql, insert
from tests.gate.world import World

ONE, OTHER = Named(issuer="CHU", value="IPP-1"), Named(issuer="CHU", value="IPP-2")
"""Whom the cases of the world are of; a few were corrected to the second."""

OLD: Final = Named(issuer="CHU", value="OLD-1")
"""A number of the first that the record merged away."""

ORDER: Final = (
    '{"numbers":[{"aliases":[],"issuer":"CHU","value":"%s"}],"patient":{"birth_date":"","identifier":"%s",'
    '"issuer":"CHU","name":"","reference":"","sex":""}}'
)


def more(w: World) -> list[Sql]:
    """Rows of tables that the world leaves empty: of the first patient, beside one of the second where it matters."""
    mine, theirs = "1" * 64, "2" * 64
    return [
        w.opening(case_id=w.cases["open"]),
        w.launch(wanted='{"issuers":["CHU"],"patient":"IPP-1","studies":[]}'),
        w.launch(ticket="t2", nonce="n2", wanted='{"issuers":["CHU"],"patient":"IPP-2","studies":[]}'),
        w.order(message=mine, body=ORDER % ("IPP-1", "IPP-1")),
        w.order(id="other", message=theirs, body=ORDER % ("IPP-2", "IPP-2")),
        w.fed(control="3" * 64, digest=mine),
        w.fed(control="4" * 64, digest=theirs),
        mention(message=mine),
        mention(message=mine, value="OLD-1"),
        mention(message=theirs, value="IPP-2", joined=0),
        objection(id="of the second", identifier="IPP-2"),
        objection(seq=2, id="of the old number", identifier="OLD-1"),
        access(),
        access(id="b", value="IPP-2"),
        insert("leases", {"result_id": w.id("queued"), "holder": "infer:1", "until": SIGNED}),
        w.rejection(case_uid="1.2.1"),
        rights.refusal(id="of the patient", result_id=w.id("open")),
        w.fetch(id="of the patient", what="Encounter/7"),
        insert("conversations", {"id": "a", "kind": "study", "case_uid": "1.2.1", "heard_at": SIGNED}),
        insert(
            "expectations",
            {"kind": "study", "case_uid": "1.2.1", "source": "ian:1", "group_uid": "", "basis": "query"}
            | {"status": "said", "instances": 3, "at": SIGNED},
        ),
    ]


@pytest.fixture(scope="module")
def unit(place: SQLitePlace | PostgreSQLPlace) -> Iterator[SqlUnit]:
    """The world with what it leaves out, in a transaction that is rolled back."""
    database, world = place.database, place.world
    engine = make_aval_engine(database.url_of("owner"))
    meant = ("UPDATE cases SET encounter = 'Encounter/7' WHERE id = :id", {"id": world.cases["open"]})
    with engine.connect() as connection:
        name_actor(connection, "owner")
        for statement, parameters in (*more(world), meant):
            connection.execute(text(statement), parameters)
        yield one_unit(connection, locks=False)
        connection.rollback()
    engine.dispose()


STRAY: Final[dict[str, set[str]]] = {"fetches": {"f"}, "rejections": {"9.9"}, "refusals": {"r"}}
"""Rows of the world that name an exam or a result which is not there: they are nobody's."""

HELD: Final = [name for name, held in HOLDINGS.items() if isinstance(held, Held)]


def alone(issuer: str) -> tuple[str, ...]:
    """Its authority has one name."""
    return (issuer,)


@contextmanager
def as_auditor(unit: SqlUnit) -> Iterator[None]:
    """Read as the role that the command reads with: what is not granted to it is not found."""
    has_roles = unit.connection.dialect.name == "postgresql"
    if has_roles:
        unit.connection.execute(text("SET LOCAL ROLE aval_audit"))
    yield
    if has_roles:
        unit.connection.execute(text("RESET ROLE"))


def scope_of(unit: SqlUnit, one: Named) -> Scope:
    return Scope(numbers=numbers_of(unit.connection, one, alone))


def keys(unit: SqlUnit, table: str, scope: Scope) -> list[tuple[Any, ...]]:
    key = [column.name for column in tables.metadata.tables[table].primary_key]
    return [tuple(row[name] for name in key) for row in unit.dossiers.rows(table, scope)]


def test_every_table_is_declared_and_says_why_it_holds_nothing() -> None:
    """A new table without a declaration fails here: say how its rows are found, or why it has none of a patient."""
    assert HOLDINGS.keys() == tables.metadata.tables.keys()
    assert all(len(held.why) > 20 for held in HOLDINGS.values() if isinstance(held, NotHeld))


@pytest.mark.parametrize("table", HELD)
def test_each_row_is_of_exactly_one_patient(unit: SqlUnit, table: str) -> None:
    """So that nothing of theirs is left behind, and nothing of somebody else goes along."""
    found = tables.metadata.tables[table]
    everything = sorted(tuple(row) for row in unit.connection.execute(select(*found.primary_key)))
    with as_auditor(unit):
        mine, theirs = (keys(unit, table, scope_of(unit, one)) for one in (ONE, OTHER))
    assert mine, f"no row of {table} is of the first patient: the test shows nothing"
    if table == "journal":
        everything = [(seq,) for seq in sorted({seq for (seq,) in (*mine, *theirs)})]  # the rest is of the site
    everything = [key for key in everything if not set(key) & STRAY.get(table, set())]
    assert sorted([*mine, *theirs]) == everything


@pytest.mark.parametrize("table", [name for name, held in HOLDINGS.items() if isinstance(held, NotHeld)])
def test_no_other_table_names_the_patient(unit: SqlUnit, table: str) -> None:
    """Neither a number, a name nor an exam stands in a table that is declared to hold nothing."""
    cases = tables.cases.c
    traits = unit.connection.execute(select(cases.patient_identifier, cases.patient_name, cases.uid)).all()
    marks = {str(mark) for row in traits for mark in row if len(str(mark)) > 3} | {"OLD-1"}
    for row in unit.connection.execute(select(tables.metadata.tables[table])):
        cells = {str(cell) for cell in row}
        assert not cells & marks
        assert not any("DURAND" in cell or "IPP-" in cell for cell in cells)


def test_the_journal_of_a_patient_names_each_of_their_rows(unit: SqlUnit) -> None:
    scope = scope_of(unit, ONE)
    subjects = {row["subject"] for row in unit.dossiers.rows("journal", scope)}
    for table in ("cases", "results", "releases", "deliveries", "orders", "objections", "accesses"):
        named = {row["id"] for row in unit.dossiers.rows(table, scope)}
        if table in {"releases", "deliveries"}:
            continue  # told under their result, until something happens to them
        assert named <= subjects, table


def test_merges_are_followed_and_what_else_is_told_is_not(unit: SqlUnit) -> None:
    assert numbers_of(unit.connection, OLD, alone) == (OLD, ONE)
    assert numbers_of(unit.connection, ONE, alone) == (ONE, OLD)
    assert numbers_of(unit.connection, OTHER, alone) == (OTHER,)
    assert keys(unit, "objections", scope_of(unit, ONE)) == [(2,)]


def test_cases_without_an_authority_are_told_and_taken_only_when_somebody_says_so(unit: SqlUnit) -> None:
    everything = unit.connection.scalar(text("SELECT count(*) FROM cases WHERE patient_issuer = ''"))
    scope = scope_of(unit, ONE)
    assert len(unit.dossiers.unissued(scope)) == everything
    assert unit.dossiers.count(Scope(numbers=scope.numbers, unissued=True)) >= unit.dossiers.count(scope)
