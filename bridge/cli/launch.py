"""``aval launch``: the links of a PACS's button, made by hand and looked at."""

import secrets
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from bridge.cli.common import FAULT_FOUND, errors_as_exit_codes, folder_option, json_option, opened, say
from bridge.config import ConfigError
from bridge.links.errors import BadLink
from bridge.links.reading import Link, read_invocation, read_launch
from bridge.links.signing import CLOCK_S, clock_s, make_launch, matches
from bridge.wiring import outside
from bridge.wiring.parts import Parts

_READERS: Final = {"/launch": read_launch, "/IHEInvokeImageDisplay": read_invocation}


@click.group()
def launch() -> None:
    """Links that open the desk on an exam, from the button of a PACS."""


@launch.command()
@click.option("--launcher", required=True, metavar="NAME", help="whose key signs, as in [launchers.NAME]")
@click.option("--study", default="", metavar="UID", help="Study Instance UID; several with commas")
@click.option("--accession", default="", help="accession number")
@click.option("--patient", default="", help="patient number")
@click.option("--issuer", default="", help="issuer of the patient number")
@click.option("--user", default="", help="login that the sign-in page proposes")
@click.option("--base", default="", metavar="URL", help="where the desk is; desk.public_url when not given")
@folder_option
@errors_as_exit_codes
def url(
    launcher: str, study: str, accession: str, patient: str, issuer: str, user: str, base: str, folder: Path
) -> None:
    """Print a signed link. It works once, for two minutes."""
    with opened(folder) as parts:
        mine = parts.settings.launchers.get(launcher)
        if mine is None or not mine.keys:
            raise ConfigError(f"[launchers.{launcher}] has no key here; give it one: openssl rand -hex 32")
        given = {"study": study, "accession": accession, "patient": patient, "issuer": issuer, "user": user}
        try:
            query = make_launch(given, mine.keys[0], at=parts.clock.now(), nonce=secrets.token_urlsafe(16))
        except BadLink as error:
            raise click.UsageError(f"--{error.parameter} is missing, or no such value") from None
        where = (base or outside.desk_options(parts.settings).public_url).rstrip("/")
    click.echo(f"{where}/launch?{query}")


@launch.command()
@click.argument("address", metavar="URL")
@folder_option
@json_option
@errors_as_exit_codes
def check(address: str, folder: Path, as_json: bool) -> None:
    """Say what is wrong with a link, without using it up. Exit status 1 when it would not open anything."""
    parts_of_it = urlsplit(address)
    read = _READERS.get(parts_of_it.path)
    if read is None:
        raise click.UsageError(f"a link goes to {' or '.join(_READERS)}, in exactly these letters")
    try:
        link = read(parts_of_it.query.encode(errors="surrogateescape"))
    except BadLink as error:
        said = {"form": f"{error.parameter or 'a parameter'} is missing, given twice, unknown or out of its form"}
        faults = ["form"]
    else:
        with opened(folder) as parts:
            said, faults = _judged(link, parts)
    text = "\n".join(f"{'fault' if name in faults else 'ok':5}  {name}: {words}" for name, words in said.items())
    say({"ok": not faults, "faults": faults, **said}, text, as_json=as_json)
    if faults:
        sys.exit(FAULT_FOUND)


def _judged(link: Link, parts: Parts) -> tuple[dict[str, str], list[str]]:
    """Return what there is to say of a link that is understood, and which of that is a fault."""
    said = {"form": "understood"}
    launchers = {name: one for name, one in parts.settings.launchers.items() if link.launcher in ("", name)}
    if not launchers:
        return said | {"launcher": "no [launchers] of this name"}, ["launcher"]
    if not link.signature:
        allowed = sorted(name for name, one in launchers.items() if one.unsigned)
        if len(allowed) == 1:
            return said | {"launcher": allowed[0], "signature": "none, as this launcher may"}, []
        why = "several may come without one: add launcher=NAME" if allowed else "none, and no launcher may do without"
        return said | {"signature": why}, ["signature"]
    found = next(
        ((name, which) for name, one in launchers.items() for which, key in enumerate(one.keys) if matches(link, key)),
        None,
    )
    if found is None:
        return said | {"signature": "made with no key that is known here, or over other parameters"}, ["signature"]
    name, which = found
    said |= {"launcher": name, "signature": "good, by key_before" if which else "good, by key"}
    return _timed(link, name, said, parts)


def _timed(link: Link, name: str, said: dict[str, str], parts: Parts) -> tuple[dict[str, str], list[str]]:
    late_s = clock_s(link, parts.clock.now())
    faults = ["clock"] if abs(late_s) > CLOCK_S else []
    when = f"made {late_s} s ago" if late_s >= 0 else f"made {-late_s} s in the future: one of the clocks is wrong"
    said |= {"clock": f"{when}; {CLOCK_S} s is the limit"}
    with parts.store("desk").reading() as unit:
        used = unit.launches.is_used(name, link.nonce)
    said |= {"once": "already used" if used else "not used yet, as far as is remembered (an hour)"}
    return said, [*faults, *(["once"] if used else [])]
