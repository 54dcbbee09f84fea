"""Whose inputs are they? What is doubtful is held with its cause, and goes on when a person says so, or never."""

from dataclasses import replace

import pytest

from bridge.flows.admit import admit, keep_apart
from guarantee.case import Case, CaseKind, Patient
from guarantee.errors import NotAllowed
from guarantee.identity import Doubt
from guarantee.states import CaseState, ResultState
from tests.flows.fakes import PATIENT, arrival, somebody_else
from tests.flows.world import World

C = CaseState


def newest(world: World, uid: str = "1.2.3") -> Case:
    with world.store.reading() as unit:
        case = unit.cases.latest(CaseKind.STUDY, uid)
    assert case is not None
    return case


def let_through(world: World, uid: str = "1.2.3") -> Case:
    return admit(newest(world, uid).id, by="operator:root", reason="vu", store=world.store, clock=world.clock)


def doubts(world: World) -> list[tuple[str, str]]:
    with world.store.reading() as unit:
        return [(d.cause, d.subject) for d in unit.views.doubts(newest(world).id)]


def other(**changes: str) -> Patient:
    return replace(PATIENT, **changes)


@pytest.mark.parametrize(
    ("second", "cause"),
    [
        (other(birth_date="1970-01-02"), "identity-doubtful"),
        (other(sex="M"), "identity-doubtful"),
        (other(identifier=""), "identity-doubtful"),
        (other(issuer="CLINIQUE"), "two-patients"),
        (somebody_else(), "two-patients"),
    ],
)
def test_doubtful_traits_in_a_later_image_hold_the_study_with_their_cause(
    world: World, second: Patient, cause: str
) -> None:
    world.receive(arrival(world.vault), arrival(world.vault, image=2, patient=second))
    world.complete()

    assert (newest(world).state, newest(world).cause) == (C.QUARANTINED, cause)
    assert world.results() == []


@pytest.mark.parametrize("second", [other(birth_date=""), other(name="MARIEE^Anne"), other(issuer="")])
def test_compatible_traits_join_with_a_flag(world: World, second: Patient) -> None:
    world.receive(arrival(world.vault), arrival(world.vault, image=2, patient=second))
    world.complete()

    assert newest(world).state is C.COMPLETE
    assert [cause for cause, _ in doubts(world)] == ["spelled-otherwise"]
    assert newest(world).patient == PATIENT


def test_a_name_with_its_accents_joins_without_a_word(world: World) -> None:
    world.receive(arrival(world.vault), arrival(world.vault, image=2, patient=other(name="Essai^Änne")))
    world.complete()

    assert newest(world).state is C.COMPLETE
    assert doubts(world) == []


def test_a_held_study_that_a_person_admits_goes_on_as_the_next_revision(world: World) -> None:
    world.receive(arrival(world.vault), arrival(world.vault, image=2, patient=somebody_else()))
    held = newest(world)

    going_on = let_through(world)
    assert (going_on.revision, going_on.state, going_on.admitted) == (2, C.RECEIVING, "two-patients")
    world.complete()

    assert newest(world).state is C.COMPLETE
    assert len(world.results()) == 1
    with world.store.reading() as unit:
        assert unit.cases.get(held.id).state is C.QUARANTINED
        links = [link for link in unit.journal.links() if link.subject in {held.id, going_on.id}]
    actions = [link.action for link in links if not link.action.startswith("judgement.")]
    assert actions == ["case.receiving", "case.quarantined", "admission.admit", "case.receiving", "case.complete"]


def test_what_was_let_through_holds_no_more_and_anything_new_does(world: World) -> None:
    second, third = somebody_else(), other(identifier="P3")
    world.receive(arrival(world.vault), arrival(world.vault, image=2, patient=second))
    let_through(world)

    world.receive(arrival(world.vault, image=3, patient=second))
    assert newest(world).state is C.RECEIVING
    world.complete()
    world.receive(arrival(world.vault, image=4, patient=second))
    assert (newest(world).revision, newest(world).state) == (3, C.RECEIVING)
    world.receive(arrival(world.vault, image=5, patient=third))

    assert (newest(world).state, newest(world).cause) == (C.QUARANTINED, "two-patients")
    assert let_through(world).admitted == "two-patients"


