"""What pages and the command line read, in both databases."""

from dataclasses import replace

import pytest

from bridge.db import views
from bridge.db.store import SqlStore
from bridge.db.views import link_body
from bridge.seal import KeyRing
from guarantee.case import CaseKind, case_id
from guarantee.deliveries import Delivery
from guarantee.journal import GENESIS, verify
from guarantee.opinion import Seal
from guarantee.release import Kind
from guarantee.result import Cause, Mode, Priority
from guarantee.states import ResultVerb
from guarantee.stops import Scope
from tests.db.steps import Steps, draft_of
from tests.guarantee.samples import DESK, MANIFEST, a_case, a_result, at


def test_the_worklist_is_urgent_first_then_oldest_and_says_what_is_held(store: SqlStore, steps: Steps) -> None:
    old = steps.drafted("1.2")
    urgent = steps.drafted("1.3", priority=Priority.STAT)
    held = steps.drafted("1.4", site="north")
    steps.drafted("1.5", mode=Mode.SHADOW)
    failed = steps.conclude(steps.queued("1.6"), ResultVerb.FAIL)
    steps.stop(Scope.SITE, "north")
    with store.reading() as unit:
        rows = unit.views.results(["awaiting_review"], limit=10)
        assert [(row.result.id, row.held) for row in rows] == [(urgent.id, False), (old.id, False), (held.id, True)]
        assert rows[0].case.uid == "1.3"
        assert rows[0].queued_at < rows[0].moved_at
        assert [row.result.id for row in unit.views.results(["awaiting_review"], limit=1)] == [urgent.id]
        everything = unit.views.results([], modes=("care", "shadow"), limit=10, newest_first=True)
        assert len(everything) == 5
        assert everything[0].result.id == failed.id
        assert unit.views.counts() == {"awaiting_review": 3, "failed": 1}


def test_one_result_is_found_by_name_or_by_its_first_characters(store: SqlStore, steps: Steps) -> None:
    result = steps.drafted("1.2")
    with store.reading() as unit:
        row = unit.views.result(result.id)
        assert row is not None
        assert row.result == result
        assert unit.views.result("nothing") is None
        assert unit.journal.find_results(result.id[:8]) == (result.id,)
        assert unit.journal.find_results(result.id) == (result.id,)
        assert unit.journal.find_results("%") == ()
        assert unit.journal.find_results("zzz") == ()


def close(steps: Steps, delivery: Delivery, state: str) -> Cause:
    cause = Cause(code="not-taken", detail=f"{state} at {delivery.destination}")
    with steps.store_of("aval_deliver").transaction("deliver") as unit:
        unit.deliveries.close(delivery, state, cause, steps.now())
    return cause


@pytest.mark.parametrize("state", ["declined", "withheld"])
def test_what_a_destination_refused_or_was_never_sent_is_said_of_its_result(
    store: SqlStore, steps: Steps, state: str
) -> None:
    whole, refused = steps.sign(steps.drafted("1.2")), steps.sign(steps.drafted("1.3"))
    cause = close(steps, steps.deliveries(refused)[1], state)
    with store.reading() as unit:
        rows = unit.views.results(["validated"], limit=10)
    assert {row.result.id: row.undelivered for row in rows} == {whole.id: None, refused.id: cause}


def test_a_copy_that_may_be_wrong_outside_is_listed_until_somebody_decides_again(store: SqlStore, steps: Steps) -> None:
    def outside() -> list[str]:
        with store.reading() as unit:
            return [row.result.id for row in unit.views.outside(10)]

    delivered = steps.deliver(steps.sign(steps.drafted("1.2")))
    steps.deliver(steps.sign(steps.drafted("1.3")))
    assert outside() == []
    steps.supersede(a_case("1.2"))
    assert outside() == [delivered.id]
    following = steps.receive("1.2", id=case_id(CaseKind.STUDY, "1.2", 2), revision=2)
    again = a_result(replace(following, manifest=MANIFEST))
    steps.complete(following, again)
    steps.draft(again)
    assert outside() == [delivered.id], "a new draft is no decision"
    steps.sign(replace(again, draft=draft_of(again)))
    assert outside() == []


