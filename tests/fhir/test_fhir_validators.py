"""Everything that leaves is valid R4 for three validators of different ancestry, and for our own asserts."""

import json
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from fhir.resources.R4B import get_fhir_model_class

from fhir_adapters import capability
from fhir_adapters.bundle import objects
from fhir_adapters.inbound import capability_statement, operation_outcome, read_bundle, transaction_response
from fhir_adapters.report import FhirRenderer
from guarantee.case import CaseKind
from guarantee.inputs import Coded
from guarantee.ports import Endorsed, Rendered
from tests.fhir import samples
from tests.fhir.renderings import resources
from tests.fhir.samples import AMENDED, OPTIONS, READER, SECOND, endorsed
from tests.fhir.stays import bundle
from tests.fhir.withdrawals import withdrawn
from tests.peers.fhir_validators import Medplum, PyFhirCheck

ORIGINALS: dict[str, dict[str, Any]] = {
    "study": {},
    "amended": {"edits": AMENDED, "informed": "to-do"},
    "two readers": {"readers": (READER, SECOND), "informed": "not-possible"},
    "score": {"kind": CaseKind.RECORD},
    "no findings": {"findings": ()},
    "PET": {"case_changes": {"modality": "PT", "order": "", "encounter": "", "started": ""}},
    "side": {"findings": (samples.finding(laterality=Coded(code="7771000", scheme="SCT", meaning="Left")),)},
}


def leaving() -> Iterator[tuple[str, bytes]]:
    """Everything that can leave, as bytes."""
    for name, changes in ORIGINALS.items():
        original = endorsed(**changes)
        (sent,) = FhirRenderer(OPTIONS, lambda _: b"").render(original)
        yield name, sent.data
        for how, reference in (("receipt", places(sent)), ("no receipt", "")):
            yield f"{name}, withdrawn with {how}", taken_back(original, sent, reference)
    yield "outcome", operation_outcome(severity="error", code="structure", diagnostics="x")
    statement = capability.Options(base_url="https://ia.example/fhir", version="0.1.0", date="2026-11-21")
    yield "capability", json.dumps(capability_statement(statement)).encode()
    yield "response", json.dumps(transaction_response(read_bundle(bundle(kind="transaction")))).encode()


def places(sent: Rendered) -> str:
    found = {url: f"{r['resourceType']}/{n}/_history/1" for n, (url, r) in enumerate(resources(sent).items())}
    return json.dumps(found)


def taken_back(original: Endorsed, sent: Rendered, reference: str) -> bytes:
    renderer = FhirRenderer(OPTIONS, lambda _: sent.data)
    (word,) = renderer.render_withdrawal(withdrawn(original, sent, reference))
    return word.data


LEAVING = dict(leaving())


@pytest.fixture(params=LEAVING, scope="module")
def data(request: pytest.FixtureRequest) -> bytes:
    return LEAVING[request.param]


def each(data: bytes) -> Iterator[dict[str, Any]]:
    """The resource itself, then those inside it."""
    top = json.loads(data)
    yield top
    yield from (entry["resource"] for entry in top.get("entry", ()) if "resource" in entry)


def test_the_model_library_reads_it(data: bytes) -> None:
    for resource in each(data):
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


def test_pyfhircheck_finds_nothing(data: bytes, pyfhircheck: PyFhirCheck) -> None:
    assert [error for resource in each(data) for error in pyfhircheck.errors(resource)] == []


def test_medplum_finds_nothing(data: bytes, medplum: Medplum) -> None:
    assert [error for resource in each(data) for error in medplum.errors(resource)] == []


def test_narratives_are_plain_paragraphs_and_nothing_is_contained(data: bytes) -> None:
    for resource in each(data):
        assert "contained" not in resource  # dom-3 cannot be broken by what is not there
        if "text" in resource:
            tree = ET.fromstring(resource["text"]["div"])
            tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
            assert tags <= {"div", "p"}
            assert all(not element.attrib for element in tree.iter())


def test_no_element_is_empty(data: bytes) -> None:
    for holder in objects(json.loads(data)):
        for name, value in holder.items():
            assert value not in ("", [], {}, None), name


def test_labels_are_those_that_the_guide_kept(data: bytes) -> None:
    assert not re.search(rb"AIRPT|CLINAST_AIRPT|AIAST_CLINRPT", data)


BROKEN: dict[str, tuple[str, bytes, bytes]] = {
    "a status outside R4": ("DiagnosticReport", b'"status": "preliminary"', b'"status": "draft"'),
    "a reference to the wrong type": ("DiagnosticReport", b'"type": "Organization"', b'"type": "Nonsense"'),
    "an instant without zone": ("DiagnosticReport", b'"issued": "2026-11-21T10:15:00.000Z"', b'"issued": "2026-11-21"'),
    "an entity role outside R4": ("Provenance", b'"role": "revision"', b'"role": "draft"'),
    "a missing code": (
        "Observation",
        b'"code": {"coding": [{"system": "http://snomed.info/sct", "code": "12738006"',
        b'"x": {"coding": [{"code": "1"',
    ),
    "a flag status outside R4": ("Flag", b'"status": "active"', b'"status": "due"'),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_validators_can_fail(name: str, pyfhircheck: PyFhirCheck, medplum: Medplum) -> None:
    kind, before, after = BROKEN[name]
    found = [r for r in each(LEAVING["amended"]) if r["resourceType"] == kind][-1 if kind == "Provenance" else 0]
    text = json.dumps(found).encode()
    assert before in text
    broken = json.loads(text.replace(before, after, 1))
    assert pyfhircheck.errors(found) + medplum.errors(found) == []
    assert pyfhircheck.errors(broken) + medplum.errors(broken) != []
