"""Rights at the desk: said before the form, listed to whom they concern; and every page, held against every role."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from guarantee.habilitation import Lack
from guarantee.policy import Role
from tests.desk import cases
from tests.desk.asking import opinion, question
from tests.desk.conftest import SignIn
from tests.desk.fake_desk import FakeDesk

# ------------------------------------------------------------------------------------------------ the review page

SAYS = {
    Lack.NONE: ("Personne ne vous a habilité", "Nobody has given you the right"),
    Lack.REVOKED: ("a été retirée", "was revoked"),
    Lack.EXPIRED: ("est terminée", "has ended"),
}


def lose(desk: FakeDesk, lack: Lack) -> None:
    """Bring dr.martin into want of a right."""
    if lack is Lack.NONE:
        desk.give_everybody(())
    elif lack is Lack.REVOKED:
        desk.take_away("dr.martin")
    else:
        desk.offset = timedelta(days=400)


@pytest.mark.parametrize("lack", SAYS)
def test_the_page_says_before_the_form_who_may_not_endorse_and_who_can_help(
    sign_in: SignIn, desk: FakeDesk, lack: Lack
) -> None:
    result = desk.stage(cases.chest_case(1))
    lose(desk, lack)
    client = sign_in(login="dr.martin")
    for said, language in zip(SAYS[lack], ("fr", "en"), strict=True):
        page = client.get(f"/results/{result}?lang={language}").text
        assert said in page
        assert "COLIN" in page
        assert 'data-manner="closed"' in page
        assert "<form id=" not in page
        assert "Nodule solide" not in page


def test_nobody_who_could_help_is_said_too(sign_in: SignIn, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    del desk.people["z.colin"]
    desk.take_away("dr.martin")
    assert "no member of the AI committee has an account" in sign_in(login="dr.martin").get(f"/results/{result}").text


def test_the_api_refuses_what_the_page_does_not_offer(sign_in: SignIn, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    client = sign_in(login="dr.martin")
    asked = question(client, result)
    desk.take_away("dr.martin")
    for answer in (
        client.post(f"/api/results/{result}/question"),
        client.post(f"/api/results/{result}/opinions", json=opinion(asked)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not-habilitated")
    assert not desk.cases[result].opinions


def test_who_has_the_right_is_told_nothing_of_it(sign_in: SignIn, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    desk.take_away("dr.martin")
    page = sign_in(login="dr.benali").get(f"/results/{result}").text
    assert 'data-manner="ask"' in page
    assert 'id="lacking"' not in page


def test_what_was_signed_names_the_right_it_was_signed_under(sign_in: SignIn, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    client = sign_in(login="dr.martin")
    assert client.post(f"/api/results/{result}/opinions", json=opinion(question(client, result))).status_code == 201
    page = client.get(f"/results/{result}").text
    assert "By right of" in page
    assert "module 1, 2026-11-10, 18/20" in page


def test_a_second_reader_is_told_that_somebody_signed_and_not_what(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.policy = desk.policy.__class__(
        id="read-twice", version=1, readers=2, roles=desk.policy.roles, expires_after_s=86_400
    )
    result = desk.stage(cases.chest_case(1))
    first = sign_in(login="dr.martin")
    said = opinion(question(first, result)) | {"comment": "bizarre"}
    assert first.post(f"/api/results/{result}/opinions", json=said).status_code == 201
    page = sign_in(login="dr.benali").get(f"/results/{result}").text
    assert 'id="read-before"' in page
    assert 'data-manner="ask"' in page
    for kept in ("bizarre", "MARTIN", "Accepted"):
        assert kept not in page
    assert 'id="read-before"' not in first.get(f"/results/{result}").text


# ------------------------------------------------------------------------------------------------ the page of rights


def test_everybody_sees_their_own_rights(sign_in: SignIn, desk: FakeDesk) -> None:
    page = sign_in(login="dr.martin").get("/rights").text
    assert page.count('class="card system"') == len(cases.cards())
    assert "MARTIN" in page
    assert "BENALI" not in page
    assert "no right to endorse" in sign_in(Role.LEARNER).get("/rights").text


def test_the_committee_sees_everybodys_and_what_ends_soon_first(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.take_away("dr.durand", holds=False)
    committee = sign_in(Role.COMMITTEE)
    page = committee.get("/rights").text
    assert "BENALI" in page
    assert "0 rights end within 30 days" in page
    assert page.index("In force") < page.index("Revoked")
    assert "what was signed stands" in page
    french = committee.get("/rights?lang=fr").text
    assert "Habilitations" in french
    assert "En vigueur" in french


def test_nobody_may_endorse_anything_at_first(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.give_everybody(())
    assert "no right has been given" in sign_in(Role.COMMITTEE).get("/rights").text


# ------------------------------------------------------------------------------------------ every page, every role

REVIEW = frozenset({Role.RADIOLOGIST, Role.CLINICIAN})
NAMED = REVIEW | {Role.LEARNER}

PAGES = {
    "/": "/",
    "/worklist": "/worklist",
    "/worklist/rows": "/worklist/rows",
    "/results/{result}": "/results/{result}",
    "/results/{result}/outcome": "/results/{result}/outcome",
    "/results/{result}/timeline": "/results/{result}/timeline",
    "/systems": "/systems",
    "/destinations": "/destinations",
    "/rights": "/rights",
    "/incidents": "/incidents",
    "/incidents/{incident}/fei": "/incidents/00000000-0000-0000-0000-000000000000/fei",
    "/passkeys": "/passkeys",
    "/about": "/about",
    "/monitoring": "/monitoring",
    "/monitoring.csv": "/monitoring.csv",
    "/monitoring/drift": "/monitoring/drift",
    "/monitoring/drift.csv": "/monitoring/drift.csv",
    "/sign-in": "/sign-in",
}
"""Each page with an address of it. All may open them; what stands there depends on who looks."""

OF_SIGNERS = {"/passkeys"}
"""What only people who sign are shown."""

EMPTY = {"/monitoring/drift.csv", "/incidents/{incident}/fei"}
"""Nothing is compared yet, and nothing was reported, whoever asks."""

ELSEWHERE = {"/launch", "/launch/{ticket}", "/launch/handover", "/launch/callback", "/IHEInvokeImageDisplay"}
ELSEWHERE |= {"/sign-in/provider", "/sign-in/callback", "/sign-out"}
"""Doors for other systems, which lead to a page of the table (test_desk_launch.py, test_desk_sign_in.py)."""


def test_the_table_names_every_page(app: FastAPI) -> None:
    routers = [getattr(route, "original_router", None) for route in app.routes]
    found = {
        route.path
        for router in routers
        for route in (router.routes if router else ())
        if isinstance(route, APIRoute) and not route.path.startswith(("/api/", "/healthz", "/readyz", "/dicom-web"))
    }
    assert found == PAGES.keys() | ELSEWHERE


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("page", PAGES)
def test_each_role_reads_on_each_page_what_it_may_and_no_more(
    sign_in: SignIn, desk: FakeDesk, role: Role, page: str
) -> None:
    staged = cases.chest_case(1)
    result = desk.stage(staged)
    answer = sign_in(role).get(PAGES[page].format(result=result))
    refused = page in OF_SIGNERS and role not in REVIEW
    assert answer.status_code == (403 if refused else 404 if page in EMPTY else 200)
    for drafted in ("Nodule solide", "nodule-1", "Micronodule", "9,4 mm"):
        assert drafted not in answer.text
    if role not in NAMED:
        for trait in (staged.case.patient.name.split("^")[0], staged.case.patient.identifier, staged.case.order):
            assert trait not in answer.text
    if role not in REVIEW:
        assert 'data-api="/api/stops"' not in answer.text
        assert "<form id=" not in answer.text


@pytest.mark.parametrize("page", PAGES.keys() - {"/sign-in", "/about"})
def test_nobody_reads_a_page_without_signing_in(nobody: TestClient, desk: FakeDesk, page: str) -> None:
    result = desk.stage(cases.chest_case(1))
    answer = nobody.get(PAGES[page].format(result=result), follow_redirects=False)
    assert answer.status_code in {303, 401}
