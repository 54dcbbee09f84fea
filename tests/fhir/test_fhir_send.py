"""A release reaches the record once, whatever happens on the way; and is taken back the same way.

Tests run against the simulated DPI and against a record system of another hand, the long lists of faults against ours.
"""

import json
import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from bridge.demo.dpi import SimulatedDpi
from bridge.vault import FileVault
from fhir_adapters import client, rest
from fhir_adapters.client import DpiDestination
from fhir_adapters.report import FhirRenderer
from fhir_adapters.wire import write_exact
from guarantee.case import CaseKind
from guarantee.errors import Declined, Unavailable
from guarantee.ports import Clock, Endorsed, Rendered
from guarantee.release import Receipt
from tests.fhir import samples
from tests.fhir.proxy import REFUSAL, Fault, Proxy
from tests.fhir.releases import released
from tests.fhir.renderings import of_type, resources
from tests.fhir.withdrawals import released_withdrawal, withdrawn

Make = Callable[..., DpiDestination]

WEB = httpx2.Client(trust_env=False, verify=False, timeout=20)
"""Looks at the record system behind the sender's back."""


@pytest.fixture(scope="module", autouse=True)
def web() -> Iterator[None]:
    yield
    WEB.close()


@pytest.fixture
def make(vault: FileVault, clock: Clock) -> Iterator[Make]:
    """Make destinations that are closed at the end."""
    made = []

    def destination(url: str, answer_s: float = 20.0) -> DpiDestination:
        options = client.Options(name="dpi", server=rest.Options(base_url=url, answer_s=answer_s))
        made.append(DpiDestination(options, vault, clock))
        return made[-1]

    yield destination
    for one in made:
        one.close()


@pytest.fixture
def renderer(vault: FileVault) -> FhirRenderer:
    return FhirRenderer(samples.OPTIONS, vault.get)


def fresh(kind: CaseKind = CaseKind.STUDY, **more: Any) -> Endorsed:
    """Return a release that no server has seen: the session's server keeps what earlier tests sent."""
    return samples.endorsed(kind, case_changes={"number": uuid.uuid4().int}, **more)


def held(url: str, kind: str, system: str, value: str) -> list[dict[str, Any]]:
    answer = WEB.get(f"{url}/{kind}", params={"identifier": f"{samples.BASE}/sid/{system}|{value}"})
    body = json.loads(answer.content, parse_float=Decimal)
    return [entry["resource"] for entry in body.get("entry", ())]


def reports(url: str, original: Endorsed) -> list[dict[str, Any]]:
    return held(url, "DiagnosticReport", "result", original.release)


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


@pytest.mark.parametrize(
    "fault",
    [
        Fault(forward=True, status=0),
        Fault(forward=True, status=500),
        Fault(forward=True, status=504, body=b"<html>gateway</html>"),
        Fault(forward=True, status=409),
        Fault(forward=True, status=412),
        Fault(forward=True, status=200),
        Fault(forward=True, status=200, body=b"not json"),
    ],
    ids=lambda fault: f"{fault.status}-{fault.body[:4].decode()}",
)
def test_a_lost_or_odd_answer_to_a_transaction_that_was_taken_is_a_receipt_without_sending_again(
    fault: Fault, make: Make, renderer: FhirRenderer, vault: FileVault, near: Proxy
) -> None:
    original = fresh()
    (sent,) = renderer.render(original)
    near.faults = [fault]
    receipt = make(near.url).send(released(original, sent, vault))
    assert len(json.loads(receipt.reference)) == len(resources(sent))
    assert near.posts == 1
    assert len(reports(near.target, original)) == 1


