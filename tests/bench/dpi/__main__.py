"""``make bench-dpi``: measure, print, keep the results; the last line of standard output is JSON."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.bench import figures, machine
from tests.bench.dicom.parts import Part
from tests.bench.dpi.messages import measure_messages
from tests.bench.dpi.notifications import measure_notifications
from tests.bench.dpi.posts import Void
from tests.peers.postgresql import PostgreSQL

FOLDER: Final = machine.ROOT / ".bench"
PAGE: Final = machine.ROOT / "README.md"
PARTS: Final = ("notifications", "messages", "postgresql")

PUBLISHED_REPETITIONS: Final = 5
"""Fewer give no spread worth printing."""

COUNT: Final = 3_000
QUICK_COUNT: Final = 300


def main() -> None:
    """Do what the command line asks for. The last line says what holds; the exit status, that it was measured."""
    asked = _arguments()
    runs: Path = asked.storage.resolve() / "dpi-runs"
    shutil.rmtree(runs, ignore_errors=True)
    runs.mkdir(parents=True)
    parts = [_shown(_part(name, measure)) for name, measure in _wanted(asked, runs)]
    shutil.rmtree(runs, ignore_errors=True)
    found = _results(asked, parts)
    place = asked.storage.resolve() / "results" / f"dpi-{found['at'].replace(':', '')}.json"
    figures.write_results(found, place)
    print(f"\nEverything: {place}", file=sys.stderr)
    if asked.publish:
        _publish(found, parts)
    kept = ("benchmark", "at", "commit", "machine", "repetitions", "loaded", "holds")
    targets = [{name: each[name] for name in ("name", "asks", "limit", "value", "holds")} for each in found["targets"]]
    print(json.dumps({**{name: found[name] for name in kept}, "targets": targets}, ensure_ascii=False))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-dpi", description=__doc__)
    parser.add_argument("--reps", type=int, default=5, help="repetitions")
    parser.add_argument("--count", type=int, default=COUNT, help="notifications, and messages, of one measurement")
    parser.add_argument("--only", default=",".join(PARTS[:2]), metavar="A,B", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="one short repetition: shows that it works")
    parser.add_argument("--quiet", type=float, default=30.0, metavar="S", help="longest wait for a quiet machine")
    parser.add_argument("--storage", type=Path, default=FOLDER, help="where the installation stores")
    parser.add_argument("--publish", action="store_true", help="write the figures into README.md")
    asked = parser.parse_args()
    if asked.quick:
        asked.reps, asked.quiet, asked.count = 1, 0.0, QUICK_COUNT
    return asked


def _wanted(asked: argparse.Namespace, runs: Path) -> Iterator[tuple[str, Callable[[], Part]]]:
    usual = {"repetitions": asked.reps, "count": asked.count, "quiet_s": asked.quiet}
    measures: dict[str, Callable[[], Part]] = {
        "notifications": lambda: measure_notifications(runs, **usual),
        "messages": lambda: measure_messages(runs, **usual),
        "postgresql": lambda: _on_postgresql(runs, **usual),
    }
    yield from ((name, measures[name]) for name in PARTS if name in asked.only.split(","))


def _on_postgresql(runs: Path, **usual: Any) -> Part:
    cluster = PostgreSQL()
    try:
        return measure_notifications(runs / "postgresql", cluster=cluster, **usual)
    finally:
        cluster.stop()


def _part(name: str, measure: Callable[[], Part]) -> Part:
    """Return a part; one that could not be measured holds nothing, and the others go on."""
    try:
        return measure()
    except (Void, AssertionError) as error:
        failed = figures.Target(name=f"{name} was measured", asks="at least", limit=1, value=0, why=str(error))
        return Part(name=name, shown=f"Not measured: {error}", targets=(failed,))


def _shown(part: Part) -> Part:
    print(f"\n## {part.name}\n\n{part.shown}\n")
    print("\n".join(str(target) for target in part.targets), flush=True)
    if part.loaded:
        print(f"Others used the machine: {', '.join(part.loaded)}. Absolute figures are low; ratios less so.")
    return part


def _results(asked: argparse.Namespace, parts: list[Part]) -> dict[str, Any]:
    targets = [target for part in parts for target in part.targets]
    return figures.results(
        "dpi",
        machine=machine.describe(asked.storage.resolve()),
        commit=machine.commit(),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        repetitions=asked.reps,
        parts={part.name: part.data for part in parts},
        loaded=any(part.loaded for part in parts),
        targets=[target.to_json() for target in targets],
        holds=bool(targets) and all(target.holds for target in targets),
    )


def _publish(found: Mapping[str, Any], parts: list[Part]) -> None:
    """Write the figures into the page, when they are worth it."""
    against = {
        "fewer than 5 repetitions": found["repetitions"] < PUBLISHED_REPETITIONS,
        "the checkout has changes": found["commit"].endswith("+changes"),
        "others used the machine": found["loaded"],
        "not every part was measured": len(parts) < len(PARTS) - 1,
    }
    if reasons := [reason for reason, applies in against.items() if applies]:
        print(f"\nNot published: {'; '.join(reasons)}", file=sys.stderr)
        return
    on = found["machine"]
    machine_words = f"{on['cpu']}, {on['cores']} cores, {on['storage']}, {on['system']}, Python {on['python']}"
    words = f"Commit {found['commit']}, {found['at']}; {machine_words}. Medians of {found['repetitions']} repetitions."
    said = [f"{part.shown}\n\n" + "\n".join(f"* {target}" for target in part.targets) for part in parts]
    figures.publish(PAGE, "dpi", "\n\n".join((words, *said)))


if __name__ == "__main__":
    main()
