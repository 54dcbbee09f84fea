"""Are these two people one? Every line of the table, and what follows from it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarantee.case import Patient
from guarantee.errors import Malformed
from guarantee.identity import CONSEQUENCE, RULES, Admission, Doubt, Likeness, Verdict, collides, likeness, person
from tests.guarantee.samples import PATIENT, a_case, at

L = Likeness
NOBODY = Patient(identifier="", issuer="", name="", birth_date="", sex="")


def like(**changes: str) -> Likeness:
    return likeness(PATIENT, replace(PATIENT, **changes))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, L.IDENTICAL),
        ({"reference": "Patient/1"}, L.IDENTICAL),
        ({"name": "DURAND^ANNE"}, L.IDENTICAL),
        ({"name": "Durand^Anné"}, L.IDENTICAL),
        ({"name": "DURAND^Anne^Marie"}, L.IDENTICAL),
        ({"name": "Anne DURAND"}, L.IDENTICAL),
        ({"name": "DURAND^Anne=山田^太郎"}, L.IDENTICAL),
        ({"issuer": ""}, L.COMPATIBLE),
        ({"birth_date": ""}, L.COMPATIBLE),
        ({"sex": ""}, L.COMPATIBLE),
        ({"name": ""}, L.COMPATIBLE),
        ({"name": "=山田^太郎"}, L.COMPATIBLE),
        ({"name": "MARTIN^Anne"}, L.COMPATIBLE),
        ({"name": "MARTIN^Anne", "issuer": ""}, L.DOUBTFUL),
        ({"name": "MARTIN^Anne", "sex": ""}, L.DOUBTFUL),
        ({"birth_date": "1970-01-02"}, L.DOUBTFUL),
        ({"sex": "M"}, L.DOUBTFUL),
        ({"identifier": ""}, L.DOUBTFUL),
        ({"birth_date": "1970-01-02", "sex": "M"}, L.DIFFERENT),
        ({"birth_date": "1970-01-02", "name": "MARTIN^Paul"}, L.DIFFERENT),
        ({"identifier": "", "birth_date": "1970-01-02", "name": "MARTIN^Paul"}, L.DIFFERENT),
        ({"identifier": "IPP-2"}, L.DIFFERENT),
        ({"issuer": "CLINIQUE"}, L.DIFFERENT),
    ],
)
def test_two_sets_of_traits_are_as_alike_as_the_table_says(changes: dict[str, str], found: Likeness) -> None:
    assert like(**changes) is found
    assert likeness(replace(PATIENT, **changes), PATIENT) is found


def test_names_are_compared_writing_by_writing() -> None:
    one = replace(PATIENT, issuer="", name="Yamada^Tarou=山田^太郎")
    assert likeness(one, replace(one, name="Yamada^Tarou=山田^太朗")) is L.DOUBTFUL
    assert likeness(one, replace(one, name="Yamada^Tarou==やまだ^たろう")) is L.IDENTICAL
    assert likeness(one, replace(one, name="=山田^太郎")) is L.IDENTICAL


def test_two_who_say_nothing_of_themselves_are_not_told_apart() -> None:
    assert likeness(NOBODY, NOBODY) is L.IDENTICAL
    assert likeness(NOBODY, replace(NOBODY, name="A")) is L.COMPATIBLE
    assert likeness(replace(NOBODY, name="A"), replace(NOBODY, name="B")) is L.DOUBTFUL


TEXT = st.sampled_from(["", "A", "B", "A^B", "=C"])
PEOPLE = st.builds(Patient, identifier=TEXT, issuer=TEXT, name=TEXT, birth_date=TEXT, sex=TEXT)


@given(PEOPLE, PEOPLE)
def test_the_order_of_two_people_does_not_matter(one: Patient, other: Patient) -> None:
    assert likeness(one, other) is likeness(other, one)
    assert likeness(one, one) is L.IDENTICAL
    assert likeness(one, other) is not L.IDENTICAL or one.identifier == other.identifier


def test_only_what_agrees_goes_on_without_a_word() -> None:
    assert CONSEQUENCE.keys() == set(Likeness)
    assert {like for like, doubt in CONSEQUENCE.items() if doubt is None} == {L.IDENTICAL}
    assert [str(doubt) for doubt in Doubt if not doubt.holds] == ["spelled-otherwise"]
    assert {rule.likeness for rule in RULES} == set(Likeness)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, False),
        ({"name": "MARTIN^Anne"}, False),
        ({"birth_date": ""}, False),
        ({"birth_date": "1980-01-01"}, True),
        ({"sex": "M", "issuer": ""}, True),
        ({"name": "MARTIN^Paul", "issuer": ""}, True),
        ({"birth_date": "1980-01-01", "issuer": "CLINIQUE"}, False),
        ({"birth_date": "1980-01-01", "identifier": "IPP-2"}, False),
    ],
)
def test_a_number_that_is_somebody_elses_is_found(changes: dict[str, str], *, found: bool) -> None:
    other = replace(PATIENT, **changes)
    assert collides(PATIENT, [(other, False)]) is found
    assert collides(PATIENT, [(other, True)]) is found


def test_traits_that_a_person_let_through_collide_no_more() -> None:
    other = replace(PATIENT, birth_date="1980-01-01")
    assert collides(PATIENT, [(PATIENT, False), (other, False)])
    assert not collides(PATIENT, [(PATIENT, True), (other, False)])
    assert not collides(PATIENT, [])
    assert not collides(replace(PATIENT, identifier=""), [(replace(other, identifier=""), False)])


def test_traits_have_a_name_that_says_none_of_them() -> None:
    assert person(PATIENT) == person(replace(PATIENT, reference="Patient/1"))
    traits = ("identifier", "issuer", "name", "birth_date", "sex")
    others = {person(replace(PATIENT, **{trait: "X"})) for trait in traits}
    assert len(others | {person(PATIENT)}) == 1 + len(traits)
    assert PATIENT.identifier not in person(PATIENT)


def test_whoever_admits_says_who_they_are_and_why() -> None:
    said = Admission(case=a_case().id, verdict=Verdict.ADMIT, by="operator:root", reason="seen", at=at(1))
    for missing in ({"by": ""}, {"reason": ""}):
        with pytest.raises(Malformed, match="who they are and why"):
            replace(said, **missing)
