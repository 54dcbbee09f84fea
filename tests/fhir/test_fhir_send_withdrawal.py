"""What a record received is taken back the same way: once, marked, its content gone, and nobody's edit undone."""

import json
from typing import Any

import pytest

from bridge.vault import FileVault
from fhir_adapters.report import FhirRenderer
from guarantee.errors import Declined
from guarantee.ports import Endorsed, Rendered
from guarantee.release import Receipt
from tests.fhir import samples
from tests.fhir.proxy import Fault, Proxy
from tests.fhir.releases import released
from tests.fhir.sending import WEB, Make, fresh, held, reports
from tests.fhir.withdrawals import released_withdrawal, withdrawn


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
