"""Endorsed content as FHIR: the same bytes each time, numbers to their last digit, read back as it was endorsed."""

import base64
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_adapters.report import FhirRenderer
from guarantee.agreement import disagreement
from guarantee.case import CaseKind
from guarantee.content import Content, Presence
from guarantee.errors import Malformed
from guarantee.inputs import Coded
from guarantee.ports import Endorsed, Rendered
from tests.fhir import samples
from tests.fhir.renderings import render
from tests.fhir.samples import AMENDED, OPTIONS, READER, SECOND, endorsed


def disagrees(sent: Rendered, content: Content) -> str | None:
    return disagreement(FhirRenderer(OPTIONS, lambda _: b"").read_back([sent]), content)


VARIETIES: dict[str, Callable[[], Endorsed]] = {
    "a study": endorsed,
    "an amended study": lambda: endorsed(edits=AMENDED, informed="to-do"),
    "two readers": lambda: endorsed(readers=(READER, SECOND), informed="not-possible"),
    "a score": lambda: endorsed(CaseKind.RECORD),
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
