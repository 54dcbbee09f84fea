"""Rows about versions: which is in routine, which is tried, and when that is over; as direct SQL.

In the world "tried" has seven versions: 1 was in routine, 2 is, 3 is tried at one site for half of the cases, 4 is
retired, 5 stands at shadow, 6 at poc, 7 is suspended; the others stand at pilot. "once" has one version, the first.
"""

from dataclasses import replace
from typing import Any, Final

from guarantee.case import CaseKind
from guarantee.lifecycle import Stage
from guarantee.rollout import Trial
from tests.gate.statements import SIGNED, Sql, insert
from tests.guarantee.samples import MODEL, at

VERSIONS: Final = tuple(replace(MODEL, name="tried", version=f"{n}.0.0") for n in range(1, 8))
ONCE: Final = replace(MODEL, name="once")
WAS, IS, TRIED, OVER, SEEN, PROVED, STOPPED = (model.id for model in VERSIONS)
STAGES: Final = {SEEN: Stage.SHADOW, PROVED: Stage.POC}

_WORD: Final = {"by_whom": "operator:root", "reason": "essai", "at": SIGNED}
_GRANTED: Final = {"by_whom": "engineer", "second": "dr.leroy"}


def appointment(**changes: Any) -> Sql:
    """Version 2 is rolled back."""
    values = {"seq": 900, "name": "tried", "model_id": WAS, "step": "rollback", "below": None}
    return insert("appointments", values | _WORD | changes)


def promotion(model: str = TRIED, **changes: Any) -> Sql:
    """Version 3 is promoted."""
    return appointment(**{"model_id": model, "step": "promote", "below": 2} | _GRANTED | changes)


def first(name: str, version: str = "1.0.0", **changes: Any) -> Sql:
    """A version is the first of its name in routine."""
    values: dict[str, Any] = {"name": name, "model_id": f"{name}@{version}", "step": "first", "below": None}
    return promotion(**{"model": values.pop("model_id")} | values | changes)


def trial(**changes: Any) -> Sql:
    """Version 3 is tried at another site too."""
    values = {"id": "t", "name": "tried", "model_id": TRIED, "under": 2, "shadow": 1, "share": 0, "site": "elsewhere"}
    return insert("trials", values | {"drawn_below": "00000000", "seed": "0" * 32} | _WORD | changes)


def trial_end(which: str, **changes: Any) -> Sql:
    return insert("trial_ends", {"trial_id": which} | _WORD | changes)


def drawing(drawn: str, missed: str) -> Trial:
    """Return a trial of half of the studies that one study drew and another did not."""
    for n in range(1000):
        made = Trial(
            model=TRIED,
            under=2,
            shadow=False,
            share=50,
            site="chu",
            seed=f"{n:032x}",
            by="operator:root",
            reason="essai",
            at=at(0),
        )
        if made.takes(CaseKind.STUDY, drawn) and not made.takes(CaseKind.STUDY, missed):
            return made
    raise AssertionError("a quarter of all seeds does")


def trial_row(made: Trial) -> Sql:
    return trial(
        id=made.id,
        shadow=int(made.shadow),
        share=made.share,
        drawn_below=made.drawn_below,
        site=made.site,
        seed=made.seed,
    )
