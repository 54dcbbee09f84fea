"""How long each stage took, what waits, what happened: read back from an honest life, in both databases."""

from datetime import timedelta

import pytest

from bridge.db.store import SqlStore
from bridge.figures import OWN, Attempts, Observation, Verdicts, Watched
from guarantee.opinion import Verdict
from guarantee.pauses import Pause, PauseAction
from guarantee.result import Mode
from guarantee.runs import Outcome
from guarantee.states import ResultVerb
from guarantee.stops import Scope
from tests.db.steps import Steps
from tests.db.test_kept_runs import a_run
from tests.guarantee.samples import MODEL, at

ALWAYS = (at(-10), at(100_000))


def watched(store: SqlStore, limit: int = 100) -> Watched:
    with store.reading() as unit:
        return unit.measures.watched(*ALWAYS, limit=limit)


def only(store: SqlStore) -> Observation:
    (found,) = watched(store).observations
    return found


def test_each_stage_has_its_length_from_the_first_image_to_the_last_receipt(store: SqlStore, steps: Steps) -> None:
    steps.seconds = -2
    result = steps.queued("1.2")
    queued_at = only(store).queued_at
    with store.transaction("infer") as unit:
        failed = a_run(
            result,
            outcome=Outcome.RETRIED,
            cause="crashed",
            started_at=queued_at + timedelta(seconds=10),
            ended_at=queued_at + timedelta(seconds=12),
        )
        unit.runs.add(failed)
        shift = queued_at + timedelta(seconds=30) - at(1)
        times = {"started_at": at(1), "read_at": at(2), "answered_at": at(6), "ended_at": at(7)}
        unit.runs.add(a_run(result, **{name: time + shift for name, time in times.items()}))
    steps.seconds = 1000
    delivered = steps.deliver(steps.sign(steps.draft(result)))
    seen = only(store)
    assert (seen.result, seen.model, seen.state, seen.sender) == (delivered.id, MODEL.id, "delivered", "mr1")
    assert dict(seen.seconds) == {
        "receive": 1.0,
        "complete": 3.0,
        "queue": 10.0,
        "retry": 20.0,
        "fetch": 1.0,
        "start": 1.4,
        "preprocess": 0.0,
        "predict": 2.5,
        "postprocess": 0.1,
        "store": 1.0,
        "review": seen.seconds["review"],
        "deliver": seen.seconds["deliver"],
    }
    assert seen.seconds["review"] > 0 < seen.seconds["deliver"]
    assert seen.to_draft_s == pytest.approx(39.0)
    assert max((stage for stage in OWN if stage in seen.seconds), key=seen.seconds.__getitem__) == "retry"


def test_what_has_not_ended_has_no_length(store: SqlStore, steps: Steps) -> None:
    steps.queued("1.2")
    seen = only(store)
    assert set(seen.seconds) == {"receive", "complete"}
    assert (seen.to_draft_s, seen.sender, seen.scanner) == (None, "", "")


def test_a_delivery_is_over_when_every_destination_has_confirmed(store: SqlStore, steps: Steps) -> None:
    result = steps.sign(steps.drafted("1.2"))
    first, second = steps.deliveries(result)
    steps.confirm(first, steps.begin(first))
    assert "deliver" not in only(store).seconds
    steps.confirm(second, steps.begin(second))
    assert "deliver" in only(store).seconds


def test_a_window_has_its_ends_and_says_when_it_is_cut(store: SqlStore, steps: Steps) -> None:
    results = [steps.queued(f"1.2.{n}").id for n in range(3)]
    everything = watched(store)
    assert [seen.result for seen in everything.observations] == results[::-1]
    assert not everything.is_cut
    cut = watched(store, limit=2)
    assert ([seen.result for seen in cut.observations], cut.is_cut) == (results[:0:-1], True)
    begin, end = everything.observations[1].queued_at, everything.observations[0].queued_at
    with store.reading() as unit:
        assert [seen.result for seen in unit.measures.watched(begin, end).observations] == [results[1]]
        assert [seen.result for seen in unit.measures.of_results((results[2], "nothing"))] == [results[2]]


def test_attempts_and_verdicts_are_counted_by_model(store: SqlStore, steps: Steps) -> None:
    for number, verdict in enumerate((Verdict.ACCEPT, Verdict.ACCEPT, Verdict.AMEND, Verdict.REJECT)):
        result = steps.drafted(f"1.2.{number}")
        with store.transaction("infer") as unit:
            unit.runs.add(a_run(result))
        steps.sign(result, verdict=verdict)
    failed = steps.conclude(steps.queued("1.3"), ResultVerb.FAIL)
    with store.transaction("infer") as unit:
        unit.runs.add(a_run(failed, outcome=Outcome.FAILED, cause="memory", answered_at=None, spent=None))
    seen = watched(store)
    assert seen.attempts == (
        Attempts(model=MODEL.id, outcome="drafted", cause="", count=4),
        Attempts(model=MODEL.id, outcome="failed", cause="memory", count=1),
    )
    assert seen.verdicts == (Verdicts(model=MODEL.id, accepted=2, amended=1, rejected=1),)


def test_what_waits_is_counted_where_it_waits(store: SqlStore, steps: Steps) -> None:
    steps.receive("1.1")
    steps.queued("1.2")
    steps.drafted("1.3")
    steps.drafted("1.4", mode=Mode.SHADOW)
    steps.sign(steps.drafted("1.5"))
    steps.quarantine(steps.receive("1.6"))
    found = {(waits.place, waits.of): waits.count for waits in watched(store).waiting}
    assert found == {
        ("complete", "study"): 1,
        ("held", "two-patients"): 1,
        ("queue", MODEL.id): 1,
        ("review", MODEL.id): 1,
        ("outbox", ""): 6,
        ("deliver", "pacs"): 1,
        ("deliver", "record"): 1,
    }


def test_what_may_explain_a_change_is_told_without_the_words_of_anybody(store: SqlStore, steps: Steps) -> None:
    steps.stop(Scope.SITE, "north")
    with store.transaction("desk:dr.martin") as unit:
        for action in PauseAction:
            paused = Pause(destination="pacs", action=action, by="dr.martin", reason="essai", at=steps.now())
            unit.destinations.add(paused)
    old, new = steps.drafted("1.2"), steps.drafted("1.3")
    with store.transaction("infer") as unit:
        unit.runs.add(a_run(old, holder="infer:a:1", started_at=at(-99), ended_at=at(-98)))
        unit.runs.add(a_run(new, holder="infer:a:1", started_at=at(50), ended_at=at(51)))
        unit.runs.add(a_run(old, holder="infer:a:2", started_at=at(60), ended_at=at(61)))
        unit.runs.add(a_run(new, holder="infer:a:2", started_at=at(70), ended_at=at(71)))
    told = [
        (event.kind, event.about) for event in watched(store).events if event.kind not in {"model", "policy", "service"}
    ]
    assert told == [("worker", "infer:a:2"), ("unpause", "pacs"), ("pause", "pacs"), ("stop", "site:north")]


def test_refusals_at_the_doors_are_counted_by_code(store: SqlStore) -> None:
    with store.transaction("scp") as unit:
        for second, code in enumerate(("uid-form", "uid-form", "too-large")):
            unit.messages.turn_away("scp", "mr1", code, "", at(second))
        assert unit.measures.turned_away(at(0), at(3)) == {("scp", "uid-form"): 2, ("scp", "too-large"): 1}
        assert unit.measures.turned_away(at(1), at(2)) == {("scp", "uid-form"): 1}
