"""``make bench-dicom``: measure, print, keep the results; the last line of standard output is JSON."""

import argparse
import fcntl
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.bench import figures, machine
from tests.bench.dicom import speed
from tests.bench.dicom.complete import INSTANCES as COMPLETE_INSTANCES
from tests.bench.dicom.complete import measure_completion
from tests.bench.dicom.memory import LARGE_BYTES, measure_memory
from tests.bench.dicom.parts import Part
from tests.bench.dicom.receivers import PeerMissing, Receivers, Void, variant
from tests.bench.dicom.runs import Track
from tests.bench.dicom.soak import measure_soak
from tests.bench.dicom.stow import measure_stow
from tests.peers.postgresql import PostgreSQL

FOLDER: Final = machine.ROOT / ".bench"
PAGE: Final = machine.ROOT / "README.md"

PUBLISHED_REPETITIONS: Final = 5
"""Fewer give no spread worth printing."""

MANY: Final = 100_000
SOAK_MINUTES: Final = 10.0
QUICK: Final = {"reps": 1, "count": 100, "shipped_count": 20, "complete_count": 100}
"""What --quick lowers."""


def main() -> None:
    """Do what the command line asks for. The last line says what holds; the exit status, that it was measured."""
    asked = _arguments()
    storage: Path = asked.storage.resolve()
    _own(storage)
    shutil.rmtree(storage / "runs", ignore_errors=True)
    track = Track(folder=storage / "runs", quiet_s=0.0 if asked.quick else asked.quiet, keep=asked.keep)
    track.folder.mkdir(parents=True)
    with _cluster(wanted=asked.postgresql) as cluster:
        receivers = Receivers(variants=dict(asked.variant), cluster=cluster)
        parts = [_shown(_part(name, measure)) for name, measure in _wanted(asked, receivers, track, storage / "data")]
    found = _results(asked, parts, track)
    if not asked.keep:
        track.clear()
    place = storage / "results" / f"dicom-{found['at'].replace(':', '')}.json"
    figures.write_results(found, place)
    print(f"\nEverything: {place}", file=sys.stderr)
    if asked.publish:
        _publish(found, parts)
    print(json.dumps(_last_line(found), ensure_ascii=False))


def _own(storage: Path) -> None:
    """Own the folder until this process ends; a second benchmark would delete what the first one measures."""
    storage.mkdir(parents=True, exist_ok=True)
    lock = os.open(storage / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"another benchmark runs in {storage}; wait for it, or give --storage")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-dicom", description=__doc__)
    parser.add_argument("--reps", type=int, default=5, help="repetitions")
    parser.add_argument("--count", type=int, default=1000, help="images of the study")
    parser.add_argument("--shipped-count", type=int, default=100, help="images for peers as they are installed")
    parser.add_argument("--only", default=",".join(speed.NAMES), metavar="A,B", help="loads; all: %(default)s")
    parser.add_argument("--quick", action="store_true", help="one repetition of few images: shows that it works")
    parser.add_argument("--quiet", type=float, default=30.0, metavar="S", help="longest wait for a quiet machine")
    parser.add_argument("--postgresql", action="store_true", help="an Aval on PostgreSQL too")
    parser.add_argument(
        "--variant", type=variant, action="append", default=[], metavar="NAME:a.b=c", help="a further Aval"
    )
    parser.add_argument("--storage", type=Path, default=FOLDER, help="where receivers store: the disk that is measured")
    parser.add_argument("--keep", action="store_true", help="leave what receivers stored")
    parser.add_argument("--publish", action="store_true", help="write the figures into README.md")
    _add_parts(parser)
    asked = parser.parse_args()
    if asked.quick:
        for name, most in QUICK.items():
            setattr(asked, name, min(getattr(asked, name), most))
    return asked


def _add_parts(parser: argparse.ArgumentParser) -> None:
    more = parser.add_argument_group("parts; the comparison of rates is made when none is named")
    more.add_argument("--speed", action="store_true", help="the comparison of rates")
    more.add_argument("--stow", action="store_true", help="STOW-RS beside Orthanc's DICOMweb plugin")
    more.add_argument("--complete", action="store_true", help="from the last instance to complete")
    more.add_argument("--complete-count", type=int, default=COMPLETE_INSTANCES, help="instances of that study")
    more.add_argument("--memory", type=int, nargs="?", const=MANY, metavar="N", help=f"over N ({MANY}) instances")
    more.add_argument("--large", type=int, default=LARGE_BYTES, metavar="BYTES", help="with --memory: the one object")
    more.add_argument("--soak", type=float, nargs="?", const=SOAK_MINUTES, metavar="MINUTES", help="a steady load")
    more.add_argument("--full", action="store_true", help="every part, as long as it should be")


