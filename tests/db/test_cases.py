"""Cases and their inputs, in both databases."""

import threading
from dataclasses import replace

import pytest

from bridge.db.store import SqlStore
from guarantee.case import Case, CaseKind, case_id
from guarantee.errors import Refused, Unavailable
from guarantee.judging import Moving
from guarantee.states import CaseVerb
from tests.db.databases import Database
from tests.db.steps import Steps, an_arrival
from tests.guarantee.samples import MANIFEST, a_case, a_source, at, digest_of


def test_a_case_comes_back_as_it_was_stored(store: SqlStore) -> None:
    case = a_case(
        description="IRM « cérébrale » œ’≥ 漢字 🧠",
        encounter="Encounter/7",
        order="",
        patient=replace(a_case().patient, name="ÉLODIE^O'Brien", reference="Patient/1"),
    )
    with store.transaction("scp") as unit:
        assert unit.cases.latest(case.kind, case.uid) is None
        unit.cases.add(case, at(0))
        assert unit.cases.latest(case.kind, case.uid) == case
        assert unit.cases.get(case.id) == case


def test_the_latest_revision_is_the_newest_one(store: SqlStore, steps: Steps) -> None:
    first = steps.receive("1.2")
    steps.complete(first)
    steps.supersede(first)
    second = steps.receive("1.2", id=case_id(CaseKind.STUDY, "1.2", 2), revision=2)
    with store.reading() as unit:
        assert unit.cases.latest(CaseKind.STUDY, "1.2") == second
        assert unit.cases.latest(CaseKind.RECORD, "1.2") is None
        assert unit.cases.get(first.id).revision == 1


def test_a_revision_is_opened_once(store: SqlStore, steps: Steps) -> None:
    steps.receive("1.2")
    with pytest.raises(Refused, match="case"), store.transaction("scp") as unit:
        unit.cases.add(a_case("1.2"), at(1))


def test_a_case_is_completed_with_its_manifest_and_keeps_it(store: SqlStore, steps: Steps) -> None:
    complete = steps.complete(steps.receive("1.2"))
    steps.supersede(complete)
    with store.reading() as unit:
        kept = unit.cases.get(complete.id)
    assert (str(kept.state), kept.version, kept.manifest) == ("superseded", 2, MANIFEST)


def test_a_quarantined_case_keeps_its_reason(store: SqlStore, steps: Steps) -> None:
    moved = steps.quarantine(steps.receive("1.2"))
    with store.reading() as unit:
        assert unit.cases.get(moved.id) == moved


def test_somebody_elses_move_is_not_written_over(store: SqlStore, steps: Steps) -> None:
    case = steps.receive("1.2")
    steps.complete(case)
    with pytest.raises(Unavailable, match="moved-meanwhile"), store.transaction("sweep") as unit:
        unit.cases.move(case.after(CaseVerb.COMPLETE, manifest=digest_of("other inputs")), at(9))
    with store.reading() as unit:
        assert unit.cases.get(case.id).manifest == MANIFEST


def test_inputs_are_kept_in_order_and_conflicting_bytes_beside_them(store: SqlStore, steps: Steps) -> None:
    case = steps.receive("1.2")
    other_bytes = replace(a_source("1.2.1"), digest=digest_of("other bytes"))
    with store.transaction("scp") as unit:
        unit.cases.add_input(case, an_arrival(case, a_source("1.2.0")), conflict=False, at=at(1))
        unit.cases.add_input(case, an_arrival(case, other_bytes), conflict=True, at=at(2))
    with store.reading() as unit:
        inputs = unit.cases.inputs(case.kind, case.uid)
        known = unit.cases.known(case.kind, case.uid, "1.2.1")
    assert [(used.source.uid, used.conflict) for used in inputs] == [
        ("1.2.0", False),
        ("1.2.1", False),
        ("1.2.1", True),
    ]
    assert known == inputs[1:]
    assert known[0].facts == {"Modality": frozenset({"MR"})}
    assert known[1].source == other_bytes


def test_the_same_bytes_are_kept_once(store: SqlStore, steps: Steps) -> None:
    case = steps.receive("1.2")
    with pytest.raises(Refused), store.transaction("scp") as unit:
        unit.cases.add_input(case, an_arrival(case), conflict=False, at=at(1))


def moving(store: SqlStore, silent_before: float = -60) -> dict[str, Moving]:
    with store.reading() as unit:
        found = unit.judging.receiving(silent_before=at(silent_before))
        return {unit.cases.get(one.case).uid: one for one in found}


def open_at(store: SqlStore, uid: str, seconds: float, conversation: str = "", modality: str = "MR") -> Case:
    case = a_case(uid, modality=modality)
    with store.transaction("scp") as unit:
        unit.cases.add(case, at(seconds))
        unit.cases.add_input(case, an_arrival(case, conversation=conversation), conflict=False, at=at(seconds))
    return case


