"""Deliveries, attempts and receipts, in both databases."""

import pytest

from bridge.db.store import SqlStore
from guarantee.deliveries import Delivery
from guarantee.errors import Refused
from guarantee.ids import DeliveryId
from guarantee.release import Kind, Receipt
from guarantee.result import Cause
from guarantee.states import ResultVerb
from tests.db.steps import Steps
from tests.guarantee.samples import PACS, RECORD, at

REFUSED = Cause(code="sop-class-refused", detail="the PACS does not take this kind of object")


def a_receipt(delivery: Delivery, **changes: object) -> Receipt:
    values = {"method": "read-back", "reference": '{"id":"7"}', "at": at(500), "package": delivery.package}
    return Receipt(destination=delivery.destination, **values | changes)  # type: ignore[arg-type]


def state_of(store: SqlStore, delivery: Delivery) -> tuple[str, int, str]:
    with store.reading() as unit:
        current = unit.deliveries.get(delivery.id)
        assert current is not None
        return current.state, current.attempts, current.reference


@pytest.fixture
def two(steps: Steps) -> tuple[Delivery, ...]:
    """The two deliveries of a validated result: to the pacs, to the record."""
    return steps.deliveries(steps.sign(steps.drafted("1.2")))


def test_a_release_is_due_at_each_of_its_destinations(store: SqlStore, two: tuple[Delivery, ...]) -> None:
    assert [(d.destination, d.package, d.state, d.attempts) for d in two] == [
        ("pacs", PACS.package, "due", 0),
        ("record", RECORD.package, "due", 0),
    ]
    with store.reading() as unit:
        assert unit.deliveries.get(two[0].id) == two[0]
        assert unit.deliveries.get(DeliveryId("nothing")) is None
        assert {d.id for d in unit.deliveries.due(now=at(1000))} == {d.id for d in two}
        assert unit.deliveries.due(now=at(0)) == ()


def test_one_worker_begins_and_others_wait_until_its_time_is_over(store: SqlStore, two: tuple[Delivery, ...]) -> None:
    with store.transaction("deliver:1") as unit:
        assert unit.deliveries.begin(two[0], at=at(100), until=at(160)) == 1
    with store.transaction("deliver:2") as unit:
        current = unit.deliveries.get(two[0].id)
        assert current is not None
        assert unit.deliveries.begin(current, at=at(159), until=at(220)) is None
        assert [d.destination for d in unit.deliveries.due(now=at(159))] == ["record"]
        assert unit.deliveries.begin(current, at=at(160), until=at(220)) == 2
    assert state_of(store, two[0]) == ("due", 2, "")


def test_a_begin_from_an_old_look_is_refused(store: SqlStore, two: tuple[Delivery, ...]) -> None:
    with store.transaction("deliver:1") as unit:
        assert unit.deliveries.begin(two[0], at=at(100), until=at(160)) == 1
    with pytest.raises(Refused), store.transaction("deliver:2") as unit:
        unit.deliveries.begin(two[0], at=at(160), until=at(220))


def test_a_receipt_confirms(store: SqlStore, steps: Steps, two: tuple[Delivery, ...]) -> None:
    n = steps.begin(two[0])
    with store.transaction("deliver") as unit:
        unit.deliveries.confirm(two[0], n, a_receipt(two[0]))
    assert state_of(store, two[0]) == ("confirmed", 1, '{"id":"7"}')
    with store.reading() as unit:
        assert [d.destination for d in unit.deliveries.due(now=at(1000))] == ["record"]


def test_a_delivery_is_confirmed_once(store: SqlStore, steps: Steps, two: tuple[Delivery, ...]) -> None:
    steps.confirm(two[0], steps.begin(two[0]))
    with pytest.raises(Refused), store.transaction("deliver") as unit:
        unit.deliveries.confirm(two[0], 1, a_receipt(two[0]))


