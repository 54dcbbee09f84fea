"""A clinician at the real desk: its pages in Chromium over a real installation, and what then lies in both archives."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.desk.conftest import Watched
from tests.desk.reading import AMEND, ready, signed, trouble
from tests.desk.test_desk_viewer import canvas, settle, shown
from tests.e2e import inputs
from tests.e2e.inputs import PHANTOM, Study
from tests.e2e.judges import Judges
from tests.e2e.outside import Outside, parsed
from tests.e2e.reader import AtDesk
from tests.installation import ROOT, Installation
from tests.peers.chromium import Chromium

pytestmark = [pytest.mark.peer(name) for name in ("chromium", "orthanc", "sekmet", "dcmtk")]

OUT = ROOT / "tests" / "out" / "e2e"
"""Screenshots, for people to look at."""

FOLLOWED_MS = 60_000
"""Longest wait for the page to say by itself what became of a result: destinations answer in seconds."""


@pytest.fixture
def martin(embedded: Installation) -> Iterator[AtDesk]:
    """The same person through the API, to look at what the page does not show."""
    with AtDesk(embedded, embedded.people["dr.martin"]) as reader:
        yield reader


@pytest.fixture
def page(chromium: Chromium, embedded: Installation) -> Iterator[Any]:
    """A browser in front of the sign-in form; an error on any page is a failure, and so is a request elsewhere."""
    context = chromium.context()
    watched = Watched(context, _Address(embedded.desk))
    made = context.new_page()
    made.goto(f"{embedded.desk}/worklist")
    yield made
    context.close()
    assert not watched.faults, watched.faults


class _Address:
    def __init__(self, url: str) -> None:
        self.url = url


def sign_in(page: Any, installation: Installation, login: str = "dr.martin") -> None:
    """Fill in the form as a person does."""
    person = installation.people[login]
    page.fill("[name=login]", person.login)
    page.fill("[name=password]", person.password)
    page.fill("[name=code]", person.code)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{installation.desk}/worklist")


def picture(page: Any, name: str) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(OUT / f"{name}.png"), full_page=True)


def open_from_the_list(page: Any, result: str) -> None:
    """Walk down the worklist by keyboard, and open a row."""
    page.wait_for_selector(f"tr[data-id='{result}']")
    for _ in range(page.locator("tbody tr").count()):
        page.keyboard.press("j")
        if page.evaluate("document.activeElement.closest('tr').dataset.id") == result:
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/results/{result}")
    ready(page)
    settle(page)


def require_image_and_overlay(page: Any) -> None:
    """Fail unless the canvas shows an image, and hiding the overlay changes some of it and not most."""
    with_overlay = canvas(page).astype("i2")
    assert len(np.unique(with_overlay.max(axis=2))) > 16, "the canvas is blank, or nearly"
    page.keyboard.press("h")
    settle(page)
    without = canvas(page).astype("i2")
    page.keyboard.press("h")
    settle(page)
    tinted = (with_overlay != without).any(axis=2).mean()
    assert 0.005 < tinted < 0.6, f"the overlay covers {tinted:.1%} of the viewport"


def drafted(installation: Installation, martin: AtDesk, folder: Path, name: str) -> tuple[Study, str, str]:
    """Send a phantom; return its name, the study and the result that awaits review."""
    name = f"{name}-{time.monotonic_ns()}"
    study = inputs.phantom(folder, name)
    inputs.send(study, installation.scp)
    return study, martin.draft_of(study.case(), PHANTOM), name


def never_seen(folder: Path) -> Study:
    """Return a head MR of another hospital, or of another exam where that one cannot be had."""
    return inputs.schwannoma(folder) if inputs.SCHWANNOMA.exists() else inputs.head(folder, number=13)


# ------------------------------------------------------------------------------------------------------------ accept


def test_a_head_is_endorsed_by_keyboard_alone_and_the_page_follows_it_until_it_is_delivered(
    page: Any, embedded: Installation, outside: Outside, martin: AtDesk, judges: Judges, tmp_path: Path
) -> None:
    study = never_seen(tmp_path)
    inputs.send(study, embedded.scp)
    result = martin.draft_of(study.case(), "brain-extractor")
    picture(page, "1-sign-in")
    sign_in(page, embedded)
    picture(page, "2-worklist")
    open_from_the_list(page, result)
    require_image_and_overlay(page)
    picture(page, "3-draft")
    with outside.watched() as watch:
        time.sleep(1)
        page.keyboard.press("a")
        before = watch.now()
        page.keyboard.press("Control+Enter")
        signed(page)
    watch.require_nothing_before(before)
    picture(page, "4-signed")
    page.wait_for_selector("#outcome[data-state=delivered]", timeout=FOLLOWED_MS)
    assert page.inner_text("#badge") == "Remis"
    assert page.locator(".sent .state").all_inner_texts() == ["Confirmé", "Confirmé"]
    picture(page, "5-delivered")
    seen = martin.view(result)
    assert seen["content"] == seen["draft"]
    judges.pacs_holds(outside, embedded, study.uid, result, seen["content"])
    judges.record_holds(outside, embedded, result, seen["content"], informed=False)
    page.goto(f"{embedded.desk}/results/{result}/timeline")
    picture(page, "6-timeline")


# ------------------------------------------------------------------------------------------------------------ reject


def test_a_rejected_draft_says_so_and_nothing_of_it_arrives(
    page: Any, embedded: Installation, outside: Outside, martin: AtDesk, tmp_path: Path
) -> None:
    sign_in(page, embedded)
    with outside.watched() as watch:
        study, result, _ = drafted(embedded, martin, tmp_path, "browser-reject")
        page.goto(f"{embedded.desk}/worklist")
        open_from_the_list(page, result)
        page.keyboard.press("r")
        page.keyboard.type("Faux positif")
        picture(page, "7-rejecting")
        page.keyboard.press("Control+Enter")
        signed(page)
        assert page.get_attribute("#outcome", "data-state") == "rejected"
        assert "Faux positif" in page.inner_text("#outcome")
        picture(page, "8-rejected")
        drafted(embedded, martin, tmp_path, "browser-reject-other")  # what would be sent would have been sent by now
    watch.require_nothing()
    (opinion,) = (one["statement"] for one in martin.view(result)["opinions"])
    assert (opinion["verdict"], opinion["reason"]) == ("reject", "false-positive")
    assert outside.objects(study.uid) == {}


# ------------------------------------------------------------------------------------------------------------- amend


def test_what_is_amended_on_the_page_is_what_arrives_and_the_old_text_is_nowhere(
    page: Any, embedded: Installation, outside: Outside, martin: AtDesk, judges: Judges, tmp_path: Path
) -> None:
    study, result, _ = drafted(embedded, martin, tmp_path, "browser-amend")
    sign_in(page, embedded)
    open_from_the_list(page, result)
    old = page.input_value("#report")
    new = "Fantôme mesuré à nouveau.\nŒdème absent – à revoir."
    page.fill("#report", new)
    page.fill(".quantity input", "23,5")
    page.click("#add summary")
    page.fill("#add-label", "Bulle d’air près du bord")
    page.click("#add-button")
    assert page.is_checked(AMEND)
    page.select_option("#reason", "wrong-measure")
    page.fill("#comment", "Seuil trop bas.")
    page.check("[name=patient_informed][value=yes]")
    page.wait_for_selector("#difference:not([hidden])")
    picture(page, "9-amending")
    page.keyboard.press("Control+Enter")
    signed(page)
    page.wait_for_selector("#outcome[data-state=delivered]", timeout=FOLLOWED_MS)
    page.click("#endorsed-changes summary")
    picture(page, "10-amended")
    content = martin.view(result)["content"]
    assert content["report"] == new
    assert content["findings"][0]["quantities"][0]["value"] == "23.5"
    assert content["findings"][1]["label"]["fr"] == "Bulle d’air près du bord"
    judges.pacs_holds(outside, embedded, study.uid, result, content)
    resources = judges.record_holds(outside, embedded, result, content)
    arrived = str(parsed(outside.objects(study.uid)["SR"])) + str(resources)
    assert old.removesuffix(".") not in arrived
    assert "Bulle d’air près du bord" in arrived


# --------------------------------------------------------------------------------------------- changed underneath


def test_a_draft_that_changed_underneath_is_refused_with_what_happened_and_what_to_do(
    page: Any, embedded: Installation, outside: Outside, martin: AtDesk, tmp_path: Path
) -> None:
    study, result, name = drafted(embedded, martin, tmp_path, "browser-late")
    sign_in(page, embedded)
    open_from_the_list(page, result)
    inputs.send(inputs.late_image(tmp_path, name), embedded.scp)
    martin.wait_for(result, "stale")
    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    said = trouble(page)
    picture(page, "11-changed-underneath")
    assert "Le dossier a changé depuis ce brouillon" in said
    assert "Rien n’a été signé, rien n’a été envoyé." in said
    assert martin.view(result)["opinions"] == []
    page.click("#where")
    page.wait_for_selector("#outcome[data-state=stale]")
    picture(page, "12-stale")
    new = martin.draft_of(study.case(revision=2), PHANTOM)
    page.goto(f"{embedded.desk}/worklist")
    assert page.locator(f"tr[data-id='{result}']").count() == 0
    open_from_the_list(page, new)
    shown(page, 6)
    assert outside.objects(study.uid) == {}
