"""Servers, validators and a vault for the FHIR tests."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from bridge.demo.dpi import SimulatedDpi
from bridge.vault import FileVault
from fhir_adapters import client, rest
from fhir_adapters.client import DpiDestination
from fhir_adapters.report import FhirRenderer
from guarantee.ports import Clock
from tests.fhir.proxy import Proxy
from tests.fhir.samples import OPTIONS, PATIENT, StoppedClock
from tests.fhir.sending import WEB, Make
from tests.peers.fhir_validators import Medplum, PyFhirCheck
from tests.peers.fixtures import started
from tests.peers.sekmet import Sekmet


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def vault(tmp_path: Path) -> FileVault:
    return FileVault(tmp_path / "vault")


@pytest.fixture(scope="session", autouse=True)
def web() -> Iterator[None]:
    yield
    WEB.close()


@pytest.fixture
def make(vault: FileVault, clock: Clock) -> Iterator[Make]:
    """Make destinations that are closed at the end."""
    made = []

    def destination(url: str, answer_s: float = 20.0) -> DpiDestination:
        options = client.Options(name="dpi", server=rest.Options(base_url=url, answer_s=answer_s))
        made.append(DpiDestination(options, vault, clock))
        return made[-1]

    yield destination
    for one in made:
        one.close()


@pytest.fixture
def renderer(vault: FileVault) -> FhirRenderer:
    return FhirRenderer(OPTIONS, vault.get)


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
    admit(url)
    return url


def admit(url: str) -> None:
    """Put the samples' patient into a record, once."""
    patient = {
        "resourceType": "Patient",
        "id": PATIENT.reference.partition("/")[2],
        "identifier": [{"system": PATIENT.issuer, "value": PATIENT.identifier}],
    }
    with httpx2.Client(trust_env=False, verify=False, timeout=20) as web:
        if web.get(f"{url}/{PATIENT.reference}").status_code != 200:
            web.put(f"{url}/{PATIENT.reference}", json=patient).raise_for_status()


@pytest.fixture
def near(dpi: SimulatedDpi) -> Iterator[Proxy]:
    """A proxy before the simulated record only: for long lists of faults, which are the proxy's doing."""
    admit(dpi.url)
    yield from started(lambda: Proxy(dpi.url))


@pytest.fixture
def proxy(record: str) -> Iterator[Proxy]:
    yield from started(lambda: Proxy(record))


@pytest.fixture(scope="session")
def pyfhircheck() -> Iterator[PyFhirCheck]:
    yield from started(PyFhirCheck)


@pytest.fixture(scope="session")
def medplum() -> Iterator[Medplum]:
    yield from started(Medplum)
