"""Nothing that a reader typed is lost, and one gesture is one opinion, whatever happens meanwhile."""

from typing import Any

import pytest

from guarantee.policy import Role
from tests.desk.conftest import Open
from tests.desk.reading import ACCEPT, AMEND, ready, signed, trouble
from tests.desk.site import FakeSite

pytestmark = pytest.mark.peer("chromium")


def amend_text(page: Any) -> str:
    """Change the report, choose a reason, write a comment; return the text."""
    text = "Encéphale mesuré à 1510 mL, sans particularité."
    page.fill("#report", text)
    page.select_option("#reason", "wording")
    page.fill("#comment", "formulation locale")
    return text


def test_a_changed_draft_is_not_signed_and_what_was_typed_stays(browser: Open, site: FakeSite) -> None:
    result = site.brain()
    page = ready(browser(f"/results/{result}"))
    text = amend_text(page)
    site.change_draft(result)
    page.keyboard.press("Control+Enter")
    message = trouble(page)
    assert "n’est plus celui qui vous a été montré" in message
    assert "rien n’a été envoyé" in message
    assert "Tout ce que vous avez saisi est encore sur cette page" in message
    assert page.input_value("#report") == text
    assert site.answers(result) == 0
    page.click("#reopen")
    page.wait_for_selector("#trouble", state="hidden")
    ready_to_amend(page)
    assert page.input_value("#report") == text
    assert page.input_value("#comment") == "formulation locale"
    assert "plus récent" in page.inner_text("#difference del")
    page.keyboard.press("Control+Enter")
    signed(page)
    content = site.desk.cases[result].content
    assert content.report == text
    assert site.desk.cases[result].opinions[0].statement.shown == site.desk.cases[result].draft.digest


def ready_to_amend(page: Any) -> None:
    """Wait until the draft can be amended."""
    page.wait_for_selector(f"{AMEND}:not([disabled])", state="attached")


def test_numbers_and_findings_that_were_changed_come_back_after_reopening(browser: Open, site: FakeSite) -> None:
    result = site.chest()
    page = ready(browser(f"/results/{result}"))
    page.fill(".quantity input", "10,2")
    page.locator(".finding").nth(1).locator(".keep input").uncheck()
    page.click("#add summary")
    page.fill("#add-label", "Épanchement pleural")
    page.click("#add-button")
    changes = page.locator("#changes li").all_inner_texts()
    page.select_option("#reason", "wrong-measure")
    site.forget_questions()
    page.keyboard.press("Control+Enter")
    assert "ouvert il y a trop longtemps" in trouble(page)
    page.click("#reopen")
    page.wait_for_selector("#trouble", state="hidden")
    ready_to_amend(page)
    assert page.locator("#changes li").all_inner_texts() == changes
    page.keyboard.press("Control+Enter")
    signed(page)
    content = site.desk.cases[result].content
    assert [finding.key for finding in content.findings] == ["nodule-1", "reader-1"]
    assert str(content.findings[0].quantities[0].value) == "10.2"


def test_a_stop_between_opening_and_signing_is_told(browser: Open, site: FakeSite) -> None:
    result = site.brain()
    page = ready(browser(f"/results/{result}"))
    text = amend_text(page)
    site.hold("brain-extractor")
    page.keyboard.press("Control+Enter")
    assert "Un arrêt est en vigueur" in trouble(page)
    assert page.input_value("#report") == text
    assert site.answers(result) == 0
    page.click("#reopen")
    assert "Un arrêt est en vigueur" in trouble(page)
    assert page.input_value("#report") == text


def test_an_ended_session_leaves_the_text_and_says_where_to_sign_in(browser: Open, site: FakeSite) -> None:
    result = site.brain()
    page = ready(browser(f"/results/{result}"))
    text = amend_text(page)
    site.end_sessions()
    page.keyboard.press("Control+Enter")
    assert "votre session est terminée" in trouble(page)
    assert page.get_attribute("#again", "target") == "_blank"
    assert page.is_visible("#again")
    login, password, code = site.person(Role.RADIOLOGIST)
    page.context.request.post(
        "/api/session", data={"login": login, "password": password, "code": code}, headers={"Origin": site.url}
    )
    page.keyboard.press("Control+Enter")
    signed(page)
    assert site.desk.cases[result].content.report == text


