"""Opened from a PACS: what a link opens, for whom, and what it never tells."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from bridge.links.signing import Launcher
from bridge.web.app import Options, make_app
from guarantee.policy import Role
from guarantee.result import Cause
from guarantee.states import CaseState, ResultState
from tests.desk import cases
from tests.desk.conftest import ORIGIN, SignIn
from tests.desk.fake_desk import FakeDesk
from tests.desk.fake_launches import KEY, OLD_KEY
from tests.desk.people import LOGINS, PASSWORD, code_of

NAMED = (Role.RADIOLOGIST, Role.CLINICIAN, Role.LEARNER)
STAGED = cases.chest_case(1)
PATIENT = STAGED.case.patient.identifier
UNKNOWN = {"study": "9.9.9"}


def asked(**more: str) -> dict[str, str]:
    """Return what a link to the staged exam says."""
    return {"study": STAGED.case.uid, "patient": PATIENT, **more}


def ticket_of(client: TestClient, link: str) -> str:
    """Follow a link as far as the address that is kept, and return that."""
    answer = client.get(link, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


# ----------------------------------------------------------------------------------------------------- to the one draft


def test_one_draft_that_waits_is_opened(radiologist: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(STAGED)
    address = ticket_of(radiologist, desk.link(asked()))
    assert address.startswith("/launch/")
    assert len(address) == len("/launch/") + 43
    assert ticket_of(radiologist, address) == f"/results/{result}"
    assert desk.openings == [("dr.martin", "pacs", STAGED.case.id)]
    assert not desk.seen, "a launch is no exposure"


def test_the_exam_survives_signing_in_and_the_name_is_only_proposed(nobody: TestClient, desk: FakeDesk) -> None:
    result = desk.stage(STAGED)
    address = ticket_of(nobody, desk.link(asked(user="dr.durand")))
    form = nobody.get(address)
    assert form.request.url.path == "/sign-in"
    assert 'value="dr.durand"' in form.text
    assert f'data-next="{address}"' in form.text
    who = {"login": "dr.martin", "password": PASSWORD, "code": code_of("dr.martin")}
    assert nobody.post("/api/session", json=who).status_code == 201
    assert ticket_of(nobody, address) == f"/results/{result}"
    assert desk.openings == [("dr.martin", "pacs", STAGED.case.id)], "the launcher's belief proves nothing"


@pytest.mark.parametrize(
    ("query", "opens"),
    [
        (f"requestType=STUDY&studyUID={STAGED.case.uid}", True),
        (f"requestType=STUDY&accessionNumber={quote(STAGED.case.order)}&viewerType=x", True),
        (f"requestType=PATIENT&patientID={quote(PATIENT)}^^^{quote(STAGED.case.patient.issuer)}", True),
        (f"requestType=PATIENT&patientID={quote(PATIENT)}^^^ELSEWHERE", False),
        (f"requestType=PATIENT&patientID={quote(PATIENT)}&modalitiesInStudy=MG", False),
    ],
)
def test_the_form_of_ihe_is_understood(radiologist: TestClient, desk: FakeDesk, query: str, opens: bool) -> None:
    result = desk.stage(STAGED)
    desk.launchers = [Launcher(name="ris", keys=(), unsigned=True)]
    address = ticket_of(radiologist, f"/IHEInvokeImageDisplay?{query}")
    answer = radiologist.get(address, follow_redirects=False)
    assert answer.headers.get("location", "") == (f"/results/{result}" if opens else "")


# -------------------------------------------------------------------------------------------------- several, and none


def test_several_drafts_are_a_list_of_nothing_else(radiologist: TestClient, desk: FakeDesk) -> None:
    drafts = [desk.stage(cases.chest_case(n, patient=STAGED.case.patient)) for n in (1, 2)]
    other = desk.stage(cases.brain_case(3))
    page = radiologist.get(ticket_of(radiologist, desk.link({"patient": PATIENT})))
    assert page.status_code == 200
    assert all(f'href="/results/{draft}"' in page.text for draft in drafts)
    assert other not in page.text
    assert "Nodule solide" not in page.text


@pytest.mark.parametrize(
    ("state", "cause", "said"),
    [
        (ResultState.QUEUED, None, "Being computed"),
        (ResultState.EXCLUDED, Cause(code="modality"), "The modality is outside the intended use"),
        (ResultState.FAILED, Cause(code="timeout"), "The computation took too long"),
        (ResultState.DELIVERED, None, "Delivered"),
        (ResultState.REJECTED, Cause(code="wording"), "Rejected"),
    ],
)
def test_without_a_draft_the_page_says_so_and_what_is_known(
    radiologist: TestClient, desk: FakeDesk, state: ResultState, cause: Cause | None, said: str
) -> None:
    desk.put(desk.stage(STAGED), state, cause)
    page = radiologist.get(ticket_of(radiologist, desk.link(asked())))
    assert page.status_code == 200
    assert "<h1>No AI result to review</h1>" in page.text
    assert said in page.text
    assert "This says nothing about the exam" in page.text


@pytest.mark.parametrize(
    ("state", "cause", "said"),
    [
        (CaseState.RECEIVING, "", "Being received"),
        (CaseState.COMPLETE, "", "no AI system here looks at it"),
        (CaseState.QUARANTINED, "two-patients", "its images name two patients"),
    ],
)
def test_an_exam_without_any_result_says_where_it_stands(
    radiologist: TestClient, desk: FakeDesk, state: CaseState, cause: str, said: str
) -> None:
    desk.unplanned = [replace(STAGED.case, state=state, cause=cause)]
    page = radiologist.get(ticket_of(radiologist, desk.link(asked()))).text
    assert "<h1>No AI result</h1>" in page
    assert said in page


def test_what_was_never_received_is_said_in_both_languages_and_never_reads_as_normal(
    radiologist: TestClient, desk: FakeDesk
) -> None:
    for language, title in (("fr", "Aucun résultat d’IA"), ("en", "No AI result")):
        page = radiologist.get(ticket_of(radiologist, desk.link(UNKNOWN)), params={"lang": language})
        assert page.status_code == 200
        assert f"<h1>{title}</h1>" in page.text
        for word in ("normal", "négatif", "negative", "rassurant"):
            assert word not in page.text.lower().replace("d’habitude", "")
    assert desk.openings == [("dr.martin", "pacs", None)] * 2


def test_exams_of_two_patients_are_never_opened_by_themselves(radiologist: TestClient, desk: FakeDesk) -> None:
    desk.put(desk.stage(STAGED), ResultState.DELIVERED)
    desk.stage(cases.brain_case(2))
    two = ",".join(case.staged.case.uid for case in desk.cases.values())
    page = radiologist.get(ticket_of(radiologist, desk.link({"study": two})))
    assert page.status_code == 200
    assert "not all of one patient" in page.text


# ---------------------------------------------------------------------------------------------------------- for whom


@pytest.mark.parametrize("role", [None, *Role])
def test_each_role_gets_what_the_table_says(
    sign_in: SignIn, nobody: TestClient, desk: FakeDesk, role: Role | None
) -> None:
    client = nobody if role is None else sign_in(role)
    result = desk.stage(STAGED)
    told = []
    for wanted in (asked(), UNKNOWN):
        address = ticket_of(client, desk.link(wanted))
        told.append(client.get(address, follow_redirects=False))
    here, not_here = told
    if role in NAMED:
        assert here.headers["location"] == f"/results/{result}"
        assert not_here.status_code == 200
        return
    assert here.status_code == not_here.status_code == (303 if role is None else 403)
    assert not desk.openings
    if role is None:
        assert here.headers["location"].startswith("/sign-in?next=/launch/")
    else:
        assert STAGED.case.patient.name.split("^")[0] not in here.text
        assert here.text.replace(str(here.url.path), "") == not_here.text.replace(str(not_here.url.path), "")


def test_a_launch_is_opened_by_one_person(sign_in: SignIn, desk: FakeDesk) -> None:
    desk.stage(STAGED)
    first, second = sign_in(Role.RADIOLOGIST), sign_in(Role.CLINICIAN)
    address = ticket_of(first, desk.link(asked()))
    assert first.get(address, follow_redirects=False).status_code == 303
    assert first.get(address, follow_redirects=False).status_code == 303
    assert second.get(address, follow_redirects=False).status_code == 403


# ------------------------------------------------------------------------------------------------------ links refused


def refusals(desk: FakeDesk) -> dict[str, str]:
    """Return links that open nothing."""
    good = desk.link(asked())
    return {
        "forged": desk.link(asked(), key="x" * 32),
        "changed": good.replace(STAGED.case.uid, "1.2.3"),
        "expired": desk.link(asked(), ago_s=121),
        "from the future": desk.link(asked(), ago_s=-121),
        "unsigned": f"/launch?study={STAGED.case.uid}&patient={quote(PATIENT)}",
        "stripped": good.partition("&sig=")[0],
        "other launcher": desk.link(asked(launcher="ris")),
    }


def test_links_that_may_open_nothing_are_told_apart_by_nobody(
    radiologist: TestClient, desk: FakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.stage(STAGED)
    pages = set()
    for name, link in refusals(desk).items():
        answer = radiologist.get(link, follow_redirects=False)
        assert answer.status_code == 403, name
        pages.add(answer.text)
    assert len(pages) == 1
    assert PATIENT not in pages.pop()
    assert not desk.tickets
    assert "why=signature" in caplog.text
    assert PATIENT not in caplog.text


def test_a_link_works_once(radiologist: TestClient, desk: FakeDesk) -> None:
    desk.stage(STAGED)
    link = desk.link(asked())
    assert ticket_of(radiologist, link)
    assert radiologist.get(link, follow_redirects=False).status_code == 403


def test_the_key_before_is_still_taken(radiologist: TestClient, desk: FakeDesk) -> None:
    assert ticket_of(radiologist, desk.link(asked(), key=OLD_KEY))


def test_a_ticket_grows_old_and_a_made_up_one_is_none(radiologist: TestClient, desk: FakeDesk) -> None:
    address = ticket_of(radiologist, desk.link(asked()))
    desk.offset += timedelta(minutes=10)
    assert radiologist.get(address).status_code == 200
    late = ticket_of(radiologist, desk.link(asked()))
    assert radiologist.get("/launch/" + "A" * 43).status_code == 403
    assert radiologist.get("/launch/short").status_code == 404
    desk.offset += timedelta(minutes=14, seconds=30)
    assert radiologist.get(late).status_code == 200


@pytest.mark.parametrize(
    ("link", "parameter"),
    [
        ("/launch", "study"),
        ("/launch?study=abc&patient=SECRET", "study"),
        ("/launch?study=1.2&study=1.3&patient=SECRET", "study"),
        ("/launch?study=1.2&patient=SECRET&SECRET=1", ""),
        ("/launch?study=1.2&patient=" + "SECRET" * 1700, ""),
        ("/IHEInvokeImageDisplay?requestType=SECRET", "requestType"),
        ("/IHEInvokeImageDisplay?requestType=PATIENT&patientID=SECRET%00", "patientID"),
        ("/IHEInvokeImageDisplay?requestType=STUDY&studyUID=SECRET", "studyUID"),
    ],
)
@pytest.mark.parametrize("who", ["nobody", "radiologist"])
def test_a_bad_link_is_a_page_that_names_the_parameter_and_repeats_nothing(
    request: pytest.FixtureRequest, link: str, parameter: str, who: str
) -> None:
    client: TestClient = request.getfixturevalue(who)
    answer = client.get(link)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "does not say which exam" in answer.text
    assert "SECRET" not in answer.text
    assert f"<code>{parameter}</code>" in answer.text or not parameter
    assert " data-launched" in answer.text, "the page takes the query out of the address bar"


# ---------------------------------------------------------------------------------------------------------- embedding

FRAMED = {"public_url": "https://aval.hopital.example", "frame_ancestors": ("https://pacs.editeur.example:8443",)}


def framed(desk: FakeDesk, **changes: Any) -> TestClient:
    """Return a client of a desk that a PACS of another site may frame."""
    values: dict[str, Any] = {"site_name": "CHU", "organisation": "Imagerie", **FRAMED, **changes}
    origin = str(values["public_url"])
    return TestClient(make_app(desk, Options(**values)), base_url=origin, headers={"Origin": origin})


def cookies_of(client: TestClient, method: str = "POST") -> str:
    who = {"login": "dr.martin", "password": PASSWORD, "code": code_of("dr.martin")}
    return str(client.request(method, "/api/session", json=who).headers["set-cookie"])


@pytest.mark.parametrize(
    ("url", "ancestors", "attributes"),
    [
        ("https://aval.hopital.example", (), "SameSite=Lax"),
        ("https://aval.chu.example", ("https://pacs.chu.example:8443",), "SameSite=Lax"),
        ("https://aval.hopital.example", ("https://pacs.editeur.example",), "SameSite=None; Partitioned"),
        ("https://aval.chu.example", ("http://pacs.chu.example",), "SameSite=None; Partitioned"),
        ("https://10.0.0.1", ("https://10.1.0.1",), "SameSite=None; Partitioned"),
        ("https://10.0.0.1", ("https://10.0.0.1:8443",), "SameSite=Lax"),
    ],
)
def test_the_cookie_is_as_strict_as_the_frames_let_it_be(
    desk: FakeDesk, url: str, ancestors: tuple[str, ...], attributes: str
) -> None:
    client = framed(desk, public_url=url, frame_ancestors=ancestors)
    set_there = cookies_of(client)
    assert set_there.startswith("__Host-aval=")
    assert set_there.endswith(f"; Path=/; HttpOnly; Secure; {attributes}")
    assert cookies_of(client, "DELETE").endswith(f"=; Path=/; Max-Age=0; HttpOnly; Secure; {attributes}")


def test_a_frame_of_another_site_needs_https(desk: FakeDesk) -> None:
    with pytest.raises(ValueError, match="https"):
        framed(desk, public_url="http://aval.hopital.example", secure_cookies=False)


def test_another_window_goes_on_with_the_session_once_and_soon(sign_in: SignIn, app: Any, desk: FakeDesk) -> None:
    first = sign_in(Role.RADIOLOGIST)
    window = TestClient(app, base_url=ORIGIN, headers={"Origin": ORIGIN}, follow_redirects=False)
    form = {"handover": first.post("/api/session/handover").json()["handover"], "next": "/systems"}
    from_elsewhere = window.post("/launch/handover", data=form, headers={"Origin": "https://evil.test"})
    assert from_elsewhere.status_code == 403
    answer = window.post("/launch/handover", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/systems")
    assert window.get("/api/session").json()["reader"]["login"] == "dr.martin"
    late = first.post("/api/session/handover").json()["handover"]
    desk.offset += timedelta(seconds=61)
    for spent in (form, {"handover": late}, {"handover": ""}, {}):
        fresh = TestClient(app, base_url=ORIGIN, headers={"Origin": ORIGIN}, follow_redirects=False)
        assert fresh.post("/launch/handover", data=spent).status_code == 401
        assert "set-cookie" not in fresh.get("/api/session").headers
    ended = first.post("/api/session/handover").json()["handover"]
    first.delete("/api/session")
    assert window.post("/launch/handover", data={"handover": ended}).status_code == 401


def test_a_handover_leads_to_our_own_pages_only(radiologist: TestClient) -> None:
    handover = radiologist.post("/api/session/handover").json()["handover"]
    form = {"handover": handover, "next": "https://evil.test/"}
    answer = radiologist.post("/launch/handover", data=form, follow_redirects=False)
    assert answer.headers["location"] == "/worklist"
    assert KEY not in answer.text
    assert LOGINS[Role.RADIOLOGIST] not in answer.headers["location"]
