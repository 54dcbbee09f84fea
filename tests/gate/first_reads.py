"""Rows about first reads, as direct SQL.

In the world every result under "read-first" is read first by whoever reads it, and only radiologists do. "first" is
as the model left it; "first opened", "first said", "first revealed" are each a step further with dr.martin, and of
"first asked" dr.martin was asked, as by a desk that forgets the rule.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from guarantee.case import CaseKind
from guarantee.first_read import Draw, Exposure, Impression, Surface, Word
from guarantee.policy import Role
from tests.db.databases import policy_row
from tests.gate.statements import ASKED, ROLES_OF, Sql, insert
from tests.guarantee.samples import POLICY, at

if TYPE_CHECKING:
    from tests.gate.world import Builder, World

READ_FIRST: Final = replace(POLICY, id="read-first", roles=frozenset({Role.RADIOLOGIST}), first_read=1000)
UNDRAWN: Final = replace(POLICY, id="undrawn", first_read=500)
"""Nobody committed a seed for it."""

DRAW: Final = Draw(policy=READ_FIRST.ref, share=1000, seed="0123456789abcdef" * 2, at=at(0))


def draw(**changes: Any) -> Sql:
    """A policy under which there is no result yet gets its seed."""
    values = {"policy": "readers-3@1", "seed": DRAW.seed, "drawn_below": DRAW.drawn_below, "at": ASKED}
    return insert("draws", values | changes)


def opening(w: World, name: str, by: str = "dr.martin", **changes: Any) -> Sql:
    values = {"result_id": w.id(name), "reader": by, "reader_role": ROLES_OF[by], "opened_at": ASKED}
    return insert("first_reads", values | changes)


def impression_of(w: World, name: str, by: str = "dr.martin") -> Impression:
    return Impression(result=w.id(name), reader=by, kind=CaseKind.STUDY, word=Word.PRESENT, note="", at=at(100_000))


def impression(w: World, name: str, by: str = "dr.martin", **changes: Any) -> Sql:
    values = {"id": impression_of(w, name, by).id, "result_id": w.id(name), "reader": by, "kind": "study"}
    return insert("impressions", values | {"word": "present", "note": "", "at": ASKED} | changes)


def exposure(w: World, name: str, by: str = "dr.martin", **changes: Any) -> Sql:
    made = Exposure(
        result=w.id(name),
        reader=by,
        surface=Surface.REVEAL,
        shown=w.draft(name),
        nonce=f"{name}:{by}",
        at=at(100_000),
    )
    values = {"id": made.id, "result_id": made.result, "reader": by, "surface": "reveal", "shown": made.shown}
    return insert("exposures", values | {"nonce": made.nonce, "at": ASKED} | changes)


def opinion(w: World, name: str, **changes: Any) -> Sql:
    """An opinion that says which first impression came before it."""
    said = impression_of(w, name).id
    values = {"first_read": said, "statement": f'{{"first_read":"{said}"}}'}
    return w.opinion(name, **(values | changes))


def build(builder: Builder) -> None:
    """Put the results in."""
    w = builder.world
    row = {"policy": DRAW.policy, "seed": DRAW.seed, "drawn_below": DRAW.drawn_below, "at": ASKED}
    builder.sql("owner", *(insert("policies", policy_row(one)) for one in (READ_FIRST, UNDRAWN)), insert("draws", row))
    for name in ("first", "first opened", "first, expired", "first opened, expired"):
        builder.open(name, policy=READ_FIRST.ref)
    for name in ("first asked", "first said", "first revealed"):
        builder.open(name, "dr.martin", policy=READ_FIRST.ref)
    for name in ("first opened", "first opened, expired", "first said", "first revealed"):
        builder.sql("aval_desk", opening(w, name))
    for name in ("first said", "first revealed"):
        builder.sql("aval_desk", impression(w, name))
    builder.sql("aval_desk", exposure(w, "first revealed"))
    for name in ("first, expired", "first opened, expired"):
        builder.steps.expire(w.results[name])