def test_a_withdrawal_that_a_destination_refused_is_listed_with_its_cause(store: SqlStore, steps: Steps) -> None:
    result, _ = steps.withdraw(steps.deliver(steps.sign(steps.drafted("1.2"))))
    steps.withdraw(steps.deliver(steps.sign(steps.drafted("1.3"))))
    cause = close(steps, steps.deliveries(result, Kind.WITHDRAWAL)[0], "declined")
    with store.reading() as unit:
        assert [(row.result.id, row.undelivered) for row in unit.views.outside(10)] == [(result.id, cause)]


def test_deliveries_are_followed_to_their_proof(store: SqlStore, steps: Steps) -> None:
    result = steps.sign(steps.drafted("1.2"))
    first, second = steps.deliveries(result)
    steps.confirm(first, steps.begin(first))
    with store.transaction("deliver") as unit:
        unit.deliveries.postpone(second, until=at(999), cause=Cause(code="timeout", detail="no answer"))
    with store.reading() as unit:
        rows = unit.views.sent(result.id)
    assert [(row.delivery.state, row.method, row.cause) for row in rows] == [
        ("confirmed", "read-back", None),
        ("due", "", Cause(code="timeout", detail="no answer")),
    ]


def test_the_time_line_of_a_result_tells_its_case_and_deliveries_too(store: SqlStore, steps: Steps) -> None:
    result, _ = steps.withdraw(steps.deliver(steps.sign(steps.drafted("1.2"))))
    other = steps.drafted("1.3")
    with store.reading() as unit:
        line = unit.views.timeline(result.id)
        assert {"case.complete", "draft.shown", "opinion.accept", "delivery.confirmed", "result.retracted"} <= {
            link.action for link in line
        }
        assert other.id not in {link.subject for link in line}
        assert [link.seq for link in line] == sorted(link.seq for link in line)
        assert unit.views.timeline("nothing") == ()
        [opinion] = [link for link in line if link.action == "opinion.accept"]
        assert link_body(opinion)["reader"] == "dr.martin"


def test_what_was_refused_at_the_doors_and_the_newest_cases_are_listed(store: SqlStore, steps: Steps) -> None:
    steps.receive("1.2")
    steps.receive("1.3")
    with store.transaction("scp") as unit:
        for seconds in range(3):
            unit.messages.turn_away("scp", "mr1", f"code {seconds}", "", at(seconds))
        assert [row["code"] for row in unit.views.turned_away(2)] == ["code 2", "code 1"]
        assert [case.uid for case in unit.views.cases(5)] == ["1.3", "1.2"]


def test_the_journal_is_read_in_pages_without_losing_a_link(
    store: SqlStore, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.drafted("1.2")
    monkeypatch.setattr(views, "PAGE", 3)
    with store.reading() as unit:
        links = list(unit.journal.links())
        head = unit.journal.head()
        assert head == verify(links)
        assert unit.journal.hash_at(links[4].seq) == links[4].hash
        assert unit.journal.hash_at(10_000) is None
        assert list(unit.journal.links(after=links[4].seq)) == links[5:]
    assert links[0].prev == GENESIS


def test_what_was_sealed_is_exported_with_seals_that_verify(store: SqlStore, steps: Steps) -> None:
    steps.withdraw(steps.sign(steps.drafted("1.2")))
    with store.reading() as unit:
        exported = list(unit.journal.statements())
    assert sorted(line["sealed"] for line in exported) == ["opinion", "release", "release", "withdrawal"]
    ring: KeyRing = DESK
    for line in exported:
        ring.verify(line["payload"].encode(), Seal(key=line["key"], signature=line["signature"]))


def test_a_fresh_journal_already_tells_who_was_registered(store: SqlStore) -> None:
    with store.reading() as unit:
        assert {link.action for link in unit.journal.links()} == {
            "user.added",
            "policy.added",
            "model.added",
            "model.pilot",
        }