@pytest.mark.parametrize(("said", "asked_s"), [("40", 40.0), ("Fri, 27 Nov 2026 10:00:00 GMT", 0.0), ("1" * 30, 0.0)])
def test_how_long_the_record_asks_to_be_left_alone_is_heard(
    said: str, asked_s: float, make: Make, renderer: FhirRenderer, vault: FileVault, near: Proxy
) -> None:
    original = fresh()
    (sent,) = renderer.render(original)
    release = released(original, sent, vault)
    near.faults = [Fault(forward=False, status=429, headers={"Retry-After": said})]
    with pytest.raises(Unavailable) as refused:
        make(near.url).send(release)
    assert refused.value.asked_s == asked_s


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (Fault(forward=False, status=0), Unavailable, "connection"),
        (Fault(forward=False, status=500), Unavailable, "http-500"),
        (Fault(forward=False, status=503), Unavailable, "http-503"),
        (Fault(forward=False, status=429), Unavailable, "http-429"),
        (Fault(forward=False, status=401), Unavailable, "http-401"),
        (Fault(forward=False, status=409), Unavailable, "conflict"),
        (Fault(forward=False, status=412), Declined, "edited-at-record"),
        (Fault(forward=False, status=400, body=REFUSAL), Declined, "http-400"),
        (Fault(forward=False, status=422, body=b"<html>"), Declined, "http-422"),
        (Fault(forward=False, status=302, headers={"Location": "http://127.0.0.1:1/"}), Declined, "http-302"),
        (Fault(forward=False, status=200), Declined, "no-response"),
        (Fault(forward=False, status=200, body=b""), Declined, "no-response"),
    ],
    ids=lambda value: f"{value.status}" if isinstance(value, Fault) else None,
)
def test_a_transaction_that_was_not_taken_is_retried_later_or_declined_and_never_confirmed(
    fault: Fault,
    error: type[Exception],
    code: str,
    make: Make,
    renderer: FhirRenderer,
    vault: FileVault,
    near: Proxy,
) -> None:
    original = fresh()
    (sent,) = renderer.render(original)
    release = released(original, sent, vault)
    near.faults = [fault]
    with pytest.raises(error) as refused:
        make(near.url).send(release)
    assert refused.value.code == code
    assert "LEFEVRE" not in str(refused.value)
    assert reports(near.target, original) == []
    make(near.url).send(release)
    assert len(reports(near.target, original)) == 1


def test_a_refusal_is_told_in_codes_and_element_names(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault, proxy: Proxy
) -> None:
    original = fresh()
    (sent,) = renderer.render(original)
    proxy.faults = [Fault(forward=False, status=400, body=REFUSAL)]
    with pytest.raises(Declined, match=r"invariant, Bundle\.entry\[3\]\.resource"):
        make(proxy.url).send(released(original, sent, vault))


def test_silence_is_not_a_refusal(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault, proxy: Proxy
) -> None:
    original = fresh()
    (sent,) = renderer.render(original)
    proxy.faults = [Fault(forward=False, status=200, silent_s=5.0)]
    with pytest.raises(Unavailable) as late:
        make(proxy.url, answer_s=0.4).send(released(original, sent, vault))
    assert late.value.code == "timeout"


def test_a_line_cut_while_reading_back_leaves_the_rest_to_the_next_attempt(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault, proxy: Proxy
) -> None:
    original = fresh()
    (sent,) = renderer.render(original)
    release = released(original, sent, vault)
    proxy.faults = [Fault(forward=True, status=0)]
    destination = make(proxy.url)
    destination._server.get("metadata")
    destination._transacts = True

    def cut_after_the_post(path: str, data: bytes) -> bytes:
        proxy.cut_gets = 1 if proxy.posts else 0
        return data

    proxy.edit = cut_after_the_post
    with pytest.raises(Unavailable):
        destination.send(release)
    proxy.edit, proxy.cut_gets = None, 0
    destination.send(release)
    assert proxy.posts == 1
    assert len(reports(record, original)) == 1


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


# ------------------------------------------------------------------------------------------------------- withdrawal


def sent_and_withdrawn(
    original: Endorsed, renderer: FhirRenderer, vault: FileVault, receipt: Receipt | None, sent: Rendered
) -> tuple[Any, Rendered]:
    vault.put(sent.data)
    taken = withdrawn(original, sent, receipt.reference if receipt else "")
    (word,) = renderer.render_withdrawal(taken)
    return released_withdrawal(taken, word, vault), word


def test_a_withdrawal_marks_everything_and_takes_the_content_out(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault
) -> None:
    original = fresh(informed="not-possible", edits=samples.AMENDED)
    (sent,) = renderer.render(original)
    destination = make(record)
    receipt = destination.send(released(original, sent, vault))
    release, _ = sent_and_withdrawn(original, renderer, vault, receipt, sent)
    proof = destination.send(release)
    for url, place in json.loads(receipt.reference).items():
        body = WEB.get(f"{record}/{place.partition('/_history')[0]}").json()
        if body["resourceType"] in {"DiagnosticReport", "Observation", "Communication", "Flag"}:
            assert body["status"] == "entered-in-error", body["resourceType"]
            assert body["meta"]["versionId"] == "2"
            assert json.loads(proof.reference)[url].endswith("/_history/2")
            assert "1400.1" not in json.dumps(body)
    (report,) = reports(record, original)
    assert report["conclusion"].startswith("RÉSULTAT D'IA RETIRÉ")
    assert "presentedForm" not in report


