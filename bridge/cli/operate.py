"""``aval init``, ``aval check``, ``aval migrate``, ``aval config``."""

import os
import sys
from pathlib import Path
from typing import Final, TextIO

import click

from bridge import logs
from bridge.cli.common import FAULT_FOUND, errors_as_exit_codes, folder_option, json_option, opened, say, table
from bridge.config import FILE, ConfigError, explain
from bridge.db.engine import engine_at
from bridge.db.migrate import migrate as migrate_database
from bridge.wiring.checks import check_process, run_checks
from bridge.wiring.install import from_template, install
from bridge.wiring.parts import NAMES
from bridge.wiring.split import split
from guarantee.lifecycle import STAGES, Stage

TEMPLATE_CHARS_MAX: Final = 1_000_000
"""Longest template that is read."""


@click.command()
@folder_option
@click.option("--template", type=click.File(encoding="utf-8"), help="settings to begin with, e.g. those of deploy/")
@errors_as_exit_codes
def init(folder: Path, template: TextIO | None) -> None:
    """Create a data folder: configuration, keys, empty database. A namespace {namespace} of the template is made."""
    if (folder / FILE).exists():
        raise ConfigError(f"{folder / FILE} exists already; nothing was changed")
    install(folder, settings=from_template(template.read(TEMPLATE_CHARS_MAX)) if template else None)
    click.echo(f"{folder} is ready. Edit {folder / FILE}, then: aval check --dir {folder}")


@click.command()
@folder_option
@click.option("--process", type=click.Choice(NAMES), help="only what this process needs, with what it may know")
@json_option
@errors_as_exit_codes
def check(folder: Path, process: str | None, as_json: bool) -> None:
    """Ask whether everything can be reached and trusted; exit status 1 when something cannot."""
    logs.hold_libraries()
    with opened(folder) as parts:
        checks = run_checks(parts) if process is None else check_process(process, parts)
    rows = [("ok" if not c.fault else "FAULT", c.what, c.fault or c.found) for c in checks]
    values = [{"what": c.what, "ok": not c.fault, "detail": c.fault or c.found} for c in checks]
    say(values, table(("", "WHAT", "FOUND"), rows), as_json=as_json)
    sys.exit(FAULT_FOUND if any(c.fault for c in checks) else 0)


@click.command()
@click.option(
    "--begin",
    type=click.Choice([str(stage) for stage in STAGES]),
    help="where the lives of models begin that nobody knew, for an installation that already works with its own; two "
    "people put each into routine afterwards",
)
@folder_option
@errors_as_exit_codes
def migrate(begin: str | None, folder: Path) -> None:
    """Bring the database to this version's schema and make models and policies known; run as its owner."""
    with opened(folder) as parts:
        with engine_at(parts.settings.database_url("")) as engine:
            migrate_database(engine)
        parts.register(begin=Stage(begin) if begin else None)
    click.echo("the database is up to date")


@click.group()
def config() -> None:
    """The settings."""


@config.command("explain")
@folder_option
@json_option
@errors_as_exit_codes
def explain_settings(folder: Path, as_json: bool) -> None:
    """Print every setting: its value, where it came from, what it means. Secrets are masked."""
    with opened(folder) as parts:
        rows = list(explain(parts.settings, os.environ))
    values = [dict(zip(("name", "value", "origin", "meaning"), row, strict=True)) for row in rows]
    say(values, table(("SETTING", "VALUE", "FROM", "MEANING"), rows), as_json=as_json)


@config.command("split")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@folder_option
@errors_as_exit_codes
def split_settings(out: Path, folder: Path) -> None:
    """Write a folder for each process into OUT: its settings, and only its own secrets, keys and certificates.

    Each is used by `aval run NAME --dir OUT/NAME` with AVAL_SECRETS=OUT/NAME/secrets (deploy/README.md).
    """
    if out.exists():
        raise ConfigError(f"{out} exists already; nothing was changed")
    with opened(folder) as parts:
        made = split(parts.settings, out)
    click.echo("\n".join(str(path) for path in made))
