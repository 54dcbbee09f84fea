"""``aval run``: the product's processes."""

import logging
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final

import click

from bridge import logs, runner
from bridge.cli.common import errors_as_exit_codes, folder_option, opened
from bridge.wiring.parts import NAMES, Parts
from bridge.wiring.processes import listener, make
from bridge.wiring.shared_port import READY
from guarantee.errors import Unavailable

ANSWER_S: Final = 60.0
"""How long a start waits for its database: after a power cut the server recovers first, and it may be on another
machine that starts later."""

AGAIN_S: Final = 1.0
"""Pause before a database that did not answer is asked again."""

_log = logging.getLogger("aval.run")


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
        _open(parts, name, ANSWER_S if for_s is None else for_s)
        runner.run(make(name, parts), for_s=for_s)


def _open(parts: Parts, name: str, longest_s: float) -> None:
    """Make ready to run, once the database answers.

    Raises:
        Unavailable: it did not within ``longest_s``.
    """
    until = time.monotonic() + longest_s
    while True:
        try:
            parts.open(name)
        except Unavailable as error:
            if error.code != "database" or time.monotonic() > until:
                raise
            _log.warning("start.waiting", extra={"code": error.code})
        else:
            return
        time.sleep(AGAIN_S)
