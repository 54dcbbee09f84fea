"""A PACS on another origin opens the desk, in a window and in a frame, in a browser that blocks third-party cookies."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from bridge.web.app import Options, make_app
from guarantee.policy import Role
from guarantee.states import ResultState
from tests.desk import cases
from tests.desk.conftest import Open
from tests.desk.fake_desk import FakeDesk
from tests.desk.people import LOGINS, PASSWORD, code_of
from tests.desk.reading import ready, signed
from tests.desk.test_desk_accessible import faults
from tests.peers.base import PeerMissing, free_port
from tests.peers.certificates import Authority
from tests.peers.chromium import Chromium
from tests.peers.fixtures import started

pytestmark = pytest.mark.peer("chromium")

PACS, SAME_SITE, OTHER = "pacs.editeur.test", "pacs.hopital.test", "elsewhere.test"
"""Hosts of three pages that show the desk. The desk is at aval.hopital.test; the third one may not."""

SUFFIX = ("aval.co.uk", "pacs.co.uk")
"""Two sites that share two labels: the desk takes them for one, and its cookie is lost in the frame."""

STAGED = cases.brain_case(1)


class Server:
    """One application behind TLS."""

    def __init__(self, app: Any, folder: Path, host: str) -> None:
        pair = Authority(folder / host).sign(host, dns=host)
        port = free_port()
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=port,
            log_level="error",
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=1,  # the browser keeps its connections
            ssl_certfile=str(pair.certificate),
            ssl_keyfile=str(pair.key),
        )
        self.url = f"https://{host}:{port}"
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise PeerMissing("a server with TLS did not start")
            time.sleep(0.01)

    def ask_to_stop(self) -> None:
        self._server.should_exit = True

    def stop(self) -> None:
        self._thread.join(60)


def _pacs_page(request: Request) -> HTMLResponse:
    """Return a page of a PACS: a button that opens a window, or a frame."""
    link, manner = request.query_params["link"].replace("&", "&amp;"), request.path_params["manner"]
    shown = (
        f'<iframe src="{link}" width="1200" height="800"></iframe>'
        if manner == "frame"
        else f'<a href="{link}" target="_blank">IA</a>'
    )
    return HTMLResponse(f"<!doctype html><title>PACS</title>{shown}")


class Hospital:
    """A desk, and PACS pages on other origins."""

    def __init__(self, folder: Path) -> None:
        self.desk = FakeDesk()
        self.servers = {
            host: Server(Starlette(routes=[Route("/pacs/{manner}", _pacs_page)]), folder, host)
            for host in (PACS, SAME_SITE, OTHER, SUFFIX[1])
        }
        self.address = self._desk("aval.hopital.test", folder, PACS, SAME_SITE)
        self.misjudged = self._desk(SUFFIX[0], folder, SUFFIX[1])
        for server in self.servers.values():
            server.start()

    def _desk(self, host: str, folder: Path, *framing: str) -> str:
        origins = tuple(self.servers[one].url for one in framing)
        shell = Server(None, folder, host)
        options = Options(public_url=shell.url, site_name="CHU", organisation="Imagerie", frame_ancestors=origins)
        shell._server.config.app = make_app(self.desk, options)
        self.servers[host] = shell
        return shell.url

    def page_at(self, host: str, manner: str, *, desk: str = "") -> str:
        """Return the address of a PACS page with a fresh link."""
        link = (desk or self.address) + self.desk.link({"study": STAGED.case.uid, "user": "dr.martin"})
        return f"{self.servers[host].url}/pacs/{manner}?link={quote(link, safe='')}"

    def stop(self) -> None:
        for server in self.servers.values():
            server.ask_to_stop()
        for server in self.servers.values():
            server.stop()


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    yield from started(lambda: Hospital(tmp_path_factory.mktemp("hospital")))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A browser that finds every host here, and keeps no cookie of a third party."""
    yield from started(
        lambda: Chromium(
            "--host-resolver-rules=MAP *.test 127.0.0.1, MAP *.co.uk 127.0.0.1", "--test-third-party-cookie-phaseout"
        )
    )


@pytest.fixture
def page(request: pytest.FixtureRequest, chromium: Chromium, hospital: Hospital) -> Iterator[Any]:
    hospital.desk.cases.clear()
    hospital.desk.sessions.clear()
    hospital.desk.stage(STAGED)
    context = chromium.context(ignore_https_errors=True, locale=getattr(request, "param", "fr-FR"))
    yield context.new_page()
    context.close()


def sign_in(frame: Any) -> None:
    """By keyboard alone; the name is there. Browsers give a frame of another origin no focus by itself."""
    frame.focus("[name=password]")
    assert frame.input_value("[name=login]") == "dr.martin"
    frame.type("[name=password]", PASSWORD)
    frame.press("[name=password]", "Tab")
    frame.type("[name=code]", code_of("dr.martin"))
    frame.press("[name=code]", "Enter")


def frame_in(page: Any) -> Any:
    return page.wait_for_selector("iframe").content_frame()


