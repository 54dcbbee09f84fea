"""Every page for everybody: WCAG 2.2 AA as far as a program can tell, both themes, both languages, small screens.

axe finds about half of what there is to find; a manual RGAA audit stays to be done.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from bridge.web.package_words import Signature
from guarantee.ids import ResultId
from guarantee.incident import Grade
from guarantee.policy import Role
from guarantee.result import Cause
from guarantee.states import ResultState
from tests.desk.conftest import Open, until
from tests.desk.drifts import another_scanner
from tests.desk.nights import slow_night
from tests.desk.reading import ready, signed
from tests.desk.site import FakeSite
from tests.desk.standings import STANDINGS

pytestmark = pytest.mark.peer("chromium")

AXE = Axe().axe_script
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


def faults(page: Any) -> list[str]:
    """Return what axe finds wrong. Its half megabyte of script is read once a page, not once a theme."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    violations = page.evaluate("(rules) => axe.run(document, rules).then((found) => found.violations)", RULES)
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary'][:200]}"
        for rule in violations
        for node in rule["nodes"]
    ]


def review_study(page: Any, site: FakeSite) -> None:
    """A draft with two findings, changed, about to be amended."""
    page.goto(f"/results/{site.chest()}")
    ready(page)
    page.fill("#report", "Nodule de 10 mm.")
    page.wait_for_selector("#difference:not([hidden])")


def review_trouble(page: Any, site: FakeSite) -> None:
    """A refusal on the page."""
    result = site.brain()
    page.goto(f"/results/{result}")
    ready(page)
    page.keyboard.press("a")
    site.forget_questions()
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#trouble:not([hidden])")


def review_record(page: Any, site: FakeSite) -> None:
    """A score with its data."""
    page.goto(f"/results/{site.record()}")
    ready(page)


def review_decided(page: Any, site: FakeSite) -> None:
    """A decision on its way, the form of its withdrawal open."""
    page.goto(f"/results/{site.brain()}")
    ready(page)
    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    signed(page)
    page.click("#withdraw summary")


def review_first(page: Any, site: FakeSite) -> None:
    """An exam that is read before anything of AI is shown, nothing chosen yet."""
    result = site.chest()
    site.desk.drawn.add(result)
    page.goto(f"/results/{result}")
    until(page, "document.getElementById('viewport').getAttribute('aria-busy') === 'false'")


def review_compared(page: Any, site: FakeSite) -> None:
    """The first impression beside what the system says."""
    result = site.record()
    site.desk.drawn.add(result)
    page.goto(f"/results/{result}")
    page.keyboard.press("g")
    page.fill("#impression-note", "instable depuis ce matin")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#reveal:not([hidden])")
    page.keyboard.press("v")
    ready(page)


def review_closed(page: Any, site: FakeSite) -> None:
    """A result that failed."""
    result = site.radiograph()
    site.desk.put(result, ResultState.FAILED, Cause(code="timeout", detail="more than 60 s"))
    page.goto(f"/results/{result}")
    until(page, "document.getElementById('viewport').getAttribute('aria-busy') === 'false'")


def timeline(page: Any, site: FakeSite) -> None:
    """A journal, its first entry open."""
    page.goto(f"/results/{site.brain()}/timeline")
    page.locator("summary").first.click()


def worklist(page: Any, site: FakeSite) -> None:
    """A list of every kind of case."""
    for kind in ("brain", "chest", "radiograph", "record"):
        getattr(site, kind)()
    page.goto("/worklist")


def worklist_causes(page: Any, site: FakeSite) -> None:
    """What must be looked into."""
    for state, code in ((ResultState.EXCLUDED, "slices-missing"), (ResultState.STALE, "identity-changed")):
        site.desk.put(site.brain(), state, Cause(code=code))
    page.goto("/worklist?show=to-understand")


def systems(page: Any, site: FakeSite) -> None:
    """A stop in force, both forms open; a package that is signed, one that is not, one that is not what was signed."""
    site.hold("lung-nodule")
    words = ("signed", "unsigned", "refused")
    site.desk.signed = {
        card.model.id: Signature(word=word, publisher="chu-lyon", key="a1b2", first="chu-lyon")
        for card, word in zip(site.desk.cards(), words, strict=True)
    }
    page.goto("/systems")
    page.click(".stopped summary")
    page.locator(".system .act summary").first.click()


def destinations(page: Any, site: FakeSite) -> None:
    """A destination in each state."""
    site.desk.standing = list(STANDINGS)
    page.goto("/destinations")


