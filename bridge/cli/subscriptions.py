"""``aval subscriptions``: what we subscribe to at records, and how it stands there; make it again, take it away."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, say, table
from bridge.flows.subscriptions import mend
from bridge.wiring import subscriptions as wired
from bridge.wiring.parts import Parts
from guarantee.codec import time_text
from guarantee.errors import PortError
from guarantee.subscription import fault_of


@click.group()
def subscriptions() -> None:
    """Our subscriptions at records (intake.senders.NAME.subscription)."""


@subscriptions.command("list")
@folder_option
@json_option
@errors_as_exit_codes
def list_subscriptions(folder: Path, as_json: bool) -> None:
    """List them as each record holds them now."""
    with opened(folder) as parts:
        found = [_standing(name, parts) for name in wired.subscribed(parts.settings)]
    head = ("SUBSCRIPTION", "STATE", "AT THE RECORD", "CHANGED", "EVENTS", "CRITERIA")
    names = ("name", "state", "place", "changed_at", "events", "criteria")
    rows = [tuple(str(one[name] if one[name] is not None else "") for name in names) for one in found]
    say(found, table(head, rows) if rows else "no subscription is configured", as_json=as_json)


@subscriptions.command()
@click.argument("name")
@click.option("--since-h", type=click.FloatRange(min=0, max=24 * 14), default=24.0, show_default=True)
@folder_option
@json_option
@errors_as_exit_codes
def repair(name: str, since_h: float, folder: Path, as_json: bool) -> None:
    """Ask the record for it again, also after somebody switched it off, and look for what changed meanwhile."""
    with opened(folder) as parts:
        record = wired.client(parts.settings, name)
        try:
            before = record.held()
            mend(record, before)
        finally:
            record.close()
        now = parts.clock.now()
        searches = wired.watch(name, parts).recover(now - timedelta(hours=since_h), now)
    was = fault_of(before) or "active"
    say({"was": was, "searches": searches}, f"was {was}; asked for again; {searches} searches noted", as_json=as_json)


@subscriptions.command()
@click.argument("name")
@folder_option
@json_option
@errors_as_exit_codes
def remove(name: str, folder: Path, as_json: bool) -> None:
    """Take it away at the record. While aval.toml has it and intake runs, it is made again: take it out there first."""
    with opened(folder) as parts:
        record = wired.client(parts.settings, name)
        try:
            before = record.held()
            if before is not None:
                record.remove(before)
        finally:
            record.close()
    place = before.place if before else None
    say({"removed": place}, f"{place} removed" if place else "there was none", as_json=as_json)


def _standing(name: str, parts: Parts) -> dict[str, Any]:
    _, mine = wired.subscribed(parts.settings)[name]
    told: dict[str, Any] = {"name": name, "place": None, "changed_at": None, "events": None, "criteria": mine.criteria}
    try:
        found = wired.held(parts.settings, name)
    except PortError as error:
        return told | {"state": error.code}
    told["state"] = fault_of(found) or "active"
    if found is None:
        return told
    changed = time_text(found.changed_at) if found.changed_at else None
    return told | {"place": found.place, "changed_at": changed, "events": found.events}
