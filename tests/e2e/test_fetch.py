"""``aval fetch``: what a real archive holds and we do not comes through the same intake; what does not come is said."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless

from bridge.config import ConfigError
from bridge.wiring.inflow import Inflow
from bridge.wiring.retrieval import Fetched, fetch
from bridge.wiring.sources import source
from dicom_adapters.ask.dicomweb import Web
from dicom_adapters.ask.query import Listed
from dicom_adapters.ask.retrieve import by_wado, gaps
from guarantee.case import CaseKind
from guarantee.errors import Unavailable
from guarantee.unit import Input
from tests.dicom import samples
from tests.installation import Installation, json_of
from tests.peers.base import free_port
from tests.peers.fixtures import started
from tests.peers.orthanc import Orthanc

pytestmark = [pytest.mark.peer("orthanc")]

LISTENER = free_port()
"""Where our listener is; the archive knows it as AVAL."""


@pytest.fixture(scope="module")
def archive() -> Iterator[Orthanc]:
    yield from started(lambda: Orthanc(commitment_port=LISTENER))


@pytest.fixture(scope="module")
def made(archive: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    by_dimse = {"aet": "ORTHANC", "host": "127.0.0.1", "port": archive.port}
    settings = {
        "scp": {"port": LISTENER},
        "sources": {
            "pacs": by_dimse,
            "web": {**by_dimse, "dicomweb_url": archive.dicomweb_url},
            "dead": {**by_dimse, "port": free_port(), "silence_s": 2.0},
        },
    }
    made = Installation(tmp_path_factory.mktemp("fetch") / "data", settings)
    made.ports["scp"] = LISTENER
    yield made
    made.kill()


def study(name: str, *, syntax: str = ExplicitVRLittleEndian, **header: str) -> list[bytes]:
    """Return two series of a study: three MR images, and two more."""
    datasets: list[Dataset] = []
    for number, slices in ((1, 3), (2, 2)):
        datasets += samples.series(slices=slices, study=name, number=number)
    for dataset in datasets:
        for keyword, value in header.items():
            setattr(dataset, keyword, value)
    return samples.to_files(datasets, syntax)


def held(made: Installation, name: str) -> list[Input]:
    with made.reading() as unit:
        return list(unit.cases.inputs(CaseKind.STUDY, samples.uid("study", name)))


def fetched(made: Installation, place: str, name: str, way: str) -> Fetched:
    with made.parts_of_the_owner() as parts:
        asked = source(parts.settings, place)
        with closing(Inflow(parts, door="fetch", sender=place)) as inflow:
            return fetch(samples.uid("study", name), asked, way, inflow, parts)


@pytest.mark.parametrize(
    ("place", "way", "syntax"),
    [
        ("web", "auto", JPEG2000Lossless),
        ("pacs", "auto", JPEG2000Lossless),
        ("pacs", "get", ExplicitVRLittleEndian),
    ],
)
def test_a_gap_is_filled_with_the_bytes_of_the_archive(
    made: Installation, archive: Orthanc, tmp_path: Path, place: str, way: str, syntax: str
) -> None:
    name = f"gap-{place}-{way}"
    files = study(name, syntax=syntax)
    for file in files:
        archive.store(file)
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "one.dcm").write_bytes(files[0])
    assert made.aval("import", str(tmp_path / "some")).returncode == 0
    assert fetched(made, place, name, way) == Fetched(
        study_uid=samples.uid("study", name), listed=5, wanted=4, missing=()
    )
    inputs = held(made, name)
    assert len(inputs) == 5
    assert not any(one.conflict for one in inputs)
    assert {*inputs[0].facts["TransferSyntaxUID"]} == {syntax}
    ours = {samples.data_set_of(made.vault.get(one.source.digest)) for one in inputs}
    assert ours == {samples.data_set_of(file) for file in files}
    assert fetched(made, place, name, way).wanted == 0


WEIGHING = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Started by a small process: what a child holds most is counted from what its parent holds when it is made."""


def peak_bytes(made: Installation, name: str) -> int:
    """Fetch a study by C-GET in a process of its own; return the most memory that it held."""
    words = ["fetch", samples.uid("study", name), "--from", "pacs", "--by", "get", "--dir", str(made.folder)]
    fetching = [sys.executable, "-m", "bridge", *words]
    weighing = [sys.executable, "-c", WEIGHING, *fetching]
    said = subprocess.run(weighing, env=made.environment(), capture_output=True, check=True, timeout=180)
    return int(said.stdout) * 1024


def test_an_instance_as_large_as_the_memory_is_fetched_in_pieces(made: Installation, archive: Orthanc) -> None:
    size_bytes = 150 * 1024 * 1024
    (large,) = samples.series(slices=1, study="large")
    large.Rows, large.Columns, large.PixelData = 9600, 8192, bytes(size_bytes)
    archive.store(samples.to_file(samples.series(slices=1, study="small")[0]))
    archive.store(samples.to_file(large))
    before = peak_bytes(made, "small")
    assert peak_bytes(made, "large") < before + size_bytes / 8
    (kept,) = held(made, "large")
    assert made.vault.path(kept.source.digest).stat().st_size > size_bytes


