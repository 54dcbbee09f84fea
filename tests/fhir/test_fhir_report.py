"""Endorsed content as FHIR: the same bytes each time, numbers to their last digit, nothing but what was endorsed."""

import base64
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_adapters.context import person as written_name
from fhir_adapters.report import FhirRenderer, Options
from fhir_adapters.withdrawal import MARKED
from guarantee.agreement import disagreement
from guarantee.case import CaseKind, Patient
from guarantee.content import Content, Presence
from guarantee.errors import Malformed
from guarantee.inputs import Coded
from guarantee.ports import Endorsed, Rendered
from guarantee.release import WithdrawalReason
from tests.fhir import samples
from tests.fhir.renderings import of_type, resources
from tests.fhir.samples import AMENDED, OPTIONS, READER, SECOND, T0, endorsed
from tests.fhir.withdrawals import withdrawn

STUDY, RECORD = CaseKind.STUDY, CaseKind.RECORD


def render(original: Endorsed, options: Options = OPTIONS) -> Rendered:
    (sent,) = FhirRenderer(options, lambda _: b"").render(original)
    return sent


def take_back(
    original: Endorsed,
    sent: Rendered,
    reference: str = "",
    reason: WithdrawalReason = WithdrawalReason.WRONG_PATIENT,
) -> Rendered:
    renderer = FhirRenderer(OPTIONS, lambda _: sent.data)
    (word,) = renderer.render_withdrawal(withdrawn(original, sent, reference, reason))
    return word


def disagrees(sent: Rendered, content: Content) -> str | None:
    return disagreement(FhirRenderer(OPTIONS, lambda _: b"").read_back([sent]), content)


VARIETIES: dict[str, Callable[[], Endorsed]] = {
    "a study": endorsed,
    "an amended study": lambda: endorsed(edits=AMENDED, informed="to-do"),
    "two readers": lambda: endorsed(readers=(READER, SECOND), informed="not-possible"),
    "a score": lambda: endorsed(RECORD),
    "no findings": lambda: endorsed(findings=()),
    "a negative": lambda: endorsed(findings=(samples.finding(presence=Presence.ABSENT, quantities=()),)),
    "in English": lambda: endorsed(language="en-GB"),
    "an odd key": lambda: endorsed(findings=(samples.finding("a|b, c/é%20$"),)),
    "a side": lambda: endorsed(
        findings=(samples.finding(laterality=Coded(code="7771000", scheme="SCT", meaning="Left")),)
    ),
}


@pytest.mark.parametrize("name", VARIETIES)
def test_what_is_rendered_says_what_was_endorsed(name: str) -> None:
    original = VARIETIES[name]()
    assert disagrees(render(original), original.content) is None


@pytest.mark.parametrize("name", VARIETIES)
def test_the_same_release_gives_the_same_bytes(name: str) -> None:
    assert render(VARIETIES[name]()).data == render(VARIETIES[name]()).data


def test_another_process_with_other_hashes_gives_the_same_bytes() -> None:
    code = (
        "from tests.fhir.samples import *; from fhir_adapters.report import FhirRenderer; import sys;"
        "sys.stdout.buffer.write(FhirRenderer(OPTIONS, None).render(endorsed(edits=AMENDED, informed='to-do'))[0].data)"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, check=True, stdout=subprocess.PIPE
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert (
        disagrees(Rendered(name="b", media_type="", uid="", data=found.pop()), endorsed(edits=AMENDED).content) is None
    )


def mutants(data: bytes) -> Iterator[tuple[str, bytes]]:
    """One change each in what a reader answers for."""
    yield "number", data.replace(b'"value":1412.50', b'"value":1412.51')
    yield (
        "unit",
        data.replace(b'"unit":"mL","system":"http://unitsofmeasure.org","code":"mL"', b'"unit":"mL","code":"L"'),
    )
    yield "presence", data.replace(b'"52101004"', b'"272519000"')
    yield "type", data.replace(b'"12738006"', b'"12738007"')
    yield "key", data.replace(b'.brain"', b'.brian"')
    yield "digest", re.sub(rb'(content-sha256","value":")([0-9a-f]{8})', rb"\g<1>00000000", data)


@pytest.mark.parametrize("name", [name for name, _ in mutants(b"")])
def test_one_changed_detail_is_noticed(name: str) -> None:
    original = endorsed()
    sent = render(original)
    changed = dict(mutants(sent.data))[name]
    assert changed != sent.data
    assert disagrees(replace(sent, data=changed), original.content)


@pytest.mark.parametrize("part", ["conclusion", "presentedForm"])
def test_a_changed_text_is_noticed(part: str) -> None:
    original = endorsed()
    bundle = json.loads(render(original).data)
    (report,) = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "DiagnosticReport"]
    if part == "conclusion":
        report["conclusion"] += "."
    else:
        report["presentedForm"][0]["data"] = base64.b64encode(b"normal").decode()
    with pytest.raises(Malformed):
        disagrees(replace(render(original), data=json.dumps(bundle).encode()), original.content)


