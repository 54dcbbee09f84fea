"""What PostgreSQL's roles may do, written down a second time, and every attempt to do more.

A role that may not insert into a table is given a row that is right in every other respect: the grant that is withheld
is all that stands in the way, and ablation.py shows it by granting it.
"""

from collections.abc import Callable, Iterator
from typing import Final

from bridge.db.walls import WALLS
from tests.db.databases import ROLES
from tests.gate import first_reads, gestures, held, incidents, preparations, recalls, rights, versions
from tests.gate.accesses import access, mention
from tests.gate.attacks import (
    AUDIT,
    DELIVER,
    DESK,
    INFER,
    INTAKE,
    POSTGRESQL,
    RELAY,
    SWEEP,
    Attack,
    attack,
    pure,
)
from tests.gate.constraints import referring
from tests.gate.objections import objection
from tests.gate.sessions import OWNER
from tests.gate.statements import SIGNED, Sql, insert, update
from tests.gate.world import World

PLATFORM: Final = "PostgreSQL"
"""Stops what no wall of ours needs to stop: a role that owns nothing alters nothing."""

WRITERS: Final[dict[str, set[str]]] = {
    "users": set(),
    "policies": set(),
    "draws": set(),
    "models": set(),
    "transitions": set(),
    "journal": set(),
    "sessions": {DESK},
    "sign_ins": {DESK},
    "handovers": {DESK},
    "viewings": {DESK},
    "launches": {DESK},
    "authentication_requests": {DESK},
    "local_openings": set(),
    "passkeys": {DESK},
    "passkey_ends": {DESK},
    "challenges": {DESK},
    "gestures": {DESK},
    "openings": {DESK},
    "cases": {INTAKE, DESK},
    "doubts": {INTAKE, SWEEP},
    "admissions": {DESK},
    "inputs": {INTAKE},
    "conversations": {INTAKE},
    "expectations": {INTAKE, SWEEP},
    "rejections": {INTAKE},
    "judgements": {SWEEP},
    "fetches": {INTAKE},
    "turned_away": {INTAKE},
    "feed": {INTAKE},
    "orders": {INTAKE},
    "objections": {INTAKE, DESK},
    "mentions": {INTAKE},
    "accesses": {DESK},
    "commitments": {INTAKE},
    "results": {SWEEP},
    "leases": {INFER},
    "runs": {INFER},
    "features": {INFER},
    "questions": {DESK},
    "first_reads": {DESK},
    "impressions": {DESK},
    "exposures": {DESK},
    "preparations": {DESK},
    "opinions": {DESK},
    "decisions": {DESK},
    "withdrawals": {DESK},
    "releases": {DESK},
    "renderings": {DESK},
    "deliveries": {DESK},
    "exports": {DESK},
    "resends": {DESK},
    "pauses": {DESK},
    "stops": {DESK, INFER},
    "examinations": {DESK, INFER},
    "recalls": {DESK},
    "recall_items": {DESK},
    "acknowledgements": {DESK},
    "incidents": {DESK},
    "incident_lines": {DESK},
    "freezes": {DESK},
    "freeze_ends": {DESK},
    "retirements": {DESK},
    "appointments": {DESK},
    "trials": {DESK},
    "trial_ends": {DESK},
    "stages": {DESK},
    "habilitations": set(),
    "revocations": {DESK},
    "refusals": {DESK},
    "destinations": {DELIVER},
    "attempts": {DELIVER},
    "receipts": {DELIVER},
    "outbox": {INTAKE, INFER, DESK, DELIVER, SWEEP},
    "inbox": {INTAKE, INFER, DESK, DELIVER, SWEEP},
}
"""Who may insert into each table."""

