"""Bundles at the door: what they become, and what is refused."""

import json
from copy import deepcopy
from typing import Any

import pytest

from fhir_adapters import capability
from fhir_adapters.bundle import ENTRIES_MAX
from fhir_adapters.errors import BadRequest
from fhir_adapters.inbound import arrivals, capability_statement, parse_body, read_bundle, refusal, transaction_response
from fhir_adapters.stays import STAYS_MAX
from fhir_adapters.wire import write_exact
from guarantee.case import CaseKind
from guarantee.ids import digest
from guarantee.unit import Arrival
from tests.fhir.stays import NOW, SHARED, bundle, observation, person, stay, support2

DIGEST = digest(b"the raw bytes")


def taken(body: dict[str, Any]) -> tuple[Arrival, ...]:
    received = read_bundle(parse_body(write_exact(body), "application/fhir+json"))
    return arrivals(received, digest=DIGEST, site="chu", sender="dpi", now=NOW)


def refused(body: dict[str, Any]) -> BadRequest:
    with pytest.raises(BadRequest) as error:
        taken(body)
    assert json.loads(refusal(error.value))["issue"][0]["code"] == error.value.code
    return error.value


# --------------------------------------------------------------------------------------------------- what comes out


@pytest.mark.parametrize("kind", ["transaction", "batch", "collection", "message", "searchset"])
def test_a_stay_becomes_one_arrival_with_the_traits_of_its_patient(kind: str) -> None:
    (arrival,) = taken(bundle(kind=kind))
    assert arrival.kind is CaseKind.RECORD
    assert arrival.uid == "Encounter/7"
    assert arrival.encounter == "Encounter/7"
    assert (arrival.source.kind, arrival.source.group, arrival.source.digest) == ("Bundle", "", DIGEST)
    assert (arrival.site, arrival.sender, arrival.started) == ("chu", "dpi", "2026-11-20T08:12:00+01:00")
    patient = arrival.patient
    assert (patient.identifier, patient.issuer) == ("IPP9", "urn:oid:1.2.250.1.999.1.1")
    assert (patient.name, patient.birth_date, patient.sex) == ("TESTPATIENT^Jeanne Marie", "1955-06-12", "F")
    assert patient.reference == "Patient/9"


def test_the_facts_are_codes_and_never_who_it_is() -> None:
    pressure = observation(
        "18",
        code={"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        component=[{"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}}],
    )
    draft = observation("19", status="preliminary", code={"coding": [{"system": "http://loinc.org", "code": "1-1"}]})
    pressure.pop("valueQuantity")
    (arrival,) = taken(bundle(person(), stay(), observation(), pressure, draft))
    assert arrival.facts == {
        "resourceType": frozenset({"Encounter", "Observation"}),
        "Observation.code": frozenset(
            {"http://loinc.org|8867-4", "http://loinc.org|85354-9", "http://loinc.org|8480-6"}
        ),
        "Encounter.class": frozenset({"IMP"}),
        "PatientSex": frozenset({"F"}),
        "PatientAgeYears": frozenset({"71"}),
    }


def test_the_same_bytes_are_the_same_event_and_other_bytes_another() -> None:
    received = read_bundle(bundle())
    first, again, other = (
        arrivals(received, digest=d, site="s", sender="x", now=NOW)[0] for d in (DIGEST, DIGEST, digest(b"y"))
    )
    assert first == again
    assert first.source.uid != other.source.uid


def test_the_visit_number_names_the_stay_whatever_the_order_of_its_identifiers() -> None:
    numbers = [
        {"system": "urn:x", "value": "1"},
        {
            "system": "urn:oid:1.2.250.1.999.1.7",
            "value": "SEJ42",
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "VN"}]},
        },
    ]
    for identifiers in (numbers, numbers[::-1]):
        (arrival,) = taken(bundle(person(), stay(identifier=identifiers), observation()))
        assert arrival.uid == "urn:oid:1.2.250.1.999.1.7|SEJ42"


def test_without_a_stay_the_patient_names_the_case() -> None:
    alone = observation()
    alone.pop("encounter")
    (arrival,) = taken(bundle(person(), alone))
    assert (arrival.uid, arrival.encounter) == ("urn:oid:1.2.250.1.999.1.1|IPP9", "")


def test_what_says_no_stay_belongs_to_the_patients_only_one() -> None:
    alone = observation("18")
    alone.pop("encounter")
    (arrival,) = taken(bundle(alone, person(), stay(), observation()))
    assert arrival.uid == "Encounter/7"


def test_what_says_no_stay_belongs_to_none_of_several() -> None:
    alone = observation("18")
    alone.pop("encounter")
    found = taken(bundle(person(), stay("7"), stay("8"), alone))
    assert [arrival.uid for arrival in found] == ["Encounter/7", "Encounter/8", "urn:oid:1.2.250.1.999.1.1|IPP9"]


