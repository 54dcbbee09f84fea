"""Conditions, routes and the envelope of a card."""

from decimal import Decimal
from typing import Any

import pytest

from guarantee.card import BurnedIn, Card, Regulatory
from guarantee.case import CaseKind
from guarantee.content import Text
from guarantee.errors import Malformed
from guarantee.result import Cause, Mode, Priority
from guarantee.rules import Condition, Facts, Route, first_unmet, ordered_stat
from tests.guarantee.samples import MODEL

WHY = Text(fr="Série inadaptée.", en="Unsuitable series.")


def facts(**values: str | tuple[str, ...]) -> Facts:
    return {name: frozenset((seen,) if isinstance(seen, str) else seen) for name, seen in values.items()}


def condition(**parts: Any) -> Condition:
    return Condition(**{"fact": "Modality", "why": WHY, "code": "modality"} | parts)


@pytest.mark.parametrize(
    ("parts", "seen", "holds"),
    [
        ({}, facts(Modality="MR"), True),
        ({}, facts(), False),
        ({"required": False}, facts(), True),
        ({"one_of": ("MR",)}, facts(Modality="MR"), True),
        ({"one_of": ("mr",)}, facts(Modality="MR"), True),
        ({"one_of": ("MR",)}, facts(Modality=("MR", "CT")), False),
        ({"one_of": ("MR", "CT")}, facts(Modality=("MR", "CT")), True),
        ({"has": ("MR",)}, facts(Modality=("MR", "SR")), True),
        ({"has": ("MR", "CT")}, facts(Modality="MR"), False),
        ({"minimum": Decimal(10)}, facts(Modality="10"), True),
        ({"minimum": Decimal(10)}, facts(Modality="9.999"), False),
        ({"maximum": Decimal(10)}, facts(Modality="10"), True),
        ({"maximum": Decimal(10)}, facts(Modality="10.001"), False),
        ({"minimum": Decimal(1), "maximum": Decimal(3)}, facts(Modality=("1", "2", "3")), True),
        ({"minimum": Decimal(1), "maximum": Decimal(3)}, facts(Modality=("1", "4")), False),
        ({"minimum": Decimal(1)}, facts(Modality="many"), False),
        ({"minimum": Decimal(1)}, facts(Modality="NaN"), False),
        ({"minimum": Decimal(1)}, facts(Modality="sNaN"), False),
        ({"minimum": Decimal(1)}, facts(Modality="Infinity"), False),
    ],
)
def test_a_condition_holds_for_what_it_says(parts: dict[str, Any], seen: Facts, holds: bool) -> None:
    assert condition(**parts).holds(seen) is holds


@pytest.mark.parametrize("parts", [{"fact": ""}, {"code": ""}, {"minimum": Decimal(2), "maximum": Decimal(1)}])
def test_a_condition_that_cannot_be_met_or_named_is_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        condition(**parts)


def test_the_first_unmet_condition_is_the_one_that_is_told() -> None:
    first = condition(one_of=("CT",))
    second = condition(fact="ImageCount", minimum=Decimal(10), code="images")
    assert first_unmet((first, second), facts(Modality="MR")) is first
    assert first_unmet((first, second), facts(Modality="CT", ImageCount="3")) is second
    assert first_unmet((first, second), facts(Modality="CT", ImageCount="30")) is None


def a_route(**parts: Any) -> Route:
    values = {"name": "brain MR", "kind": CaseKind.STUDY, "when": (condition(one_of=("MR",)),), "models": ("brain",)}
    return Route(**values | parts)


def test_a_route_is_routine_unless_it_says_otherwise() -> None:
    assert a_route().priority is Priority.ROUTINE
    assert a_route(priority=Priority.STAT).priority is Priority.STAT


