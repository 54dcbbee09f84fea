"""Stops, and whether the world is still the one a draft was made in."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarantee.case import Case
from guarantee.errors import Held, Malformed, NotEntitled, Refused, WorldChanged
from guarantee.policy import Role
from guarantee.result import Mode, Result
from guarantee.states import CaseState
from guarantee.stops import Action, Scope, Stop, in_force, require_may_resume
from guarantee.world import obstacles, require_unchanged
from tests.guarantee.samples import MODEL, a_complete_case, a_result, at, digest_of

TARGETS = {Scope.ALL: "", Scope.MODEL: MODEL.name, Scope.VERSION: MODEL.id, Scope.SITE: "chu", Scope.DEVICE: "mr-2"}


ANSWERING = {Role.RADIOLOGIST, Role.CLINICIAN, Role.COMMITTEE}


@pytest.mark.parametrize("first", Role)
@pytest.mark.parametrize("second", Role)
def test_engineers_resume_with_somebody_who_answers_and_the_others_never(first: Role, second: Role) -> None:
    both = {first, second}
    if both <= ANSWERING | {Role.ENGINEER} and both & ANSWERING:
        require_may_resume(first, second)
    else:
        with pytest.raises(NotEntitled):
            require_may_resume(first, second)


def a_line(scope: Scope = Scope.MODEL, action: Action = Action.STOP, **changes: Any) -> Stop:
    values: dict[str, Any] = {
        "target": TARGETS[scope],
        "by": "dr.martin",
        "second": "dr.leroy" if action is Action.RESUME else "",
        "reason": "mesures fausses",
        "at": at(0),
    }
    return Stop(scope=scope, action=action, **values | changes)


@pytest.mark.parametrize(
    "make",
    [
        lambda: a_line(Scope.ALL, target="x"),
        lambda: a_line(Scope.MODEL, target=""),
        lambda: a_line(Scope.VERSION, target=""),
        lambda: a_line(Scope.SITE, target=""),
        lambda: a_line(Scope.DEVICE, target=""),
        lambda: a_line(by=""),
        lambda: a_line(reason=" "),
        lambda: a_line(action=Action.RESUME, second=""),
        lambda: a_line(action=Action.RESUME, second="dr.martin"),
    ],
)
def test_a_line_says_what_who_and_why_and_two_people_resume(make: Any) -> None:
    with pytest.raises(Malformed):
        make()


@pytest.mark.parametrize("scope", Scope)
def test_each_scope_covers_what_it_names(scope: Scope) -> None:
    line = a_line(scope)
    sent_by = {"mr-1", "mr-2"}
    assert line.covers(MODEL, "chu", sent_by)
    assert line.covers(replace(MODEL, version="2.0.0"), "chu", sent_by) is (scope is not Scope.VERSION)
    assert line.covers(replace(MODEL, name="other"), "chu", sent_by) is (scope not in {Scope.MODEL, Scope.VERSION})
    assert line.covers(MODEL, "clinic", sent_by) is (scope is not Scope.SITE)
    assert line.covers(MODEL, "chu", {"mr-1"}) is (scope is not Scope.DEVICE)
    assert line.covers(MODEL, "chu") is (scope is not Scope.DEVICE)


def test_one_person_stops_and_two_resume() -> None:
    stop = a_line()
    assert in_force([stop]) == (stop,)
    assert in_force([stop, a_line(action=Action.RESUME)]) == ()
    assert in_force([stop, a_line(action=Action.RESUME), stop]) == (stop,)


def test_resuming_one_scope_leaves_the_others() -> None:
    lines = [a_line(scope) for scope in Scope]
    left = in_force([*lines, a_line(Scope.MODEL, Action.RESUME)])
    assert {line.scope for line in left} == set(Scope) - {Scope.MODEL}
    assert in_force([a_line(), a_line(Scope.MODEL, Action.RESUME, target="other")]) == (a_line(),)


@given(st.lists(st.tuples(st.sampled_from(Scope), st.sampled_from(Action))))
def test_the_last_line_of_each_scope_decides(drawn: list[tuple[Scope, Action]]) -> None:
    last = dict(drawn)
    force = in_force([a_line(scope, action) for scope, action in drawn])
    assert {line.scope for line in force} == {scope for scope, action in last.items() if action is Action.STOP}


CASE = a_complete_case()
RESULT = a_result(CASE)


def test_an_unchanged_world_forbids_nothing() -> None:
    assert obstacles(RESULT, CASE, (), ()) == ()
    require_unchanged(RESULT, CASE, (), ())


@pytest.mark.parametrize(
    ("result", "case", "stops", "codes", "error"),
    [
        (RESULT, replace(CASE, state=CaseState.SUPERSEDED), (), ["inputs-changed"], WorldChanged),
        (RESULT, replace(CASE, state=CaseState.QUARANTINED), (), ["inputs-changed"], WorldChanged),
        (RESULT, replace(CASE, state=CaseState.RECEIVING), (), ["inputs-changed"], WorldChanged),
        (RESULT, replace(CASE, manifest=digest_of("more")), (), ["manifest-changed"], WorldChanged),
        (RESULT, replace(CASE, identity_version=2), (), ["identity-changed"], WorldChanged),
        (replace(RESULT, mode=Mode.SHADOW), CASE, (), ["shadow"], WorldChanged),
        *((RESULT, CASE, (a_line(scope),), ["held"], Held) for scope in Scope),
        (RESULT, replace(CASE, identity_version=2), (a_line(),), ["identity-changed", "held"], WorldChanged),
        (RESULT, CASE, (a_line(), a_line(Scope.ALL)), ["held", "held"], Held),
    ],
)
def test_each_change_of_the_world_is_an_obstacle(
    result: Result, case: Case, stops: tuple[Stop, ...], codes: list[str], error: type[Refused]
) -> None:
    assert [cause.code for cause in obstacles(result, case, stops, ())] == codes
    with pytest.raises(error, match=codes[0]):
        require_unchanged(result, case, stops, ())


@pytest.mark.parametrize(
    ("scope", "target", "suspends"),
    [
        (Scope.ALL, "", True),
        (Scope.MODEL, "lung", True),
        (Scope.MODEL, "lun", False),
        (Scope.VERSION, "lung@1.0.0", True),
        (Scope.VERSION, "lung@1.0.1", False),
        (Scope.SITE, "lung", False),
    ],
)
def test_a_version_is_suspended_by_every_stop_but_that_of_a_site(scope: Scope, target: str, *, suspends: bool) -> None:
    assert a_line(scope=scope, target=target).suspends("lung@1.0.0") is suspends
