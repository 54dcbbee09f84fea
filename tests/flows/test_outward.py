"""Destinations that do not answer, that ask for time, that are paused; and what is sent again by hand."""

import pytest

from bridge.flows import destinations as flow
from bridge.flows.deliver import deliver
from bridge.flows.retract import withdraw
from bridge.flows.stop import stop
from guarantee.breaker import FAILURES_MAX, REST_S, Phase
from guarantee.deliveries import Delivery
from guarantee.errors import Declined, Held, NotAllowed, NotProved, Refused, Unavailable, WorldChanged
from guarantee.ids import ResultId
from guarantee.release import Kind, WithdrawalReason
from guarantee.result import Result
from guarantee.states import ResultState
from guarantee.stops import Scope
from tests.flows.fakes import arrival
from tests.flows.world import World


def released(world: World, *studies: str) -> list[Result]:
    """Return results that were endorsed and wait to be sent, one for each study."""
    results = [world.drafted(arrival(world.vault, study=study)) for study in studies]
    for result in results:
        world.answer(result)
    return results


def phase(world: World, name: str = "pacs") -> Phase:
    with world.sql.reading() as unit:
        return unit.destinations.health(name).phase(world.clock.now())


def deliveries(world: World, result: Result, kind: Kind = Kind.RESULT, to: str = "pacs") -> list[Delivery]:
    with world.sql.reading() as unit:
        found = unit.deliveries.of_result(result.id)
        return [delivery for delivery in found if (delivery.kind, delivery.destination) == (kind, to)]


def causes(world: World, result: Result) -> dict[str, str]:
    with world.sql.reading() as unit:
        return {line.delivery.destination: line.cause.code if line.cause else "" for line in unit.views.sent(result.id)}


def let_rest(world: World, seconds: float = 600.0) -> None:
    world.clock.advance(seconds=seconds)
    world.deliver_all()


def resend(world: World, result: Result, to: str = "pacs") -> Delivery:
    return flow.resend(result.id, to, by="b.ngo", reason="perdu au PACS", store=world.store, clock=world.clock)


def actions(world: World) -> list[str]:
    with world.sql.reading() as unit:
        return [link.action for link in unit.journal.links()]


# ------------------------------------------------------------------------------------------------------- the breaker


def test_a_destination_that_is_down_is_left_alone_and_the_others_are_not(world: World) -> None:
    results = released(world, *(f"1.{n}" for n in range(FAILURES_MAX + 3)))
    world.destinations["pacs"].troubles = ["down"] * FAILURES_MAX
    world.deliver_all()
    assert phase(world) is Phase.OPEN
    assert len(world.destinations["dpi"].results) == len(results), "a dead PACS never delays the record"
    begun = [deliveries(world, result)[0].attempts for result in results]
    assert sorted(begun) == [0] * 3 + [1] * FAILURES_MAX, "waiting uses up no attempt"
    resting = [r for r in results if causes(world, r)["pacs"] == "destination-resting"]
    assert len(resting) == 3
    assert "destination.rests" in actions(world)


def test_one_delivery_tries_whether_it_answers_again_and_then_all_go(world: World) -> None:
    results = released(world, *(f"1.{n}" for n in range(FAILURES_MAX + 3)))
    pacs = world.destinations["pacs"]
    pacs.troubles = ["down"] * (FAILURES_MAX + 1)
    world.deliver_all()
    world.clock.advance(seconds=REST_S + 10)
    world.deliver_all()
    assert not pacs.troubles, "one trial, which failed"
    assert not pacs.held
    assert phase(world) is Phase.OPEN
    let_rest(world)
    assert phase(world) is Phase.CLOSED
    let_rest(world)
    assert len(pacs.results) == len(results)
    assert actions(world).count("destination.answers") == 1
    assert {world.result(result.id).state for result in results} == {ResultState.DELIVERED}


def test_who_asks_for_time_is_given_it(world: World) -> None:
    released(world, "1.1", "1.2")
    pacs = world.destinations["pacs"]
    pacs.troubles = [Unavailable("http-429", "too many requests", asked_s=120.0)]
    world.deliver_all()
    world.clock.advance(seconds=100)
    world.deliver_all()
    assert not pacs.held
    let_rest(world, 30)
    let_rest(world)
    assert len(pacs.results) == 2


