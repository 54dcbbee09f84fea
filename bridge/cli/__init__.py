"""The command line: verbs, ``--json`` where a script wants it, exit codes that mean something.

0  done                        3  the gate, or the configuration, said no
1  looked, and found a fault   4  something did not answer; try again
2  wrong use
"""

from importlib import import_module
from keyword import iskeyword
from typing import Final

import click

VERBS: Final = {
    "demo": "demo",
    "run": "run",
    "init": "operate",
    "check": "operate",
    "migrate": "operate",
    "config": "operate",
    "models": "models",
    "results": "results",
    "retract": "results",
    "withdrawals": "recalls",
    "incidents": "incidents",
    "cases": "cases",
    "objections": "objections",
    "patients": "patients",
    "import": "imports",
    "fetch": "fetches",
    "export": "export",
    "destinations": "destinations",
    "subscriptions": "subscriptions",
    "smart": "smart",
    "queues": "queues",
    "launch": "launch",
    "ohif": "ohif",
    "route": "route",
    "stop": "stops",
    "resume": "stops",
    "journal": "journal",
    "users": "users",
    "rights": "rights",
}
"""Each verb and the module of this package that holds it."""


class Verbs(click.Group):
    """Imports a verb when it is used: all of them take four seconds, and a one-time code lives thirty."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """Return every verb, in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as click calls it
        """Return a verb, or None when there is none of this name."""
        if cmd_name not in VERBS:
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        verb: click.Command = getattr(import_module(f"bridge.cli.{VERBS[cmd_name]}"), name)
        return verb


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="aval", prog_name="aval")
def main() -> None:
    """Aval: nothing an algorithm finds reaches a patient's record until a clinician has said so."""
