"""An arrival as a note beside its bytes, and back: nothing that a row says is lost; what cannot be read is refused."""

import json
from dataclasses import replace
from typing import Any

import pytest

from dicom_adapters.read.headers import read_header, to_arrival
from dicom_adapters.read.notes import from_note, to_note
from guarantee.errors import Malformed
from guarantee.ids import digest
from guarantee.judging import Rejection
from guarantee.unit import Arrival
from tests.dicom import samples

FILE = samples.to_file(samples.series("CT", slices=1)[0])
OTHER = digest(b"other bytes")


@pytest.fixture
def arrival() -> Arrival:
    header = read_header(FILE)
    return to_arrival(
        header, digest=digest(FILE), site="chu", sender="ct-1", conversation="talk", doubt="sender-unknown"
    )


def test_what_comes_back_is_what_was_noted_and_nobody_speaks_any_more(arrival: Arrival) -> None:
    assert from_note(to_note(arrival), digest(FILE)) == replace(arrival, conversation="")


def test_the_digest_is_that_of_the_bytes_it_lies_beside(arrival: Arrival) -> None:
    assert from_note(to_note(arrival), OTHER).source.digest == OTHER


def test_a_note_of_an_image_is_far_shorter_than_its_limit(arrival: Arrival) -> None:
    assert 400 < len(to_note(arrival)) < 2_000


@pytest.mark.parametrize("name", ["YAMADA^太郎=山田^太郎", 'É"\\\n^;', "x" * 324])
def test_names_come_back_as_they_were(arrival: Arrival, name: str) -> None:
    named = replace(arrival, patient=replace(arrival.patient, name=name))
    assert from_note(to_note(named), digest(FILE)).patient.name == name


def test_a_rejection_note_is_not_noted(arrival: Arrival) -> None:
    says = Rejection(study="1.2", note="1.3", title="113001", uids=frozenset({"1.4"}))
    assert to_note(replace(arrival, rejects=(says,))) == b""


def test_what_cannot_be_written_is_not_noted(arrival: Arrival) -> None:
    assert to_note(replace(arrival, description="half a \ud800 letter")) == b""


def changed(noted: Arrival, **values: Any) -> bytes:
    said = json.loads(to_note(noted))
    return json.dumps(said | values).encode()


def test_another_version_is_left_alone(arrival: Arrival) -> None:
    with pytest.raises(Malformed, match="version 2"):
        from_note(changed(arrival, version=2), OTHER)


@pytest.mark.parametrize(
    "note", [b"", b"{", b"[]", b"null", b"7", b'{"version": 1}', b'{"version": 1, "arrival": []}', b"\xff"]
)
def test_what_is_no_note_is_refused(note: bytes) -> None:
    with pytest.raises(Malformed):
        from_note(note, OTHER)


@pytest.mark.parametrize("wrong", [{"kind": "car"}, {"source": {}}, {"patient": 1}, {"facts": []}, {"extra": 1}])
def test_a_note_with_a_part_that_is_none_is_refused(arrival: Arrival, wrong: dict[str, Any]) -> None:
    said = json.loads(to_note(arrival))["arrival"]
    with pytest.raises(Malformed):
        from_note(changed(arrival, arrival=said | wrong), OTHER)
