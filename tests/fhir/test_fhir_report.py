"""What the resources of a report say: nothing but what was endorsed, about whom, and who answers for it."""

import base64
import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from fhir_adapters.context import person as written_name
from fhir_adapters.report import Options
from guarantee.case import CaseKind, Patient
from guarantee.errors import Malformed
from guarantee.inputs import Coded
from guarantee.opinion import Reason, Verdict
from guarantee.policy import Role
from tests.fhir import samples
from tests.fhir.renderings import of_type, one, render, resources
from tests.fhir.samples import AMENDED, OPTIONS, READER, SECOND, endorsed
from tests.guarantee.samples import prepared_by


def test_the_report_is_preliminary_and_names_who_answers_for_it() -> None:
    original = endorsed()
    report = one(render(original), "DiagnosticReport")
    assert report["status"] == "preliminary"
    assert [label["code"] for label in report["meta"]["security"]] == ["AIAST", "CLINAST"]
    assert report["conclusion"] == original.content.full_text
    assert base64.b64decode(report["presentedForm"][0]["data"]).decode() == original.content.full_text
    assert report["presentedForm"][0]["contentType"] == "text/plain; charset=utf-8"
    (reader,) = report["resultsInterpreter"]
    assert (reader["identifier"]["value"], reader["display"]) == ("810001234567", "Dr Élodie MARTIN")
    assert report["effectiveDateTime"] == "2026-11-21T09:40:00+01:00"
    assert report["issued"] == "2026-11-21T10:15:00.000Z"
    assert report["category"][0]["coding"][0]["code"] == "RAD"
    assert report["code"]["coding"][0]["code"] == "18748-4"
    assert original.content.mention in report["conclusion"]


def test_study_patient_order_and_stay_are_named_and_never_created() -> None:
    sent = render(endorsed())
    report = one(sent, "DiagnosticReport")
    assert report["imagingStudy"][0]["identifier"] == {
        "system": "urn:dicom:uid",
        "value": "urn:oid:1.2.826.0.1.3680043.8.498.1",
    }
    assert report["subject"]["reference"] == "Patient/123456"
    assert report["subject"]["identifier"]["value"] == "IPP00012345"
    assert report["encounter"] == {"reference": "Encounter/778"}
    assert report["basedOn"][0]["identifier"]["value"] == "A20261121-0042"
    assert report["basedOn"][0]["identifier"]["type"]["coding"][0]["code"] == "ACSN"
    created = {resource["resourceType"] for resource in resources(sent).values()}
    assert created == {"Device", "Observation", "DiagnosticReport", "Provenance", "Communication"}


def test_a_finding_has_its_presence_measures_and_model() -> None:
    sent = render(endorsed(findings=(samples.finding(laterality=Coded(code="7771000", scheme="SCT", meaning="Left")),)))
    brain = one(sent, "Observation")
    assert (brain["status"], brain["valueCodeableConcept"]["coding"][0]["code"]) == ("preliminary", "52101004")
    volume, score, threshold, side = brain["component"]
    assert volume["valueQuantity"] == {
        "value": Decimal("1412.50"),
        "unit": "mL",
        "system": "http://unitsofmeasure.org",
        "code": "mL",
    }
    assert (score["valueQuantity"]["value"], threshold["valueQuantity"]["value"]) == (Decimal("0.83"), Decimal("0.50"))
    assert side["valueCodeableConcept"]["coding"][0]["code"] == "7771000"
    assert brain["bodySite"]["coding"][0]["code"] == "69536005"
    assert resources(sent)[brain["device"]["reference"]]["resourceType"] == "Device"


def test_what_a_reader_added_is_not_said_to_come_from_a_machine() -> None:
    sent = render(endorsed(edits=AMENDED))
    brain, cyst, bleed = of_type(sent, "Observation")
    assert [label["code"] for label in brain["meta"]["security"]] == ["AIAST", "CLINAST"]
    assert brain["note"][0]["text"] == "Corrigé par le clinicien."
    assert [label["code"] for label in cyst["meta"]["security"]] == ["CLINAST"]
    assert "device" not in cyst
    assert bleed["valueCodeableConcept"]["coding"][0]["code"] == "272519000"
    generation, validation = of_type(sent, "Provenance")
    by_url = {url: resource for url, resource in resources(sent).items() if resource["resourceType"] == "Observation"}
    generated = {target["reference"] for target in generation["target"]}
    validated = {target["reference"] for target in validation["target"]}
    assert [
        resource["identifier"][0]["value"].rpartition(".")[2] for url, resource in by_url.items() if url in generated
    ] == ["brain"]
    assert by_url.keys() <= validated


