"""Reading first in a browser: by keyboard, without a word of the draft on the wire before it is revealed."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.desk.conftest import Open, until
from tests.desk.reading import ready, signed
from tests.desk.site import FakeSite

pytestmark = pytest.mark.peer("chromium")

SAID_BY_AI = ("Nodule solide", "Micronodule", "nodule-1", "9,4 mm")


def listen(page: Any) -> Callable[[], list[str]]:
    """Return what gives everything that scripts of the page were told from now on, and the page itself."""
    answers: list[Any] = []
    page.on("response", lambda answer: answers.append(answer) if answer.request.resource_type == "fetch" else None)
    return lambda: [page.content(), *(one.text() for one in answers if "json" in one.headers["content-type"])]


def shown_image(page: Any) -> None:
    until(page, "document.getElementById('viewport').getAttribute('aria-busy') === 'false'")


def test_the_impression_the_reveal_and_the_signature_without_a_mouse(browser: Open, site: FakeSite) -> None:
    result = site.chest()
    site.desk.drawn.add(result)
    page = browser("/worklist")
    heard = listen(page)
    page.goto(f"/results/{result}")
    shown_image(page)
    assert (result, "dr.martin") in site.desk.opened
    page.keyboard.press("Control+Enter")
    assert not site.desk.impressions, "nothing was chosen"
    page.keyboard.press("v")
    page.keyboard.press("p")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#reveal:not([hidden])")
    assert site.desk.impressions[result, "dr.martin"].word == "present"
    assert page.evaluate("document.activeElement.id") == "reveal"
    assert page.is_hidden("#ai")
    assert not site.desk.revealed
    assert len(heard()) > 2
    assert not any(said in text for text in heard() for said in SAID_BY_AI)
    page.keyboard.press("v")
    ready(page)
    assert (result, "dr.martin") in site.desk.revealed
    assert "Présent" in page.inner_text("#impression")
    assert "Nodule solide" in page.inner_text("#findings")
    assert page.locator("#first-read").count() == 0
    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    signed(page)
    assert site.answers(result) == 1


def test_another_tab_goes_on_where_the_first_one_was(browser: Open, site: FakeSite) -> None:
    result = site.radiograph()
    site.desk.drawn.add(result)
    page = browser(f"/results/{result}")
    shown_image(page)
    page.keyboard.press("n")
    page.fill("#impression-note", "rien de net")
    page.click("#keep")
    page.wait_for_selector("#reveal:not([hidden])")
    page.reload()
    assert page.locator("#keep").count() == 0
    page.click("#reveal")
    ready(page)
    assert "rien de net" in page.inner_text("#impression")
    page.reload()
    ready(page)
    assert "rien de net" in page.inner_text("#impression")


def test_a_refusal_is_said_on_the_form_and_nothing_typed_is_lost(browser: Open, site: FakeSite) -> None:
    result = site.brain()
    site.desk.drawn.add(result)
    page = browser(f"/results/{result}")
    shown_image(page)
    page.keyboard.press("u")
    page.fill("#impression-note", "à revoir")
    site.desk.drawn.clear()
    page.click("#keep")
    page.wait_for_selector("#first-read-trouble:not([hidden])")
    assert page.input_value("#impression-note") == "à revoir"
    assert page.is_checked("input[name=impression][value=unsure]")
    assert page.is_hidden("#ai")
