"""A release reaches the record once, as it was sealed, and nobody else's; what the record holds is looked at.

Tests run against the simulated DPI and against a record system of another hand.
"""

import json
import logging
import uuid
from dataclasses import replace
from decimal import Decimal

import pytest

from bridge.vault import FileVault
from fhir_adapters.report import FhirRenderer
from guarantee.case import CaseKind
from guarantee.errors import Declined
from tests.fhir import samples
from tests.fhir.proxy import REFUSAL, Fault, Proxy
from tests.fhir.releases import released
from tests.fhir.renderings import of_type, resources
from tests.fhir.sending import WEB, Make, fresh, held, reports


def test_a_release_is_held_as_it_was_sent_and_the_receipt_says_where(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault
) -> None:
    original = fresh(informed="not-possible", edits=samples.AMENDED)
    (sent,) = renderer.render(original)
    receipt = make(record).send(released(original, sent, vault))
    places = json.loads(receipt.reference)
    assert receipt.method == "version-id"
    assert receipt.destination == "dpi"
    assert places.keys() == resources(sent).keys()
    for url, resource in resources(sent).items():
        kind, _, rest_of = places[url].partition("/")
        assert kind == resource["resourceType"]
        assert rest_of.endswith("/_history/1")
    (report,) = reports(record, original)
    assert report["conclusion"] == original.content.full_text
    (brain,) = held(record, "Observation", "finding", f"{original.release}.brain")
    assert brain["component"][0]["valueQuantity"]["value"] == Decimal("1400.1")


def test_sending_again_writes_nothing_again(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault, proxy: Proxy
) -> None:
    original = fresh()
    (sent,) = renderer.render(original)
    release = released(original, sent, vault)
    first = make(proxy.url).send(release)
    again = make(proxy.url).send(release)
    assert first.reference == again.reference
    assert proxy.posts == 1
    assert len(reports(record, original)) == 1


def test_the_same_transaction_twice_is_one_object_of_each(record: str, renderer: FhirRenderer) -> None:
    original = fresh(informed="to-do")
    (sent,) = renderer.render(original)
    answers = [WEB.post(record, content=sent.data, headers={"Content-Type": "application/fhir+json"}) for _ in range(2)]
    statuses = [[entry["response"]["status"][:3] for entry in answer.json()["entry"]] for answer in answers]
    assert set(statuses[1]) == {"200"}
    for resource in of_type(sent, "Provenance"):
        tag = resource["meta"]["tag"][0]
        found = WEB.get(f"{record}/Provenance", params={"_tag": f"{tag['system']}|{tag['code']}"})
        assert len(found.json()["entry"]) == 1


def test_a_record_that_changes_a_number_is_found_out(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault, proxy: Proxy
) -> None:
    original = fresh()
    (sent,) = renderer.render(original)
    proxy.edit = lambda path, data: data.replace(b"1412.5", b"1421.5")
    with pytest.raises(Declined) as different:
        make(proxy.url).send(released(original, sent, vault))
    assert different.value.code == "not-as-sent"


def test_a_record_that_shortens_the_text_is_found_out(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault, proxy: Proxy
) -> None:
    original = fresh()
    (sent,) = renderer.render(original)

    def shorten(path: str, data: bytes) -> bytes:
        body = json.loads(data)
        if "conclusion" in body:
            body["conclusion"] = body["conclusion"][:10]
        return json.dumps(body).encode()

    proxy.edit = shorten
    with pytest.raises(Declined, match="conclusion"):
        make(proxy.url).send(released(original, sent, vault))


def test_two_reports_with_our_identifier_are_left_to_a_person(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault
) -> None:
    original = fresh()
    (sent,) = renderer.render(original)
    (report,) = of_type(sent, "DiagnosticReport")
    for name in ("result", "subject", "encounter", "imagingStudy", "basedOn"):
        report.pop(name)
    report["subject"] = {"display": "x"}
    for _ in range(2):
        WEB.post(f"{record}/DiagnosticReport", json=report).raise_for_status()
    with pytest.raises(Declined) as twice:
        make(record).send(released(original, sent, vault))
    assert twice.value.code == "two-matches"


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ({"reference": "Patient/nobody"}, "patient-unknown"),
        ({"identifier": "IPP00099999"}, "other-patient"),
        ({"issuer": "urn:oid:1.2.250.1.999.1.9"}, "other-patient"),
    ],
)
def test_a_reference_that_leads_to_somebody_else_is_not_written_to(
    who: dict[str, str], code: str, record: str, make: Make, renderer: FhirRenderer, vault: FileVault, proxy: Proxy
) -> None:
    patient = replace(samples.PATIENT, **who)
    original = samples.endorsed(case_changes={"number": uuid.uuid4().int, "patient": patient})
    (sent,) = renderer.render(original)
    with pytest.raises(Declined) as refused:
        make(proxy.url).send(released(original, sent, vault))
    assert refused.value.code == code
    assert proxy.posts == 0
    assert not any(part in str(refused.value) for part in ("IPP", "Patient/"))


