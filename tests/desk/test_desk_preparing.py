"""A learner prepares, a senior answers: what each is shown, by the API and in a browser, by keyboard."""

from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from guarantee.policy import Role
from guarantee.states import ResultState
from tests.desk.conftest import Open, SignIn
from tests.desk.fake_desk import FakeDesk
from tests.desk.reading import ready, signed, trouble
from tests.desk.site import FakeSite
from tests.desk.test_desk_accessible import faults

REWORDED = {"report": "Nodule de 12 mm, à recontrôler.", "findings": [], "added": []}
COSIGN = "input[name=verdict][value=cosign]"


@pytest.fixture
def taught(desk: FakeDesk) -> FakeDesk:
    """A desk whose policy lets learners prepare."""
    desk.policy = replace(desk.policy, learners="cosign")
    return desk


def ask(client: TestClient, result: str) -> dict[str, Any]:
    answer = client.post(f"/api/results/{result}/question")
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def say(client: TestClient, result: str, opened: dict[str, Any], **changes: Any) -> Any:
    body = {"nonce": opened["nonce"], "shown": opened["shown"], "verdict": "accept", "patient_informed": "to-do"}
    return client.post(f"/api/results/{result}/opinions", json=body | changes)


def amended(client: TestClient, result: str) -> dict[str, Any]:
    said = say(client, result, ask(client, result), verdict="amend", reason="wording", edits=REWORDED)
    assert said.status_code == 201, said.text
    return said.json()  # type: ignore[no-any-return]


def test_a_learner_prepares_and_decides_nothing(sign_in: SignIn, taught: FakeDesk, chest: str) -> None:
    learner = sign_in(Role.LEARNER)
    opened = ask(learner, chest)
    assert opened["prepares"]
    assert opened["draft"]["report"]
    view = amended(learner, chest)
    assert view["line"]["state"] == "awaiting_review"
    assert view["decision"] is None
    assert view["opinions"] == []
    assert view["preparation"]["statement"]["verdict"] == "amend"
    page = learner.get(f"/results/{chest}?lang=fr").text
    assert "Préparé, attend la co-signature de" in page
    assert "MARTIN" in page
    assert 'data-manner="closed"' in page


def test_a_senior_is_shown_it_with_the_draft_and_cosigns(sign_in: SignIn, taught: FakeDesk, chest: str) -> None:
    amended(sign_in(Role.LEARNER), chest)
    senior = sign_in()
    before = senior.get(f"/api/results/{chest}").json()
    assert before["preparation"] is None
    assert REWORDED["report"] not in senior.get(f"/results/{chest}").text
    assert "PETIT" in senior.get("/worklist?show=to-cosign").text
    opened = ask(senior, chest)
    assert not opened["prepares"]
    assert opened["prepared"]["report"] == REWORDED["report"]
    said = opened["preparation"]
    cosigned = say(senior, chest, opened, verdict="amend", reason="wording", prepared=said["id"], cosigns=True)
    assert cosigned.status_code == 201, cosigned.text
    view = cosigned.json()
    assert view["content"]["report"] == REWORDED["report"]
    assert view["preparation"]["statement"]["reader"]["login"] == "i.petit"
    assert view["opinions"][0]["statement"]["reader"]["login"] == "dr.martin"
    assert "Co-signed as it stood" in senior.get(f"/results/{chest}").text
    assert "Co-signed as it stood" in sign_in(Role.LEARNER).get(f"/results/{chest}").text


def test_who_was_not_shown_what_was_prepared_opens_it_again(sign_in: SignIn, taught: FakeDesk, chest: str) -> None:
    senior = sign_in()
    opened = ask(senior, chest)
    amended(sign_in(Role.LEARNER), chest)
    answer = say(senior, chest, opened)
    assert (answer.status_code, answer.json()["code"]) == (409, "draft-changed")
    assert say(senior, chest, ask(senior, chest), prepared="other").json()["code"] == "malformed"


def test_a_learner_withdraws_and_stops_nothing_and_sees_no_other_result(
    sign_in: SignIn, taught: FakeDesk, chest: str
) -> None:
    learner = sign_in(Role.LEARNER)
    amended(learner, chest)
    refused = learner.post(f"/api/results/{chest}/withdrawal", json={"reason": "other", "comment": "x"})
    assert refused.json()["code"] == "role-refused"
    stop = {"action": "stop", "scope": "all", "reason": "essai"}
    assert learner.post("/api/stops", json=stop).json()["code"] == "role-refused"
    taught.put(chest, ResultState.EXPIRED)
    assert learner.get(f"/api/results/{chest}").json()["draft"] is None


def test_another_learner_is_shown_nothing_more(sign_in: SignIn, taught: FakeDesk, chest: str) -> None:
    amended(sign_in(Role.LEARNER), chest)
    taught.people["j.autre"] = replace(taught.people["i.petit"], login="j.autre", name="AUTRE^Jean")
    assert not taught.prepares(chest, taught.people["j.autre"])


# ------------------------------------------------------------------------------------------------------- the browser


@pytest.mark.peer("chromium")
def test_prepared_then_cosigned_by_keyboard(browser: Open, site: FakeSite) -> None:
    site.desk.policy = replace(site.desk.policy, learners="cosign")
    result = site.chest()
    page = browser("/worklist", role=Role.LEARNER)
    page.goto(f"/results/{result}")
    ready(page)
    page.fill("#report", "Nodule de 12 mm, à recontrôler.")
    page.select_option("#reason", "wording")
    assert "co-signature" in page.inner_text("#sign-label")
    assert faults(page) == []
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#prepared-waits")
    assert faults(page) == []
    assert site.desk.cases[result].decision is None

    senior = browser("/worklist?show=to-cosign")
    assert "PETIT" in senior.inner_text(".prepared-by")
    senior.goto(f"/results/{result}")
    ready(senior)
    assert "12 mm" in senior.inner_text("#prepared-text")
    assert faults(senior) == []
    senior.focus("body")
    senior.keyboard.press("c")
    assert senior.is_checked(COSIGN)
    senior.keyboard.press("Control+Enter")
    signed(senior)
    assert "12 mm" in senior.inner_text("#outcome")
    decided = site.desk.cases[result]
    assert decided.decision is not None
    assert decided.decision.content == site.desk.prepared[result].statement.content


@pytest.mark.peer("chromium")
def test_what_is_prepared_while_a_senior_reads_is_shown_before_they_sign(browser: Open, site: FakeSite) -> None:
    site.desk.policy = replace(site.desk.policy, learners="cosign")
    result = site.brain()
    senior = browser(f"/results/{result}")
    ready(senior)
    learner = browser(f"/results/{result}", role=Role.LEARNER)
    ready(learner)
    learner.keyboard.press("a")
    learner.keyboard.press("Control+Enter")
    learner.wait_for_selector("#prepared-waits")
    senior.keyboard.press("c")
    senior.keyboard.press("a")
    senior.keyboard.press("Control+Enter")
    assert trouble(senior)
    assert senior.is_hidden("#prepared")
    senior.click("#reopen")
    senior.wait_for_selector("#prepared:not([hidden])")
    assert site.answers(result) == 0