ROWS: Final[dict[str, Callable[[World], Sql]]] = {
    "users": lambda w: w.user(),
    "policies": lambda w: w.policy(ref="new@1"),
    "draws": lambda _: first_reads.draw(),
    "models": lambda w: w.model(),
    "transitions": lambda w: w.transition(),
    "journal": lambda w: insert("journal", w.next_link),
    "sessions": lambda w: insert(
        "sessions", {"token": "t", "login": "dr.martin", "auth": "password", "created_at": SIGNED, "seen_at": SIGNED}
    ),
    "sign_ins": lambda w: w.sign_in(),
    "handovers": lambda w: insert("handovers", {"ticket": "h", "session": "t", "at": SIGNED}),
    "viewings": lambda w: insert("viewings", {"ticket": "v", "session": "t", "study": "1.2.3", "at": SIGNED}),
    "launches": lambda w: w.launch(),
    "authentication_requests": lambda w: w.authentication_request(),
    "local_openings": lambda w: w.local_opening(),
    "passkeys": lambda _: gestures.passkey(),
    "passkey_ends": lambda _: gestures.passkey_end(),
    "challenges": lambda _: gestures.challenge(),
    "gestures": lambda _: gestures.gesture("claimed"),
    "openings": lambda w: w.opening(),
    "cases": lambda w: w.case(),
    "doubts": lambda w: held.doubt(w, "bare"),
    "admissions": held.admission,
    "inputs": lambda w: w.input("1.2.1"),
    "conversations": lambda w: insert(
        "conversations", {"id": "c", "kind": "study", "case_uid": "1.2.1", "heard_at": SIGNED}
    ),
    "expectations": lambda w: w.expectation(),
    "rejections": lambda w: w.rejection(uid="9.9.9"),
    "judgements": lambda w: w.judgement("bare"),
    "fetches": lambda w: w.fetch(id="another"),
    "feed": lambda w: w.fed(),
    "orders": lambda w: w.order(),
    "objections": lambda _: objection(),
    "mentions": lambda _: mention(),
    "accesses": lambda _: access(),
    "turned_away": lambda w: insert(
        "turned_away", {"id": "t", "door": "scp", "sender": "mr1", "code": "c", "detail": "", "at": SIGNED}
    ),
    "commitments": lambda w: w.commitment(id="another"),
    "results": lambda w: w.result("open"),
    "leases": lambda w: insert("leases", {"result_id": w.id("queued"), "holder": "x", "until": SIGNED}),
    "runs": lambda w: w.run("queued"),
    "features": lambda w: w.features(w.id("queued"), case_uid="another"),
    "questions": lambda w: w.question("open", "dr.idle"),
    "preparations": lambda w: preparations.preparation(w, "to prepare"),
    "first_reads": lambda w: first_reads.opening(w, "first"),
    "impressions": lambda w: first_reads.impression(w, "first opened"),
    "exposures": lambda w: first_reads.exposure(w, "first said"),
    "opinions": lambda w: w.opinion("open"),
    "decisions": lambda w: w.decision("signed"),
    "withdrawals": lambda w: w.withdrawal("delivered"),
    "releases": lambda w: w.release("decided"),
    "renderings": lambda w: w.rendering("released"),
    "deliveries": lambda w: w.delivery("rendered"),
    "exports": lambda w: w.export("delivered"),
    "resends": lambda w: w.resend("delivered"),
    "pauses": lambda w: w.pause(),
    "retirements": lambda w: w.retirement(),
    "appointments": lambda _: versions.appointment(),
    "trials": lambda _: versions.trial(),
    "trial_ends": lambda w: versions.trial_end(w.trial),
    "stages": lambda w: w.stage(),
    "habilitations": lambda _: rights.grant(),
    "revocations": lambda _: rights.revocation(rights.SOON),
    "refusals": lambda _: rights.refusal(id="another"),
    "examinations": lambda _: recalls.examination(),
    "recalls": lambda _: recalls.recall(),
    "recall_items": recalls.item,
    "acknowledgements": recalls.acknowledgement,
    "incidents": incidents.incident,
    "incident_lines": lambda _: incidents.grade(),
    "freezes": incidents.freeze,
    "freeze_ends": lambda _: incidents.thaw(),
    "stops": lambda w: w.stop("version", "unused@1", by_whom="infer"),
    "destinations": lambda w: w.destination(),
    "attempts": lambda w: w.attempt("validated"),
    "receipts": lambda w: w.receipt("attempted"),
    "outbox": lambda w: insert("outbox", {"id": "m", "fact": "{}", "at": SIGNED}),
    "inbox": lambda w: insert("inbox", {"consumer": "c", "message_id": "m", "at": SIGNED}),
}
"""A row for each table that its writer may insert into the world as it stands."""


def _insertions() -> Iterator[Attack]:
    for table, writers in WRITERS.items():
        for role in (role for role in ROLES if role not in writers):
            also = ["transitions_never_inserted"] if table == "transitions" else []
            by = [f"GRANT INSERT ON {table} TO {role}", *also]
            yield attack_by(role, f"insert into {table} as {role}", by, ROWS[table])


def attack_by(role: str, name: str, by: list[str], *steps: Callable[[World], Sql]) -> Attack:
    """Write down an attack that a withheld grant stops."""
    return Attack(name=name, role=role, by=tuple(by), steps=lambda w: [step(w) for step in steps], on=POSTGRESQL)


def only_granted(role: str, name: str, grant: str, step: Callable[[World], Sql], *also: str) -> Attack:
    """Write down an attack that only ``grant``, which is withheld, stops."""
    return attack_by(role, name, [f"GRANT {grant} TO {role}", *also], step)


