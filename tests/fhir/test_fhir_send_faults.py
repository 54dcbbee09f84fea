"""Whatever happens on the way, a release reaches the record once, or it is known not to have.

The long lists of faults run against our simulated DPI, the others against a record system of another hand too.
"""

import json
from typing import Any

import pytest

from bridge.demo.dpi import SimulatedDpi
from bridge.vault import FileVault
from fhir_adapters.report import FhirRenderer
from fhir_adapters.wire import write_exact
from guarantee.errors import Declined, Unavailable
from tests.fhir.proxy import REFUSAL, Fault, Proxy
from tests.fhir.releases import released
from tests.fhir.renderings import resources
from tests.fhir.sending import Make, fresh, reports


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
