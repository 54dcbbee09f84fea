"""People sign in at a real identity provider (panva's oidc-provider, shaped like Pro Santé Connect), in Chromium."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bridge.accounts import add_person
from bridge.config import Site, load
from bridge.links.signing import make_launch
from bridge.wiring.entrance import reachable
from bridge.wiring.install import install, to_toml
from bridge.wiring.parts import Parts
from bridge.wiring.processes import desk
from guarantee.opinion import Reader
from guarantee.policy import Role
from tests.desk.test_desk_accessible import faults
from tests.installation import ROOT
from tests.peers.base import free_port
from tests.peers.chromium import Chromium
from tests.peers.fixtures import started
from tests.peers.oidc_provider import CLIENT, SECRET, OidcProvider
from tests.peers.sekmet import Sekmet

pytestmark = [pytest.mark.peer(name) for name in ("chromium", "oidc-provider", "sekmet")]

PEOPLE = {"dr.martin": "899900000011", "stranger": "899900000099"}
IPP = "https://chu.example/ipp"
ON_SCREEN = {"patient": "p7", "fhirContext": [{"reference": "ImagingStudy/s1"}]}
RESOURCES = [
    {
        "resourceType": "Practitioner",
        "id": "dr.martin",
        "identifier": [{"system": "urn:oid:1.2.250.1.71.4.2.1", "value": PEOPLE["dr.martin"]}],
    },
    {"resourceType": "Practitioner", "id": "stranger"},
    {"resourceType": "Patient", "id": "p7", "identifier": [{"system": IPP, "value": "0042"}]},
    {
        "resourceType": "ImagingStudy",
        "id": "s1",
        "status": "available",
        "subject": {"reference": "Patient/p7"},
        "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}],
    },
]
KEY = "0123456789abcdef0123456789abcdef"


class House:
    """A desk whose people sign in at the provider; its provider is told of it before it listens."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.record = Sekmet()
        self.provider = OidcProvider(self.url, PEOPLE, fhir=self.record.url, context=ON_SCREEN)
        settings = {
            "site": {"namespace": "7f2c1c8e-0000-4000-8000-000000000001"},
            "desk": {
                "port": port,
                "oidc": {"issuer": self.provider.issuer, "client_id": CLIENT, "client_secret": SECRET},
            },
            "launchers": {"pacs": {"key": KEY}, "dpi": {"smart": self.smart()}},
        }
        install(folder, settings=to_toml(settings))
        self.parts = Parts(load(folder))
        self.reader = _martin(self.parts.settings.site)
        add_person(self.reader, "", self.parts.sign_in)
        self._desk = desk(self.parts)
        self._desk.start()

    def smart(self) -> dict[str, str]:
        """Return how the desk knows the record, which holds who and what a launch is about."""
        for resource in RESOURCES:
            address = f"{self.record.url}/{resource['resourceType']}/{resource['id']}"
            assert httpx2.put(address, json=resource, trust_env=False).status_code in {200, 201}
        return {
            "fhir_url": f"{self.provider.issuer}/fhir",
            "issuer": self.provider.issuer,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "patient_system": IPP,
        }

    def stop(self) -> None:
        self.record.stop()
        self._desk.stop()
        self.parts.close()
        self.provider.stop()

    def sign_ins(self) -> list[tuple[str, str, str]]:
        with self.parts.store("desk").reading() as unit:
            rows = unit.connection.exec_driver_sql("SELECT login, outcome, auth FROM sign_ins ORDER BY at")
            return [tuple(row) for row in rows]


