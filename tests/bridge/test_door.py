"""The FHIR endpoint over HTTP: every answer is an OperationOutcome or what was asked for."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from bridge.web import fhir_door
from bridge.web.fhir_door import make_fhir_app
from fhir_adapters.capability import Options
from fhir_adapters.door import Door, Sender
from guarantee.errors import Unavailable
from tests.flows.fakes import FakeClock, FakeVault

TOKEN = "t0ken"
MOST = 10_000
SCOPE = {"type": "http", "method": "POST", "path": "/fhir", "headers": [], "query_string": b"", "client": None}


class Site:
    """A door with two senders: one known by its token, one by its address."""

    def __init__(self) -> None:
        self.arrivals: list[Any] = []
        self.fetches: list[Any] = []
        self.objections: list[Any] = []
        self.refused: list[tuple[str, str, str]] = []
        self.down = False
        self.door = Door(
            vault=FakeVault(),
            receive=self._take(self.arrivals),
            note=self._take(self.fetches),
            object_to=self._take(self.objections),
            turn_away=lambda *said: self.refused.append(said),
            senders=[
                Sender(name="dpi", token=TOKEN),
                Sender(name="lab", addresses=("10.0.0.0/8",)),
            ],
            site="site-1",
            statement=Options(base_url="http://aval/fhir", version="1", date="2026-11-22"),
            objection_codes=frozenset({"urn:test|ai-objection"}),
            now=FakeClock().now,
        )
        self.app: Any = make_fhir_app(self.door, body_bytes_max=MOST)
        self.client = TestClient(self.app, client=("192.0.2.1", 5000), raise_server_exceptions=False)
        self.lab = TestClient(self.app, client=("10.1.2.3", 5000), raise_server_exceptions=False)

    def _take(self, place: list[Any]) -> Any:
        def take(values: Any) -> None:
            if self.down:
                raise Unavailable("database", "does not answer")
            place.extend(values)

        return take

    def post(self, path: str, body: bytes | str, **headers: str) -> Any:
        known = {"authorization": f"Bearer {TOKEN}".encode(), "content-type": "application/fhir+json"}
        return self.client.post(path, content=body, headers={**known, **headers})


@pytest.fixture
def site() -> Site:
    return Site()


def outcome(response: Any) -> str:
    body = response.json()
    assert response.headers["content-type"].startswith("application/fhir+json")
    assert body["resourceType"] == "OperationOutcome"
    return str(body["issue"][0]["code"])


@pytest.mark.parametrize("token", ["", "Bearer wrong", "Bearer é", "Basic dDp0", "Bearer " + "x" * 5_000])
def test_who_is_not_known_is_401_and_recorded(site: Site, token: str) -> None:
    response = site.client.post("/fhir", content=b"{}", headers={"authorization": token.encode()})
    assert (response.status_code, outcome(response)) == (401, "login")
    assert [code for _, code, _ in site.refused] == ["sender-unknown"]


def test_an_address_makes_a_sender_known_and_another_one_does_not(site: Site) -> None:
    assert site.lab.post("/fhir", content=b"{}").status_code != 401
    assert site.client.post("/fhir", content=b"{}").status_code == 401


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"resourceType":"Patient"}', b'{"resourceType":"Bundle"}', b"[" * 900],
)
def test_what_is_no_bundle_is_a_refusal_that_says_so(site: Site, body: bytes) -> None:
    response = site.post("/fhir", body)
    assert 400 <= response.status_code < 500
    assert outcome(response)
    assert response.status_code != 401
    assert len(site.refused) == 1
    assert not site.arrivals


def test_a_body_that_is_too_large_is_413_while_it_is_still_arriving(site: Site) -> None:
    read, sent = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b" " * 1_000, "more_body": True}  # for ever

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(site.app(SCOPE, receive, send))
    assert sent[0]["status"] == 413
    assert read == MOST // 1_000 + 1


@pytest.mark.parametrize("is_gone", [False, True], ids=["silent", "gone"])
def test_a_body_that_does_not_come_is_not_waited_for_and_is_no_fault(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, is_gone: bool
) -> None:
    monkeypatch.setattr(fhir_door, "BODY_S", 0.2)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if is_gone:
            return {"type": "http.disconnect"}
        await asyncio.sleep(3600)
        raise AssertionError("nobody waits so long")

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(asyncio.wait_for(site.app(SCOPE, receive, send), 30))
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["issue"][0]["code"] == "timeout"
    assert caplog.records == []


def test_a_database_that_is_down_is_503_and_nothing_is_promised(site: Site) -> None:
    site.down = True
    response = site.post("/fhir/notify/dpi", b"")
    assert (response.status_code, outcome(response)) == (503, "transient")
    assert not site.fetches


def test_an_empty_ring_is_noted_as_a_search_of_the_sender(site: Site) -> None:
    response = site.post("/fhir/notify/dpi", b"")
    assert (response.status_code, outcome(response)) == (200, "informational")
    (fetch,) = site.fetches
    assert (fetch.sender, fetch.site) == ("dpi", "site-1")
    assert fetch.what.startswith("Observation?_sort=-_lastUpdated")


def test_somebody_elses_subscription_is_not_found(site: Site) -> None:
    response = site.post("/fhir/notify/lab", b"")
    assert (response.status_code, outcome(response)) == (404, "not-found")
    assert not site.fetches


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/fhir"), ("DELETE", "/fhir"), ("GET", "/fhir/Patient/1"), ("PUT", "/x")]
)
def test_everything_else_is_an_outcome_too(site: Site, method: str, path: str) -> None:
    response = site.client.request(method, path)
    assert response.status_code in {404, 405}
    assert outcome(response)


def test_metadata_is_a_capability_statement_for_anybody(site: Site) -> None:
    assert site.client.get("/fhir/metadata").json()["resourceType"] == "CapabilityStatement"


def test_what_nobody_foresaw_is_answered_and_recorded_without_what_it_says(caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("DUPONT Jean")

    site = Site()
    app: Any = make_fhir_app(replace(site.door, note=fail), body_bytes_max=MOST)
    answer = TestClient(app).post("/fhir/notify/dpi", content=b"", headers={"authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, outcome(answer)) == (500, "exception")
    assert "RuntimeError" in caplog.text
    assert "DUPONT" not in caplog.text + answer.text
