"""The way from a draft to another viewer, in a browser."""

import pytest

from tests.desk.conftest import Open
from tests.desk.reading import ready
from tests.desk.site import FakeSite

pytestmark = pytest.mark.peer("chromium")


def test_weasis_is_offered_beside_a_draft_that_was_shown(browser: Open, site: FakeSite) -> None:
    result = site.brain()
    page = ready(browser(f"/results/{result}"))
    with page.expect_response(f"**/api/results/{result}/viewer") as answered:
        page.get_by_role("button", name="Ouvrir dans Weasis").click()
    given = answered.value.json()
    assert given["weasis"].startswith("weasis://%24dicom%3Ars")
    assert page.url.endswith(f"/results/{result}")
    assert given["token"] not in page.content()


def test_a_refusal_is_said_beside_the_button(browser: Open, site: FakeSite) -> None:
    page = ready(browser(f"/results/{site.brain()}"))
    site.end_sessions()
    page.get_by_role("button", name="Ouvrir dans Weasis").click()
    page.wait_for_selector("#viewers [role=alert]:not([hidden])")
    assert "session" in page.inner_text("#viewers [role=alert]")


def test_a_score_of_the_record_has_no_images_to_open(browser: Open, site: FakeSite) -> None:
    page = ready(browser(f"/results/{site.record()}"))
    assert page.locator("#weasis").count() == 0
