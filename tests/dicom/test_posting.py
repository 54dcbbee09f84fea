"""A PACS that is sent to by DICOMweb: the sealed files as parts of a request, and each read back before it counts."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from dicom_adapters.deliver.posting import StowDestination
from dicom_adapters.deliver.send import Options
from guarantee.errors import Declined, NotProved, PortError, Unavailable
from tests.dicom.sending import Noon, Ready, data_set, ready, refused, store, withdrawal
from tests.peers.base import free_port
from tests.peers.orthanc import Orthanc


def posting(given: Ready, url: str, **options: Any) -> StowDestination:
    made = Options(name="pacs", aet="AVAL", peer_aet="", peer_host="", peer_port=0, dicomweb_url=url, **options)
    return StowDestination(made, given.vault, Noon())


def test_orthanc_takes_our_files_and_gives_them_back(orthanc: Orthanc, tmp_path: Path) -> None:
    given = ready(tmp_path, study="stow-1")
    pacs = posting(given, orthanc.dicomweb_url)
    receipt = pacs.send(given.release)
    assert (receipt.destination, receipt.package, receipt.method) == ("pacs", given.package.digest, "read-back")
    reference = json.loads(receipt.reference)
    assert reference["coerced"] == []
    assert [o["uid"] for o in reference["objects"]] == [part.uid for part in given.objects]
    for part in given.objects:
        stored = orthanc.file_of(part.uid)
        assert stored is not None
        assert data_set(stored) == data_set(part.data)
    count = len(orthanc.instances())
    assert pacs.send(given.release).method == "read-back", "sending again is harmless"
    assert len(orthanc.instances()) == count
    pacs.close()


def test_another_object_under_our_uid_is_found_by_reading_back(orthanc: Orthanc, tmp_path: Path) -> None:
    given = ready(tmp_path, study="stow-other")
    other = dcmread(BytesIO(given.objects[-1].data))
    other.CompletionFlagDescription = "autre chose"
    assert store(orthanc.aet, orthanc.port, other) == 0
    pacs = posting(given, orthanc.dicomweb_url)
    assert refused(Declined, lambda: pacs.send(given.release)) == "other-object-under-our-uid"


def test_a_rejection_note_goes_the_same_way(orthanc: Orthanc, tmp_path: Path) -> None:
    given = ready(tmp_path, study="stow-withdrawn")
    pacs = posting(given, orthanc.dicomweb_url)
    pacs.send(given.release)
    receipt = pacs.send(withdrawal(given))
    assert json.loads(receipt.reference)["still_listed"] == [part.uid for part in given.objects]


# ---------------------------------------------------------------------------------------------- archives that misbehave


@contextmanager
def scripted(
    status: int, body: bytes = b"", *, every_s: float = 0.0, **headers: str
) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Yield the address of a service that answers each POST like this, holds nothing, and what it was asked.

    Args:
        every_s: between two bytes of the body.
    """
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append({name.lower(): value for name, value in self.headers.items()})
            self.answer(status, body, headers)

        def do_GET(self) -> None:
            self.answer(404, b"", {})

        def answer(self, code: int, data: bytes, more: dict[str, str]) -> None:
            self.send_response(code)
            for name, value in ({"Content_Length": str(len(data))} | more).items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            for at in range(len(data)) if every_s else ():
                self.wfile.write(data[at : at + 1])
                time.sleep(every_s)
            self.wfile.write(b"" if every_s else data)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/dicom-web", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def failure(given: Ready, reason: int) -> bytes:
    item = {"00081155": {"vr": "UI", "Value": [given.objects[1].uid]}, "00081197": {"vr": "US", "Value": [reason]}}
    return json.dumps({"00081198": {"vr": "SQ", "Value": [item]}}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (200, NotProved, "not-confirmed"),
        (202, NotProved, "not-confirmed"),
        (401, Unavailable, "dicomweb-status"),
        (429, Unavailable, "dicomweb-status"),
        (503, Unavailable, "dicomweb-status"),
        (400, Declined, "refused"),
        (415, Declined, "refused"),
        (307, Declined, "refused"),
        (409, Declined, "refused"),
    ],
)
def test_each_status_is_judged(tmp_path: Path, status: int, kind: type[PortError], code: str) -> None:
    given = ready(tmp_path)
    with scripted(status) as (url, _):
        assert refused(kind, lambda: posting(given, url).send(given.release)) == code