def _martin(site: Site) -> Reader:
    return Reader(
        login="dr.martin",
        name="MARTIN^Élodie^^Dr",
        role=Role.RADIOLOGIST,
        professional_id=PEOPLE["dr.martin"],
        organisation=site.organisation,
        organisation_id=site.organisation_id,
    )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from started(lambda: House(tmp_path_factory.mktemp("sign-in") / "aval"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    yield from started(Chromium)


@pytest.fixture
def browse(chromium: Chromium, house: House) -> Iterator[Callable[[str], Any]]:
    """Return what opens a browser of its own, in a language."""
    contexts = []

    def opened(locale: str = "fr-FR") -> Any:
        contexts.append(chromium.context(base_url=house.url, locale=locale))
        return contexts[-1].new_page()

    yield opened
    for context in contexts:
        context.close()


def picture(name: str) -> Path:
    """Return where a screenshot is kept, for people to look at."""
    folder = ROOT / "tests" / "out" / "e2e"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.png"


def enter(page: Any, person: str, level: str = "eidas1") -> None:
    """Be somebody at the provider."""
    page.fill("[name=person]", person)
    page.fill("[name=level]", level)
    page.click("#enter")


WORDS = {
    "fr-FR": ("Se connecter avec Pro Santé Connect", "fr", "Vous vous êtes connecté auprès de Pro Santé Connect"),
    "en-GB": ("Sign in with Pro Santé Connect", "en", "You signed in at Pro Santé Connect"),
}


@pytest.mark.parametrize("locale", WORDS)
def test_there_and_back_and_out_of_both(house: House, browse: Callable[[str], Any], locale: str) -> None:
    button, language, told = WORDS[locale]
    page = browse(locale)
    page.goto("/systems")
    assert page.locator("[name=password]").count() == 0
    page.click(f"text={button}")
    assert (page.inner_text("#language"), page.inner_text("#levels")) == (language, "eidas1")
    enter(page, "dr.martin")
    page.wait_for_url(f"{house.url}/systems")
    assert page.inner_text(".person").startswith("Dr Élodie MARTIN")
    page.goto("/about")
    assert f"{told}, " in page.inner_text("main")
    assert "eidas1" in page.inner_text("main")
    assert house.sign_ins()[-1] == ("dr.martin", "opened", "oidc:eidas1")
    page.click(".who form[data-method=DELETE] button")
    page.wait_for_url(f"{house.provider.issuer}/session/end?**")
    page.click("#leave")
    page.wait_for_url(f"{house.url}/sign-in")
    page.click(f"text={button}")
    assert page.locator("[name=person]").count() == 1, "the provider still knew who it was"


def test_a_launch_survives_the_detour(house: House, browse: Callable[[], Any]) -> None:
    page = browse()
    at, nonce = house.parts.clock.now(), "of-a-launch-1"
    page.goto(f"/launch?{make_launch({'study': '1.2.3', 'launcher': 'pacs'}, KEY, at=at, nonce=nonce)}")
    page.click("text=Se connecter avec")
    enter(page, "dr.martin")
    page.wait_for_url(f"{house.url}/launch/*")
    assert "Aucun résultat" in page.inner_text("h1")


def test_a_record_launches_by_smart_and_its_person_signs_in(house: House, browse: Callable[[], Any]) -> None:
    page = browse()
    page.goto(f"/launch?iss={house.provider.issuer}/fhir&launch=xyz")
    enter(page, "dr.martin", "password")  # the record's own sign-in, whatever it is worth
    page.wait_for_url(f"{house.url}/sign-in?**")
    page.click("text=Se connecter avec")
    page.wait_for_url(f"{house.url}/sign-in/callback**")
    assert "niveau trop faible" in page.inner_text("h1"), "a launch must not sign anybody in at a lower level"
    with house.parts.store("desk").reading() as unit:
        (kept,) = unit.connection.exec_driver_sql("SELECT wanted, expected FROM launches WHERE launcher = 'dpi'")
    assert ("0042" in kept[0], "1.2.3" in kept[0], kept[1]) == (True, True, "dr.martin")


def test_a_record_launches_to_what_is_known(house: House, browse: Callable[[], Any]) -> None:
    page = browse()
    page.goto(f"/launch?iss={house.provider.issuer}/fhir&launch=xyz")
    enter(page, "dr.martin")
    page.click("text=Se connecter avec")  # the provider is the same, and knows who it is
    page.wait_for_url(f"{house.url}/launch/*")
    assert "Aucun résultat" in page.inner_text("h1")
    other = browse()
    other.goto(f"/launch?iss={house.provider.issuer}/fhir&launch=xyz")
    enter(other, "stranger")
    other.wait_for_url(f"{house.url}/launch/callback**")
    assert "Vous n’avez pas de compte ici" in other.inner_text("h1")


@pytest.mark.parametrize(
    ("person", "level", "said", "outcome"),
    [
        ("stranger", "eidas1", "Vous n’avez pas de compte ici", "refused-unknown"),
        ("dr.martin", "password", "niveau trop faible", "refused-level"),
    ],
)
def test_who_is_not_somebody_here_stays_outside(
    house: House, browse: Callable[[], Any], person: str, level: str, said: str, outcome: str
) -> None:
    page = browse()
    page.goto("/sign-in")
    page.click("text=Se connecter avec")
    enter(page, person, level)
    page.wait_for_url(f"{house.url}/sign-in/callback**")
    assert said in page.inner_text("h1")
    assert "code=" not in page.content()
    assert house.sign_ins()[-1][:2] == ("", outcome)
    page.goto("/worklist")
    page.wait_for_url("**/sign-in?**")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_on_the_pages_of_a_sign_in(house: House, browse: Callable[[], Any], theme: str) -> None:
    page = browse()
    page.goto(f"/sign-in?theme={theme}")
    assert faults(page) == []
    page.screenshot(path=str(picture(f"sign-in-{theme}")), full_page=True)
    page.click("text=Se connecter avec")
    enter(page, "stranger")
    page.wait_for_url(f"{house.url}/sign-in/callback**")
    assert faults(page) == []
    page.screenshot(path=str(picture(f"sign-in-unknown-{theme}")), full_page=True)
    page.click("text=Se déconnecter de Pro Santé Connect")  # else the provider would send the same person back
    page.click("#leave")
    page.wait_for_url(f"{house.url}/sign-in")
    page.click("text=Se connecter avec")
    enter(page, "dr.martin")
    page.wait_for_url(f"{house.url}/worklist")
    page.goto("/about")
    assert faults(page) == []
    page.screenshot(path=str(picture(f"sign-in-about-{theme}")), full_page=True)


def test_somebody_who_breaks_it_off_is_told_so(house: House, browse: Callable[[], Any]) -> None:
    page = browse()
    page.goto("/sign-in")
    page.click("text=Se connecter avec")
    page.click("#cancel")
    page.wait_for_url(f"{house.url}/sign-in/callback**")
    assert "pas été menée à son terme" in page.inner_text("h1")


def answer_for(house: House, person: str) -> str:
    """Sign in by hand as ``person``; return the address that would bring the answer home."""
    with httpx2.Client(trust_env=False) as web:
        page = web.get(web.get(f"{house.url}/sign-in/provider").headers["location"], follow_redirects=True)
        said = {"person": person, "level": "eidas1", "verb": "enter"}
        answer = web.post(page.url, data=said)
        while not answer.headers["location"].startswith(house.url):
            answer = web.get(answer.headers["location"])
        return answer.headers["location"]


def test_an_answer_taken_to_another_browser_signs_nobody_in(house: House, browse: Callable[[], Any]) -> None:
    """Somebody signs in, keeps the answer from arriving, and has another person's browser bring it."""
    stolen = answer_for(house, "dr.martin")
    page = browse()
    for leave_first in (False, True):
        if leave_first:
            page.goto("/sign-in/provider")
        page.goto(stolen)
        assert "aucune connexion commencée dans ce navigateur" in page.inner_text("h1")
    page.goto("/worklist")
    page.wait_for_url("**/sign-in?**")


def test_check_finds_the_provider(house: House) -> None:
    found = reachable(house.parts.settings, house.parts.clock.now)["identity provider"]()
    assert house.provider.issuer in found
