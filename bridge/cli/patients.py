"""``aval patients``: what is kept of one patient, for that patient."""

import sys
from pathlib import Path

import click

from bridge.accounts import verify_code
from bridge.cli.common import FAULT_FOUND, errors_as_exit_codes, folder_option, json_option, opened, say
from bridge.wiring.dossier import Asked, Taken, take_out


@click.group()
def patients() -> None:
    """What is kept of one patient (GDPR, articles 15 and 21)."""


@patients.command()
@click.option("--authority", required=True, help="who gave the number, as in the cases: an OID, a name, a URL")
@click.option(
    "--id", "identifier", required=True, help="the patient number; merges that the record told of are followed"
)
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="a new or empty folder")
@click.option("--reason", required=True, help="why, e.g. the number of the request; never a name")
@click.option("--as", "officer", required=True, metavar="LOGIN", help="the data protection officer")
@click.option("--code", required=True, help="their one-time code")
@click.option(
    "--without-authority", is_flag=True, help="somebody looked: also exams whose number came without saying who gave it"
)
@folder_option
@json_option
@errors_as_exit_codes
def export(  # noqa: PLR0913 - one for each option of the verb
    authority: str,
    identifier: str,
    out: Path,
    reason: str,
    officer: str,
    code: str,
    without_authority: bool,
    folder: Path,
    as_json: bool,
) -> None:
    """Write everything that is kept of one patient: rows, received objects, drafts, decisions, what was sent, who saw.

    Who takes it out and why is recorded before the first file is written. Read index.html first. Leaves with 1 when
    something is not in the folder; the index says what, and why.
    """
    with opened(folder) as parts:
        by = verify_code(officer, code, parts.sign_in)
        asked = Asked(issuer=authority, value=identifier, unissued=without_authority, folder=out, by=by, reason=reason)
        taken = take_out(asked, parts)
    value = {
        "access": taken.access.id,
        "lines": taken.lines,
        "objects": taken.objects,
        "left_out": dict(taken.left_out),
        "cases_without_authority": list(taken.unissued),
    }
    say(value, _told(taken, out), as_json=as_json)
    if taken.left_out or taken.unissued:
        sys.exit(FAULT_FOUND)


def _told(taken: Taken, out: Path) -> str:
    lines = [f"{taken.lines} rows and {taken.objects} objects in {out}; read {out / 'index.html'} first"]
    if taken.left_out:
        lines.append(f"{len(taken.left_out)} objects are not in it; the index says why")
    if taken.unissued:
        lines.append(f"{len(taken.unissued)} cases have this number and no authority, and are not in it:")
        lines += taken.unissued
    return "\n".join(lines)
