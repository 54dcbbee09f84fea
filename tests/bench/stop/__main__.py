"""``make bench-stop``: stop-to-effect under load, and finding results among a million, on both databases."""

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.stop import load, million
from tests.peers.postgresql import PostgreSQL


def main() -> None:
    """Measure, print tables for a person, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 results instead of a million")
    many = 10_000 if parser.parse_args().quick else 1_000_000
    found = {}
    for name in ("sqlite", "postgresql"):
        with _database(name) as (folder, url):
            stopped = load.measure(folder, url, drafted=1_200, queued=400)
        with _database(name) as (folder, url):
            listed = million.measure(folder, url, many)
        found[name] = {"stop": stopped, "select": listed}
        print(
            f"{name}\n  "
            + "\n  ".join(f"{key:<36}{value}" for part in (stopped, listed) for key, value in part.items())
        )
    holds = all(part["holds"] for one in found.values() for part in one.values())
    print(json.dumps({"bench": "stop", **found, "holds": holds}))


@contextmanager
def _database(name: str) -> Iterator[tuple[Path, str]]:
    with tempfile.TemporaryDirectory() as folder:
        if name == "sqlite":
            yield Path(folder), f"sqlite:///{folder}/bench.db"
            return
        cluster = PostgreSQL()
        try:
            yield Path(folder), cluster.new_database()
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
