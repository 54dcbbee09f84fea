"""Discordances at the desk: reported from any result, listed with their clocks to who oversees them, printed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from guarantee.incident import OVERSEERS
from guarantee.policy import Role
from tests.desk import cases
from tests.desk.asking import opinion, question
from tests.desk.conftest import Open, SignIn, until
from tests.desk.fake_desk import FakeDesk
from tests.desk.site import FakeSite

WORDS = "lobe gauche manqué"


def report(client: TestClient, result: str, grade: str = "D3") -> str:
    answer = client.post(f"/api/results/{result}/incidents", json={"grade": grade, "reason": WORDS})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["incident"])


@pytest.mark.parametrize("decided", [False, True])
def test_any_result_can_be_reported_before_and_after_its_decision(
    sign_in: SignIn, desk: FakeDesk, *, decided: bool
) -> None:
    result = desk.stage(cases.chest_case(1))
    client = sign_in()
    if decided:
        asked = question(client, result)
        assert client.post(f"/api/results/{result}/opinions", json=opinion(asked)).status_code == 201
    assert f'data-api="/api/results/{result}/incidents"' in client.get(f"/results/{result}").text
    incident = report(client, result)
    assert desk.reporting.files[incident].incident.caught is not decided


def test_harm_stops_the_version_and_the_next_page_says_so(sign_in: SignIn, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    client = sign_in()
    report(client, result, "D4")
    page = client.get("/incidents?lang=fr").text
    assert "stop-banner" in page
    assert "gelé" in page


def test_a_wrong_report_is_refused_in_words(sign_in: SignIn, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    client = sign_in()
    for said in ({"grade": "D9", "reason": "x"}, {"grade": "D3", "reason": ""}, {"grade": "D3", "reason": " "}):
        answer = client.post(f"/api/results/{result}/incidents", json=said)
        assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
    nothing = "00000000-0000-0000-0000-000000000000"
    assert client.post(f"/api/results/{nothing}/incidents", json={"grade": "D3", "reason": "x"}).status_code == 404
    refused = sign_in(Role.SECRETARY).post(f"/api/results/{result}/incidents", json={"grade": "D4", "reason": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "role-refused")
    assert desk.reporting.files == {}


@pytest.mark.parametrize("role", Role)
def test_who_oversees_sees_all_and_the_others_their_own(sign_in: SignIn, desk: FakeDesk, role: Role) -> None:
    incident = report(sign_in(login="dr.martin"), desk.stage(cases.chest_case(1)))
    client = sign_in(role) if role is not Role.RADIOLOGIST else sign_in(login="dr.benali")
    sees = role in OVERSEERS | {Role.ENGINEER}
    page = client.get("/incidents").text
    assert (WORDS in page) is sees
    assert ("Settle a declaration" in page) is (role in OVERSEERS)
    assert client.get(f"/incidents/{incident}/fei").status_code == (200 if sees else 404)


def test_what_must_be_declared_has_a_clock_that_runs_out_in_sight(sign_in: SignIn, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    report(sign_in(), result)
    assert "0 incidents have a clock" in sign_in(Role.COMMITTEE).get("/incidents").text
    desk.offset = timedelta(days=-2)
    report(sign_in(), result, "D3")
    desk.offset = timedelta(0)
    page = sign_in(Role.COMMITTEE).get("/incidents").text
    assert "1 incident has a clock that ran out" in page
    assert "Overdue" in page
    assert "2 near-misses" in page


def test_answers_and_declarations_change_what_the_page_says_and_who_may_not_changes_nothing(
    sign_in: SignIn, desk: FakeDesk
) -> None:
    incident = report(sign_in(), desk.stage(cases.chest_case(1)))
    officer, address = sign_in(Role.DPO), f"/api/incidents/{incident}/lines"
    steps: list[dict[str, Any]] = [
        {"kind": "answers", "answers": {"data": "yes"}},
        {"kind": "declared", "duty": "gdpr-33", "note": "CNIL-2026-17"},
        {"kind": "set-aside", "duty": "security", "note": "pas d'intrusion"},
        {"kind": "action", "note": "seuil revu", "due": "2026-12-31"},
        {"kind": "done", "number": "1", "note": "version 1.0.1"},
    ]
    for step in steps:
        refused = sign_in(Role.SECRETARY).post(address, json=step)
        assert (refused.status_code, refused.json()["code"]) == (403, "role-refused")
        assert officer.post(address, json=step).status_code == 201
    page = officer.get("/incidents").text
    assert "To be declared, by the answers" not in page.split("Violation de données")[1].split("</li>")[0]
    for said in ("CNIL-2026-17", "pas d&#39;intrusion", "seuil revu"):
        assert said in page
    for wrong in ({"kind": "answers", "answers": {"weather": "yes"}}, {"kind": "action", "note": "x", "due": "demain"}):
        assert officer.post(address, json=wrong).status_code == 422


def test_the_sheet_is_filled_in_french_and_names_no_patient(sign_in: SignIn, desk: FakeDesk) -> None:
    staged = cases.chest_case(1)
    incident = report(sign_in(), desk.stage(staged))
    page = sign_in(Role.COMMITTEE).get(f"/incidents/{incident}/fei").text
    for said in (WORDS, "à compléter par le déclarant", "D3, la prise en charge change maintenant", incident):
        assert said in page
    for trait in (staged.case.patient.name.split("^")[0], staged.case.patient.identifier, staged.case.order):
        assert trait not in page


def test_by_keyboard_alone_a_discordance_is_reported(
    browser: Open, site: FakeSite, picture: Callable[[Any, str], None]
) -> None:
    result = site.brain()
    page = browser(f"/results/{result}?lang=fr")
    page.focus("#report > summary")
    page.keyboard.press("Enter")
    picture(page, "report.fr")
    until(page, "document.activeElement.name === 'grade'")
    page.keyboard.type("D3")
    page.keyboard.press("Tab")
    page.keyboard.type(WORDS)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/incidents")
    assert WORDS in page.inner_text("main")