def test_an_archive_moves_to_our_listener(made: Installation, archive: Orthanc) -> None:
    for file in study("moved"):
        archive.store(file)
    made.start("scp")
    said = made.aval("fetch", samples.uid("study", "moved"), "--from", "pacs", "--by", "move", "--json")
    assert said.returncode == 0, said.stderr
    (one,) = json_of(said)["studies"]
    assert (one["listed"], one["wanted"], one["missing"]) == (5, 5, [])
    assert len(held(made, "moved")) == 5
    made.stop()


def test_what_does_not_come_is_said(made: Installation, archive: Orthanc) -> None:
    """Nobody listens: the archive can move nothing."""
    for file in study("unmoved"):
        archive.store(file)
    uid = samples.uid("study", "unmoved")
    said = made.aval("fetch", uid, "--from", "pacs", "--by", "move")
    assert said.returncode in {1, 4}, said.stdout
    assert "retrieve-failed" in said.stderr or "5 still missing" in said.stdout


def test_priors_come_by_their_patient(made: Installation, archive: Orthanc, tmp_path: Path) -> None:
    who = {"PatientID": "FETCH-1"}
    for name, date in {"prior-1": "20230101", "prior-2": "20240101", "now": "20260101"}.items():
        for file in study(name, StudyDate=date, **who):
            archive.store(file)
    uid = samples.uid("study", "now")
    said = made.aval("fetch", uid, "--from", "pacs", "--priors")
    assert (said.returncode, "is not known here" in said.stderr) == (3, True)
    assert made.aval("fetch", uid, "--from", "web").returncode == 0
    said = made.aval("fetch", uid, "--from", "web", "--priors", "--latest", "1", "--json")
    assert [one["uid"] for one in json_of(said)["studies"]] == [samples.uid("study", "prior-2")]
    assert (len(held(made, "prior-1")), len(held(made, "prior-2"))) == (0, 5)
    assert "FETCH-1" not in said.stdout + said.stderr


def test_who_does_not_answer_or_is_not_configured_is_said(made: Installation) -> None:
    said = made.aval("fetch", "1.2.3", "--from", "dead")
    assert (said.returncode, "no-association" in said.stderr) == (4, True)
    said = made.aval("fetch", "1.2.3", "--from", "other")
    assert (said.returncode, "aval.toml has dead, pacs, web" in said.stderr) == (3, True)
    said = made.aval("fetch", "1.2.3", "--from", "web")
    assert (said.returncode, "the archive does not know it" in said.stdout) == (1, True)


def test_a_way_that_an_archive_does_not_have(made: Installation, archive: Orthanc) -> None:
    archive.store(study("no-way")[0])
    with pytest.raises(ConfigError, match="has no dicomweb_url"):
        fetched(made, "pacs", "no-way", "wado")


# ------------------------------------------------------------------------------------------------ archives that lie


LISTED = Listed(series_uid="1.2.3", sop_instance_uid="1.2.3.4", sop_class_uid="1.2.840.10008.5.1.4.1.1.2")


def lies(made: Installation, kind: str, body: bytes) -> tuple[int, list[str]]:
    """Fetch from an archive that answers everything alike; return how many it brought and why others were refused."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with made.parts_of_the_owner() as parts, closing(Inflow(parts, door="fetch", sender="liar")) as inflow:
            web = Web(f"http://127.0.0.1:{server.server_port}", 10)

            def take(name: str, fill: Any) -> None:
                inflow.take(name, fill, study_uid=samples.uid("study", "asked"))

            by_wado(web, samples.uid("study", "asked"), gaps([LISTED], frozenset()), inflow.custody, take)
            inflow.commit()
            return sum(inflow.tally.outcomes.values()), [one.code for one in inflow.tally.refused]
    finally:
        server.shutdown()
        server.server_close()


def parts_of(*files: bytes) -> bytes:
    return b"".join(b"--b\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n" for file in files) + b"--b--"


def test_what_an_archive_answers_is_believed_no_more_than_what_is_sent(made: Installation) -> None:
    kind = "multipart/related; boundary=b"
    good = samples.to_file(samples.series(slices=1, study="asked")[0])
    other = samples.to_file(samples.series(slices=1, study="not-asked")[0])
    assert lies(made, kind, parts_of(other, good[:-9], b"", good)) == (1, ["study-mismatch", "truncated", "not-dicom"])
    with pytest.raises(Unavailable, match="unreadable-answer"):
        lies(made, "text/html", b"<html>")
    with pytest.raises(Unavailable, match="unreadable-answer"):
        lies(made, kind, parts_of(good)[:-30])