def test_an_archive_that_takes_everything_and_proves_late_is_not_left_alone(world: World) -> None:
    results = released(world, *(f"1.{n}" for n in range(FAILURES_MAX + 3)))
    world.destinations["pacs"].troubles = [NotProved("not-confirmed", "took them")] * len(results)
    world.deliver_all()
    assert phase(world) is Phase.CLOSED
    assert {deliveries(world, result)[0].attempts for result in results} == {1}


def test_a_destination_that_says_no_answers(world: World) -> None:
    released(world, *(f"1.{n}" for n in range(FAILURES_MAX + 1)))
    world.destinations["pacs"].troubles = [*["down"] * (FAILURES_MAX - 1), Declined("refused", "no"), "down"]
    world.deliver_all()
    assert phase(world) is Phase.CLOSED


def test_a_trial_whose_release_does_not_hold_lets_another_delivery_try(world: World) -> None:
    results = released(world, *(f"1.{n}" for n in range(FAILURES_MAX + 1)))
    world.destinations["pacs"].troubles = ["down"] * FAILURES_MAX
    world.deliver_all()
    ring, world.ring = world.ring, replace_trusted(world)
    let_rest(world, REST_S + 30)
    world.ring = ring
    assert phase(world) is Phase.HALF_OPEN
    assert "declined" in {deliveries(world, result)[0].state for result in results}


def replace_trusted(world: World) -> object:
    """Return a ring that trusts no key."""
    return type(world.ring)(None, {})


def test_what_somebody_is_at_is_not_put_off(world: World) -> None:
    (result,) = released(world, "1.1")
    with world.store.transaction("deliver") as unit:
        delivery = deliveries(world, result)[0]
        now = world.clock.now()
        unit.deliveries.begin(delivery, at=now, until=now.replace(year=2030))
    flow.pause("pacs", by="b.ngo", reason="migration", store=world.store, clock=world.clock)
    deliver(delivery.id, world.dispatch)
    with world.sql.reading() as unit:
        far = world.clock.now().replace(year=2029)
        assert delivery.id not in {d.id for d in unit.deliveries.due(now=far)}


# ------------------------------------------------------------------------------------------------------------ pauses


def test_a_paused_destination_is_sent_nothing_and_everything_waits_visibly(world: World) -> None:
    (result,) = released(world, "1.1")
    flow.pause("pacs", by="b.ngo", reason="migration", store=world.store, clock=world.clock)
    let_rest(world)
    assert not world.destinations["pacs"].held
    assert world.destinations["dpi"].held
    assert causes(world, result)["pacs"] == "destination-paused"
    assert deliveries(world, result)[0].attempts == 0
    withdraw(result.id, by="dr.martin", reason=WithdrawalReason.OTHER, comment="x", tools=world.review)
    flow.resume("pacs", by="b.ngo", reason="", store=world.store, clock=world.clock)
    let_rest(world)
    assert {"destination.pause", "destination.resume"} <= set(actions(world))
    assert not world.destinations["pacs"].held, "it was withheld before anything had gone there"


def test_only_what_is_paused_is_resumed(world: World) -> None:
    with pytest.raises(NotAllowed, match="not paused"):
        flow.resume("pacs", by="b.ngo", reason="", store=world.store, clock=world.clock)


# --------------------------------------------------------------------------------------------------- sending again


def test_what_was_confirmed_is_sent_again_as_the_same_object(world: World) -> None:
    (result,) = released(world, "1.1")
    world.deliver_all()
    again = resend(world, result)
    assert world.result(result.id).state is ResultState.DELIVERED
    world.deliver_all()
    assert set(world.destinations["pacs"].stored.values()) == {2}
    assert set(world.destinations["dpi"].stored.values()) == {1}
    first, second = deliveries(world, result)
    assert (first.state, second.state, second.id, second.round) == ("confirmed", "confirmed", again.id, 1)
    assert second.package == first.package
    assert "delivery.ordered-again" in actions(world)
    third = resend(world, result)
    assert third.round == 2


def test_what_was_declined_and_is_sent_again_completes_the_result(world: World) -> None:
    (result,) = released(world, "1.1")
    world.destinations["pacs"].troubles = [Declined("refused", "no")]
    world.deliver_all()
    assert world.result(result.id).state is ResultState.VALIDATED
    resend(world, result)
    world.deliver_all()
    assert world.result(result.id).state is ResultState.DELIVERED
    withdraw(result.id, by="dr.martin", reason=WithdrawalReason.OTHER, comment="x", tools=world.review)
    let_rest(world)
    assert len(world.destinations["pacs"].withdrawn) == 1, "one word of the withdrawal, though it was sent twice"


