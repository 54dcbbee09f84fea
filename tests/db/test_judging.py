"""Announcements, rejections and judgements, in both databases."""

from dataclasses import replace

import pytest

from bridge.db.store import SqlStore
from guarantee.case import CaseKind
from guarantee.completeness import Basis, Lack, Shortage, Status, Verdict
from guarantee.errors import Refused
from guarantee.judging import Expectation, Held, Rejection
from tests.db.steps import Steps, an_arrival
from tests.guarantee.samples import JUDGEMENT, a_source, at, digest_of

COUNTED = Expectation(source="query:pacs", group="", basis=Basis.QUERY, status=Status.SAID, instances=30)
LISTED = Expectation(
    source="mpps:1.9", group="1.2.1", basis=Basis.LIST, status=Status.SAID, instances=3, listed=digest_of("list")
)
NOTE = Rejection(study="1.2", uids=frozenset({"1.2.1", "9.9"}), note="1.2.8", title="113038")


def test_what_a_source_says_again_replaces_what_it_said(store: SqlStore) -> None:
    with store.transaction("scp") as unit:
        for said in (COUNTED, LISTED, replace(COUNTED, instances=31)):
            unit.judging.expect(CaseKind.STUDY, "1.2", said, at(0))
        unit.judging.expect(CaseKind.STUDY, "1.3", LISTED, at(1))
    with store.reading() as unit:
        assert unit.judging.expectations(CaseKind.STUDY, "1.2") == (LISTED, replace(COUNTED, instances=31))
        assert unit.judging.announced_by("mpps:1.9") == (("1.2", LISTED), ("1.3", LISTED))
        assert unit.judging.announced_by("mpps:1.8") == ()


def test_a_receiving_case_says_when_something_was_last_announced_of_it(store: SqlStore, steps: Steps) -> None:
    steps.receive("1.2")
    with store.transaction("scp") as unit:
        unit.judging.expect(CaseKind.STUDY, "1.2", COUNTED, at(5))
        unit.judging.expect(CaseKind.STUDY, "1.2", LISTED, at(7))
        unit.judging.expect(CaseKind.STUDY, "1.3", LISTED, at(9))
    with store.reading() as unit:
        (moving,) = unit.judging.receiving(silent_before=at(0))
    assert moving.told_at == at(7)


def test_a_rejected_input_is_kept_and_marked_and_a_note_counts_once(store: SqlStore, steps: Steps) -> None:
    case = steps.receive("1.2")
    for moment in (1, 2):
        with store.transaction("scp") as unit:
            unit.judging.reject(CaseKind.STUDY, NOTE, at(moment))
    with store.transaction("scp") as unit:
        unit.judging.reject(CaseKind.STUDY, replace(NOTE, study="1.3"), at(3))
        unit.cases.add_input(case, an_arrival(case, a_source("1.2.5")), conflict=False, at=at(4))
        found = unit.cases.inputs(case.kind, case.uid)
    assert [(used.source.uid, used.rejected, used.is_used) for used in found] == [
        ("1.2.1", "113038", False),
        ("1.2.5", "", True),
    ]


def test_a_judgement_is_made_once_and_read_back(store: SqlStore, steps: Steps) -> None:
    case = steps.complete(steps.receive("1.2"), is_judged=False)
    short = replace(
        JUDGEMENT,
        verdict=Verdict.SHORT,
        how="deadline",
        shortages=(
            Shortage(lack=Lack.INSTANCES, group="1.2.0", announced=60, arrived=57),
            Shortage(lack=Lack.BROKEN_OFF),
        ),
    )
    with store.transaction("sweep") as unit:
        assert unit.judging.judgement(case.id) is None
        unit.judging.judge(case, short, at(9))
    with store.reading() as unit:
        assert unit.judging.judgement(case.id) == short
    with pytest.raises(Refused), store.transaction("sweep") as unit:
        unit.judging.judge(case, short, at(9))


def test_instances_are_found_by_name_with_their_class_whatever_their_study(store: SqlStore, steps: Steps) -> None:
    first, second = steps.receive("1.2"), steps.receive("1.3")
    other_bytes = replace(a_source("1.2.1"), digest=digest_of("other bytes"))
    with store.transaction("scp") as unit:
        unit.cases.add_input(first, an_arrival(first, other_bytes), conflict=True, at=at(1))
    names = [f"{case.uid}.1" for case in (first, second)]
    with store.reading() as unit:
        found = unit.judging.held([*names, *(f"9.{n}" for n in range(1_200))])
    assert found == tuple(Held(uid=uid, kind=a_source().kind, digest=a_source(uid).digest) for uid in names)
