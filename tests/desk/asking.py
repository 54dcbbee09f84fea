"""How the API's tests ask, answer and check a refusal."""

from typing import Any

from starlette.testclient import TestClient


def question(client: TestClient, result: str) -> dict[str, Any]:
    """Ask for the draft."""
    answer = client.post(f"/api/results/{result}/question")
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def opinion(asked: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the body of an acceptance, or what ``changes`` makes of it."""
    body = {"nonce": asked["nonce"], "shown": asked["shown"], "verdict": "accept", "patient_informed": "to-do"}
    return {**body, **changes}


def refused(answer: Any, code: str) -> dict[str, Any]:
    """Check that an answer is the problem ``code``, whole, and return it."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = dict(answer.json())
    assert problem["code"] == code, problem
    assert answer.status_code == problem["status"]
    assert problem["type"] == f"urn:aval:problem:{code}"
    assert problem["title"]
    assert problem["kept"]
    assert problem["todo"]
    return problem
