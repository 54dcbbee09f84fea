"""``aval run``: the product's processes."""

import sys
from functools import partial
from pathlib import Path

import click

from bridge import logs, runner
from bridge.cli.common import errors_as_exit_codes, folder_option, opened
from bridge.wiring.processes import NAMES, listener, make
from bridge.wiring.shared_port import READY


@click.command()
@click.argument("name", type=click.Choice([*NAMES, "all"]))
@folder_option
@click.option("--for", "for_s", type=float, default=None, metavar="SECONDS", help="stop by itself after so long")
@click.option("--shared", is_flag=True, hidden=True, help="one of several listeners that `aval run` started")
@errors_as_exit_codes
def run(name: str, folder: Path, for_s: float | None, shared: bool) -> None:
    """Run one process, or all of them in this one (the embedded default)."""
    logs.set_up()
    with opened(folder) as parts:
        if shared:
            runner.run([listener(parts)], ready=partial(click.echo, READY), until=sys.stdin)
            return
        parts.open()
        runner.run(make(name, parts), for_s=for_s)
