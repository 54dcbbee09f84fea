"""An archive is asked what it holds, by C-FIND and by QIDO-RS; what it answers is believed within limits."""

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from dicom_adapters.ask import cfind
from dicom_adapters.ask.query import Listed, Options, Source
from guarantee.errors import Declined, PortError, Unavailable
from tests.dicom import samples
from tests.peers.base import free_port
from tests.peers.orthanc import Orthanc

SHORT = {"silence_s": 5.0, "whole_s": 20.0}


def by_c_find(orthanc: Orthanc) -> Source:
    return Source(Options(name="pacs", aet="ORTHANC", host="127.0.0.1", port=orthanc.port))


def by_qido(orthanc: Orthanc) -> Source:
    return Source(Options(name="pacs", dicomweb_url=orthanc.dicomweb_url))


@pytest.mark.peer("orthanc")
@pytest.mark.parametrize("ask", [by_c_find, by_qido])
def test_a_real_archive_says_how_many_instances_each_series_has(orthanc: Orthanc, ask: Any) -> None:
    small, large = samples.series(slices=3, study="q", number=1), samples.series(slices=5, study="q", number=2)
    for dataset in (*small, *large):
        orthanc.store(samples.to_file(dataset))
    source = ask(orthanc)
    study = str(small[0].StudyInstanceUID)
    assert source.count_instances(study) == {
        str(small[0].SeriesInstanceUID): 3,
        str(large[0].SeriesInstanceUID): 5,
    }
    assert set(source.instances(study)) == {
        Listed(
            series_uid=str(each.SeriesInstanceUID),
            sop_instance_uid=str(each.SOPInstanceUID),
            sop_class_uid=str(each.SOPClassUID),
        )
        for each in (*small, *large)
    }


@pytest.mark.peer("orthanc")
@pytest.mark.parametrize("ask", [by_c_find, by_qido])
def test_a_study_that_the_archive_does_not_know_has_no_series(orthanc: Orthanc, ask: Any) -> None:
    assert ask(orthanc).count_instances(samples.uid("nowhere")) == {}
    assert ask(orthanc).instances(samples.uid("nowhere")) == ()


@pytest.mark.peer("orthanc")
def test_the_studies_of_a_patient_are_those_of_this_identifier_and_issuer(orthanc: Orthanc) -> None:
    for study, changes in {
        "p1": {"PatientID": "PRIOR-7", "StudyDate": "20250102"},
        "p2": {"PatientID": "PRIOR-7", "StudyDate": "20240102"},
        "p3": {"PatientID": "PRIOR-77", "StudyDate": "20230102"},
    }.items():
        (dataset,) = samples.series(slices=1, study=study)
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
        orthanc.store(samples.to_file(dataset))
    source = by_c_find(orthanc)
    found = source.studies_of("PRIOR-7", "AVAL-TESTS")
    assert [(study.date, study.study_uid) for study in found] == [
        ("20240102", samples.uid("study", "p2")),
        ("20250102", samples.uid("study", "p1")),
    ]
    assert all(study.modalities == "MR" for study in found)
    assert source.studies_of("PRIOR-7", "ANOTHER-HOSPITAL") == ()


@pytest.mark.parametrize("identifier", ["", "PRIOR*", "PRIO?", "A\\B", "É1", "A" * 65, "A\nB"])
def test_an_identifier_that_would_match_others_is_not_asked_for(identifier: str) -> None:
    source = Source(Options(name="pacs", aet="A", host="127.0.0.1", port=1))
    with pytest.raises(Declined, match="identifier-form"):
        source.studies_of(identifier, "")


def test_a_patient_is_never_asked_for_in_a_url() -> None:
    with pytest.raises(Declined, match="no-c-find"):
        Source(Options(name="pacs", dicomweb_url="http://127.0.0.1:1")).studies_of("A", "")


def test_a_source_has_an_address() -> None:
    with pytest.raises(Declined, match="no-address"):
        Source(Options(name="pacs"))


# -------------------------------------------------------------------------------------- archives that are unlike others


@contextmanager
def archive(answers: list[tuple[int, dict[str, str] | None]]) -> Iterator[Source]:
    """A C-FIND SCP that answers every question alike."""

    def find(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        for status, values in answers:
            match = None
            if values is not None:
                match = Dataset()
                for keyword, value in values.items():
                    setattr(match, keyword, value)
            yield status, match

    entity = AE("ODD")
    entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    port = free_port()
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_FIND, find)])
    try:
        yield Source(Options(name="odd", aet="ODD", host="127.0.0.1", port=port, **SHORT))
    finally:
        server.shutdown()


