"""Reviewing in a browser: image first, nothing endorsed unseen, nothing typed lost, one opinion for one gesture."""

from typing import Any

import pytest

from guarantee.policy import Role
from guarantee.states import ResultState
from tests.desk.conftest import Open, until
from tests.desk.reading import ACCEPT, AMEND, REJECT, ready, signed
from tests.desk.site import FakeSite

pytestmark = pytest.mark.peer("chromium")

# ------------------------------------------------------------------------------------------------------- by keyboard


def test_from_the_list_to_the_signature_without_a_mouse(browser: Open, site: FakeSite) -> None:
    site.radiograph()
    result = site.brain()
    page = browser()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/results/{result}")
    ready(page)
    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    signed(page)
    case = site.desk.cases[result]
    assert case.result.state is ResultState.VALIDATED
    assert case.content == case.draft
    assert page.evaluate("document.activeElement.id") == "outcome-head"
    assert "Accepté" in page.inner_text("#badge")


def test_amending_a_number_without_a_mouse(browser: Open, site: FakeSite) -> None:
    result = site.brain()
    page = ready(browser(f"/results/{result}"))
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.quantity') !== null"):
            break
    page.keyboard.press("Control+a")
    page.keyboard.type("1510,25")
    assert page.is_checked(AMEND)
    assert page.is_disabled(ACCEPT)
    assert page.inner_text("#changes li") == "Volume\u00a0: 1498,90 → 1510,25 mL"
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("m")
    page.keyboard.type("Mesure")
    assert page.input_value("#reason") == "wrong-measure"
    page.keyboard.press("Control+Enter")
    signed(page)
    quantity = site.desk.cases[result].content.findings[0].quantities[0]
    assert str(quantity.value) == "1510.25"
    assert "1510,25 mL" in page.inner_text("#findings")


def test_rejecting_without_a_mouse_needs_a_reason(browser: Open, site: FakeSite) -> None:
    result = site.chest()
    page = ready(browser(f"/results/{result}"))
    page.keyboard.press("r")
    page.keyboard.press("Control+Enter")
    assert page.inner_text("#unready") == "Choisissez un motif."
    assert site.answers(result) == 0
    page.keyboard.type("Faux positif")
    page.keyboard.press("Control+Enter")
    signed(page)
    assert site.state(result) is ResultState.REJECTED
    assert "Brouillon rejeté" in page.inner_text("#decision")


def test_letters_typed_into_a_text_decide_nothing(browser: Open, site: FakeSite) -> None:
    page = ready(browser(f"/results/{site.brain()}"))
    page.focus("#comment")
    page.keyboard.type("armh 123")
    assert page.input_value("#comment") == "armh 123"
    assert page.locator("input[name=verdict]:checked").count() == 0
    assert page.get_attribute("#overlay", "aria-pressed") == "true"


def test_single_keys_can_be_switched_off_for_good(browser: Open, site: FakeSite) -> None:
    page = ready(browser(f"/results/{site.brain()}"))
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.reload()
    ready(page)
    page.keyboard.press("a")
    assert page.locator("input[name=verdict]:checked").count() == 0
    page.keyboard.press("Home")
    until(page, "document.getElementById('slice').value === '1'")


# ------------------------------------------------------------------------------------------------ seen before signed


def hold(route: Any, held: list[Any]) -> None:
    """Keep a request waiting. A function of ours: Playwright cannot inspect `list.append`."""
    held.append(route)


def test_nothing_is_accepted_before_its_image_was_on_screen(browser: Open, site: FakeSite) -> None:
    result = site.brain()
    page = browser("/worklist")
    held: list[Any] = []
    page.route("**/frames/*", lambda route: hold(route, held))
    page.goto(f"/results/{result}")
    page.wait_for_selector("#findings-block:not([hidden])")
    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    assert page.is_disabled(ACCEPT)
    assert page.is_disabled(AMEND)
    assert page.is_enabled(REJECT)
    assert "Pas encore" in page.inner_text("#unready")
    assert site.answers(result) == 0
    assert held
    page.unroute("**/frames/*")  # which lets go of what was held
    ready(page)


def test_nothing_is_accepted_before_its_overlay_was_on_screen(browser: Open, site: FakeSite) -> None:
    page = browser("/worklist")
    held: list[Any] = []
    page.route("**/segments/*", lambda route: hold(route, held))
    page.goto(f"/results/{site.brain()}")
    page.wait_for_selector("[data-need=image].done")
    page.wait_for_selector("[data-need=panel].done")
    assert page.is_disabled(ACCEPT)
    assert held
    page.unroute("**/segments/*")  # which lets go of what was held
    ready(page)


