"""Rows about what learners prepare, as direct SQL.

In the world learners prepare under "cosigned". "to prepare" was revealed to the learner and to dr.martin, "prepared" is
a step further; the other results are each wrong in one respect.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from guarantee.habilitation import Act
from tests.db.databases import policy_row
from tests.gate.first_reads import exposure
from tests.gate.statements import ROLES_OF, SEAL, SIGNED, Sql, insert
from tests.guarantee.samples import COSIGNED, POLICY, a_right

if TYPE_CHECKING:
    from tests.gate.world import Builder, World

ELSE: Final = replace(COSIGNED, id="cosigned-too")

PREPARES: Final = {
    login: a_right(login, act=Act.PREPARE, evidence=f"module 1; {login}") for login in ("learner", "dr.martin")
}
CLOSED: Final = a_right("dr.closed", act=Act.PREPARE)
GIVEN: Final = (*PREPARES.values(), CLOSED)


def name_of(name: str, by: str = "learner") -> str:
    return f"preparation {name}:{by}"


def preparation(w: World, name: str, by: str = "learner", **changes: Any) -> Sql:
    result = w.results[name]
    values = {
        "id": name_of(name, by),
        "result_id": result.id,
        "nonce": f"{name}:{by}",
        "reader": by,
        "reader_role": ROLES_OF[by],
        "grant_id": (PREPARES | {"dr.closed": CLOSED})[by].id,
        "policy": result.policy,
        "verdict": "accept",
        "shown": w.draft(name),
        "content": w.draft(name),
        "statement": "{}",
        "signed_at": SIGNED,
    }
    return insert("preparations", values | SEAL | changes)


def opinion(w: World, name: str, by: str = "learner", **changes: Any) -> Sql:
    """An opinion of dr.martin that says what was prepared, by whom."""
    named = name_of(name, by)
    return w.opinion(name, **({"prepared": named, "statement": f'{{"prepared":"{named}"}}'} | changes))


def build(builder: Builder) -> None:
    """Put the results in."""
    w = builder.world
    builder.sql("owner", *(insert("policies", policy_row(one)) for one in (COSIGNED, ELSE)))
    for name in ("to prepare", "prepared", "prepared by a senior", "signed before", "overtaken", "too late"):
        builder.open(name, "learner", "dr.martin", "dr.closed", policy=COSIGNED.ref)
        builder.sql("aval_desk", *(exposure(w, name, by) for by in ("learner", "dr.martin", "dr.closed")))
    builder.open("not for learners", "learner", policy=POLICY.ref)
    builder.sql("aval_desk", exposure(w, "not for learners", "learner"))
    builder.open("not revealed", "learner", policy=COSIGNED.ref)
    builder.sql(
        "aval_desk",
        preparation(w, "prepared"),
        preparation(w, "prepared by a senior", "dr.martin"),
        w.opinion("signed before"),
    )
    builder.steps.supersede(builder.case_of("overtaken"))
    builder.steps.expire(w.results["too late"])
