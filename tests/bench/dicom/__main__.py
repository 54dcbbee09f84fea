"""``make bench-dicom``: measure, print, keep the results; the last line of standard output is JSON."""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.bench import figures, machine
from tests.bench.dicom import speed
from tests.bench.dicom.receivers import Receivers, variant
from tests.bench.dicom.runs import Track
from tests.peers.postgresql import PostgreSQL

FOLDER: Final = machine.ROOT / ".bench"
PAGE: Final = machine.ROOT / "README.md"

PUBLISHED_REPETITIONS: Final = 5
"""Fewer give no spread worth printing."""


def main() -> None:
    """Do what the command line asks for. The last line says what holds; the exit status, that it was measured."""
    asked = _arguments()
    storage: Path = asked.storage.resolve()
    shutil.rmtree(storage / "runs", ignore_errors=True)
    track = Track(folder=storage / "runs", quiet_s=0.0 if asked.quick else asked.quiet, keep=asked.keep)
    with _cluster(wanted=asked.postgresql) as cluster:
        receivers = Receivers(variants=dict(asked.variant), cluster=cluster)
        found = _measure(asked, receivers, track, storage)
    track.clear()
    place = storage / "results" / f"dicom-{found['at'].replace(':', '')}.json"
    figures.write_results(found, place)
    print(f"\nEverything: {place}\n", file=sys.stderr)
    print(json.dumps(_last_line(found), ensure_ascii=False))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-dicom", description=__doc__)
    parser.add_argument("--reps", type=int, default=5, help="repetitions")
    parser.add_argument("--count", type=int, default=1000, help="images of the study")
    parser.add_argument("--shipped-count", type=int, default=100, help="images for peers as they are installed")
    parser.add_argument("--only", default="", metavar="A,B", help=f"of {', '.join(speed.NAMES)}")
    parser.add_argument("--quick", action="store_true", help="one repetition of 100 images: shows that it works")
    parser.add_argument("--quiet", type=float, default=30.0, metavar="S", help="longest wait for a quiet machine")
    parser.add_argument("--postgresql", action="store_true", help="an Aval on PostgreSQL too")
    parser.add_argument(
        "--variant", type=variant, action="append", default=[], metavar="NAME:a.b=c", help="a further Aval"
    )
    parser.add_argument("--storage", type=Path, default=FOLDER, help="where receivers store: the disk that is measured")
    parser.add_argument("--keep", action="store_true", help="leave what receivers stored")
    parser.add_argument("--publish", action="store_true", help="write the figures into README.md")
    asked = parser.parse_args()
    if asked.quick:
        asked.reps, asked.count, asked.shipped_count = 1, min(asked.count, 100), min(asked.shipped_count, 20)
    return asked


@contextmanager
def _cluster(*, wanted: bool) -> Iterator[PostgreSQL | None]:
    cluster = PostgreSQL() if wanted else None
    try:
        yield cluster
    finally:
        if cluster:
            cluster.stop()


def _measure(asked: argparse.Namespace, receivers: Receivers, track: Track, storage: Path) -> dict[str, Any]:
    names = [name for name in asked.only.split(",") if name]
    every = speed.scenarios(storage / "data", count=asked.count, shipped_count=asked.shipped_count)
    wanted = [scenario for scenario in every if not names or scenario.name in names]
    measured = speed.compare(wanted, receivers, track, repetitions=asked.reps)
    shown, targets = speed.show(measured, wanted, receivers), speed.targets(measured)
    print(shown)
    print("\n" + "\n".join(str(target) for target in targets))
    found = figures.results(
        "dicom",
        machine=machine.describe(track.folder),
        commit=machine.commit(),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        repetitions=asked.reps,
        ratios=speed.ratios(measured),
        targets=[target.to_json() for target in targets],
        holds=all(target.holds for target in targets),
        **speed.as_json(measured, wanted),
    )
    if asked.publish:
        _publish(found, shown, speed.loaded(measured))
    return found


def _publish(found: dict[str, Any], shown: str, loaded: list[str]) -> None:
    """Write the figures into the page, when they are worth it."""
    against = {
        "fewer than 5 repetitions": found["repetitions"] < PUBLISHED_REPETITIONS,
        "not everything was measured": set(found["scenarios"]) != set(speed.NAMES),
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
    figures.publish(PAGE, "dicom", f"{words}\n\n{shown}")


def _last_line(found: dict[str, Any]) -> dict[str, Any]:
    """Return the summary: what it was, the ratios, and what holds."""
    kept = ("benchmark", "at", "commit", "machine", "repetitions", "ratios", "holds")
    targets = [{name: each[name] for name in ("name", "asks", "limit", "value", "holds")} for each in found["targets"]]
    return {**{name: found[name] for name in kept}, "scenarios": list(found["scenarios"]), "targets": targets}


if __name__ == "__main__":
    main()
