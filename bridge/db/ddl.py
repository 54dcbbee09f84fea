"""Write the triggers of both dialects from walls.py and notes.py: ``python -m bridge.db.ddl``."""

from pathlib import Path
from typing import Final

from bridge.db.note import Note
from bridge.db.notes import NOTES
from bridge.db.wall import Wall
from bridge.db.walls import WALLS

SQL: Final = Path(__file__).parent / "migrations" / "sql"

JOURNAL_LOCK: Final = 4711
"""PostgreSQL's advisory lock of the journal: whoever holds it writes the next link."""

_HEADER: Final = (
    "-- Written from bridge/db/walls.py by `python -m bridge.db.ddl`; a test asserts that it is up to date.\n"
)

_SQLITE_TOP: Final = """
-- SQLite has no SHA-256 and no session variables: each connection that writes brings the functions aval_now(),
-- aval_actor(), aval_role(), aval_sha256(text), aval_challenge(text) and aval_link(...), registered by
-- bridge/db/engine.py. A connection without them cannot move anything, because it cannot write the journal.
"""

_POSTGRESQL_TOP: Final = """
CREATE FUNCTION aval_now() RETURNS text LANGUAGE sql VOLATILE AS
  $$ SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;
CREATE FUNCTION aval_actor() RETURNS text LANGUAGE sql STABLE AS
  $$ SELECT coalesce(nullif(current_setting('aval.actor', true), ''), 'unnamed') $$;
-- The role that logged in: inside a wall, which runs with its owner's rights, current_user is the owner.
CREATE FUNCTION aval_role() RETURNS text LANGUAGE sql STABLE AS
  $$ SELECT session_user::text $$;
CREATE FUNCTION aval_sha256(t text) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT encode(sha256(convert_to(t, 'UTF8')), 'hex') $$;
-- The same text as guarantee/gesture.py: challenge_of.
CREATE FUNCTION aval_challenge(t text) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT rtrim(translate(encode(sha256(convert_to(t, 'UTF8')), 'base64'), '+/', '-_'), '=') $$;
CREATE FUNCTION aval_netstring(t text) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT octet_length(convert_to(t, 'UTF8')) || ':' || t || ',' $$;
-- The same bytes as guarantee/journal.py: link_hash.
CREATE FUNCTION aval_link(seq bigint, at text, actor text, role text, action text, subject text, body text, prev text)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT aval_sha256(aval_netstring('aval.journal/1') || aval_netstring(seq::text) || aval_netstring(at)
    || aval_netstring(actor) || aval_netstring(role) || aval_netstring(action) || aval_netstring(subject)
    || aval_netstring(body) || aval_netstring(prev)) $$;
-- Called by triggers alone. One lock for the whole chain: two transactions never make the same link.
CREATE FUNCTION aval_journal(p_action text, p_subject text, p_body text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = aval, pg_catalog, pg_temp AS $$
DECLARE n bigint; p text; t text; BEGIN
  PERFORM pg_advisory_xact_lock(%d);
  SELECT seq, hash INTO n, p FROM journal ORDER BY seq DESC LIMIT 1;
  n := coalesce(n, 0) + 1;
  p := coalesce(p, repeat('0', 64));
  t := aval_now();
  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash) VALUES
    (n, t, aval_actor(), session_user, p_action, p_subject, p_body, p,
     aval_link(n, t, aval_actor(), session_user::text, p_action, p_subject, p_body, p));
END $$;
""".replace("%d", str(JOURNAL_LOCK))


def sqlite_wall(wall: Wall) -> str:
    """Return the trigger of ``wall`` for SQLite."""
    refuse = f"({wall.unless}) IS NOT TRUE"
    when = f"({wall.when}) AND {refuse}" if wall.when else refuse
    return (
        f"CREATE TRIGGER {wall.name} BEFORE {wall.event} ON {wall.on} FOR EACH ROW\n"
        f"WHEN {when}\n"
        f"BEGIN SELECT RAISE(ABORT, 'wall {wall.name}: {_quoted(wall.says)}'); END;\n"
    )


