"""The API takes sessions, questions and answers, and says no in words that programs and people can act on."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from guarantee.codec import to_plain
from guarantee.result import Cause
from guarantee.states import ResultState
from tests.desk import cases
from tests.desk.asking import opinion, question, refused
from tests.desk.conftest import SignIn
from tests.desk.fake_desk import FakeDesk
from tests.desk.people import PASSWORD, code_of

# ---------------------------------------------------------------------------------------------------------- sessions


def test_signing_in_says_who_and_how(radiologist: TestClient) -> None:
    session = radiologist.get("/api/session").json()
    assert session["reader"]["login"] == "dr.martin"
    assert session["auth"] == "password+totp"
    assert "token" not in str(session)


@pytest.mark.parametrize("wrong", ["login", "password", "code"])
def test_a_wrong_sign_in_never_says_which_part_was_wrong(nobody: TestClient, wrong: str) -> None:
    right = {"login": "dr.martin", "password": PASSWORD, "code": code_of("dr.martin")}
    answer = nobody.post("/api/session", json={**right, wrong: "000000"})
    first = refused(answer, "sign-in-refused")
    assert first == refused(nobody.post("/api/session", json={**right, "code": "1"}), "sign-in-refused")
    assert "set-cookie" not in answer.headers


def test_signing_in_again_ends_the_session_before(radiologist: TestClient, desk: FakeDesk) -> None:
    body = {"login": "dr.durand", "password": PASSWORD, "code": code_of("dr.durand")}
    assert radiologist.post("/api/session", json=body).status_code == 201
    assert [session.reader.login for session, _ in desk.sessions.values()] == ["dr.durand"]


def test_signing_out_ends_the_session_and_clears_the_images(radiologist: TestClient, desk: FakeDesk) -> None:
    answer = radiologist.delete("/api/session")
    assert answer.status_code == 204
    assert answer.headers["clear-site-data"] == '"cache"'
    assert not desk.sessions
    refused(radiologist.get("/api/session"), "not-signed-in")
    assert radiologist.delete("/api/session").status_code == 204


def test_an_idle_session_ends(radiologist: TestClient, desk: FakeDesk) -> None:
    desk.offset = timedelta(minutes=16)
    refused(radiologist.get("/api/session"), "not-signed-in")


def test_a_page_that_refreshes_itself_keeps_no_session_alive(radiologist: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(cases.radiograph_case(1))
    for minutes in range(5, 16, 5):
        desk.offset = timedelta(minutes=minutes)
        assert radiologist.get("/worklist/rows").status_code == 200
        assert radiologist.get(f"/results/{result}/outcome").status_code == 200
    desk.offset = timedelta(minutes=16)
    refused(radiologist.get("/api/session"), "not-signed-in")


# ---------------------------------------------------------------------------------------------------------- the lists


def test_the_list_is_stat_first_then_oldest_and_says_nothing_of_the_draft(
    radiologist: TestClient, desk: FakeDesk
) -> None:
    late = desk.stage(cases.radiograph_case(1), waited=timedelta(minutes=5))
    early = desk.stage(cases.record_case(2), waited=timedelta(hours=5))
    stat = desk.stage(cases.chest_case(3), waited=timedelta(minutes=1))
    answer = radiologist.get("/api/results")
    assert [line["id"] for line in answer.json()["lines"]] == [stat, early, late]
    for said in ("Nodule solide", "nodule-1", '"0.91"', '"9.4"', '"37.2"', "Pas de fracture"):
        assert said not in answer.text


def test_the_list_can_be_filtered_and_cut(radiologist: TestClient, desk: FakeDesk) -> None:
    ids = [desk.stage(cases.radiograph_case(n)) for n in range(3)]
    desk.put(ids[0], ResultState.FAILED, Cause(code="timeout", detail="60 s"))
    found = radiologist.get("/api/results", params={"state": ["failed", "excluded"]}).json()
    assert [(line["id"], line["cause"]["code"]) for line in found["lines"]] == [(ids[0], "timeout")]
    cut = radiologist.get("/api/results", params={"limit": 1}).json()
    assert len(cut["lines"]) == 1
    assert cut["more"] is True
    refused(radiologist.get("/api/results", params={"limit": 100_000}), "malformed")
    refused(radiologist.get("/api/results", params={"state": "normal"}), "malformed")


# ------------------------------------------------------------------------------------------------ asking and answering


def test_a_draft_is_left_out_until_its_question_is_asked(radiologist: TestClient, desk: FakeDesk, chest: str) -> None:
    view = radiologist.get(f"/api/results/{chest}")
    assert view.json()["draft"] is None
    assert "nodule-1" not in view.text
    assert not desk.seen
    opened = question(radiologist, chest)
    assert desk.seen == [(chest, "dr.martin")]
    assert opened["draft"] == to_plain(desk.cases[chest].draft)
    assert opened["shown"] == desk.cases[chest].draft.digest


def test_accepting_releases_exactly_the_draft(radiologist: TestClient, chest: str, desk: FakeDesk) -> None:
    asked = question(radiologist, chest)
    answer = radiologist.post(f"/api/results/{chest}/opinions", json=opinion(asked))
    assert answer.status_code == 201
    view = answer.json()
    assert view["line"]["state"] == "validated"
    assert view["content"] == asked["draft"]
    assert view["decision"]["content"] == asked["shown"]
    assert [sent["destination"] for sent in view["sent"]] == ["PACS", "DPI"]
    assert view["opinions"][0]["statement"]["patient_informed"] == "to-do"


def test_amending_changes_only_what_was_asked(radiologist: TestClient, chest: str) -> None:
    asked = question(radiologist, chest)
    edits = {
        "report": "Nodule de 10,2 mm.",
        "findings": [
            {"key": "nodule-1", "quantities": [{"index": 0, "value": "10.20"}]},
            {"key": "nodule-2", "keep": False},
        ],
        "added": [{"label": "Épanchement  pleural", "presence": "undetermined"}],
    }
    body = opinion(asked, verdict="amend", reason="wrong-measure", edits=edits, comment=" trop petit ")
    view = radiologist.post(f"/api/results/{chest}/opinions", json=body).json()
    content = view["content"]
    assert [finding["key"] for finding in content["findings"]] == ["nodule-1", "reader-1"]
    assert content["findings"][0]["quantities"][0]["value"] == "10.20"
    assert content["findings"][0]["origin"] == "person"
    assert content["findings"][1]["label"]["fr"] == "Épanchement pleural"
    assert content["report"] == "Nodule de 10,2 mm."
    assert content["mention"] == asked["draft"]["mention"]
    assert view["draft"] == asked["draft"]
    assert view["opinions"][0]["statement"]["comment"] == "trop petit"


def test_rejecting_releases_nothing(radiologist: TestClient, chest: str) -> None:
    body = opinion(question(radiologist, chest), verdict="reject", reason="false-positive")
    view = radiologist.post(f"/api/results/{chest}/opinions", json=body).json()
    assert view["line"]["state"] == "rejected"
    assert view["line"]["cause"]["code"] == "false-positive"
    assert view["content"] is None
    assert view["sent"] == []


def test_a_question_is_answered_once(radiologist: TestClient, chest: str, desk: FakeDesk) -> None:
    asked = question(radiologist, chest)
    assert radiologist.post(f"/api/results/{chest}/opinions", json=opinion(asked)).status_code == 201
    refused(radiologist.post(f"/api/results/{chest}/opinions", json=opinion(asked)), "nonce-refused")
    assert len(desk.cases[chest].opinions) == 1


def test_a_question_belongs_to_one_reader(sign_in: SignIn, chest: str) -> None:
    asked = question(sign_in(login="dr.martin"), chest)
    other = sign_in(login="dr.benali")
    refused(other.post(f"/api/results/{chest}/opinions", json=opinion(asked)), "nonce-refused")


def test_a_question_grows_old(radiologist: TestClient, chest: str, desk: FakeDesk) -> None:
    asked = question(radiologist, chest)
    token, (session, _) = next(iter(desk.sessions.items()))
    desk.offset = timedelta(hours=9)
    desk.sessions[token] = (session, desk.now())
    refused(radiologist.post(f"/api/results/{chest}/opinions", json=opinion(asked)), "nonce-refused")


def test_a_changed_draft_is_not_signed(radiologist: TestClient, chest: str, desk: FakeDesk) -> None:
    asked = question(radiologist, chest)
    desk.change_draft(chest, "Autre chose")
    refused(radiologist.post(f"/api/results/{chest}/opinions", json=opinion(asked)), "draft-changed")
    assert not desk.cases[chest].opinions


def test_a_changed_case_is_not_signed(radiologist: TestClient, chest: str, desk: FakeDesk) -> None:
    asked = question(radiologist, chest)
    case = desk.cases[chest]
    case.staged = replace(case.staged, case=replace(case.staged.case, identity_version=2))
    refused(radiologist.post(f"/api/results/{chest}/opinions", json=opinion(asked)), "world-changed")
    refused(radiologist.post(f"/api/results/{chest}/question"), "world-changed")


def test_a_stop_holds_question_and_answer(radiologist: TestClient, chest: str) -> None:
    asked = question(radiologist, chest)
    body = {"action": "stop", "scope": "model", "target": "lung-nodule", "reason": "trop de faux positifs"}
    assert radiologist.post("/api/stops", json=body).status_code == 201
    refused(radiologist.post(f"/api/results/{chest}/opinions", json=opinion(asked)), "held")
    refused(radiologist.post(f"/api/results/{chest}/question"), "held")
    view = radiologist.get(f"/api/results/{chest}").json()
    assert view["line"]["held"] is True
    assert [cause["code"] for cause in view["obstacles"]] == ["held"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"verdict": "perhaps"}, "body.verdict"),
        ({"shown": "abc"}, "body.shown"),
        ({"patient_informed": "maybe"}, "body.patient_informed"),
        ({"comment": "x" * 2001}, "body.comment"),
        ({"verdict": "amend", "edits": {"findings": [{"key": "a", "quantities": [{"index": 0, "value": "1e9"}]}]}}, ""),
        ({"verdict": "amend", "edits": {"findings": [{"key": "a", "quantities": [{"index": 0, "value": "9,4"}]}]}}, ""),
        ({"verdict": "amend", "reason": "wording", "edits": {"report": "x" * 20_001}}, "body.edits.report"),
        ({"results": ["two", "at once"]}, "body"),
    ],
)
def test_a_malformed_answer_names_the_field_and_never_the_value(
    radiologist: TestClient, chest: str, changes: dict[str, Any], field: str
) -> None:
    answer = radiologist.post(f"/api/results/{chest}/opinions", json=opinion(question(radiologist, chest), **changes))
    problem = refused(answer, "malformed")
    assert any(name.startswith(field) for name in problem["fields"])
    for sent in ("perhaps", "maybe", "abc", "xxx", "1e9", "9,4", "two", "results"):
        assert sent not in answer.text


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "reject"},
        {"verdict": "amend", "reason": "wording"},
        {"verdict": "amend", "reason": "wording", "edits": {}},
        {"verdict": "amend", "reason": "wording", "edits": {"findings": [{"key": "unknown", "keep": False}]}},
        {"verdict": "reject", "reason": "other"},
    ],
)
def test_what_the_guarantee_refuses_is_malformed_and_recorded_nowhere(
    radiologist: TestClient, chest: str, desk: FakeDesk, changes: dict[str, Any]
) -> None:
    body = opinion(question(radiologist, chest), **changes)
    refused(radiologist.post(f"/api/results/{chest}/opinions", json=body), "malformed")
    assert not desk.cases[chest].opinions


def test_a_second_reader_does_not_see_what_the_first_one_said(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.policy = replace(desk.policy, readers=2)
    result = desk.stage(cases.radiograph_case(1))
    first, second = sign_in(login="dr.martin"), sign_in(login="dr.benali")
    body = opinion(question(first, result), comment="bizarre")
    own = first.post(f"/api/results/{result}/opinions", json=body).json()
    assert [said["statement"]["comment"] for said in own["opinions"]] == ["bizarre"]
    assert own["decision"] is None
    seen = second.get(f"/api/results/{result}")
    assert seen.json()["opinions"] == []
    assert "bizarre" not in seen.text + second.get(f"/results/{result}").text
    second.post(f"/api/results/{result}/opinions", json=opinion(question(second, result)))
    assert len(second.get(f"/api/results/{result}").json()["opinions"]) == 2


@pytest.mark.parametrize("state", [ResultState.EXPIRED, ResultState.STALE])
def test_a_draft_that_nobody_judged_is_shown_to_nobody(
    radiologist: TestClient, chest: str, desk: FakeDesk, state: ResultState
) -> None:
    desk.put(chest, state, Cause(code="inputs-changed"))
    view = radiologist.get(f"/api/results/{chest}")
    assert view.json()["draft"] is None
    assert "nodule-1" not in view.text
    refused(radiologist.post(f"/api/results/{chest}/question"), "not-allowed")


# ---------------------------------------------------------------------------------------------------------- afterwards


def test_a_released_result_is_withdrawn_everywhere_once(radiologist: TestClient, chest: str, desk: FakeDesk) -> None:
    radiologist.post(f"/api/results/{chest}/opinions", json=opinion(question(radiologist, chest)))
    desk.confirm(chest)
    body = {"reason": "wrong-patient", "comment": "Examen d’un autre patient."}
    view = radiologist.post(f"/api/results/{chest}/withdrawal", json=body)
    assert view.status_code == 201
    assert view.json()["line"]["state"] == "retracted"
    assert {sent["kind"] for sent in view.json()["sent"]} == {"result", "withdrawal"}
    refused(radiologist.post(f"/api/results/{chest}/withdrawal", json=body), "not-allowed")
    refused(radiologist.post(f"/api/results/{chest}/withdrawal", json={**body, "comment": ""}), "malformed")


def test_the_time_line_is_the_journal(radiologist: TestClient, chest: str) -> None:
    question(radiologist, chest)
    happened = radiologist.get(f"/api/results/{chest}/timeline").json()
    assert [line["action"] for line in happened] == ["result.queued", "result.awaiting_review", "draft.shown"]
    assert happened[-1]["actor"] == "desk:dr.martin"


def test_what_does_not_exist_is_not_found(radiologist: TestClient, chest: str) -> None:
    unknown = "00000000-0000-5000-8000-000000000000"
    for path in (unknown, "..%2f..%2fetc%2fpasswd", "nonsense", f"{chest}/series/1.2.3/frames/0", f"{chest}/nothing"):
        refused(radiologist.get(f"/api/results/{path}"), "not-found")
    series = radiologist.get(f"/api/results/{chest}/series").json()[0]["series"]
    refused(radiologist.get(f"/api/results/{chest}/series/{series}/frames/999"), "not-found")
    refused(radiologist.get(f"/api/results/{chest}/series/{series}/frames/-1"), "not-found")
