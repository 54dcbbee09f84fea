"""The API's document: every operation says what it does and how it can refuse."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from bridge.web.problems import MEDIA_TYPE, PROBLEMS
from bridge.web.sign_in_problems import SIGN_IN_PROBLEMS


@pytest.fixture
def document(nobody: TestClient) -> dict[str, Any]:
    """The document as served."""
    return dict(nobody.get("/api/openapi.json").json())


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return every operation with its name."""
    return [(f"{method} {path}", one) for path, ways in document["paths"].items() for method, one in ways.items()]


def test_every_operation_documents_itself_and_its_refusals(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        refusals = {status for status in operation["responses"] if int(status) >= 400}
        assert {"500", "503"} <= refusals, name
        if name.split()[0] in {"post", "delete"}:
            assert {"403", "413"} <= refusals, name
        for status in refusals - {"503"} if name.endswith("/readyz") else refusals:
            content = operation["responses"][status]["content"]
            assert set(content) == {MEDIA_TYPE}, (name, status)


def test_every_success_has_a_form(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        success = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert len(success) == 1, name
        for media, form in success[0].get("content", {}).items():
            assert media == "application/octet-stream" or form["schema"], name


def test_every_documented_code_exists(document: dict[str, Any]) -> None:
    named = set()
    for _, operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                named |= set(answer["description"].split("`")[1::2])
    assert named <= PROBLEMS.keys()
    # what no operation of the API can meet: wrong method, another system's refusal that flows never let through, links
    launched = {"launch-malformed", "launch-refused"}
    # of the identity provider, which sends people back to pages alone
    vouched = {problem.code for problem in SIGN_IN_PROBLEMS} - named
    dicomweb = {"draft-unopened", "not-acceptable", "too-much"}
    assert PROBLEMS.keys() - named == {"wrong-method", "declined", "journal-broken", *launched, *vouched, *dicomweb}


def test_the_form_of_a_refusal_is_in_the_document(document: dict[str, Any]) -> None:
    form = document["components"]["schemas"]["ProblemOut"]["properties"]
    assert {"type", "code", "status", "title", "kept", "todo", "fields", "reference"} == form.keys()
    assert "HTTPValidationError" not in str(document["paths"])


def test_no_page_that_fetches_scripts_from_elsewhere_is_served(nobody: TestClient) -> None:
    for path in ("/docs", "/redoc"):
        assert nobody.get(path).status_code == 404