def test_only_what_still_receives_is_looked_at_the_longest_quiet_first(store: SqlStore, steps: Steps) -> None:
    late, early = open_at(store, "1.2", 5), open_at(store, "1.3", 0)
    assert list(moving(store)) == ["1.3", "1.2"]
    assert moving(store)["1.3"] == Moving(
        case=early.id, last_input_at=at(0), told_at=None, is_open=False, broken_off=False
    )
    with store.transaction("scp") as unit:
        unit.cases.add_input(early, an_arrival(early, a_source("1.3.9")), conflict=False, at=at(30))
    assert {uid: one.last_input_at for uid, one in moving(store).items()} == {"1.2": at(5), "1.3": at(30)}
    steps.complete(late)
    assert list(moving(store)) == ["1.3"]
    with store.reading() as unit:
        assert unit.judging.receiving(silent_before=at(0), case=late.id) == ()
        (one,) = unit.judging.receiving(silent_before=at(0), case=early.id)
    assert one.case == early.id


def test_a_case_somebody_still_sends_is_open(store: SqlStore) -> None:
    open_at(store, "1.2", 0, conversation="a")
    open_at(store, "1.3", 0, conversation="a")
    assert [one.is_open for one in moving(store).values()] == [True, True]
    with store.transaction("scp") as unit:
        unit.judging.hang_up("a", at(10), broken_off=False)
        unit.judging.hang_up("b", at(10), broken_off=True)
    assert [(one.is_open, one.broken_off) for one in moving(store).values()] == [(False, False)] * 2


def test_one_open_conversation_of_several_is_enough(store: SqlStore) -> None:
    case = open_at(store, "1.2", 0, conversation="a")
    with store.transaction("scp") as unit:
        unit.cases.add_input(case, an_arrival(case, a_source("1.2.9"), "b"), conflict=False, at=at(0))
        unit.judging.hang_up("a", at(1), broken_off=False)
    assert moving(store)["1.2"].is_open


def test_the_last_transfer_says_whether_one_was_broken_off(store: SqlStore) -> None:
    case = open_at(store, "1.2", 0, conversation="a")
    with store.transaction("scp") as unit:
        unit.judging.hang_up("a", at(1), broken_off=True)
    assert moving(store)["1.2"].broken_off
    with store.transaction("scp") as unit:
        unit.cases.add_input(case, an_arrival(case, a_source("1.2.9"), "b"), conflict=False, at=at(2))
        unit.judging.hang_up("b", at(3), broken_off=False)
    assert not moving(store)["1.2"].broken_off, "it was sent again, and ended well"


def test_a_sender_that_died_does_not_keep_a_case_open_for_ever(store: SqlStore) -> None:
    case = open_at(store, "1.2", 0, conversation="a")
    assert (moving(store, 0)["1.2"].is_open, moving(store, 0)["1.2"].broken_off) == (False, True)
    with store.transaction("scp") as unit:
        unit.cases.add_input(case, an_arrival(case, a_source("1.2.9"), "a"), conflict=False, at=at(40))
    assert moving(store, 0)["1.2"].is_open


def test_old_conversations_are_forgotten_and_open_ones_are_not(store: SqlStore) -> None:
    open_at(store, "1.2", 0, conversation="ended")
    open_at(store, "1.3", 0, conversation="silent")
    open_at(store, "1.4", 90, conversation="open")
    with store.transaction("scp") as unit:
        unit.judging.hang_up("ended", at(5), broken_off=False)
    with store.transaction("sweep") as unit:
        assert unit.judging.forget_conversations(at(3)) == 1
        assert unit.judging.forget_conversations(at(50)) == 1
        assert unit.judging.forget_conversations(at(50)) == 0
    assert {uid: one.is_open for uid, one in moving(store).items()} == {"1.2": False, "1.3": False, "1.4": True}


def test_a_late_input_does_not_wake_a_finished_case(store: SqlStore, steps: Steps) -> None:
    case = steps.complete(steps.receive("1.2"))
    with store.transaction("scp") as unit:
        unit.cases.add_input(case, an_arrival(case, a_source("1.2.9")), conflict=True, at=at(900))
        assert unit.cases.get(case.id) == case


@pytest.mark.parametrize("way", ["latest", "get", "of_case", "get result", "of_result"])
def test_whoever_reads_a_case_to_change_it_makes_others_wait(
    store: SqlStore, steps: Steps, way: str, database: Database
) -> None:
    """The second transaction sees what the first one wrote, whatever each of them looked at."""
    result = steps.queued("1.2")
    looked, go_on, seen = threading.Event(), threading.Event(), []

    def second() -> None:
        looked.wait(30)
        with store.transaction("second") as unit:
            seen.append(unit.cases.get(result.case).state)

    thread = threading.Thread(target=second)
    thread.start()
    with store.transaction("first") as unit:
        case = unit.cases.get(result.case)
        {
            "latest": lambda: unit.cases.latest(CaseKind.STUDY, "1.2"),
            "get": lambda: unit.cases.get(result.case),
            "of_case": lambda: unit.results.of_case(result.case),
            "get result": lambda: unit.results.get(result.id),
            "of_result": lambda: unit.deliveries.of_result(result.id),
        }[way]()
        looked.set()
        go_on.wait(0.2)
        assert seen == []
        unit.cases.move(case.after(CaseVerb.SUPERSEDE), at(99))
    thread.join(30)
    assert [str(state) for state in seen] == ["superseded"]


def test_reading_waits_for_nobody(store: SqlStore, steps: Steps) -> None:
    result = steps.queued("1.2")
    with store.transaction("first") as unit:
        unit.cases.move(unit.cases.get(result.case).after(CaseVerb.SUPERSEDE), at(99))
        with store.reading() as other:
            assert str(other.cases.get(result.case).state) == "complete"
            assert str(other.results.get(result.id).state) == "queued"