# fmt: off
UPDATES: Final = (
    only_granted(DELIVER, "send other bytes under a delivery that is due", "UPDATE (package) ON deliveries",
                 lambda w: w.move_delivery("validated", package="0" * 64),
                 "deliveries_frozen", "delivery_of_the_rendered_package"),
    only_granted(DELIVER, "delete a delivery that went wrong", "DELETE ON deliveries",
                 pure("DELETE FROM deliveries WHERE id NOT IN (SELECT delivery_id FROM attempts)"),
                 "deliveries_never_deleted"),
    only_granted(DESK, "make a person a radiologist", "UPDATE (role) ON users",
                 lambda w: update("users", {"login": "engineer"}, role="radiologist")),
    only_granted(DESK, "open a closed account", "UPDATE (active) ON users",
                 lambda w: update("users", {"login": "dr.closed"}, active=1)),
    only_granted(DESK, "set somebody's password", "UPDATE (password) ON users",
                 lambda w: update("users", {"login": "dr.martin"}, password="known")),
    only_granted(DESK, "postpone a delivery for ever", "UPDATE (next_attempt_at) ON deliveries",
                 lambda w: w.move_delivery("validated", next_attempt_at="9999-01-01T00:00:00.000000Z")),
    only_granted(DESK, "leave a destination alone without pausing it",
                 "UPDATE (failures, cause_code, rests_until) ON destinations",
                 lambda w: update(
                     "destinations", {"name": "elsewhere"}, failures=1, cause_code="x", rests_until=SIGNED)),
    only_granted(DESK, "write a draft at the desk", "UPDATE (draft) ON results",
                 lambda w: w.move("queued", "awaiting_review", draft="0" * 64)),
    only_granted(INFER, "choose a softer policy for a result", "UPDATE (policy) ON results",
                 lambda w: update("results", {"id": w.id("queued")}, policy="readers-3@1"), "results_frozen"),
    only_granted(INTAKE, "correct an identity at the door", "UPDATE (patient_identifier) ON cases",
                 lambda w: update("cases", {"id": w.cases["open"]}, patient_identifier="IPP-9", identity_version=2)),
    only_granted(INTAKE, "complete a case at the door", "UPDATE (manifest) ON cases",
                 lambda w: w.move_case("receiving", "complete", manifest="0" * 64)),
    only_granted(RELAY, "change a fact on its way", "UPDATE (fact) ON outbox", pure("UPDATE outbox SET fact = '{}'")),
    only_granted(RELAY, "drop facts", "DELETE ON outbox", pure("DELETE FROM outbox")),
    only_granted(INTAKE, "answer a question with another list", "UPDATE (listed) ON commitments",
                 pure("UPDATE commitments SET listed = aet")),
    only_granted(INFER, "say that more was announced", "UPDATE (instances) ON expectations",
                 pure("UPDATE expectations SET instances = 0")),
    only_granted(SWEEP, "take a lease away", "DELETE ON leases", pure("DELETE FROM leases")),
)

READING: Final = (
    only_granted(INFER, "read what clinicians said", "SELECT ON opinions", pure("SELECT statement FROM opinions")),
    only_granted(INTAKE, "read what clinicians said at the door", "SELECT ON opinions",
                 pure("SELECT statement FROM opinions")),
    only_granted(INFER, "read who works here", "SELECT ON users", pure("SELECT name FROM users")),
    only_granted(DELIVER, "read who is signed in", "SELECT ON sessions", pure("SELECT token FROM sessions")),
    only_granted(AUDIT, "read passwords", "SELECT (password) ON users", pure("SELECT password FROM users")),
    only_granted(AUDIT, "read second factors", "SELECT (second_factor) ON users",
                 pure("SELECT second_factor FROM users")),
    only_granted(AUDIT, "read sessions", "SELECT ON sessions", pure("SELECT token FROM sessions")),
    only_granted(DELIVER, "read what the journal says of people", "SELECT (body, actor) ON journal",
                 pure("SELECT body, actor FROM journal")),
    only_granted(RELAY, "read the journal", "SELECT ON journal", pure("SELECT body FROM journal")),
    only_granted(DESK, "write the journal with its own function", "EXECUTE ON FUNCTION aval_journal(text, text, text)",
                 pure("SELECT aval_journal('release.result', 'x', '{}')")),
)
# fmt: on


