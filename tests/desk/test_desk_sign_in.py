"""The way to the identity provider and back, over a desk in memory: cookies, addresses, sessions, pages."""

from dataclasses import replace

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from bridge.oidc.errors import (
    Astray,
    IdentityRefused,
    LevelTooLow,
    OidcError,
    ProviderRefused,
    ProviderUnavailable,
    TokenRefused,
    UnknownHere,
)
from bridge.web.app import make_app
from bridge.web.services import Session
from bridge.web.throttle import ADDRESS_TRIES_MAX, Throttle
from guarantee.policy import Role
from tests.desk.conftest import OPTIONS, ORIGIN, SignIn
from tests.desk.fake_desk import FakeDesk
from tests.desk.people import LOGINS, PASSWORD, code_of

TICKET = "t" * 43


@pytest.fixture
def app(desk: FakeDesk) -> FastAPI:
    made = make_app(desk, replace(OPTIONS, provider="Pro Santé Connect"))
    made.state.parts = replace(made.state.parts, throttle=Throttle())
    desk.entrance.token = vouched(desk)
    return made


def vouched(desk: FakeDesk, token: str = "vouched-token") -> str:
    reader = desk.people[LOGINS[Role.RADIOLOGIST]]
    desk.sessions[token] = (Session(reader=reader, auth="oidc:eidas1", since=desk.now()), desk.now())
    return token


def go(client: TestClient, target: str = "") -> str:
    """Leave for the provider; return the state."""
    query = f"?next={target}" if target else ""
    answer = client.get(f"/sign-in/provider{query}", follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("state=")[2].partition("&")[0]


def come_back(client: TestClient, state: str, **more: str) -> object:
    return client.get("/sign-in/callback", params={"state": state, "code": "c"} | more, follow_redirects=False)


def test_the_sign_in_page_offers_the_provider_and_the_form_while_it_is_open(nobody: TestClient, desk: FakeDesk) -> None:
    page = nobody.get(f"/sign-in?next=/launch/{TICKET}").text
    assert f"/sign-in/provider?next=/launch/{TICKET}" in page
    assert "Sign in with Pro Santé Connect" in page
    assert 'name="password"' in page
    desk.entrance.is_local = False
    page = nobody.get("/sign-in").text
    assert 'name="password"' not in page
    assert "Accounts with a password are closed here" in page
    login = LOGINS[Role.RADIOLOGIST]
    answer = nobody.post("/api/session", json={"login": login, "password": PASSWORD, "code": code_of(login)})
    assert (answer.status_code, answer.json()["code"]) == (403, "local-accounts-closed")


@pytest.mark.parametrize(
    ("target", "led"),
    [
        ("", "/worklist"),
        ("/systems", "/systems"),
        (f"/launch/{TICKET}", f"/launch/{TICKET}"),
        ("https://elsewhere.example", "/worklist"),
        ("//elsewhere.example", "/worklist"),
        ("/\\elsewhere.example", "/worklist"),
        ("/sign-in/callback", "/worklist"),
    ],
)
def test_a_sign_in_leads_to_own_pages_alone(nobody: TestClient, target: str, led: str) -> None:
    answer = come_back(nobody, go(nobody, target))
    assert (answer.status_code, answer.headers["location"]) == (303, led)
    assert nobody.get("/api/session").json()["auth"] == "oidc:eidas1"


def test_a_target_that_changed_on_the_way_leads_nowhere_else(nobody: TestClient, desk: FakeDesk) -> None:
    state = go(nobody)
    browser, _ = desk.entrance.left[state]
    desk.entrance.left[state] = (browser, "https://elsewhere.example")
    assert come_back(nobody, state).headers["location"] == "/worklist"


def test_whoever_was_signed_in_before_is_signed_out(sign_in: SignIn, desk: FakeDesk) -> None:
    client = sign_in(Role.RADIOLOGIST)
    before = client.cookies["aval"]
    come_back(client, go(client))
    assert client.cookies["aval"] == desk.entrance.token != before
    assert before not in desk.sessions


def test_an_answer_in_another_browser_is_refused_without_its_parameters_on_the_page(
    app: FastAPI, nobody: TestClient
) -> None:
    state = go(nobody)
    other = TestClient(app, base_url=ORIGIN)
    for _ in range(2):  # without a cookie of ours, and with another one
        answer = come_back(other, state, code="stolen-code")
        assert answer.status_code == 400
        assert "aval" not in answer.headers.get("set-cookie", "")
        assert "stolen-code" not in answer.text
        assert state not in answer.text
        go(other)
    twice = nobody.get(f"/sign-in/callback?state={state}&code=c&state={state}", follow_redirects=False)
    long = come_back(nobody, state, code="x" * 5000)
    assert (twice.status_code, long.status_code) == (400, 400)
    assert come_back(nobody, state).status_code == 303


@pytest.mark.parametrize("page", ["/sign-in/provider", "/sign-in/callback?state=s&code=c"])
def test_without_a_provider_there_is_no_such_door(app: FastAPI, nobody: TestClient, page: str) -> None:
    app.state.parts = replace(app.state.parts, options=OPTIONS)
    assert nobody.get(page, follow_redirects=False).status_code == 404
    assert nobody.get("/sign-out", follow_redirects=False).headers["location"] == "/sign-in"
    assert "Pro Santé Connect" not in nobody.get("/sign-in").text


REFUSALS: dict[OidcError, tuple[int, str, str]] = {
    ProviderUnavailable("x"): (503, "does not answer as it should", "ne répond pas"),
    ProviderRefused(denied=True): (403, "was not finished", "n’a pas été menée à son terme"),
    ProviderRefused(denied=False): (403, "was not finished", "n’a pas été menée à son terme"),
    Astray("x"): (400, "belongs to no sign-in", "aucune connexion commencée"),
    TokenRefused("x"): (403, "does not prove who you are", "ne prouve pas qui vous êtes"),
    LevelTooLow("x"): (403, "level that is too low", "niveau trop faible"),
    UnknownHere("x"): (403, "no account here", "pas de compte ici"),
}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: type(one).__name__)
def test_each_refusal_has_a_page_in_both_languages(nobody: TestClient, desk: FakeDesk, refusal: OidcError) -> None:
    status, english, french = REFUSALS[refusal]
    for language, words in (("en", english), ("fr", french)):
        state = go(nobody)
        desk.entrance.refuses = refusal
        nobody.cookies.set("aval_lang", language)
        answer = come_back(nobody, state)
        desk.entrance.refuses = None
        assert answer.status_code == status
        assert words in answer.text.replace("&#39;", "’")
        assert "aval=" not in answer.headers.get("set-cookie", "")
    noted = "journal" in answer.text
    assert noted is isinstance(refusal, IdentityRefused)


