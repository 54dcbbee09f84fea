"""Who may do what: one table, every role against every operation of the API."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.testclient import TestClient

from guarantee.gesture import Passkey
from guarantee.ids import ResultId
from guarantee.incident import Grade
from guarantee.policy import Role
from guarantee.states import ResultState
from tests.desk import cases
from tests.desk.conftest import SignIn
from tests.desk.fake_desk import FakeDesk

REVIEW = frozenset({Role.RADIOLOGIST, Role.CLINICIAN})
EVERY = frozenset(Role)
NOBODY_NEEDED = EVERY | {None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation and who may use it; None stands for nobody in particular."""

    method: str
    path: str
    allowed: frozenset[Role | None]
    body: dict[str, Any] | None = field(default=None, hash=False)


STOP = {"action": "stop", "scope": "all", "reason": "essai"}
OPERATIONS = (
    Operation(method="POST", path="/api/session", allowed=frozenset(NOBODY_NEEDED), body={}),
    Operation(method="GET", path="/api/session", allowed=EVERY),
    Operation(method="POST", path="/api/session/handover", allowed=EVERY),
    Operation(method="DELETE", path="/api/session", allowed=frozenset(NOBODY_NEEDED)),
    Operation(method="GET", path="/api/results", allowed=EVERY),
    Operation(method="GET", path="/api/results/{result}", allowed=EVERY),
    Operation(method="POST", path="/api/results/{result}/question", allowed=REVIEW),
    Operation(method="POST", path="/api/results/{result}/first-read", allowed=REVIEW),
    Operation(method="POST", path="/api/results/{result}/impression", allowed=REVIEW, body={}),
    Operation(method="POST", path="/api/results/{result}/opinions", allowed=REVIEW, body={}),
    Operation(method="POST", path="/api/results/{result}/withdrawal", allowed=REVIEW, body={}),
    Operation(method="GET", path="/api/results/{result}/timeline", allowed=EVERY),
    Operation(method="POST", path="/api/results/{result}/viewer", allowed=REVIEW),
    Operation(method="GET", path="/api/results/{result}/series", allowed=REVIEW),
    Operation(method="GET", path="/api/results/{result}/series/{series}/frames/{index}", allowed=REVIEW),
    Operation(method="GET", path="/api/results/{result}/segments/{number}", allowed=REVIEW),
    Operation(method="GET", path="/api/results/{result}/signing", allowed=REVIEW),
    Operation(method="POST", path="/api/results/{result}/statement", allowed=REVIEW, body={}),
    Operation(
        method="POST",
        path="/api/results/{result}/incidents",
        allowed=EVERY - {Role.SECRETARY},
        body={"grade": "D4", "reason": "lobe gauche manqué"},
    ),
    Operation(
        method="POST",
        path="/api/incidents/{incident}/lines",
        allowed=EVERY - {Role.SECRETARY, Role.LEARNER},
        body={"kind": "answers", "answers": {"data": "yes"}},
    ),
    Operation(method="GET", path="/api/passkeys", allowed=REVIEW),
    Operation(method="POST", path="/api/passkeys/challenge", allowed=REVIEW, body={}),
    Operation(method="POST", path="/api/passkeys", allowed=REVIEW, body={}),
    Operation(method="DELETE", path="/api/passkeys/{passkey}", allowed=REVIEW),
    Operation(method="GET", path="/api/stops", allowed=EVERY),
    Operation(method="POST", path="/api/stops", allowed=REVIEW, body=STOP),
    Operation(method="GET", path="/api/models", allowed=EVERY),
    Operation(method="GET", path="/healthz", allowed=frozenset(NOBODY_NEEDED)),
    Operation(method="GET", path="/readyz", allowed=frozenset(NOBODY_NEEDED)),
)


def test_the_table_names_every_operation(nobody: TestClient) -> None:
    document = nobody.get("/api/openapi.json").json()
    known = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert known == {(operation.method, operation.path) for operation in OPERATIONS}


@pytest.mark.parametrize("role", [None, *Role], ids=str)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_each_role_does_what_the_table_says_and_no_more(
    sign_in: SignIn, nobody: TestClient, desk: FakeDesk, role: Role | None, operation: Operation
) -> None:
    staged = cases.chest_case(1)
    result = desk.stage(staged)
    if operation.path.endswith("/first-read"):
        desk.drawn.add(result)
    series = staged.pictures[0].uid
    for login in ("dr.martin", "dr.durand"):
        own = Passkey(id=login.replace(".", "-"), login=login, name="", algorithm="ES256", public_key="")
        desk.signing.stored.add(own, desk.now())
    key = "dr-durand" if role is Role.CLINICIAN else "dr-martin"
    incident = desk.reporting.report(ResultId(result), Grade.D3, "manqué", desk.people["dr.martin"])
    path = operation.path.format(result=result, series=series, index=0, number=1, passkey=key, incident=incident)
    if "segments" in path:
        path += f"?mask={staged.draft.segments[0].mask}"
    client = nobody if role is None else sign_in(role)
    answer = client.request(operation.method, path, json=operation.body)
    code = (
        answer.json().get("code", "")
        if answer.headers.get("content-type", "").startswith("application/problem")
        else ""
    )
    if role in operation.allowed:
        assert code in {"", "malformed"}, answer.text
    else:
        assert code == ("not-signed-in" if role is None else "role-refused"), answer.text
        assert not desk.seen
        assert not desk.stop_lines


@pytest.mark.parametrize("role", [Role.LEARNER, Role.ENGINEER])
@pytest.mark.parametrize("state", [ResultState.AWAITING_REVIEW, ResultState.VALIDATED, ResultState.REJECTED])
def test_who_decides_nothing_never_sees_a_draft(
    sign_in: SignIn, desk: FakeDesk, role: Role, state: ResultState
) -> None:
    result = desk.stage(cases.chest_case(1))
    desk.put(result, state)
    client = sign_in(role)
    pages = [f"/results/{result}", f"/results/{result}/outcome", "/worklist", f"/results/{result}/timeline"]
    for path in [f"/api/results/{result}", "/api/results", *pages]:
        answer = client.get(path)
        assert answer.status_code == 200
        for said in ("Nodule solide", "nodule-1", "Micronodule", "9,4 mm"):
            assert said not in answer.text


def test_an_engineer_is_told_no_name(sign_in: SignIn, desk: FakeDesk) -> None:
    staged = cases.chest_case(1)
    result = desk.stage(staged)
    client = sign_in(Role.ENGINEER)
    traits = staged.case.patient
    paths = ["/worklist", f"/results/{result}", f"/results/{result}/timeline", "/api/results", f"/api/results/{result}"]
    for path in paths:
        text = client.get(path).text
        for trait in (traits.name.split("^")[0], traits.identifier, traits.birth_date, staged.case.order, "TDM thorax"):
            assert trait not in text, (path, trait)
    line = client.get("/api/results").json()["lines"][0]
    assert (line["case"]["patient"], line["case"]["order"], line["focus"]) == (None, None, None)


def test_a_learner_sees_whose_exam_it_is_and_no_image(sign_in: SignIn, desk: FakeDesk) -> None:
    result = desk.stage(cases.chest_case(1))
    page = sign_in(Role.LEARNER).get(f"/results/{result}").text
    assert "N’DIAYE Moussa" in page
    assert '<section class="images"' not in page
    assert 'data-manner="closed"' in page
