"""Orders in both databases, each process with its own role: kept once, found by every number, as they stand."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.db.engine import make_aval_engine
from bridge.db.store import SqlStore
from guarantee.orders import Order, OrderStatus
from tests.db.databases import Database
from tests.guarantee.samples import PATIENT, a_case, digest_of

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)

WANTED = Order(
    placer="RX|1",
    filler="",
    accession="A1",
    study="",
    sites=frozenset(),
    patient=PATIENT,
    numbers=(),
    procedures=frozenset({"L|IRM"}),
    procedure="IRM",
    indication="céphalées",
    is_stat=False,
    status=OrderStatus.WANTED,
    said_at=AT,
)
CASE = replace(a_case(), order="A1")


@pytest.fixture
def of(database: Database) -> Iterator[Callable[[str], SqlStore]]:
    """The store of a role."""
    made: dict[str, SqlStore] = {}

    def store(role: str) -> SqlStore:
        return made.setdefault(role, SqlStore(make_aval_engine(database.url_of(role))))

    yield store
    for one in made.values():
        one.dispose()


def hear(store: SqlStore, *orders: Order) -> None:
    with store.transaction("hl7") as unit:
        for order in orders:
            unit.orders.add(order, sender="ris", message=digest_of(f"{order.said_at}"), at=order.said_at)


def test_an_order_is_kept_once_and_every_process_that_asks_may_read_it(of: Callable[[str], SqlStore]) -> None:
    hear(of("aval_intake"), WANTED)
    hear(of("aval_intake"), WANTED)
    for role in ("aval_intake", "aval_sweep", "aval_desk"):
        with of(role).reading() as unit:
            assert unit.orders.of(CASE) == (WANTED,)
            assert unit.orders.of(replace(CASE, order="A2")) == ()


def test_a_cancellation_by_the_placers_number_alone_is_found_through_what_was_said_before(
    of: Callable[[str], SqlStore],
) -> None:
    gone = replace(WANTED, accession="", status=OrderStatus.CANCELLED, said_at=AT + timedelta(hours=1))
    intake = of("aval_intake")
    with intake.reading() as unit:
        assert not unit.orders.is_known(gone)
    hear(intake, WANTED, gone)
    with intake.reading() as unit:
        assert unit.orders.is_known(gone)
        (stands,) = unit.orders.of(CASE)
    assert (stands.status, stands.accession, stands.indication) == (OrderStatus.CANCELLED, "A1", "céphalées")


def test_the_exams_of_an_order_are_those_that_something_may_still_come_of(of: Callable[[str], SqlStore]) -> None:
    intake = of("aval_intake")
    opened = a_case()
    with intake.transaction("scp") as unit:
        unit.cases.add(opened, AT)
    order = replace(WANTED, accession=opened.order or "A1", study=opened.uid)
    with intake.reading() as unit:
        assert [exam.id for exam in unit.orders.exams(order)] == [opened.id]
        assert unit.orders.exams(replace(WANTED, accession="other")) == ()
