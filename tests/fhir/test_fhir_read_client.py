"""Fetching a stay: from our simulated record and from another's; and what the client never does."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from fhir_adapters.inbound import arrivals, read_bundle
from fhir_adapters.read import PAGE, STAYS_MAX, Options, ReadClient, read_record
from fhir_adapters.wire import read_exact, write_exact
from guarantee.errors import Declined, Unavailable
from guarantee.ids import digest
from tests.fhir.proxy import Proxy
from tests.fhir.stays import NOW, observation, person, stay

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def put(url: str, *resources: dict[str, Any]) -> None:
    with httpx2.Client(trust_env=False, verify=False, timeout=20) as web:
        for resource in resources:
            place = f"{url}/{resource['resourceType']}/{resource['id']}"
            headers = {"Content-Type": "application/fhir+json"}
            web.put(place, content=write_exact(resource), headers=headers).raise_for_status()


@pytest.fixture
def filled(record: str) -> str:
    """A record with two stays: 7 with two observations, 8 of somebody else."""
    theirs = observation("30", subject={"reference": "Patient/10"}, encounter={"reference": "Encounter/8"})
    apart = observation("31")
    apart.pop("encounter")
    put(
        record,
        person(),
        stay(),
        observation(),
        observation("18", status="entered-in-error"),
        apart,
        person("10"),
        stay("8", "10"),
        theirs,
    )
    return record


@pytest.fixture
def client(filled: str) -> Iterator[ReadClient]:
    made = ReadClient(Options(base_url=filled, answer_s=20))
    yield made
    made.close()


def names(data: bytes) -> list[str]:
    return [f"{r['resourceType']}/{r['id']}" for r in (e["resource"] for e in read_exact(data).get("entry", ()))]


@pytest.mark.parametrize("what", ["Observation/17", "Encounter/7", "Observation?encounter=Encounter/7"])
def test_whatever_was_named_the_whole_stay_is_fetched(client: ReadClient, what: str) -> None:
    data = client.fetch(what)
    assert names(data) == ["Patient/9", "Encounter/7", "Observation/17", "Observation/18"]
    (arrival,) = arrivals(read_bundle(read_exact(data)), digest=digest(data), site="chu", sender="dpi", now=NOW)
    assert (arrival.uid, arrival.patient.identifier) == ("Encounter/7", "IPP9")
    (reading,) = read_record([data], at=AT).readings
    assert (reading.source, reading.value) == ("Observation/17", reading.value)


def test_the_same_record_gives_the_same_bytes(client: ReadClient) -> None:
    assert client.fetch("Observation/17") == client.fetch("Encounter/7")


def test_a_search_over_several_stays_fetches_each_of_them(client: ReadClient) -> None:
    data = client.fetch("Observation?status=final&code=http://loinc.org|8867-4")
    assert {"Patient/9", "Patient/10", "Encounter/7", "Encounter/8"} <= set(names(data))


def test_outside_any_stay_only_what_is_outside_any_stay_is_fetched(client: ReadClient) -> None:
    assert names(client.fetch("Observation/31")) == ["Patient/9", "Observation/31"]


def test_a_search_that_finds_nothing_is_an_empty_bundle(client: ReadClient) -> None:
    data = client.fetch("Observation?code=http://loinc.org|0-0")
    assert read_exact(data) == {"resourceType": "Bundle", "type": "collection"}
    assert arrivals(read_bundle(read_exact(data)), digest=digest(data), site="s", sender="x", now=NOW) == ()


def test_more_than_a_page_is_fetched_whole(dpi: Any) -> None:
    put(dpi.url, person(), stay(), *(observation(f"o-{n}") for n in range(PAGE + 5)))
    made = ReadClient(Options(base_url=dpi.url, answer_s=20))
    data = made.fetch("Encounter/7")
    made.close()
    assert len(names(data)) == PAGE + 7


def test_numbers_are_kept_digit_by_digit(dpi: Any) -> None:
    put(dpi.url, person(), stay(), observation())
    made = ReadClient(Options(base_url=dpi.url, answer_s=20))
    assert b'"value":72.50' in made.fetch("Observation/17")
    made.close()


@pytest.mark.parametrize(
    "what",
    [
        "",
        "http://elsewhere.example/Observation/17",
        "//elsewhere.example/Observation/17",
        "file:///etc/passwd",
        "../metadata",
        "Observation/../metadata",
        "Observation/17/_history/1",
        "Condition/1",
        "Observation?x= y",
        "Observation?" + "x" * 2_000,
        "Observation/17#x",
        "$export",
    ],
)
def test_only_a_name_or_a_search_below_the_base_is_ever_fetched(what: str) -> None:
    def nobody(_: httpx2.Request) -> httpx2.Response:
        raise AssertionError("the network was used")

    made = ReadClient(Options(base_url="http://dpi.example/fhir"), httpx2.MockTransport(nobody))
    with pytest.raises(Declined) as refused:
        made.fetch(what)
    assert refused.value.code == "not-fetched"
    made.close()


def answering(answers: dict[str, Any]) -> ReadClient:
    """A client of a server that answers from a table; None is 404."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.method == "GET"
        assert request.url.host == "dpi.example"
        assert request.headers["authorization"] == "Bearer secret"
        path = request.url.raw_path.decode().removeprefix("/fhir/").partition("&_count")[0]
        found = answers.get(path)
        if isinstance(found, httpx2.Response):
            return found
        status = 404 if found is None else 200
        return httpx2.Response(status, content=found if isinstance(found, bytes) else write_exact(found))

    return ReadClient(Options(base_url="http://dpi.example/fhir/", token="secret"), httpx2.MockTransport(answer))


