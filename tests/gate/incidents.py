"""Rows about incidents, as direct SQL.

In the world: "told", a D3 on "open", whose case is frozen, and was frozen before; "ready", a D3 with everything that
closing asks for; "undone", a D2 with an action that nobody has done; "over", a closed D2; "bare", without a line.
"""

from typing import Any, Final

from guarantee.policy import Role
from tests.gate.statements import SIGNED, Sql, insert
from tests.guarantee.samples import a_reader

OFFICER: Final = a_reader("dpo", Role.DPO)


def incident(w: Any, name: str = "open", **changes: Any) -> Sql:
    values = {"id": "i", "result_id": w.id(name), "by_whom": "dr.martin", "caught": 1, "at": SIGNED}
    return insert("incidents", values | changes)


def line(incident: str = "told", n: int = 2, kind: str = "action", **changes: Any) -> Sql:
    values = {"incident_id": incident, "n": n, "kind": kind, "subject": "", "word": "", "note": "lobe gauche manqué"}
    person = {"by_whom": "committee", "by_role": "committee", "second": "", "at": SIGNED}
    return insert("incident_lines", values | person | changes)


def grade(incident: str = "told", n: int = 2, **changes: Any) -> Sql:
    person = {"by_whom": "dr.petit", "by_role": "clinician"}
    return line(incident, n, "grade", **({"word": "D3"} | person | changes))


def closing(incident: str = "ready", n: int = 5, **changes: Any) -> Sql:
    return line(incident, n, "closed", **({"second": "dpo"} | changes))


def freeze(w: Any, name: str = "open", **changes: Any) -> Sql:
    values = {"id": "f", "incident": "told", "by": "committee", "at": SIGNED, "case": w.cases[name]} | changes
    return (
        "INSERT INTO freezes (id, incident_id, kind, case_uid, by_whom, at) "
        "SELECT :id, :incident, c.kind, c.uid, :by, :at FROM cases c WHERE c.id = :case",
        values,
    )


def thaw(**changes: Any) -> Sql:
    values = {"freeze_id": "frozen", "by_whom": "committee", "second": "dpo", "reason": "revue close", "at": SIGNED}
    return insert("freeze_ends", values | changes)


def forget(w: Any, name: str = "open") -> Sql:
    return (
        "DELETE FROM conversations WHERE case_uid = (SELECT c.uid FROM cases c WHERE c.id = :case)",
        {"case": w.cases[name]},
    )


def rows(w: Any) -> list[Sql]:
    """What the world holds of these."""
    return [
        *(incident(w, id=name) for name in ("told", "ready", "undone", "over", "bare")),
        *(grade(name, 1) for name in ("told", "ready")),
        *(grade(name, 1, word="D2") for name in ("undone", "over")),
        line("ready", 2, "answers", note="{}"),
        line("ready", 3, "action", subject="1"),
        line("ready", 4, "done", subject="1"),
        line("undone", 2, "action", subject="1"),
        line("over", 2, "closed"),
        freeze(w, id="frozen"),
        freeze(w, id="lifted"),
        thaw(freeze_id="lifted"),
    ]
