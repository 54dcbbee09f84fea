"""Every attack is refused, and by the wall that is meant to refuse it; and what is honest is not refused."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from guarantee.states import CASE_LIFE, RESULT_LIFE, CaseState, ResultState
from tests.db.databases import ROLES
from tests.gate.ablation import ALL
from tests.gate.attacks import DESK, INTAKE, POSTGRESQL, Attack, attack
from tests.gate.attacks_on_first_reads import HONEST as READ_IN_ORDER
from tests.gate.attacks_on_gestures import HONEST as GESTURES_IN_ORDER
from tests.gate.attacks_on_incidents import HONEST as INCIDENTS_IN_ORDER
from tests.gate.attacks_on_preparations import HONEST as PREPARED_IN_ORDER
from tests.gate.attacks_on_rights import HONEST as RIGHTS_IN_ORDER
from tests.gate.attacks_on_versions import HONEST as VERSIONS_IN_ORDER
from tests.gate.grants import PLATFORM, ROWS, WRITERS
from tests.gate.places import Place, PostgreSQLPlace
from tests.gate.sessions import NOT_GRANTED


def in_each_place(attacks: Iterable[Attack]) -> list[ParameterSet]:
    """Return each attack with each database in which it can be attempted."""
    return [
        pytest.param(
            dialect,
            attack,
            id=f"{dialect}-{attack.name}",
            marks=[pytest.mark.peer("postgresql")] if dialect == "postgresql" else [],
        )
        for dialect in ("sqlite", "postgresql")
        for attack in attacks
        if dialect in attack.on
    ]


def stops_it(attack: Attack, walls: frozenset[str]) -> bool:
    """Return whether one of ``walls``, which the database named, is one that the attack expects."""
    expected = set(attack.by) | {NOT_GRANTED for wall in attack.by if wall.startswith("GRANT ") or wall == PLATFORM}
    return bool(walls & expected)


@pytest.mark.parametrize(("place", "attack"), in_each_place(ALL), indirect=["place"])
def test_the_attack_is_refused_for_its_reason(place: Place, attack: Attack) -> None:
    refusal = place.attempt(attack)
    assert refusal is not None, "IT GOT THROUGH"
    assert stops_it(attack, refusal.walls), f"refused by {set(refusal.walls)}: {refusal}"


def test_the_first_page_counts_them_right() -> None:
    readme = Path(__file__).parent.parent.parent / "README.md"
    counted = f"{len(ALL)} direct-SQL attacks ({len(in_each_place(ALL))} attempts on the two databases)"
    assert counted in readme.read_text()


def test_no_two_attacks_have_one_name() -> None:
    assert len({attack.name for attack in ALL}) == len(ALL)


# ---------------------------------------------------------------------------------------- steps that no life has

IN_STATE = {state: str(state) for state in ResultState} | {ResultState.AWAITING_REVIEW: "fresh"}
CASE_IN_STATE = {state: str(state) for state in CaseState} | {CaseState.COMPLETE: "bare"}

OUT_OF_LIFE = [
    (source, target)
    for source, target in product(ResultState, ResultState)
    if source is not target and target not in {t for (s, _), t in RESULT_LIFE.items() if s is source}
]
CASES_OUT_OF_LIFE = [
    (source, target)
    for source, target in product(CaseState, CaseState)
    if source is not target and target not in {t for (s, _), t in CASE_LIFE.items() if s is source}
]


@pytest.mark.parametrize(("source", "target"), OUT_OF_LIFE)
def test_a_step_that_the_life_of_a_result_does_not_have_is_refused(
    place: Place, source: ResultState, target: ResultState
) -> None:
    assert str(place.world.results[IN_STATE[source]].state) == source
    jump = attack(DESK, "jump", "", lambda w: w.move(IN_STATE[source], str(target)))
    assert place.attempt(jump) is not None


@pytest.mark.parametrize(("source", "target"), CASES_OUT_OF_LIFE)
def test_a_step_that_the_life_of_a_case_does_not_have_is_refused(
    place: Place, source: CaseState, target: CaseState
) -> None:
    jump = attack(INTAKE, "jump", "", lambda w: w.move_case(CASE_IN_STATE[source], str(target), cause="why"))
    assert place.attempt(jump) is not None


# --------------------------------------------------------------------------------------------- what is honest

HONEST = [(table, role) for table, roles in WRITERS.items() for role in sorted(roles)]


@pytest.mark.parametrize(("table", "role"), HONEST)
def test_who_may_write_a_table_can(place: Place, table: str, role: str) -> None:
    """So that an attack on the same row fails for its wall, and not because nobody could have written it."""
    refusal = place.attempt(attack(role, "honest", "", ROWS[table]))
    assert refusal is None, refusal


@pytest.mark.parametrize("step", VERSIONS_IN_ORDER, ids=lambda step: step.name)
def test_versions_are_promoted_tried_and_gone_back_to(place: Place, step: Attack) -> None:
    refusal = place.attempt(step)
    assert refusal is None, refusal


@pytest.mark.parametrize("step", PREPARED_IN_ORDER, ids=lambda step: step.name)
def test_a_learner_prepares_and_a_senior_answers(place: Place, step: Attack) -> None:
    refusal = place.attempt(step)
    assert refusal is None, refusal


@pytest.mark.parametrize("step", RIGHTS_IN_ORDER, ids=lambda step: step.name)
def test_rights_are_given_used_and_revoked(place: Place, step: Attack) -> None:
    refusal = place.attempt(step)
    assert refusal is None, refusal


@pytest.mark.parametrize("step", INCIDENTS_IN_ORDER, ids=lambda step: step.name)
def test_incidents_are_reported_closed_and_opened_again(place: Place, step: Attack) -> None:
    refusal = place.attempt(step)
    assert refusal is None, refusal


@pytest.mark.parametrize("step", READ_IN_ORDER, ids=lambda step: step.name)
def test_a_result_is_read_first_then_revealed_then_signed(place: Place, step: Attack) -> None:
    refusal = place.attempt(step)
    assert refusal is None, refusal


@pytest.mark.parametrize("step", GESTURES_IN_ORDER, ids=lambda step: step.name)
def test_an_opinion_is_signed_by_passkey(place: Place, step: Attack) -> None:
    refusal = place.attempt(step)
    assert refusal is None, refusal


def holders(place: PostgreSQLPlace, privilege: str) -> set[tuple[object, ...]]:
    """Return each (table, role) that has ``privilege`` on a whole table."""
    return set(
        place.query(
            "SELECT tablename, rolname FROM pg_tables CROSS JOIN pg_roles "
            "WHERE schemaname = 'aval' AND tablename <> 'alembic_version' AND rolname LIKE 'aval_%' "
            f"AND has_table_privilege(rolname, 'aval.' || tablename, '{privilege}')"
        )
    )


def test_every_table_has_its_writers_listed(postgresql: PostgreSQLPlace) -> None:
    assert holders(postgresql, "INSERT") == set(HONEST)
    tables = postgresql.query("SELECT tablename FROM pg_tables WHERE schemaname = 'aval'")
    assert {table for (table,) in tables} == {*WRITERS, "alembic_version"}


def test_nobody_deletes_but_leases_ended_conversations_and_old_launches(postgresql: PostgreSQLPlace) -> None:
    kept = ("conversations", "launches", "handovers", "challenges", "authentication_requests", "viewings")
    swept = {(table, "aval_sweep") for table in kept}
    assert holders(postgresql, "DELETE") == {("leases", "aval_infer"), *swept}
    for privilege in ("TRUNCATE", "REFERENCES", "TRIGGER"):
        assert not holders(postgresql, privilege)


UPDATED = {
    ("aval_intake", "cases"): "cause identity_version last_input_at moved_at state version",
    ("aval_sweep", "cases"): "cause manifest moved_at state version",
    ("aval_intake", "conversations"): "broken_off ended_at heard_at",
    ("aval_sweep", "conversations"): "broken_off case_uid ended_at heard_at id kind",
    ("aval_intake", "expectations"): "at basis instances listed status",
    ("aval_sweep", "expectations"): "at basis instances listed status",
    ("aval_intake", "results"): "cause_code cause_detail moved_at state version",
    ("aval_sweep", "results"): "cause_code cause_detail moved_at state version",
    ("aval_desk", "recall_items"): "cause_code cause_detail tried_at",
    ("aval_desk", "results"): "cause_code cause_detail moved_at state version",
    ("aval_deliver", "results"): "cause_code cause_detail moved_at state version",
    ("aval_infer", "results"): "attempts cause_code cause_detail draft drafted_at moved_at state version",
    ("aval_infer", "leases"): "holder result_id until",
    ("aval_intake", "fetches"): "added_at attempts cause_code id next_attempt_at sender site state what",
    ("aval_intake", "commitments"): "attempts next_attempt_at state",
    ("aval_intake", "deliveries"): "cause_code cause_detail moved_at state",
    ("aval_desk", "deliveries"): "cause_code cause_detail moved_at state",
    ("aval_deliver", "deliveries"): "cause_code cause_detail moved_at next_attempt_at state",
    ("aval_deliver", "destinations"): "cause_code cause_detail confirmed_at failed_at failures rests_until trying",
    ("aval_desk", "sessions"): "ended_at seen_at",
    ("aval_desk", "handovers"): "used_at",
    ("aval_desk", "viewings"): "used_at",
    ("aval_desk", "challenges"): "used_at",
    ("aval_desk", "launches"): "login",
    ("aval_desk", "authentication_requests"): "used_at",
    ("aval_desk", "users"): "second_factor_step",
    ("aval_relay", "outbox"): "rung_at",
}
"""Every column that a role may change, written down a second time."""


NAMES = ", ".join(repr(role) for role in ROLES)


def test_each_role_changes_these_columns_and_no_others(postgresql: PostgreSQLPlace) -> None:
    found = postgresql.query(
        "SELECT grantee, table_name, string_agg(column_name, ' ' ORDER BY column_name) "
        "FROM information_schema.column_privileges WHERE table_schema = 'aval' AND privilege_type = 'UPDATE' "
        f"AND grantee IN ({NAMES}, 'PUBLIC') GROUP BY 1, 2"
    )
    assert {(role, table): columns for role, table, columns in found} == UPDATED


def test_roles_own_nothing_inherit_nothing_and_belong_to_nobody(postgresql: PostgreSQLPlace) -> None:
    flags = "rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
    found = postgresql.query(f"SELECT {flags} FROM pg_roles WHERE rolname IN ({NAMES})")
    assert found == [(False,) * 6] * len(ROLES)
    for owned in (
        "pg_auth_members m JOIN pg_roles r ON r.oid IN (m.roleid, m.member)",
        "pg_class c JOIN pg_roles r ON r.oid = c.relowner",
        "pg_proc p JOIN pg_roles r ON r.oid = p.proowner",
        "pg_roles r JOIN pg_namespace n ON has_schema_privilege(r.rolname, n.oid, 'CREATE') AND n.nspname = 'aval'",
    ):
        assert postgresql.query(f"SELECT 1 FROM {owned} WHERE r.rolname IN ({NAMES})") == []


def test_the_functions_that_write_are_called_by_triggers_alone(postgresql: PostgreSQLPlace) -> None:
    callable_by_roles = postgresql.query(
        "SELECT DISTINCT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, pg_roles r "
        f"WHERE nspname = 'aval' AND r.rolname IN ({NAMES}) AND has_function_privilege(r.rolname, p.oid, 'EXECUTE')"
    )
    assert {name for (name,) in callable_by_roles} == {
        "aval_now",
        "aval_actor",
        "aval_sha256",
        "aval_challenge",
        "aval_netstring",
        "aval_link",
    }


def test_every_wall_looks_only_where_it_says(postgresql: PostgreSQLPlace) -> None:
    """A SECURITY DEFINER function without its own search path looks where the attacker tells it to."""
    settings = postgresql.query(
        "SELECT DISTINCT array_to_string(proconfig, ';') FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        "WHERE nspname = 'aval' AND prosecdef"
    )
    assert settings == [("search_path=aval, pg_catalog, pg_temp",)]


def test_the_audit_reads_everything_but_secrets(postgresql: PostgreSQLPlace) -> None:
    readable = [f"SELECT * FROM {table}" for table in WRITERS.keys() - {"users", "sessions"}]
    look = Attack(
        name="look",
        role="aval_audit",
        by=(),
        steps=lambda w: [(query, {}) for query in [*readable, "SELECT login, name, role FROM users"]],
        on=POSTGRESQL,
    )
    assert postgresql.attempt(look) is None
