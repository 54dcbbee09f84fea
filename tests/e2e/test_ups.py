"""Work from a worklist server, as whole processes: Orthanc has the study, a clinician decides, a kill is survived.

The worklist server is our own, written from the standard (tests/peers/ups_server.py): none could be installed.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.canary import patient
from tests.canary.sinks import found_in
from tests.e2e import inputs
from tests.e2e.inputs import PHANTOM, Study
from tests.e2e.outside import RestartedOrthanc
from tests.e2e.reader import AtDesk
from tests.installation import PROCESSES, Installation
from tests.peers.postgresql import PostgreSQL
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.ups_server import CANCELED, COMPLETED, IN_PROGRESS, UpsServer, values

pytestmark = [pytest.mark.peer("orthanc")]

WORKER = "ups"


@pytest.fixture(scope="module")
def server() -> Iterator[UpsServer]:
    made = UpsServer(token="jeton")
    yield made
    made.stop()


def settings(folder: Path, orthanc: RestartedOrthanc, server: UpsServer) -> dict[str, Any]:
    pacs = {"aet": orthanc.aet, "host": "127.0.0.1", "port": orthanc.port, "commitment_port": 0}
    pacs |= {"confirm": "dicomweb", "dicomweb_url": orthanc.dicomweb_url}
    work = {"url": server.url, "token": server.token, "station": "AVAL|99TEST", "source": "archive", "poll_s": 0.3}
    return {
        **inputs.models(folder),
        "destinations": {"pacs": {"pacs-1": pacs}},
        "sources": {"archive": {"dicomweb_url": orthanc.dicomweb_url}},
        "ups": {"ris": {**work, "workitems": {"brain": PHANTOM}}},
    }


@pytest.fixture(
    scope="module",
    params=[
        "embedded",
        pytest.param("distributed", marks=[pytest.mark.peer("postgresql"), pytest.mark.peer("rabbitmq")]),
    ],
)
def site(
    request: pytest.FixtureRequest,
    orthanc: RestartedOrthanc,
    server: UpsServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp(f"ups-{request.param}")
    given, names = settings(folder, orthanc, server), ("all",)
    if request.param == "distributed":
        cluster: PostgreSQL = request.getfixturevalue("cluster")
        rabbitmq: RabbitMQ = request.getfixturevalue("rabbitmq")
        made, names = Installation(folder / "data", given, cluster=cluster, broker=rabbitmq.url), (*PROCESSES, WORKER)
    else:
        made = Installation(folder / "data", given)
    try:
        made.start(*names)
        yield made
        made.stop()
    finally:
        made.kill()


@pytest.fixture
def martin(site: Installation) -> Iterator[AtDesk]:
    with AtDesk(site, site.people["dr.martin"]) as reader:
        yield reader


def scheduled(server: UpsServer, orthanc: RestartedOrthanc, folder: Path, **more: Any) -> tuple[str, Study]:
    """Put a study into the archive, and work on it onto the list."""
    who = {keyword: value for keyword, value in patient.HEADER.items() if keyword != "StudyInstanceUID"}
    study = inputs.phantom(folder, f"ups-{time.monotonic_ns()}", **who)
    for file in study.files:
        orthanc.store(file.read_bytes())
    return server.schedule(f"2.25.{time.monotonic_ns()}", study.uid, **more), study


def restarted(site: Installation) -> None:
    """Kill the worker in the middle of its work, as a power cut would, and start it again."""
    name = WORKER if WORKER in site.running else "all"
    site.kill(name)
    site.start(name)


def test_a_workitem_is_completed_by_what_a_clinician_endorsed_and_a_kill_changes_nothing(
    site: Installation, server: UpsServer, orthanc: RestartedOrthanc, tmp_path: Path
) -> None:
    uid, study = scheduled(server, orthanc, tmp_path, priority="HIGH")
    site.eventually(lambda: server.state(uid) == IN_PROGRESS, "the workitem to be claimed")
    restarted(site)
    with AtDesk(site, site.people["dr.martin"]) as reader:
        result = reader.draft_of(study.case(), PHANTOM)
        assert reader.view(result)["line"]["priority"] == "stat"
        word = "waiting for review"
        site.eventually(lambda: server.said(uid, "ProcedureStepProgressDescription") == word, "the server to be told")
        assert server.state(uid) == IN_PROGRESS, "not completed before the decision"
        assert server.outputs(uid) == []
        reader.sign(result)
        site.eventually(lambda: server.state(uid) == COMPLETED, "the workitem to be completed")
        reader.wait_for(result, "delivered")
    assert server.history.count((uid, IN_PROGRESS)) == server.history.count((uid, COMPLETED)) == 1
    outputs = server.outputs(uid)
    assert len(outputs) == 2
    assert all(orthanc.file_of(output) is not None for output in outputs)
    assert values(server.performed(uid), "PerformedWorkitemCodeSequence")
    told = [*server.received, *((log.name, log.read_bytes()) for log in site.logs.glob("*.log"))]
    assert len(server.received) > 5
    assert found_in(told) == {}, "neither the server nor a log is told who the patient is"


def test_a_rejected_draft_cancels_the_workitem(
    site: Installation, martin: AtDesk, server: UpsServer, orthanc: RestartedOrthanc, tmp_path: Path
) -> None:
    uid, study = scheduled(server, orthanc, tmp_path)
    result = martin.draft_of(study.case(), PHANTOM)
    martin.sign(result, verdict="reject", reason="false-positive")
    site.eventually(lambda: server.state(uid) == CANCELED, "the workitem to be canceled")
    assert server.said(uid, "ReasonForCancellation") == f"{PHANTOM}@1.0.0 rejected (false-positive)"
    assert server.outputs(uid) == []


def test_work_for_others_is_left_to_them(
    site: Installation, server: UpsServer, orthanc: RestartedOrthanc, tmp_path: Path
) -> None:
    other, _ = scheduled(server, orthanc, tmp_path, code="lungs")
    ours, _ = scheduled(server, orthanc, tmp_path)
    site.eventually(lambda: server.state(ours) == IN_PROGRESS, "our own workitem to be claimed")
    assert server.state(other) == "SCHEDULED"
    unknown = server.schedule(f"2.25.{time.monotonic_ns()}", "1.2.3.4.5")
    site.eventually(lambda: server.state(unknown) == CANCELED, "work on an unknown study to be canceled")
    assert server.said(unknown, "ReasonForCancellation") == "study-unknown"
