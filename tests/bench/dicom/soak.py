"""A day's worst quarter of an hour: many senders at once at a steady rate, while models run."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from bridge.db.engine import engine_at
from tests.bench import tree
from tests.bench.dicom import images
from tests.bench.dicom.parts import Part
from tests.bench.dicom.receivers import Aval
from tests.bench.dicom.runs import Load, Track, send_raw
from tests.bench.figures import Target
from tests.e2e import inputs

PER_S: Final = 100.0
ASSOCIATIONS: Final = 8
STUDY_EVERY_S: Final = 5.0
"""How often a study comes that a model reads."""

KEPT_UP: Final = 0.98
"""Least share of the rate: the sender waits for an answer before it sends again, so a slow receiver slows it down."""

DRAFTED_S: Final = 120.0
"""Longest wait for the drafts of the last studies."""


def measure_soak(track: Track, cache: Path, *, minutes: float) -> Part:
    """Return what became of a steady load: images that no model reads, and studies of which each is read."""
    home = track.home("soak")
    models = inputs.models(home.parent / "models")
    receiver = Aval(home, {**models, "quiet": {"default_s": 60.0, "by_modality_s": {"MR": 2.0}}})
    load = Load(folder=images.study(images.HALF, 1000, cache), associations=ASSOCIATIONS)
    words = ["--per-second", str(PER_S), "--seconds", str(60.0 * minutes)]
    try:
        with tree.watching(receiver.roots) as peak, _studies(receiver, home.parent) as studies:
            found = send_raw(receiver, load, *words)
        drafted, failed = _drafts(receiver, len(studies))
        lost = found["sent"] + inputs.PHANTOM_SLICES * len(studies) - receiver.kept()
    finally:
        receiver.stop()
    counts = {"studies": len(studies), "drafted": drafted, "failed": failed, "lost": lost}
    return _part({**found, **counts, "peak_mib": round(peak.mib, 1)}, minutes)


def _part(found: dict[str, Any], minutes: float) -> Part:
    rate = found["sent"] / found["wall_s"]
    studies, drafted, failed, lost = (found[name] for name in ("studies", "drafted", "failed", "lost"))
    words = f"{minutes:g} minutes at {PER_S:g}/s on {ASSOCIATIONS} associations while a model reads {studies} studies"
    targets = (
        Target(name=f"instances lost, {words}", asks="at most", limit=0, value=lost),
        Target(name="instances/s over those asked for", asks="at least", limit=KEPT_UP, value=rate / PER_S),
        Target(name="drafts over studies sent beside it", asks="at least", limit=1.0, value=drafted / max(1, studies)),
        Target(name="results failed", asks="at most", limit=0, value=failed),
    )
    shown = f"{words}: {found['sent']} sent, nothing refused, {rate:.1f}/s, p50 {found['p50_ms']} ms, "
    shown += f"p99 {found['p99_ms']} ms, {drafted} drafts, {failed} failed, {lost} lost, "
    shown += f"peak {found['peak_mib']:.0f} MiB."
    return Part(name="soak", shown=shown, targets=targets, data=found)


@contextmanager
def _studies(receiver: Aval, folder: Path) -> Iterator[list[str]]:
    """Send a study that a model reads every few seconds until the block ends; yield those that were taken."""
    taken: list[str] = []
    done = threading.Event()

    def send() -> None:
        while not done.is_set():
            since, study = time.monotonic(), inputs.phantom(folder / "studies", f"soak-{len(taken)}")
            try:
                sent = inputs.dcmsend(study, receiver.port)
            except subprocess.SubprocessError as error:
                print(f"  a study was not sent: {error}", file=sys.stderr, flush=True)
                continue
            if sent.returncode == 0:
                taken.append(study.uid)
            done.wait(max(0.0, STUDY_EVERY_S - (time.monotonic() - since)))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield taken
    finally:
        done.set()
        thread.join()


def _drafts(receiver: Aval, wanted: int) -> tuple[int, int]:
    """Return how many results wait for a reader, and how many failed, once none is queued any more."""
    deadline, states = time.monotonic() + DRAFTED_S, dict[str, int]()
    with engine_at(receiver.installation.owner) as engine:
        while time.monotonic() < deadline:
            with engine.connect() as connection:
                query = text("SELECT state, count(*) FROM results WHERE model_id LIKE :model GROUP BY state")
                rows = connection.execute(query, {"model": f"{inputs.PHANTOM}@%"}).all()
            states = {row[0]: row[1] for row in rows}
            if sum(states.values()) >= wanted and not states.get("queued"):
                break
            time.sleep(0.2)
    return states.get("awaiting_review", 0), states.get("failed", 0)
