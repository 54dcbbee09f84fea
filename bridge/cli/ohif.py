"""``aval ohif``: another project's viewer beside the desk."""

from pathlib import Path

import click

from bridge.cli.common import errors_as_exit_codes, folder_option
from bridge.wiring import ohif as viewer


@click.group()
def ohif() -> None:
    """OHIF, an optional second viewer that the desk serves."""


@ohif.command()
@click.option(
    "--from",
    "file",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="the package, for a machine without network",
)
@folder_option
@errors_as_exit_codes
def install(file: Path | None, folder: Path) -> None:
    """Fetch OHIF by its digest and unpack it; the desk serves it from its next start on."""
    package = file.read_bytes() if file else viewer.fetch()
    files = viewer.install(package, folder)
    click.echo(f"OHIF {viewer.VERSION}: {files} files in {folder / viewer.FOLDER}. Start the desk again to serve it.")
