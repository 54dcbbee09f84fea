"""Orders by HL7v2: an exam meets the one that asked for it, and is held when it does not go with it."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.flows.admit import admit
from fhir_adapters.hl7v2.er7 import read
from fhir_adapters.hl7v2.errors import BadMessage
from fhir_adapters.hl7v2.header import read_header
from fhir_adapters.hl7v2.inbound import Use, use_of
from fhir_adapters.hl7v2.orders import orders
from fhir_adapters.hl7v2.people import Naming
from guarantee.case import CaseKind, Patient
from guarantee.errors import GuaranteeError
from guarantee.ids import ResultId
from guarantee.orders import Order, OrderStatus
from guarantee.result import Priority, Result
from guarantee.states import CaseState, ResultState
from tests.flows.fakes import arrival
from tests.hl7v2 import messages as m
from tests.hl7v2.door import Site, site

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
NAMING = Naming(authorities={m.IPP: "urn:oid:" + m.IPP})
WHO = Patient(identifier="IPP9", issuer=f"urn:oid:{m.IPP}", name="TESTPATIENT^Jeanne", birth_date="1955-06-12", sex="F")
STUDY = "1.2.3"


def orc(control: str = "NW", placer: str = "P1^RX", filler: str = "F1^RIS", at: str = "20261121090000+0100") -> str:
    return f"ORC|{control}|{placer}|{filler}||||||{at}"


def obr(
    accession: str = "A1",
    *,
    code: str = "IRM^IRM cérébrale^L",
    reason: str = "^Céphalées",
    info: str = "",
    tq: str = "",
) -> str:
    fields = {2: "P1^RX", 3: "F1^RIS", 4: code, 13: info, 18: accession, 27: tq, 31: reason}
    return "OBR|" + "|".join(fields.get(n, "1" if n == 1 else "") for n in range(1, 32))


def orm(*segments: str, patient: str = "", control: str = "1", kind: str = "ORM^O01^ORM_O01") -> str:
    rows = segments or (orc(), obr())
    return m.message(m.msh(kind, control=control, sender="GAM|CHU-X"), patient or m.pid(), *rows)


def parsed(text: str) -> tuple[Order, ...]:
    return orders(read(text), naming=NAMING, zone=UTC, sites=frozenset(), now=NOW)


# ------------------------------------------------------------------------------------------------------------- reading


def test_what_an_order_says() -> None:
    (order,) = parsed(orm(orc(), obr(info="chute", tq="^^^^^S"), "ZDS|1.2.3^AVAL^Application^DICOM"))
    assert (order.placer, order.filler, order.accession, order.study) == ("RX|P1", "RIS|F1", "A1", "1.2.3")
    assert (order.procedures, order.procedure) == (frozenset({"L|IRM"}), "IRM cérébrale")
    assert (order.indication, order.is_stat, order.status) == ("Céphalées\nchute", True, OrderStatus.WANTED)
    assert order.patient == WHO
    assert order.said_at == datetime(2026, 11, 21, 8, tzinfo=UTC)


def test_an_imaging_order_of_hl7_2_5_1_names_its_exam_in_ipc() -> None:
    text = orm(orc(at=""), "TQ1|1||||||||S", obr(""), "IPC|A7^CHU-X|RP1|1.2.9^CHU-X", kind="OMI^O23^OMI_O23")
    (order,) = parsed(text)
    assert (order.accession, order.study, order.is_stat, order.said_at) == ("A7", "1.2.9", True, NOW)


@pytest.mark.parametrize("told", [orc("CA"), orc("OC"), orc("DC"), "ORC|SC|P1^RX|F1^RIS||CA"])
def test_every_word_for_cancelled(told: str) -> None:
    assert [order.status for order in parsed(orm(told, obr()))] == [OrderStatus.CANCELLED]


def test_several_orders_of_one_message_and_an_exam_that_they_share() -> None:
    text = orm(orc(placer="P1^RX", filler=""), obr(""), orc(placer="P2^RX", filler=""), obr(""), "ZDS|1.2.3")
    assert [(order.placer, order.study) for order in parsed(text)] == [("RX|P1", "1.2.3"), ("RX|P2", "1.2.3")]


def test_a_laboratory_s_order_names_no_exam_and_is_not_kept() -> None:
    assert parsed(orm(orc(), obr(""))) == ()


@pytest.mark.parametrize(
    ("segments", "code"),
    [
        ((obr(),), "no-order"),
        (("ORC|NW", "OBR|1"), "no-number"),
        ((orc(placer="x" * 65), obr()), "number"),
        ((orc(), obr("A" * 65)), "number"),
        ((orc(), obr(), "ZDS|1.2.03"), "study"),
        ((orc(), obr()) * 51, "too-many"),
    ],
)
def test_what_is_no_order_is_refused(segments: tuple[str, ...], code: str) -> None:
    with pytest.raises(BadMessage) as refused:
        parsed(orm(*segments))
    assert refused.value.code == code


def test_every_kind_of_order_message_is_of_use() -> None:
    for kind in ("ORM^O01", "OMG^O19", "OMI^O23"):
        assert use_of(read_header(orm(kind=kind).encode())) is Use.ORDERS


# ------------------------------------------------------------------------------------------------------------- meeting


def drafted(place: Site, patient: Patient = WHO) -> Result:
    return place.world.drafted(arrival(place.world.vault, patient=patient))


def told(place: Site, message: str) -> None:
    assert place.talk().ask(message).code == "AA"


def case_now(place: Site) -> tuple[int, CaseState, str]:
    case = place.case(STUDY, CaseKind.STUDY)
    assert case is not None
    return case.revision, case.state, case.cause


def test_an_order_before_its_exam_gives_the_priority_and_the_words(place: Site) -> None:
    told(place, orm(orc(), obr(tq="^^^^^S")))
    draft = drafted(place)
    assert draft.priority is Priority.STAT
    with place.world.store.reading() as unit:
        (order,) = unit.orders.of(unit.cases.get(draft.case))
    assert (order.indication, order.procedure) == ("Céphalées", "IRM cérébrale")


@pytest.mark.parametrize("first", ["order", "exam"])
@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (orm(patient=m.pid(born="19990101")), "order-contradicts"),
        (orm(patient=m.pid("IPP8")), "order-contradicts"),
        (orm(orc("CA"), obr()), "order-cancelled"),
    ],
)
def test_an_exam_that_does_not_go_with_its_order_is_held_whichever_comes_first(
    place: Site, first: str, message: str, cause: str
) -> None:
    if first == "order":
        told(place, message)
        place.world.receive(arrival(place.world.vault, patient=WHO))
        place.world.complete()
        assert case_now(place) == (1, CaseState.QUARANTINED, cause)
        assert place.world.results() == []
    else:
        draft = drafted(place)
        told(place, message)
        now = place.world.result(ResultId(draft.id))
        assert (now.state, now.cause.code if now.cause else "") == (ResultState.STALE, cause)
        assert case_now(place) == (2, CaseState.QUARANTINED, cause)


def test_a_cancellation_by_the_placers_number_alone_finds_the_exam(place: Site) -> None:
    told(place, orm())
    draft = drafted(place)
    told(place, orm("ORC|CA|P1^RX", "OBR|1|P1^RX", control="2"))
    assert place.world.result(ResultId(draft.id)).state is ResultState.STALE


def test_a_cancellation_of_what_was_never_an_exam_leaves_nothing(place: Site) -> None:
    told(place, orm("ORC|CA|P7^LABO", "OBR|1|P7^LABO"))
    with place.world.sql.reading() as unit:
        assert unit.orders.exams(parsed(orm("ORC|CA|P7^LABO", "OBR|1|P7^LABO"))[0]) == ()
        assert not unit.orders.is_known(parsed(orm("ORC|CA|P7^LABO", "OBR|1|P7^LABO"))[0])


def test_a_cancellation_in_the_middle_of_a_review_releases_nothing(place: Site) -> None:
    draft = drafted(place)
    told(place, orm(orc("CA"), obr()))
    with pytest.raises(GuaranteeError):
        place.world.answer(draft)
    place.world.deliver_all()
    assert all(not destination.held for destination in place.world.destinations.values())


def test_between_the_signature_and_the_send_it_is_withheld(place: Site) -> None:
    draft = drafted(place)
    place.world.answer(draft)
    told(place, orm(patient=m.pid(born="19990101")))
    place.world.deliver_all()
    assert set(place.world.deliveries(ResultId(draft.id)).values()) == {"withheld"}


@pytest.mark.parametrize(
    "harmless",
    [
        orm(),
        orm(orc(), obr("A2"), patient=m.pid("IPP8")),
        orm(orc(), obr("A1"), orc("CA", "P2^RX", "F2^RIS"), obr("A1").replace("P1^RX|F1^RIS", "P2^RX|F2^RIS")),
        orm(patient=m.pid(name="MARIEE^Jeanne^^^^^L")),
    ],
)
def test_what_goes_with_the_exam_or_is_of_another_changes_nothing(place: Site, harmless: str) -> None:
    draft = drafted(place)
    told(place, harmless)
    assert place.world.result(ResultId(draft.id)).state is ResultState.AWAITING_REVIEW


def test_a_person_admits_the_exam_and_is_not_asked_again(place: Site) -> None:
    drafted(place)
    told(place, orm(orc("CA"), obr()))
    held = place.case(STUDY, CaseKind.STUDY)
    assert held is not None
    world = place.world
    admit(held.id, by="dr.martin", reason="examen fait", store=world.store, clock=world.clock)
    world.complete()
    world.infer_all()
    told(place, orm(orc("CA"), obr(), control="2"))
    assert case_now(place)[:2] == (3, CaseState.COMPLETE)


def test_orders_are_about_the_sites_that_their_sender_is_of(tmp_path: Path, migrated: Path) -> None:
    shutil.copy(migrated, tmp_path / "aval.db")
    gam = {"addresses": ["127.0.0.1"], "application": "GAM", "exams_of": ["elsewhere"]}
    place = site(tmp_path, senders={"gam": gam})
    place.listener.start()
    try:
        draft = drafted(place)
        told(place, orm(patient=m.pid("IPP8")))
        assert place.world.result(ResultId(draft.id)).state is ResultState.AWAITING_REVIEW
    finally:
        place.close()
        place.world.engine.dispose()


def test_a_demographic_slip_between_two_exams_holds_only_the_one_that_was_asked_for(place: Site) -> None:
    other = replace(arrival(place.world.vault, study="9.9.9", patient=WHO), order="B1")
    one, two = drafted(place), place.world.drafted(other)
    told(place, orm(orc(), obr("B1"), patient=m.pid(born="19990101")))
    assert place.world.result(ResultId(one.id)).state is ResultState.AWAITING_REVIEW
    assert place.world.result(ResultId(two.id)).state is ResultState.STALE
