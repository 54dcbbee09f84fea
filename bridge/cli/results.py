"""``aval results`` and ``aval retract``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, say, table
from bridge.cli.explaining import explain
from bridge.cli.finding import find
from bridge.cli.first_reads import first_read_lines, first_reads
from bridge.cli.recalls import people, read_selected, take_back
from bridge.cli.selecting import select_results
from bridge.config import ConfigError
from bridge.db.views import JudgedRow, Row, SentRow, link_body
from bridge.flows.recall import Order
from bridge.flows.retract import withdraw
from bridge.wiring.processes import review_tools
from guarantee.codec import time_text
from guarantee.ids import ResultId
from guarantee.journal import Link
from guarantee.release import WithdrawalReason
from guarantee.states import ResultState


@click.group()
def results() -> None:
    """What the models proposed, and what became of it."""


results.add_command(select_results)
results.add_command(explain)


@results.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice([str(s) for s in ResultState]), help="only these")
@click.option("--limit", default=100, show_default=True)
@folder_option
@json_option
@errors_as_exit_codes
def list_results(states: tuple[str, ...], limit: int, folder: Path, as_json: bool) -> None:
    """List results, most urgent and oldest first."""
    with opened(folder) as parts, parts.store("desk").reading() as unit:
        rows = unit.views.results(states, modes=("care", "shadow"), limit=limit)
    lines = [
        (
            r.result.id,
            str(r.result.state) + (" (held)" if r.held else ""),
            r.result.model.id,
            r.result.cause.code if r.result.cause else "",
            time_text(r.moved_at)[:19] + "Z",
        )
        for r in rows
    ]
    text = table(("RESULT", "STATE", "MODEL", "CAUSE", "SINCE"), lines) if lines else "no results"
    say([_row(row) for row in rows], text, as_json=as_json)


@results.command()
@click.argument("result_id")
@folder_option
@json_option
@errors_as_exit_codes
def show(result_id: str, folder: Path, as_json: bool) -> None:
    """Show the whole time line of one result; the first characters of its identifier are enough."""
    with opened(folder) as parts, parts.store("desk").reading() as unit:
        found = find(result_id, parts)
        row = unit.views.result(found)
        if row is None:
            raise ConfigError(f"no result {found}")
        links, sent = unit.views.timeline(found), unit.views.sent(found)
        judged = unit.views.judged(row.case.id)
        read = first_reads(row.result, unit)
    value = _row(row) | {"judgement": _judged(judged) if judged else None}
    value |= {"first_read": read}
    value |= {"deliveries": [_sent(line) for line in sent], "timeline": [_link(link) for link in links]}
    say(value, _story(row, judged, links, sent, first_read_lines(read)), as_json=as_json)


@click.command()
@click.argument("result_id", required=False)
@click.option("--selected", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="file of identifiers")
@click.option(
    "--reason",
    required=True,
    help=f"one of {', '.join(str(r) for r in WithdrawalReason)}, or a sentence (kept as 'other')",
)
@click.option("--comment", default="", help="a sentence for the record")
@click.option("--copies", default="", help="with --selected: where else copies went, e.g. 'DMP, two letters'")
@click.option("--as", "first", nargs=2, metavar="LOGIN CODE", help="who takes them back, with their one-time code")
@click.option("--second", nargs=2, metavar="LOGIN CODE", help="the other person, above withdrawals.alone_max results")
@folder_option
@json_option
@errors_as_exit_codes
def retract(  # noqa: PLR0913 - one parameter for each option
    *,
    result_id: str | None,
    selected: Path | None,
    reason: str,
    comment: str,
    copies: str,
    first: tuple[str, str] | None,
    second: tuple[str, str] | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Take released results back everywhere: one, or those of a file (`aval results select --out FILE`).

    Follow the receipts with `aval results show`, or `aval withdrawals show`.
    """
    if (result_id is None) == (selected is None):
        raise click.UsageError("say one result, or --selected FILE")
    known, said = _reason(reason), comment or reason
    with opened(folder) as parts:
        if selected is not None:
            criteria, results = read_selected(selected)
            by, other = people((first, second), parts)
            alone_max = parts.settings.withdrawals.alone_max
            order = Order(
                reason=known,
                comment=said,
                by=by,
                second=other,
                criteria=criteria,
                copies=copies,
                alone_max=alone_max,
            )
            take_back(results, order, parts, as_json=as_json)
            return
        by, _ = people((first, None), parts)
        found = ResultId(find(str(result_id), parts))
        made = withdraw(found, by=by, reason=known, comment=said, tools=review_tools(parts))
    say(
        {"withdrawal": made.id, "result": made.notice.result, "reason": str(made.notice.reason)},
        f"result {made.notice.result} is withdrawn; word of it goes to every destination that may hold a copy",
        as_json=as_json,
    )


