"""The page of the places outside: how each stands, in words, for everybody who is signed in."""

import re

import pytest
from starlette.testclient import TestClient

from bridge.web import outward_words
from guarantee.breaker import Phase
from guarantee.policy import Role
from tests.desk.conftest import SignIn
from tests.desk.fake_desk import FakeDesk
from tests.desk.standings import STANDINGS, standing

FRENCH = {"Accept-Language": "fr"}


def card(text: str, name: str) -> str:
    """Return what the page says of one destination."""
    found = re.search(rf'<article [^>]*id="destination-{name}">(.*?)</article>', text, re.DOTALL)
    assert found is not None, name
    return found[1]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "well",
            ["Répond", "Dossier patient", "27/11/2026", "Il demande qu’on lui envoie moins à la fois", "http-429"],
        ),
        ("well", ["Refusés par lui", "à examiner par une personne"]),
        ("down", ["Ne répond pas, laissé en repos", "Prochain essai", "12 ·", "30 tentatives", "Il est injoignable"]),
        ("down", ["7 de suite", "no-connection"]),
        ("tried", ["Nouvel essai en cours"]),
        ("paused", ["En pause, sur décision", "b.ngo", "migration &lt;b&gt;ce soir&lt;/b&gt;", "jamais"]),
        ("failing", ["N’a pas répondu la dernière fois", "never-heard-of"]),
        ("gone", ["N’est plus configuré"]),
    ],
)
def test_each_state_is_said_in_words(sign_in: SignIn, desk: FakeDesk, name: str, says: list[str]) -> None:
    desk.standing = list(STANDINGS)
    said = card(sign_in(Role.ENGINEER).get("/destinations", headers=FRENCH).text, name)
    for words in says:
        assert words in said


def test_what_has_ended_is_not_shown(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.standing = [standing("pacs")]
    said = card(sign_in(Role.ENGINEER).get("/destinations", headers=FRENCH).text, "pacs")
    for absent in ("Prochain essai", "Refusés", "En pause", "depuis", "de suite"):
        assert absent not in said


def test_a_place_without_destinations_says_so(sign_in: SignIn) -> None:
    assert "Aucun destinataire" in sign_in(Role.ENGINEER).get("/destinations", headers=FRENCH).text


@pytest.mark.parametrize("role", Role)
def test_everybody_who_is_signed_in_may_look(sign_in: SignIn, role: Role) -> None:
    client = sign_in(role)
    assert client.get("/destinations").status_code == 200
    assert 'href="/destinations"' in client.get("/about").text


def test_nobody_else_may(nobody: TestClient) -> None:
    answer = nobody.get("/destinations", follow_redirects=False)
    assert answer.headers["location"].startswith("/sign-in")


def test_every_phase_has_its_words() -> None:
    assert outward_words.BREAKERS.keys() == set(Phase)