def test_a_score_whose_number_has_its_own_code_says_its_presence_beside_it() -> None:
    sent = render(endorsed(CaseKind.RECORD))
    risk = one(sent, "Observation")
    assert "valueCodeableConcept" not in risk
    assert [item["code"]["coding"][0]["code"] for item in risk["component"]] == ["705057003", "hospital-mortality"]
    assert risk["derivedFrom"] == [{"reference": "Observation/17"}]
    assert risk["effectiveDateTime"] == "2026-11-21T07:15:00.000Z"
    report = one(sent, "DiagnosticReport")
    assert "imagingStudy" not in report
    assert "basedOn" not in report
    assert report["code"]["coding"][0]["code"] == "51848-0"


def test_two_people_who_endorsed_are_both_named() -> None:
    sent = render(endorsed(readers=(READER, SECOND)))
    _, validation = of_type(sent, "Provenance")
    verifiers = [
        a["who"]["identifier"]["value"] for a in validation["agent"] if a["type"]["coding"][0]["code"] == "verifier"
    ]
    assert sorted(verifiers) == ["810001234567", "810007654321"]
    assert validation["agent"][0]["onBehalfOf"]["identifier"]["value"] == "1010000001"


def test_a_learner_whose_text_was_cosigned_is_an_attester_and_one_who_was_overruled_is_not_named() -> None:
    original = endorsed()
    learner = replace(READER, login="interne", name="NOVICE^Zoé", professional_id="810009999999", role=Role.LEARNER)
    cosigned = replace(original, preparation=prepared_by(learner, original.opinions[0]))
    _, validation = of_type(render(cosigned), "Provenance")
    parts = [(a["type"]["coding"][0]["code"], a["who"].get("identifier", {}).get("value")) for a in validation["agent"]]
    assert parts[:2] == [("verifier", "810001234567"), ("attester", "810009999999")]
    overruled = prepared_by(learner, original.opinions[0], verdict=Verdict.REJECT, content=None, reason=Reason.WORDING)
    assert "810009999999" not in json.dumps([*resources(render(replace(original, preparation=overruled)))])


def test_provenance_names_draft_and_content_by_digest() -> None:
    original = endorsed(edits=AMENDED)
    assert original.decision.shown != original.content.digest
    for provenance in of_type(render(original), "Provenance"):
        named = {e["what"].get("identifier", {}).get("system", "").rpartition("/")[2]: e for e in provenance["entity"]}
        assert named["draft-sha256"]["what"]["identifier"]["value"] == original.decision.shown
    assert named["content-sha256"]["what"]["identifier"]["value"] == original.content.digest
    assert named["draft-sha256"]["role"] == "revision"
    assert provenance["activity"]["coding"][0]["code"] == "AU"


def test_every_entry_is_created_only_once_and_refers_inside_the_bundle() -> None:
    sent = render(endorsed(informed="not-possible"))
    bundle = json.loads(sent.data)
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    for entry in bundle["entry"]:
        assert entry["request"]["method"] == "POST"
        assert re.fullmatch(
            r"(identifier|_tag)=https://aval\.example/fhir/sid/[a-z0-9-]+\|\S+", entry["request"]["ifNoneExist"]
        )
    inside = set(re.findall(rb'"reference":"(urn:uuid:[^"]+)"', sent.data))
    assert inside <= {url.encode() for url in urls}


@pytest.mark.parametrize(
    ("answer", "communication", "flag"),
    [("yes", "completed", None), ("to-do", None, "active"), ("not-possible", "not-done", "active")],
)
def test_informing_the_patient_is_evidence_or_a_reminder(
    answer: str, communication: str | None, flag: str | None
) -> None:
    sent = render(endorsed(informed=answer))
    assert [r["status"] for r in of_type(sent, "Communication")] == ([communication] if communication else [])
    assert [r["status"] for r in of_type(sent, "Flag")] == ([flag] if flag else [])
    for told in of_type(sent, "Communication"):
        assert told["recipient"][0]["reference"] == "Patient/123456"
        assert ("statusReason" in told) == (answer == "not-possible")


