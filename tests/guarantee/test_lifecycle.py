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
    SIGNED,
    STAGES,
    Line,
    Stage,
    allowed,
    beginning,
    require_granted,
    require_kept,
    require_triable,
    require_untried,
    signed,
    standing,
)
from guarantee.opinion import Reader
from guarantee.policy import Role
from guarantee.result import Mode
from guarantee.revalidation import Level
from tests.guarantee.samples import a_reader, at

MARTIN, LEROY = a_reader("dr.martin"), a_reader("dr.leroy")
ENGINEER, LEARNER = a_reader("engineer", Role.ENGINEER), a_reader("learner", Role.LEARNER)
MODEL = "lung@1.0.0"
SAID = {Stage.ROUTINE: "in routine", Stage.SUSPENDED: "suspended", Stage.RETIRED: "retired"}


def line(stage: Stage, n: int = 1, **changes: Any) -> Line:
    values: dict[str, Any] = {"model": MODEL, "n": n, "stage": stage, "by": "dr.martin"}
    return Line(**values | {"reason": "essai", "at": at(n)} | changes)


def until(stage: Stage, by: str = "engineer") -> tuple[Line, ...]:
    """Return a life that has come to ``stage``."""
    return tuple(line(each, n, by=by) for n, each in enumerate(STAGES[: STAGES.index(stage) + 1], 1))


def test_a_life_goes_from_idea_to_pilot_and_back_step_by_step() -> None:
    here = Stage.IDEA
    for stage in (*STAGES[1:], Stage.SHADOW, Stage.POC, Stage.FRAMING):
        here = signed(line(stage, 9), MARTIN, here).stage
    assert here is Stage.FRAMING


@pytest.mark.parametrize(("here", "to"), [*product(Stage, STAGES)])
def test_what_the_table_does_not_have_is_not_done(here: Stage, to: Stage) -> None:
    possible = {target for (source, move), target in MODEL_LIFE.items() if source is here and move in SIGNED}
    asked = line(to, 9)
    if to in possible:
        assert signed(asked, MARTIN, here) is asked
        return
    said = f"is at {here}; from there it goes to" if here in STAGES else rf"lung@1\.0\.0 is {SAID[here]}"
    with pytest.raises(NotAllowed, match=said):
        signed(asked, MARTIN, here)


@pytest.mark.parametrize(("to", "by"), [(Stage.POC, LEARNER), (Stage.PILOT, LEARNER), (Stage.PILOT, ENGINEER)])
def test_who_may_not_sign_does_not(to: Stage, by: Reader) -> None:
    with pytest.raises(NotEntitled, match=str(to)):
        signed(line(to, 9, by=by.login), by, STAGES[STAGES.index(to) - 1])


@pytest.mark.parametrize("here", Stage)
@pytest.mark.parametrize("share", [0, 10])
def test_a_version_is_tried_in_shadow_mode_from_shadow_on_and_for_care_from_pilot_on(here: Stage, share: int) -> None:
    if here in ({Stage.PILOT} if share else {Stage.SHADOW, Stage.PILOT}):
        require_triable(MODEL, here, share=share)
        return
    with pytest.raises(NotAllowed, match=f"is at {here}: it is tried {'for care' if share else 'in shadow mode'} from"):
        require_triable(MODEL, here, share=share)


@pytest.mark.parametrize("to", STAGES)
@pytest.mark.parametrize("share", [0, 10])
def test_a_trial_never_outlives_the_stage_that_it_needs(to: Stage, share: int) -> None:
    if to in ({Stage.PILOT} if share else {Stage.SHADOW, Stage.PILOT}):
        require_untried(MODEL, to, share=share)
        return
    with pytest.raises(NotAllowed, match="end the trial before"):
        require_untried(MODEL, to, share=share)


@pytest.mark.parametrize("here", [stage for stage in Stage if stage is not Stage.PILOT])
def test_a_version_is_promoted_from_pilot_and_from_nowhere_else(here: Stage) -> None:
    require_granted(MODEL, until(Stage.PILOT), Stage.PILOT, ENGINEER, LEROY)
    with pytest.raises(NotAllowed, match=f"is at {here}: a version is promoted from pilot"):
        require_granted(MODEL, until(Stage.PILOT), here, ENGINEER, LEROY)


@pytest.mark.parametrize(("by", "second"), [(LEARNER, LEROY), (MARTIN, ENGINEER), (MARTIN, MARTIN), (MARTIN, LEARNER)])
def test_who_may_not_grant_a_routine_does_not(by: Reader, second: Reader) -> None:
    with pytest.raises(NotEntitled, match="routine is signed for by"):
        require_granted(MODEL, until(Stage.PILOT), Stage.PILOT, by, second)


def test_whoever_asked_for_an_earlier_stage_does_not_grant_the_routine() -> None:
    with pytest.raises(NotEntitled, match=r"dr\.martin asked for an earlier stage"):
        require_granted(MODEL, until(Stage.PILOT, by="dr.martin"), Stage.PILOT, LEROY, MARTIN)


def test_one_goes_back_to_what_nobody_took_the_pilot_from() -> None:
    require_kept(MODEL, until(Stage.PILOT))
    with pytest.raises(NotAllowed, match=r"lung@1\.0\.0 was returned to shadow"):
        require_kept(MODEL, (*until(Stage.PILOT), line(Stage.SHADOW, 6)))
    with pytest.raises(NotAllowed, match="returned to idea"):
        require_kept(MODEL, ())


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "lung"},
        {"stage": Stage.ROUTINE},
        {"stage": Stage.SUSPENDED},
        {"stage": Stage.RETIRED},
        {"n": 0},
        {"by": ""},
        {"reason": "  "},
        {"by": INSTALLER, "n": 2},
    ],
)
def test_a_line_that_says_too_little_or_too_much_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        line(**{"stage": Stage.PILOT} | changes)


@pytest.mark.parametrize("mode", Mode)
def test_below_pilot_nobody_is_treated(mode: Mode) -> None:
    assert {stage: allowed(stage, mode) for stage in (None, *Stage)} == {
        None: None,
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
    assert beginning(Level.TEXTS, Stage.PILOT) is Stage.SHADOW
    assert beginning(Level.TEXTS, Stage.FRAMING) is Stage.FRAMING
    assert Stage.PILOT not in BEGINS.values()


def test_a_retirement_ends_a_stop_suspends_an_appointment_is_routine_and_else_the_last_line_says() -> None:
    pilot = line(Stage.PILOT)
    assert standing(pilot, routine=True, suspended=True, retired=True) is Stage.RETIRED
    assert standing(pilot, routine=True, suspended=True, retired=False) is Stage.SUSPENDED
    assert standing(pilot, routine=True, suspended=False, retired=False) is Stage.ROUTINE
    assert standing(pilot, routine=False, suspended=False, retired=False) is Stage.PILOT
    assert standing(None, routine=False, suspended=False, retired=False) is Stage.IDEA


def test_every_stage_says_what_it_asks() -> None:
    assert ASKS.keys() == set(Stage)
