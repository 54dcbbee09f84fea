"""``aval destinations``: how the places outside stand; pause, resume, send again by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bridge import logs
from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, operator, say, table
from bridge.cli.finding import find
from bridge.flows import destinations as flow
from bridge.web.outward import Standing
from bridge.wiring import outward
from bridge.wiring.parts import Parts
from guarantee.codec import time_text
from guarantee.ids import ResultId


@click.group()
def destinations() -> None:
    """The places that endorsed results go to."""


@destinations.command("list")
@folder_option
@json_option
@errors_as_exit_codes
def list_destinations(folder: Path, as_json: bool) -> None:
    """List destinations: whether each answers, what waits, the last confirmation and the last failure."""
    with opened(folder) as parts:
        found = _standings(parts)
    rows = [
        (
            s.place.name,
            s.place.kind or "(gone)",
            "paused" if s.pause else str(s.breaker),
            str(s.waiting),
            _short(s.oldest),
            str(s.refused),
            _short(s.confirmed_at),
            f"{s.cause.code} {_short(s.failed_at)}" if s.cause else "",
        )
        for s in found
    ]
    head = ("DESTINATION", "KIND", "STATE", "WAITING", "SINCE", "REFUSED", "LAST CONFIRMED", "LAST FAILURE")
    say([_value(s) for s in found], table(head, rows) if rows else "no destination is configured", as_json=as_json)


@destinations.command()
@click.argument("name")
@folder_option
@json_option
@errors_as_exit_codes
def show(name: str, folder: Path, as_json: bool) -> None:
    """Show everything that is known of one destination."""
    with opened(folder) as parts:
        found = next((s for s in _standings(parts) if s.place.name == name), None)
        if found is None:
            outward.require_known(parts.settings, name)  # says which there are
            return
    value = _value(found)
    lines = [f"{key:<14} {_told(item)}" for key, item in value.items()]
    say(value, "\n".join(lines), as_json=as_json)


@destinations.command()
@click.argument("name")
@folder_option
@json_option
@errors_as_exit_codes
def test(name: str, folder: Path, as_json: bool) -> None:
    """Ask one destination whether it answers, and a PACS in which transfer syntaxes it takes our objects."""
    logs.hold_libraries()
    with opened(folder) as parts:
        outward.require_known(parts.settings, name)
        answer = outward.looked_into(parts.settings, name)
    say({"name": name, "answer": answer}, answer, as_json=as_json)


@destinations.command()
@click.argument("name")
@click.option("--reason", required=True, help="why; the journal keeps that it was done and by whom")
@folder_option
@json_option
@errors_as_exit_codes
def pause(name: str, reason: str, folder: Path, as_json: bool) -> None:
    """Send nothing more to a destination until it is resumed, withdrawals included; everything waits."""
    with opened(folder) as parts:
        outward.require_known(parts.settings, name)
        flow.pause(name, by=operator(), reason=reason, store=parts.store("desk"), clock=parts.clock)
    say({"name": name, "paused": True}, f"{name} is paused: what is due there waits", as_json=as_json)


@destinations.command()
@click.argument("name")
@click.option("--reason", default="", help="why it may go on")
@folder_option
@json_option
@errors_as_exit_codes
def resume(name: str, reason: str, folder: Path, as_json: bool) -> None:
    """Let a paused destination go on."""
    with opened(folder) as parts:
        flow.resume(name, by=operator(), reason=reason, store=parts.store("desk"), clock=parts.clock)
    say({"name": name, "paused": False}, f"{name} goes on", as_json=as_json)


@destinations.command()
@click.argument("result_id")
@click.option("--to", "name", required=True, help="the destination")
@click.option("--reason", required=True, help="why; without patient data")
@folder_option
@json_option
@errors_as_exit_codes
def resend(result_id: str, name: str, reason: str, folder: Path, as_json: bool) -> None:
    """Send again what a destination confirmed or declined: the same bytes, the same identifiers."""
    with opened(folder) as parts:
        outward.require_known(parts.settings, name)
        result = ResultId(find(result_id, parts))
        again = flow.resend(result, name, by=operator(), reason=reason, store=parts.store("desk"), clock=parts.clock)
    value = {"result": result, "destination": name, "delivery": again.id, "kind": str(again.kind), "round": again.round}
    say(value, f"result {result} goes to {name} again; follow it with `aval results show`", as_json=as_json)


def _standings(parts: Parts) -> Sequence[Standing]:
    with parts.store("desk").reading() as unit:
        traffic = unit.destinations.traffic()
    return outward.standings(outward.places(parts.settings), traffic, parts.clock.now())


def _value(s: Standing) -> dict[str, Any]:
    return {
        "name": s.place.name,
        "kind": s.place.kind,
        "address": s.place.address,
        "breaker": str(s.breaker),
        "rests_until": _text(s.rests_until),
        "failures": s.failures,
        "paused": {"by": s.pause.by, "reason": s.pause.reason, "at": time_text(s.pause.at)} if s.pause else None,
        "waiting": s.waiting,
        "oldest": _text(s.oldest),
        "attempts": s.attempts,
        "refused": s.refused,
        "confirmed_at": _text(s.confirmed_at),
        "failed_at": _text(s.failed_at),
        "cause": {"code": s.cause.code, "detail": s.cause.detail} if s.cause else None,
    }


def _told(item: Any) -> str:
    if isinstance(item, dict):
        return ", ".join(f"{key} {value}" for key, value in item.items())
    return "–" if item is None or item == "" else str(item)


def _text(at: Any) -> str | None:
    return time_text(at) if at else None


def _short(at: Any) -> str:
    return f"{time_text(at)[:19]}Z" if at else ""