def test_a_withdrawal_sent_again_writes_nothing_again(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault, proxy: Proxy
) -> None:
    original = fresh(informed="to-do")
    (sent,) = renderer.render(original)
    destination = make(proxy.url)
    receipt = destination.send(released(original, sent, vault))
    release, _ = sent_and_withdrawn(original, renderer, vault, receipt, sent)
    proxy.faults = [Fault(forward=True, status=0)]
    first = destination.send(release)
    assert destination.send(release).reference == first.reference
    assert proxy.posts == 2


def test_a_withdrawal_without_a_receipt_finds_what_was_sent_by_its_identifiers(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault
) -> None:
    original = fresh(informed="to-do")
    (sent,) = renderer.render(original)
    destination = make(record)
    destination.send(released(original, sent, vault))
    release, _ = sent_and_withdrawn(original, renderer, vault, None, sent)
    first = destination.send(release)
    assert destination.send(release).reference == first.reference
    (report,) = reports(record, original)
    assert (report["status"], report["meta"]["versionId"]) == ("entered-in-error", "2")
    (brain,) = held(record, "Observation", "finding", f"{original.release}.brain")
    assert brain["status"] == "entered-in-error"
    assert report["result"] == [{"reference": f"Observation/{brain['id']}"}]


def test_a_transaction_that_arrives_after_its_withdrawal_creates_nothing(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault
) -> None:
    original = fresh(informed="to-do")
    (sent,) = renderer.render(original)
    release, _ = sent_and_withdrawn(original, renderer, vault, None, sent)
    make(record).send(release)
    WEB.post(record, content=sent.data, headers={"Content-Type": "application/fhir+json"})
    (report,) = reports(record, original)
    assert report["status"] == "entered-in-error"
    with pytest.raises(Declined):
        make(record).send(released(original, sent, vault))


def test_a_report_that_somebody_edited_is_not_overwritten(
    record: str, make: Make, renderer: FhirRenderer, vault: FileVault
) -> None:
    original = fresh()
    (sent,) = renderer.render(original)
    destination = make(record)
    receipt = destination.send(released(original, sent, vault))
    (report,) = reports(record, original)
    edited = json.loads(json.dumps(report, default=float)) | {"status": "final"}
    WEB.put(f"{record}/DiagnosticReport/{report['id']}", json=edited).raise_for_status()
    release, _ = sent_and_withdrawn(original, renderer, vault, receipt, sent)
    with pytest.raises(Declined) as refused:
        destination.send(release)
    assert refused.value.code == "edited-at-record"
    (report,) = reports(record, original)
    assert report["status"] == "final"
    (brain,) = held(record, "Observation", "finding", f"{original.release}.brain")
    assert brain["status"] == "preliminary"


# ------------------------------------------------------------------------------------------- the record system's life


def test_a_record_that_is_killed_and_comes_back_holds_it_once(
    sekmet: Any, make: Make, renderer: FhirRenderer, vault: FileVault
) -> None:
    original = fresh()
    (sent,) = renderer.render(original)
    release = released(original, sent, vault)
    destination = make(sekmet.url)
    sekmet.kill()
    with pytest.raises(Unavailable) as down:
        destination.send(release)
    assert down.value.code == "connection"
    sekmet.restart()
    destination.send(release)
    sekmet.kill()
    sekmet.restart()
    destination.send(release)
    assert len(reports(sekmet.url, original)) == 1


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


@pytest.mark.parametrize("entries", [0, 1, 7, 8])
def test_an_answer_that_does_not_account_for_every_entry_is_looked_behind(
    entries: int, near: Proxy, make: Make, renderer: FhirRenderer, vault: FileVault
) -> None:
    original = fresh()
    (sent,) = renderer.render(original)
    assert len(resources(sent)) == 7
    release = released(original, sent, vault)
    odd = write_exact(partial(entries))
    near.faults = [Fault(forward=False, status=200, body=odd), Fault(forward=True, status=200, body=odd)]
    with pytest.raises(Declined) as refused:
        make(near.url).send(release)
    assert refused.value.code == "no-response"
    make(near.url).send(release)
    assert near.posts == 2


def test_what_a_record_dropped_from_a_transaction_is_sent_again_and_nothing_else(
    dpi: SimulatedDpi, near: Proxy, make: Make, renderer: FhirRenderer, vault: FileVault
) -> None:
    original = fresh(informed="to-do")
    (sent,) = renderer.render(original)
    bundle = json.loads(sent.data)
    bundle["entry"] = [entry for entry in bundle["entry"] if entry["resource"]["resourceType"] != "Flag"]
    dpi.admit(json.dumps(bundle).encode())
    make(near.url).send(released(original, sent, vault))
    assert near.posts == 1
    assert set(dpi.writes.values()) == {1}


def partial(count: int) -> dict[str, Any]:
    told = [{"response": {"status": "422 Unprocessable Entity"}}] * count
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": told}