def monitoring(page: Any, site: FakeSite) -> None:
    """A slow night, every table open."""
    site.desk.measured = slow_night(datetime.now(UTC))
    page.goto("/monitoring")
    page.evaluate("document.querySelectorAll('main details').forEach((part) => { part.open = true; })")


def drift(page: Any, site: FakeSite) -> None:
    """A replaced scanner, every drawing open."""
    site.desk.drifted = another_scanner()
    page.goto("/monitoring/drift")
    page.evaluate("document.querySelectorAll('main details').forEach((part) => { part.open = true; })")


def sign_in(page: Any, site: FakeSite) -> None:
    """The form, with a refusal."""
    page.context.clear_cookies(name="aval")
    page.goto("/sign-in")
    for name in ("login", "password", "code"):
        page.fill(f"[name={name}]", "1")
    page.keyboard.press("Enter")
    page.wait_for_selector(".form-error:not([hidden])")


def simple(path: str) -> Callable[[Any, FakeSite], None]:
    """A page that needs nothing."""

    def visit(page: Any, _: FakeSite) -> None:
        page.goto(path)

    visit.__name__ = path.strip("/") or "home"
    return visit


def incidents(page: Any, site: FakeSite) -> None:
    """A serious discordance with its declarations, every form open, as the committee sees it; and its sheet."""
    colin = site.desk.people["z.colin"]
    key = site.desk.reporting.report(ResultId(site.brain()), Grade.D3, "lobe gauche manqué", colin)
    become(page, site, Role.COMMITTEE)
    page.goto(f"/incidents/{key}/fei")
    assert faults(page) == []
    page.goto("/incidents")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    become(page, site, Role.RADIOLOGIST)


def become(page: Any, site: FakeSite, role: Role) -> None:
    """Sign in as somebody else, in the same browser; the page that is open stays."""
    login, password, code = site.person(role)
    data = {"login": login, "password": password, "code": code}
    assert page.context.request.post("/api/session", data=data, headers={"Origin": site.url}).status == 201


def help_open(page: Any, site: FakeSite) -> None:
    """The list of keys."""
    page.goto("/worklist")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")


VISITS = (
    worklist,
    review_study,
    review_trouble,
    review_record,
    review_decided,
    review_first,
    review_compared,
    review_closed,
    timeline,
    worklist_causes,
    simple("/worklist?show=delivered"),
    help_open,
    systems,
    destinations,
    monitoring,
    drift,
    simple("/rights"),
    incidents,
    simple("/passkeys"),
    simple("/about"),
    simple("/nothing"),
    sign_in,
)
"""The last one signs out."""


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_page_has_a_fault_that_a_program_can_find(
    browser: Open, site: FakeSite, picture: Callable[[Any, str], None], language: str
) -> None:
    page = browser(f"/about?lang={language}", role=Role.RADIOLOGIST)
    found = {}
    for visit in VISITS:
        visit(page, site)
        for theme in ("dark", "light"):
            page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
            name = f"{visit.__name__.replace('?', '-').replace('=', '-')}.{theme}.{language}"
            if language == "fr":
                picture(page, name)
            found[name] = faults(page)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_axe_finds_what_is_planted(browser: Open) -> None:
    page = browser("/about")
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"/x.png\"><input>')")
    planted = " ".join(faults(page))
    assert "image-alt" in planted
    assert "label" in planted


def test_every_page_fits_a_screen_320_pixels_wide(
    browser: Open, site: FakeSite, picture: Callable[[Any, str], None]
) -> None:
    for kind in ("record", "chest", "radiograph"):
        page = browser(f"/results/{getattr(site, kind)()}", viewport={"width": 320, "height": 640})
        page.wait_for_selector("#findings-block:not([hidden])", state="attached")
        picture(page, f"review_{kind}.320")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, kind
    for visit in (
        worklist,
        timeline,
        worklist_causes,
        systems,
        destinations,
        monitoring,
        drift,
        simple("/about"),
        sign_in,
    ):
        visit(page, site)
        picture(page, f"{visit.__name__}.320")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, visit.__name__


def test_the_reading_page_is_dark_unless_somebody_asks_for_light(browser: Open, site: FakeSite) -> None:
    result = site.brain()
    page = browser(f"/results/{result}", color_scheme="light")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.goto("/worklist")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    page.goto(f"/results/{result}?theme=light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


def test_the_content_is_one_key_away(browser: Open, site: FakeSite) -> None:
    page = browser("/systems")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
