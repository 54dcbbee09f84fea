"""What protects the desk whatever a route does."""

import pytest
from starlette.testclient import TestClient

from bridge.web.app import Options, make_app
from bridge.web.errors import TooManyAttempts
from bridge.web.security import BODY_BYTES_MAX
from bridge.web.throttle import ADDRESS_TRIES_MAX, KEYS_MAX, LOGIN_TRIES_MAX, WINDOW_S, Throttle
from tests.desk import cases
from tests.desk.conftest import ORIGIN
from tests.desk.fake_desk import FakeDesk
from tests.desk.people import PASSWORD, code_of

CREDENTIALS = {"login": "dr.martin", "password": PASSWORD, "code": code_of("dr.martin")}


def secure(desk: FakeDesk, **changes: object) -> TestClient:
    """Return a client of a desk behind https."""
    values = {"public_url": "https://aval.test", "site_name": "CHU", "organisation": "Imagerie", **changes}
    origin = {"Origin": "https://aval.test"}
    return TestClient(make_app(desk, Options(**values)), base_url="https://aval.test", headers=origin)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------ headers


@pytest.mark.parametrize(
    "path", ["/worklist", "/sign-in", "/api/session", "/nothing", "/static/x/none.css", "/healthz", "/api/results"]
)
def test_every_answer_carries_the_headers(radiologist: TestClient, path: str) -> None:
    headers = radiologist.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;")
    assert "unsafe" not in policy
    assert policy.endswith("base-uri 'none'; frame-ancestors 'none'")
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_refusals_of_the_outer_layer_carry_the_headers_too(nobody: TestClient) -> None:
    answer = nobody.post("/api/session", json=CREDENTIALS, headers={"Origin": "https://evil.test"})
    assert answer.json()["code"] == "cross-site"
    assert "content-security-policy" in answer.headers


def test_static_files_are_kept_for_ever_because_their_address_changes(nobody: TestClient) -> None:
    page = nobody.get("/sign-in").text
    address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    answer = nobody.get(address)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_pacs_may_frame_the_desk_when_the_site_says_so(desk: FakeDesk) -> None:
    headers = secure(desk, frame_ancestors=("https://pacs.test:8443",)).get("/sign-in").headers
    assert headers["content-security-policy"].endswith("frame-ancestors https://pacs.test:8443")
    assert "x-frame-options" not in headers


def test_https_is_remembered(desk: FakeDesk, nobody: TestClient) -> None:
    assert secure(desk).get("/sign-in").headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in nobody.get("/sign-in").headers


@pytest.mark.parametrize(
    "values",
    [
        {"public_url": "http://aval.test"},
        {"public_url": "aval.test"},
        {"public_url": "https://aval.test/desk"},
        {"public_url": "https://aval.test", "languages": ()},
    ],
)
def test_options_that_would_not_protect_do_not_exist(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"public_url|language"):
        Options(site_name="CHU", organisation="Imagerie", **values)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------ cookies


def test_the_session_cookie_is_out_of_reach(nobody: TestClient, desk: FakeDesk) -> None:
    cookie = nobody.post("/api/session", json=CREDENTIALS).headers["set-cookie"].lower()
    assert cookie.startswith("aval=")
    assert {"httponly", "path=/", "samesite=lax"} <= set(cookie.split("; "))
    assert "secure" not in cookie
    assert "max-age" not in cookie
    over_https = secure(desk).post("/api/session", json=CREDENTIALS).headers["set-cookie"].lower()
    assert over_https.startswith("__host-aval=")
    assert {"httponly", "path=/", "samesite=lax", "secure"} <= set(over_https.split("; "))
    assert "domain" not in over_https


def test_a_made_up_token_opens_nothing(nobody: TestClient) -> None:
    answer = nobody.get("/api/session", headers={"Cookie": "aval=" + "A" * 43})
    assert answer.json()["code"] == "not-signed-in"


# -------------------------------------------------------------------------------------------------------- same origin


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"Origin": ORIGIN}, True),
        ({"Origin": ORIGIN.upper()}, True),
        ({"Origin": "null"}, False),
        ({"Origin": ORIGIN + ":81"}, False),
        ({"Origin": "https://evil.test"}, False),
        ({"Origin": ""}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": ORIGIN}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN}, False),
        ({"Sec-Fetch-Site": "none", "Origin": ORIGIN}, False),
    ],
)
def test_only_our_own_pages_change_anything(desk: FakeDesk, headers: dict[str, str], passes: bool) -> None:
    client = TestClient(make_app(desk, secure_off()), base_url=ORIGIN)
    answer = client.post("/api/session", json=CREDENTIALS, headers=headers)
    assert (answer.status_code == 201) is passes
    assert bool(desk.sessions) is passes


def secure_off() -> Options:
    """Return the options of a demonstration on plain http."""
    return Options(public_url=ORIGIN, site_name="CHU", organisation="Imagerie", secure_cookies=False)


