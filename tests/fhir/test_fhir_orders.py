"""Orders by FHIR: what a ServiceRequest says, and the exam that does not go with it."""

from pathlib import Path
from typing import Any

import pytest

from bridge.flows import intake
from fhir_adapters.inbound import arrivals, parse_body, read_bundle
from fhir_adapters.wire import write_exact
from guarantee.case import CaseKind, Patient
from guarantee.ids import digest
from guarantee.orders import Order, OrderStatus
from guarantee.result import Priority
from guarantee.states import CaseState, ResultState
from guarantee.unit import Arrival
from tests.fhir.stays import FILL, NOW, bundle, order, person, stay
from tests.flows.fakes import arrival
from tests.flows.world import World

WHO = Patient(
    identifier="IPP9",
    issuer="urn:oid:1.2.250.1.999.1.1",
    name="TESTPATIENT^Jeanne Marie",
    birth_date="1955-06-12",
    sex="F",
)


def taken(*resources: dict[str, Any]) -> Arrival:
    data = write_exact(bundle(*resources))
    received = read_bundle(parse_body(data, "application/fhir+json"))
    (found,) = arrivals(received, digest=digest(data), site="site-1", sender="dpi", now=NOW)
    return found


def said(**changes: Any) -> tuple[Order, ...]:
    return taken(person(), stay(), order(**changes)).orders


def test_what_a_service_request_says() -> None:
    (found,) = said(priority="stat", meta={"lastUpdated": "2026-11-21T07:00:00Z"})
    assert (found.accession, found.placer, found.filler, found.study) == (
        "A1",
        "urn:oid:1.2.250.1.999.1.8|RX-1",
        "",
        "",
    )
    assert (found.procedures, found.procedure) == (frozenset({"http://loinc.org|24590-2"}), "IRM")
    assert (found.indication, found.is_stat, found.status) == ("Céphalées", True, OrderStatus.WANTED)
    assert (found.patient.identifier, found.numbers[0].value, found.said_at.hour) == ("IPP9", "IPP9", 7)


def test_a_study_and_a_fillers_number_are_told_apart_and_the_time_is_ours_where_none_is_said() -> None:
    study = {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}
    filler = {"system": "urn:oid:1.2.250.1.999.1.7", "value": "F1", "type": FILL}
    (found,) = said(identifier=[study, filler], code={"coding": [{"code": "X", "display": "Crâne"}]}, reasonCode=[])
    assert (found.study, found.filler, found.accession) == ("1.2.3", "urn:oid:1.2.250.1.999.1.7|F1", "")
    assert (found.procedure, found.indication, found.said_at) == ("Crâne", "", NOW)


@pytest.mark.parametrize("status", ["revoked", "entered-in-error"])
def test_what_is_taken_back_is_cancelled_even_without_its_exam(status: str) -> None:
    (found,) = said(status=status, identifier=[{"system": "urn:oid:1.2.250.1.999.1.8", "value": "RX-1"}])
    assert found.status is OrderStatus.CANCELLED


@pytest.mark.parametrize(
    "changes",
    [
        {"intent": "proposal"},
        {"status": "draft"},
        {"status": "unknown"},
        {"identifier": []},
        {"identifier": [{"system": "urn:oid:1.2.250.1.999.1.8", "value": "LABO-1"}]},
    ],
)
def test_what_nobody_asked_for_yet_or_names_no_exam_is_no_order_here(changes: dict[str, Any]) -> None:
    assert said(**changes) == ()


def receive(world: World, *resources: dict[str, Any]) -> None:
    told = taken(*resources)
    world.vault.put(write_exact(bundle(*resources)))
    intake.receive([told], store=world.store, clock=world.clock, actor="fhir")


def newest(world: World) -> tuple[CaseState, str]:
    with world.store.transaction("look") as unit:
        case = unit.cases.latest(CaseKind.STUDY, "1.2.3")
    assert case is not None
    return case.state, case.cause


def test_an_order_before_its_exam_gives_the_priority_and_the_words(tmp_path: Path) -> None:
    world = World(tmp_path)
    receive(world, person(), stay(), order(priority="stat"))
    draft = world.drafted(arrival(world.vault, patient=WHO))
    assert draft.priority is Priority.STAT
    with world.store.reading() as unit:
        assert [found.indication for found in unit.orders.of(unit.cases.get(draft.case))] == ["Céphalées"]


@pytest.mark.parametrize(
    ("changes", "cause"),
    [({"status": "revoked"}, "order-cancelled"), ({"birthDate": "1999-01-01"}, "order-contradicts")],
)
def test_an_exam_that_does_not_go_with_its_order_is_held_whichever_comes_first(
    tmp_path: Path, changes: dict[str, Any], cause: str
) -> None:
    who = person(**{name: value for name, value in changes.items() if name == "birthDate"})
    told = order(**{name: value for name, value in changes.items() if name == "status"})
    for name in ("late", "early"):
        (tmp_path / name).mkdir()
    late, early = World(tmp_path / "late"), World(tmp_path / "early")
    draft = late.drafted(arrival(late.vault, patient=WHO))
    receive(late, who, stay(), told)
    assert late.result(draft.id).state is ResultState.STALE
    receive(early, who, stay(), told)
    early.receive(arrival(early.vault, patient=WHO))
    early.complete()
    for world in (late, early):
        assert newest(world) == (CaseState.QUARANTINED, cause)


def test_the_same_message_again_is_nothing_new(tmp_path: Path) -> None:
    world = World(tmp_path)
    draft = world.drafted(arrival(world.vault, patient=WHO))
    for _ in range(2):
        receive(world, person(), stay(), order())
    assert world.result(draft.id).state is ResultState.AWAITING_REVIEW