@pytest.mark.parametrize("parts", [{"name": ""}, {"models": ()}, {"reject": WHY, "priority": Priority.STAT}])
def test_a_route_has_a_name_and_leads_somewhere(parts: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        a_route(**parts)


def test_a_rule_rejects_the_models_it_names_or_every_one() -> None:
    assert not a_route().rejects("brain")
    assert a_route(reject=WHY).rejects("brain")
    assert not a_route(reject=WHY).rejects("heart")
    assert a_route(reject=WHY, models=()).rejects("heart")


def test_an_order_that_is_wanted_at_once_is_recognised_by_its_fact() -> None:
    assert ordered_stat(facts(RequestedProcedurePriority="STAT")) == "RequestedProcedurePriority"
    assert ordered_stat({"ServiceRequest.priority": frozenset({"routine", "stat"})}) == "ServiceRequest.priority"
    assert ordered_stat(facts(RequestedProcedurePriority="HIGH")) == ""
    assert ordered_stat(facts(Modality="STAT")) == ""


def a_card(**parts: Any) -> Card:
    values: dict[str, Any] = {
        "model": MODEL,
        "label": WHY,
        "manufacturer": "Aval",
        "purpose": WHY,
        "limits": (WHY,),
        "regulatory": Regulatory(status="research", device_class="", udi="", statement=WHY),
        "kind": CaseKind.STUDY,
        "envelope": (condition(one_of=("MR",)), condition(fact="ImageCount", minimum=Decimal(10), code="images")),
        "policy": "validate-each",
        "mode": Mode.CARE,
        "thresholds": {"mask": "0.5"},
        "deadline_s": 60,
        "memory_mb": 2048,
        "licence": "Apache-2.0",
        "attribution": "",
    }
    return Card(**values | parts)


def test_a_case_inside_the_envelope_is_not_refused() -> None:
    assert a_card().refusal(facts(Modality="MR", ImageCount="120")) is None


def test_a_case_outside_the_envelope_is_told_which_fact_and_what_was_seen() -> None:
    assert a_card().refusal(facts(Modality=("MR", "CT"))) == Cause(code="modality", detail="Modality is CT, MR")
    assert a_card().refusal(facts(Modality="MR")) == Cause(code="images", detail="ImageCount is absent")
    refusal = a_card().refusal(facts(Modality="x" * 1000))
    assert refusal is not None
    assert len(refusal.detail) < 250


def test_images_with_text_burned_in_are_for_models_that_take_them() -> None:
    burned = facts(Modality="MR", ImageCount="120", BurnedInAnnotation=("NO", "YES"))
    refusal = a_card().refusal(burned)
    assert refusal is not None
    assert refusal.code == "burned-in"
    assert a_card(burned_in=BurnedIn.ALLOW).refusal(burned) is None
    assert a_card().refusal(burned | facts(BurnedInAnnotation="NO")) is None


@pytest.mark.parametrize("parts", [{"limits": ()}, {"deadline_s": 0}, {"memory_mb": 0}])
def test_a_card_says_its_limits(parts: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        a_card(**parts)


@pytest.mark.parametrize(("status", "device_class"), [("approved", "I"), ("ce", ""), ("research", "IIa")])
def test_a_regulatory_status_that_contradicts_itself_is_refused(status: str, device_class: str) -> None:
    with pytest.raises(Malformed):
        Regulatory(status=status, device_class=device_class, udi="", statement=WHY)
    assert Regulatory(status="ce", device_class="IIa", udi="1", statement=WHY).device_class == "IIa"


def test_an_objective_is_for_a_stage_and_above_zero() -> None:
    assert a_card(objectives_s={"queue": 60, "to-draft": 300}).objectives_s["queue"] == 60
    with pytest.raises(Malformed, match="objectives are for"):
        a_card(objectives_s={"lunch": 60})
    with pytest.raises(Malformed, match="above zero"):
        a_card(objectives_s={"queue": 0})


def test_a_run_has_at_least_one_case() -> None:
    assert a_card().batch_most == 1
    with pytest.raises(Malformed, match="at least one case"):
        a_card(batch_most=0)
