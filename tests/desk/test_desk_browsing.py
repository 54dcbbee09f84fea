"""Signing in, the list that keeps itself up to date, and stops, in a browser."""

from typing import Any

import pytest

from guarantee.policy import Role
from guarantee.states import ResultState
from tests.desk.conftest import Open, until
from tests.desk.site import FakeSite

pytestmark = pytest.mark.peer("chromium")


def test_signing_in_says_what_is_wrong_and_leads_back(browser: Open, site: FakeSite) -> None:
    login, password, code = site.person(Role.RADIOLOGIST)
    page = browser("/worklist?show=delivered", role=None)
    assert page.url.endswith("/sign-in?next=/worklist?show=delivered")
    page.fill("[name=login]", login)
    page.fill("[name=password]", password)
    page.fill("[name=code]", "000000")
    page.keyboard.press("Enter")
    page.wait_for_selector(".form-error:not([hidden])")
    assert "Identifiant, mot de passe ou code incorrect" in page.inner_text(".form-error")
    assert page.input_value("[name=login]") == login
    assert page.input_value("[name=code]") == ""
    page.fill("[name=code]", code)
    page.keyboard.press("Enter")
    page.wait_for_url("**/worklist?show=delivered")


def test_signing_out_leaves_nothing_behind_the_back_button(browser: Open, site: FakeSite) -> None:
    site.brain()
    page = browser()
    name = page.inner_text(".row-link")
    page.get_by_role("button", name="Se déconnecter").click()
    page.wait_for_url("**/sign-in")
    page.go_back()
    page.wait_for_url("**/sign-in**")
    assert name not in page.content()


def test_the_list_brings_itself_up_to_date_and_keeps_the_focus(browser: Open, site: FakeSite) -> None:
    first = site.radiograph()
    page = browser("/about")
    page.clock.install()
    page.goto("/worklist")
    page.keyboard.press("j")
    stat = site.brain()
    page.clock.fast_forward(11_000)
    page.wait_for_selector(f"tr[data-id='{stat}']")
    assert page.evaluate("document.activeElement.closest('tr').dataset.id") == first
    assert [row.get_attribute("data-id") for row in page.locator("tbody tr").all()] == [stat, first]
    until(page, "document.getElementById('say').textContent === 'La liste a changé.'")


def test_the_refresh_can_be_paused(browser: Open, site: FakeSite) -> None:
    page = browser("/about")
    page.clock.install()
    page.goto("/worklist")
    page.click("#refresh-toggle")
    assert page.get_attribute("#refresh-toggle", "aria-pressed") == "true"
    assert page.inner_text("#refresh-state") == "Actualisation suspendue"
    result = site.brain()
    page.clock.fast_forward(30_000)
    page.wait_for_timeout(100)
    assert page.locator("tbody tr").count() == 0
    page.keyboard.press("p")
    page.wait_for_selector(f"tr[data-id='{result}']")


def test_a_list_that_cannot_be_refreshed_says_since_when(browser: Open, site: FakeSite) -> None:
    site.brain()
    page = browser("/about")
    page.clock.install()
    page.goto("/worklist")
    page.route("**/worklist/rows", lambda route: route.abort())
    page.clock.fast_forward(11_000)
    until(page, "document.getElementById('refresh-state').textContent.startsWith('Non actualisée depuis')")
    assert page.locator("tbody tr").count() == 1


def test_a_screen_that_somebody_left_goes_back_to_the_form(browser: Open, site: FakeSite) -> None:
    site.brain()
    page = browser("/about")
    page.clock.install()
    page.goto("/worklist")
    name = page.inner_text(".row-link")
    site.end_sessions()
    page.clock.fast_forward(11_000)
    page.wait_for_url("**/sign-in**")
    assert name not in page.content()


def test_a_whole_row_can_be_clicked(browser: Open, site: FakeSite) -> None:
    result = site.brain()
    page = browser()
    cell = page.locator("tbody tr .cell-state").bounding_box()
    page.mouse.click(cell["x"] + 5, cell["y"] + cell["height"] - 5)
    page.wait_for_url(f"**/results/{result}")


def test_a_system_is_stopped_in_two_clicks_and_resumed_by_two_people(browser: Open, site: FakeSite) -> None:
    result = site.brain()
    page = browser(f"/results/{result}")
    page.click(".system-card summary")
    page.get_by_role("link", name="Arrêter ce système").click()
    page.wait_for_url("**/systems#stop-brain-extractor")
    until(page, "document.activeElement.name === 'reason'")
    page.keyboard.type("Contours aberrants")
    page.get_by_role("button", name="Arrêter maintenant").click()
    page.wait_for_selector(".stopped")
    assert "Contours aberrants" in page.inner_text(".stop-banner")
    page.click(".stopped summary")
    login, _, code = site.person(Role.CLINICIAN)
    page.fill("[name=reason] >> visible=true", "Corrigé")
    page.fill("[name='second.login']", login)
    page.fill("[name='second.code']", "000000")
    page.get_by_role("button", name="Relancer", exact=True).click()
    page.wait_for_selector(".form-error:not([hidden])")
    assert "n’a pas pu être vérifiée" in page.inner_text(".form-error:not([hidden])")
    page.fill("[name='second.code']", code)
    page.get_by_role("button", name="Relancer", exact=True).click()
    page.wait_for_selector(".stopped", state="detached")
    assert page.locator(".stop-banner").count() == 0


def test_a_result_that_becomes_ready_opens_by_itself(browser: Open, site: FakeSite) -> None:
    result = site.brain()
    site.desk.put(result, ResultState.QUEUED)
    page = browser("/about")
    page.clock.install()
    page.goto(f"/results/{result}")
    assert page.get_attribute("#review", "data-manner") == "closed"
    site.desk.put(result, ResultState.AWAITING_REVIEW)
    page.clock.fast_forward(5_000)
    page.wait_for_selector("#review[data-manner=ask]")
    page.wait_for_selector("#findings-block:not([hidden])")


def test_help_lists_the_keys_and_gives_the_focus_back(browser: Open, site: FakeSite) -> None:
    site.brain()
    page = browser()
    page.keyboard.press("j")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    assert "ligne suivante, précédente" in page.inner_text("dialog")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "row-link"


def test_language_and_colours_change_and_stay(browser: Open, site: FakeSite) -> None:
    page: Any = browser()
    page.get_by_role("link", name="English").click()
    assert page.inner_text("h1") == "Worklist"
    page.goto("/systems")
    assert page.get_attribute("html", "lang") == "en"
    page.get_by_role("link", name="Change to dark").click()
    page.goto("/worklist")
    assert page.get_attribute("html", "data-theme") == "dark"
