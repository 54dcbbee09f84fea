"""Stops, health, and what the API says when something is wrong inside."""

import pytest
from starlette.testclient import TestClient

from guarantee.errors import Forged, JournalBroken, PolicyUnmet, Refused
from guarantee.policy import Role
from guarantee.stops import Scope
from tests.desk.asking import refused
from tests.desk.conftest import SignIn
from tests.desk.fake_desk import FakeDesk
from tests.desk.people import code_of


def test_one_person_stops_and_two_resume(radiologist: TestClient, desk: FakeDesk) -> None:
    stop = {"action": "stop", "scope": "all", "reason": "panne"}
    in_force = radiologist.post("/api/stops", json=stop).json()
    assert [(line["scope"], line["by"]) for line in in_force] == [("all", "dr.martin")]
    resume = {"action": "resume", "scope": "all", "reason": "réparé"}
    for login, code in (("dr.martin", code_of("dr.martin")), ("dr.durand", "999999"), ("nobody", "1")):
        second = {"login": login, "code": code}
        refused(radiologist.post("/api/stops", json={**resume, "second": second}), "second-refused")
    second = {"login": "dr.durand", "code": code_of("dr.durand")}
    assert radiologist.post("/api/stops", json={**resume, "second": second}).json() == []
    refused(radiologist.post("/api/stops", json={**resume, "second": second}), "malformed")
    refused(radiologist.post("/api/stops", json={**stop, "scope": "model"}), "malformed")
    assert desk.stop_lines[-1].second == "dr.durand"
    assert Scope.ALL is desk.stop_lines[-1].scope


def test_the_cards_are_listed(radiologist: TestClient) -> None:
    listed = radiologist.get("/api/models").json()
    assert [card["model"]["name"] for card in listed] == ["brain-extractor", "lung-nodule", "hospital-mortality"]
    assert listed[0]["limits"][0]["fr"]


def test_health_says_alive_and_readiness_says_what_is_missing(nobody: TestClient, desk: FakeDesk) -> None:
    assert nobody.get("/healthz").json() == {"status": "alive"}
    assert nobody.get("/readyz").status_code == 200
    desk.missing.append("database")
    assert nobody.get("/healthz").status_code == 200
    answer = nobody.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "waiting_for": ["database"]}


def test_a_part_that_does_not_answer_asks_for_patience(radiologist: TestClient, chest: str, desk: FakeDesk) -> None:
    desk.missing.append("database")
    answer = radiologist.get(f"/api/results/{chest}")
    refused(answer, "unavailable")
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("another reader signed at the same moment"), "refused"),
        (PolicyUnmet("one more"), "policy-unmet"),
        (Forged("bad seal"), "forged"),
        (JournalBroken("link 7"), "journal-broken"),
        (KeyError("DUPONT"), "internal"),
        (ZeroDivisionError("DUPONT^Marie"), "internal"),
    ],
)
def test_an_error_reaches_the_caller_as_a_problem_without_its_text(
    radiologist: TestClient,
    desk: FakeDesk,
    chest: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    code: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(desk, "view", fail)
    for path in (f"/api/results/{chest}", f"/results/{chest}"):
        answer = radiologist.get(path)
        assert "DUPONT" not in answer.text
        assert str(error) not in answer.text
    problem = refused(radiologist.get(f"/api/results/{chest}"), code)
    assert "DUPONT" not in caplog.text
    assert chest not in caplog.text
    if code == "internal":
        assert problem["reference"] in caplog.text


def test_a_learner_and_an_engineer_are_signed_in_like_everybody(sign_in: SignIn) -> None:
    for role in (Role.LEARNER, Role.ENGINEER):
        assert sign_in(role).get("/api/session").json()["reader"]["role"] == role
