"""What rules do with a case, and what a person sees when nothing runs."""

from contextlib import suppress
from dataclasses import replace

import pytest

from bridge.flows import infer, stop
from bridge.flows.route import Asked, try_rules
from guarantee.case import CaseKind
from guarantee.content import Text
from guarantee.errors import ModelFailed, Unavailable
from guarantee.events import ResultQueued
from guarantee.result import Cause, Priority
from guarantee.rollout import Rollout
from guarantee.rules import Condition, Route
from guarantee.states import CaseState, ResultState
from guarantee.stops import Scope
from guarantee.unit import Arrival, Input
from tests.flows.fakes import arrival, routes
from tests.flows.world import World

WHY = Text(fr="appareil en essai", en="device on trial")


def asks(fact: str, *values: str) -> Condition:
    return Condition(fact=fact, has=values, why=WHY, code="asked")


def rejecting(*when: Condition, models: tuple[str, ...] = ()) -> Route:
    return Route(name="no-trials", kind=CaseKind.STUDY, when=when, models=models, reject=WHY)


def with_facts(image: Arrival, **facts: str) -> Arrival:
    return replace(image, facts={**image.facts, **{name: frozenset({value}) for name, value in facts.items()}})


def completed(world: World, *images: Arrival) -> None:
    world.receive(*images)
    world.complete()


@pytest.mark.parametrize("models", [(), ("toy",)])
@pytest.mark.parametrize("last", [True, False])
def test_a_rule_that_rejects_excludes_by_name_and_reason_wherever_it_is_written(
    world: World, models: tuple[str, ...], last: bool
) -> None:
    no = rejecting(asks("Sender", "scanner"), models=models)
    world.rules = (*routes(), no) if last else (no, *routes())
    completed(world, arrival(world.vault))
    (result,) = world.results()
    assert result.state is ResultState.EXCLUDED
    assert result.cause == Cause(code="rule", detail="no-trials: device on trial")
    assert not [fact for _, fact in world.pending() if isinstance(fact, ResultQueued)]


@pytest.mark.parametrize(
    "no",
    [rejecting(asks("Sender", "other")), rejecting(asks("Site", "site-2")), rejecting(models=("another",))],
    ids=["another sender", "another site", "another model"],
)
def test_a_rule_rejects_only_what_it_names(world: World, no: Route) -> None:
    world.rules = (no, *routes())
    completed(world, arrival(world.vault))
    assert [result.state for result in world.results()] == [ResultState.QUEUED]


def test_rejected_by_rule_and_failed_are_two_states(world: World) -> None:
    world.rules = (rejecting(asks("Sender", "trial")), *routes())
    completed(world, arrival(world.vault), replace(arrival(world.vault, study="1.2.4"), sender="trial"))
    world.model.failures = [ModelFailed("crashed", "signal 11")] * infer.ATTEMPTS_MAX
    for _ in range(infer.ATTEMPTS_MAX):
        with suppress(Unavailable):
            world.infer_all()
    assert {(result.state, result.cause and result.cause.code) for result in world.results()} == {
        (ResultState.EXCLUDED, "rule"),
        (ResultState.FAILED, "crashed"),
    }


def test_a_case_that_no_rule_takes_is_complete_and_says_so(world: World) -> None:
    world.rules = (Route(name="ct", kind=CaseKind.STUDY, when=(asks("Modality", "CT"),), models=("toy",)),)
    completed(world, arrival(world.vault))
    with world.sql.reading() as unit:
        (case,) = unit.views.cases(10, states=("complete",), cause="no-route")
        assert unit.views.cases(10, cause="two-patients") == ()
        bodies = [link.body for link in unit.journal.links() if link.action == "case.complete"]
    assert (case.state, case.cause) == (CaseState.COMPLETE, "no-route")
    assert ['"cause":"no-route"' in body for body in bodies] == [True]
    assert world.results() == []


def test_a_case_that_a_rule_takes_has_no_cause(world: World) -> None:
    completed(world, arrival(world.vault))
    with world.sql.reading() as unit:
        assert [case.cause for case in unit.views.cases(10)] == [""]


@pytest.mark.parametrize(
    ("facts", "priority"),
    [
        ({"RequestedProcedurePriority": "STAT"}, Priority.STAT),
        ({"ServiceRequest.priority": "stat"}, Priority.STAT),
        ({"RequestedProcedurePriority": "HIGH"}, Priority.ROUTINE),
        ({}, Priority.ROUTINE),
    ],
)
def test_an_order_that_says_stat_makes_its_results_stat(world: World, facts: dict[str, str], priority: str) -> None:
    completed(world, with_facts(arrival(world.vault), **facts))
    assert [result.priority for result in world.results()] == [priority]


