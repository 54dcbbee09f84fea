"""The life of a model version: no stage is skipped, each is signed by who may, and below pilot nobody is treated."""

from itertools import product
from typing import Any

import pytest

from guarantee.errors import Malformed, NotAllowed, NotEntitled
from guarantee.lifecycle import (
    ASKS,
    BEGINS,
    INSTALLER,
    MODEL_LIFE,
    STAGES,
    Line,
    Stage,
    allowed,
    beginning,
    signed,
    standing,
)
from guarantee.policy import Role
from guarantee.result import Mode
from guarantee.revalidation import Level
from tests.guarantee.samples import a_reader, at

MARTIN, LEROY = a_reader("dr.martin"), a_reader("dr.leroy")
ENGINEER, LEARNER = a_reader("engineer", Role.ENGINEER), a_reader("learner", Role.LEARNER)


def line(stage: Stage, n: int = 1, **changes: Any) -> Line:
    values: dict[str, Any] = {"model": "lung@1.0.0", "n": n, "stage": stage, "by": "dr.martin", "second": ""}
    return Line(**values | {"reason": "essai", "at": at(n)} | changes)


def until(stage: Stage, by: str = "engineer") -> tuple[Line, ...]:
    """Return a life that has come to ``stage``."""
    stages = STAGES[: STAGES.index(stage) + 1]
    granter = {Stage.ROUTINE: "dr.petit"}
    return tuple(line(each, n, by=by, second=granter.get(each, "")) for n, each in enumerate(stages, 1))


def test_a_life_goes_from_idea_to_routine_and_back_step_by_step() -> None:
    lines: tuple[Line, ...] = ()
    for stage in STAGES[1:-1]:
        lines = (*lines, signed(lines, line(stage, len(lines) + 1), MARTIN, None))
    routine = line(Stage.ROUTINE, len(lines) + 1, second="dr.leroy")
    lines = (*lines, signed(lines, routine, MARTIN, LEROY))
    for stage in (Stage.PILOT, Stage.SHADOW, Stage.POC, Stage.FRAMING):
        lines = (*lines, signed(lines, line(stage, len(lines) + 1), MARTIN, None))
    assert lines[-1].stage is Stage.FRAMING


@pytest.mark.parametrize(("here", "to"), [*product(STAGES, STAGES)])
def test_what_the_table_does_not_have_is_not_done(here: Stage, to: Stage) -> None:
    possible = {target for (source, _), target in MODEL_LIFE.items() if source is here}
    asked = line(to, 9, second="dr.leroy" if to is Stage.ROUTINE else "")
    if to in possible:
        assert signed(until(here), asked, MARTIN, LEROY) is asked
        return
    with pytest.raises(NotAllowed, match=f"is at {here}; from there it goes to"):
        signed(until(here), asked, MARTIN, LEROY)


@pytest.mark.parametrize(
    ("to", "by", "second"),
    [
        (Stage.POC, LEARNER, None),
        (Stage.PILOT, LEARNER, None),
        (Stage.PILOT, ENGINEER, None),
        (Stage.ROUTINE, LEARNER, LEROY),
        (Stage.ROUTINE, MARTIN, ENGINEER),
        (Stage.ROUTINE, MARTIN, None),
    ],
)
def test_who_may_not_sign_does_not(to: Stage, by: Any, second: Any) -> None:
    before = STAGES[STAGES.index(to) - 1]
    asked = line(to, 9, by=by.login, second="dr.leroy" if to is Stage.ROUTINE else "")
    with pytest.raises(NotEntitled, match=str(to)):
        signed(until(before), asked, by, second)


def test_an_engineer_may_ask_for_routine_and_never_grants_it() -> None:
    asked = line(Stage.ROUTINE, 9, by="engineer", second="dr.leroy")
    assert signed(until(Stage.PILOT), asked, ENGINEER, LEROY) is asked


def test_whoever_asked_for_an_earlier_stage_does_not_grant_the_routine() -> None:
    asked = line(Stage.ROUTINE, 9, by="dr.leroy", second="dr.martin")
    with pytest.raises(NotEntitled, match=r"dr\.martin asked for an earlier stage"):
        signed(until(Stage.PILOT, by="dr.martin"), asked, LEROY, MARTIN)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "lung"},
        {"stage": Stage.SUSPENDED},
        {"stage": Stage.RETIRED},
        {"n": 0},
        {"by": ""},
        {"reason": "  "},
        {"stage": Stage.ROUTINE},
        {"stage": Stage.ROUTINE, "second": "dr.martin"},
        {"by": INSTALLER, "n": 2},
        {"by": INSTALLER, "stage": Stage.ROUTINE, "second": "dr.martin"},
    ],
)
def test_a_line_that_says_too_little_or_too_much_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        line(**{"stage": Stage.PILOT} | changes)


@pytest.mark.parametrize("mode", Mode)
def test_below_pilot_nobody_is_treated(mode: Mode) -> None:
    assert {stage: allowed(stage, mode) for stage in (None, *Stage)} == {
        None: mode,
        Stage.IDEA: None,
        Stage.FRAMING: None,
        Stage.POC: Mode.SHADOW,
        Stage.SHADOW: Mode.SHADOW,
        Stage.PILOT: mode,
        Stage.ROUTINE: mode,
        Stage.SUSPENDED: mode,
        Stage.RETIRED: None,
    }


def test_a_new_version_begins_where_its_level_says_and_no_further_than_the_one_it_follows() -> None:
    assert {level: beginning(level, None) for level in Level} == BEGINS
    assert beginning(Level.TEXTS, Stage.ROUTINE) is Stage.SHADOW
    assert beginning(Level.TEXTS, Stage.FRAMING) is Stage.FRAMING
    assert {stage for stage in BEGINS.values() if STAGES.index(stage) >= STAGES.index(Stage.PILOT)} == set()


def test_a_retirement_ends_a_stop_suspends_and_else_the_last_line_says() -> None:
    assert standing(Stage.PILOT, suspended=True, retired=True) is Stage.RETIRED
    assert standing(Stage.PILOT, suspended=True, retired=False) is Stage.SUSPENDED
    assert standing(Stage.PILOT, suspended=False, retired=False) is Stage.PILOT
    assert standing(None, suspended=False, retired=False) is None


def test_every_stage_says_what_it_asks() -> None:
    assert ASKS.keys() == set(Stage)
