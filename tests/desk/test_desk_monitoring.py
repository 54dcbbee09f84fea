"""The engineer's page: why last night was slow, in one look; no figure below its minimum, nobody's name, no patient."""

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from bridge.figures import Event
from bridge.web import monitoring_words
from bridge.web.i18n import load
from bridge.web.monitoring import page, to_csv
from bridge.web.periods import window_of
from guarantee.policy import Role
from guarantee.runs import STAGES, TO_DRAFT, Outcome
from tests.desk.cases import cards
from tests.desk.conftest import SignIn
from tests.desk.fake_desk import FakeDesk
from tests.desk.nights import MODELS, NOW, observations, slow_night, slower

FRENCH = {"Accept-Language": "fr"}
PARIS = load(["fr", "en"], "Europe/Paris")


def asked(name: str = "day", **changes: str):  # type: ignore[no-untyped-def]  # Window
    said = {"begin": "", "end": "", "by": "model", "model": ""} | changes
    return window_of(name, now=NOW, language=PARIS["fr"], **said)


def section(text: str, name: str) -> str:
    """Return one section of the page as plain words."""
    found = re.search(rf'<section data-part="{name}">(.*?)</section>', text, re.DOTALL)
    assert found is not None, name
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def test_the_page_says_what_made_the_night_slow_and_leads_to_it(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.measured = slow_night()
    text = sign_in(Role.ENGINEER).get("/monitoring?show=night", headers=FRENCH).text
    short = section(text, "in-short")
    assert "240 résultats · 240 brouillons" in short
    assert "Ce qui ressort des 12 plus lents File d’attente" in short
    slowest = section(text, "slowest")
    assert slowest.count("File d’attente") == 10
    assert "MAGNETOM Vida" in slowest
    links = re.findall(r'href="(/results/[0-9a-f-]{36}/timeline)"', text)
    assert len(links) == 10


NIGHTS = {
    "a slow scanner": (slower(lambda one: one.scanner == "MAGNETOM Vida", "complete", 900.0), "complete", "scanner"),
    "a slow model": (slower(lambda one: one.model == MODELS[1], "predict", 200.0), "predict", "model"),
    "three exams of one scanner": (
        slower(
            lambda one: one.scanner == "SIGNA Premier" and one.queued_at < NOW - timedelta(hours=11.5), "fetch", 700.0
        ),
        "fetch",
        "scanner",
    ),
    "a cold worker": (
        slower(
            lambda one: NOW - timedelta(hours=5) < one.queued_at < NOW - timedelta(hours=4.5),
            "start",
            90.0,
            Event(at=NOW - timedelta(hours=5, minutes=2), kind="worker", about="infer:aval-1:4711"),
            Event(at=NOW - timedelta(hours=9), kind="stop", about="site:chu"),
        ),
        "start",
        "",
    ),
    "a broker that was cut": (
        slower(lambda one: NOW - timedelta(hours=7) < one.queued_at < NOW - timedelta(hours=6.5), "queue", 1500.0),
        "queue",
        "",
    ),
}


@pytest.mark.parametrize("name", NIGHTS)
def test_whoever_asks_why_the_night_was_slow_is_told_where_to_look(name: str) -> None:
    watched, stage, key = NIGHTS[name]
    found = page(watched, asked(), cards(), NOW)
    assert found.blamed == stage
    assert found.blame is not None
    assert (found.blame.common.key if found.blame.common else "") == key
    if not key:
        assert found.blame.between is not None
        first, last = found.blame.between
        assert last - first <= timedelta(minutes=30)
    assert (found.blame.event.kind if found.blame.event else "") == ("worker" if name == "a cold worker" else "")


def test_the_groups_are_told_the_slowest_first() -> None:
    watched, *_ = NIGHTS["a slow scanner"]
    first, *_ = page(watched, asked(by="scanner"), cards(), NOW).groups
    assert first.name == "MAGNETOM Vida"


def test_a_night_like_others_blames_nothing_and_few_drafts_share_nothing() -> None:
    assert page(replace(slow_night(), observations=tuple(observations(NOW, 240))), asked(), cards(), NOW).blame is None
    watched, *_ = NIGHTS["a slow scanner"]
    few = replace(watched, observations=watched.observations[:20])
    assert page(few, asked(), cards(), NOW).blame is None


def test_the_answer_stands_above_the_tables_in_both_languages(sign_in: SignIn, desk: FakeDesk) -> None:
    engineer = sign_in(Role.ENGINEER)
    desk.measured, *_ = NIGHTS["a slow scanner"]
    text = engineer.get("/monitoring?show=night", headers=FRENCH).text
    said = section(text, "in-short")
    assert "ont perdu leur temps dans : Attente que l’examen soit complet" in said
    assert "ont en commun : Appareil MAGNETOM Vida (33,3 % de tous les brouillons)." in said
    assert "by=scanner" in re.findall(r'href="(/monitoring[^"]+#groups)"', text)[0]
    desk.measured, *_ = NIGHTS["a cold worker"]
    english = section(engineer.get("/monitoring?show=night", headers={"Accept-Language": "en"}).text, "in-short")
    assert "it was slow for everybody alike" in english
    assert "At that time: Worker started, infer:aval-1:4711" in english


def test_the_quiet_time_is_long_and_usual_and_is_not_blamed() -> None:
    found = page(slow_night(), asked(), cards(), NOW)
    assert found.blamed == "queue"
    assert found.blamed_s > 1000
    usual = page(replace(slow_night(), observations=tuple(observations(NOW, 240))), asked(), cards(), NOW)
    assert usual.blamed in {"predict", "queue"}
    assert usual.blamed_s < 6


def test_what_still_waits_is_among_the_slowest() -> None:
    (first, *others) = observations(NOW, 40)
    waits = replace(first, state="queued", seconds={"complete": 300.0}, queued_at=NOW - timedelta(hours=5))
    slow, *_ = page(replace(slow_night(), observations=(waits, *others)), asked(), cards(), NOW).slowest
    assert (slow.seen.result, slow.is_over, slow.stage, slow.stage_s) == (waits.result, False, "queue", 18_000.0)


def test_shares_have_their_interval_or_none(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.measured = slow_night()
    text = sign_in(Role.ENGINEER).get("/monitoring", headers=FRENCH).text
    decided = section(text, "decisions")
    assert "50 45 · 90,0 % 78,6 % – 95,7 %" in decided
    assert "9 7 n insuffisant 0 n insuffisant 2 n insuffisant" in decided
    assert "accuracy" not in text.lower()
    assert "exactitude" not in text.lower()
    failures = section(text, "failures")
    assert "5,0 % intervalle à 95 % : 2,3 % à 10,5 % · 6 tentatives sur 120" in failures
    assert "n insuffisant · 0 tentatives sur 12" in failures
    assert "Échec, relancé" in failures


def test_below_the_minimum_there_is_no_figure(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.measured = replace(slow_night(), observations=tuple(observations(NOW, 29)))
    short = section(sign_in(Role.ENGINEER).get("/monitoring", headers=FRENCH).text, "in-short")
    assert short.count("n insuffisant n = 29") == 3


def test_an_objective_of_a_card_is_kept_or_missed() -> None:
    limits = [
        replace(
            card,
            model=replace(card.model, name=MODELS[0].split("@", maxsplit=1)[0], version="1.0.0"),
            objectives_s={"queue": 60, "predict": 60, TO_DRAFT: 900},
        )
        for card in cards()[:1]
    ]
    found = page(slow_night(), asked(model=MODELS[0]), limits, NOW)
    rows = {row.stage: row for row in found.stages}
    assert (rows["queue"].missed, rows["predict"].missed, rows[TO_DRAFT].missed) == (True, False, True)
    assert rows["store"].objective_s is None
    assert any(dot.late for dot in found.chart.dots)


@pytest.mark.parametrize(
    ("by", "names"),
    [("model", set(MODELS)), ("sender", {"irm-1", "irm-2", ""}), ("scanner", {"SIGNA Premier", "MAGNETOM Vida", ""})],
)
def test_results_are_grouped_and_filtered(by: str, names: set[str]) -> None:
    found = page(slow_night(), asked(by=by), cards(), NOW)
    assert {group.name for group in found.groups} == names
    assert sum(group.results for group in found.groups) == found.results == 240
    one = page(slow_night(), asked(by=by, model=MODELS[1]), cards(), NOW)
    assert one.results == 120
    assert [failing.model for failing in one.failing] == [MODELS[1]]


@pytest.mark.parametrize(
    ("now", "since", "until"),
    [
        ("2026-11-27T07:00", "2026-11-26T17:00", "2026-11-27T07:00"),
        ("2026-11-27T12:00", "2026-11-26T17:00", "2026-11-27T07:00"),
        ("2026-11-27T20:00", "2026-11-27T17:00", "2026-11-27T20:00"),
        ("2026-10-25T12:00", "2026-10-24T16:00", "2026-10-25T07:00"),
    ],
)
def test_a_night_is_that_of_the_site(now: str, since: str, until: str) -> None:
    """Paris: one hour ahead of UTC in winter, two in summer; the last one has an hour more."""
    times = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now, since, until)]
    found = window_of("night", "", "", "model", "", times[0], PARIS["fr"])
    assert [found.since, found.until] == times[1:]


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("2026-11-27T08:00", "2026-11-27T07:00"),
        ("2026-01-01T00:00", "2026-03-01T00:00"),
        ("hier", "2026-11-27T07:00"),
        ("", ""),
        ("0001-01-01T00:00", "9999-99-99T99:99"),
    ],
)
def test_what_is_no_period_is_said_and_the_last_day_is_shown(sign_in: SignIn, begin: str, end: str) -> None:
    client = sign_in(Role.ENGINEER)
    answer = client.get("/monitoring", params={"show": "chosen", "from": begin, "to": end}, headers=FRENCH)
    assert answer.status_code == 200
    assert "Ce n’est pas une période" in answer.text
    found = asked("chosen", begin="2026-11-26T08:00", end="2026-11-27T07:30")
    assert (found.wrong, found.since) == (False, datetime(2026, 11, 26, 7, tzinfo=UTC))