def test_a_patient_known_by_number_only_is_left_to_the_record(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault
) -> None:
    patient = replace(samples.PATIENT, reference="")
    original = samples.endorsed(case_changes={"number": uuid.uuid4().int, "patient": patient})
    (sent,) = renderer.render(original)
    make(record).send(released(original, sent, vault))
    assert reports(record, original)[0]["subject"]["identifier"]["value"] == "IPP00012345"


def test_a_server_without_transactions_is_not_sent_to(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault, proxy: Proxy
) -> None:
    proxy.answers = {"/fhir/metadata": b'{"resourceType":"CapabilityStatement","rest":[{"mode":"server"}]}'}
    original = fresh()
    (sent,) = renderer.render(original)
    with pytest.raises(Declined) as refused:
        make(proxy.url).send(released(original, sent, vault))
    assert refused.value.code == "no-transaction"
    assert proxy.posts == 0


def test_a_server_that_ignores_the_search_and_answers_something_else_is_not_believed(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault, proxy: Proxy
) -> None:
    (other,) = renderer.render(fresh())
    (report,) = of_type(other, "DiagnosticReport")
    answer = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": report | {"id": "1"}}]}
    proxy.answers = {"/fhir/DiagnosticReport?": json.dumps(answer).encode()}
    original = fresh()
    (sent,) = renderer.render(original)
    make(proxy.url).send(released(original, sent, vault))
    assert len(reports(record, original)) == 1


def test_nothing_of_the_patient_is_in_what_the_sender_logs_or_raises(
    record: str,
    make: Make,
    renderer: FhirRenderer,
    vault: FileVault,
    proxy: Proxy,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="fhir_adapters")
    original = fresh()
    (sent,) = renderer.render(original)
    proxy.faults = [Fault(forward=False, status=400, body=REFUSAL)]
    with pytest.raises(Declined) as refused:
        make(proxy.url).send(released(original, sent, vault))
    said = f"{refused.value} {[r.getMessage() for r in caplog.records if r.name.startswith('fhir_adapters')]}"
    for secret in ("LEFÈVRE", "LEFEVRE", "IPP00012345", "1960-05-15", "123456", original.case.uid):
        assert secret not in said


def test_a_score_from_the_record_reaches_it_too(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault
) -> None:
    original = fresh(CaseKind.RECORD)
    (sent,) = renderer.render(original)
    make(record).send(released(original, sent, vault))
    (report,) = reports(record, original)
    assert report["status"] == "preliminary"


def test_a_finding_with_an_odd_key_is_created_once_and_found(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault, proxy: Proxy
) -> None:
    original = fresh(findings=(samples.finding("a|b, c/é%20$&=+"),))
    (sent,) = renderer.render(original)
    release = released(original, sent, vault)
    proxy.faults = [Fault(forward=True, status=0)]
    make(proxy.url).send(release)
    again = WEB.post(record, content=sent.data, headers={"Content-Type": "application/fhir+json"}).json()
    assert {entry["response"]["status"][:3] for entry in again["entry"]} == {"200"}


def test_only_a_transaction_of_ours_is_ever_sent(
    near: Proxy, make: Make, renderer: FhirRenderer, vault: FileVault
) -> None:
    original = fresh()
    (sent,) = renderer.render(original)
    for data in (b"{", b"{}", b'{"entry":[{"resource":{}}]}', b'{"entry":5}'):
        with pytest.raises(Declined) as refused:
            make(near.url).send(released(original, replace(sent, data=data), vault))
        assert refused.value.code == "not-a-bundle"
    assert near.posts == 0
