"""What an order to take results back must say, and what an examination is."""

from dataclasses import replace
from typing import Any

import pytest

from guarantee.errors import Malformed
from guarantee.examinations import Examination
from guarantee.ids import ResultId
from guarantee.recalls import FEW, TEXT_CHARS_MAX, Recall, recall_id
from guarantee.release import WithdrawalReason
from tests.guarantee.samples import MODEL, at, digest_of

RECALL = Recall(
    id="r",
    reason=WithdrawalReason.MODEL_DEFECT,
    comment="volumes faux",
    criteria="",
    copies="",
    many=FEW,
    by="dr.martin",
    second="",
    at=at(0),
)
EXAMINATION = Examination(model=MODEL.id, cases=digest_of("golden"), failure="", by="infer", at=at(0))


@pytest.mark.parametrize(
    "changes",
    [
        {"by": ""},
        {"comment": " "},
        {"many": 0},
        {"many": FEW + 1},
        {"many": FEW + 1, "second": "dr.martin"},
        {"second": "dr.martin"},
        {"comment": "x" * (TEXT_CHARS_MAX + 1)},
        {"copies": "x" * (TEXT_CHARS_MAX + 1)},
        {"criteria": "x" * (TEXT_CHARS_MAX + 1)},
    ],
)
def test_an_order_says_who_and_why_and_two_people_take_many_back(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        replace(RECALL, **changes)


def test_two_people_take_back_as_many_as_they_like() -> None:
    assert replace(RECALL, many=FEW + 1, second="dr.leroy").many > FEW


def test_the_same_results_for_the_same_reason_are_the_same_order() -> None:
    one, two = ResultId("one"), ResultId("two")
    name = recall_id([one, two], WithdrawalReason.OTHER, "dr.martin")
    assert name == recall_id([two, one], WithdrawalReason.OTHER, "dr.martin")
    others = [
        recall_id([one], WithdrawalReason.OTHER, "dr.martin"),
        recall_id([one, two], WithdrawalReason.SUPERSEDED, "dr.martin"),
        recall_id([one, two], WithdrawalReason.OTHER, "dr.leroy"),
    ]
    assert len({name, *others}) == 4


@pytest.mark.parametrize("changes", [{"model": "brain"}, {"by": ""}, {"cases": "short"}])
def test_an_examination_says_of_what_and_by_whom(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        replace(EXAMINATION, **changes)


def test_an_examination_is_green_when_nothing_failed_and_has_a_name_of_its_own() -> None:
    assert EXAMINATION.is_green
    assert not replace(EXAMINATION, failure="gives 12").is_green
    assert EXAMINATION.id == replace(EXAMINATION, failure="gives 12").id != replace(EXAMINATION, at=at(1)).id
