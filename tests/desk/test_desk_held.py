"""Held cases are seen with their cause, and what was let through is said beside the patient."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from bridge.web import words
from bridge.web.worklist import ROWS_MAX
from guarantee.case import Case
from guarantee.identity import Doubt
from guarantee.policy import Role
from guarantee.states import CaseState
from tests.desk import cases
from tests.desk.conftest import SignIn
from tests.desk.fake_desk import FakeDesk


def a_held_case(cause: str = "two-patients") -> Case:
    case = cases.chest_case(2).case
    patient = replace(case.patient, name="Yamada^Tarou=山田^太郎=やまだ^たろう")
    return replace(case, state=CaseState.QUARANTINED, cause=cause, manifest=None, patient=patient)


def test_a_held_case_is_seen_with_its_cause_and_counted(radiologist: TestClient, desk: FakeDesk) -> None:
    desk.held_cases.append(a_held_case())
    desk.held_cases.append(a_held_case("never-heard-of"))
    text = radiologist.get("/worklist", params={"show": "to-understand", "lang": "en"}).text

    for said in ("2 held cases", "Yamada Tarou (山田 太郎)", "its images name two patients", "never-heard-of"):
        assert said in text
    assert '<span class="count">2</span>' in text
    assert "held cases" not in radiologist.get("/worklist?lang=en").text


def test_more_held_cases_than_fit_are_said_to_be_more(radiologist: TestClient, desk: FakeDesk) -> None:
    desk.held_cases.extend([a_held_case()] * (ROWS_MAX + 5))
    text = radiologist.get("/worklist", params={"show": "to-understand", "lang": "en"}).text

    assert text.count("data-case=") == ROWS_MAX
    assert f'<span class="count">{ROWS_MAX}+</span>' in text
    assert f"Only the first {ROWS_MAX} are shown." in text


def test_whose_held_case_it_is_is_not_shown_to_everybody(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.held_cases.append(a_held_case())
    text = sign_in(Role.ENGINEER).get("/worklist", params={"show": "to-understand"}).text

    assert a_held_case().id[:8] in text
    for kept in ("Yamada", "山田", a_held_case().patient.identifier, a_held_case().description):
        assert kept not in text


def test_a_reader_is_told_what_somebody_let_through(radiologist: TestClient, desk: FakeDesk) -> None:
    staged = cases.chest_case(1)
    admitted = replace(staged.case, admitted="identity-collision two-patients")
    result = desk.stage(replace(staged, case=admitted))
    text = radiologist.get(f"/results/{result}", params={"lang": "en"}).text

    assert text.count("identity-doubt") == 2
    assert "name two patients; a person admitted" in text


def test_an_ordinary_exam_says_nothing_of_the_kind(radiologist: TestClient, chest: str) -> None:
    assert "identity-doubt" not in radiologist.get(f"/results/{chest}").text


@pytest.mark.parametrize("doubt", Doubt)
def test_every_doubt_has_its_words(doubt: Doubt) -> None:
    assert words.flag_text(doubt) != doubt
    assert words.doubt_text(doubt) != doubt or not doubt.holds
