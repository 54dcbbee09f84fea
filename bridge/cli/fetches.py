"""``aval fetch``: instances from an archive."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from bridge import logs
from bridge.cli.common import FAULT_FOUND, errors_as_exit_codes, folder_option, json_option, opened, say
from bridge.flows.intake import Outcome
from bridge.wiring.inflow import Inflow, Tally
from bridge.wiring.retrieval import WAYS, Fetched, priors_of
from bridge.wiring.retrieval import fetch as fetch_study
from bridge.wiring.sources import source


@click.command()
@click.argument("study_uid")
@click.option("--from", "name", required=True, metavar="SOURCE", help="archive to ask, from [sources.SOURCE]")
@click.option("--priors", is_flag=True, help="the other studies of this study's patient, instead of the study itself")
@click.option("--latest", type=click.IntRange(1), default=None, help="with --priors: only so many, the latest ones")
@click.option("--by", "way", type=click.Choice(WAYS), default="auto", show_default=True, help="how to fetch")
@folder_option
@json_option
@errors_as_exit_codes
def fetch(study_uid: str, name: str, priors: bool, latest: int | None, way: str, folder: Path, as_json: bool) -> None:
    """Fetch what an archive holds of STUDY_UID and is not here, as if it had been sent.

    Rules see the sender SOURCE, or priors:SOURCE for priors. C-MOVE needs `aval run scp`. Leaves with 1 when something
    that the archive lists is still not here.
    """
    logs.hold_libraries()
    with opened(folder) as parts:
        asked = source(parts.settings, name)
        studies = [study_uid]
        if priors:
            found = priors_of(study_uid, asked, parts)
            studies = [study.study_uid for study in (found[-latest:] if latest else found)]
        with closing(Inflow(parts, door="fetch", sender=f"priors:{name}" if priors else name)) as inflow:
            fetched = [fetch_study(each, asked, way, inflow, parts) for each in studies]
    say(_plain(fetched, inflow.tally), _text(fetched, inflow.tally), as_json=as_json)
    if any(each.missing for each in fetched) or inflow.tally.refused or not all(each.listed for each in fetched):
        sys.exit(FAULT_FOUND)


def _plain(fetched: list[Fetched], tally: Tally) -> dict[str, Any]:
    return {
        "studies": [
            {"uid": each.study_uid, "listed": each.listed, "wanted": each.wanted, "missing": list(each.missing)}
            for each in fetched
        ],
        "new": tally.outcomes[Outcome.NEW],
        "refused": [{"instance": one.name, "code": one.code, "why": one.detail} for one in tally.refused],
    }


def _text(fetched: list[Fetched], tally: Tally) -> str:
    lines = [_line(each) for each in fetched] or ["the archive lists no other study of this patient"]
    return "\n".join(lines + [f"  {one.name}: {one.code}, {one.detail}" for one in tally.refused])


def _line(each: Fetched) -> str:
    if not each.listed:
        return f"study {each.study_uid}: the archive does not know it"
    missing = f"{len(each.missing)} still missing" if each.missing else "nothing is missing"
    return f"study {each.study_uid}: {each.listed} listed, {each.wanted} were not here, {missing}"