def test_word_of_a_withdrawal_is_sent_again_too(world: World) -> None:
    (result,) = released(world, "1.1")
    world.deliver_all()
    withdraw(result.id, by="dr.martin", reason=WithdrawalReason.OTHER, comment="x", tools=world.review)
    let_rest(world)
    resend(world, result)
    world.deliver_all()
    assert [d.state for d in deliveries(world, result, Kind.WITHDRAWAL)] == ["confirmed"] * 2
    assert [d.state for d in deliveries(world, result)] == ["confirmed"]


def test_a_resend_that_waits_is_withheld_when_the_result_is_taken_back(world: World) -> None:
    (result,) = released(world, "1.1")
    world.deliver_all()
    resend(world, result)
    withdraw(result.id, by="dr.martin", reason=WithdrawalReason.OTHER, comment="x", tools=world.review)
    let_rest(world)
    assert [d.state for d in deliveries(world, result)] == ["confirmed", "withheld"]
    assert world.destinations["pacs"].withdrawn


def test_what_is_on_its_way_or_went_nowhere_is_not_sent_again(world: World) -> None:
    (result,) = released(world, "1.1")
    for to, why in (("pacs", "on its way"), ("portal", "never released")):
        with pytest.raises(NotAllowed, match=why):
            resend(world, result, to)
    withdraw(result.id, by="dr.martin", reason=WithdrawalReason.OTHER, comment="x", tools=world.review)
    with pytest.raises(NotAllowed, match="never released"):
        resend(world, result)


def test_nothing_is_sent_again_in_a_changed_world(world: World) -> None:
    first, second = released(world, "1.1", "1.2")
    world.deliver_all()
    world.receive(arrival(world.vault, study="1.1", image=2))
    with pytest.raises(WorldChanged):
        resend(world, first)
    stop(Scope.MODEL, "toy", by="dr.martin", reason="x", store=world.store, clock=world.clock)
    with pytest.raises(Held):
        resend(world, second)


def test_late_images_withhold_a_resend_that_waits(world: World) -> None:
    (result,) = released(world, "1.1")
    world.deliver_all()
    resend(world, result)
    world.receive(arrival(world.vault, study="1.1", image=2))
    let_rest(world)
    assert [d.state for d in deliveries(world, result)] == ["confirmed", "withheld"]
    assert set(world.destinations["pacs"].stored.values()) == {1}
    with pytest.raises(NotAllowed, match="withheld"):
        resend(world, result)


def test_asking_again_says_why(world: World) -> None:
    (result,) = released(world, "1.1")
    world.deliver_all()
    with pytest.raises(Refused, match="signed"):
        flow.resend(ResultId(result.id), "pacs", by="b.ngo", reason="", store=world.store, clock=world.clock)


# -------------------------------------------------------------------------------------------------------- the list


def test_the_list_says_how_each_destination_stands(world: World) -> None:
    (result,) = released(world, "1.1")
    world.destinations["pacs"].troubles = ["down", "down"]
    world.deliver_all()
    let_rest(world)
    flow.pause("dpi", by="b.ngo", reason="migration", store=world.store, clock=world.clock)
    with world.sql.reading() as unit:
        traffic = unit.destinations.traffic()
    pacs, dpi = traffic["pacs"], traffic["dpi"]
    assert (pacs.waiting, pacs.attempts, pacs.refused, pacs.pause) == (1, 2, 0, None)
    assert pacs.oldest is not None
    assert (pacs.health.failures, pacs.health.cause.code if pacs.health.cause else "") == (2, "down")
    assert (dpi.waiting, dpi.attempts, dpi.oldest) == (0, 0, None)
    assert dpi.pause is not None
    assert dpi.health.confirmed_at is not None
    world.destinations["pacs"].troubles = [Declined("refused", "no")]
    let_rest(world)
    with world.sql.reading() as unit:
        assert unit.destinations.traffic()["pacs"].refused == 1
    resend(world, result)
    with world.sql.reading() as unit:
        assert unit.destinations.traffic()["pacs"].refused == 0, "somebody looked"
