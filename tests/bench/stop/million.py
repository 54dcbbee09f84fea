"""Released results are looked for among very many: how long each way of asking takes."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import Table

from bridge.db import tables
from bridge.db.selection import Criteria
from guarantee.codec import parse_time
from tests.bench.stop.load import Site
from tests.flows.fakes import arrival

MOST_S: Final = 10.0
"""How long a person may wait for the list."""

PAGE: Final = 10_000

DAYS: Final = 1_000
"""The results are spread over as many days."""

_OWN: Final[dict[str, dict[str, str]]] = {
    "cases": {"id": "'c' || n", "uid": "'9.' || n", "site": "CASE n % 4 WHEN 0 THEN 'annexe' ELSE base.site END"},
    "results": {"id": "'r' || n", "case_id": "'c' || n", "state": "'delivered'"},
    "decisions": {"id": "'d' || n", "result_id": "'r' || n", "at": "day || substr(base.at, 11)"},
}
"""What is different in each copy of an honest row."""


def measure(folder: Path, url: str, many: int) -> dict[str, Any]:
    """Return how long each way of asking takes, in seconds, with ``many`` released results."""
    site = Site(folder, url)
    result = site.drafted(arrival(site.vault))
    site.answer(result)
    _copy(url, many)
    since, until = parse_time("2020-02-01T00:00:00.000000Z"), parse_time("2020-02-08T00:00:00.000000Z")
    asked: dict[str, Callable[[], int]] = {
        "a week": lambda: _all(site, Criteria(since=since, until=until)),
        "a week of one version at one site": lambda: _all(
            site, Criteria(version="toy@1.0.0", site="annexe", since=since, until=until)
        ),
        "one page of a model": lambda: len(_page(site, Criteria(model="toy"))),
        "how many of a model": lambda: _count(site, Criteria(model="toy")),
        "a model that has none": lambda: _all(site, Criteria(model="other")),
    }
    found: dict[str, Any] = {name: _timed(ask) for name, ask in asked.items()}
    site.engine.dispose()
    return found | {"results": many, "holds": all(one["s"] <= MOST_S for one in found.values())}


def _timed(ask: Callable[[], int]) -> dict[str, float]:
    began = time.monotonic()
    return {"found": ask(), "s": time.monotonic() - began}


def _page(site: Site, criteria: Criteria) -> tuple[Any, ...]:
    with site.sql.reading() as unit:
        return unit.selection.find(criteria, limit=PAGE)


def _count(site: Site, criteria: Criteria) -> int:
    with site.sql.reading() as unit:
        return unit.selection.count(criteria)


def _all(site: Site, criteria: Criteria) -> int:
    found, last = 0, None
    with site.sql.reading() as unit:
        while page := unit.selection.find(criteria, limit=PAGE, after=last):
            found, last = found + len(page), page[-1]
    return found


def _copy(url: str, many: int) -> None:
    """Copy the one honest row of each table, with the walls down: they are about the gate, and would take hours."""
    copied = (tables.cases, tables.results, tables.decisions)
    if url.startswith("postgresql"):
        series = (
            f"SELECT n, to_char(date '2020-01-01' + n % {DAYS}, 'YYYY-MM-DD') AS day FROM generate_series(1, {many}) n"
        )
        with psycopg.connect(url, autocommit=True, options="-c search_path=aval") as owner:
            for table in copied:
                owner.execute(f"ALTER TABLE {table.name} DISABLE TRIGGER ALL")  # type: ignore[arg-type]
                owner.execute(_copies(table, series))  # type: ignore[arg-type]
            owner.execute("ANALYZE")
        return
    series = (
        f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {many}) "
        f"SELECT n, date('2020-01-01', '+' || (n % {DAYS}) || ' days') AS day FROM s"
    )
    with sqlite3.connect(url.removeprefix("sqlite:///")) as file:  # whose foreign keys are off
        for (trigger,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f"DROP TRIGGER {trigger}")
        for table in copied:
            file.execute(_copies(table, series))
        file.execute("ANALYZE")
    file.close()


def _copies(table: Table, series: str) -> str:
    own = _OWN[table.name]
    columns = ", ".join(column.name for column in table.columns)
    values = ", ".join(own.get(column.name, f"base.{column.name}") for column in table.columns)
    return f"INSERT INTO {table.name} ({columns}) SELECT {values} FROM {table.name} base, ({series}) series"
