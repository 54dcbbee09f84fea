"""A real installation whose policy has everything read first: attacked through every address, then read as meant."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import yaml

from guarantee.content import Content
from tests.desk.conftest import Watched, until
from tests.desk.reading import ready, signed
from tests.desk.test_desk_first_read import ADDRESSES, AFTER, STUDY
from tests.e2e import inputs
from tests.e2e.inputs import PHANTOM
from tests.e2e.judges import require_journal_holds
from tests.e2e.reader import AtDesk
from tests.e2e.test_desk_in_chromium import sign_in
from tests.installation import Installation, json_of
from tests.peers.base import free_port
from tests.peers.chromium import Chromium

pytestmark = pytest.mark.peer("chromium")

ATTACK = """(addresses) => Promise.all(addresses.map(async (address) => {
    const answer = await fetch(address);
    return { status: answer.status, text: await answer.text() };
}))"""
"""What a script in the reader's own page is answered."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """SQLite, one process; its only destination does not answer, which is no matter here."""
    folder = tmp_path_factory.mktemp("first-read")
    settings = inputs.models(folder)
    path = Path(settings["routing"]["rules"])
    rules = yaml.safe_load(path.read_text(encoding="utf-8"))
    for policy in rules["policies"]:
        policy["first_read"] = 1000
    path.write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")
    nowhere = {"aet": "NOWHERE", "host": "127.0.0.1", "port": free_port(), "confirm": "query", "commitment_port": 0}
    made = Installation(folder / "data", settings | {"destinations": {"pacs": {"nowhere": nowhere}}})
    try:
        made.start("all")
        yield made
        made.stop()
    finally:
        made.kill()


@pytest.fixture(scope="module")
def result(place: Installation, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A phantom's draft that awaits review."""
    study = inputs.phantom(tmp_path_factory.mktemp("studies"), "read-first")
    inputs.send(study, place.scp)
    with AtDesk(place, place.people["dr.martin"]) as reader:
        return reader.draft_of(study.case(), PHANTOM)


@pytest.fixture(scope="module")
def draft(place: Installation, result: str) -> Content:
    """What the model said, as only somebody who looks into the vault can know it."""
    with place.reading() as unit:
        row = unit.views.result(result)
    assert row is not None
    assert row.result.draft is not None
    return Content.from_bytes(place.vault.get(row.result.draft))


def told(draft: Content, text: str) -> bool:
    """Return whether ``text`` says something of the draft."""
    volume = str(draft.findings[0].quantities[0].value)
    return any(said in text for said in (draft.report, volume, draft.segments[0].mask, draft.digest))


def test_every_address_is_attacked_before_the_impression_and_after(
    place: Installation, result: str, draft: Content
) -> None:
    """By the reader who was drawn, and with the right name of the mask, which is more than they know."""
    with AtDesk(place, place.people["dr.martin"]) as reader:
        series = reader.web.get(f"/api/results/{result}/series").json()[0]["series"]
        assert attacked(reader.web, result, series, draft) == {403}
        assert reader.web.post(f"/api/results/{result}/question").json()["code"] == "first-read-due"
        reader.web.post(f"/api/results/{result}/first-read")
        assert reader.web.post(f"/api/results/{result}/question").json()["code"] == "first-read-due"
        kept = reader.web.post(f"/api/results/{result}/impression", json={"word": "unsure", "note": "bord flou"})
        assert kept.status_code == 201
        assert attacked(reader.web, result, series, draft) == {403}
        assert reader.web.post(f"/api/results/{result}/question").status_code == 201
        assert attacked(reader.web, result, series, draft) == {200}
    with place.reading() as unit:
        actions = [link.action for link in unit.views.timeline(result)]
    steps = ["first-read.opened", "first-read.impression", "draft.shown", "exposure.reveal"]
    assert [action for action in actions if action in steps] == steps


def attacked(web: httpx2.Client, result: str, series: str, draft: Content) -> set[int]:
    """Read every address; return what those answer that show something of AI. No other says a word of the draft."""
    found = set()
    for (method, path), why in ADDRESSES.items():
        if method != "GET" or path.startswith(("/launch", "/IHE")):
            continue
        # tests/dicomweb attacks these with real ones; an incident named by a result is none
        names = {"study": "1.2.3", "uid": "1.2.3", "frames": 1, "incident": result}
        address = path.format(result=result, series=series, index=0, number=1, **names)
        answer = web.get(f"{address}?mask={draft.segments[0].mask}" if "segments" in path else address)
        if why is AFTER:
            found.add(answer.status_code)
        if why is STUDY:
            assert answer.status_code == 200, path
        if why is not AFTER or answer.status_code == 403:
            assert not told(draft, answer.text), path
    return found


def test_another_reader_reads_first_in_a_browser_and_what_is_signed_says_so(
    chromium: Chromium, place: Installation, result: str, draft: Content, tmp_path: Path
) -> None:
    """The first reader's word opened nothing to the second; the whole chain is then read without the product."""
    mask = f"/segments/1?mask={draft.segments[0].mask}"
    context = chromium.context()
    watched = Watched(context, _Address(place.desk))
    page = context.new_page()
    page.goto(f"{place.desk}/worklist")
    sign_in(page, place, "dr.durand")
    page.goto(f"{place.desk}/results/{result}")
    until(page, "document.getElementById('viewport').getAttribute('aria-busy') === 'false'")
    refused = page.evaluate(ATTACK, [f"/api/results/{result}{end}" for end in ("", "/timeline", mask)])
    assert [answer["status"] for answer in refused] == [403, 403, 403]
    assert not any(told(draft, answer["text"]) for answer in refused)
    page.keyboard.press("p")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#reveal:not([hidden])")
    assert not told(draft, page.content())
    page.keyboard.press("v")
    ready(page)
    assert "Présent" in page.inner_text("#impression")
    page.keyboard.press("a")
    page.keyboard.press("Control+Enter")
    signed(page)
    context.close()
    assert not watched.faults, watched.faults
    require_told(place, result, tmp_path)


def require_told(place: Installation, result: str, folder: Path) -> None:
    """The command line tells who thought what when, and the stand-alone verifier follows it."""
    shown = json_of(place.aval("results", "show", result, "--json"))["first_read"]
    by_login = {one["reader"]: one for one in shown["readers"]}
    durand = by_login["dr.durand"]
    stamps = [durand["opened_at"], durand["impression"]["at"], durand["revealed_at"], durand["signed_at"]]
    assert stamps == sorted(stamps)
    assert (durand["impression"]["word"], durand["impression"]["independence"]) == ("present", "unexposed")
    assert by_login["dr.martin"]["impression"]["word"] == "unsure"
    assert shown["draw"]["share"] == 1000
    text = place.aval("results", "show", result).stdout
    assert "dr.durand  read first: opened" in text
    assert "bord flou" not in text
    require_journal_holds(place, folder)


class _Address:
    def __init__(self, url: str) -> None:
        self.url = url