def searchset(*found: Any, next_page: Any = None) -> dict[str, Any]:
    links = [{"relation": "next", "url": next_page}] if next_page is not None else []
    return {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": list(found)}


STAY: dict[str, Any] = {"Encounter/7": stay(), "Patient/9": person()}
SEARCH = "Observation?encounter=Encounter/7"

ODD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "gone": ({}, Declined, "http-404"),
    "forbidden": ({"Encounter/7": httpx2.Response(403)}, Unavailable, "http-403"),
    "busy": ({"Encounter/7": httpx2.Response(429)}, Unavailable, "http-429"),
    "down": ({"Encounter/7": httpx2.Response(502, content=b"<html>")}, Unavailable, "http-502"),
    "elsewhere": (
        {"Encounter/7": httpx2.Response(302, headers={"Location": "http://elsewhere.example/"})},
        Declined,
        "http-302",
    ),
    "another resource": ({"Encounter/7": stay("8")}, Declined, "other-resource"),
    "no resource": ({"Encounter/7": b"[1]"}, Declined, "other-resource"),
    "another type": ({"Encounter/7": person("7")}, Declined, "other-resource"),
    "no patient": ({"Encounter/7": stay(subject={"display": "x"})}, Declined, "no-patient"),
    "a patient elsewhere": (
        {"Encounter/7": stay(subject={"reference": "http://elsewhere.example/fhir/Patient/9"})},
        Declined,
        "no-patient",
    ),
    "no search": (STAY | {SEARCH: observation()}, Declined, "other-resource"),
    "a next page elsewhere": (
        STAY | {SEARCH: searchset(next_page="http://elsewhere.example/fhir?page=2")},
        Declined,
        "next-page-elsewhere",
    ),
    "a next page that is no address": (STAY | {SEARCH: searchset(next_page="a b\n")}, Declined, "next-page-elsewhere"),
    "a next page that is no text": (STAY | {SEARCH: searchset(next_page={"a": 1})}, Declined, "next-page-elsewhere"),
    "a next page that is the same": (STAY | {SEARCH: searchset(next_page=SEARCH)}, Declined, "too-many-pages"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_server_that_answers_oddly_is_declined_or_asked_later(name: str) -> None:
    answers, error, code = ODD[name]
    made = answering(answers)
    with pytest.raises(error) as refused:
        made.fetch("Encounter/7")
    assert refused.value.code == code
    assert "Encounter/7" not in str(refused.value)
    made.close()


def test_entries_that_are_no_matches_are_left_out() -> None:
    entries = [
        {"resource": observation(), "search": {"mode": "match"}},
        {"resource": {"resourceType": "OperationOutcome", "id": "1"}, "search": {"mode": "outcome"}},
        {"resource": person("10"), "search": {"mode": "include"}},
        {"resource": person("11")},
        {"resource": "x"},
        "x",
        {"search": "x", "resource": observation("18")},
    ]
    made = answering(STAY | {SEARCH: searchset(*entries)})
    assert names(made.fetch("Encounter/7")) == ["Patient/9", "Encounter/7", "Observation/17", "Observation/18"]
    made.close()


def test_absolute_references_to_the_server_itself_are_followed() -> None:
    here = stay(subject={"reference": "http://dpi.example/fhir/Patient/9/_history/3"})
    made = answering({"Encounter/7": here, "Patient/9": person(), SEARCH: searchset()})
    assert names(made.fetch("Encounter/7")) == ["Patient/9", "Encounter/7"]
    made.close()


def test_a_search_that_leads_to_too_many_stays_is_declined() -> None:
    found = [{"resource": observation(str(n), encounter={"reference": f"Encounter/{n}"})} for n in range(STAYS_MAX + 1)]
    made = answering({"Observation?status=final": searchset(*found)})
    with pytest.raises(Declined) as refused:
        made.fetch("Observation?status=final")
    assert refused.value.code == "too-many-stays"
    made.close()


def test_nobody_there_is_unavailable() -> None:
    made = ReadClient(Options(base_url="http://127.0.0.1:9/fhir", connect_s=0.5))
    with pytest.raises(Unavailable) as refused:
        made.fetch("Encounter/7")
    assert refused.value.code == "connection"
    made.close()


def test_an_answer_that_drips_is_given_up() -> None:
    class Drip(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield b" "

    made = ReadClient(
        Options(base_url="http://dpi.example/fhir", answer_s=0.05),
        httpx2.MockTransport(lambda _: httpx2.Response(200, stream=Drip())),
    )
    with pytest.raises(Unavailable) as refused:
        made.fetch("Encounter/7")
    assert refused.value.code == "timeout"
    made.close()


def test_an_answer_that_is_too_large_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_adapters.rest.ANSWER_BYTES_MAX", 100)
    made = answering({"Encounter/7": b" " * 101})
    with pytest.raises(Unavailable) as refused:
        made.fetch("Encounter/7")
    assert refused.value.code == "answer-too-large"
    made.close()


def test_the_token_is_in_no_representation() -> None:
    assert "secret" not in repr(Options(base_url="http://x/fhir", token="secret"))


def test_a_line_that_is_cut_is_unavailable(filled: str, proxy: Proxy) -> None:
    made = ReadClient(Options(base_url=proxy.url))
    proxy.cut_gets = 1
    with pytest.raises(Unavailable):
        made.fetch("Encounter/7")
    assert json.loads(made.fetch("Encounter/7"))["entry"]
    made.close()
