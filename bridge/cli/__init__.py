"""The command line: verbs, ``--json`` where a script wants it, exit codes that mean something.

0  done                        3  the gate, or the configuration, said no
1  looked, and found a fault   4  something did not answer; try again
2  wrong use
"""

import click

from bridge.cli import journal, models, operate, results, run, stops, users
from bridge.cli.demo import demo


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="aval", prog_name="aval")
def main() -> None:
    """Aval: nothing an algorithm finds reaches a patient's record until a clinician has said so."""


for command in (
    demo,
    run.run,
    operate.init,
    operate.check,
    operate.migrate,
    operate.config,
    models.models,
    results.results,
    results.retract,
    stops.stop,
    stops.resume,
    journal.journal,
    users.users,
):
    main.add_command(command)
