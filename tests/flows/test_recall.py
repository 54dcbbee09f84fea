"""Many results are taken back: one order, each its own withdrawal, nothing twice, and what is not proved is listed."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.db.recalls import Progress
from bridge.db.selection import Criteria
from bridge.flows.recall import Order, carry_out, order
from guarantee.errors import Declined, Malformed, NotAllowed, Refused
from guarantee.ids import ResultId
from guarantee.recalls import FEW, Recall
from guarantee.release import Kind, WithdrawalReason
from guarantee.result import Result
from guarantee.states import ResultState
from tests.flows.crashes import Crash, Fuse, FusedStore
from tests.flows.fakes import READER, SECOND, arrival
from tests.flows.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.engine.dispose()


def delivered(world: World, *studies: str) -> list[ResultId]:
    results = [world.drafted(arrival(world.vault, study=study)) for study in studies]
    for result in results:
        world.answer(result)
    world.deliver_all()
    return [result.id for result in results]


def said(**changes: object) -> Order:
    values = {"reason": WithdrawalReason.MODEL_DEFECT, "comment": "volumes trop grands", "by": "dr.martin"}
    return Order(**values | {"alone_max": FEW} | changes)  # type: ignore[arg-type]


def progress(world: World, recall: Recall) -> Progress:
    with world.sql.reading() as unit:
        return unit.recalls.progress(recall)


def words(world: World, result: Result | ResultId) -> dict[str, str]:
    return world.deliveries(result if isinstance(result, str) else result.id, Kind.WITHDRAWAL)


def test_each_result_is_its_own_withdrawal_and_progress_goes_to_the_end(world: World) -> None:
    results = delivered(world, "1.2.3", "1.2.4", "1.2.5")
    made = order(results, said(copies="DMP"), world.review)
    assert (progress(world, made).withdrawn, progress(world, made).proved) == (0, 0)
    assert carry_out(made.id, world.review) == 3
    before = progress(world, made)
    assert (before.withdrawn, before.proved) == (3, 0)
    assert before.states == {"dpi": {"due": 3}, "pacs": {"due": 3}}
    world.deliver_all()
    after = progress(world, made)
    assert (after.withdrawn, after.proved, after.unresolved) == (3, 3, ())
    assert after.shown == {READER.login: (3, 0)}
    with world.sql.reading() as unit:
        notes = [(link.action, link.subject) for link in unit.journal.links() if link.action.startswith("recall")]
        withdrawn = [link.subject for link in unit.journal.links() if link.action == "withdrawal.model-defect"]
    assert notes == [("recall.model-defect", made.id), *(("recall.item", result) for result in results)]
    assert sorted(withdrawn) == sorted(results)


def test_more_than_a_few_need_a_second_person_and_a_site_may_lower_it(world: World) -> None:
    many = [ResultId(f"r{n}") for n in range(FEW + 1)]
    with pytest.raises(Malformed, match="two people"):
        order(many, said(), world.review)
    results = delivered(world, "1.2.3", "1.2.4")
    with pytest.raises(Malformed, match="more than the 1"):
        order(results, said(alone_max=1), world.review)
    with pytest.raises(Malformed, match="two different"):
        order(results, said(alone_max=1, second="dr.martin"), world.review)
    assert order(results, said(alone_max=1, second="dr.nguyen"), world.review).second == "dr.nguyen"


def test_what_was_never_released_refuses_the_whole_order(world: World) -> None:
    (result,) = delivered(world, "1.2.3")
    waiting = world.drafted(arrival(world.vault, study="1.2.4"))
    with pytest.raises(Refused, match="never released"):
        order([result, waiting.id], said(), world.review)
    with world.sql.reading() as unit:
        assert unit.recalls.all(10) == ()
    with pytest.raises(Malformed, match="at least one"):
        order([], said(), world.review)
    with pytest.raises(NotAllowed, match="nobody ordered"):
        carry_out("nothing", world.review)


def test_an_order_given_twice_is_one(world: World) -> None:
    results = delivered(world, "1.2.3", "1.2.4")
    first = order(results, said(), world.review)
    world.clock.advance(seconds=5)
    assert order([*reversed(results), results[0]], said(comment="encore"), world.review) == first
    assert carry_out(first.id, world.review) == 2
    assert carry_out(first.id, world.review) == 0


def test_killed_anywhere_it_goes_on_and_nothing_is_taken_back_twice(world: World) -> None:
    results = delivered(world, "1.2.3", "1.2.4", "1.2.5")
    calls = 0
    while True:  # the n-th call never happens, for every n; what a dead process left goes on in the next one
        calls += 1
        world.store = FusedStore(world.sql, Fuse(calls))
        try:
            made = order(results, said(), world.review)
            carry_out(made.id, world.review)
        except Crash:
            continue
        break
    world.store = world.sql
    world.deliver_all()
    assert calls > 30
    assert progress(world, made).proved == 3
    with world.sql.reading() as unit:
        links = [link for link in unit.journal.links() if link.action.startswith("withdrawal.")]
    assert sorted(link.subject for link in links) == sorted(results)


def test_what_cannot_be_taken_back_keeps_its_cause_and_is_tried_again(world: World) -> None:
    results = delivered(world, "1.2.3", "1.2.4")
    made = order(results, said(), world.review)
    missing = world.renderers.pop("pacs")
    assert carry_out(made.id, world.review) == 0
    (one, _) = progress(world, made).unresolved
    assert (one.destination, one.cause.code) == ("", "refused")
    assert "no longer configured" in one.cause.detail
    world.renderers["pacs"] = missing
    assert carry_out(made.id, world.review) == 2
    world.destinations["pacs"].troubles.append(Declined("refused", "no rejection notes here"))
    world.deliver_all()
    known = progress(world, made)
    assert (known.withdrawn, known.proved) == (2, 1)
    assert [(one.destination, one.cause.code) for one in known.unresolved] == [("pacs", "refused")]


def test_who_was_shown_a_result_is_told_until_they_have_read_of_it(world: World) -> None:
    mine, other = delivered(world, "1.2.3", "1.2.4")
    carry_out(order([mine], said(by="dr.leroy"), world.review).id, world.review)
    with world.sql.reading() as unit:
        assert [notice.result for notice in unit.recalls.notices(READER.login, 10)] == [mine]
        assert unit.recalls.notices(SECOND.login, 10) == ()
        assert unit.recalls.notices("dr.leroy", 10) == ()
    with world.sql.transaction("desk:dr.martin") as unit:
        assert unit.recalls.acknowledge(mine, READER.login, world.clock.now())
        assert not unit.recalls.acknowledge(mine, READER.login, world.clock.now())
    with world.sql.reading() as unit:
        assert unit.recalls.notices(READER.login, 10) == ()
        (link,) = [link for link in unit.journal.links() if link.action == "withdrawal.acknowledged"]
    assert link.subject == mine
    with pytest.raises(Refused, match="before it was"), world.sql.transaction("desk:dr.martin") as unit:
        unit.recalls.acknowledge(other, READER.login, world.clock.now())


def test_released_results_are_selected_by_each_criterion(world: World) -> None:
    begun = world.clock.now()
    first, second = delivered(world, "1.2.3", "1.2.4")
    between = world.clock.now() + timedelta(seconds=1)
    world.clock.advance(seconds=2)
    (third,) = delivered(world, "1.2.5")
    world.drafted(arrival(world.vault, study="1.2.6"))

    def found(**changes: object) -> list[str]:
        with world.sql.reading() as unit:
            criteria = Criteria(**changes)  # type: ignore[arg-type]
            rows = unit.selection.find(criteria, limit=10)
            assert unit.selection.count(criteria) == len(rows)
            assert not rows or unit.selection.find(criteria, limit=10, after=rows[0]) == rows[1:]
            return [row.result for row in rows]

    assert sorted(found()) == sorted([first, second, third])
    assert found() == found(model="toy") == found(version="toy@1.0.0") == found(site="site-1", device="scanner")
    assert sorted(found(until=between)) == sorted([first, second])
    assert found(since=between) == [third]
    assert (
        found(until=begun)
        == found(model="other")
        == found(version="toy@2")
        == found(site="x")
        == found(device="x")
        == []
    )
    assert str(Criteria(model="toy", since=begun)).startswith("model=toy from=")
    carry_out(order([third], said(), world.review).id, world.review)
    assert world.result(third).state is ResultState.RETRACTED
    assert sorted(found()) == sorted([first, second])