def test_a_draft_disappears_when_the_session_ends_and_comes_back_for_the_same_person(
    browser: Open, site: FakeSite
) -> None:
    result = site.brain()
    page = browser("/about")
    page.clock.install()
    page.goto(f"/results/{result}")
    ready(page)
    text = amend_text(page)
    site.end_sessions()
    page.clock.fast_forward(31_000)
    page.wait_for_selector("#locked[open]")
    assert page.is_hidden("#report")
    assert page.is_hidden(".patient .name")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.wait_for_selector("#locked[open]")
    page.click("#resume")
    page.wait_for_selector("#locked .still:not([hidden])")
    login, password, code = site.person(Role.RADIOLOGIST)
    page.context.request.post(
        "/api/session", data={"login": login, "password": password, "code": code}, headers={"Origin": site.url}
    )
    page.click("#resume")
    page.wait_for_selector("#locked", state="hidden")
    assert page.input_value("#report") == text


@pytest.mark.parametrize("arrived", [True, False])
def test_when_nobody_knows_whether_it_arrived_the_desk_is_asked(
    browser: Open, site: FakeSite, *, arrived: bool
) -> None:
    result = site.brain()
    page = ready(browser(f"/results/{result}"))

    def lose(route: Any) -> None:
        if arrived:
            route.fetch()
        route.abort("connectionreset")

    page.route("**/opinions", lose)
    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    assert "On ne sait pas si votre avis a été reçu" in trouble(page)
    page.unroute("**/opinions")
    page.click("#check")
    if not arrived:
        page.wait_for_selector("#trouble", state="hidden")
        page.keyboard.press("Control+Enter")
    signed(page)
    assert site.answers(result) == 1


def test_two_clicks_on_sign_are_one_opinion(browser: Open, site: FakeSite) -> None:
    result = site.brain()
    page = ready(browser(f"/results/{result}"))
    page.keyboard.press("a")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/opinions") else None)
    page.evaluate("""() => {
      const sign = document.getElementById('sign');
      sign.click();
      sign.click();
      document.getElementById('sign-form').requestSubmit();
    }""")
    signed(page)
    assert len(sent) == 1
    assert site.answers(result) == 1


def test_changes_can_be_taken_back_at_once(browser: Open, site: FakeSite) -> None:
    page = ready(browser(f"/results/{site.chest()}"))
    page.fill("#report", "Autre texte")
    page.fill(".quantity input", "12")
    page.locator(".finding").nth(1).locator("select").select_option("absent")
    assert page.locator("#changes li").count() == 3
    page.click("#undo")
    assert page.is_hidden("#changes")
    assert page.is_enabled(ACCEPT)
    assert page.input_value(".quantity input") == "9,4"


def test_what_cannot_be_signed_says_why(browser: Open, site: FakeSite) -> None:
    page = ready(browser(f"/results/{site.chest()}"))
    says = lambda: page.inner_text("#unready").replace("\u202f", " ").replace("\u00a0", " ")  # noqa: E731
    assert says() == "Choisissez : accepter, amender ou rejeter."
    page.keyboard.press("m")
    assert says() == "Rien n’a changé : acceptez le brouillon tel quel, ou modifiez quelque chose."
    page.fill(".quantity input", "dix")
    assert says() == "« Diamètre » attend un nombre, par exemple 12,5."
    page.fill(".quantity input", "10")
    page.fill("#report", "  ")
    assert says() == "Le compte rendu est vide."
    page.fill("#report", "Nodule.")
    page.select_option("#reason", "other")
    assert says() == "Expliquez le motif en commentaire."
    page.fill("#comment", "voir staff")
    page.locator("#comment").blur()
    assert says() == ""
