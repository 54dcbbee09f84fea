"""The pages, without a browser: what they say, and what they keep to themselves."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

import pytest
from starlette.testclient import TestClient

from bridge.web.package_words import Signature
from bridge.web.services import Judged
from guarantee.content import Text
from guarantee.lifecycle import INSTALLER, Line, Stage
from guarantee.opinion import Reason
from guarantee.policy import Role
from guarantee.result import Cause
from guarantee.retirement import Retirement
from guarantee.rollout import Appointment, Rollout, Step, Trial
from guarantee.states import CaseState, ResultState
from tests.desk import cases
from tests.desk.asking import opinion, question
from tests.desk.conftest import SignIn
from tests.desk.fake_desk import FakeDesk
from tests.desk.site import HOSTILE

FRENCH = {"Accept-Language": "fr"}


@pytest.fixture
def page(radiologist: TestClient) -> TestClient:
    """A radiologist who reads French."""
    radiologist.headers["Accept-Language"] = "fr"
    return radiologist


def test_the_worklist_says_who_what_since_when_and_nothing_of_the_draft(page: TestClient, desk: FakeDesk) -> None:
    desk.stage(cases.chest_case(2), waited=timedelta(hours=3, minutes=7))
    text = page.get("/worklist").text
    for said in ("ROY Léo", "04/07/1990", "homme", "IPP-4202", "TDM thorax", "ACC-2602", "Nodules pulmonaires (TDM)"):
        assert said in text
    for said in ("3 h 07", "Urgent", "À relire", "lung-nodule 1.0.0"):
        assert said in text
    for kept in ("Nodule solide", "Micronodule", "0,91", "9,4 mm", "10,2"):
        assert kept not in text


def test_a_row_is_one_target(page: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    text = page.get("/worklist").text
    row = text[text.index("<tbody") : text.index("</tbody")]
    assert row.count("<a ") == 1
    assert "<button" not in row
    assert f'href="/results/{result}"' in row


@pytest.mark.parametrize(
    ("state", "cause", "show", "says"),
    [
        (ResultState.QUEUED, None, "computing", "En calcul"),
        (ResultState.FAILED, Cause(code="timeout"), "to-understand", "Le calcul a pris trop de temps"),
        (ResultState.EXCLUDED, Cause(code="slices-missing"), "to-understand", "Des coupes manquent"),
        (ResultState.EXPIRED, Cause(code="not-reviewed-in-time"), "to-understand", "Expiré, non relu"),
        (ResultState.STALE, Cause(code="identity-changed"), "to-understand", "a été fusionnée ou corrigée"),
        (ResultState.VALIDATED, None, "sending", "Accepté, envoi en cours"),
        (ResultState.AMENDED, None, "sending", "Amendé, envoi en cours"),
        (ResultState.DELIVERED, None, "delivered", "Remis"),
        (ResultState.REJECTED, Cause(code="false-positive"), "rejected", "Faux positif"),
        (ResultState.RETRACTED, Cause(code="model-defect"), "rejected", "Défaut du système d’IA"),
        (ResultState.FAILED, Cause(code="never-heard-of"), "to-understand", "never-heard-of"),
    ],
)
def test_every_state_has_a_place_with_its_cause_in_words(
    page: TestClient, desk: FakeDesk, state: ResultState, cause: Cause | None, show: str, says: str
) -> None:
    result = desk.stage(cases.chest_case(1))
    desk.put(result, state, cause)
    text = page.get("/worklist", params={"show": show}).text
    assert f'href="/results/{result}"' in text
    assert says in text
    assert f'href="/results/{result}"' not in page.get("/worklist").text
    review = page.get(f"/results/{result}").text
    assert says in review


def test_a_held_result_waits_among_those_to_look_into(page: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    page.post("/api/stops", json={"action": "stop", "scope": "version", "target": "lung-nodule@1.0.0", "reason": "x"})
    assert f'href="/results/{result}"' not in page.get("/worklist").text
    assert f'href="/results/{result}"' in page.get("/worklist?show=to-understand").text
    review = page.get(f"/results/{result}").text
    assert 'data-manner="closed"' in review
    assert "Suspendu par un arrêt" in review


def test_a_refused_delivery_calls_for_a_look(page: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    page.post(f"/api/results/{result}/opinions", json=opinion(question(page, result)))
    desk.decline(result, Cause(code="two-matches", detail="2 reports with this identifier"))
    assert "Envoi refusé" in page.get("/worklist?show=to-understand").text
    assert f'href="/results/{result}"' not in page.get("/worklist?show=sending").text
    text = page.get(f"/results/{result}").text
    assert "Le destinataire détient deux objets avec cet identifiant" in text
    assert "3 tentatives" in text


@pytest.mark.parametrize("cause", ["images taken out of use", "a destination that kept what was withdrawn"])
def test_a_copy_that_may_be_wrong_outside_calls_for_a_look(page: TestClient, desk: FakeDesk, cause: str) -> None:
    result = desk.stage(cases.chest_case(1))
    page.post(f"/api/results/{result}/opinions", json=opinion(question(page, result)))
    desk.confirm(result)
    assert f'href="/results/{result}"' not in page.get("/worklist?show=to-understand").text
    if cause == "images taken out of use":
        case = desk.cases[result]
        case.staged = replace(case.staged, case=replace(case.staged.case, state=CaseState.SUPERSEDED))
        says, detail = (
            "Remis\u202f; l’examen a changé depuis",
            "Des images ou des données sont arrivées après le calcul",
        )
    else:
        page.post(f"/api/results/{result}/withdrawal", json={"reason": "wrong-patient", "comment": "Autre patient."})
        desk.decline(result, Cause(code="two-matches", detail="2 reports with this identifier"))
        says, detail = "un destinataire a refusé le retrait", "deux objets avec cet identifiant"
    rows = page.get("/worklist?show=to-understand").text
    assert f'href="/results/{result}"' in rows
    assert says in rows
    assert '<span class="count">1</span>' in rows
    assert detail in page.get(f"/results/{result}").text


def test_what_was_missing_stands_above_the_draft_and_in_the_time_line(page: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(2))
    assert "incomplet" not in page.get(f"/results/{result}").text
    missing = Text(fr="57 images reçues sur 60 annoncées.", en="57 images received of 60 announced.")
    desk.cases[result].judged = Judged(missing=(missing,), instances=57, waited_s=1860.25)
    for address in (f"/results/{result}", f"/results/{result}/timeline"):
        assert "57 images reçues sur 60 annoncées." in page.get(address).text
    assert "jugé 1860,2" in page.get(f"/results/{result}/timeline").text


def test_every_list_says_when_it_is_empty(page: TestClient) -> None:
    for show in ("to-review", "to-understand", "computing", "sending", "delivered", "rejected", "nonsense"):
        assert 'class="empty"' in page.get("/worklist", params={"show": show}).text


def test_a_stop_is_announced_on_every_page(page: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    page.post("/api/stops", json={"action": "stop", "scope": "all", "reason": "panne <b>générale</b>"})
    for path in ("/worklist", "/systems", "/about", f"/results/{result}", f"/results/{result}/timeline", "/nothing"):
        text = page.get(path).text
        assert "Arrêt en vigueur" in text, path
        assert "panne &lt;b&gt;générale&lt;/b&gt;" in text, path


def test_the_review_page_holds_no_draft_before_it_is_asked_for(page: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    text = page.get(f"/results/{result}").text
    assert "Brouillon d’IA — non validé" in text
    assert "Le diagnostic se fait dans le PACS" in text
    assert "Démonstration : n’est pas un dispositif médical." in text
    for kept in ("Nodule solide", "nodule-1", "9,4 mm", ">0.91", cases.MENTION[:30]):
        assert kept not in text


def test_a_decided_page_says_who_why_and_where_it_goes(page: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    edits = {"report": "Nodule de 10 mm.", "findings": [], "added": []}
    body = opinion(question(page, result), verdict="amend", reason="wording", comment="plus <i>court</i>", edits=edits)
    page.post(f"/api/results/{result}/opinions", json=body)
    text = page.get(f"/results/{result}").text
    for said in (
        "Accepté avec amendements",
        "Dr Claire MARTIN",
        "Formulation",
        "Nodule de 10 mm.",
        "PACS",
        "À envoyer",
    ):
        assert said in text
    assert "plus &lt;i&gt;court&lt;/i&gt;" in text
    desk.confirm(result)
    text = page.get(f"/results/{result}/outcome").text
    assert "Remis" in text
    assert "relu et comparé" in text
    assert "Retirer ce résultat" in text


def test_a_rejected_page_shows_the_rejected_draft_and_nothing_to_withdraw(page: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    body = opinion(question(page, result), verdict="reject", reason=str(Reason.FALSE_POSITIVE))
    page.post(f"/api/results/{result}/opinions", json=body)
    text = page.get(f"/results/{result}").text
    assert "Brouillon rejeté" in text
    assert "Retirer ce résultat" not in text
    assert "Où cela part" not in text


def test_a_hostile_name_is_text_and_whole(page: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(cases.radiograph_case(1, patient=HOSTILE))
    for path in ("/worklist", f"/results/{result}", f"/results/{result}/timeline"):
        text = page.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(&#39;xss&#39;)&lt;/script&gt;" in text
        assert "A" * 90 in text
        assert "É" * 90 in text
        assert "\u202e" not in text
    assert "IPP-&#34;&gt;&lt;b&gt;7" in page.get("/worklist").text


@pytest.mark.parametrize("description", ["Brain", "TDM 50 % contraste %(x)s", "<i>IRM</i>"])
def test_what_was_received_is_shown_as_received(page: TestClient, desk: FakeDesk, description: str) -> None:
    staged = cases.chest_case(1)
    result = desk.stage(replace(staged, case=replace(staged.case, description=description)))
    for path in ("/worklist", f"/results/{result}", f"/results/{result}/timeline"):
        assert f"<bdi>{escape(description)}</bdi>" in page.get(path).text


def test_a_kind_of_stay_is_put_into_words(page: TestClient, desk: FakeDesk) -> None:
    staged = cases.record_case(1)
    desk.stage(replace(staged, case=replace(staged.case, description="EMER")))
    assert "Passage aux urgences" in page.get("/worklist").text


def test_the_time_line_is_readable_and_in_the_sites_time(page: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    question(page, result)
    text = page.get(f"/results/{result}/timeline").text
    assert "Brouillon montré à un lecteur" in text
    assert "dr.martin" in text
    assert 'class="by-person"' in text


def test_the_systems_page_says_what_each_is_for_and_not_for(page: TestClient) -> None:
    text = page.get("/systems").text
    for said in ("Volume de l’encéphale (IRM T1)", "Ne remplace pas la lecture", "Démonstration", "Arrêter ce système"):
        assert said in text
    assert "3 systèmes sont installés ici." in text


def test_a_system_says_whose_package_it_is_and_whether_that_holds_now(page: TestClient, desk: FakeDesk) -> None:
    first, second, third = (card.model.id for card in desk.cards())
    kept = datetime(2026, 11, 3, 8, tzinfo=UTC)
    desk.signed = {
        first: Signature(word="signed", publisher="chu-lyon", key="a1b2", known_at=kept, first="chu-lyon"),
        second: Signature(word="unsigned", known_at=kept, first="chu-nantes"),
        third: Signature(word="refused"),
    }
    french, english = page.get("/systems").text, page.get("/systems?lang=en").text
    for said in ("signé par chu-lyon, clé a1b2", "vérifiée à l’affichage de cette page", "connue ici depuis le"):
        assert said in french
    for said in ("not the bytes that its publisher signed", "nobody answers", "signed by chu-nantes then"):
        assert said in english
    assert english.count("verified when this page was made") == 1, "only a signature that was looked at"
    assert english.count("known here since") == 2
    assert "by chu-lyon then" not in english


def test_a_retired_system_says_so_with_who_and_why(page: TestClient, desk: FakeDesk) -> None:
    model = desk.cards()[0].model.id
    desk.ended.append(Retirement(model=model, by="operator:root", reason="remplacé par 2.0.0", at=datetime.now(UTC)))
    text = page.get("/systems").text
    assert "Retiré, ne produit plus de proposition" in text
    assert "remplacé par 2.0.0" in text
    assert "operator:root" in text


def test_a_version_that_waits_and_one_that_is_tried_are_not_called_in_use(page: TestClient, desk: FakeDesk) -> None:
    first, second, *_ = (card.model for card in desk.cards())
    word: dict[str, Any] = {"by": "operator:root", "reason": "essai", "at": datetime.now(UTC)}
    trial: dict[str, Any] = {"under": 1, "site": "", "seed": "0" * 32} | word
    before = page.get("/systems").text.count("En service")
    elsewhere = Appointment(seq=1, model=f"{first.name}@0.9.0", step=Step.FIRST, below=None, second="dr.leroy", **word)
    desk.rolled_out = Rollout(appointments={first.name: elsewhere})
    text = page.get("/systems").text
    assert text.count("En service") == before - 1
    assert "Installé, ne reçoit pas de travail" in text
    canary = Trial(model=first.id, shadow=True, share=10, **trial)
    shadow = Trial(model=second.id, shadow=True, share=0, **trial)
    desk.rolled_out = replace(desk.rolled_out, trials=(canary, shadow))
    text = page.get("/systems").text
    assert "À l’essai, pour 10\u00a0% des dossiers" in text
    assert "Mode silencieux" in text
    assert len(set(re.findall(r'id="(system-[^"]+)"', text))) == len(desk.cards())


def test_a_system_says_at_which_stage_it_stands_and_who_put_it_there(page: TestClient, desk: FakeDesk) -> None:
    first, second, third = (card.model for card in desk.cards())
    moment = datetime.now(UTC)
    begun = Line(model=first.id, n=1, stage=Stage.PILOT, by=INSTALLER, reason="essai", at=moment)
    lives = {model.id: replace(begun, model=model.id) for model in (first, second)}
    lives[third.id] = replace(begun, model=third.id, n=2, stage=Stage.SHADOW, by="dr.leroy")
    word: dict[str, Any] = {"seq": 1, "step": Step.FIRST, "below": None, "reason": "essai", "at": moment}
    given = Appointment(model=first.id, by=INSTALLER, second="", **word)
    granted = Appointment(model=second.id, by="ing.petit", second="dr.martin", **word)
    desk.rolled_out = Rollout(appointments={first.name: given, second.name: granted}, lives=lives)
    french, english = page.get("/systems").text, page.get("/systems?lang=en").text
    for said in (
        "donné par l’installateur, accordé par personne de cet hôpital",
        "Par ing.petit et dr.martin",
        "routine",
    ):
        assert said in french
    for said in (
        "given by the installer",
        "By ing.petit and dr.martin",
        "shadow mode: shadow results only",
        "By dr.leroy",
    ):
        assert said in english
    desk.ended.append(Retirement(model=first.id, by="operator:root", reason="remplacé", at=moment))
    assert "given by the installer" not in page.get("/systems?lang=en").text


def test_who_may_not_stop_is_offered_no_button(sign_in: SignIn) -> None:
    for role in (Role.LEARNER, Role.ENGINEER):
        assert 'data-api="/api/stops"' not in sign_in(role).get("/systems").text


def test_an_error_page_says_what_happened_what_was_kept_and_what_to_do(page: TestClient, desk: FakeDesk) -> None:
    answer = page.get("/results/00000000-0000-5000-8000-000000000000")
    assert answer.status_code == 404
    for said in ("Il n’y a rien ici", "Ce qui a été conservé", "Que faire", "Liste de travail"):
        assert said in answer.text
    desk.missing.append("database")
    result = desk.stage(cases.chest_case(1))
    answer = page.get(f"/results/{result}")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "Une partie du système ne répond pas" in answer.text


def test_the_demonstration_says_so(desk: FakeDesk, nobody: TestClient) -> None:
    assert "demo-hint" not in nobody.get("/sign-in").text
    from bridge.web.app import Options, make_app

    options = Options(
        public_url="http://d.test",
        site_name="s",
        organisation="o",
        secure_cookies=False,
        banner="Démonstration",
        demo_hint="dr.martin / demo",
    )
    text = TestClient(make_app(desk, options), base_url="http://d.test").get("/sign-in").text
    assert '<p class="ribbon">Démonstration</p>' in text
    assert "dr.martin / demo" in text


def test_about_needs_no_sign_in_and_claims_little(nobody: TestClient) -> None:
    text = nobody.get("/about", headers=FRENCH).text
    assert "Il ne pose pas de diagnostic." in text
    assert "Apache 2.0" in text
