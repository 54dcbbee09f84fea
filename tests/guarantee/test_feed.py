"""News of an identity: which cases it concerns, and which it leaves alone."""

from dataclasses import replace

import pytest

from guarantee.case import Patient
from guarantee.feed import News, Number
from tests.guarantee.samples import PATIENT, a_case, digest_of

NUMBER = Number(value="IPP-1", issuer="urn:oid:1.2.3", aliases=frozenset({"CHU", "1.2.3"}))


def news(**changes: object) -> News:
    return replace(News(numbers=(NUMBER,), stays=(), traits=None, subject=digest_of("news")), **changes)


@pytest.mark.parametrize(
    ("changes", "is_theirs"),
    [
        ({}, True),
        ({"issuer": "urn:oid:1.2.3"}, True),
        ({"issuer": ""}, True),
        ({"issuer": "CLINIQUE"}, False),
        ({"identifier": "IPP-2"}, False),
        ({"identifier": ""}, False),
    ],
)
def test_a_number_is_that_of_who_has_it_from_the_same_issuer_or_from_nobody_known(
    changes: dict[str, str], *, is_theirs: bool
) -> None:
    assert NUMBER.is_of(replace(PATIENT, **changes)) is is_theirs


def test_no_number_is_nobodys() -> None:
    assert not replace(NUMBER, value="").is_of(replace(PATIENT, identifier=""))


def test_a_merge_concerns_every_case_of_a_number_or_stay_that_it_names() -> None:
    case = a_case()
    assert news().concerns(case)
    assert news(numbers=(), stays=(case.uid,)).concerns(case)
    assert not news(numbers=(), stays=("another",)).concerns(case)


@pytest.mark.parametrize(
    ("changes", "concerns"),
    [
        ({}, False),
        ({"name": "MARTIN^Anne"}, False),
        ({"birth_date": ""}, False),
        ({"birth_date": "1970-02-02"}, True),
        ({"sex": "M"}, True),
        ({"identifier": "IPP-2"}, True),
    ],
)
def test_traits_concern_a_case_that_they_contradict(changes: dict[str, str], *, concerns: bool) -> None:
    told = replace(PATIENT, issuer="urn:oid:1.2.3", **changes)
    numbers = (replace(NUMBER, value=told.identifier),)
    assert news(numbers=numbers, stays=(a_case().uid,), traits=told).concerns(a_case(patient=_issued())) is concerns


def _issued() -> Patient:
    return replace(PATIENT, issuer="urn:oid:1.2.3")


def test_a_number_written_under_another_name_of_its_issuer_is_the_same_person() -> None:
    told = replace(PATIENT, issuer="urn:oid:1.2.3", name="MARTIN^Anne")
    assert not news(traits=told).concerns(a_case())


def test_a_case_behind_another_identity_counts_it() -> None:
    assert a_case().reidentified() == replace(a_case(), identity_version=a_case().identity_version + 1)
