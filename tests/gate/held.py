"""Rows about held cases: doubts, a person's word, and the revision that follows; as direct SQL."""

from typing import Any

from tests.gate.rows import Rows
from tests.gate.statements import SIGNED, Sql, insert


def following(world: Rows, name: str, admitted: str = "") -> Sql:
    """The revision after that of ``name``, of the same study."""
    same = (
        "kind, uid, site, patient_identifier, patient_issuer, patient_name, patient_birth_date, patient_sex, "
        "patient_reference, order_number, identity_version, modality, description, started, encounter, "
        "opened_at, last_input_at, moved_at"
    )
    return (
        f"INSERT INTO cases (id, revision, state, version, cause, admitted, {same}) "
        f"SELECT 'following', revision + 1, 'receiving', 0, '', :admitted, {same} FROM cases WHERE id = :id",
        {"id": world.cases[name], "admitted": admitted},
    )


def doubt(world: Rows, name: str, **changes: Any) -> Sql:
    values = {"case_id": world.cases[name], "cause": "two-patients", "subject": "somebody", "holds": 1, "at": SIGNED}
    return insert("doubts", values | changes)


def admission(world: Rows, name: str = "quarantined", **changes: Any) -> Sql:
    values = {
        "id": "word",
        "case_id": world.cases[name],
        "verdict": "admit",
        "by_whom": "operator:root",
        "reason": "vu",
        "at": SIGNED,
    }
    return insert("admissions", values | changes)