def _reason(said: str) -> WithdrawalReason:
    return WithdrawalReason(said) if said in {str(known) for known in WithdrawalReason} else WithdrawalReason.OTHER


def _row(row: Row) -> dict[str, Any]:
    result = row.result
    return {
        "id": result.id,
        "state": str(result.state),
        "held": row.held,
        "mode": str(result.mode),
        "model": result.model.id,
        "case": result.case,
        "kind": str(row.case.kind),
        "revision": row.case.revision,
        "draft": result.draft,
        "policy": result.policy,
        "cause": {"code": result.cause.code, "detail": result.cause.detail} if result.cause else None,
        "queued_at": time_text(row.queued_at),
        "moved_at": time_text(row.moved_at),
    }


def _sent(line: SentRow) -> dict[str, Any]:
    return {
        "kind": str(line.delivery.kind),
        "destination": line.delivery.destination,
        "state": line.delivery.state,
        "attempts": line.delivery.attempts,
        "cause": line.cause.code if line.cause else "",
        "method": line.method,
        "at": time_text(line.moved_at),
    }


def _link(link: Link) -> dict[str, Any]:
    return {"seq": link.seq, "at": link.at, "actor": link.actor, "action": link.action, "body": link_body(link)}


def _judged(judged: JudgedRow) -> dict[str, Any]:
    judgement = judged.judgement
    return {
        "verdict": str(judgement.verdict),
        "how": judgement.how,
        "instances": judgement.instances,
        "missing": [short.said.en for short in judgement.shortages],
        "last_input_at": time_text(judgement.last_at),
        "at": time_text(judged.at),
        "waited_s": round(judged.waited_s, 3),
    }


def _inputs(judged: JudgedRow | None) -> list[str]:
    """Return what was there when the case was judged, how long after the last of it, and what was missing."""
    if judged is None:
        return []
    judgement = judged.judgement
    told = (
        f"{judgement.verdict} ({judgement.how}), {judged.waited_s:.1f} s after the last of {judgement.instances} inputs"
    )
    return [f"inputs   {told}", *(f"         {short.said.en}" for short in judgement.shortages)]


def _story(
    row: Row, judged: JudgedRow | None, links: tuple[Link, ...], sent: tuple[SentRow, ...], read: Sequence[str]
) -> str:
    result = row.result
    cause = f", because {result.cause.code}: {result.cause.detail}" if result.cause else ""
    lines = [
        f"result   {result.id}",
        f"model    {result.model.id} ({result.model.digest[:12]}…)",
        f"case     {result.case} revision {row.case.revision} ({row.case.state})",
        *_inputs(judged),
        *read,
        f"state    {result.state}{' (held)' if row.held else ''}{cause}",
        "",
    ]
    lines += [f"{link.at[:23]}Z  {link.actor:<22} {link.action}" for link in links]
    if sent:
        rows = [
            (str(s.delivery.kind), s.delivery.destination, s.delivery.state, str(s.delivery.attempts), s.method)
            for s in sent
        ]
        lines += ["", table(("WHAT", "DESTINATION", "STATE", "ATTEMPTS", "PROOF"), rows)]
    return "\n".join(lines)