def postgresql_wall(wall: Wall) -> str:
    """Return the trigger of ``wall`` for PostgreSQL. SECURITY DEFINER: it sees every row, whoever writes."""
    refuse = f"({wall.unless}) IS NOT TRUE"
    condition = f"({wall.when}) AND {refuse}" if wall.when else refuse
    where = f" WHERE {wall.when}" if wall.when else ""
    lock = f"  PERFORM pg_advisory_xact_lock({JOURNAL_LOCK}){where};\n" if wall.alone else ""
    row = "OLD" if wall.event == "DELETE" else "NEW"
    return (
        f"CREATE FUNCTION {wall.name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER\n"
        f"SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN\n"
        f"{lock}"
        f"  IF {condition} THEN\n"
        f"    RAISE EXCEPTION 'wall {wall.name}: {_quoted(wall.says)}' USING ERRCODE = '23514';\n"
        f"  END IF;\n"
        f"  RETURN {row};\nEND $$;\n"
        f"CREATE TRIGGER {wall.name} BEFORE {wall.event} ON {wall.on} FOR EACH ROW EXECUTE FUNCTION {wall.name}();\n"
        f"ALTER TABLE {wall.on} ENABLE ALWAYS TRIGGER {wall.name};\n"
    )


def sqlite_note(note: Note) -> str:
    """Return the trigger of ``note`` for SQLite."""
    fields = ", ".join(f"'{key}', {sql}" for key, sql in note.body.items())
    when = f"WHEN {note.when}\n" if note.when else ""
    last = "(SELECT j.hash FROM journal j ORDER BY j.seq DESC LIMIT 1)"
    return (
        f"CREATE TRIGGER {note.name} AFTER {note.event} ON {note.on} FOR EACH ROW\n"
        f"{when}"
        f"BEGIN\n"
        f"  INSERT INTO journal (seq, at, actor, role, action, subject, body, prev, hash)\n"
        f"  SELECT n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev,\n"
        f"    aval_link(n.seq, aval_now(), aval_actor(), aval_role(), n.action, n.subject, n.body, n.prev)\n"
        f"  FROM (SELECT (SELECT coalesce(max(j.seq), 0) + 1 FROM journal j) AS seq,\n"
        f"    coalesce({last}, '{'0' * 64}') AS prev,\n"
        f"    {note.action} AS action, {note.subject} AS subject, json_object({fields}) AS body) n;\n"
        f"END;\n"
    )


def postgresql_note(note: Note) -> str:
    """Return the trigger of ``note`` for PostgreSQL."""
    fields = ", ".join(f"'{key}', {sql}" for key, sql in note.body.items())
    call = f"PERFORM aval_journal({note.action}, {note.subject}, json_build_object({fields})::text);"
    body = f"IF {note.when} THEN {call} END IF;" if note.when else call
    return (
        f"CREATE FUNCTION {note.name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER\n"
        f"SET search_path = aval, pg_catalog, pg_temp AS $$ BEGIN\n  {body}\n  RETURN NULL;\nEND $$;\n"
        f"CREATE TRIGGER {note.name} AFTER {note.event} ON {note.on} FOR EACH ROW EXECUTE FUNCTION {note.name}();\n"
        f"ALTER TABLE {note.on} ENABLE ALWAYS TRIGGER {note.name};\n"
    )


def postgresql_truncate_walls() -> str:
    """Return the triggers that refuse TRUNCATE, which row triggers do not see."""
    tables = sorted({wall.on for wall in WALLS if wall.event == "DELETE"})
    function = (
        "CREATE FUNCTION never_truncated() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n"
        "  RAISE EXCEPTION 'wall never_truncated: % is never emptied', TG_TABLE_NAME USING ERRCODE = '23514';\n"
        "END $$;\n"
    )
    return function + "".join(
        f"CREATE TRIGGER {table}_never_truncated BEFORE TRUNCATE ON {table} EXECUTE FUNCTION never_truncated();\n"
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_never_truncated;\n"
        for table in tables
    )


def sqlite_sql() -> str:
    """Return the whole file for SQLite."""
    parts = [*map(sqlite_wall, WALLS), *map(sqlite_note, NOTES)]
    return _HEADER + _SQLITE_TOP + "\n" + "\n".join(parts)


def postgresql_sql() -> str:
    """Return the whole file for PostgreSQL."""
    parts = [*map(postgresql_wall, WALLS), postgresql_truncate_walls(), *map(postgresql_note, NOTES)]
    return _HEADER + _POSTGRESQL_TOP + "\n" + "\n".join(parts)


def _quoted(text: str) -> str:
    return text.replace("'", "''")


FILES: Final = {"0002_walls.sqlite.sql": sqlite_sql, "0002_walls.postgresql.sql": postgresql_sql}

if __name__ == "__main__":
    for name, write in FILES.items():
        (SQL / name).write_text(write())
