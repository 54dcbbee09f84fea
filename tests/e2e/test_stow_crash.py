"""What was acknowledged by STOW-RS is there after `kill -9`, and sending everything again doubles nothing."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from guarantee.case import CaseKind
from tests.dicom import samples
from tests.installation import Installation

COUNT: Final = 160
SETTINGS: Final = {"stow": {"senders": {"cloud": {"addresses": ["127.0.0.0/8"]}}}}


@pytest.fixture(params=["files", "segments"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", {**SETTINGS, "storage": {"kind": request.param}})
    yield made
    made.kill()


def parts(numbers: range) -> list[bytes]:
    files = samples.to_files(samples.series("CT", slices=COUNT, rows=64, columns=64))
    return [b"--b\r\nContent-Type: application/dicom\r\n\r\n" + files[n] + b"\r\n" for n in numbers]


def post(made: Installation, numbers: range, pause_s: float = 0) -> list[str]:
    """Post instances in one request; return those that the answer names as stored."""
    body = [*parts(numbers), b"--b--\r\n"]
    connection = http.client.HTTPConnection("127.0.0.1", made.ports["intake"], timeout=60)
    try:
        connection.putrequest("POST", "/dicom-web/studies")
        connection.putheader("Content-Type", 'multipart/related; type="application/dicom"; boundary=b')
        connection.putheader("Content-Length", str(sum(map(len, body))))
        connection.endheaders()
        for piece in body:
            connection.send(piece)
            time.sleep(pause_s)
        said: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return [item["00081155"]["Value"][0] for item in said["00081199"]["Value"]]


def test_what_was_acknowledged_survives_and_nothing_is_doubled(made: Installation) -> None:
    made.start("intake")
    acknowledged = post(made, range(10))
    assert len(acknowledged) == 10
    slow = _Sending(made)
    made.eventually(lambda: len(kept(made)) > 10, "the second request to be under way")
    made.kill("intake")
    slow.join()
    assert set(acknowledged) <= kept(made)
    made.start("intake")
    assert len(post(made, range(COUNT))) == COUNT
    with made.reading() as unit:
        inputs = unit.cases.inputs(CaseKind.STUDY, samples.uid("study", "1"))
    assert len(inputs) == COUNT
    assert not any(one.conflict for one in inputs)
    made.stop()


class _Sending:
    """A second request, in the middle of which the process dies."""

    def __init__(self, made: Installation) -> None:
        self._made = made
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        with suppress(OSError, http.client.HTTPException):
            post(self._made, range(10, COUNT), pause_s=0.03)

    def join(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()


def kept(made: Installation) -> set[str]:
    """Return the instances whose rows are committed, after reading their bytes."""
    with made.reading() as unit, made.parts_of_the_owner() as parts:
        inputs = unit.cases.inputs(CaseKind.STUDY, samples.uid("study", "1"))
        return {one.source.uid for one in inputs if parts.vault.get(one.source.digest)}
