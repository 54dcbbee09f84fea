"""Rows about patients who object to AI, as direct SQL. In the world nobody does: an attack puts it in first."""

from typing import Any, Final

from tests.gate.statements import SIGNED, Sql, insert
from tests.guarantee.samples import a_case

OBJECTED: Final = "objection"


def objection(**changes: Any) -> Sql:
    """What the record says of the patient whom every case of the world is about."""
    who = a_case("1.2").patient
    values = {"seq": 1, "id": "first", "authority": who.issuer, "identifier": who.identifier, "word": "record"}
    return insert(
        "objections", values | {"by_whom": "record:dpi", "reason": "Consent", "source": "1", "at": SIGNED} | changes
    )


def lift(**changes: Any) -> Sql:
    said = {"seq": 2, "id": "second", "word": "lift", "by_whom": "dr.martin", "reason": "erreur", "source": ""}
    return objection(**said | changes)
