"""Orders: what stands when much was said of one, and which exams do not go with theirs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from guarantee.case import CaseKind
from guarantee.codec import from_plain, to_plain
from guarantee.errors import Malformed
from guarantee.feed import Number
from guarantee.identity import Doubt
from guarantee.orders import Order, OrderStatus, disputes, facts_of, standing
from tests.guarantee.samples import PATIENT, a_case

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
CASE = replace(a_case(), order="A1")
NUMBER = Number(value=PATIENT.identifier, issuer=PATIENT.issuer, aliases=frozenset())


def order(**changes: object) -> Order:
    plain = Order(
        placer="RX|1",
        filler="",
        accession="A1",
        study="",
        sites=frozenset(),
        patient=PATIENT,
        numbers=(NUMBER,),
        procedures=frozenset(),
        procedure="",
        indication="",
        is_stat=False,
        status=OrderStatus.WANTED,
        said_at=AT,
    )
    return replace(plain, **changes)


def cancelled(**changes: object) -> Order:
    return order(status=OrderStatus.CANCELLED, said_at=AT + timedelta(hours=1), **changes)


def test_an_order_goes_with_its_exam_while_it_is_wanted_and_about_its_patient() -> None:
    assert order().goes_with(CASE)
    assert not cancelled().goes_with(CASE)
    assert not order(numbers=(replace(NUMBER, value="another"),)).goes_with(CASE)


@pytest.mark.parametrize("empty", [{"placer": "", "accession": ""}, {"indication": "x" * 2001}])
def test_an_order_has_a_name_and_bounded_words(empty: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        order(**empty)


def test_an_order_is_read_back_as_it_was_written() -> None:
    told = order(procedures=frozenset({"L|IRM"}), sites=frozenset({"chu"}))
    assert from_plain(Order, to_plain(told)) == told


@pytest.mark.parametrize(
    ("changes", "is_for"),
    [
        ({}, True),
        ({"accession": "A2"}, False),
        ({"accession": "", "study": CASE.uid}, True),
        ({"accession": "", "study": "9.9"}, False),
        ({"sites": frozenset({CASE.site})}, True),
        ({"sites": frozenset({"elsewhere"})}, False),
    ],
)
def test_an_order_meets_its_exam_by_numbers(changes: dict[str, object], *, is_for: bool) -> None:
    assert order(**changes).is_for(CASE) is is_for


def test_an_exam_without_an_accession_number_meets_no_order_without_one() -> None:
    assert not order(accession="").is_for(replace(CASE, order=""))


def test_a_stay_was_not_ordered() -> None:
    assert not order().is_for(replace(CASE, kind=CaseKind.RECORD))


OTHER_ISSUER = Number(value="77", issuer="CLINIQUE", aliases=frozenset({"1.9"}))
BORN_OTHERWISE = replace(PATIENT, birth_date="1901-01-01")


@pytest.mark.parametrize(
    ("numbers", "patient", "contradicts"),
    [
        ((NUMBER,), PATIENT, False),
        ((NUMBER,), replace(PATIENT, name="AUTRE^Nom"), False),
        ((NUMBER,), BORN_OTHERWISE, True),
        ((replace(NUMBER, value="other"),), PATIENT, True),
        ((replace(NUMBER, value="other"), NUMBER), PATIENT, False),
        ((OTHER_ISSUER,), PATIENT, False),
        ((OTHER_ISSUER,), BORN_OTHERWISE, True),
        ((OTHER_ISSUER,), replace(PATIENT, name="AUTRE^Nom"), True),
        ((), PATIENT, False),
        ((), BORN_OTHERWISE, True),
    ],
)
def test_a_number_settles_it_and_without_one_no_trait_may_contradict(
    numbers: tuple[Number, ...], patient: object, *, contradicts: bool
) -> None:
    assert order(numbers=numbers, patient=patient).contradicts(PATIENT) is contradicts


def test_a_number_of_an_issuer_that_the_exam_does_not_name_is_compared() -> None:
    assert order(numbers=(OTHER_ISSUER,)).contradicts(replace(PATIENT, issuer=""))


def test_the_last_word_counts_and_keeps_what_it_leaves_out() -> None:
    first = order(filler="RIS|9", indication="céphalées", procedures=frozenset({"L|IRM"}))
    last = cancelled(placer="", filler="RIS|9", accession="")
    (stands,) = standing([last, first])
    assert (stands.status, stands.accession, stands.placer) == (OrderStatus.CANCELLED, "A1", "RX|1")
    assert (stands.indication, stands.procedures) == ("céphalées", frozenset({"L|IRM"}))


def test_words_without_numbers_of_their_own_meet_by_the_exam() -> None:
    bare = order(placer="", said_at=AT - timedelta(hours=1), indication="chute")
    assert [found.indication for found in standing([bare, order()])] == ["chute"]
    by_study = replace(bare, accession="", study="1.2")
    assert len(standing([by_study, order(study="1.2", accession="")])) == 1
    assert len(standing([by_study, order()])) == 2


def test_two_orders_of_one_exam_stay_two() -> None:
    assert len(standing([order(), order(placer="RX|2")])) == 2


def test_what_goes_with_its_order_is_not_disputed() -> None:
    assert disputes(CASE, [order(patient=CASE.patient)]) == ()
    assert disputes(CASE, []) == ()
    assert disputes(CASE, [cancelled(accession="A2")]) == ()


def test_an_order_about_somebody_else_and_one_that_was_cancelled_are_disputes() -> None:
    wrong = order(patient=BORN_OTHERWISE, status=OrderStatus.CANCELLED)
    assert [found.doubt for found in disputes(CASE, [wrong])] == [Doubt.ORDER_CONTRADICTS, Doubt.ORDER_CANCELLED]


def test_cancelled_means_every_order_of_the_exam() -> None:
    assert disputes(CASE, [cancelled(), order(placer="RX|2")]) == ()
    found = disputes(CASE, [cancelled(), cancelled(placer="RX|2")])
    assert [one.doubt for one in found] == [Doubt.ORDER_CANCELLED]
    assert found == disputes(CASE, [cancelled(placer="RX|2"), cancelled()])


def test_rules_hear_of_what_is_still_wanted() -> None:
    wanted = order(procedures=frozenset({"L|IRM"}), is_stat=True)
    assert facts_of([wanted, cancelled(procedures=frozenset({"L|TDM"}))]) == {
        "Order.procedure": frozenset({"L|IRM"}),
        "Order.priority": frozenset({"stat"}),
    }
    assert facts_of([order()]) == {}