def test_the_table_for_programs_has_every_result_and_computes_nothing(sign_in: SignIn, desk: FakeDesk) -> None:
    night = slow_night()
    formula = replace(night.observations[0], scanner="=HYPERLINK()")
    desk.measured = replace(night, observations=(formula, *night.observations[1:]))
    answer = sign_in(Role.ENGINEER).get("/monitoring.csv?show=night")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 240
    assert rows[0]["scanner"] == "'=HYPERLINK()"
    assert {f"{stage}_s" for stage in STAGES} <= rows[0].keys()
    assert (rows[0]["complete_s"], rows[0]["retry_s"]) == ("300.000", "")
    assert len(list(csv.reader(io.StringIO(to_csv(night, asked(model=MODELS[0])))))) == 121


def test_a_day_without_anything_says_so_in_words(sign_in: SignIn) -> None:
    text = sign_in(Role.ENGINEER).get("/monitoring", headers=FRENCH).text
    for words in ("Aucun brouillon", "Rien n’attend", "Aucun modèle n’a été exécuté", "Rien n’a été décidé"):
        assert words in text


@pytest.mark.parametrize("role", Role)
def test_everybody_who_is_signed_in_may_look(sign_in: SignIn, role: Role) -> None:
    client = sign_in(role)
    assert client.get("/monitoring").status_code == client.get("/monitoring.csv").status_code == 200
    assert 'href="/monitoring"' in client.get("/about").text


def test_nobody_else_may(nobody: TestClient) -> None:
    for path in ("/monitoring", "/monitoring.csv"):
        answer = nobody.get(path, follow_redirects=False)
        assert answer.headers["location"].startswith("/sign-in")


def test_every_stage_and_outcome_has_its_words() -> None:
    assert monitoring_words.STAGES.keys() == {*STAGES, TO_DRAFT}
    assert monitoring_words.OUTCOMES.keys() == set(Outcome)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.004, "0,00 s"),
        (0.42, "0,42 s"),
        (3.14, "3,1 s"),
        (42.4, "42 s"),
        (59.6, "1 min 00 s"),
        (552, "9 min 12 s"),
        (3599.7, "1 h 00"),
        (90_000, "1 j 1 h"),
    ],
)
def test_a_duration_has_the_digits_that_matter(seconds: float, said: str) -> None:
    assert monitoring_words.duration(seconds, PARIS["fr"]).replace("\u00a0", " ") == said
