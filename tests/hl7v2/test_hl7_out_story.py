"""A record without FHIR, from the signature to the receipt: flows, store and seals, over a real MLLP line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.flows import destinations as flow
from bridge.flows.retract import withdraw
from fhir_adapters.hl7v2.sending import MllpDestination, Options
from guarantee.breaker import FAILURES_MAX, Phase
from guarantee.ids import digest
from guarantee.orders import Order, OrderStatus
from guarantee.release import Kind, WithdrawalReason
from guarantee.result import Result
from guarantee.states import ResultState
from tests.flows.fakes import PATIENT, START, arrival
from tests.flows.world import World
from tests.hl7v2.outgoing import renderer
from tests.hl7v2.receiver import Receiver


class Hospital(World):
    """A world whose record is a real receiver, and which has no PACS."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        super().__init__(folder)
        self.receiver = receiver
        options = Options(name="dpi", host="127.0.0.1", port=receiver.port, answer_s=30.0)
        self.renderers = {"dpi": renderer(self.vault)}  # type: ignore[dict-item, arg-type]
        self.destinations = {"dpi": MllpDestination(options, self.vault, self.clock)}  # type: ignore[dict-item]

    def endorsed(self, study: str = "1.2") -> Result:
        result = self.drafted(arrival(self.vault, study=study))
        self.answer(result)
        return result

    def cause(self, result: Result) -> str:
        with self.sql.reading() as unit:
            return next((line.cause.code for line in unit.views.sent(result.id) if line.cause), "")

    def later(self) -> None:
        self.clock.advance(seconds=3600)
        self.deliver_all()


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    receiver = Receiver().start()
    made = Hospital(tmp_path, receiver)
    yield made
    receiver.stop()
    made.engine.dispose()


def test_nothing_goes_before_the_signature_and_one_of_each_after_it(hospital: Hospital) -> None:
    result = hospital.drafted(arrival(hospital.vault, study="1.2"))
    hospital.deliver_all()
    assert hospital.receiver.heard == []
    hospital.answer(result)
    hospital.deliver_all()
    assert hospital.result(result.id).state is ResultState.DELIVERED
    assert [str(one.segment("OBX")(11)) for one in hospital.receiver.kept.values()] == ["P", "P"]
    with hospital.sql.reading() as unit:
        (delivery,) = unit.deliveries.of_result(result.id)
    assert '"answer": "AA"' in delivery.reference


@pytest.mark.parametrize("trouble", ["AE", "cut", "other"])
def test_what_was_not_acknowledged_goes_again_under_its_number(hospital: Hospital, trouble: str) -> None:
    hospital.receiver.script = [trouble]
    result = hospital.endorsed()
    hospital.deliver_all()
    assert hospital.deliveries(result.id) == {"dpi": "due"}
    hospital.later()
    assert hospital.result(result.id).state is ResultState.DELIVERED
    assert len(hospital.receiver.heard) == 3
    assert len(hospital.receiver.kept) == 2


def told(hospital: Hospital, **changes: Any) -> None:
    """Have the feed say that somebody asked for exam 1.2."""
    asked = Order(
        **{
            "placer": "RX|P1",
            "filler": "RIS|F1",
            "accession": "",
            "study": "1.2",
            "sites": frozenset(),
            "patient": PATIENT,
            "numbers": (),
            "procedures": frozenset(),
            "procedure": "IRM",
            "indication": "",
            "is_stat": False,
            "status": OrderStatus.WANTED,
            "said_at": START,
        }
        | changes
    )
    with hospital.store.transaction("feed") as unit:
        unit.orders.add(asked, sender="gam", message=digest(asked.name.encode()), at=hospital.clock.now())


def test_the_order_that_asked_for_the_exam_is_named_and_no_other(hospital: Hospital) -> None:
    told(hospital)
    told(hospital, placer="RX|P2", filler="RIS|F2", status=OrderStatus.CANCELLED)
    told(hospital, placer="RX|P3", filler="RIS|F3", study="1.3")
    hospital.endorsed()
    hospital.deliver_all()
    assert {str(one.segment("OBR")(2)) for one in hospital.receiver.heard[:1]} == {"P1^RX"}


def test_a_refusal_waits_for_a_person_who_may_send_the_same_again(hospital: Hospital) -> None:
    hospital.receiver.script = ["AR"]
    result = hospital.endorsed()
    hospital.deliver_all()
    assert hospital.deliveries(result.id) == {"dpi": "declined"}
    assert hospital.cause(result) == "hl7-ar"
    flow.resend(result.id, "dpi", by="b.ngo", reason="droits corrigés", store=hospital.store, clock=hospital.clock)
    hospital.deliver_all()
    refused, *taken = (str(one) for one in hospital.receiver.heard)
    assert refused == taken[0]
    assert len(hospital.receiver.kept) == 2


def test_a_receiver_that_is_down_is_left_alone(hospital: Hospital) -> None:
    results = [hospital.endorsed(f"1.{n}") for n in range(FAILURES_MAX + 1)]
    hospital.receiver.script = ["silent"] * FAILURES_MAX
    hospital.deliver_all()
    with hospital.sql.reading() as unit:
        assert unit.destinations.health("dpi").phase(hospital.clock.now()) is Phase.OPEN
    assert hospital.receiver.script == []
    for _ in results:
        hospital.later()
    assert {hospital.result(result.id).state for result in results} == {ResultState.DELIVERED}


def test_what_was_delivered_is_taken_back_under_its_own_numbers(hospital: Hospital) -> None:
    result = hospital.endorsed()
    hospital.deliver_all()
    withdraw(
        result.id,
        by="dr.martin",
        reason=WithdrawalReason.WRONG_PATIENT,
        comment="inversion d'étiquettes",
        tools=hospital.review,
    )
    hospital.deliver_all()
    assert hospital.deliveries(result.id, Kind.WITHDRAWAL) == {"dpi": "confirmed"}
    sent, _, back, document = hospital.receiver.heard
    assert str(sent.segment("OBR")(3)) == str(back.segment("OBR")(3))
    assert {str(row(11)) for row in back.segments("OBX")[1:]} == {"W"}
    assert "Mauvais patient : inversion d'étiquettes" in str(back.segment("NTE")(3))
    assert str(document.segment("TXA")(19)) == "OB"