@contextmanager
def _cluster(*, wanted: bool) -> Iterator[PostgreSQL | None]:
    cluster = PostgreSQL() if wanted else None
    try:
        yield cluster
    finally:
        if cluster:
            cluster.stop()


def _wanted(
    asked: argparse.Namespace, receivers: Receivers, track: Track, cache: Path
) -> list[tuple[str, Callable[[], Part]]]:
    """Return what measures each part that was asked for."""
    if asked.full:
        asked.speed = asked.stow = asked.complete = True
        asked.memory, asked.soak = asked.memory or MANY, asked.soak or SOAK_MINUTES
    none = not any((asked.stow, asked.complete, asked.memory, asked.soak))
    only = [name for name in speed.NAMES if name in asked.only.split(",")]
    parts: Mapping[str, tuple[bool, Callable[[], Part]]] = {
        "speed": (
            asked.speed or none,
            lambda: speed.measure_speed(
                receivers,
                track,
                speed.scenarios(cache, count=asked.count, shipped_count=asked.shipped_count),
                only=only,
                repetitions=asked.reps,
            ),
        ),
        "stow": (asked.stow, lambda: measure_stow(track, cache, repetitions=asked.reps, count=asked.count)),
        "complete": (
            asked.complete,
            lambda: measure_completion(track, cache, repetitions=asked.reps, instances=asked.complete_count),
        ),
        "memory": (
            bool(asked.memory),
            lambda: measure_memory(track, cache, instances=asked.memory, large_bytes=asked.large),
        ),
        "soak": (bool(asked.soak), lambda: measure_soak(track, cache, minutes=asked.soak)),
    }
    return [(name, measure) for name, (wanted, measure) in parts.items() if wanted]


def _part(name: str, measure: Callable[[], Part]) -> Part:
    """Return a part; one that could not be measured holds nothing, and the others go on."""
    try:
        return measure()
    except (Void, PeerMissing, AssertionError) as error:
        failed = figures.Target(name=f"{name} was measured", asks="at least", limit=1, value=0, why=str(error))
        return Part(name=name, shown=f"Not measured: {error}", targets=(failed,))


def _shown(part: Part) -> Part:
    print(f"\n## {part.name}\n\n{part.shown}\n")
    print("\n".join(str(target) for target in part.targets), flush=True)
    return part


def _results(asked: argparse.Namespace, parts: list[Part], track: Track) -> dict[str, Any]:
    targets = [target for part in parts for target in part.targets]
    return figures.results(
        "dicom",
        machine=machine.describe(track.folder),
        commit=machine.commit(),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        repetitions=asked.reps,
        parts={part.name: part.data for part in parts},
        targets=[target.to_json() for target in targets],
        holds=bool(targets) and all(target.holds for target in targets),
    )


def _publish(found: Mapping[str, Any], parts: list[Part]) -> None:
    """Write the figures into the page, when they are worth it."""
    loaded = [run for part in parts for run in part.loaded]
    loads = found["parts"].get("speed", {}).get("scenarios", {})
    against = {
        "fewer than 5 repetitions": found["repetitions"] < PUBLISHED_REPETITIONS,
        "not every load was measured": set(loads) != set(speed.NAMES),
        "the checkout has changes": found["commit"].endswith("+changes"),
        f"others used the machine: {', '.join(loaded[:3])}": bool(loaded),
    }
    if reasons := [reason for reason, applies in against.items() if applies]:
        print(f"\nNot published: {'; '.join(reasons)}", file=sys.stderr)
        return
    on, repetitions = found["machine"], found["repetitions"]
    machine_words = f"{on['cpu']}, {on['cores']} cores, {on['memory_gib']} GiB, {on['storage']}, Linux {on['kernel']}"
    words = (
        f"Commit {found['commit']}, {found['at']}; {machine_words}, {on['system']}, Python {on['python']}. "
        f"Medians of {repetitions} repetitions (least–most)."
    )
    said = [f"{part.shown}\n\n" + "\n".join(f"* {target}" for target in part.targets) for part in parts]
    figures.publish(PAGE, "dicom", "\n\n".join((words, *said)))


def _last_line(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary: what it was, the ratios, and what holds."""
    kept = ("benchmark", "at", "commit", "machine", "repetitions", "holds")
    targets = [{name: each[name] for name in ("name", "asks", "limit", "value", "holds")} for each in found["targets"]]
    ratios = found["parts"].get("speed", {}).get("ratios", {})
    more = {"parts": list(found["parts"]), "ratios": ratios, "targets": targets}
    return {**{name: found[name] for name in kept}, **more}


if __name__ == "__main__":
    main()
