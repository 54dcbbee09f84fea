"""Which version is in routine, how one goes back, and which case a version that is tried gets."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from guarantee.case import CaseKind
from guarantee.errors import Malformed, NotAllowed
from guarantee.lifecycle import INSTALLER, Line, Stage
from guarantee.result import Mode
from guarantee.rollout import (
    Appointment,
    Assigned,
    Part,
    Rollout,
    Step,
    Trial,
    TrialEnd,
    in_routine,
    promoted,
    rolled_back,
)
from tests.guarantee.samples import at

WORD: dict[str, Any] = {"by": "operator:root", "reason": "essai"}
BOTH: dict[str, Any] = {"by": "engineer", "second": "dr.leroy", "reason": "essai"}
SEED = "0123456789abcdef" * 2
OLD, NEW, LATER = "lung@1.0.0", "lung@2.0.0", "lung@3.0.0"


def history(*steps: str | None) -> tuple[Appointment, ...]:
    """Promote each version in turn; None goes back. Numbers are given as the list gives them."""
    lines: tuple[Appointment, ...] = ()
    for n, model in enumerate(steps, start=1):
        made = (
            promoted(model, lines, at=at(n), **BOTH)
            if model
            else rolled_back("lung", lines, at=at(n), further=True, **WORD)
        )
        lines = (*lines, replace(made, seq=n))
    return lines


def a_trial(**changes: Any) -> Trial:
    values: dict[str, Any] = {"model": NEW, "under": 1, "shadow": True, "share": 0, "site": "", "seed": SEED}
    return Trial(**{**values, "at": at(9), **WORD, **changes})


# --------------------------------------------------------------------------------------------------------- in routine


def test_the_last_line_of_each_name_counts() -> None:
    lines = history(OLD, NEW)
    other = replace(lines[0], seq=3, model="heart@1.0.0")
    assert {name: line.model for name, line in in_routine((*lines, other)).items()} == {
        "lung": NEW,
        "heart": "heart@1.0.0",
    }


@pytest.mark.parametrize(
    ("steps", "present"),
    [
        ((OLD,), OLD),
        ((OLD, NEW), NEW),
        ((OLD, NEW, None), OLD),
        ((OLD, NEW, LATER, None), NEW),
        ((OLD, NEW, LATER, None, None), OLD),
        ((OLD, NEW, None, LATER), LATER),
        ((OLD, NEW, None, LATER, None), OLD),
        ((OLD, NEW, None, NEW, None), OLD),
    ],
)
def test_a_rollback_goes_to_the_version_that_was_replaced_and_never_forward(
    steps: tuple[str | None, ...], present: str
) -> None:
    assert history(*steps)[-1].model == present


def test_nobody_goes_back_two_versions_by_asking_twice() -> None:
    lines = history(OLD, NEW, LATER, None)
    with pytest.raises(NotAllowed, match=r"lung was rolled back to lung@2\.0\.0 on .* --further"):
        rolled_back("lung", lines, at=at(9), **WORD)
    assert rolled_back("lung", lines, at=at(9), further=True, **WORD).model == OLD


def test_there_must_be_something_to_go_back_to() -> None:
    with pytest.raises(NotAllowed, match="no version of lung was ever in routine"):
        rolled_back("lung", (), at=at(9), **WORD)
    with pytest.raises(NotAllowed, match=r"lung@1\.0\.0 is in routine and there was none before it"):
        rolled_back("lung", history(OLD), at=at(9), **WORD)


def test_what_is_in_routine_is_not_promoted_again() -> None:
    with pytest.raises(NotAllowed, match=r"lung@2\.0\.0 is in routine already"):
        promoted(NEW, history(OLD, NEW), at=at(9), **BOTH)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "lung"},
        {"model": "@1"},
        {"model": "lung@"},
        {"by": ""},
        {"reason": " "},
        {"step": Step.FIRST, "below": 1},
        {"step": Step.PROMOTE, "below": None},
        {"second": ""},
        {"second": "engineer"},
        {"step": Step.PROMOTE, "below": 1, "second": ""},
        {"step": Step.PROMOTE, "below": 1, "by": INSTALLER},
        {"step": Step.ROLLBACK, "below": 1, "by": INSTALLER},
    ],
)
def test_an_appointment_says_which_version_who_why_and_after_which(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        replace(history(OLD)[0], **changes)


def test_one_person_goes_back_and_an_installer_alone_appoints_the_first() -> None:
    (first,) = history(OLD)
    assert first.needs_two
    assert not replace(first, by=INSTALLER, second="").needs_two
    assert not history(OLD, NEW, None)[-1].needs_two


# ------------------------------------------------------------------------------------------------------------- trials


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "lung"},
        {"by": ""},
        {"reason": ""},
        {"share": -1},
        {"share": 100},
        {"shadow": False, "share": 0},
        {"seed": "abc"},
        {"seed": "Z" * 32},
    ],
)
def test_a_trial_that_tries_nothing_or_cannot_be_drawn_again_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        a_trial(**changes)


def test_the_end_of_a_trial_says_who_and_why() -> None:
    assert TrialEnd(trial=a_trial().id, at=at(1), **WORD).by == "operator:root"
    with pytest.raises(Malformed):
        TrialEnd(trial="t", by="", reason="x", at=at(1))


def test_anybody_can_repeat_the_draw_with_sha256_alone() -> None:
    trial = a_trial(share=10)
    by_hand = hashlib.sha256(f"{SEED}:study:1.2.3".encode()).hexdigest()
    assert trial.draw(CaseKind.STUDY, "1.2.3") == by_hand
    assert trial.drawn_below == "19999999"
    assert trial.takes(CaseKind.STUDY, "1.2.3") is (int(by_hand, 16) < int("19999999" + "0" * 56, 16))


def test_a_share_is_the_share_of_the_draws() -> None:
    for share in (1, 10, 50, 99):
        trial = a_trial(share=share)
        taken = sum(trial.takes(CaseKind.STUDY, f"1.2.{n}") for n in range(20_000))
        assert abs(taken / 20_000 - share / 100) < 0.012, "the seed is fixed: this is one number, never another"


def test_another_seed_draws_other_cases_and_a_stay_is_no_study() -> None:
    one, other = a_trial(share=50), a_trial(share=50, seed="f" * 32)
    cases = [f"1.2.{n}" for n in range(64)]
    assert [one.takes(CaseKind.STUDY, uid) for uid in cases] != [other.takes(CaseKind.STUDY, uid) for uid in cases]
    assert one.draw(CaseKind.STUDY, "1.2") != one.draw(CaseKind.RECORD, "1.2")
    assert one.id != other.id


# ------------------------------------------------------------------------------------------------- who looks at a case


def rollout(*trials: Trial) -> Rollout:
    return Rollout(appointments=in_routine(history(OLD)), trials=trials)


def given(made: Rollout, uid: str = "1.2", site: str = "chu") -> list[tuple[str, Mode, Part]]:
    return [(one.model, one.mode, one.part) for one in made.assigned("lung", site, CaseKind.STUDY, uid)]


def test_without_a_trial_the_version_in_routine_looks_alone() -> None:
    assert given(rollout()) == [(OLD, Mode.CARE, Part.ROUTINE)]
    assert given(Rollout()) == []
    assert (rollout().versions("lung"), Rollout().versions("lung")) == ((OLD,), ())


def test_a_shadow_looks_beside_the_version_in_routine() -> None:
    made = rollout(a_trial())
    assert given(made) == [(OLD, Mode.CARE, Part.ROUTINE), (NEW, Mode.SHADOW, Part.SHADOW)]
    assert made.versions("lung") == (OLD, NEW)
    assert {one.draw for one in made.assigned("lung", "chu", CaseKind.STUDY, "1.2")} == {None}


@pytest.mark.parametrize("shadow", [False, True])
def test_a_canary_gets_its_draws_for_care_and_the_other_version_the_rest(*, shadow: bool) -> None:
    trial = a_trial(share=30, shadow=shadow)
    seen = set()
    for uid in (f"1.2.{n}" for n in range(40)):
        taken = trial.takes(CaseKind.STUDY, uid)
        care, part, other = (NEW, Part.CANARY, OLD) if taken else (OLD, Part.ROUTINE, NEW)
        beside = [(other, Mode.SHADOW, Part.SHADOW)] if shadow else []
        assert given(rollout(trial), uid) == [(care, Mode.CARE, part), *beside]
        (first, *_) = rollout(trial).assigned("lung", "chu", CaseKind.STUDY, uid)
        assert first == Assigned(model=care, mode=Mode.CARE, part=part, trial=trial, draw=first.draw)
        assert first.draw is not None
        assert (first.draw < 30) is taken
        seen.add(taken)
    assert seen == {True, False}


def test_a_trial_at_one_site_leaves_the_others_alone() -> None:
    here, there = a_trial(site="chu"), a_trial(site="chg", model=LATER)
    made = rollout(here, there, a_trial(model="heart@2"))
    assert given(made) == [(OLD, Mode.CARE, Part.ROUTINE), (NEW, Mode.SHADOW, Part.SHADOW)]
    assert given(made, site="chg")[1][0] == LATER
    assert given(made, site="clinic") == [(OLD, Mode.CARE, Part.ROUTINE)]
    assert made.versions("lung") == (OLD, NEW, LATER)


# ----------------------------------------------------------------------------------- while none was ever in routine


def lived(*stages: Stage, name: str = "lung") -> Rollout:
    """Return what is known when version 1, 2 … of a name stand at these stages, and none was ever appointed."""
    lines = [
        Line(model=f"{name}@{n}.0.0", n=1, stage=stage, by=INSTALLER, reason="essai", at=at(n))
        for n, stage in enumerate(stages, 1)
    ]
    return Rollout(lives={line.model: line for line in lines})


@pytest.mark.parametrize(
    ("stages", "chosen"),
    [
        ((), LATER),
        ((Stage.SHADOW, Stage.SHADOW, Stage.SHADOW), LATER),
        ((Stage.PILOT, Stage.POC, Stage.SHADOW), OLD),
        ((Stage.POC, Stage.SHADOW), NEW),
        ((Stage.PILOT, Stage.PILOT, Stage.SHADOW), NEW),
        ((Stage.PILOT, Stage.SHADOW, Stage.PILOT), LATER),
    ],
)
def test_a_version_that_is_installed_later_takes_nothing_from_the_one_that_is_further(
    stages: tuple[Stage, ...], chosen: str
) -> None:
    assert lived(*stages).foremost("lung", LATER) == chosen


def test_where_a_version_stands_follows_from_its_appointment_and_its_last_line() -> None:
    made = replace(lived(Stage.PILOT, Stage.PILOT), appointments=in_routine(history(OLD)))
    rest = {"suspended": False, "retired": False}
    assert [made.standing(model, **rest) for model in (OLD, NEW, LATER)] == [Stage.ROUTINE, Stage.PILOT, Stage.IDEA]
    assert made.standing("heart@1.0.0", **rest) is Stage.IDEA
    assert made.standing(OLD, suspended=True, retired=False) is Stage.SUSPENDED


def test_another_model_is_nobodys_foremost_version() -> None:
    made = lived(Stage.PILOT, name="heart")
    assert made.foremost("lung", OLD) == OLD
    assert (made.stage("heart@1.0.0"), made.stage(OLD)) == (Stage.PILOT, None)
