"""Rows about rights: who may endorse what in the world, who gave it, and how it ends; as direct SQL."""

from dataclasses import replace
from typing import Any, Final

from bridge.db.habilitations import grant_row
from guarantee.habilitation import Grant
from tests.gate.statements import SIGNED, Sql, insert
from tests.guarantee.samples import MODEL, a_right

HELD, HELD_VERSION = (replace(MODEL, name=name) for name in ("held-model", "held-version"))
SOON: Final = a_right("dr.leroy", evidence="module 1; supervised 5")
"""A right that nobody has used."""

OTHER_MODEL: Final = a_right("dr.martin", HELD)
OTHER_MAJOR: Final = a_right("dr.martin", major="2")
OTHER_SITE: Final = a_right("dr.martin", site="held-site")
ALIKE: Final = a_right("dr.martin", major="10")
OVER: Final = a_right("dr.martin", until=a_right().at.replace(month=11, day=21))
LATER: Final = a_right("dr.martin", since=a_right().at.replace(month=12, day=1))
LOST: Final = a_right("dr.martin", evidence="module 0")
"""A right that was revoked before anybody used it."""

GIVEN: Final = (
    *(a_right(login) for login in ("learner", "engineer", "dr.closed")),
    *(a_right("dr.martin", model) for model in (HELD, HELD_VERSION)),
    *(SOON, OTHER_MAJOR, ALIKE, OTHER_SITE, OVER, LATER, LOST),
)


def grant(grant: Grant = SOON, **changes: Any) -> Sql:
    """A right that is right in every respect, given at the time of the other attacks."""
    values = {"id": "g", "since": SIGNED, "until": SIGNED.replace("2026", "2027"), "at": SIGNED}
    return insert("habilitations", grant_row(grant) | values | changes)


def revocation(grant: Grant, **changes: Any) -> Sql:
    values = {"grant_id": grant.id, "holds": 1, "by_whom": "operator:root", "reason": "essai", "at": SIGNED}
    return insert("revocations", values | changes)


def refusal(**changes: Any) -> Sql:
    values = {"id": "r", "result_id": "x", "login": "dr.martin", "cause": "no-right", "at": SIGNED}
    return insert("refusals", values | changes)
