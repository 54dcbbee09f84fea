"""Two installations for the whole run, each as a hospital would have it, with the same two places outside."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import inputs
from tests.e2e.judges import Judges
from tests.e2e.outside import Outside, RestartedOrthanc
from tests.e2e.reader import AtDesk
from tests.installation import PROCESSES, Installation
from tests.peers.chromium import Chromium
from tests.peers.dicom_tools import Dcmtk, Dicom3Tools
from tests.peers.fhir_validators import Medplum, PyFhirCheck
from tests.peers.fixtures import started
from tests.peers.postgresql import PostgreSQL
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.sekmet import Sekmet

SUITE_S = 600
"""Longest test here: it waits for real models, real archives and real restarts."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(SUITE_S))


@pytest.fixture(scope="session")
def orthanc() -> Iterator[RestartedOrthanc]:
    yield from started(lambda: RestartedOrthanc("AVAL-OUT"))


@pytest.fixture(scope="session")
def sekmet() -> Iterator[Sekmet]:
    yield from started(Sekmet)


@pytest.fixture(scope="session")
def cluster() -> Iterator[PostgreSQL]:
    yield from started(PostgreSQL)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    yield from started(RabbitMQ)


@pytest.fixture(scope="session")
def dicom3tools() -> Iterator[Dicom3Tools]:
    yield from started(Dicom3Tools)


@pytest.fixture(scope="session")
def dcmtk() -> Iterator[Dcmtk]:
    yield from started(Dcmtk)


@pytest.fixture(scope="session")
def pyfhircheck() -> Iterator[PyFhirCheck]:
    yield from started(PyFhirCheck)


@pytest.fixture(scope="session")
def medplum() -> Iterator[Medplum]:
    yield from started(Medplum)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """For one file: its driver keeps an event loop on this thread, which other tests need for their own."""
    yield from started(Chromium)


@pytest.fixture(scope="session")
def outside(orthanc: RestartedOrthanc, sekmet: Sekmet) -> Iterator[Outside]:
    """Both destinations."""
    made = Outside(orthanc, sekmet)
    yield made
    made.close()


@pytest.fixture(scope="session")
def embedded(outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """SQLite, the in-process bell, ``aval run all``; the PACS answers storage commitment."""
    folder = tmp_path_factory.mktemp("embedded")
    made = Installation(folder / "data", inputs.models(folder) | outside.settings(commitment=True))
    yield from _running(made, "all")


@pytest.fixture(scope="session")
def distributed(
    outside: Outside, cluster: PostgreSQL, rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """PostgreSQL with a role for each process, RabbitMQ, one operating-system process each; proof by DICOMweb."""
    folder = tmp_path_factory.mktemp("distributed")
    settings = inputs.models(folder) | outside.settings(commitment=False)
    made = Installation(folder / "data", settings, cluster=cluster, broker=rabbitmq.url)
    yield from _running(made, *PROCESSES)


def _running(made: Installation, *names: str) -> Iterator[Installation]:
    try:
        made.start(*names)
        yield made
        made.stop()
    finally:
        made.kill()


@pytest.fixture(
    scope="session",
    params=[
        "embedded",
        pytest.param("distributed", marks=[pytest.mark.peer("postgresql"), pytest.mark.peer("rabbitmq")]),
    ],
)
def place(request: pytest.FixtureRequest) -> Installation:
    """One after the other."""
    chosen: Installation = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def martin(place: Installation) -> Iterator[AtDesk]:
    """A radiologist at the desk."""
    with AtDesk(place, place.people["dr.martin"]) as reader:
        yield reader


@pytest.fixture
def judges(
    dicom3tools: Dicom3Tools, dcmtk: Dcmtk, pyfhircheck: PyFhirCheck, medplum: Medplum, tmp_path: Path
) -> Judges:
    """Everybody who looks at what arrived."""
    return Judges(dicom3tools, dcmtk, pyfhircheck, medplum, tmp_path)
