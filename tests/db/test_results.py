"""Results, their leases and drafts, in both databases."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from bridge.db.store import SqlStore
from guarantee.errors import Refused, Unavailable
from guarantee.lifecycle import INSTALLER, Line, Stage
from guarantee.result import Cause, Mode, Priority
from guarantee.states import ResultVerb
from tests.db.databases import TWO_READERS
from tests.db.steps import Steps, draft_of
from tests.guarantee.samples import MANIFEST, POLICY, a_result, at, digest_of


def test_a_result_comes_back_as_it_was_stored(store: SqlStore, steps: Steps) -> None:
    result = steps.queued("1.2", mode=Mode.SHADOW, priority=Priority.STAT, policy=TWO_READERS.ref)
    with store.reading() as unit:
        assert unit.results.get(result.id) == result
        assert unit.results.of_case(result.case) == (result,)


def test_a_result_is_queued_once(store: SqlStore, steps: Steps) -> None:
    result = steps.queued("1.2")
    with store.transaction("sweep") as unit:
        assert not unit.results.add(result, at(50))
        assert not unit.results.add(replace(result, id=digest_of("another name")), at(50))
    with store.reading() as unit:
        assert unit.results.of_case(result.case) == (result,)


def test_a_result_on_other_inputs_is_refused(store: SqlStore, steps: Steps) -> None:
    case = steps.complete(steps.receive("1.2"))
    with pytest.raises(Refused), store.transaction("sweep") as unit:
        unit.results.add(a_result(case, manifest=digest_of("other inputs")), at(5))


def test_a_draft_and_its_time_are_kept(store: SqlStore, steps: Steps) -> None:
    result = steps.drafted("1.2")
    with store.reading() as unit:
        assert unit.results.get(result.id) == result
        assert result.draft == draft_of(result)
        assert unit.results.awaiting_since(at(steps.seconds), POLICY.ref) == (result.id,)
        assert unit.results.awaiting_since(at(steps.seconds - 10), POLICY.ref) == ()
        assert unit.results.awaiting_since(at(steps.seconds), TWO_READERS.ref) == ()


def test_a_failure_keeps_its_cause_until_the_result_is_queued_again(store: SqlStore, steps: Steps) -> None:
    failed = steps.conclude(steps.queued("1.2"), ResultVerb.FAIL)
    with store.reading() as unit:
        assert unit.results.get(failed.id).cause == Cause(code="because")
    with store.transaction("operator") as unit:
        unit.results.move(failed.after(ResultVerb.REQUEUE), at(90))
        assert unit.results.get(failed.id).cause is None


def test_somebody_elses_move_is_not_written_over(store: SqlStore, steps: Steps) -> None:
    result = steps.queued("1.2")
    steps.draft(result)
    with pytest.raises(Unavailable, match="moved-meanwhile"), store.transaction("infer:2") as unit:
        unit.results.move(result.after(ResultVerb.FAIL, cause=Cause(code="timeout")), at(9))


def claim(store: SqlStore, result: str, holder: str, now: float, until: float) -> int | None:
    with store.transaction(holder) as unit:
        claimed = unit.results.claim(result, holder, now=at(now), until=at(until))  # type: ignore[arg-type]
    return claimed.attempts if claimed else None


def test_one_worker_has_the_lease_and_another_takes_it_over_when_it_ends(store: SqlStore, steps: Steps) -> None:
    result = steps.queued("1.2")
    assert claim(store, result.id, "infer:1", 100, 160) == 1
    assert claim(store, result.id, "infer:2", 101, 161) is None
    assert claim(store, result.id, "infer:1", 101, 161) is None, "a lease is not extended by asking again"
    with store.reading() as unit:
        assert unit.results.holds(result.id, "infer:1", now=at(159))
        assert not unit.results.holds(result.id, "infer:2", now=at(159))
        assert not unit.results.holds(result.id, "infer:1", now=at(160))
    assert claim(store, result.id, "infer:2", 160, 220) == 2
    with store.reading() as unit:
        assert unit.results.holds(result.id, "infer:2", now=at(161))
        assert not unit.results.holds(result.id, "infer:1", now=at(161))


def test_only_the_holder_gives_a_lease_back(store: SqlStore, steps: Steps) -> None:
    result = steps.queued("1.2")
    claim(store, result.id, "infer:1", 100, 160)
    with store.transaction("infer:2") as unit:
        unit.results.let_go(result.id, "infer:2")
    assert claim(store, result.id, "infer:2", 101, 161) is None
    with store.transaction("infer:1") as unit:
        unit.results.let_go(result.id, "infer:1")
    assert claim(store, result.id, "infer:2", 101, 161) == 2


def test_what_is_not_queued_is_not_claimed(store: SqlStore, steps: Steps) -> None:
    result = steps.drafted("1.2")
    assert claim(store, result.id, "infer:1", 100, 160) is None
    assert claim(store, "no such result", "infer:1", 100, 160) is None


def test_the_urgent_wait_first_then_the_oldest_and_leased_ones_not_at_all(store: SqlStore, steps: Steps) -> None:
    old, urgent, young = steps.queued("1.2"), steps.queued("1.3", priority=Priority.STAT), steps.queued("1.4")
    with store.reading() as unit:
        assert unit.results.waiting(now=at(100)) == (urgent.id, old.id, young.id)
    claim(store, old.id, "infer:1", 100, 160)
    steps.draft(young)
    with store.reading() as unit:
        assert unit.results.waiting(now=at(100)) == (urgent.id,)
        assert unit.results.waiting(now=at(160)) == (urgent.id, old.id)


def test_a_lease_is_renewed_by_its_holder_while_it_lasts(store: SqlStore, steps: Steps) -> None:
    result = steps.queued("1.2")
    claim(store, result.id, "infer:1", 100, 160)
    with store.transaction("infer:2") as unit:
        assert not unit.results.renew(result.id, "infer:2", now=at(120), until=at(200))
    with store.transaction("infer:1") as unit:
        assert unit.results.renew(result.id, "infer:1", now=at(120), until=at(200))
        assert unit.results.holds(result.id, "infer:1", now=at(199))
        assert not unit.results.renew(result.id, "infer:1", now=at(200), until=at(300)), "it had ended"


def test_companions_are_untried_results_of_the_same_version_and_not_less_urgent(store: SqlStore, steps: Steps) -> None:
    first, tried, urgent, young = (
        steps.queued(uid, priority=priority)
        for uid, priority in (
            ("1.2", Priority.ROUTINE),
            ("1.3", Priority.ROUTINE),
            ("1.4", Priority.STAT),
            ("1.5", Priority.ROUTINE),
        )
    )
    claim(store, tried.id, "infer:1", 50, 60)
    with store.reading() as unit:
        assert unit.results.companions(first, now=at(100), most=9) == (urgent.id, young.id)
        assert unit.results.companions(first, now=at(100), most=1) == (urgent.id,)
        assert unit.results.companions(urgent, now=at(100), most=9) == ()
    claim(store, young.id, "infer:1", 100, 160)
    with store.reading() as unit:
        assert unit.results.companions(first, now=at(101), most=9) == (urgent.id,)


def test_a_case_that_does_not_exist_has_no_results(store: SqlStore) -> None:
    with store.reading() as unit:
        assert unit.results.of_case("nothing") == ()  # type: ignore[arg-type]


def test_two_results_of_one_case_are_both_found(store: SqlStore, steps: Steps) -> None:
    with store.transaction("operator") as unit:
        model = replace(a_result().model, name="lung")
        row = {"id": model.id, "digest": model.digest, "card": model.card, "at": "2026"}
        unit.connection.execute(
            text(
                "INSERT INTO models (id, name, version, digest, card, added_at) "
                "VALUES (:id, 'lung', '1.0.0', :digest, :card, :at)"
            ),
            row,
        )
        unit.lives.add(Line(model=model.id, n=1, stage=Stage.PILOT, by=INSTALLER, reason="essai", at=at(0)))
    case = replace(steps.receive("1.2"), manifest=MANIFEST)
    both = {a_result(case).id, a_result(case, model=model).id}
    steps.complete(replace(case, manifest=None), a_result(case), a_result(case, model=model))
    with store.reading() as unit:
        assert {result.id for result in unit.results.of_case(case.id)} == both
