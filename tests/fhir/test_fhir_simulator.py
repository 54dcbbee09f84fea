"""The simulated DPI: strict where a real record is strict, and honest about what it is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bridge.demo.dpi import NAME, SimulatedDpi
from fhir_adapters.wire import write_exact
from tests.fhir.stays import bundle, observation, person, stay

HEADERS = {"Content-Type": "application/fhir+json"}


@pytest.fixture
def web(dpi: SimulatedDpi) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=f"{dpi.url}/", trust_env=False, verify=False, headers=HEADERS) as client:
        yield client


def created(n: int, resource: dict[str, Any], condition: str = "") -> dict[str, Any]:
    request = {"method": "POST", "url": resource["resourceType"]} | ({"ifNoneExist": condition} if condition else {})
    return {"fullUrl": f"urn:uuid:{n}", "resource": resource, "request": request}


def transaction(*entries: dict[str, Any]) -> bytes:
    return write_exact({"resourceType": "Bundle", "type": "transaction", "entry": list(entries)})


def flag(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Flag",
        "status": "active",
        "identifier": [{"system": "urn:f", "value": "1"}],
        "code": {"text": "x"},
        "subject": {"reference": "urn:uuid:1"},
    } | changes


def test_it_says_that_it_is_simulated(web: httpx2.Client) -> None:
    answer = web.get("metadata")
    assert answer.headers["x-simulated"] == NAME
    assert answer.json()["software"]["name"] == NAME


def test_references_inside_a_transaction_get_their_names(web: httpx2.Client, dpi: SimulatedDpi) -> None:
    answer = web.post("", content=transaction(created(2, flag()), created(1, person()))).json()
    places = [entry["response"]["location"] for entry in answer["entry"]]
    assert [entry["response"]["status"] for entry in answer["entry"]] == ["201 Created"] * 2
    held = web.get(places[0].partition("/_history")[0]).json()
    assert held["subject"]["reference"] == places[1].partition("/_history")[0]
    assert dpi.writes["urn:f|1"] == 1
    arrived = httpx2.get(dpi.url.replace("/fhir", "/arrivals"), trust_env=False, verify=False).json()
    assert {(item["type"], item["version"]) for item in arrived} == {("Flag", 1), ("Patient", 1)}


def test_what_is_there_already_is_not_created_again(web: httpx2.Client, dpi: SimulatedDpi) -> None:
    body = transaction(
        created(2, flag(), "identifier=urn:f|1"), created(1, person(), "identifier=urn:oid:1.2.250.1.999.1.1|IPP9")
    )
    first, second = (web.post("", content=body).json() for _ in range(2))
    assert [entry["response"]["status"] for entry in second["entry"]] == ["200 OK"] * 2
    assert [e["response"]["location"] for e in first["entry"]] == [e["response"]["location"] for e in second["entry"]]
    assert dpi.writes["urn:f|1"] == 1


def test_a_stay_can_be_admitted_before_it_is_told_of(web: httpx2.Client, dpi: SimulatedDpi) -> None:
    dpi.admit(write_exact(bundle(kind="transaction")))
    assert web.get("Observation/17").json()["subject"] == {"reference": "Patient/9"}


def test_a_transaction_happens_whole_or_not_at_all(web: httpx2.Client, dpi: SimulatedDpi) -> None:
    bad = flag(subject={"reference": "urn:uuid:missing"}, identifier=[{"system": "urn:f", "value": "2"}])
    answer = web.post("", content=transaction(created(1, person()), created(2, flag()), created(3, bad)))
    assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome")
    assert dpi.writes == {}
    assert web.get("Patient").json().get("entry") is None


def test_an_update_of_another_version_is_refused(web: httpx2.Client) -> None:
    web.put("Patient/9", content=write_exact(person())).raise_for_status()
    assert web.put("Patient/9", content=write_exact(person()), headers={"If-Match": 'W/"1"'}).status_code == 200
    late = web.put("Patient/9", content=write_exact(person()), headers={"If-Match": 'W/"1"'})
    assert late.status_code == 412
    assert [e["resource"]["meta"]["versionId"] for e in web.get("Patient/9/_history").json()["entry"]] == ["2", "1"]
    assert web.get("Patient/9/_history/1").json()["meta"]["versionId"] == "1"
    assert web.get("Patient/9").headers["etag"] == 'W/"2"'


def test_a_condition_that_matches_two_is_refused(web: httpx2.Client) -> None:
    for name in ("1", "2"):
        web.put(f"Flag/{name}", content=write_exact(flag(id=name, subject={"display": "x"}))).raise_for_status()
    twice = web.post("", content=transaction(created(1, flag(subject={"display": "x"}), "identifier=urn:f|1")))
    assert twice.status_code == 412
    update = {"method": "PUT", "url": "Flag?identifier=urn:f|1"}
    entry = {"fullUrl": "urn:uuid:1", "resource": flag(subject={"display": "x"}), "request": update}
    assert web.post("", content=transaction(entry)).status_code == 412


def test_a_conditional_update_creates_or_changes(web: httpx2.Client) -> None:
    found = [
        web.put("Flag?identifier=urn:f%7C1", content=write_exact(flag(subject={"display": "x"}, status=status)))
        for status in ("active", "inactive")
    ]
    assert [answer.status_code for answer in found] == [201, 200]
    assert found[0].json()["id"] == found[1].json()["id"]


def test_searches_find_what_they_say(web: httpx2.Client) -> None:
    for resource in (person(), stay(), observation(), observation("18", status="cancelled")):
        web.put(f"{resource['resourceType']}/{resource['id']}", content=write_exact(resource)).raise_for_status()

    def count(query: str) -> int:
        return int(web.get(query).json()["total"])

    assert count("Observation?encounter=Encounter/7") == 2
    assert count("Observation?encounter=7&status=final") == 1
    assert count("Observation?code=http://loinc.org|8867-4") == 2
    assert count("Observation?patient=9") == 2
    assert count("Patient?identifier=IPP9") == 1
    assert count("Patient?identifier=urn:other|IPP9") == 0
    assert count("Observation?_lastUpdated=ge2020-01-01T00:00:00Z") == 2
    assert web.get("Observation?_count=1").json()["link"][0]["relation"] == "next"
    assert web.get("Observation?shoe=1").status_code == 400


def test_what_was_committed_is_there_after_a_restart(tmp_path: Path) -> None:
    first = SimulatedDpi("127.0.0.1", 0, tmp_path)
    with httpx2.Client(trust_env=False, verify=False, headers=HEADERS) as web:
        place = web.post(f"{first.url}/Patient", content=write_exact(person())).json()["id"]
        first.stop()
        with (tmp_path / "dpi.jsonl").open("ab") as file:
            file.write(b'{"changes":[{"resourceType":"Pat')
        second = SimulatedDpi("127.0.0.1", 0, tmp_path)
        assert web.get(f"{second.url}/Patient/{place}").json()["birthDate"] == "1955-06-12"
        assert web.post(f"{second.url}/Patient", content=write_exact(person())).json()["id"] != place
        second.stop()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "", b"{", 400),
        ("POST", "", bundle(kind="collection"), 400),
        ("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": ["x"]}, 400),
        (
            "POST",
            "",
            {
                "resourceType": "Bundle",
                "type": "transaction",
                "entry": [created(1, {"a": 1} | {"resourceType": "Nonsense"})],
            },
            400,
        ),
        ("POST", "Flag", flag(status=None), 400),
        ("POST", "Flag", person(), 400),
        ("POST", "Flag/1/2", flag(), 404),
        ("PUT", "Flag/1", flag(), 400),
        ("PUT", "Flag", flag(), 404),
        ("GET", "Flag/1", b"", 404),
        ("GET", "Flag/1/x/y/z", b"", 404),
    ],
)
def test_nonsense_is_refused_with_an_outcome(
    web: httpx2.Client, method: str, path: str, body: Any, status: int
) -> None:
    answer = web.request(method, path, content=body if isinstance(body, bytes) else write_exact(body))
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")


def test_addresses_outside_the_base_are_not_served(dpi: SimulatedDpi) -> None:
    answer = httpx2.get(dpi.url.replace("/fhir", "/fhirx/Patient"), trust_env=False, verify=False)
    assert answer.status_code == 404


def test_numbers_come_back_as_they_were_sent(web: httpx2.Client) -> None:
    web.put("Observation/17", content=write_exact(observation())).raise_for_status()
    assert b'"value":72.50' in web.get("Observation/17").content
    assert json.loads(web.get("Observation/17").content)["meta"]["versionId"] == "1"
