"""``aval export``: reviewed cases under a pseudonym, for research and teaching."""

import sys
from pathlib import Path
from typing import Final

import click

from bridge.cli.common import FAULT_FOUND, errors_as_exit_codes, folder_option, json_option, opened, operator, say
from bridge.cli.finding import find
from bridge.wiring.export import Order, Taken, read_secret, take_out
from dicom_adapters.export.confidentiality import Option, Profile
from dicom_adapters.export.pseudonyms import Pseudonyms
from dicom_adapters.export.rewrite import Allowed

PROFILES: Final = {"basic": Profile.basic}
"""Profiles of PS3.15, Annex E, by name."""


@click.command()
@click.argument("result_ids", nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="folder to write into")
@click.option("--reason", required=True, help="why, for the record, e.g. the number of the study's approval")
@click.option("--profile", type=click.Choice([*PROFILES]), default="basic", show_default=True, help="PS3.15, Annex E")
@click.option("--options", default="", help=f"separated by commas, of {', '.join(Option)}")
@click.option(
    "--secret-file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="32 bytes or more; the same secret gives the same pseudonyms",
)
@click.option("--allow-burned-in", is_flag=True, help="somebody looked: also images that say text is burned in")
@click.option("--allow-recognizable", is_flag=True, help="somebody looked: also images that say a face shows")
@folder_option
@json_option
@errors_as_exit_codes
def export(  # noqa: PLR0913 - one for each option of the verb
    result_ids: tuple[str, ...],
    out: Path,
    reason: str,
    profile: str,
    options: str,
    secret_file: Path,
    allow_burned_in: bool,
    allow_recognizable: bool,
    folder: Path,
    as_json: bool,
) -> None:
    """Write the images, and what was endorsed of them, of decided results under a pseudonym.

    Identity is taken out by the Basic Application Level Confidentiality Profile (PS3.15, Annex E). Who exports, what
    and why is recorded before the first file is written. Leaves with 1 when an object could not be exported.
    """
    order = Order(
        folder=out,
        profile=PROFILES[profile]([word for word in options.split(",") if word]),
        pseudonyms=Pseudonyms(read_secret(secret_file)),
        allowed=Allowed(burned_in=allow_burned_in, recognizable=allow_recognizable),
        by=operator(),
        reason=reason,
    )
    with opened(folder) as parts:
        taken = list(take_out([find(result, parts) for result in result_ids], order, parts))
    value = [
        {"result": one.result, "folder": str(one.folder), "files": len(one.files), "left_out": one.left_out}
        for one in taken
    ]
    say({"profile": order.profile.name, "results": value}, "\n".join(_line(one) for one in taken), as_json=as_json)
    if any(one.left_out for one in taken):
        sys.exit(FAULT_FOUND)


def _line(one: Taken) -> str:
    left = ", ".join(f"{many} {code}" for code, many in sorted(one.left_out.items()))
    return f"{one.result}: {len(one.files)} objects in {one.folder}" + (f"; left out: {left}" if left else "")
