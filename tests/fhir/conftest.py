"""Servers, validators and a vault for the FHIR tests."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.demo.dpi import SimulatedDpi
from bridge.vault import FileVault
from tests.fhir.proxy import Proxy
from tests.peers.fhir_validators import Medplum, PyFhirCheck
from tests.peers.fixtures import started
from tests.peers.sekmet import Sekmet


class StoppedClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        return datetime(2026, 11, 21, 11, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def vault(tmp_path: Path) -> FileVault:
    return FileVault(tmp_path / "vault")


@pytest.fixture
def dpi(tmp_path: Path) -> Iterator[SimulatedDpi]:
    yield from started(lambda: SimulatedDpi("127.0.0.1", 0, tmp_path / "dpi"))


@pytest.fixture(scope="session")
def sekmet() -> Iterator[Sekmet]:
    yield from started(Sekmet)


@pytest.fixture(params=["simulated", "sekmet"])
def record(request: pytest.FixtureRequest) -> str:
    """Address of a record system: ours, and another's. What holds at one must hold at the other."""
    name = "dpi" if request.param == "simulated" else "sekmet"
    url: str = request.getfixturevalue(name).url
    return url


@pytest.fixture
def proxy(record: str) -> Iterator[Proxy]:
    yield from started(lambda: Proxy(record))


@pytest.fixture(scope="session")
def pyfhircheck() -> Iterator[PyFhirCheck]:
    yield from started(PyFhirCheck)


@pytest.fixture(scope="session")
def medplum() -> Iterator[Medplum]:
    yield from started(Medplum)