SERIES = {"SeriesInstanceUID": "1.2.3", "SOPInstanceUID": "1.2.3.4", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}


def test_an_archive_that_does_not_count_is_counted() -> None:
    with archive([(0xFF00, SERIES)]) as source:
        assert source.count_instances("1.2") == {"1.2.3": 1}


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([(0xA700, None)], "query-failed"),
        ([(0xFF00, SERIES), (0xC001, None)], "query-failed"),
        ([(0xFF00, SERIES | {"SeriesInstanceUID": ""})], "unreadable-answer"),
    ],
)
def test_an_answer_that_is_not_whole_is_no_count(answers: Any, code: str) -> None:
    with archive(answers) as source, pytest.raises(Unavailable) as raised:
        source.count_instances("1.2")
    assert raised.value.code == code


def test_an_answer_without_an_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cfind, "MATCHES_MAX", 5)
    with archive([(0xFF00, SERIES)] * 20) as source, pytest.raises(Unavailable, match="answer-too-large"):
        source.count_instances("1.2")


def test_nobody_there_is_said() -> None:
    source = Source(Options(name="gone", aet="A", host="127.0.0.1", port=free_port(), **SHORT))
    with pytest.raises(Unavailable, match="no-association"):
        source.count_instances("1.2")


def test_a_pdu_of_four_gigabytes_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        sent: list[int] = []
        talker = threading.Thread(target=answer_with, args=(server, struct.pack(">BBL", 2, 0, 0xFFFFFFFF), sent))
        talker.start()
        with pytest.raises(Unavailable, match="no-association"):
            Source(Options(name="odd", aet="A", host="127.0.0.1", port=port, **SHORT)).count_instances("1.2")
        talker.join(30)
    assert not talker.is_alive()
    assert len(sent) < 32, "most of it lies in the buffers of the two sockets"


def answer_with(server: socket.socket, header: bytes, sent: list[int]) -> None:
    """Answer one request with ``header`` and bytes without an end, until the other side hangs up."""
    connection, _ = server.accept()
    with connection, suppress(OSError):
        connection.settimeout(20)
        connection.recv(4096)
        connection.sendall(header)
        for _ in range(4096):
            connection.sendall(bytes(1024 * 1024))
            sent.append(1024 * 1024)


# ------------------------------------------------------------------------------------------------------------ QIDO-RS


@contextmanager
def web(answer: Any, status: int = 200) -> Iterator[tuple[Source, list[dict[str, list[str]]]]]:
    """A DICOMweb server whose answer is ``answer(query)``, or always ``answer``."""
    asked: list[dict[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(parse_qs(urlsplit(self.path).query) | {"token": [self.headers.get("Authorization", "")]})
            said = answer(asked[-1]) if callable(answer) else answer
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    options = Options(name="web", dicomweb_url=f"http://127.0.0.1:{server.server_port}/dicom-web", **SHORT)
    try:
        yield Source(replace(options, token="a-token")), asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def listed(number: int, count: Any = 7) -> dict[str, Any]:
    return {"0020000E": {"vr": "UI", "Value": [f"1.2.{number}"]}, "00201209": {"vr": "IS", "Value": [count]}}


def test_pages_are_asked_for_until_nothing_new_comes() -> None:
    pages = {"0": [listed(1), listed(2)], "2": [listed(3, "9")]}
    with web(lambda query: pages.get(query["offset"][0], [])) as (source, asked):
        assert source.count_instances("1.2") == {"1.2.1": 7, "1.2.2": 7, "1.2.3": 9}
    assert [query["offset"] for query in asked] == [["0"], ["2"], ["3"]]
    assert {query["token"][0] for query in asked} == {"Bearer a-token"}


def test_a_server_that_ignores_offset_is_not_asked_for_ever() -> None:
    with web([listed(1), listed(2)]) as (source, asked):
        assert source.count_instances("1.2") == {"1.2.1": 7, "1.2.2": 7}
    assert len(asked) == 2


@pytest.mark.parametrize(
    "answer", [b"<html>", {"error": 1}, [1], [{"0020000E": {"Value": ["a/../b"]}}], b"[" * 100_000, [{"0020000E": []}]]
)
def test_what_is_no_search_result_is_no_count(answer: Any) -> None:
    with web(answer) as (source, _), pytest.raises(PortError, match="unreadable-answer"):
        source.count_instances("1.2")


@pytest.mark.parametrize("status", [301, 401, 500])
def test_another_status_is_no_count(status: int) -> None:
    with web([], status) as (source, _), pytest.raises(Unavailable, match="dicomweb-status"):
        source.count_instances("1.2")
