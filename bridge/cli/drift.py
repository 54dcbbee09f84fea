"""``aval models drift``: whether what a model version is given, or answers, has changed since it entered service."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, say, table
from bridge.comparison import GROUPS, Asked, Drift, Group, Period
from bridge.config import ConfigError
from bridge.drift import N_MAX, N_MIN, Compared, Verdict
from bridge.web.drift import bin_text, strongest, to_csv
from bridge.web.drift_words import VERDICTS
from bridge.wiring.drift import drift_of
from guarantee.codec import time_text

_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])


@click.command()
@click.argument("version")
@click.option("--mode", type=click.Choice(["care", "shadow"]), default="care", show_default=True)
@click.option("--by", type=click.Choice(GROUPS), default=None, help="also each site, sender or scanner")
@click.option("--count", type=click.IntRange(N_MIN, N_MAX), default=N_MIN, show_default=True, help="of each period")
@click.option("--reference", type=_TIME, nargs=2, help="from and to, in the zone of this machine; else the first ones")
@click.option("--recent", type=_TIME, nargs=2, help="from and to; otherwise the last ones")
@click.option("--csv", "as_csv", is_flag=True, help="answer as CSV, one line a bin")
@folder_option
@json_option
@errors_as_exit_codes
def drift(version: str, as_csv: bool, folder: Path, as_json: bool, **said: Any) -> None:
    """Say which inputs and outputs of VERSION (name@version) changed, the first results against the last ones.

    A change is judged by its quantile among permutations, never by a threshold; below 200 results in either period
    nothing is said.
    """
    periods: dict[str, Any] = {name: _local(said.pop(name)) for name in ("reference", "recent")}
    asked = Asked(model=version, by=said.pop("by") or "", **said, **periods)
    with opened(folder) as parts:
        store = parts.store("desk")
        with store.reading() as unit:
            known = unit.registry.model(version)
        if known is None:
            raise ConfigError(f"{version} was never known here: give name@version, as `aval models list` prints it")
        found = drift_of(asked, store)
    if as_csv:
        click.echo(to_csv(found), nl=False)
    else:
        say(_value(found), _text(found), as_json=as_json)


def _local(period: tuple[datetime, datetime] | None) -> Period | None:
    return (period[0].astimezone(), period[1].astimezone()) if period else None


def _value(found: Drift) -> dict[str, Any]:
    return {
        "model": found.asked.model,
        "mode": found.asked.mode,
        "by": found.asked.by,
        "hidden": found.hidden,
        "groups": [
            {
                "name": group.name,
                "reference": [time_text(end) for end in group.reference or ()],
                "recent": [time_text(end) for end in group.recent or ()],
                "features": [_feature(row) for row in group.rows],
            }
            for group in found.groups
        ],
        "events": [{"at": time_text(event.at), "kind": event.kind, "about": event.about} for event in found.events],
    }


def _feature(row: Compared) -> dict[str, Any]:
    return {
        "side": str(row.side),
        "name": row.name,
        "n_reference": row.n_reference,
        "n_recent": row.n_recent,
        "psi": row.psi,
        "quantile": row.quantile,
        "p": row.p,
        "verdict": str(row.verdict),
        "medians": list(row.medians) if row.medians else None,
        "bins": [{"bin": bin_text(one), "reference": one.reference, "recent": one.recent} for one in row.bins],
    }


def _text(found: Drift) -> str:
    lines = []
    for group in found.groups:
        lines += [group.name or f"{found.asked.model}, {found.asked.mode}", _table(group), ""]
    if found.hidden:
        lines.append(f"{found.hidden} groups are not shown: too few results, or too many groups")
    return "\n".join(lines).rstrip()


def _table(group: Group) -> str:
    if not group.rows:
        return "no result to compare"
    head = ("FEATURE", "OF", "N REFERENCE", "N RECENT", "PSI", "QUANTILE", "VERDICT", "WHAT DIFFERS MOST")
    rows = [
        (
            row.name,
            str(row.side),
            str(row.n_reference),
            str(row.n_recent),
            "" if row.psi is None else f"{row.psi:.3f}",
            "" if row.quantile is None else f"{row.quantile:.4f}",
            VERDICTS[row.verdict],
            _most(row),
        )
        for row in group.rows
    ]
    return table(head, rows)


def _most(row: Compared) -> str:
    if row.verdict is Verdict.FEW:
        return ""
    if row.medians:
        return f"median {row.medians[0]:.4g} -> {row.medians[1]:.4g}"
    most = strongest(row)
    return f"{bin_text(most[0])}: {most[1]:.0%} -> {most[2]:.0%}" if most else ""