def test_a_button_opens_a_window_on_the_case(page: Any, hospital: Hospital) -> None:
    page.goto(hospital.page_at(PACS, "window"))
    with page.expect_popup() as opening:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    window = opening.value
    window.wait_for_selector("[name=password]:focus")
    sign_in(window)
    window.wait_for_url("**/results/*")
    assert "?" not in window.url
    assert window.evaluate("window.opener") is None
    assert window.evaluate("document.referrer") == ""
    window.wait_for_selector("#findings-block:not([hidden])")
    page.goto(hospital.page_at(PACS, "window"))
    with page.expect_popup() as again:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    again.value.wait_for_url("**/results/*")


@pytest.mark.parametrize("page", ["fr-FR", "en-GB"], indirect=True)
def test_a_frame_of_another_site_signs_in_reads_and_signs(page: Any, hospital: Hospital) -> None:
    page.goto(hospital.page_at(PACS, "frame"))
    frame = frame_in(page)
    third_party = "document.cookie = 'plain=1; Secure; SameSite=None', document.cookie.includes('plain=1')"
    sign_in(frame)
    frame.wait_for_url("**/results/*")
    assert not frame.evaluate(third_party), "the browser of this test blocks nothing"
    ready(frame)
    assert frame.locator("#new-tab").is_visible()
    frame.press("body", "a")
    frame.press("body", "Control+Enter")
    signed(frame)
    (case,) = hospital.desk.cases.values()
    assert case.result.state is ResultState.VALIDATED


def test_a_frame_goes_on_in_a_tab_of_its_own_without_signing_in_again(page: Any, hospital: Hospital) -> None:
    page.goto(hospital.page_at(PACS, "frame"))
    frame = frame_in(page)
    sign_in(frame)
    frame.wait_for_url("**/results/*")
    with page.expect_popup() as opening:
        frame.focus("#new-tab button")
        frame.press("#new-tab button", "Enter")
    window = opening.value
    window.wait_for_url("**/results/*")
    window.wait_for_selector("#findings-block:not([hidden])")
    assert "?" not in window.url
    assert len(hospital.desk.sessions) == 2


def test_a_frame_of_the_same_site_keeps_the_stricter_cookie_of_its_window(page: Any, hospital: Hospital) -> None:
    page.goto(hospital.page_at(SAME_SITE, "frame"))
    frame = frame_in(page)
    sign_in(frame)
    frame.wait_for_url("**/results/*")


@pytest.mark.parametrize("page", ["fr-FR", "en-GB"], indirect=True)
def test_where_cookies_are_blocked_the_page_says_so_and_offers_a_tab(page: Any, hospital: Hospital) -> None:
    page.goto(hospital.page_at(SUFFIX[1], "frame", desk=hospital.misjudged))
    frame = frame_in(page)
    frame.wait_for_selector("#blocked:not([hidden])")
    assert not frame.locator("[name=login]").is_visible()
    said = "bloque les cookies de ce cadre" if "fr" in page.evaluate("navigator.language") else "blocks the cookies"
    assert said in frame.inner_text("#blocked")
    assert faults(frame) == []
    with page.expect_popup() as opening:
        frame.focus("#blocked a")
        frame.press("#blocked a", "Enter")
    window = opening.value
    sign_in(window)
    window.wait_for_url("**/results/*")


def test_a_page_that_nobody_listed_frames_nothing(page: Any, hospital: Hospital) -> None:
    page.goto(hospital.page_at(OTHER, "frame"))
    frame = frame_in(page)
    page.wait_for_timeout(0)
    frame.wait_for_load_state()
    assert frame.locator("[name=login]").count() == 0
    assert not hospital.desk.sessions


@pytest.mark.parametrize("path", ["/launch?study=abc&patient=SECRET", "/launch?study=1.2&patient=SECRET"])
def test_a_refused_link_leaves_the_address_bar(browser: Open, path: str) -> None:
    page = browser(path, role=Role.RADIOLOGIST)
    page.wait_for_url("**/launch")
    assert page.url.endswith("/launch")
    assert "SECRET" not in page.content()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_pages_of_a_launch_have_no_fault_that_a_program_can_find(
    browser: Open, site: Any, picture: Callable[[Any, str], None], language: str
) -> None:
    page = browser(f"/about?lang={language}")
    queued, patient = cases.brain_case(7), cases.chest_case(2).case.patient
    two = [site.desk.stage(cases.chest_case(n, patient=patient)) for n in (2, 3)]
    site.desk.put(site.desk.stage(queued), ResultState.QUEUED)
    for name, wanted in (
        ("none", {"study": "9.9"}),
        ("queued", {"study": queued.case.uid}),
        ("several", {"patient": patient.identifier}),
    ):
        page.goto(site.desk.link(wanted))
        for theme in ("dark", "light"):
            page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
            picture(page, f"launched-{name}.{theme}.{language}")
            assert faults(page) == [], name
        page.set_viewport_size({"width": 320, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
        page.set_viewport_size({"width": 1440, "height": 900})
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/results/{two[0]}")
    assert LOGINS[Role.RADIOLOGIST] not in page.url