def _escalations() -> Iterator[Attack]:
    for what, statement in {
        "take the desk's role": "SET ROLE aval_desk",
        "become the owner": "SET SESSION AUTHORIZATION owner",
        "grant itself the desk's role": "GRANT aval_desk TO aval_infer",
        "make itself a superuser": "ALTER ROLE aval_infer SUPERUSER",
        "let roles be inherited": "ALTER ROLE aval_infer INHERIT",
        "switch the walls off": "ALTER TABLE opinions DISABLE TRIGGER ALL",
        "pass for a replica, for which foreign keys do not count": "SET session_replication_role = replica",
        "drop a wall": "DROP TRIGGER opinions_not_while_held ON opinions",
        "drop a constraint": "ALTER TABLE releases DROP CONSTRAINT release_is_sealed",
        "rewrite a wall": "CREATE OR REPLACE FUNCTION aval.opinions_not_while_held() RETURNS trigger "
        "LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "rewrite the hash": "CREATE OR REPLACE FUNCTION aval.aval_sha256(t text) RETURNS text "
        "LANGUAGE sql AS 'SELECT t'",
        "shadow a function the walls call": "CREATE FUNCTION aval.max(bigint) RETURNS bigint "
        "LANGUAGE sql AS 'SELECT 1::bigint'",
        "shadow a function from the public schema": "CREATE FUNCTION public.aval_now() RETURNS text "
        "LANGUAGE sql AS 'SELECT 1'",
        "add a table beside the gate's": "CREATE TABLE aval.opinions_too (x text)",
        "add a trigger of its own": "CREATE TRIGGER mine BEFORE INSERT ON opinions FOR EACH ROW "
        "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "turn insertions into nothing": "CREATE RULE none AS ON INSERT TO stops DO INSTEAD NOTHING",
        "empty a table": "TRUNCATE outbox",
        "replace a view the walls look through": "CREATE OR REPLACE VIEW held_results AS "
        "SELECT id AS result_id FROM results WHERE false",
        "read a file of the server": "SELECT pg_read_file('/etc/passwd')",
        "run a program on the server": "COPY outbox FROM PROGRAM 'id'",
        "own a table": "ALTER TABLE results OWNER TO aval_infer",
        "add an event trigger": "CREATE EVENT TRIGGER mine ON ddl_command_start "
        "EXECUTE FUNCTION aval.journal_follows()",
    }.items():
        yield attack_by(INFER, what, [PLATFORM], pure(statement))


def _shadows() -> Iterator[Attack]:
    """A table of the session's own is found first when a name is looked up, unless the wall says where to look."""
    for name, columns, refused, by in (
        ("held_results", "result_id text", lambda w: _of_aval(w.opinion("model held")), "opinions_not_while_held"),
        ("stops", "scope text, target text", lambda w: _of_aval(w.opinion("site held")), "opinions_not_while_held"),
        (
            "users",
            "login text, active int",
            lambda w: _of_aval(w.opinion("open", "dr.closed")),
            "opinions_by_active_people",
        ),
        ("policies", "ref text, readers int", lambda w: _of_aval(w.decision("half")), "decisions_satisfy_the_policy"),
    ):
        yield attack(
            DESK,
            f"shadow {name} with a temporary table",
            by,
            pure(f"CREATE TEMPORARY TABLE {name} ({columns})"),
            pure(f"INSERT INTO pg_temp.{name} VALUES ({_lie(name)})"),
            pure("SET LOCAL search_path = pg_temp, aval, pg_catalog"),
            refused,
            on=POSTGRESQL,
        )


def _lie(name: str) -> str:
    return {
        "held_results": "'nothing'",
        "stops": "'all', 'nothing'",
        "users": "'dr.closed', 1",
        "policies": "'readers-2@1', 1",
    }[name]


def _of_aval(sql: Sql) -> Sql:
    return sql[0].replace("INSERT INTO ", "INSERT INTO aval."), sql[1]


REPLICA: Final = tuple(
    attack(OWNER, f"edit {table} while passing for a replica", f"{table}_never_updated",
           pure("SET LOCAL session_replication_role = replica"), pure(f"UPDATE {table} SET {change}"), on=POSTGRESQL)
    for table, change in (("opinions", "seal_key = 'x'"), ("releases", "at = 'x'"), ("journal", "actor = 'x'"))
)  # fmt: skip

NEVER_EMPTIED: Final = sorted({wall.on for wall in WALLS if wall.event == "DELETE"})

EMPTIED: Final = tuple(
    attack_by(
        OWNER,
        f"empty {table}",
        [f"{other}_never_truncated" for other in sorted(referring(table)) if other in NEVER_EMPTIED],
        pure(f"TRUNCATE {table} CASCADE"),
    )
    for table in NEVER_EMPTIED
)

ROLE_ATTACKS: Final = (
    *_insertions(),
    *UPDATES,
    *READING,
    *_escalations(),
    *_shadows(),
    *REPLICA,
    *EMPTIED,
)