def test_two_stays_of_two_patients_are_two_arrivals_of_the_same_bytes() -> None:
    theirs = observation("18", subject={"reference": "Patient/10"}, encounter={"reference": "Encounter/8"})
    found = taken(bundle(person(), stay(), observation(), person("10"), stay("8", "10"), theirs))
    assert [(a.uid, a.patient.identifier) for a in found] == [("Encounter/7", "IPP9"), ("Encounter/8", "IPP10")]
    assert len({a.source for a in found}) == 1


def test_references_inside_a_transaction_are_followed_by_full_url() -> None:
    body = bundle(kind="transaction")
    names = {"Patient/9": "urn:uuid:1", "Encounter/7": "urn:uuid:2", "Observation/17": "urn:uuid:3"}
    for entry in body["entry"]:
        entry["fullUrl"] = names[f"{entry['resource']['resourceType']}/{entry['resource'].pop('id')}"]
        entry["request"] = {"method": "POST", "url": entry["resource"]["resourceType"]}
    text = write_exact(body)
    for literal, urn in names.items():
        text = text.replace(f'"reference":"{literal}"'.encode(), f'"reference":"{urn}"'.encode())
    received = read_bundle(parse_body(text, "application/fhir+json"))
    (arrival,) = arrivals(received, digest=DIGEST, site="chu", sender="dpi", now=NOW)
    assert (arrival.patient.identifier, arrival.patient.reference) == ("IPP9", "")
    assert arrival.uid == "urn:oid:1.2.250.1.999.1.1|IPP9"


def test_a_patient_known_by_identifier_only_is_taken_with_what_is_known() -> None:
    known = {"identifier": {"system": "urn:oid:1.2.250.1.999.1.1", "value": "IPP9"}}
    (arrival,) = taken(bundle(observation(subject=known)))
    patient = arrival.patient
    assert (patient.identifier, patient.name, patient.birth_date, patient.sex) == ("IPP9", "", "", "")


def test_the_order_is_the_accession_number_of_the_only_order() -> None:
    order = {
        "resourceType": "ServiceRequest",
        "id": "4",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/9"},
        "encounter": {"reference": "Encounter/7"},
        "identifier": [
            {"system": "urn:p", "value": "placer"},
            {
                "system": "urn:a",
                "value": "ACC1",
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]},
            },
        ],
    }
    (arrival,) = taken(bundle(person(), stay(), order))
    assert arrival.order == "ACC1"


def test_a_bundle_of_patients_only_is_no_case() -> None:
    assert taken(bundle(person())) == ()


def test_a_partial_birth_date_is_not_completed() -> None:
    (arrival,) = taken(bundle(person(birthDate="1955-06"), stay(), observation()))
    assert arrival.patient.birth_date == ""
    assert "PatientAgeYears" not in arrival.facts


def test_separators_of_a_dicom_name_become_spaces() -> None:
    (arrival,) = taken(bundle(person(name=[{"family": "D^AB=C", "given": ["É\\L"]}]), stay(), observation()))
    assert arrival.patient.name == "D AB C^É L"


def test_types_that_are_not_read_are_not_judged() -> None:
    odd = {"resourceType": "Condition", "nonsense": True}
    (arrival,) = taken(bundle(odd, person(), stay(), observation()))
    assert arrival.facts["resourceType"] == frozenset({"Encounter", "Observation"})


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data set is not beside this checkout")
def test_every_support2_transaction_is_one_stay() -> None:
    for name in support2():
        data = (SHARED / "fhir" / "support2" / f"{name}.json").read_bytes()
        received = read_bundle(parse_body(data, "application/fhir+json"))
        (arrival,) = arrivals(received, digest=digest(data), site="chu", sender="dpi", now=NOW)
        assert arrival.uid == f"Encounter/{name}-enc"
        assert arrival.patient.identifier == name
        assert transaction_response(received)["entry"][0] == {"response": {"status": "202 Accepted"}}


# -------------------------------------------------------------------------------------------------- what is refused


def _without(name: str) -> dict[str, Any]:
    found = observation()
    found.pop(name)
    return found


