"""No log, no message, no error, no name of a file says who the patient is: through success, and through every failure.

Patients are in cases, inputs, sealed bytes and the places that were endorsed for, and nowhere else.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from onnx import helper
from sqlalchemy import text

from tests.canary import patient
from tests.canary.hostile import GossipingArchive, GossipingRecord
from tests.canary.life import BROKEN, LAUNCH_KEY, Life
from tests.canary.notices import announce_everything
from tests.canary.sinks import Answers, Commands, Sinks, found_in
from tests.collector import Collector
from tests.crash.ledger import PACS, RECORD, Outside
from tests.e2e import inputs
from tests.e2e.reader import AtDesk
from tests.e2e.wire import Tap, publish
from tests.inference.builders import mask_package, model_of
from tests.installation import PROCESSES, Installation
from tests.peers.base import free_port
from tests.peers.postgresql import PostgreSQL
from tests.peers.rabbitmq import RabbitMQ

pytestmark = [pytest.mark.peer("dcmtk")]

PLACES = {PACS, "pacs-dead", "pacs-gossip", RECORD, "dpi-dead", "dpi-gossip"}

TOPICS = ("result.queued", "event.received", *(f"delivery.{place}" for place in sorted(PLACES)))


def broken_model() -> bytes:
    """Return a model whose answer is no number."""
    shape: list[int | str] = ["N", 1, 16, 16, 16]
    nodes = [
        helper.make_node("Sub", ["volume", "volume"], ["zero"]),
        helper.make_node("Div", ["zero", "zero"], ["probability"]),
    ]
    return model_of(nodes, {"volume": shape}, ("probability", shape)).SerializeToString()


def settings(
    folder: Path, outside: Outside, record: GossipingRecord, archive: GossipingArchive, collector: Collector
) -> dict[str, Any]:
    """Return models, one of them broken, and destinations that answer in every way."""
    made = inputs.models(folder)
    broken = mask_package(folder / "packages" / BROKEN, broken_model(), name=BROKEN)
    rules = Path(made["routing"]["rules"])
    plain = yaml.safe_load(rules.read_text(encoding="utf-8"))
    (route,) = (route for route in plain["routes"] if route["name"] == "phantom")
    condition = {**route["when"][0], "has": ["BROKEN"]}
    plain["routes"].append({**route, "name": "broken", "models": [BROKEN], "when": [condition]})
    rules.write_text(yaml.safe_dump(plain, allow_unicode=True), encoding="utf-8")
    made["models"]["packages"].append(str(broken))
    places = outside.settings()["destinations"]
    here = {"aet": "X", "host": "127.0.0.1", "commitment_port": 0}
    places["pacs"] |= {"pacs-dead": {**here, "port": free_port()}, "pacs-gossip": {**here, "port": archive.port}}
    places["fhir"] |= {
        "dpi-dead": {"base_url": f"http://127.0.0.1:{free_port()}/fhir"},
        "dpi-gossip": {"base_url": record.url},
    }
    made["sources"] = {"nowhere": {"aet": "X", "host": "127.0.0.1", "port": free_port()}}
    made["launchers"] = {"canary": {"key": LAUNCH_KEY}}
    made["metrics"] = {"enabled": True, "port": free_port()}
    made["tracing"] = {"endpoint": collector.endpoint}
    made["intake"] = {"hl7": {"port": free_port(), "senders": {"labo": {"addresses": ["127.0.0.0/8"]}}}}
    return {**made, "destinations": places, "stow": {"senders": {"viewer": {"addresses": ["127.0.0.0/8"]}}}}


@pytest.fixture(
    scope="module",
    params=[
        "embedded",
        pytest.param("distributed", marks=[pytest.mark.peer("postgresql"), pytest.mark.peer("rabbitmq")]),
    ],
)
def sinks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sinks]:
    """Live the whole life, and yield what can be searched afterwards."""
    cluster: PostgreSQL | None = None
    rabbitmq: RabbitMQ | None = None
    names: tuple[str, ...] = ("all",)
    if request.param == "distributed":
        cluster, rabbitmq = request.getfixturevalue("cluster"), request.getfixturevalue("rabbitmq")
        names = (*PROCESSES, "metrics")
    folder = tmp_path_factory.mktemp(f"canary-{request.param}")
    with ExitStack() as stack:
        outside, record, archive = Outside(folder / "outside"), GossipingRecord(), GossipingArchive()
        collector = Collector()
        for each in (outside, record, archive, collector):
            stack.callback(each.stop)
        made = Installation(
            folder / "data",
            settings(folder, outside, record, archive, collector),
            cluster=cluster,
            broker=rabbitmq.url if rabbitmq else "",
        )
        stack.callback(made.kill)
        made.start(*names)
        commands = Commands(made)
        stack.callback(commands.stop)
        tap = stack.enter_context(Tap(rabbitmq.url, TOPICS)) if rabbitmq else None
        answers = Answers()
        live(made, answers, folder)
        told = {"case", "result", "review", "deliver", "predict"}
        made.eventually(lambda: told <= {span.name for span in collector.spans}, "a life to be told as traces")
        answers.bodies.extend(("trace", body) for body in collector.bodies)
        yield Sinks(made, answers, commands, tap, cluster, rabbitmq)
        made.stop()


def live(installation: Installation, answers: Answers, folder: Path) -> None:
    with AtDesk(installation, installation.people["dr.martin"]) as martin:
        life = Life(installation, answers, martin, folder)
        life.endorsed_and_withdrawn(PLACES)
        life.scored()
        life.refused_images()
        life.posted_images()
        life.imported_files()
        announce_everything(installation.scp)
        life.quarantined()
        life.admitted()
        life.unreadable_by_models()
        life.refused_messages()
        life.fed()
        life.refused_at_the_desk()
        life.launched()
        life.refused_sign_ins()
        life.watched()
        life.close()


def test_the_patient_was_really_there(sinks: Sinks) -> None:
    """The control of what follows: the installation knows the patient, and every kind of failure did happen."""
    with sinks.installation.reading() as unit:
        cases = unit.views.cases(100)
        turned_away = {(row["door"], row["code"]) for row in unit.views.turned_away(1000)}
        causes = {row.result.state for row in unit.views.results((), limit=100)}
        ways = {
            (str(row.kind), str(row.state))
            for row in unit.connection.execute(text("SELECT kind, state FROM deliveries")).all()
        }
        announced = unit.connection.execute(text("SELECT count(*) FROM expectations")).scalar_one()
    assert any(patient.FAMILY in case.patient.name for case in cases)
    assert {str(case.state) for case in cases} >= {"complete", "quarantined"}
    assert {door for door, _ in turned_away} == {"scp", "fhir", "stow", "import", "hl7"}
    assert announced, "the listener took what was announced of the study"
    assert {code for door, code in turned_away if door == "scp"} >= {"uid-form", "step-unknown", "commitment-unheard"}
    assert causes >= {"retracted", "awaiting_review", "failed", "excluded"}
    assert ("result", "declined") in ways
    assert ("withdrawal", "confirmed") in ways
    statuses = {name for name, _ in sinks.answers.bodies}
    assert statuses >= {f"HTTP {status}" for status in (400, 401, 404, 422)}


def test_everything_that_happened_is_in_the_figures(sinks: Sinks) -> None:
    """The control of the scrape: what it says nothing of the patient about, it does tell."""
    scrape = dict(sinks.answers.bodies)["scrape"].decode()
    for series in (
        f'aval_results_total{{model="{inputs.PHANTOM}",version="1.0.0",state="retracted"}}',
        f'aval_runs_total{{model="{BROKEN}",version="1.0.0",outcome="failed"',
        'aval_refusals_total{door="fhir",code=',
        'aval_refusals_total{door="scp",code="uid-form"}',
        'aval_refusals_total{door="hl7",code="charset"}',
        'aval_feed_messages_total{sender="labo",type="ADT^A40",outcome="used"} 1',
        'aval_deliveries_total{destination="dpi-gossip",state="declined"}',
        f'aval_stage_duration_seconds_count{{model="{inputs.PHANTOM}",version="1.0.0",stage="predict"}}',
        'aval_cases_total{state="quarantined"}',
    ):
        assert series in scrape, series


def test_nothing_says_who_the_patient_is(sinks: Sinks) -> None:
    contents = list(sinks.contents())
    assert len({name for name, _ in contents}) > 15
    found = found_in(contents)
    assert not found, {name: sorted(traits) for name, traits in found.items()}


def test_the_export_of_the_journal_names_nobody(sinks: Sinks, tmp_path: Path) -> None:
    """What a person typed as a comment is part of what they signed, and is in it; who the patient is, is not."""
    export = tmp_path / "journal.jsonl"
    done = sinks.installation.aval("journal", "export", "--out", str(export))
    assert done.returncode == 0, done.stderr
    traits = patient.needles({*patient.TRAITS, *patient.PARTS} - {patient.WORDS, patient.PARTS[-1]})
    assert found_in([("export", export.read_bytes())], traits) == {}
    assert found_in([("export", export.read_bytes())], patient.needles([patient.WORDS])), "the comment is in it"


# --------------------------------------------------------------------------------------------- the search itself


def test_the_search_finds_what_is_planted_in_every_sink(sinks: Sinks) -> None:
    """Last of all: afterwards this installation is full of it."""
    installation = sinks.installation
    before = set(found_in(sinks.contents()))
    with (installation.logs / "planted.log").open("wb") as log:
        log.write(f"read study of {patient.GIVEN}".encode("latin-1"))
    (installation.folder / f"{patient.IDENTIFIER}.dcm").touch()
    (installation.folder / "anchors" / "notes.txt").write_text(patient.BIRTH_DATE_FHIR)
    with Echo() as url, httpx2.Client(trust_env=False) as client:
        sinks.answers.watch(client)
        client.get(f"{url}/{patient.ACCESSION}")
    plant_in_tables(installation)
    plant_in_arguments(sinks)
    wanted = {"log planted.log", "file names", "file anchors/notes.txt", "HTTP 404", "process arguments"}
    wanted |= {"table outbox", "table turned_away"}
    if sinks.tap is not None and sinks.rabbitmq is not None:
        publish(sinks.rabbitmq.url, [(TOPICS[0], patient.STUDY_UID.encode())])
        wanted |= {"broker"}
    installation.eventually(
        lambda: wanted <= set(found_in(sinks.contents())) - before, "every planted trait", within_s=20
    )


class Echo:
    """A server whose refusals repeat the address."""

    def __enter__(self) -> str:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, env={"PATH": os.environ["PATH"]}
        )
        assert self._process.stdout is not None
        return f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


SERVER = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.path.encode()
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
server = HTTPServer(("127.0.0.1", 0), Echo)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def plant_in_tables(installation: Installation) -> None:
    with installation.parts_of_the_owner() as parts, parts.store("").transaction("planted") as unit:
        unit.messages.turn_away("scp", "planted", "planted", f"of {patient.NAME}", parts.clock.now())
        row: Mapping[str, str] = {"id": "planted", "fact": f'{{"patient": "{patient.IDENTIFIER}"}}', "at": "2026-01-01"}
        unit.connection.execute(text("INSERT INTO outbox (id, fact, at) VALUES (:id, :fact, :at)"), row)


def plant_in_arguments(sinks: Sinks) -> None:
    """Run a process beside the others, with the patient among its arguments."""
    command = [sys.executable, "-c", "import time; time.sleep(1)", patient.IDENTIFIER]
    planted = subprocess.Popen(command, start_new_session=True)
    sinks.installation.running["planted"] = planted
    planted.wait(30)
    del sinks.installation.running["planted"]
