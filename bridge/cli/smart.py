"""``aval smart``: our keys for FHIR servers that give out tokens."""

import json
from pathlib import Path

import click

from bridge.cli.common import errors_as_exit_codes, folder_option, opened
from bridge.wiring import backend_services as wired


@click.group()
def smart() -> None:
    """SMART Backend Services: our registration at FHIR servers."""


@smart.command()
@folder_option
@errors_as_exit_codes
def jwks(folder: Path) -> None:
    """Print our public keys (JWKS) for the server's administrator; a key that is missing is made."""
    with opened(folder) as parts:
        click.echo(json.dumps(wired.jwks(parts.settings), indent=1))
