"""The record merges, moves or corrects an identity: what was drafted is out of date, and nothing leaves by mistake."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from bridge.db import tables
from bridge.flows import objections
from bridge.flows.admit import admit
from guarantee.case import Case, CaseKind, Patient
from guarantee.errors import GuaranteeError
from guarantee.ids import ResultId
from guarantee.objections import Word
from guarantee.opinion import Reason, Verdict
from guarantee.result import Result
from guarantee.states import CaseState, ResultState
from tests.flows.fakes import arrival
from tests.hl7v2 import messages as m
from tests.hl7v2.door import Site

STAY = f"urn:oid:{m.STAYS}|S7"
C, R = CaseState, ResultState

ISSUED = Patient(
    identifier="IPP9", issuer=f"urn:oid:{m.IPP}", name="TESTPATIENT^Jeanne", birth_date="1955-06-12", sex="F"
)
LOCAL = replace(ISSUED, issuer="CHU-X")
UNISSUED = replace(ISSUED, issuer="")
OTHERS = replace(ISSUED, issuer="CLINIQUE")


def drafted(place: Site, patient: Patient = ISSUED) -> Result:
    return place.world.drafted(arrival(place.world.vault, patient=patient))


def told(place: Site, message: str) -> None:
    assert place.talk().ask(message).code == "AA"


def newest(place: Site) -> Case:
    case = place.case("1.2.3", CaseKind.STUDY)
    assert case is not None
    return case


def state(place: Site, result: Result) -> tuple[ResultState, str]:
    now = place.world.result(ResultId(result.id))
    return now.state, now.cause.code if now.cause else ""


EVENTS = {
    "A40, gone": m.merge("IPP1", "IPP9"),
    "A40, stays": m.merge("IPP9", "IPP1"),
    "A47": m.adt("A47", m.pid("IPP1"), f"MRG|{m.ipp('IPP9')}"),
    "A43": m.adt("A43", m.pid("IPP1"), f"MRG|{m.ipp('IPP9')}"),
    "A24": m.adt("A24", m.pid("IPP1"), m.pid("IPP9")),
    "A37": m.adt("A37", m.pid("IPP1"), m.pid("IPP9")),
    "A08, born another day": m.adt("A08", m.pid(born="19560612"), m.pv1("S8" + m.VISIT[2:]), m.ZBE, m.ZFD, m.ZFV),
    "A31, another sex": m.adt("A31", m.pid(sex="M")),
}


@pytest.mark.parametrize("name", EVENTS)
def test_a_draft_that_waits_is_out_of_date_and_what_follows_is_held(place: Site, name: str) -> None:
    draft = drafted(place)
    told(place, EVENTS[name])

    assert state(place, draft) == (R.STALE, "identity-changed")
    held = newest(place)
    assert (held.revision, held.state, held.cause) == (2, C.QUARANTINED, "identity-changed")
    assert held.identity_version == draft.identity_version + 1
    place.world.complete()
    assert newest(place) == held


@pytest.mark.parametrize(
    "harmless",
    [
        m.merge("IPP1", "IPP2"),
        m.adt("A08", m.pid(), m.pv1()),
        m.adt("A08", m.pid(name="MARIEE^Jeanne^^^^^L"), m.pv1()),
        m.adt("A31", m.pid(born="")),
        m.adt("A03", m.pid(born="19560612"), m.pv1()),
    ],
)
def test_what_is_of_others_or_contradicts_nothing_leaves_drafts_alone(place: Site, harmless: str) -> None:
    draft = drafted(place)
    told(place, harmless)
    assert state(place, draft) == (R.AWAITING_REVIEW, "")
    assert newest(place).revision == 1


@pytest.mark.parametrize(("patient", "is_concerned"), [(LOCAL, True), (UNISSUED, True), (OTHERS, False)])
def test_images_name_the_issuer_otherwise_or_not_at_all(place: Site, patient: Patient, *, is_concerned: bool) -> None:
    draft = drafted(place, patient)
    told(place, m.merge("IPP1", "IPP9"))
    assert (state(place, draft)[0] is R.STALE) is is_concerned


def test_a_merge_in_the_middle_of_a_review_releases_nothing(place: Site) -> None:
    """The reader was asked, the record merges the patient, the reader signs."""
    draft = drafted(place)
    world = place.world
    told(place, m.merge("IPP1", "IPP9"))
    with pytest.raises(GuaranteeError):
        world.answer(draft)
    world.deliver_all()
    assert all(not destination.held for destination in world.destinations.values())


def test_a_merge_between_the_signature_and_the_send_withholds_it(place: Site) -> None:
    draft = drafted(place)
    place.world.answer(draft)
    told(place, m.merge("IPP1", "IPP9"))
    place.world.deliver_all()

    assert state(place, draft) == (R.STALE, "identity-changed")
    assert set(place.world.deliveries(ResultId(draft.id)).values()) == {"withheld"}
    assert all(not destination.held for destination in place.world.destinations.values())


def test_what_was_delivered_is_listed_for_a_person(place: Site) -> None:
    draft = drafted(place)
    place.world.answer(draft)
    place.world.deliver_all()
    assert state(place, draft)[0] is R.DELIVERED
    told(place, m.merge("IPP1", "IPP9"))

    with place.world.sql.reading() as unit:
        assert [row.result.id for row in unit.views.outside(9)] == [draft.id]
        assert [case.uid for case in unit.views.held()] == ["1.2.3"]


def test_the_same_merge_again_stops_nothing_that_a_person_let_through(place: Site) -> None:
    drafted(place)
    told(place, m.merge("IPP1", "IPP9"))
    world = place.world
    going_on = admit(newest(place).id, by="operator:root", reason="vu", store=world.store, clock=world.clock)
    world.complete()
    world.infer_all()
    again = world.results()[-1]
    assert (going_on.identity_version, again.identity_version, again.state) == (2, 2, R.AWAITING_REVIEW)

    told(place, m.merge("IPP1", "IPP9"))
    told(place, m.merge("IPP1", "IPP9", control="sent again under another number"))
    assert world.result(ResultId(again.id)).state is R.AWAITING_REVIEW
    told(place, m.merge("IPP3", "IPP9", control="something new"))
    assert world.result(ResultId(again.id)).state is R.STALE


def test_a_study_that_is_still_arriving_is_held(place: Site) -> None:
    place.world.receive(arrival(place.world.vault, patient=ISSUED))
    told(place, m.merge("IPP1", "IPP9"))
    assert (newest(place).state, newest(place).revision, newest(place).identity_version) == (C.QUARANTINED, 1, 2)


def test_old_cases_of_which_nothing_will_come_are_left_alone(place: Site) -> None:
    draft = drafted(place)
    place.world.answer(draft, Verdict.REJECT, reason=Reason.FALSE_POSITIVE)
    told(place, m.merge("IPP1", "IPP9"))
    assert (newest(place).state, newest(place).revision) == (C.COMPLETE, 1)


def test_a_moved_stay_concerns_its_case_whoever_has_it(place: Site) -> None:
    told(place, m.oru())
    told(place, m.adt("A45", m.pid("IPP1"), f"MRG|{m.ipp('IPP2')}||||{m.VISIT}"))
    case = place.case(STAY)
    assert case is not None
    assert (case.state, case.cause) == (C.QUARANTINED, "identity-changed")


@pytest.mark.parametrize("code", ["DOUB", "DPOT", "DOUA", "COLP", "COLV", "USUR", "INVA", "DOUT", "FICT", "DESA"])
def test_an_identity_that_the_record_itself_doubts_is_held(place: Site, code: str) -> None:
    trusted = ["VIDE", "PROV", "VALI", "RECUP", "QUAL", "FILI", "CACH", "ANOM", "IDVER", "RECD", "IDRA", "HOMD", "HOMA"]
    told(place, m.oru(patient=m.pid(reliability="~".join(trusted))))
    case = place.case(STAY)
    assert case is not None
    assert case.state is C.RECEIVING
    told(place, m.oru(control="2", patient=m.pid(reliability=f"VALI~{code}"), order=m.obr("L2")))
    case = place.case(STAY)
    assert case is not None
    assert (case.state, case.cause) == (C.QUARANTINED, "identity-doubtful")


def test_the_national_number_is_never_a_number_of_ours(place: Site) -> None:
    told(place, m.oru(patient=m.pid(others=f"{m.INS}~")))
    case = place.case(STAY)
    assert case is not None
    assert case.patient.identifier == "IPP9"
    assert place.talk().ask(m.adt("A40", m.pid("", others=m.INS), f"MRG|{m.INS}")).code == "AR"


# ---------------------------------------------------------------------------------------------------- traits of a stay


def test_an_admission_opens_the_stay_and_makes_no_draft_stale_later(place: Site) -> None:
    told(place, m.adt("A01", m.pid(), m.pv1(), m.ZBE, m.ZFD))
    case = place.case(STAY)
    assert case is not None
    assert (case.description, case.started, case.patient) == ("IMP", "2026-11-20T08:12:00+01:00", ISSUED)
    told(place, m.oru(control="2"))
    place.world.complete()
    told(place, m.adt("A08", m.pid(), m.pv1(), control="3"))
    case = place.case(STAY)
    assert case is not None
    assert (case.revision, case.state, len(place.stored(STAY))) == (1, C.COMPLETE, 2)


def test_two_patients_in_one_stay_are_held(place: Site) -> None:
    told(place, m.adt("A01", m.pid(), m.pv1()))
    told(place, m.oru(control="2", patient=m.pid("IPP10", name="AUTRE^Anne", born="19700101")))
    case = place.case(STAY)
    assert case is not None
    assert (case.state, case.cause) == (C.QUARANTINED, "two-patients")


def test_a_cancelled_admission_opens_no_stay_and_makes_the_one_there_is_stale(place: Site) -> None:
    told(place, m.adt("A11", m.pid(), m.pv1()))
    assert place.case(STAY) is None
    told(place, m.oru(control="2"))
    place.world.complete()
    told(place, m.adt("A11", m.pid(), m.pv1(), control="3"))
    case = place.case(STAY)
    assert case is not None
    assert (case.revision, len(place.stored(STAY))) == (2, 2)


MENTIONED = {
    "A40, gone": ({("IPP1", 0, 1), ("IPP9", 0, 1)}, {"IPP1", "IPP9"}),
    "A47": ({("IPP1", 0, 1), ("IPP9", 0, 1)}, {"IPP1", "IPP9"}),
    "A43": ({("IPP1", 0, 0), ("IPP9", 0, 0)}, {"IPP9"}),
    "A24": ({("IPP1", 0, 0), ("IPP9", 1, 0)}, {"IPP9"}),
    "A31, another sex": ({("IPP9", 0, 0)}, {"IPP9"}),
}


@pytest.mark.parametrize("name", MENTIONED)
def test_whom_news_names_is_noted_and_only_a_merge_joins(place: Site, name: str) -> None:
    """An objection under one number of a merged patient stands under the other too; a move or a link joins nobody."""
    world = place.world
    issuer = drafted_case_issuer(place)
    objections.say(
        Word.RECORD, [issuer], "IPP9", by="operator:root", reason="courrier", store=world.store, clock=world.clock
    )
    told(place, EVENTS[name])
    told(place, EVENTS[name])
    with world.sql.reading() as unit:
        rows = unit.connection.execute(select(tables.mentions)).all()
        standing = {one.identifier for one in unit.objections.standing()}
    mentioned, objecting = MENTIONED[name]
    assert {(row.value, row.who, row.joined) for row in rows} == mentioned
    assert standing == objecting


def drafted_case_issuer(place: Site) -> str:
    drafted(place)
    return newest(place).patient.issuer
