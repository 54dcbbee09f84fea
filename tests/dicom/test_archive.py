"""What an archive gives back is compared with what was sealed; what it may change, and what it may not."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from dicom_adapters.deliver.archive import DicomWeb, changes
from dicom_adapters.deliver.held import Held, data_set_start
from guarantee.errors import Declined, Unavailable
from guarantee.ports import Rendered
from tests.dicom.sending import ready, refused
from tests.peers.base import free_port


def held(part: Rendered) -> Held:
    dataset = dcmread(BytesIO(part.data))
    return Held(
        name=part.name,
        sop_class_uid=dataset.SOPClassUID,
        sop_instance_uid=dataset.SOPInstanceUID,
        series_uid=dataset.SeriesInstanceUID,
        study_uid=dataset.StudyInstanceUID,
        syntax=dataset.file_meta.TransferSyntaxUID,
        data=part.data,
        start=data_set_start(part.data),
    )


def rewritten(part: Rendered, change: Callable[[Dataset], object]) -> bytes:
    dataset = dcmread(BytesIO(part.data))
    change(dataset)
    out = BytesIO()
    dcmwrite(out, dataset)
    return out.getvalue()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: None, ()),
        (lambda d: setattr(d, "PatientID", "ANOTHER"), ("PatientID",)),
        (lambda d: setattr(d, "RetrieveAETitle", "PACS"), ("RetrieveAETitle",)),
        (lambda d: setattr(d["CurrentRequestedProcedureEvidenceSequence"], "is_undefined_length", True), ()),
    ],
)
def test_what_an_archive_may_change_is_told(
    tmp_path: Path, change: Callable[[Dataset], object], expected: tuple[str, ...]
) -> None:
    report_part = ready(tmp_path).objects[1]
    assert changes(held(report_part), rewritten(report_part, change)) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda d: setattr(d, "VerificationFlag", "UNVERIFIED"),
        lambda d: setattr(d, "StudyInstanceUID", "1.2.3"),
        lambda d: setattr(d, "SOPInstanceUID", "1.2.3"),
        lambda d: delattr(d, "PreliminaryFlag"),
        lambda d: d.ContentSequence.pop(),
        lambda d: setattr(d, "SeriesDescription", "Autre"),
        lambda d: d.add_new(0x00091001, "LO", "private"),
    ],
)
def test_what_an_archive_may_not_change_is_another_object(tmp_path: Path, change: Callable[[Dataset], object]) -> None:
    part = ready(tmp_path).objects[1]
    assert refused(Declined, lambda: changes(held(part), rewritten(part, change))) == "other-object-under-our-uid"


def test_an_archive_may_answer_in_implicit_vr(tmp_path: Path) -> None:
    part = ready(tmp_path).objects[1]
    implicit = dcmread(BytesIO(part.data))
    implicit.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    out = BytesIO()
    dcmwrite(out, implicit, implicit_vr=True, little_endian=True)
    assert changes(held(part), out.getvalue()) == ()


@contextmanager
def web(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[DicomWeb]:
    """Yield a client of a DICOMweb service that answers every GET with ``answer``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield DicomWeb(f"http://127.0.0.1:{server.server_address[1]}/", 2.0)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answering(status: int, kind: str = "text/plain", body: bytes = b"", **headers: str) -> Callable[[Any], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | headers).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_an_archive_that_answers_nonsense_is_tried_again(tmp_path: Path) -> None:
    part = held(ready(tmp_path).objects[1])
    whole = {"Content-Length": str(len(part.data))}
    cases = (
        (answering(500), "dicomweb-status"),
        (answering(401), "dicomweb-status"),
        (answering(302, Location="http://127.0.0.1:1/"), "dicomweb-status"),
        (answering(200, 'multipart/related; boundary="b"', b"--b\r\nno end"), "unreadable-answer"),
        (answering(200, "application/dicom", b"0" * (len(part.data) + 5_000_000)), "answer-too-large"),
        (answering(200, "application/dicom", part.data[:-2], **whole), "dicomweb-unreachable"),
    )
    for answer, code in cases:
        with web(answer) as client:
            assert refused(Unavailable, lambda client=client: client.retrieve(part)) == code  # type: ignore[misc]
    assert refused(Unavailable, lambda: DicomWeb(f"http://127.0.0.1:{free_port()}", 1).retrieve(part)) == (
        "dicomweb-unreachable"
    )
    odd = part.data.replace(b"\x20\x00\x13\x00IS\x02\x001 ", b"\x20\x00\x13\x00UL\x02\x001 ")
    for nonsense in (b"not DICOM", odd):
        assert refused(Unavailable, lambda sent=nonsense: changes(part, sent)) == "unreadable-answer"  # type: ignore[misc]


def test_single_part_and_multipart_answers_are_read(tmp_path: Path) -> None:
    part = held(ready(tmp_path).objects[1])
    multipart = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + part.data + b"\r\n--x--\r\n"
    for kind, body in (("application/dicom", part.data), ('multipart/related; boundary="x"', multipart)):
        with web(answering(200, kind, body)) as client:
            assert client.retrieve(part) == part.data
    with web(answering(404)) as client:
        assert client.retrieve(part) is None
        assert not client.lists(part)
    with web(answering(204)) as client:
        assert not client.lists(part)
    with web(answering(200, "application/dicom+json", b'[{"00080018": {}}]')) as client:
        assert client.lists(part)
    for nonsense in (b"<html>", b"[" * 100_000):
        with web(answering(200, "application/dicom+json", nonsense)) as client:
            assert refused(Unavailable, lambda client=client: client.lists(part)) == "unreadable-answer"  # type: ignore[misc]
