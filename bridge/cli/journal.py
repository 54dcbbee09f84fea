"""``aval journal``: verify it, export it, anchor its head."""

import sys
from pathlib import Path
from typing import TextIO

import click

from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, say
from bridge.journal import anchor_head, export_lines, verify_online
from bridge.seal import public_keys
from bridge.stamps import require_stamps_hold, stamp_head
from bridge.wiring.stamps import authorities, place_of


@click.group()
def journal() -> None:
    """The chained record of everything that happened."""


@journal.command()
@folder_option
@json_option
@errors_as_exit_codes
def verify(folder: Path, as_json: bool) -> None:
    """Check every link, and every anchor against them."""
    with opened(folder) as parts:
        found = verify_online(parts.keeper("audit", signs=False))
    text = (
        f"the journal holds: {found.seq} links, head {found.head[:16]}…, {found.anchors} anchors, "
        f"the newest at link {found.anchored_to}"
    )
    value = {"links": found.seq, "head": found.head, "anchors": found.anchors, "anchored_to": found.anchored_to}
    say({"holds": True, **value}, text, as_json=as_json)


@journal.command()
@folder_option
@click.option("--out", type=click.File("w", encoding="utf-8"), default="-", help="file; standard output by default")
@errors_as_exit_codes
def export(folder: Path, out: TextIO) -> None:
    """Write everything that a stand-alone verifier needs, as JSON lines (deploy/verify_journal.py reads them)."""
    with opened(folder) as parts:
        keys = public_keys(parts.settings.path(parts.settings.storage.keys))
        count = 0
        for line in export_lines(parts.keeper("audit", signs=False), keys):
            out.write(line + "\n")
            count += 1
    click.echo(f"{count} lines", err=True)


@journal.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@folder_option
@errors_as_exit_codes
def stamps(out: Path, folder: Path) -> None:
    """Check every time stamp, and write each into OUT beside the head that it is over, for openssl ts -verify."""
    with opened(folder) as parts:
        held = require_stamps_hold(parts.keeper("audit", signs=False), authorities(parts), place_of(parts))
    out.mkdir(parents=True, exist_ok=True)
    for one in held:
        name = f"{one.anchor.head.seq}-{one.authority}"
        (out / f"{name}.head").write_bytes(one.anchor.head.to_bytes())
        (out / f"{name}.tsr").write_bytes(one.answer)
    click.echo(f"{len(held)} stamps hold; openssl ts -verify -data N-NAME.head -in N-NAME.tsr -CAfile ROOTS.pem")


@journal.command()
@folder_option
@json_option
@errors_as_exit_codes
def anchor(folder: Path, as_json: bool) -> None:
    """Sign the head, append it at every configured place, and have it stamped by every authority."""
    with opened(folder) as parts:
        keeper = parts.keeper()
        made = anchor_head(keeper)
        places = [str(place) for place in keeper.places]
        for authority in authorities(parts):
            stamp_head(keeper, authority, place_of(parts))
    if made is None:
        say(
            {"anchored": False},
            "nothing to anchor: the head is anchored already, or the journal is empty",
            as_json=as_json,
        )
        sys.exit(0)
    value = {"anchored": True, "seq": made.head.seq, "hash": made.head.hash, "places": places}
    say(value, f"link {made.head.seq} anchored in {', '.join(places)}", as_json=as_json)