def test_a_receipt_for_other_bytes_or_for_no_attempt_is_refused(
    store: SqlStore, steps: Steps, two: tuple[Delivery, ...]
) -> None:
    with pytest.raises(Refused), store.transaction("deliver") as unit:
        unit.deliveries.confirm(two[0], 1, a_receipt(two[0]))
    n = steps.begin(two[0])
    with pytest.raises(Refused), store.transaction("deliver") as unit:
        unit.deliveries.confirm(two[0], n, a_receipt(two[0], package=RECORD.package))
    with pytest.raises(Refused), store.transaction("deliver") as unit:
        unit.deliveries.confirm(two[0], n, a_receipt(two[0], method=""))
    assert state_of(store, two[0]) == ("due", 1, "")


def test_a_failed_attempt_is_tried_again_later(store: SqlStore, steps: Steps, two: tuple[Delivery, ...]) -> None:
    steps.begin(two[0])
    with store.transaction("deliver") as unit:
        unit.deliveries.postpone(two[0], until=at(900), cause=Cause(code="timeout"))
    with store.reading() as unit:
        assert two[0].id not in {d.id for d in unit.deliveries.due(now=at(899))}
        assert two[0].id in {d.id for d in unit.deliveries.due(now=at(900))}


def test_what_ended_is_not_postponed(store: SqlStore, steps: Steps, two: tuple[Delivery, ...]) -> None:
    with store.transaction("deliver") as unit:
        unit.deliveries.close(two[0], "declined", REFUSED, at(300))
        unit.deliveries.postpone(two[0], until=at(310), cause=Cause(code="timeout"))
    assert state_of(store, two[0])[0] == "declined"
    with store.reading() as unit:
        assert two[0].id not in {d.id for d in unit.deliveries.due(now=at(900))}


@pytest.mark.parametrize("state", ["declined", "withheld"])
def test_giving_up_has_a_reason_and_ends_the_attempts(
    store: SqlStore, steps: Steps, two: tuple[Delivery, ...], state: str
) -> None:
    with pytest.raises(Refused, match=r"explained|refusal"), store.transaction("deliver") as unit:
        unit.deliveries.close(two[0], state, Cause(code=""), at(300))
    with store.transaction("deliver") as unit:
        unit.deliveries.close(two[0], state, REFUSED, at(300))
    with store.transaction("deliver") as unit:
        assert unit.deliveries.begin(two[0], at=at(900), until=at(960)) is None
    assert state_of(store, two[0]) == (state, 0, "")


def test_a_receipt_that_comes_after_a_withdrawal_is_kept(store: SqlStore, steps: Steps) -> None:
    """The copy is outside, whatever we decided meanwhile: the receipt says so, and the delivery stays withheld."""
    result = steps.sign(steps.drafted("1.2"))
    first, second = steps.deliveries(result)
    n = steps.begin(first)
    steps.withdraw(result)
    steps.confirm(first, n)
    assert state_of(store, first) == ("withheld", 1, '{"id":"7"}')
    assert state_of(store, second) == ("withheld", 0, "")


def test_a_withdrawal_goes_its_own_way(store: SqlStore, steps: Steps) -> None:
    result, withdrawal = steps.withdraw(steps.deliver(steps.sign(steps.drafted("1.2"))))
    words = steps.deliveries(result, Kind.WITHDRAWAL)
    assert [(d.destination, d.state) for d in words] == [("pacs", "due"), ("record", "due")]
    for word in words:
        steps.confirm(word, steps.begin(word))
    assert {d.state for d in steps.deliveries(result, Kind.WITHDRAWAL)} == {"confirmed"}
    assert {d.state for d in steps.deliveries(result)} == {"confirmed"}
    assert withdrawal.notice.result == result.id


def test_delivered_means_every_destination_of_the_release(store: SqlStore, steps: Steps) -> None:
    result = steps.sign(steps.drafted("1.2"))
    first, second = steps.deliveries(result)
    steps.confirm(first, steps.begin(first))
    with pytest.raises(Refused, match="every destination"), store.transaction("deliver") as unit:
        unit.results.move(result.after(ResultVerb.DELIVER), at(900))
    steps.confirm(second, steps.begin(second))
    with store.transaction("deliver") as unit:
        unit.results.move(result.after(ResultVerb.DELIVER), at(901))
        assert str(unit.results.get(result.id).state) == "delivered"
