"""``aval route``: which rules fire, which models run, and why the others do not; and whether the rules can be used."""

import sys
from pathlib import Path
from typing import Any

import click

from bridge.cli.common import FAULT_FOUND, errors_as_exit_codes, folder_option, json_option, opened, say
from bridge.config import ConfigError
from bridge.flows.route import MISSING, NO_ROUTE, Choice, Tried
from bridge.rules_file import schema_text
from bridge.wiring.dry_run import SENDER, DryRun, Origin, Unreadable, of_case, of_files
from bridge.wiring.rules import check
from guarantee.case import CaseKind
from guarantee.rollout import Assigned, Part


@click.group()
def route() -> None:
    """The rules that choose models."""


@route.command("try")
@click.argument("what", nargs=-1, required=True)
@click.option("--sender", default=SENDER, show_default=True, help="who files would come from, as in aval.toml")
@click.option("--site", default="", help="the site files would arrive at; this installation's when left out")
@folder_option
@json_option
@errors_as_exit_codes
def try_(what: tuple[str, ...], sender: str, site: str, folder: Path, as_json: bool) -> None:
    """Hold the rules against WHAT: DICOM files, FHIR messages (*.json), folders, or the UID of a known study or stay.

    Nothing is kept and nothing is queued. Leaves with 1 when a file would be turned away.
    """
    files = [Path(each) for each in what if Path(each).exists()]
    with opened(folder) as parts:
        origin = Origin(site=site or parts.settings.site.name, sender=sender)
        found, refused = of_files(files, parts, origin)
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


@route.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@folder_option
@json_option
@errors_as_exit_codes
def check_(file: Path | None, folder: Path, as_json: bool) -> None:
    """Say every fault of FILE, or of the rules in force, with its line. Leaves with 1 when there is one."""
    with opened(folder) as parts:
        path = file or parts.rules_path
        faults = check(path, parts.catalogue)
    lines = [f"{path}:{fault.line}: {fault.place}: {fault.what}" for fault in faults]
    value = [{"line": fault.line, "place": fault.place, "what": fault.what} for fault in faults]
    text = "\n".join(lines) or f"{path}: this installation can use these rules"
    say({"file": str(path), "faults": value}, text, as_json=as_json)
    if faults:
        sys.exit(FAULT_FOUND)


@route.command("schema")
def schema_() -> None:
    """Print the JSON Schema of a file of rules, for editors."""
    click.echo(schema_text(), nl=False)


def _plain(case: DryRun) -> dict[str, Any]:
    return {
        "kind": str(case.kind),
        "uid": case.uid,
        "series": case.images if case.kind is CaseKind.STUDY else {},
        "cause": "" if case.takes else NO_ROUTE,
        "routes": [
            {
                "route": one.rule.name,
                "fires": one.unmet is None,
                "why_not": {"fact": one.unmet.fact, "code": one.unmet.code} if one.unmet else None,
                "rejects": one.rule.reject.en if one.rule.reject else None,
                "priority": str(one.priority),
                "ordered": one.ordered,
                "models": [_plain_choice(choice) for choice in one.choices],
            }
            for one in case.tried
        ],
    }


def _plain_choice(choice: Choice) -> dict[str, Any]:
    refusal = choice.refusal
    return {
        "model": choice.card.model.id,
        "mode": str(choice.mode),
        "part": str(choice.assigned.part),
        "draw": choice.assigned.draw,
        "trial": choice.assigned.trial.id if choice.assigned.trial else None,
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
    none = [] if case.takes else [f"  no rule takes this {case.kind}: it would be complete, and marked {NO_ROUTE}"]
    return [head, *routes, *none]


def _route_lines(one: Tried, case: DryRun) -> list[str]:
    if one.unmet is not None:
        return [f"  route {one.rule.name} does not fire: {one.unmet.code} is not met ({one.unmet.why.en})"]
    if one.rule.reject is not None:
        which = ", ".join(one.rule.models) or "every model"
        return [f"  rule {one.rule.name} fires, and rejects {which}: {one.rule.reject.en}"]
    models = [f"    {_model_line(choice, case)}" for choice in one.choices]
    none = ["    every model of it was chosen by an earlier route"]
    ordered = f" because the order says so ({one.ordered})" if one.ordered else ""
    return [f"  route {one.rule.name} fires, {one.priority}{ordered}", *(models or none)]


def _model_line(choice: Choice, case: DryRun) -> str:
    where = f" on series {choice.focus} ({case.images[choice.focus]} instances)" if choice.focus else ""
    version = f"{choice.card.model.id}{_why_this_version(choice.assigned)}"
    if choice.refusal is None:
        return f"{version} runs{where}"
    ends = "fails" if choice.refusal.code == MISSING else "is excluded"
    return f"{version} {ends}{where}: {choice.refusal.code}, {choice.refusal.detail}"


def _why_this_version(assigned: Assigned) -> str:
    """Return by what a version was chosen; "" for the one in routine where none is tried."""
    trial = assigned.trial
    if trial is None:
        return ""
    said = f"{assigned.part}, trial {trial.id[:8]}"
    if assigned.draw is None or assigned.part is Part.SHADOW:
        return f" ({said})"
    return f" ({said}: the canary gets draws below {trial.share}, this case drew {assigned.draw:.2f})"
