"""``make bench-inference``: measure, print, keep the results; the last line of standard output is JSON."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.bench import figures, machine
from tests.bench.dicom.parts import Part
from tests.bench.inference import volumes, whole, worker

FOLDER: Final = machine.ROOT / ".bench"
PARTS: Final = ("worker", "series", "whole")

QUICK_SHARE: Final = 0.1
QUICK_SLICES: Final = 20


def main() -> None:
    """Do what the command line asks for. The last line says what holds; the exit status, that it was measured."""
    asked = _arguments()
    runs: Path = asked.storage.resolve() / "inference-runs"
    shutil.rmtree(runs, ignore_errors=True)
    runs.mkdir(parents=True)
    parts = [_shown(measure()) for measure in _wanted(asked, runs)]
    shutil.rmtree(runs, ignore_errors=True)
    found = _results(asked, parts)
    place = asked.storage.resolve() / "results" / f"inference-{found['at'].replace(':', '')}.json"
    figures.write_results(found, place)
    print(f"\nEverything: {place}", file=sys.stderr)
    kept = ("benchmark", "at", "commit", "machine", "repetitions", "holds")
    targets = [{name: each[name] for name in ("name", "asks", "limit", "value", "holds")} for each in found["targets"]]
    print(json.dumps({**{name: found[name] for name in kept}, "targets": targets}, ensure_ascii=False))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-inference", description=__doc__)
    parser.add_argument("--reps", type=int, default=5, help="repetitions")
    parser.add_argument("--only", default=",".join(PARTS), metavar="A,B", help="parts; all: %(default)s")
    parser.add_argument("--quick", action="store_true", help="one short repetition: shows that it works")
    parser.add_argument("--quiet", type=float, default=30.0, metavar="S", help="longest wait for a quiet machine")
    parser.add_argument("--storage", type=Path, default=FOLDER, help="where the installation stores")
    asked = parser.parse_args()
    if asked.quick:
        asked.reps, asked.quiet = 1, 0.0
    return asked


def _wanted(asked: argparse.Namespace, runs: Path) -> Iterator[Callable[[], Part]]:
    share, slices = (QUICK_SHARE, QUICK_SLICES) if asked.quick else (1.0, volumes.SLICES)
    measures: dict[str, Callable[[], Part]] = {
        "worker": lambda: worker.measure_worker(repetitions=asked.reps, share=share, quiet_s=asked.quiet),
        "series": lambda: volumes.measure_volumes(repetitions=asked.reps, slices=slices, quiet_s=asked.quiet),
        "whole": lambda: whole.measure_whole(runs / "whole", repetitions=asked.reps, quiet_s=asked.quiet),
    }
    yield from (measures[name] for name in PARTS if name in asked.only.split(","))


def _shown(part: Part) -> Part:
    print(f"\n## {part.name}\n\n{part.shown}\n")
    print("\n".join(str(target) for target in part.targets), flush=True)
    return part


def _results(asked: argparse.Namespace, parts: list[Part]) -> dict[str, Any]:
    targets = [target for part in parts for target in part.targets]
    return figures.results(
        "inference",
        machine=machine.describe(asked.storage.resolve()),
        commit=machine.commit(),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        repetitions=asked.reps,
        parts={part.name: part.data for part in parts},
        targets=[target.to_json() for target in targets],
        holds=bool(targets) and all(target.holds for target in targets),
    )


if __name__ == "__main__":
    main()
