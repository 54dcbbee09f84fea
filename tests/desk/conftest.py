"""Fixtures of the desk's tests: a client without a browser, a desk behind a server, Chromium."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from bridge.web.app import Options, make_app
from bridge.web.throttle import Throttle
from guarantee.policy import Role
from tests.desk import cases
from tests.desk.fake_desk import FakeDesk
from tests.desk.people import LOGINS, PASSWORD, code_of
from tests.desk.site import FakeSite
from tests.peers.chromium import Chromium
from tests.peers.fixtures import started

ORIGIN = "http://desk.test"
OUT = Path(__file__).parents[2] / "tests" / "out" / "desk"

OPTIONS = Options(
    public_url=ORIGIN, site_name="CHU Démo", organisation="Service d’imagerie", secure_cookies=False, ui_build="test"
)

SignIn = Callable[..., TestClient]


@pytest.fixture
def desk() -> FakeDesk:
    """A desk in memory."""
    return FakeDesk()


@cache
def _application() -> FastAPI:
    """One application for all tests: making one takes a tenth of a second."""
    return make_app(FakeDesk(), OPTIONS)


@pytest.fixture
def app(desk: FakeDesk) -> FastAPI:
    """The application, over this test's desk."""
    made = _application()
    made.state.parts = replace(made.state.parts, desk=desk, throttle=Throttle())
    return made


@pytest.fixture
def nobody(app: FastAPI) -> TestClient:
    """A browser that nobody has signed in with; it says its origin, as browsers do."""
    return TestClient(app, base_url=ORIGIN, headers={"Origin": ORIGIN, "Accept-Language": "en"})


@pytest.fixture
def sign_in(app: FastAPI) -> SignIn:
    """Return a client of its own for each person."""

    def signed(role: Role = Role.RADIOLOGIST, login: str = "") -> TestClient:
        client = TestClient(app, base_url=ORIGIN, headers={"Origin": ORIGIN, "Accept-Language": "en"})
        name = login or LOGINS[role]
        answer = client.post("/api/session", json={"login": name, "password": PASSWORD, "code": code_of(name)})
        assert answer.status_code == 201, answer.text
        return client

    return signed


@pytest.fixture
def radiologist(sign_in: SignIn) -> TestClient:
    """A radiologist who is signed in."""
    return sign_in(Role.RADIOLOGIST)


@pytest.fixture
def chest(desk: FakeDesk) -> str:
    """A CT that awaits review."""
    return desk.stage(cases.chest_case(1))


# ------------------------------------------------------------------------------------------------------- the browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """Debian's Chromium, or a skip with the reason; for one file, because its driver keeps a loop on this thread."""
    yield from started(Chromium)


@pytest.fixture(scope="session")
def server() -> Iterator[FakeSite]:
    """A desk behind a server, for all tests."""
    yield from started(FakeSite)


@pytest.fixture
def site(server: FakeSite) -> FakeSite:
    """The same, empty. To run the browser tests elsewhere, override this one fixture (site.py)."""
    server.reset()
    return server


EXPECTED = (
    "the server responded with a status of 4",  # a refusal that a test asked for; the page shows it
    "net::ERR_",  # a connection that a test cut
    "Failed to launch 'weasis:",  # no machine of the tests has it; the link itself is looked at
    "willReadFrequently",  # tests read the canvas back, pages do not
)


class Watched:
    """A page whose every error is a failure, and every request that leaves this machine too."""

    def __init__(self, context: Any, site: Any) -> None:
        self.context = context
        self.site = site
        self.faults: list[str] = []
        context.on("page", self._watch)

    def _watch(self, page: Any) -> None:
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("console", self._console)
        page.on("request", self._request)

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"} and not any(known in message.text for known in EXPECTED):
            self.faults.append(f"console {message.type}: {message.text}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.site.url, "data:", "blob:", "weasis:")):  # the last one starts a program
            self.faults.append(f"request to {request.url}")


Open = Callable[..., Any]


def until(page: Any, condition: str) -> None:
    """Wait until a JavaScript expression is true. Playwright's own way needs eval, which the pages forbid."""
    deadline = time.monotonic() + 10
    while not page.evaluate(f"Boolean({condition})"):
        if time.monotonic() > deadline:
            pytest.fail(f"never true: {condition}")
        page.wait_for_timeout(20)


@pytest.fixture
def browser(chromium: Chromium, site: Any) -> Iterator[Open]:
    """Return a function that opens a page: signed in with a role, or nobody's with role=None."""
    watched: list[Watched] = []

    def open_page(path: str = "/worklist", *, role: Role | None = Role.RADIOLOGIST, **options: Any) -> Any:
        context = chromium.context(base_url=site.url, **options)
        watch = Watched(context, site)
        watched.append(watch)
        if role is not None:
            login, password, code = site.person(role)
            answer = context.request.post(
                "/api/session",
                data={"login": login, "password": password, "code": code},
                headers={"Origin": site.url},
            )
            assert answer.status == 201, answer.text()
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    faults = [fault for watch in watched for fault in watch.faults]
    for watch in watched:
        watch.context.close()
    assert not faults, faults


@pytest.fixture
def picture() -> Callable[[Any, str], None]:
    """Return a function that keeps a screenshot under tests/out/desk, for people to look at."""
    OUT.mkdir(parents=True, exist_ok=True)

    def keep(page: Any, name: str) -> None:
        page.screenshot(path=str(OUT / f"{name}.png"), full_page=True)

    return keep
