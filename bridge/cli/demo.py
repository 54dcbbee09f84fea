"""``aval demo``: the main job on this machine, with a simulated PACS and record."""

import sys
import threading
import webbrowser
from pathlib import Path

import click
import orjson

from bridge import logs, runner
from bridge.cli.common import errors_as_exit_codes, folder_option
from bridge.demo.setup import Ports, free_base
from bridge.demo.show import Demo, default_cache, fetch_inputs


@click.command()
@folder_option
@click.option("--port-base", type=click.IntRange(1024, 65000), default=None, help="seven ports from here on are used")
@click.option("--no-browser", is_flag=True, help="do not open a browser")
@click.option("--json", "as_json", is_flag=True, help="print one line of JSON once everything answers")
@click.option("--for", "for_s", type=float, default=None, metavar="SECONDS", help="stop by itself after so long")
@click.option("--prepare", is_flag=True, help="only download what will be sent, for a machine that goes offline")
@errors_as_exit_codes
def demo(
    folder: Path, port_base: int | None, no_browser: bool, as_json: bool, for_s: float | None, prepare: bool
) -> None:
    """Show the main job: a real series in, a real model, your endorsement, a draft report out.

    Everything runs in this process on loopback; Ctrl-C stops it, and the next start goes on where this one ended.
    """
    logs.set_up("WARNING")
    if prepare:
        fetch_inputs(default_cache(), _say)
        return
    show = Demo(folder=folder, ports=Ports.from_base(free_base(port_base)), cache=default_cache(), say=_say)
    processes = show.prepare()

    def ready() -> None:
        if as_json:
            click.echo(orjson.dumps(show.where()).decode())
            sys.stdout.flush()
        _say(f"open     {show.where()['guide']}   (Ctrl-C stops; everything is kept in {folder})")
        threading.Thread(target=show.play, name="demo:play", daemon=True).start()
        if not no_browser and not as_json:
            webbrowser.open(show.where()["guide"])

    try:
        runner.run(processes, ready=ready, for_s=for_s)
    finally:
        show.parts.close()
    _say("stopped  everything is kept; start again to go on")


def _say(line: str) -> None:
    click.echo(line, err=True)
