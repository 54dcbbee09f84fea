"""Rows about what news of a feed names, and about what was taken out for a patient, as direct SQL."""

from typing import Any

from tests.gate.statements import SIGNED, Sql, insert


def mention(**changes: Any) -> Sql:
    values = {"message": "1" * 64, "who": 0, "issuer": "CHU", "value": "IPP-1", "joined": 1, "sender": "dpi"}
    return insert("mentions", values | {"at": SIGNED} | changes)


def access(**changes: Any) -> Sql:
    """By the data protection officer of the world."""
    values = {"id": "a", "issuer": "CHU", "value": "IPP-1", "by_whom": "dpo", "by_role": "dpo", "reason": "demande 12"}
    return insert("accesses", values | {"lines": 1, "objects": 0, "at": SIGNED} | changes)
