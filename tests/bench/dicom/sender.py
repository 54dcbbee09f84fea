"""The raw sender: a program that has everything ready before its clock starts, and prints one line of JSON.

python -m tests.bench.dicom.sender --port 11112 FOLDER
python -m tests.bench.dicom.sender --port 11112 --associations 8 --per-second 100 --seconds 600 FOLDER
python -m tests.bench.dicom.sender --port 11112 --multiframe 1000000000 FOLDER
"""

import argparse
import hashlib
import json
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.bench.dicom.wire import OUR_PDU, Association, Bytes, Instance, instance_of

HEADER: Final = 4096
"""Bytes at the beginning of a data set within which all of its UIDs are."""

NUMBER: Final = slice(6, 18)
"""Where a UID of images.py has the number of its study."""

MULTIFRAME: Final = b"1.2.840.10008.5.1.4.1.1.7.3"
"""Multi-frame Grayscale Word Secondary Capture Image Storage."""

PIXELS: Final = b"\xe0\x7f\x10\0OW"
"""Tag and VR of Pixel Data (7FE0,0010); two reserved bytes and the length follow (PS3.5, 7.1.2)."""


@dataclass(slots=True)
class Sent:
    """What one association saw."""

    began_s: float = 0.0
    ended_s: float = 0.0
    answered_at: float = 0.0
    pdu_bytes: int = 0
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to send.

    Args:
        count: instances of all associations together; the files are gone through again, as further studies, until
            there are so many.
        first: number of the first instance in that row.
        per_second: of all associations together; 0 for as fast as the peer takes them.
    """

    port: int
    called: str
    calling: str
    pdu: int
    associations: int
    count: int
    per_second: float
    first: int = 0


def main() -> None:
    """Send, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--called", default="AVAL")
    parser.add_argument("--calling", default="BENCH")
    parser.add_argument("--pdu", type=int, default=OUR_PDU, help="longest PDU that we send")
    parser.add_argument("--associations", type=int, default=1)
    parser.add_argument("--count", type=int, default=0, help="instances; 0 for each file once")
    parser.add_argument("--first", type=int, default=0, help="number of the first instance")
    parser.add_argument("--per-second", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=0.0, help="with --per-second: for how long")
    parser.add_argument(
        "--multiframe", type=int, default=0, metavar="BYTES", help="one object of so many bytes instead"
    )
    asked = parser.parse_args()
    instances = [instance_of(path.read_bytes()) for path in sorted(asked.folder.iterdir())]
    plan = Plan(
        port=asked.port,
        called=asked.called,
        calling=asked.calling,
        pdu=asked.pdu,
        associations=asked.associations,
        count=asked.count or round(asked.per_second * asked.seconds) or len(instances),
        per_second=asked.per_second,
        first=asked.first,
    )
    found = send_multiframe(plan, instances[0], asked.multiframe) if asked.multiframe else send(plan, instances)
    print(json.dumps(found))


