"""A patient objects in the record: nothing is computed; a person lifts it; all that is kept of them is taken out."""

import json
from pathlib import Path

import pytest

from fhir_adapters.consents import CODE
from tests.e2e import inputs
from tests.e2e.outside import Outside
from tests.e2e.reader import AtDesk
from tests.e2e.script import DONE, SAID_NO, called, require
from tests.installation import Installation, json_of

pytestmark = [pytest.mark.peer("orthanc"), pytest.mark.peer("sekmet")]

MORTALITY = "hospital-mortality"
BASE = "https://aval.invalid/fhir"
"""Root of our own code systems, as shipped."""


def of_somebody(bundle: Path, stay: int) -> tuple[str, str]:
    """Give the patient of ``bundle`` a number and a resource of their own; return its authority and the number."""
    text = bundle.read_text(encoding="utf-8")
    patient = next(one["resource"] for one in json.loads(text)["entry"] if one["resource"]["resourceType"] == "Patient")
    (number,) = (item for item in patient["identifier"] if item.get("value"))
    theirs = f"{number['value']}-objects-{stay}"
    text = text.replace(f'"{number["value"]}"', f'"{theirs}"')
    # The record would hold two people under one resource, and a search that meets both is refused.
    own = f"{patient['id']}-objects-{stay}"
    text = text.replace(f'"{patient["id"]}"', f'"{own}"').replace(f"Patient/{patient['id']}", f"Patient/{own}")
    bundle.write_text(text, encoding="utf-8")
    return number["system"], theirs


def objecting(bundle: Path, authority: str, number: str) -> bytes:
    """Return the same bundle with an objection of its patient."""
    said = json.loads(bundle.read_text(encoding="utf-8"))
    consent = {
        "resourceType": "Consent",
        "id": "objection",
        "status": "active",
        "scope": {"text": "treatment"},
        "category": [{"coding": [{"system": f"{BASE}/CodeSystem/patient-information", "code": CODE}]}],
        "patient": {"identifier": {"system": authority, "value": number}},
        "policyRule": {"text": "opposition"},
        "provision": {"type": "deny"},
    }
    said["entry"].append({"resource": consent, "request": {"method": "POST", "url": "Consent"}})
    return json.dumps(said).encode()


def test_an_objection_of_the_record_is_honoured_lifted_and_taken_out(
    place: Installation, outside: Outside, tmp_path: Path
) -> None:
    stay = 74 + bool(place.cluster)
    bundle = inputs.stay(tmp_path, stay)
    authority, number = of_somebody(bundle, stay)
    outside.admit(bundle.read_bytes())
    who = ("--authority", authority, "--id", number)
    with AtDesk(place, place.people["dr.martin"]) as martin:
        assert inputs.push(objecting(bundle, authority, number), place.fhir).status_code == 200
        result = martin.draft_of(inputs.stay_case(bundle), MORTALITY, "excluded")
        assert martin.view(result)["line"]["cause"]["code"] == "objection"
        assert "because the patient does not want it to" in martin.web.get(f"/results/{result}").text

        lifted = called("objections", "lift", *who, "--reason", "demande écrite", "--json", folder=place.folder)
        assert result in json_of(require(lifted, DONE))["queued_again"]
        martin.wait_for(result, "awaiting_review")
        again = ("objections", "record", *who, "--reason", "nouveau courrier")
        require(called(*again, folder=place.folder), DONE)
        refused = martin.web.post(f"/api/results/{result}/question")
        assert (refused.status_code, refused.json()["code"]) == (409, "objected")
        require(called("objections", "lift", *who, "--reason", "erreur", folder=place.folder), DONE)
        assert martin.answer(result, martin.open(result)).status_code == 201
        martin.wait_for(result, "delivered")

    taken = ("patients", "export", *who, "--reason", "demande 12", "--out")
    by = lambda login: ("--as", login, "--code", place.people[login].code)  # noqa: E731 - a code lives thirty seconds
    refused_to = called(*taken, str(tmp_path / "no"), *by("dr.martin"), folder=place.folder)
    require(refused_to, SAID_NO, "no data protection officer")
    require(called(*taken, str(tmp_path / "out"), *by("dpo"), folder=place.folder), DONE)
    rows = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "out" / "rows").iterdir()}
    assert [row["id"] for row in rows["results"]] == [result]
    assert [row["word"] for row in rows["objections"]] == ["record", "lift", "record", "lift"]
    assert {row["destination"] for row in rows["deliveries"]} >= {row["destination"] for row in rows["renderings"]}
    held = {path.name.partition(".")[0] for path in (tmp_path / "out" / "objects").iterdir()}
    assert {row["digest"] for row in rows["inputs"]} | {row["package"] for row in rows["renderings"]} <= held
