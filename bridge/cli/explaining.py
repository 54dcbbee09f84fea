"""``aval results explain``: one endorsed result, in plain words, for its patient."""

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from bridge.cli.common import errors_as_exit_codes, folder_option, opened
from bridge.cli.finding import find
from bridge.flows.explain import Explaining, explained
from bridge.web.explained import explanation
from bridge.web.i18n import Language
from bridge.wiring.outside import desk_options
from guarantee.ids import ResultId


@click.command()
@click.argument("result_id")
@click.option("--lang", type=click.Choice(["fr", "en"]), default="fr", show_default=True)
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="a new file of HTML")
@folder_option
@errors_as_exit_codes
def explain(result_id: str, lang: str, out: Path, folder: Path) -> None:
    """Write one page of plain words about an endorsed result: what was looked for, who checked it, what it cannot say.

    Only what a clinician endorsed and nobody took back is explained. Print it from any browser.
    """
    with opened(folder) as parts:
        tools = Explaining(
            store=parts.store("desk"),
            vault=parts.vault,
            catalogue=parts.catalogue,
            verify=lambda opinion: parts.checking_ring.verify(opinion.statement.to_bytes(), opinion.seal),
        )
        told = explained(ResultId(find(result_id, parts)), tools)
        language = Language(lang, ZoneInfo(desk_options(parts.settings).time_zone))
        page = explanation(told, language, parts.settings.site.organisation)
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(page)
    click.echo(f"written: {out}")
