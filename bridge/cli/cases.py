"""``aval cases``: what arrived, and why nothing looks at some of it."""

from pathlib import Path

import click

from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, say, table
from guarantee.states import CaseState


@click.group()
def cases() -> None:
    """Studies and stays that arrived."""


@cases.command("list")
@click.option("--state", type=click.Choice([str(s) for s in CaseState]), default=None, help="only these")
@click.option("--cause", default="", help="only these, e.g. no-route: complete, and no rule takes it")
@click.option("--limit", default=100, show_default=True)
@folder_option
@json_option
@errors_as_exit_codes
def list_cases(state: str | None, cause: str, limit: int, folder: Path, as_json: bool) -> None:
    """List the newest cases; who they are about is not shown."""
    with opened(folder) as parts, parts.store("desk").reading() as unit:
        found = unit.views.cases(limit, states=(state,) if state else (), cause=cause)
    rows = [(case.id, str(case.kind), str(case.revision), str(case.state), case.modality, case.cause) for case in found]
    head = ("CASE", "KIND", "REVISION", "STATE", "MODALITY", "CAUSE")
    values = [
        {"id": c.id, "kind": str(c.kind), "revision": c.revision, "state": str(c.state), "cause": c.cause}
        | {"modality": c.modality, "site": c.site}
        for c in found
    ]
    say(values, table(head, rows) if rows else "no cases", as_json=as_json)
