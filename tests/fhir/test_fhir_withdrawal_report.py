"""What a withdrawal says: exactly what was written is marked, why, and no longer what it said."""

import json

import pytest

from fhir_adapters.report import FhirRenderer
from fhir_adapters.withdrawal import MARKED
from guarantee.errors import Malformed
from guarantee.ports import Endorsed, Rendered
from guarantee.release import WithdrawalReason
from tests.fhir.renderings import one, render, resources
from tests.fhir.samples import AMENDED, OPTIONS, T0, endorsed
from tests.fhir.withdrawals import withdrawn


def take_back(
    original: Endorsed,
    sent: Rendered,
    reference: str = "",
    reason: WithdrawalReason = WithdrawalReason.WRONG_PATIENT,
) -> Rendered:
    renderer = FhirRenderer(OPTIONS, lambda _: sent.data)
    (word,) = renderer.render_withdrawal(withdrawn(original, sent, reference, reason))
    return word


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