def test_a_study_that_is_kept_apart_never_goes_on(world: World) -> None:
    world.receive(arrival(world.vault), arrival(world.vault, image=2, patient=somebody_else()))
    case = newest(world)
    keep_apart(case.id, by="operator:root", reason="deux patients", store=world.store, clock=world.clock)

    world.receive(arrival(world.vault, image=3))
    world.complete()
    assert newest(world).id == case.id
    assert world.results() == []
    with pytest.raises(NotAllowed, match=r"already said of case .*: keep-apart"):
        let_through(world)


def test_only_a_held_study_is_admitted(world: World) -> None:
    world.receive(arrival(world.vault))
    with pytest.raises(NotAllowed, match="is receiving; only a held one"):
        let_through(world)


def test_what_an_unknown_sender_brings_is_held_until_somebody_admits_it(world: World) -> None:
    unknown = replace(arrival(world.vault), sender="unknown:CT9", doubt="sender-unknown")
    world.receive(unknown)
    assert (newest(world).state, newest(world).cause) == (C.QUARANTINED, "sender-unknown")
    assert doubts(world) == [("sender-unknown", "unknown:CT9")]

    let_through(world)
    world.receive(replace(arrival(world.vault, image=2), sender="unknown:CT9", doubt="sender-unknown"))
    world.complete()
    assert newest(world).state is C.COMPLETE
    world.receive(replace(arrival(world.vault, image=3), sender="unknown:MR9", doubt="sender-unknown"))
    assert newest(world).state is C.QUARANTINED


def test_bytes_that_were_let_through_are_still_never_used(world: World) -> None:
    world.receive(arrival(world.vault), arrival(world.vault, data=b"other pixels"))
    let_through(world)
    world.complete()

    case = newest(world)
    assert case.state is C.COMPLETE
    with world.store.reading() as unit:
        used = [one for one in unit.cases.inputs(case.kind, case.uid) if not one.conflict]
    assert len(used) == 1
    assert world.vault.get(used[0].source.digest) != b"other pixels"


# ---------------------------------------------------------------------------------------- one number, two people


def test_a_number_that_is_somebody_elses_holds_the_study(world: World) -> None:
    world.receive(arrival(world.vault))
    world.complete()
    world.receive(arrival(world.vault, study="1.2.4", patient=other(birth_date="1980-02-02", issuer="")))
    world.complete()

    assert newest(world).state is C.COMPLETE
    second = newest(world, "1.2.4")
    assert (second.state, second.cause) == (C.QUARANTINED, "identity-collision")
    assert [result.state for result in world.results()] == [ResultState.QUEUED]


def test_of_two_that_come_together_one_is_held(world: World) -> None:
    world.receive(arrival(world.vault), arrival(world.vault, study="1.2.4", patient=other(sex="M")))
    world.complete()

    states = {newest(world, uid).state for uid in ("1.2.3", "1.2.4")}
    assert states == {C.COMPLETE, C.QUARANTINED}


def test_the_same_number_of_another_issuer_is_another_number(world: World) -> None:
    elsewhere = other(issuer="CLINIQUE", birth_date="1980-02-02", name="AUTRE^Paul", sex="M")
    world.receive(arrival(world.vault), arrival(world.vault, study="1.2.4", patient=elsewhere))
    world.complete()

    assert {newest(world, uid).state for uid in ("1.2.3", "1.2.4")} == {C.COMPLETE}


def test_traits_that_were_admitted_once_hold_no_later_study(world: World) -> None:
    true = other(birth_date="1980-02-02")
    world.receive(arrival(world.vault))
    world.complete()
    world.receive(arrival(world.vault, study="1.2.4", patient=true))
    world.complete()
    let_through(world, "1.2.4")
    world.complete()
    assert newest(world, "1.2.4").state is C.COMPLETE

    world.receive(arrival(world.vault, study="1.2.5", patient=true))
    world.complete()
    assert newest(world, "1.2.5").state is C.COMPLETE
    assert newest(world, "1.2.4").admitted == str(Doubt.IDENTITY_COLLISION)
