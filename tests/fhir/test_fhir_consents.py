"""Objections by FHIR: which Consent is one, whose it is, and what it stops through the door."""

from pathlib import Path
from typing import Any

import pytest

from bridge.flows import intake, objections
from fhir_adapters.bundle import Received
from fhir_adapters.capability import Options
from fhir_adapters.consents import CODE, Heard, heard
from fhir_adapters.door import Door, Sender
from fhir_adapters.errors import BadRequest
from fhir_adapters.inbound import arrivals, parse_body, read_bundle
from fhir_adapters.wire import write_exact
from guarantee.ids import digest
from guarantee.objections import OBJECTION, Word
from guarantee.states import ResultState
from tests.fhir.stays import NOW, bundle, observation, person, stay
from tests.flows.world import World

SYSTEM = "https://aval.example/fhir/CodeSystem/patient-information"
CODES = frozenset({f"{SYSTEM}|{CODE}"})
ISSUER = "urn:oid:1.2.250.1.999.1.1"
CODED = {"coding": [{"system": SYSTEM, "code": CODE}]}


def consent(number: str = "5", **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "id": number,
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]},
        "category": [CODED],
        "patient": {"reference": "Patient/9"},
        "dateTime": "2026-11-20",
        "policyRule": {"text": "opposition"},
        "provision": {"type": "deny"},
    } | changes


def received(*resources: dict[str, Any]) -> Received:
    return read_bundle(parse_body(write_exact(bundle(*resources)), "application/fhir+json"))


def said(*resources: dict[str, Any]) -> Heard:
    return heard(received(*resources), codes=CODES, sender="dpi", now=NOW)


def test_what_an_objection_says() -> None:
    (line,) = said(person(), consent()).recorded
    assert (line.identifier, line.authority, line.word) == ("IPP9", ISSUER, Word.RECORD)
    assert (line.by, line.at) == ("record:dpi", NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"category": [{"text": "none of ours"}], "provision": {"type": "deny", "code": [CODED]}},
        {"category": [{"text": "none of ours"}], "provision": {"type": "deny", "provision": [{"code": [CODED]}]}},
        {"patient": {"identifier": {"system": ISSUER, "value": "IPP9"}}},
    ],
)
def test_it_may_be_coded_and_named_in_each_way_that_r4_has(changes: dict[str, Any]) -> None:
    (line,) = said(person(), consent(**changes)).recorded
    assert line.identifier == "IPP9"


@pytest.mark.parametrize(
    ("changes", "taken_back"),
    [
        ({"category": [{"coding": [{"system": SYSTEM, "code": "research"}]}]}, 0),
        ({"category": [{"coding": [{"system": "urn:other", "code": CODE}]}]}, 0),
        ({"status": "draft"}, 0),
        ({"status": "proposed"}, 0),
        ({"status": "inactive"}, 1),
        ({"status": "entered-in-error"}, 1),
        ({"provision": {"type": "permit"}}, 1),
    ],
)
def test_what_is_no_objection_records_none_and_what_is_taken_back_is_told(
    changes: dict[str, Any], taken_back: int
) -> None:
    assert said(person(), consent(**changes)) == Heard(recorded=(), taken_back=taken_back)


def test_the_same_consent_is_the_same_line_and_a_later_one_is_another() -> None:
    (first,) = said(person(), consent()).recorded
    (again,) = said(person(), stay(), observation(), consent()).recorded
    (later,) = said(person(), consent(dateTime="2026-11-21")).recorded
    named = consent("6", identifier=[{"system": "urn:c", "value": "C1"}])
    assert first.id == again.id
    assert len({first.id, later.id, said(person(), named).recorded[0].id}) == 3


@pytest.mark.parametrize(
    "resources",
    [
        (consent(patient={"reference": "Patient/elsewhere"}),),
        (person(identifier=[]), consent()),
        (person(identifier=[{"value": "IPP9"}]), consent()),
        (consent(patient={"display": "DURAND Anne"}),),
    ],
)
def test_one_that_names_nobody_by_a_number_is_refused(resources: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(BadRequest) as refused:
        said(*resources)
    assert (refused.value.status, refused.value.code) == (422, "required")
    assert "DURAND" not in refused.value.diagnostics


def test_a_consent_is_no_input_of_a_stay() -> None:
    found = received(person(), stay(), observation(), consent())
    (one,) = arrivals(found, digest=digest(b"x"), site="site-1", sender="dpi", now=NOW)
    assert "Consent" not in one.facts["resourceType"]
    assert arrivals(received(person(), consent()), digest=digest(b"x"), site="s", sender="dpi", now=NOW) == ()


def test_through_the_door_it_stops_the_exam_that_comes_with_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    refused: list[tuple[str, str, str]] = []
    door = Door(
        vault=world.vault,
        receive=lambda found: intake.receive(found, store=world.store, clock=world.clock, actor="fhir"),
        note=lambda _: None,
        object_to=lambda lines: objections.hear(lines, store=world.store, clock=world.clock, actor="fhir"),
        turn_away=lambda *told: refused.append(told),
        senders=[Sender(name="dpi")],
        site="site-1",
        statement=Options(base_url="http://aval/fhir", version="1", date="2026-11-22"),
        objection_codes=CODES,
        now=world.clock.now,
    )

    def post(*resources: dict[str, Any]) -> int:
        return door.bundle(write_exact(bundle(*resources)), {"content-type": "application/fhir+json"}, "").status

    assert post(person(), stay(), observation(), consent()) == 200
    world.complete()
    (result,) = world.results()
    assert (result.state, result.cause.code if result.cause else "") == (ResultState.EXCLUDED, OBJECTION)
    assert post(person(), consent(status="inactive")) == 200
    assert [code for _, code, _ in refused] == ["objection-taken-back"]
    assert world.results()[0].state is ResultState.EXCLUDED, "a person lifts it"
    assert post(consent(patient={"reference": "Patient/nobody"})) == 422
    world.engine.dispose()