def test_departures_are_counted_by_address(nobody: TestClient) -> None:
    for _ in range(ADDRESS_TRIES_MAX):
        go(nobody)
    answer = nobody.get("/sign-in/provider", follow_redirects=False)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


def test_the_cookie_of_a_departure_is_for_this_host_alone(desk: FakeDesk) -> None:
    options = replace(OPTIONS, public_url="https://desk.test", secure_cookies=True, provider="PSC")
    client = TestClient(make_app(desk, options), base_url="https://desk.test")
    cookie = client.get("/sign-in/provider", follow_redirects=False).headers["set-cookie"]
    name, _, rest = cookie.partition("=")
    assert name == "__Host-aval-browser"
    parts = rest.split("; ")
    assert {"Path=/", "Max-Age=300", "HttpOnly", "Secure", "SameSite=Lax"} <= set(parts[1:])
    again = client.get("/sign-in/provider", follow_redirects=False).headers["set-cookie"]
    assert again.partition("=")[2].split("; ")[0] == parts[0]  # a second window does not undo the first


def test_who_signed_in_there_signs_out_there_too(nobody: TestClient, desk: FakeDesk, sign_in: SignIn) -> None:
    come_back(nobody, go(nobody))
    assert 'data-next="/sign-out"' in nobody.get("/worklist").text
    assert 'data-next="/sign-in"' in sign_in(Role.RADIOLOGIST).get("/worklist").text
    assert nobody.get("/sign-out", follow_redirects=False).headers["location"] == desk.entrance.goodbye
    lured = nobody.get("/sign-out", headers={"Sec-Fetch-Site": "cross-site"}, follow_redirects=False)
    assert lured.headers["location"] == "/sign-in"


def test_everybody_is_told_how_they_signed_in(nobody: TestClient, radiologist: TestClient) -> None:
    come_back(nobody, go(nobody))
    assert "You signed in at Pro Santé Connect, level eidas1." in nobody.get("/about").text
    assert "You signed in with login, password and one-time code." in radiologist.get("/about").text


def test_a_record_launches_through_its_own_door(nobody: TestClient) -> None:
    start = nobody.get("/launch?iss=https://dpi.test/fhir&launch=xyz", follow_redirects=False)
    assert start.status_code == 303
    assert "aval-browser=" in start.headers["set-cookie"]
    state = start.headers["location"].partition("state=")[2].partition("&")[0]
    back = nobody.get(f"/launch/callback?state={state}&code=c", follow_redirects=False)
    assert back.headers["location"] == f"/launch/{TICKET}"
    assert nobody.get(back.headers["location"], follow_redirects=False).headers["location"].startswith("/sign-in")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("iss=https://elsewhere.test/fhir&launch=xyz", 403),
        ("iss=https://dpi.test/fhir", 400),
        ("iss=https://dpi.test/fhir&launch=", 400),
        ("iss=https://dpi.test/fhir&iss=https://dpi.test/fhir&launch=xyz", 400),
        ("iss=https://dpi.test/fhir&launch=" + "x" * 5000, 400),
    ],
)
def test_a_launch_that_is_not_understood_leads_nowhere(nobody: TestClient, query: str, status: int) -> None:
    answer = nobody.get(f"/launch?{query}", follow_redirects=False)
    assert answer.status_code == status
    assert "xyz" not in answer.text


def test_a_launch_that_comes_back_to_another_browser_opens_nothing(nobody: TestClient) -> None:
    answer = nobody.get("/launch/callback?state=state-0&code=stolen-code", follow_redirects=False)
    assert answer.status_code == 400
    assert "stolen-code" not in answer.text
