"""``aval cases``: what arrived, why nothing looks at some of it, and a person's word on what is held."""

from pathlib import Path

import click

from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, operator, say, table
from bridge.config import ConfigError
from bridge.flows import admit as flow
from bridge.wiring.parts import Parts
from guarantee.case import Case
from guarantee.codec import time_text
from guarantee.identity import Doubt, Verdict
from guarantee.ids import CaseId
from guarantee.states import CaseState


@click.group()
def cases() -> None:
    """Studies and stays that arrived."""


@cases.command("list")
@click.option("--state", type=click.Choice([str(s) for s in CaseState]), default=None, help="only these")
@click.option("--cause", default="", help="only these, e.g. no-route: complete, and no rule takes it")
@click.option("--held", is_flag=True, help="only those that wait for a person's word: admit, or keep-apart")
@click.option("--limit", default=100, show_default=True)
@folder_option
@json_option
@errors_as_exit_codes
def list_cases(state: str | None, cause: str, held: bool, limit: int, folder: Path, as_json: bool) -> None:
    """List the newest cases; who they are about is not shown."""
    with opened(folder) as parts, parts.store("desk").reading() as unit:
        if held:
            found = tuple(case for case in unit.views.held() if cause in {"", case.cause})[:limit]
        else:
            found = unit.views.cases(limit, states=(state,) if state else (), cause=cause)
    rows = [(case.id, str(case.kind), str(case.revision), str(case.state), case.modality, case.cause) for case in found]
    head = ("CASE", "KIND", "REVISION", "STATE", "MODALITY", "CAUSE")
    say([_said(case) for case in found], table(head, rows) if rows else "no cases", as_json=as_json)


@cases.command("show")
@click.argument("case_id")
@folder_option
@json_option
@errors_as_exit_codes
def show_case(case_id: str, folder: Path, as_json: bool) -> None:
    """Show why a case is held or flagged: each doubt, and what it is about.

    Traits are named by a digest: two doubts with the same one are about the same traits. Whose they are is in the PACS.
    """
    with opened(folder) as parts:
        found = find(case_id, parts)
        with parts.store("desk").reading() as unit:
            case, doubts = unit.cases.get(found), unit.views.doubts(found)
            said = unit.identities.admission(found)
    value = _said(case) | {
        "admitted": case.admitted.split(),
        "verdict": str(said) if said else None,
        "doubts": [
            {"cause": doubt.cause, "subject": doubt.subject, "holds": doubt.holds, "at": time_text(doubt.at)}
            for doubt in doubts
        ],
    }
    head = (f"case {case.id}, revision {case.revision}: {case.state} {case.cause}".rstrip(), *_told(case, said))
    lines = [(doubt.cause, doubt.subject, time_text(doubt.at)) for doubt in doubts]
    text = "\n".join([*head, *([table(("DOUBT", "ABOUT", "SINCE"), lines)] if lines else [])])
    say(value, text, as_json=as_json)


@cases.command("admit")
@click.argument("case_ids", nargs=-1)
@click.option("--sender", default="", help="every case held because this sender is unknown, e.g. unknown:CT9")
@click.option("--reason", required=True, help="why; the record keeps it, so no name and no number of a patient")
@folder_option
@errors_as_exit_codes
def admit(case_ids: tuple[str, ...], sender: str, reason: str, folder: Path) -> None:
    """Let held cases go on, doubts and all: what came belongs together and may be used.

    Only what has come until now is let through. A sender that shall stay becomes one of scp.senders.
    """
    if bool(case_ids) == bool(sender):
        raise click.UsageError("name the cases, or give --sender")
    with opened(folder) as parts:
        for case in [find(each, parts) for each in case_ids] or _brought_by(sender, parts):
            made = flow.admit(case, by=operator(), reason=reason, store=parts.store("desk"), clock=parts.clock)
            click.echo(f"admitted: case {case} goes on as revision {made.revision}, {made.id}")


@cases.command("keep-apart")
@click.argument("case_id")
@click.option("--reason", required=True, help="why; the record keeps it, so no name and no number of a patient")
@folder_option
@errors_as_exit_codes
def keep_apart(case_id: str, reason: str, folder: Path) -> None:
    """Keep a held case from every model, for good. Send it again under the right identity, and it is another one."""
    with opened(folder) as parts:
        case = find(case_id, parts)
        flow.keep_apart(case, by=operator(), reason=reason, store=parts.store("desk"), clock=parts.clock)
    click.echo(f"kept apart: case {case}")


def find(prefix: str, parts: Parts) -> CaseId:
    """Return the one case whose identifier begins with ``prefix``.

    Raises:
        ConfigError: none, or more than one.
    """
    with parts.store("desk").reading() as unit:
        found = unit.views.find_cases(prefix)
    if len(found) != 1:
        raise ConfigError(f"{len(found) or 'no'} cases begin with {prefix!r}; see `aval cases list`")
    return CaseId(found[0])


def _brought_by(sender: str, parts: Parts) -> list[CaseId]:
    with parts.store("desk").reading() as unit:
        held = [case.id for case in unit.views.held() if case.cause == Doubt.SENDER_UNKNOWN]
        found = [case for case in held if any(doubt.subject == sender for doubt in unit.views.doubts(case))]
    if not found:
        raise ConfigError(f"no case is held because of {sender!r}; see `aval cases list --held`")
    return found


def _said(case: Case) -> dict[str, object]:
    return {
        "id": case.id,
        "kind": str(case.kind),
        "revision": case.revision,
        "state": str(case.state),
        "cause": case.cause,
        "modality": case.modality,
        "site": case.site,
    }


def _told(case: Case, said: Verdict | None) -> list[str]:
    """Return what people said of this revision, and of those before it."""
    before = [f"let through before: {case.admitted}"] if case.admitted else []
    return [*before, f"said of it: {said}"] if said else before
