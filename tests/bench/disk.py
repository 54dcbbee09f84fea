"""What the disk itself does: the rate at which instances can be made durable when nothing else is done.

Two ways, those that a receiver can choose between: a new file for each instance, written and flushed; and a segment
whose blocks were written before, so that a flush moves data and no metadata.
"""

import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

FRAGMENT: Final = 131_072
"""Bytes of one write: those of one PDU."""

RUN_S: Final = 1.0
"""Length of one measurement."""

SEGMENT_INSTANCES: Final = 256
"""Instances that a segment has room for; it is written again from its beginning when it is full."""


def durable_rates(folder: Path, size_bytes: int, *, threads: int, run_s: float = RUN_S) -> dict[str, float]:
    """Return instances of ``size_bytes`` made durable per second, by each way, on ``threads`` threads."""
    home = folder / "disk-limit"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    data = os.urandom(size_bytes)
    makers: dict[str, Callable[[Path, bytes], Callable[[int], None]]] = {
        "file+fsync": _new_file,
        "segment+fdatasync": _segment,
    }
    rates = {}
    for name, make in makers.items():
        places = [home / f"{name}-{n}" for n in range(threads)]
        writers = [make(place, data) for place in places]
        os.sync()
        rates[name] = _rate(writers, run_s)
    return rates


def _rate(writers: list[Callable[[int], None]], run_s: float) -> float:
    began = time.monotonic()

    def work(write: Callable[[int], None]) -> int:
        done = 0
        while time.monotonic() < began + run_s:
            write(done)
            done += 1
        return done

    with ThreadPoolExecutor(len(writers)) as pool:
        total = sum(pool.map(work, writers))
    return total / (time.monotonic() - began)


def _new_file(place: Path, data: bytes) -> Callable[[int], None]:
    place.mkdir()

    def write(number: int) -> None:
        descriptor = os.open(place / str(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _write(descriptor, data, 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    return write


def _segment(place: Path, data: bytes) -> Callable[[int], None]:
    descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)
    room = SEGMENT_INSTANCES * len(data)
    for at in range(0, room, len(data)):
        os.pwrite(descriptor, bytes(len(data)), at)
    os.fsync(descriptor)

    def write(number: int) -> None:
        _write(descriptor, data, number % SEGMENT_INSTANCES * len(data))
        os.fdatasync(descriptor)

    return write


def _write(descriptor: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    for start in range(0, len(data), FRAGMENT):
        os.pwrite(descriptor, view[start : start + FRAGMENT], at + start)
