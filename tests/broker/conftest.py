"""Both bells, for the one contract."""

from collections.abc import Callable, Iterator

import pytest

from bridge.broker.local import LocalBell
from bridge.broker.rabbit import RabbitBell
from tests.peers.fixtures import started
from tests.peers.rabbitmq import RabbitMQ
from tests.told import pytest_terminal_summary, told

__all__ = ["pytest_terminal_summary", "told"]

MakeBell = Callable[[], LocalBell | RabbitBell]


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """One broker for the whole run."""
    yield from started(RabbitMQ)


@pytest.fixture(params=["local", "rabbitmq"])
def make_bell(request: pytest.FixtureRequest) -> Iterator[MakeBell]:
    """Return a function that opens a bell; every opened bell is closed afterwards."""
    bells: list[LocalBell | RabbitBell] = []

    def make() -> LocalBell | RabbitBell:
        broker = request.getfixturevalue("rabbitmq") if request.param == "rabbitmq" else None
        bells.append(RabbitBell(broker.url) if broker else LocalBell())
        return bells[-1]

    yield make
    for bell in bells:
        bell.close()