def test_texts_follow_the_language_of_the_report() -> None:
    report = one(render(endorsed(language="en-GB")), "DiagnosticReport")
    assert report["presentedForm"][0]["title"] == "AI result endorsed by a clinician – preliminary report"
    assert one(render(endorsed(language="en-GB")), "Observation")["code"]["text"] == "Brain"


def test_markup_in_a_text_stays_text() -> None:
    report = one(render(endorsed(report="<script>alert(1)</script> & co")), "DiagnosticReport")
    assert "<script" not in report["text"]["div"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in report["text"]["div"]
    assert report["conclusion"].startswith("<script>")


@pytest.mark.parametrize(
    ("started", "expected"),
    [
        ("2026-11-21", "2026-11-21"),
        ("2026-07-01T09:40:00", "2026-07-01T09:40:00+02:00"),
        ("2026-11-21T09:40:00Z", "2026-11-21T09:40:00+00:00"),
        ("2026-11-21T09:40:00.5+01:00", "2026-11-21T09:40:00+01:00"),
        ("", "2026-11-21T10:15:00.000Z"),
        ("yesterday", "2026-11-21T10:15:00.000Z"),
    ],
)
def test_the_time_of_the_study_is_the_sites_own(started: str, expected: str) -> None:
    report = one(render(endorsed(case_changes={"started": started})), "DiagnosticReport")
    assert report["effectiveDateTime"] == expected


def patient(**changes: Any) -> Patient:
    return replace(samples.PATIENT, **changes)


@pytest.mark.parametrize(
    ("who", "options", "expected"),
    [
        (
            patient(reference=""),
            OPTIONS,
            {"type": "Patient", "identifier": {"system": "urn:oid:1.2.250.1.999.1.1", "value": "IPP00012345"}},
        ),
        (
            patient(reference="", issuer="CHU-X"),
            replace(OPTIONS, issuers=(("CHU-X", "urn:oid:1.2.3"),)),
            {"type": "Patient", "identifier": {"system": "urn:oid:1.2.3", "value": "IPP00012345"}},
        ),
        (
            patient(reference="", issuer=""),
            OPTIONS,
            {"type": "Patient", "identifier": {"system": "urn:oid:1.2.250.1.999.1.1", "value": "IPP00012345"}},
        ),
        (patient(issuer="CHU-X"), OPTIONS, {"reference": "Patient/123456", "type": "Patient"}),
        (
            patient(reference="", issuer="CHU X"),
            OPTIONS,
            {
                "type": "Patient",
                "identifier": {"system": f"{OPTIONS.base}/sid/patient-of/CHU%20X", "value": "IPP00012345"},
            },
        ),
    ],
)
def test_the_patient_is_named_by_reference_and_by_a_number_whose_issuer_is_known(
    who: Patient, options: Options, expected: dict[str, Any]
) -> None:
    assert one(render(endorsed(case_changes={"patient": who}), options), "DiagnosticReport")["subject"] == expected


@pytest.mark.parametrize(
    "who", [patient(reference="", issuer=""), patient(reference="http://x/Patient/1", identifier="")]
)
def test_a_patient_who_cannot_be_named_is_not_written_to(who: Patient) -> None:
    with pytest.raises(Malformed, match="issuer") as refused:
        render(endorsed(case_changes={"patient": who}), replace(OPTIONS, patient_system=""))
    assert "IPP00012345" not in str(refused.value)


@pytest.mark.parametrize(
    "base", ["aval.example", "https://aval.example/", "https://aval.example/a b", "https://x/?a=1"]
)
def test_a_base_that_identifiers_cannot_be_built_on_is_refused(base: str) -> None:
    with pytest.raises(Malformed):
        replace(OPTIONS, base=base)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MARTIN^Élodie^^Dr", "Dr Élodie MARTIN"),
        ("MARTIN", "MARTIN"),
        ("", ""),
        ("DE LA TOUR^Jean^Paul^Pr^PhD", "Pr Jean Paul DE LA TOUR PhD"),
        ("YAMADA^Tarou=山田^太郎", "Tarou YAMADA"),
    ],
)
def test_a_dicom_name_is_written_as_people_write_it(name: str, expected: str) -> None:
    assert written_name(name) == expected
