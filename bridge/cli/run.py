"""``aval run``: the product's processes."""

from pathlib import Path

import click

from bridge import logs, runner
from bridge.cli.common import errors_as_exit_codes, folder_option, opened
from bridge.wiring.processes import NAMES, make


@click.command()
@click.argument("name", type=click.Choice([*NAMES, "all"]))
@folder_option
@click.option("--for", "for_s", type=float, default=None, metavar="SECONDS", help="stop by itself after so long")
@errors_as_exit_codes
def run(name: str, folder: Path, for_s: float | None) -> None:
    """Run one process, or all of them in this one (the embedded default)."""
    logs.set_up()
    with opened(folder) as parts:
        parts.open()
        runner.run(make(name, parts), for_s=for_s)
