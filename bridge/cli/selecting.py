"""``aval results select``: which released results somebody may mean when they take many back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, say, table
from bridge.db.selection import Criteria, Selected
from bridge.wiring.parts import Parts
from guarantee.codec import time_text
from guarantee.content import Content, Presence

PAGE: Final = 10_000
"""Results read from the database at a time."""

_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.command("select")
@click.option("--model", default="", help="every version of a model, by name")
@click.option("--version", default="", help="one version, as name@version")
@click.option("--site", default="", help="at one site")
@click.option("--device", default="", help="computed from what this sender sent, by its name in aval.toml")
@click.option("--from", "since", type=_TIME, help="decided since, UTC")
@click.option("--to", "until", type=_TIME, help="decided before, UTC")
@click.option("--finding", default="", help="that say this finding is present, by its key; reads each content")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="write every identifier, for retract")
@click.option("--limit", default=100, show_default=True, help="how many are printed")
@folder_option
@json_option
@errors_as_exit_codes
def select_results(
    *,
    since: datetime | None,
    until: datetime | None,
    finding: str,
    out: Path | None,
    limit: int,
    folder: Path,
    as_json: bool,
    **chosen: str,
) -> None:
    """List the released results that fit, oldest decision first; then `aval retract --selected FILE`."""
    criteria = Criteria(since=_utc(since), until=_utc(until), **chosen)
    with opened(folder) as parts:
        found = list(_found(criteria, finding, parts))
    if out is not None:
        lines_out = [f"# {_said(criteria, finding)}", *(str(one.result) for one in found)]
        out.write_text("\n".join(lines_out) + "\n", encoding="utf-8")
    lines = [(one.result, one.model, one.site, str(one.state), time_text(one.decided_at)[:19] + "Z") for one in found]
    text = table(("RESULT", "MODEL", "SITE", "STATE", "DECIDED"), lines[:limit]) if lines else "no released result fits"
    value = {"criteria": _said(criteria, finding), "many": len(found), "results": [line[0] for line in lines]}
    say(value, f"{text}\n{len(found)} released results fit", as_json=as_json)


def _found(criteria: Criteria, finding: str, parts: Parts) -> Iterator[Selected]:
    """Yield what fits. A finding is looked for in what was endorsed, one content after another: nothing else knows."""
    last = None
    with parts.store("desk").reading() as unit:
        while page := unit.selection.find(criteria, limit=PAGE, after=last):
            yield from (one for one in page if not finding or _says(one, finding, parts))
            last = page[-1]


def _says(one: Selected, finding: str, parts: Parts) -> bool:
    content = Content.from_bytes(parts.vault.get(one.content))
    return any(each.key == finding and each.presence is Presence.PRESENT for each in content.findings)


def _said(criteria: Criteria, finding: str) -> str:
    return f"{criteria} finding={finding}".strip() if finding else str(criteria)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None
