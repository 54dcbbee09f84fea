"""Passkeys in a real browser, with its own virtual authenticator (Chrome DevTools Protocol, domain WebAuthn)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from guarantee.gesture import Level
from guarantee.ids import digest
from guarantee.policy import Role
from tests.desk.conftest import Open
from tests.desk.reading import ready, signed, trouble
from tests.desk.site import FakeSite
from tests.peers.fixtures import started

pytestmark = pytest.mark.peer("chromium")

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def named() -> Iterator[FakeSite]:
    """A desk at a name: browsers bind passkeys to no number."""
    yield from started(lambda: FakeSite("localhost"))


@pytest.fixture
def site(named: FakeSite) -> FakeSite:
    named.reset()
    return named


class Device:
    """A virtual authenticator of one page."""

    def __init__(self, page: Any) -> None:
        self.session = page.context.new_cdp_session(page)
        self.session.send("WebAuthn.enable")
        self.id = self.session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})["authenticatorId"]

    def send(self, verb: str, **values: Any) -> Any:
        return self.session.send(f"WebAuthn.{verb}", {"authenticatorId": self.id} | values)


def with_passkey(page: Any, site: FakeSite) -> Device:
    """Add a passkey on the page for it."""
    device = Device(page)
    page.goto("/passkeys")
    page.fill("[name=name]", "Clé du bureau")
    page.fill("[name=code]", site.person(Role.RADIOLOGIST)[2])
    page.click("#add-passkey button")
    page.wait_for_selector(".passkey")
    return device


def statement_of(site: FakeSite, result: str) -> Any:
    (opinion,) = site.desk.cases[result].opinions
    return opinion


def test_a_reader_adds_a_passkey_signs_with_it_by_keyboard_and_revokes_it(
    browser: Open, site: FakeSite, picture: Any
) -> None:
    result = site.chest()
    page = browser("/worklist")
    with_passkey(page, site)
    picture(page, "passkeys")
    page.goto(f"/results/{result}")
    ready(page)
    page.wait_for_selector("#by-passkey:checked")
    picture(page, "review-passkey")
    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    signed(page)
    opinion = statement_of(site, result)
    assert opinion.statement.level is Level.GESTURE
    assert opinion.gesture.said["origin"] == site.url
    assert page.inner_text(".opinion .digest") == digest(opinion.statement.to_bytes())[:16]
    assert "L2" in page.inner_text("#outcome")
    picture(page, "signed-passkey")
    page.goto("/passkeys")
    page.click("details.act summary")
    page.click("details.act button")
    page.wait_for_selector(".passkey .tone-quiet")
    assert site.desk.signing.passkeys.counting("dr.martin") == ()


def test_an_amended_report_is_signed_with_a_passkey(browser: Open, site: FakeSite) -> None:
    result = site.chest()
    page = browser("/worklist")
    with_passkey(page, site)
    page.goto(f"/results/{result}")
    ready(page)
    page.fill("#report", "Pas de nodule.")
    page.select_option("#reason", "false-positive")
    page.wait_for_selector("#by-passkey:checked")
    page.click("#sign")
    signed(page)
    said = statement_of(site, result).statement
    assert (str(said.verdict), said.level) == ("amend", Level.GESTURE)


def test_whom_the_authenticator_does_not_verify_signs_nothing_and_may_sign_without_it(
    browser: Open, site: FakeSite
) -> None:
    result = site.chest()
    page = browser("/worklist")
    device = with_passkey(page, site)
    device.send("setUserVerified", isUserVerified=False)
    page.goto(f"/results/{result}")
    ready(page)
    page.wait_for_selector("#by-passkey:checked")
    page.keyboard.press("a")
    page.click("#sign")
    assert "Aucune signature n’a été faite" in trouble(page)
    assert site.answers(result) == 0
    page.uncheck("#by-passkey")
    page.click("#sign")
    signed(page)
    assert statement_of(site, result).statement.level is Level.SEAL
    assert "L1" in page.inner_text("#outcome")


def test_an_authenticator_that_counts_back_is_refused_with_what_to_do(browser: Open, site: FakeSite) -> None:
    result = site.chest()
    page = browser("/worklist")
    device = with_passkey(page, site)
    (kept,) = site.desk.signing.passkeys.counting("dr.martin")
    site.desk.signing.stored.counters[kept] = 1_000_000
    assert device.send("getCredentials")["credentials"][0]["signCount"] < 1_000_000
    page.goto(f"/results/{result}")
    ready(page)
    page.wait_for_selector("#by-passkey:checked")
    page.keyboard.press("a")
    page.click("#sign")
    assert "ne compte pas ici" in trouble(page)
    assert site.answers(result) == 0


def test_a_policy_that_asks_for_a_passkey_says_so_before_the_click(browser: Open, site: FakeSite) -> None:
    site.desk.policy = replace(site.desk.policy, gesture="passkey")
    result = site.chest()
    page = browser(f"/results/{result}")
    ready(page)
    page.wait_for_selector("#unready:has-text('clé d’accès')")
    page.keyboard.press("a")
    assert page.get_attribute("#sign", "aria-disabled") == "true"
    page.click("#sign", force=True)
    assert site.answers(result) == 0
    with_passkey(page, site)
    page.goto(f"/results/{result}")
    ready(page)
    page.wait_for_selector("#by-passkey:checked:disabled")
    page.keyboard.press("a")
    page.click("#sign")
    signed(page)
    assert statement_of(site, result).statement.level is Level.GESTURE


def test_where_a_browser_has_no_passkeys_the_page_says_so_and_the_other_signature_stays(
    browser: Open, site: FakeSite
) -> None:
    result = site.chest()
    page = browser("/worklist")
    page.add_init_script("delete window.PublicKeyCredential")
    page.goto("/passkeys")
    page.wait_for_selector("#no-passkeys:not([hidden])")
    assert page.is_hidden("#add-passkey")
    page.goto(f"/results/{result}")
    ready(page)
    assert page.is_hidden("#passkey-choice")
    page.keyboard.press("a")
    page.click("#sign")
    signed(page)
    assert statement_of(site, result).statement.level is Level.SEAL