def test_images_that_do_not_come_are_said_and_nothing_can_be_accepted(browser: Open, site: FakeSite) -> None:
    page = browser("/worklist")
    page.route("**/series", lambda route: route.abort())
    page.goto(f"/results/{site.brain()}")
    page.wait_for_selector("#findings-block:not([hidden])")
    until(page, "document.getElementById('viewport-message').textContent.includes('chargées')")
    assert page.is_disabled(ACCEPT)


def test_a_score_is_accepted_once_its_data_were_on_screen(browser: Open, site: FakeSite) -> None:
    result = site.record()
    page = browser(f"/results/{result}")
    ready(page)
    rows = page.locator("#inputs tbody tr")
    assert rows.count() == 5
    assert "164,50 µmol/L" in rows.nth(2).inner_text()
    assert "64 mmHg" in rows.nth(1).inner_text()
    assert "manquante" in rows.nth(4).inner_text()
    assert "La bilirubine manque" in page.inner_text("#cautions")
    assert page.is_hidden("#images")
    assert not page.is_visible("[data-need=image]")
    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    signed(page)
    assert site.state(result) is ResultState.VALIDATED


def test_on_a_small_screen_the_data_count_once_they_are_scrolled_to(browser: Open, site: FakeSite) -> None:
    page = browser(f"/results/{site.record()}", viewport={"width": 360, "height": 300})
    page.wait_for_selector("#findings-block:not([hidden])", state="attached")
    page.wait_for_timeout(150)
    assert page.is_disabled(ACCEPT)
    page.locator("#inputs").scroll_into_view_if_needed()
    page.locator("#findings-block").scroll_into_view_if_needed()
    ready(page)


def test_a_negative_does_not_read_as_normal(browser: Open, site: FakeSite) -> None:
    page = ready(browser(f"/results/{site.radiograph()}"))
    assert "Cela ne vaut pas examen normal." in page.inner_text("#findings-block")
    assert "seuil 0,50 (sous le seuil)" in page.inner_text(".score").replace("\u00a0", " ")


# ------------------------------------------------------------------------------------------------------- afterwards


def test_what_became_of_it_is_followed_without_a_reload(browser: Open, site: FakeSite) -> None:
    result = site.brain()
    page = ready(browser(f"/results/{result}"))
    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    signed(page)
    assert page.locator(".sent .state").all_inner_texts() == ["À envoyer", "À envoyer"]
    site.confirm(result)
    page.wait_for_selector("#outcome[data-state=delivered]")
    assert page.locator(".sent .state").all_inner_texts() == ["Confirmé", "Confirmé"]
    assert page.inner_text("#badge") == "Remis"
    page.click("#withdraw summary")
    page.select_option("#withdraw select", "wrong-patient")
    page.fill("#withdraw textarea", "Examen d’un autre patient.")
    page.click("#withdraw form button")
    page.wait_for_selector("#outcome[data-state=retracted]")
    assert "Mauvais patient ou examen" in page.inner_text("#outcome-head")


def test_a_second_reader_is_waited_for(browser: Open, site: FakeSite) -> None:
    from dataclasses import replace

    site.desk.policy = replace(site.desk.policy, readers=2)
    page = ready(browser(f"/results/{site.brain()}"))
    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    signed(page)
    assert "La politique demande un autre lecteur" in page.inner_text("#decision")
    assert page.is_disabled(".quantity input") or page.is_hidden(".entry")


def test_a_hostile_name_runs_nothing_and_reverses_nothing(browser: Open, site: FakeSite) -> None:
    result = site.radiograph()
    page = browser()
    alarms: list[str] = []
    page.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
    assert "<script>alert('xss')</script>" in page.inner_text(".row-link")
    page.goto(f"/results/{result}")
    ready(page)
    name = page.inner_text(".patient .name")
    assert name.startswith("<script>alert('xss')</script>")
    assert "A" * 90 in name
    assert "É" * 90 in name
    assert not alarms
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_colleague_without_the_role_sees_the_state_only(browser: Open, site: FakeSite) -> None:
    result = site.brain()
    page = browser(f"/results/{result}", role=Role.ENGINEER)
    assert page.locator("canvas").count() == 0
    assert "À relire" in page.inner_text("#badge")
    assert not site.desk.seen


def test_in_english_the_page_is_english(browser: Open, site: FakeSite) -> None:
    page = ready(browser(f"/results/{site.chest()}", locale="en-GB"))
    assert page.inner_text(".finding h3 >> nth=0") == "Solid nodule, left upper lobe"
    assert page.input_value(".quantity input") == "9.4"
    assert page.inner_text("#unready") == "Choose: accept, amend or reject."
    assert page.get_attribute("#report", "lang") == "fr-FR"
