"""A viewer with a bearer token: one study, one person, for as long as they are signed in here."""

from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient

from bridge.web.routes.dicomweb import TOKEN_FORM
from guarantee.policy import Role
from tests.dicomweb.place import Place


@pytest.fixture
def study(fresh: Place) -> str:
    """An MR with its draft."""
    return fresh.study("tokens")[0]


@pytest.fixture
def desk(fresh: Place) -> TestClient:
    """A radiologist at the desk."""
    return fresh.client()


def given(fresh: Place, study: str, desk: TestClient) -> dict[str, str]:
    """Return what the button gives."""
    answer = desk.post(f"/api/results/{fresh.draft(study).id}/viewer")
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


def viewer(fresh: Place, token: str) -> TestClient:
    """Return a program that has a token and nothing else."""
    made = fresh.client(None, Authorization=f"Bearer {token}")
    del made.headers["Sec-Fetch-Site"], made.headers["Origin"]
    return made


def listed(client: TestClient, study: str) -> int:
    """Return how many series are listed."""
    answer = client.get(f"/dicom-web/studies/{study}/series")
    assert answer.status_code == 200, answer.text
    return len(answer.json())


def code_of(client: TestClient, study: str) -> str:
    """Return how a viewer is refused."""
    return str(client.get(f"/dicom-web/studies/{study}/series").json()["code"])


def test_a_viewer_shows_what_its_reader_has_opened(fresh: Place, study: str, desk: TestClient) -> None:
    program = viewer(fresh, given(fresh, study, desk)["token"])
    assert listed(program, study) == 1
    fresh.opened(study, desk)
    assert listed(program, study) == 3


def test_a_token_opens_one_study(fresh: Place, study: str, desk: TestClient) -> None:
    other, _ = fresh.study("another")
    program = viewer(fresh, given(fresh, study, desk)["token"])
    found = program.get("/dicom-web/studies").json()
    assert [one["0020000D"]["Value"][0] for one in found] == [study]
    assert program.get(f"/dicom-web/studies?StudyInstanceUID={other}").json() == []
    for path in ("", "/series", "/metadata"):
        assert program.get(f"/dicom-web/studies/{other}{path}").json()["code"] == "not-found"


def test_a_token_ends_with_the_session(fresh: Place, study: str, desk: TestClient) -> None:
    program = viewer(fresh, given(fresh, study, desk)["token"])
    assert listed(program, study) == 1
    assert desk.delete("/api/session").status_code == 204
    assert code_of(program, study) == "not-signed-in"


def test_a_token_that_no_viewer_took_is_worth_nothing_after_ten_minutes(
    fresh: Place, study: str, desk: TestClient
) -> None:
    late, early = (viewer(fresh, given(fresh, study, desk)["token"]) for _ in range(2))
    assert listed(early, study) == 1
    fresh.clock.advance(seconds=601)
    assert code_of(late, study) == "not-signed-in"
    assert listed(early, study) == 1


def test_a_token_lives_an_hour_and_is_then_deleted(fresh: Place, study: str, desk: TestClient) -> None:
    program = viewer(fresh, given(fresh, study, desk)["token"])
    assert listed(program, study) == 1
    for _ in range(7):  # the reader is at work here meanwhile
        fresh.clock.advance(seconds=540)
        desk.get("/api/session")
    assert code_of(program, study) == "not-signed-in"
    fresh.desk.launching.forget()
    with fresh.sql.reading() as unit:
        assert not unit.viewings.holds("", 1)
        assert unit.connection.exec_driver_sql("SELECT count(*) FROM viewings").scalar() == 0


def test_a_viewer_at_work_does_not_keep_the_desk_open(fresh: Place, study: str, desk: TestClient) -> None:
    program = viewer(fresh, given(fresh, study, desk)["token"])
    for _ in range(4):
        assert listed(program, study) == 1
        fresh.clock.advance(seconds=540)
    assert code_of(program, study) == "not-signed-in"
    assert desk.get("/api/session").status_code == 401


def test_what_is_no_token_opens_nothing(fresh: Place, study: str) -> None:
    program = viewer(fresh, "A")
    for token in ("", "x", "A" * 43, "A" * 10_000, "é" * 43):
        said = {b"Authorization": f"Bearer {token}".encode()}
        answer = program.get(f"/dicom-web/studies/{study}/series", headers=said)  # type: ignore[arg-type]
        assert answer.json()["code"] == "not-signed-in", token[:9]


def test_a_token_beside_a_cookie_is_what_counts(fresh: Place, study: str, desk: TestClient) -> None:
    answer = desk.get("/dicom-web/studies", headers={"Authorization": "Basic YTpi"})
    assert answer.json()["code"] == "not-signed-in"


def test_only_a_digest_of_a_token_is_kept(fresh: Place, study: str, desk: TestClient) -> None:
    token = given(fresh, study, desk)["token"]
    assert TOKEN_FORM.fullmatch(token)
    with fresh.sql.reading() as unit:
        rows = unit.connection.exec_driver_sql("SELECT * FROM viewings").all()
    assert len(rows) == 1
    assert token not in str(rows)


def test_a_session_gives_so_many_and_no_more(
    fresh: Place, study: str, desk: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.wiring.viewing.ADMISSIONS_MAX", 2)
    for _ in range(2):
        given(fresh, study, desk)
    answer = desk.post(f"/api/results/{fresh.draft(study).id}/viewer")
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-attempts")


def test_who_sees_no_draft_gets_no_token(fresh: Place, study: str) -> None:
    for role in set(Role) - {Role.RADIOLOGIST, Role.CLINICIAN}:
        answer = fresh.client(role).post(f"/api/results/{fresh.draft(study).id}/viewer")
        assert answer.json()["code"] == "role-refused", role


def test_the_link_is_a_command_that_weasis_knows(fresh: Place, study: str, desk: TestClient) -> None:
    found = given(fresh, study, desk)
    command = unquote(found["weasis"].removeprefix("weasis://"))
    assert command == (
        f'$dicom:rs --url "http://testserver/dicom-web" -r "studyUID={study}" '
        f'-H "Authorization: Bearer {found["token"]}"'
    )
    assert not set(found["weasis"].removeprefix("weasis://")) & set('$ "&<>')
