"""Places outside that count, and peers that can be killed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.ledger import Outside
from tests.peers.base import Daemon, PeerMissing, wait_until
from tests.peers.dicom_tools import Dcmtk
from tests.peers.fixtures import started
from tests.peers.postgresql import PostgreSQL
from tests.peers.rabbitmq import RabbitMQ

SUITE_S = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(SUITE_S))


class KilledPostgreSQL(PostgreSQL):
    """A cluster that can be killed, and started again on what it holds."""

    def kill(self) -> None:
        """End the postmaster as a power cut would; its children notice and follow."""
        self._orphans_of = int((self.home / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(self._orphans_of, signal.SIGKILL)
        self.daemon.process.wait(30)

    def restart(self) -> None:
        """Start it again; it refuses while orphans of the old one still hold its memory."""
        command = [str(word) for word in self.daemon.process.args]  # type: ignore[union-attr]
        for _ in range(20):
            self.daemon = Daemon("postgres-again", command, self.home)
            try:
                wait_until(self._answers, "postgres", self.daemon.process)
            except PeerMissing:
                self.daemon.stop()
            else:
                return
        raise AssertionError(f"postgres did not start again\n{self.daemon.tail()}")


@pytest.fixture(scope="session")
def dcmtk() -> Iterator[Dcmtk]:
    yield from started(Dcmtk)


@pytest.fixture(scope="session")
def cluster() -> Iterator[KilledPostgreSQL]:
    yield from started(KilledPostgreSQL)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    yield from started(RabbitMQ)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    made = Outside(tmp_path / "outside")
    yield made
    made.stop()