@pytest.mark.parametrize(
    ("reason", "kind", "code"),
    [
        (0xA700, Unavailable, "not-now"),
        (0x0110, Unavailable, "not-now"),
        (0xC000, Declined, "refused"),
        (0x0122, Declined, "refused"),
        (0x0111, NotProved, "not-confirmed"),
    ],
)
def test_each_reason_is_judged(tmp_path: Path, reason: int, kind: type[PortError], code: str) -> None:
    given = ready(tmp_path)
    for status in (202, 409):
        with scripted(status, failure(given, reason)) as (url, _):
            assert refused(kind, lambda url=url: posting(given, url).send(given.release)) == code


@pytest.mark.parametrize(
    "body",
    [
        *(b"<xml/>", b"[]", b'{"00081198": 3}', b'{"00081198": {"Value": [{"00081155": {"Value": ["1"]}}, 7]}}'),
        b"[" * 100_000,  # Python's own parser gives up with RecursionError
    ],
)
def test_an_answer_that_says_nothing_readable_leaves_it_to_the_read_back(tmp_path: Path, body: bytes) -> None:
    given = ready(tmp_path)
    with scripted(200, body) as (url, _):
        assert refused(NotProved, lambda: posting(given, url).send(given.release)) == "not-confirmed"


@pytest.mark.parametrize(("given_s", "asked_s"), [("7", 7.0), ("", 0.0), ("soon", 0.0), ("9" * 40, 0.0), ("-5", 0.0)])
def test_how_long_it_asks_to_be_left_alone_is_heard(tmp_path: Path, given_s: str, asked_s: float) -> None:
    given = ready(tmp_path)
    with scripted(503, Retry_After=given_s) as (url, _), pytest.raises(Unavailable) as caught:
        posting(given, url).send(given.release)
    assert caught.value.asked_s == asked_s


def test_the_token_is_shown_and_the_parts_are_dicom(tmp_path: Path) -> None:
    given = ready(tmp_path)
    with scripted(200) as (url, seen):
        refused(NotProved, lambda: posting(given, url, web_token="s3cret").send(given.release))
    assert seen[0]["authorization"] == "Bearer s3cret"
    assert seen[0]["content-type"].startswith('multipart/related; type="application/dicom"; boundary=')
    assert "s3cret" not in repr(Options(name="p", aet="A", peer_aet="", peer_host="", peer_port=0, web_token="s3cret"))


def test_too_long_an_answer_and_nobody_there_are_tried_again(tmp_path: Path) -> None:
    given = ready(tmp_path)
    with scripted(200, b" " * (1024 * 1024 + 1)) as (url, _):
        assert refused(Unavailable, lambda: posting(given, url).send(given.release)) == "answer-too-large"
    nowhere = f"http://127.0.0.1:{free_port()}/dicom-web"
    assert refused(Unavailable, lambda: posting(given, nowhere).send(given.release)) == "dicomweb-unreachable"


@pytest.mark.parametrize("status", [200, 409])
def test_an_answer_that_breaks_off_is_tried_again(tmp_path: Path, status: int) -> None:
    given = ready(tmp_path)
    with scripted(status, failure(given, 0xA700), Content_Length="1000") as (url, _):
        assert refused(Unavailable, lambda: posting(given, url).send(given.release)) == "dicomweb-unreachable"


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for(tmp_path: Path) -> None:
    given = ready(tmp_path)
    with scripted(200, b" " * 60, every_s=0.05) as (url, _):
        assert refused(Unavailable, lambda: posting(given, url, dicomweb_s=0.5).send(given.release)) == "timeout"
