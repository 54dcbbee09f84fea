"""What the API says of a content is the content: every field, every digit."""

from dataclasses import fields
from decimal import Decimal

import pytest
from pydantic import BaseModel

from bridge.web.schemas import content as shown
from bridge.web.schemas.opinions import EditsIn, FindingEditIn, OpinionIn
from bridge.web.schemas.systems import CardOut, StopOut
from guarantee import amend, answer, card, inputs, opinion, result, stops
from guarantee import content as kept
from guarantee.codec import to_plain
from tests.desk import cases

PAIRS = [
    (shown.ContentOut, kept.Content),
    (shown.FindingOut, kept.Finding),
    (shown.QuantityOut, kept.Quantity),
    (shown.RegionOut, kept.Region),
    (shown.SegmentOut, kept.Segment),
    (shown.KeyImageOut, kept.KeyImage),
    (shown.UsedOut, kept.Used),
    (shown.TextOut, kept.Text),
    (shown.CodedOut, inputs.Coded),
    (shown.ModelOut, result.ModelVersion),
    (EditsIn, amend.Edits),
    (FindingEditIn, amend.FindingEdit),
    (OpinionIn, answer.Answer),
]


@pytest.mark.parametrize(("model", "value"), PAIRS, ids=lambda kind: kind.__name__)
def test_a_type_of_the_api_has_the_fields_of_its_value(model: type[BaseModel], value: type) -> None:
    names = {field.alias or name for name, field in model.model_fields.items()}
    assert names == {field.name for field in fields(value)}


@pytest.mark.parametrize(
    ("model", "value", "left_out"),
    [
        (
            CardOut,
            card.Card,
            {"envelope", "deadline_s", "memory_mb", "needs", "burned_in", "incomplete", "batch_most", "objectives_s"},
        ),
        (StopOut, stops.Stop, {"action", "second"}),
        (shown.ModelOut, result.ModelVersion, set()),
    ],
)
def test_what_is_left_out_is_left_out_on_purpose(model: type[BaseModel], value: type, left_out: set[str]) -> None:
    assert {field.name for field in fields(value)} - model.model_fields.keys() == left_out


@pytest.mark.parametrize("staged", [cases.brain_case(1), cases.chest_case(2), cases.record_case(3)])
def test_a_content_is_shown_exactly_as_it_is_signed(staged: cases.Staged) -> None:
    read = shown.ContentOut.model_validate(staged.draft)
    assert read.model_dump(mode="json", by_alias=True) == to_plain(staged.draft)


def test_every_digit_survives() -> None:
    quantity = cases.brain_case(1).draft.findings[0].quantities[0]
    assert quantity.value == Decimal("1498.90")
    assert shown.QuantityOut.model_validate(quantity).value == "1498.90"


def test_the_verdicts_and_reasons_are_the_guarantees_own() -> None:
    form = OpinionIn.model_json_schema()["$defs"]
    assert form["Verdict"]["enum"] == [str(verdict) for verdict in opinion.Verdict]
    assert form["Reason"]["enum"] == [str(reason) for reason in opinion.Reason]