def send(plan: Plan, instances: list[Instance]) -> dict[str, Any]:
    """Send on every association at once."""
    parts = [Sent() for _ in range(plan.associations)]
    ready = threading.Barrier(plan.associations)
    threads = [
        threading.Thread(target=_associate, args=(plan, instances, n, parts[n], ready)) for n in range(len(parts))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = sorted(second for part in parts for second in part.seconds)
    wall_s = max(part.ended_s for part in parts) - min(part.began_s for part in parts)
    statuses = sum((part.statuses for part in parts), Counter[int]())
    return {
        "sent": len(seconds),
        "wall_s": wall_s,
        "bytes": sum(len(instances[n % len(instances)].data) for n in range(plan.count)),
        "p50_ms": _percentile_ms(seconds, 0.50),
        "p99_ms": _percentile_ms(seconds, 0.99),
        "statuses": {f"0x{status:04X}": count for status, count in statuses.items()},
        "pdu_bytes": parts[0].pdu_bytes,
        "cpu_s": time.process_time(),
        "answered_at": max(part.answered_at for part in parts),
        "faults": [part.fault for part in parts if part.fault],
    }


def _associate(plan: Plan, instances: list[Instance], number: int, sent: Sent, ready: threading.Barrier) -> None:
    """Send every n-th instance on one association. The clock starts before the association is asked for."""
    ready.wait()
    sent.began_s = time.perf_counter()
    try:
        kinds = sorted({(each.sop_class, each.syntax) for each in instances})
        peer = Association(plan.port, kinds, called=plan.called, calling=plan.calling, our_pdu=plan.pdu)
        sent.pdu_bytes = peer.pdu_bytes
        for n in range(number, plan.count, plan.associations):
            pieces = peer.prepared(nth(instances, plan.first + n))
            if plan.per_second:
                time.sleep(max(0.0, sent.began_s + n / plan.per_second - time.perf_counter()))
            since = time.perf_counter()
            peer.send(pieces)
            status = peer.status()
            sent.seconds.append(time.perf_counter() - since)
            sent.statuses[status] += 1
            sent.answered_at = time.time()
        peer.release()
    except Exception as error:  # noqa: BLE001 - a benchmark's thread: what ended it is part of the answer
        sent.fault = f"{type(error).__name__}: {error}"
    sent.ended_s = time.perf_counter()


def nth(instances: list[Instance], n: int) -> Instance:
    """Return the n-th instance of a row that never ends: after the last image, the first of another study."""
    again, place = divmod(n, len(instances))
    first = instances[place]
    if not again:
        return first
    old = first.uid[NUMBER]
    new = b"%012d" % (int(old) + 1000 * again)
    data = bytes(first.data[:HEADER]).replace(old, new) + bytes(first.data[HEADER:])
    return Instance(first.sop_class, first.uid.replace(old, new), first.syntax, data)


def send_multiframe(plan: Plan, like: Instance, size_bytes: int) -> dict[str, Any]:
    """Send one object of about ``size_bytes``, made while it is sent; return also its digest."""
    pixels = bytes(like.data).index(PIXELS)
    frame = bytes(like.data[pixels + 12 :])
    frames = size_bytes // len(frame)
    header = _multiframe_header(bytes(like.data[:pixels]), frames, frames * len(frame))
    total = len(header) + frames * len(frame)
    uid = b"2.25.3471100000009000001"
    peer = Association(
        plan.port, [(MULTIFRAME, like.syntax)], called=plan.called, calling=plan.calling, our_pdu=plan.pdu
    )
    seen, since = hashlib.sha256(), time.perf_counter()

    def data() -> Iterator[Bytes]:
        seen.update(header)
        yield header
        for n in range(frames):
            numbered = struct.pack("<I", n) + frame[4:]  # no two frames are alike
            seen.update(numbered)
            yield numbered

    peer.send_long(Instance(MULTIFRAME, uid, like.syntax, b""), data(), total)
    status = peer.status()
    wall_s = time.perf_counter() - since
    peer.release()
    return {
        "sent": 1,
        "wall_s": wall_s,
        "bytes": total,
        "uid": uid.decode(),
        "data_set_sha256": seen.hexdigest(),
        "statuses": {f"0x{status:04X}": 1},
        "faults": [],
    }


def _multiframe_header(head: bytes, frames: int, pixel_bytes: int) -> bytes:
    """Return the header of an image as that of a multi-frame object of another study."""
    number = head[head.index(b"2.25.1") :][NUMBER]
    sop_class = head[head.index(b"\x08\0\x16\0UI") :][: 8 + head[head.index(b"\x08\0\x16\0UI") + 6]]
    head = head.replace(number, b"471100000009")
    instance = head.index(b"2.25.3")
    head = head[:instance] + b"2.25.3471100000009000001" + head[instance + 24 :]
    head = head.replace(sop_class, b"\x08\0\x16\0UI" + struct.pack("<H", 28) + MULTIFRAME + b"\0")
    count = b"%d" % frames
    count += b" " * (len(count) % 2)
    rows = head.index(b"\x28\0\x10\0US")
    number_of_frames = b"\x28\0\x08\0IS" + struct.pack("<H", len(count)) + count
    pixels = PIXELS + b"\0\0" + struct.pack("<I", pixel_bytes)
    return head[:rows] + number_of_frames + head[rows:] + pixels


def _percentile_ms(ordered: list[float], share: float) -> float:
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) if ordered else 0.0


if __name__ == "__main__":
    main()