def test_the_trace_says_whether_the_rule_or_the_order_wants_it_at_once(world: World) -> None:
    image = with_facts(arrival(world.vault), RequestedProcedurePriority="STAT")
    inputs = [
        Input(
            source=image.source,
            facts=image.facts,
            sender="scanner",
            conflict=False,
            modality=image.modality,
            at=world.clock.now(),
        )
    ]
    asked = Asked(kind=CaseKind.STUDY, uid="1.2.3", site="site-1")
    (tried,) = try_rules(
        asked, inputs, routing=world.routing, catalogue=world.catalogue, rollout=Rollout(), order_facts={}
    )
    assert (tried.priority, tried.ordered) == (Priority.STAT, "RequestedProcedurePriority")


# ------------------------------------------------------------------------------------------------- what is taken first


def two_waiting(world: World) -> tuple[ResultQueued, str]:
    """Queue a routine result, then an urgent one; return the routine one's ring and the urgent one's identifier."""
    completed(world, arrival(world.vault))
    completed(world, with_facts(arrival(world.vault, study="1.2.4"), RequestedProcedurePriority="STAT"))
    (first, _) = (fact for _, fact in world.pending() if isinstance(fact, ResultQueued))
    (urgent,) = (result.id for result in world.results() if result.priority is Priority.STAT)
    return first, urgent


def test_whatever_rang_what_is_wanted_at_once_runs_first(world: World) -> None:
    first, urgent = two_waiting(world)
    order: list[str] = []
    run = world.model.run

    def noted(*given: object) -> object:
        with world.sql.reading() as unit:
            waiting = unit.results.waiting(now=world.clock.now())
        order.extend({first.result, urgent} - set(waiting) - set(order))
        return run(*given)  # type: ignore[arg-type]

    world.model.run = noted  # type: ignore[method-assign, assignment]
    infer.handle("ring", first, world.inference)
    assert order == [urgent, first.result]
    assert {result.state for result in world.results()} == {ResultState.AWAITING_REVIEW}


def test_an_urgent_result_that_cannot_run_now_does_not_hold_up_the_one_that_rang(world: World) -> None:
    first, urgent = two_waiting(world)
    world.model.failures = [Unavailable("busy", "not now")]
    infer.handle("ring", first, world.inference)
    assert world.result(first.result).state is ResultState.AWAITING_REVIEW
    assert world.result(urgent).state is ResultState.QUEUED  # type: ignore[arg-type]


def keep_coming(world: World) -> list[Priority]:
    """Let another urgent study become complete during each run, thirty times; return the priorities as they run."""
    ran: list[Priority] = []
    run = world.model.run

    def another(*given: object) -> object:
        with world.sql.reading() as unit:
            waiting = set(unit.results.waiting(now=world.clock.now()))
        in_work = [r for r in world.results() if r.state is ResultState.QUEUED and r.id not in waiting]
        ran.extend(result.priority for result in in_work)
        study = f"1.2.{100 + len(ran)}"
        if len(ran) < 30:
            completed(world, with_facts(arrival(world.vault, study=study), RequestedProcedurePriority="STAT"))
        return run(*given)  # type: ignore[arg-type]

    world.model.run = another  # type: ignore[method-assign, assignment]
    return ran


def test_what_is_wanted_at_once_and_comes_meanwhile_is_not_behind_a_routine_one_and_nothing_starves(
    world: World,
) -> None:
    first, _ = two_waiting(world)
    ran = keep_coming(world)
    infer.handle("ring", first, world.inference)
    assert ran == [Priority.STAT] * infer.STAT_IN_A_ROW_MAX + [Priority.ROUTINE]


def test_urgent_results_that_are_held_use_up_nobodys_turn(world: World) -> None:
    for number in range(infer.STAT_IN_A_ROW_MAX + 1):
        image = with_facts(arrival(world.vault, study=f"1.3.{number}"), RequestedProcedurePriority="STAT")
        completed(world, replace(image, site="held-site"))
    stop.stop(Scope.SITE, "held-site", by="dr.martin", reason="essai", store=world.store, clock=world.clock)
    completed(world, arrival(world.vault))
    completed(world, with_facts(arrival(world.vault, study="1.2.4"), RequestedProcedurePriority="STAT"))
    routine, urgent = [fact for _, fact in world.pending() if isinstance(fact, ResultQueued)][-2:]
    ran: list[str] = []
    run = world.model.run

    def noted(*given: object) -> object:
        ran.append("run")
        return run(*given)  # type: ignore[arg-type]

    world.model.run = noted  # type: ignore[method-assign, assignment]
    infer.handle("ring", routine, world.inference)
    assert ran == ["run", "run"]
    assert world.result(urgent.result).state is ResultState.AWAITING_REVIEW