@pytest.mark.parametrize("data", [b"{", b"{}", b'{"resourceType":"Bundle","entry":[]}', b'{"entry":[{"resource":1}]}'])
def test_bytes_that_are_not_ours_are_not_read_back(data: bytes) -> None:
    with pytest.raises(Malformed):
        FhirRenderer(OPTIONS, lambda _: b"").read_back([replace(render(endorsed()), data=data)])


def test_a_package_is_one_bundle() -> None:
    sent = render(endorsed())
    with pytest.raises(Malformed):
        FhirRenderer(OPTIONS, lambda _: b"").read_back([sent, sent])


@settings(max_examples=50, deadline=None)
@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**6), max_value=10**6, places=6),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=60).filter(str.strip),
    st.sampled_from(Presence),
)
def test_any_number_text_and_presence_come_back(value: Decimal, text: str, presence: Presence) -> None:
    one = samples.finding(presence=presence)
    number = replace(one.quantities[0], value=value)
    original = endorsed(findings=(replace(one, quantities=(number, number)),), report=text)
    assert disagrees(render(original), original.content) is None


def test_trailing_zeros_leave_as_they_were_endorsed() -> None:
    sent = render(endorsed())
    assert b'"value":1412.50,' in sent.data
    assert b'"value":0.50,' in sent.data


# -------------------------------------------------------------------------------------------- what the resources say


def one(sent: Rendered, kind: str) -> dict[str, Any]:
    (found,) = of_type(sent, kind)
    return found


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
    sent = render(endorsed(RECORD))
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


# ------------------------------------------------------------------------------------------------------- withdrawal


def places_of(sent: Rendered) -> dict[str, str]:
    return {url: f"{r['resourceType']}/{n}/_history/3" for n, (url, r) in enumerate(resources(sent).items(), start=10)}


def test_a_withdrawal_updates_exactly_the_versions_that_were_written() -> None:
    original = endorsed(informed="not-possible", edits=AMENDED)
    sent = render(original)
    word = json.loads(take_back(original, sent, json.dumps(places_of(sent))).data)
    *marked, provenance = word["entry"]
    for entry in marked:
        place = places_of(sent)[entry["fullUrl"]].partition("/_history")[0]
        assert entry["request"] == {"method": "PUT", "url": place, "ifMatch": 'W/"3"'}
        assert entry["resource"]["id"] == place.partition("/")[2]
        assert entry["resource"]["status"] == "entered-in-error"
    assert {e["resource"]["resourceType"] for e in marked} == set(MARKED)
    assert len(marked) == 6
    assert provenance["resource"]["activity"]["coding"][0]["code"] == "NULLIFY"
    named = {target["reference"] for target in provenance["resource"]["target"]}
    assert named == {places_of(sent)[e["fullUrl"]].partition("/_history")[0] for e in marked}


def test_a_withdrawal_without_a_receipt_is_conditional_on_our_identifiers() -> None:
    original = endorsed(informed="to-do")
    sent = render(original)
    before = {e["fullUrl"]: e["request"]["ifNoneExist"] for e in json.loads(sent.data)["entry"]}
    *marked, _ = json.loads(take_back(original, sent).data)["entry"]
    for entry in marked:
        url = f"{entry['resource']['resourceType']}?{before[entry['fullUrl']]}"
        assert entry["request"] == {"method": "PUT", "url": url}
        assert "id" not in entry["resource"]


def test_a_withdrawn_resource_says_why_and_no_longer_says_what() -> None:
    original = endorsed(edits=AMENDED, informed="yes")
    word = take_back(original, render(original))
    report = one(word, "DiagnosticReport")
    assert report["conclusion"] == (
        "RÉSULTAT D'IA RETIRÉ. Ne pas en tenir compte. Mauvais patient : "
        "Examen d'un autre patient <à vérifier> (dr.martin, 2026-11-21)"
    )
    assert "&lt;à vérifier&gt;" in report["text"]["div"]
    text = word.data.decode()
    for gone in ("1400.10", "corrigé", "presentedForm", "valueCodeableConcept", '"component"', "contentString"):
        assert gone not in text


@pytest.mark.parametrize("reason", WithdrawalReason)
def test_every_reason_has_words_in_both_languages(reason: WithdrawalReason) -> None:
    for language in ("fr-FR", "en-GB"):
        original = endorsed(language=language)
        sent = render(original)
        word = take_back(original, sent, reason=reason)
        assert one(word, "DiagnosticReport")["status"] == "entered-in-error"


def test_a_withdrawal_is_the_same_bytes_each_time_and_has_its_own_identifier() -> None:
    original = endorsed()
    sent = render(original)
    assert take_back(original, sent) == take_back(original, sent)
    assert take_back(original, sent).uid != sent.uid


@pytest.mark.parametrize("reference", ["{", "[]", '{"a": 1}'])
def test_a_receipt_that_is_not_ours_is_not_guessed_at(reference: str) -> None:
    original = endorsed()
    with pytest.raises(Malformed):
        take_back(original, render(original), reference)


def test_the_withdrawal_is_dated_by_its_notice() -> None:
    original = endorsed()
    assert T0.hour == 10
    assert one(take_back(original, render(original)), "Provenance")["recorded"] == "2026-11-21T11:15:00.000Z"