def test_every_unsafe_operation_is_covered(radiologist: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    document = radiologist.get("/api/openapi.json").json()
    tried = 0
    for path, operations in document["paths"].items():
        for method in set(operations) & {"post", "put", "patch", "delete"}:
            address = path.format(result=result, series="1.2", index=0, number=1, passkey="k", incident=result)
            answer = radiologist.request(method, address, json={}, headers={"Origin": "https://evil.test"})
            assert answer.json()["code"] == "cross-site", path
            tried += 1
    assert tried >= 6
    assert not desk.seen


def test_reading_never_records_an_exposure(radiologist: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    for path in (f"/results/{result}", f"/api/results/{result}", f"/results/{result}/outcome", "/worklist"):
        assert radiologist.get(path).status_code == 200
    assert not desk.seen


# ------------------------------------------------------------------------------------------------------------- limits


def test_a_large_body_is_refused_before_it_is_read(radiologist: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    sent = 0

    def endless() -> object:
        nonlocal sent
        while sent < 50 * BODY_BYTES_MAX:
            sent += 65_536
            yield b"x" * 65_536

    answer = radiologist.post(f"/api/results/{result}/opinions", content=endless())  # type: ignore[arg-type]
    assert answer.json()["code"] == "too-large"
    assert answer.status_code == 413


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 5000, b'{"login": 1}'])
def test_nonsense_is_malformed(nobody: TestClient, body: bytes) -> None:
    answer = nobody.post("/api/session", content=body, headers={"Content-Type": "application/json"})
    assert answer.json()["code"] == "malformed"


def test_guessing_a_code_is_slowed_down_for_that_login_only(nobody: TestClient) -> None:
    for _ in range(LOGIN_TRIES_MAX):
        answer = nobody.post("/api/session", json={**CREDENTIALS, "code": "000000"})
        assert answer.json()["code"] == "sign-in-refused"
    answer = nobody.post("/api/session", json=CREDENTIALS)
    assert answer.json()["code"] == "too-many-attempts"
    assert 0 < int(answer.headers["retry-after"]) <= WINDOW_S + 1
    other = {"login": "dr.durand", "password": PASSWORD, "code": code_of("dr.durand")}
    assert nobody.post("/api/session", json=other).status_code == 201


def test_guessing_the_second_persons_code_is_slowed_down_too(radiologist: TestClient, desk: FakeDesk) -> None:
    radiologist.post("/api/stops", json={"action": "stop", "scope": "all", "reason": "panne"})
    body = {"action": "resume", "scope": "all", "reason": "essai", "second": {"login": "dr.durand", "code": "0"}}
    codes = [radiologist.post("/api/stops", json=body).json()["code"] for _ in range(LOGIN_TRIES_MAX + 1)]
    assert codes == ["second-refused"] * LOGIN_TRIES_MAX + ["too-many-attempts"]
    assert desk.stops()


def test_the_throttle_counts_logins_and_addresses_forgets_and_keeps_little() -> None:
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    for n in range(ADDRESS_TRIES_MAX):
        throttle.attempt(login=f"user-{n}", address="10.0.0.1")
    with pytest.raises(TooManyAttempts) as caught:
        throttle.attempt(login="somebody", address="10.0.0.1")
    assert caught.value.retry_after_s == WINDOW_S + 1
    throttle.attempt(login="somebody", address="10.0.0.2")
    now[0] = WINDOW_S + 1
    throttle.attempt(login="somebody", address="10.0.0.1")
    for n in range(KEYS_MAX + 50):
        throttle.attempt(login=f"made-up-{n}", address=f"10.1.{n // 250}.{n % 250}")
    assert len(throttle._tries) <= KEYS_MAX


def test_the_owner_of_a_login_starts_afresh() -> None:
    throttle = Throttle(lambda: 0.0)
    for _ in range(3 * LOGIN_TRIES_MAX):
        throttle.attempt(login="Dr.Martin", address="10.0.0.1")
        throttle.forgive(login="dr.martin")
    assert not any(key.startswith("login:") for key in throttle._tries)


# ------------------------------------------------------------------------------------------------------------ sign-in


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("/systems", "/systems"),
        ("/destinations", "/destinations"),
        ("/worklist?show=delivered", "/worklist?show=delivered"),
        ("https://evil.test", "/worklist"),
        ("//evil.test", "/worklist"),
        ("/\\evil.test", "/worklist"),
        ("javascript:alert(1)", "/worklist"),
        ("/api/session", "/worklist"),
    ],
)
def test_signing_in_leads_to_our_own_pages_only(nobody: TestClient, target: str, leads_to: str) -> None:
    page = nobody.get("/sign-in", params={"next": target}).text
    assert f'data-next="{leads_to}"' in page


def test_a_page_leads_to_the_form_and_back(nobody: TestClient) -> None:
    answer = nobody.get("/worklist", params={"show": "delivered"}, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/worklist?show=delivered"
    assert nobody.get("/worklist/rows", follow_redirects=False).headers["location"] == "/sign-in"


def test_who_is_signed_in_needs_no_form(radiologist: TestClient) -> None:
    assert radiologist.get("/sign-in", follow_redirects=False).headers["location"] == "/worklist"
