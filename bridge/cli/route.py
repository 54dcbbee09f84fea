"""``aval route try``: which rules fire, which models run, and why the others do not."""

import sys
from pathlib import Path
from typing import Any

import click

from bridge.cli.common import FAULT_FOUND, errors_as_exit_codes, folder_option, json_option, opened, say
from bridge.config import ConfigError
from bridge.flows.route import Choice, Tried
from bridge.wiring.dry_run import DryRun, Unreadable, of_case, of_files
from guarantee.case import CaseKind


@click.group()
def route() -> None:
    """The rules that choose models."""


@route.command("try")
@click.argument("what", nargs=-1, required=True)
@folder_option
@json_option
@errors_as_exit_codes
def try_(what: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Hold the rules against WHAT: DICOM files, FHIR messages (*.json), folders, or the UID of a known study or stay.

    Nothing is kept and nothing is queued. Leaves with 1 when a file would be turned away.
    """
    files = [Path(each) for each in what if Path(each).exists()]
    with opened(folder) as parts:
        found, refused = of_files(files, parts)
        for uid in what:
            if not Path(uid).exists():
                known = of_case(uid, parts)
                if not known:
                    raise ConfigError(f"{uid!r} is neither a file nor a study or stay that is known here")
                found += known
    value = {
        "cases": [_plain(case) for case in found],
        "refused": [{"file": str(one.path), "why": one.why} for one in refused],
    }
    say(value, _text(found, refused), as_json=as_json)
    if refused:
        sys.exit(FAULT_FOUND)


def _plain(case: DryRun) -> dict[str, Any]:
    return {
        "kind": str(case.kind),
        "uid": case.uid,
        "series": case.images if case.kind is CaseKind.STUDY else {},
        "routes": [
            {
                "route": one.rule.name,
                "fires": one.unmet is None,
                "why_not": {"fact": one.unmet.fact, "code": one.unmet.code} if one.unmet else None,
                "priority": str(one.rule.priority),
                "models": [_plain_choice(choice) for choice in one.choices],
            }
            for one in case.tried
        ],
    }


def _plain_choice(choice: Choice) -> dict[str, Any]:
    refusal = choice.refusal
    return {
        "model": choice.card.model.id,
        "runs": refusal is None,
        "series": choice.focus,
        "why_not": {"code": refusal.code, "detail": refusal.detail} if refusal else None,
    }


def _text(found: list[DryRun], refused: list[Unreadable]) -> str:
    lines = [line for case in found for line in _lines(case)]
    lines += [f"{one.path} would be turned away: {one.why}" for one in refused]
    return "\n".join(lines) or "nothing to try"


def _lines(case: DryRun) -> list[str]:
    if case.kind is CaseKind.STUDY:
        head = f"study {case.uid}: {sum(case.images.values())} instances in {len(case.images)} series"
    else:
        head = f"stay {case.uid}"
    routes = [line for one in case.tried for line in _route_lines(one, case)]
    return [head, *(routes or [f"  no route is for a {case.kind}"])]


def _route_lines(one: Tried, case: DryRun) -> list[str]:
    if one.unmet is not None:
        return [f"  route {one.rule.name} does not fire: {one.unmet.code} is not met ({one.unmet.why.en})"]
    models = [f"    {_model_line(choice, case)}" for choice in one.choices]
    none = ["    every model of it was chosen by an earlier route"]
    return [f"  route {one.rule.name} fires, {one.rule.priority}", *(models or none)]


def _model_line(choice: Choice, case: DryRun) -> str:
    where = f" on series {choice.focus} ({case.images[choice.focus]} instances)" if choice.focus else ""
    if choice.refusal is None:
        return f"{choice.card.model.id} runs{where}"
    return f"{choice.card.model.id} is excluded{where}: {choice.refusal.code}, {choice.refusal.detail}"
