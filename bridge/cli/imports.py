"""``aval import``: instances from files."""

import sys
from pathlib import Path
from typing import Any

import click

from bridge import logs
from bridge.cli.common import FAULT_FOUND, errors_as_exit_codes, folder_option, json_option, opened, say
from bridge.flows.intake import Outcome
from bridge.wiring.inflow import Inflow, Tally, bring
from dicom_adapters.read.directory import files_of

REFUSED_SHOWN_MAX = 20
"""Refused files that are listed for a person; --json lists all."""


@click.command("import")
@click.argument("place", type=click.Path(exists=True, path_type=Path))
@click.option("--sender", default="import", show_default=True, help="who they come from, for rules")
@folder_option
@json_option
@errors_as_exit_codes
def import_(place: Path, sender: str, folder: Path, as_json: bool) -> None:
    """Take the instances of PLACE, a folder, a DICOMDIR or a file, as if they had been sent.

    It may run beside `aval run`, or before it. Run it again after it was interrupted: nothing is taken twice. Leaves
    with 1 when a file was refused, or has other bytes than an instance of the same name that is known here.
    """
    logs.hold_libraries()
    with opened(folder) as parts:
        files = files_of(place)
        inflow = Inflow(parts, door="import", sender=sender)
        quiet = not sys.stderr.isatty()
        with click.progressbar(files, label="importing", file=sys.stderr, show_pos=True, hidden=quiet) as bar:
            bring(bar, inflow)
    leave_with(inflow.tally, as_json=as_json)


def leave_with(tally: Tally, *, as_json: bool) -> None:
    """Say what became of everything, and leave with the status that it deserves."""
    value: dict[str, Any] = {
        "new": tally.outcomes[Outcome.NEW],
        "known": tally.outcomes[Outcome.DUPLICATE],
        "conflicts": tally.outcomes[Outcome.CONFLICT],
        "refused": [{"file": one.name, "code": one.code, "why": one.detail} for one in tally.refused],
        "studies": dict(tally.studies),
    }
    say(value, _text(tally), as_json=as_json)
    if tally.refused or tally.outcomes[Outcome.CONFLICT]:
        sys.exit(FAULT_FOUND)


def _text(tally: Tally) -> str:
    counts = tally.outcomes
    lines = [
        f"{counts[Outcome.NEW]} new, {counts[Outcome.DUPLICATE]} known already, {counts[Outcome.CONFLICT]} in conflict "
        f"with what is known, {len(tally.refused)} refused; {len(tally.studies)} studies"
    ]
    lines += [f"  {one.name}: {one.code}, {one.detail}" for one in tally.refused[:REFUSED_SHOWN_MAX]]
    more = len(tally.refused) - REFUSED_SHOWN_MAX
    return "\n".join(lines + ([f"  … and {more} more (--json lists all)"] if more > 0 else []))