def _bundle(**changes: Any) -> dict[str, Any]:
    return bundle() | changes


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "not a bundle": (observation(), 400, "invalid"),
    "no type": ({"resourceType": "Bundle"}, 422, "not-supported"),
    "a document": (_bundle(type="document"), 422, "not-supported"),
    "a history": (_bundle(type="history"), 422, "not-supported"),
    "a type that is a list": (_bundle(type=["batch"]), 422, "not-supported"),
    "entries that are no list": (_bundle(entry={"a": 1}), 400, "structure"),
    "an entry that is no object": (_bundle(entry=[1]), 400, "structure"),
    "a resource that is no object": (_bundle(entry=[{"resource": "x"}]), 400, "structure"),
    "a resource without type": (_bundle(entry=[{"resource": {"id": "1"}}]), 400, "structure"),
    "a fullUrl that is no text": (_bundle(entry=[{"fullUrl": 1, "resource": person()}]), 400, "structure"),
    "too many entries": (_bundle(entry=[{}] * (ENTRIES_MAX + 1)), 413, "too-costly"),
    "too many stays": (bundle(person(), *(stay(str(n)) for n in range(STAYS_MAX + 1))), 413, "too-costly"),
    "a status outside R4": (bundle(person(), stay(), observation(status="zzz")), 400, "code-invalid"),
    "a gender outside R4": (bundle(person(gender="F"), stay()), 400, "code-invalid"),
    "a date that does not exist": (bundle(person(birthDate="2026-02-30"), stay()), 400, "structure"),
    "a time that does not exist": (
        bundle(person(), observation(effectiveDateTime="2026-02-30T10:00:00Z")),
        400,
        "structure",
    ),
    "no code": (bundle(person(), _without("code")), 400, "structure"),
    "an element R4 does not have": (bundle(person(), observation(jeanneTestpatient=1)), 400, "structure"),
    "two values": (bundle(person(), observation(valueString="x")), 400, "structure"),
    "a 100 kB code": (
        bundle(person(), observation(code={"coding": [{"system": "http://loinc.org", "code": "8" * 100_000}]})),
        400,
        "too-long",
    ),
    "a file reference": (
        bundle(person(), observation(subject={"reference": "file:///etc/passwd"})),
        400,
        "value",
    ),
    "a reference that climbs": (bundle(person(), observation(subject={"reference": "../../x"})), 400, "value"),
    "no patient": (bundle(stay(), observation()), 422, "required"),
    "an unreachable patient": (
        bundle(observation(subject={"reference": "http://elsewhere.example/Patient/9"})),
        422,
        "required",
    ),
    "a null": (bundle(person(), observation(encounter=None)), 400, "structure"),
    "a null in a list": (bundle(person(identifier=[None]), observation()), 400, "structure"),
    "no subject at all": (bundle(person(), _without("subject")), 422, "required"),
    "two patients in one stay": (
        bundle(person(), person("10"), stay(), observation(subject={"reference": "Patient/10"})),
        422,
        "business-rule",
    ),
    "a stranger in one stay": (
        bundle(person(), stay(), observation(), observation("18", subject={"reference": "Patient/10"})),
        422,
        "business-rule",
    ),
    "a reference to one with the number of another": (
        bundle(
            person(),
            observation(
                subject={
                    "reference": "Patient/9",
                    "identifier": {"system": "urn:oid:1.2.250.1.999.1.1", "value": "IPP10"},
                }
            ),
        ),
        422,
        "business-rule",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_bundle_is_refused_with_its_reason(name: str) -> None:
    body, status, code = BAD[name]
    error = refused(body)
    assert (error.status, error.code) == (status, code), str(error)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"method": "DELETE", "url": "Observation/17"}, 422),
        ({"method": "GET", "url": "Observation/17"}, 422),
        ({"method": "PUT", "url": "Patient/17"}, 400),
        ({"method": "PUT"}, 400),
        (None, 400),
    ],
)
def test_a_transaction_that_asks_for_more_than_storing_is_refused(request_: Any, status: int) -> None:
    body = bundle(kind="transaction")
    body["entry"][2]["request"] = request_
    assert refused(body).status == status


def test_a_refusal_never_repeats_what_was_sent() -> None:
    secret = "Jeanne Testpatient 255069999999934"
    bodies = [
        bundle(person(birthDate=secret), stay()),
        bundle(person(gender=secret), stay()),
        bundle(person(), observation(**{secret.replace(" ", ""): secret})),
        bundle(person(), observation(subject={"reference": secret})),
        bundle(person(), observation(valueQuantity={"value": secret})),
        {"resourceType": "Bundle", "type": secret},
    ]
    for body in bodies:
        said = str(refused(body)).lower()
        assert not any(part.lower() in said for part in (*secret.split(), secret.replace(" ", "")))


def test_nothing_given_to_the_door_is_changed() -> None:
    body = bundle()
    before = deepcopy(body)
    arrivals(read_bundle(body), digest=DIGEST, site="s", sender="x", now=NOW)
    assert body == before


# ---------------------------------------------------------------------------------------------------------- answers


def test_each_entry_of_a_transaction_is_answered() -> None:
    assert transaction_response(read_bundle(bundle(kind="batch"))) == {
        "resourceType": "Bundle",
        "type": "batch-response",
        "entry": [{"response": {"status": "202 Accepted"}}] * 3,
    }


def test_a_collection_is_answered_with_an_outcome() -> None:
    assert transaction_response(read_bundle(bundle()))["resourceType"] == "OperationOutcome"


def test_the_capability_statement_claims_what_the_door_does_and_no_more() -> None:
    options = capability.Options(base_url="https://ia.example/fhir", version="0.1.0", date="2026-11-21")
    said = capability_statement(options)
    assert said["fhirVersion"] == "4.0.1"
    assert [item["code"] for item in said["rest"][0]["interaction"]] == ["transaction", "batch"]
    assert "resource" not in said["rest"][0]
