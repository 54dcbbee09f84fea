"""Rows about what resumes and what is taken back together, as direct SQL.

In the world, version "held-version@1.0.0" is stopped and was examined before that. Two recalls were ordered: "few" of
two results, of which one is named, and "empty" of one that nobody has named. One reader has read that "retracted" was.
"""

from typing import Any, Final

from tests.gate.statements import SIGNED, Sql, insert
from tests.guarantee.samples import MODEL, digest_of

HELD_VERSION: Final = f"held-version@{MODEL.version}"
BEFORE: Final = "2000-01-01T00:00:00.000000Z"
SINCE: Final = "2099-01-01T00:00:00.000000Z"
LATER: Final = "2099-01-02T00:00:00.000000Z"


def examination(model: str = HELD_VERSION, **changes: Any) -> Sql:
    values = {"id": "e", "model_id": model, "cases": digest_of("golden"), "failure": "", "by_whom": "infer"}
    return insert("examinations", values | {"at": SINCE} | changes)


def recall(**changes: Any) -> Sql:
    values = {"id": "r", "reason": "model-defect", "comment": "mesures fausses", "criteria": "", "copies": ""}
    return insert("recalls", values | {"many": 1, "by_whom": "dr.martin", "second": "", "at": SIGNED} | changes)


def item(w: Any, name: str = "amended", recall: str = "few", **changes: Any) -> Sql:
    values = {"recall_id": recall, "result_id": w.id(name), "cause_code": "", "cause_detail": "", "tried_at": None}
    return insert("recall_items", values | changes)


def acknowledgement(w: Any, name: str = "retracted", login: str = "dr.leroy", **changes: Any) -> Sql:
    return insert("acknowledgements", {"result_id": w.id(name), "login": login, "at": SIGNED} | changes)


def resumption(w: Any, target: str = HELD_VERSION, scope: str = "version", **changes: Any) -> Sql:
    values = {"action": "resume", "second": "dr.leroy", "seq": 901} | changes
    return w.stop(scope, target, **values)  # type: ignore[no-any-return]


def rows(w: Any) -> list[Sql]:
    """What the world holds of these."""
    return [
        examination(id="before", at=BEFORE),
        recall(id="few", many=2),
        recall(id="empty"),
        item(w, "delivered"),
        acknowledgement(w, login="dr.martin"),
    ]
