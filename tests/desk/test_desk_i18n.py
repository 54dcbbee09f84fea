"""Languages, numbers, dates and names as people write them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from bridge.web.i18n import Language, load, preferred
from bridge.web.person import born, exam_time, full_name, patient_name, sex_text
from guarantee.content import Text

LANGUAGES = load(("fr", "en"), "Europe/Paris")
FR, EN = LANGUAGES["fr"], LANGUAGES["en"]
THIN = "\u202f"


@pytest.mark.parametrize(
    ("value", "french", "english"),
    [
        ("412.50", "412,50", "412.50"),
        ("0.9", "0,9", "0.9"),
        ("1498.90", "1498,90", "1498.90"),
        ("12345", f"12{THIN}345", f"12{THIN}345"),
        ("1234567.125", f"1{THIN}234{THIN}567,125", f"1{THIN}234{THIN}567.125"),
        ("-3.0", "−3,0", "−3.0"),
        ("1E+3", "1000", "1000"),
    ],
)
def test_every_digit_is_kept(value: str, french: str, english: str) -> None:
    assert FR.number(Decimal(value)) == french
    assert EN.number(Decimal(value)) == english


def test_plurals_follow_each_language() -> None:
    assert FR.plural("%(num)d attempt", "%(num)d attempts", 0) == "0 tentative"
    assert EN.plural("%(num)d attempt", "%(num)d attempts", 0) == "0 attempts"
    assert FR.plural("%(num)d attempt", "%(num)d attempts", 2) == "2 tentatives"


def test_times_are_those_of_the_site_in_summer_and_in_winter() -> None:
    assert FR.moment(datetime(2026, 7, 14, 22, 30, tzinfo=UTC)) == "15/07/2026 00:30"
    assert FR.moment(datetime(2026, 1, 15, 22, 30, tzinfo=UTC)) == "15/01/2026 23:30"
    assert EN.moment(datetime(2026, 3, 4, 8, 5, tzinfo=UTC)) == "4 Mar 2026 09:05"


@pytest.mark.parametrize(
    ("seconds", "french", "english"),
    [
        (-5, "0 min", "0 min"),
        (59, "0 min", "0 min"),
        (21 * 60, "21 min", "21 min"),
        (3 * 3600 + 7 * 60, "3 h 07", "3 h 07"),
        (2 * 86400 + 3 * 3600, "2 j 3 h", "2 d 3 h"),
    ],
)
def test_a_wait_is_said_in_the_units_that_matter(seconds: int, french: str, english: str) -> None:
    assert (FR.span(seconds), EN.span(seconds)) == (french, english)


def test_a_label_is_chosen_by_language() -> None:
    label = Text(fr="Encéphale", en="Brain")
    assert (FR.choose(label), EN.choose(label)) == ("Encéphale", "Brain")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "fr"),
        ("en", "en"),
        ("en-GB,en;q=0.9,fr;q=0.8", "en"),
        ("de,it;q=0.5", "fr"),
        ("fr;q=0.2, en;q=0.9", "en"),
        ("en;q=nonsense, fr", "fr"),
        ("x" * 5000, "fr"),
    ],
)
def test_the_browsers_wish_is_heard(accepted: str, language: str) -> None:
    assert preferred(accepted, ("fr", "en")) == language


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("LEFÈVRE^Amélie", "LEFÈVRE Amélie"),
        ("LEFÈVRE^Amélie^Rose^Mme", "LEFÈVRE Amélie Rose"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada Tarou (山田 太郎)"),
        ("==やまだ^たろう", "やまだ たろう"),
        ("=山田^太郎", "山田 太郎"),
        ("", ""),
        ("^^^^", ""),
        ("DUPONT", "DUPONT"),
        ("A\u202eB\u2066C\x07^D", "ABC D"),
        ("مريم^علي", "مريم علي"),
    ],
)
def test_a_name_is_shown_whole_and_forwards(name: str, shown: str) -> None:
    assert patient_name(name) == shown


def test_a_professional_is_called_by_title_and_name() -> None:
    assert full_name("MARTIN^Claire^^Dr") == "Dr Claire MARTIN"
    assert full_name("NGO^Bao") == "Bao NGO"


@pytest.mark.parametrize(
    ("birth_date", "language", "shown"),
    [
        ("1961-11-22", FR, "22/11/1961 (65 ans)"),
        ("1961-11-23", FR, "23/11/1961 (64 ans)"),
        ("1961-11-23", EN, "23 Nov 1961 (64 years)"),
        ("2026-01-30", FR, "30/01/2026 (9 mois)"),
        ("1961", FR, "1961"),
        ("", FR, ""),
    ],
)
def test_a_birth_date_comes_with_the_age(birth_date: str, language: Language, shown: str) -> None:
    assert born(birth_date, datetime(2026, 11, 22, 12, tzinfo=UTC), language) == shown


def test_what_is_unknown_is_left_blank() -> None:
    assert sex_text("", FR) == ""
    assert sex_text("F", FR) == "femme"
    assert sex_text("X", FR) == ""


@pytest.mark.parametrize(
    ("started", "shown"),
    [
        ("2026-11-21T09:40:00", "21/11/2026 09:40"),
        ("2026-11-21T09:40:00+00:00", "21/11/2026 10:40"),
        ("2026-11-21", "21/11/2026"),
        ("le 21", "le 21"),
        ("", ""),
    ],
)
def test_the_time_of_an_exam_is_read_where_it_can_be(started: str, shown: str) -> None:
    assert exam_time(started, FR) == shown


# ------------------------------------------------------------------------------------------------------- on the pages


def test_french_is_the_default_and_the_address_the_cookie_and_the_browser_may_change_it(nobody: TestClient) -> None:
    french = {"Accept-Language": ""}
    assert '<html lang="fr"' in nobody.get("/sign-in", headers=french).text
    assert '<html lang="en"' in nobody.get("/sign-in").text
    assert '<html lang="fr"' in nobody.get("/sign-in?lang=fr").text
    assert nobody.cookies["aval_lang"] == "fr"
    assert '<html lang="fr"' in nobody.get("/sign-in").text
    assert '<html lang="fr"' in nobody.get("/sign-in?lang=tlh").text
    assert nobody.cookies["aval_lang"] == "fr"


def test_the_switch_keeps_the_rest_of_the_address(radiologist: TestClient) -> None:
    page = radiologist.get("/worklist?show=delivered").text
    assert 'href="/worklist?show=delivered&amp;lang=fr"' in page
    assert 'href="/worklist?show=delivered&amp;theme=dark"' in page


def test_a_problem_is_told_in_the_callers_language(nobody: TestClient) -> None:
    english = nobody.get("/api/session")
    french = nobody.get("/api/session", headers={"Accept-Language": "fr"})
    assert english.headers["content-language"] == "en"
    assert french.json()["title"] == "Vous n’êtes pas connecté, ou votre session est terminée"


def test_the_theme_is_remembered(nobody: TestClient) -> None:
    assert 'data-theme="auto"' in nobody.get("/sign-in").text
    assert 'data-theme="light"' in nobody.get("/sign-in?theme=light").text
    assert 'data-theme="light"' in nobody.get("/about").text
    assert 'data-theme="light"' in nobody.get("/about?theme=%22><script>").text
