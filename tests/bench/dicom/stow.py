"""STOW-RS (PS3.18, 10.5) beside Orthanc's DICOMweb plugin: the same images, the same requests, one connection."""

import http.client
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench import tree
from tests.bench.dicom import images
from tests.bench.dicom.parts import Part
from tests.bench.dicom.receivers import PLUGINS, Aval, Orthanc, Receiver, Void
from tests.bench.dicom.runs import Track, data_sets
from tests.bench.figures import Spread, paired, table, target

EACH: Final = 10
"""Images of one request."""

RATIO: Final = 2.0
PLUGIN: Final = "libOrthancDicomWeb.so"
BOUNDARY: Final = "aval-bench-7d1f"
ANSWER_S: Final = 120.0
PATH: Final = "/dicom-web/studies"

SENDERS: Final = {"stow": {"senders": {"bench": {"addresses": ["127.0.0.0/8"]}}}}
"""Settings under which this machine may post."""


def measure_stow(track: Track, cache: Path, *, repetitions: int, count: int) -> Part:
    """Return our rate over Orthanc's, in turns."""
    files = sorted(images.study(images.CT, count, cache).iterdir())
    requests = [body(files[n : n + EACH]) for n in range(0, len(files), EACH)]
    ours: list[float | None] = []
    theirs: list[float | None] = []
    for repetition in range(repetitions):
        if repetition % 2 == 0:
            ours.append(_aval(track, files, requests))
        theirs.append(_orthanc(track, requests))
        if repetition % 2:
            ours.append(_aval(track, files, requests))
    rows = [[name, str(_spread(rates) or "void")] for name, rates in (("aval", ours), ("orthanc-tuned", theirs))]
    return Part(
        name="stow",
        shown=f"STOW-RS, {count} CT, {EACH} to a request\n\n{table(['receiver', 'instances/s'], rows)}",
        targets=(target("STOW-RS rate over Orthanc's DICOMweb plugin", "at least", RATIO, paired(ours, theirs)),),
        data={"ours_per_s": ours, "theirs_per_s": theirs},
    )


def body(files: Sequence[Path]) -> bytes:
    """Return files as one multipart/related body (PS3.18, 8.6.1.2.1)."""
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + path.read_bytes() + b"\r\n" for path in files) + f"--{BOUNDARY}--\r\n".encode()


def _aval(track: Track, files: list[Path], requests: list[bytes]) -> float | None:
    receiver = Aval(track.home("aval-stow"), SENDERS)
    return _rate(track, receiver, receiver.installation.ports["intake"], requests, files)


def _orthanc(track: Track, requests: list[bytes]) -> float | None:
    if not (PLUGINS / PLUGIN).exists():
        raise Void("orthanc-dicomweb is not installed; run `make peers`")
    receiver = Orthanc(track.home("orthanc-stow"), plugins=(PLUGIN,))
    return _rate(track, receiver, receiver.http_port, requests, [])


def _rate(track: Track, receiver: Receiver, port: int, requests: list[bytes], files: list[Path]) -> float | None:
    count = sum(request.count(b"\r\nContent-Type: application/dicom\r\n") for request in requests)
    try:
        track.wait()
        before_s, since = tree.cpu_s(receiver.roots), time.perf_counter()
        post(port, requests)
        wall_s, used_s = time.perf_counter() - since, tree.cpu_s(receiver.roots) - before_s
        _require_kept(receiver, count)
        receiver.check(data_sets(files))
    except (Void, OSError) as error:
        print(f"  {type(receiver).__name__}: void: {error}", file=sys.stderr, flush=True)
        return None
    finally:
        receiver.stop()
    line = f"{count / wall_s:.0f}/s, {1000 * used_s / count:.1f} ms CPU"
    print(f"  {type(receiver).__name__:12s} {line}", file=sys.stderr, flush=True)
    return count / wall_s


def _require_kept(receiver: Receiver, count: int) -> None:
    if (kept := receiver.kept()) != count:
        raise Void(f"{count} instances were acknowledged, {kept} are kept")


def post(port: int, requests: Sequence[bytes]) -> None:
    """Send each body on one connection.

    Raises:
        Void: an answer was not 200 (PS3.18, Table 10.5.3-1).
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
    try:
        for request in requests:
            connection.request("POST", PATH, request, {"Content-Type": kind, "Accept": "application/dicom+json"})
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200:
                raise Void(f"POST {PATH} was answered {answer.status}: {said[:200]!r}")
    finally:
        connection.close()


def _spread(rates: Sequence[float | None]) -> Spread | None:
    found = [rate for rate in rates if rate is not None]
    return Spread.of(found) if found else None
