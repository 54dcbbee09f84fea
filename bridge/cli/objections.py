"""``aval objections``: patients who do not want AI to look at their exams."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, operator, say, table
from bridge.flows import objections as flow
from bridge.flows.objections import Settled
from bridge.wiring.authorities import names_of
from guarantee.codec import time_text
from guarantee.ids import ResultId
from guarantee.objections import Objection, Word

_options = (
    click.option("--authority", required=True, help="who gave the number, as in the cases: an OID, a name, a URL"),
    click.option("--id", "identifier", required=True, help="the patient number"),
    click.option("--reason", required=True, help="why; the record keeps it, so no name and no number of a patient"),
)


def _of_a_number(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_options):
        function = option(function)
    return function


@click.group()
def objections() -> None:
    """Patients who object to AI: what it does is said by the policy of each result (stop, or hide)."""


@objections.command()
@_of_a_number
@folder_option
@json_option
@errors_as_exit_codes
def record(authority: str, identifier: str, reason: str, folder: Path, as_json: bool) -> None:
    """Record an objection. It counts at once; what was delivered before is listed, and a person decides about it."""
    _say_it(Word.RECORD, authority, identifier, reason, folder, as_json=as_json)


@objections.command()
@_of_a_number
@folder_option
@json_option
@errors_as_exit_codes
def lift(authority: str, identifier: str, reason: str, folder: Path, as_json: bool) -> None:
    """Lift an objection: what it stopped is queued again, what it hid is shown, what waited is sent."""
    _say_it(Word.LIFT, authority, identifier, reason, folder, as_json=as_json)


@objections.command("list")
@folder_option
@json_option
@errors_as_exit_codes
def list_objections(folder: Path, as_json: bool) -> None:
    """List the objections that stand, and how many results each is about, by state; whose they are is not shown."""
    with opened(folder) as parts, parts.store("desk").reading() as unit:
        found = [(one, unit.objections.touched(one)) for one in unit.objections.standing()]
    rows = [(one.id, time_text(one.at)[:19] + "Z", one.by, _counted(touched)) for one, touched in found]
    text = table(("OBJECTION", "SINCE", "BY", "RESULTS"), rows) if rows else "nobody objects"
    say([_plain(one, touched) for one, touched in found], text, as_json=as_json)


def _say_it(word: Word, authority: str, identifier: str, reason: str, folder: Path, *, as_json: bool) -> None:
    with opened(folder) as parts:
        store = parts.store("desk")
        line, settled = flow.say(
            word,
            names_of(authority, parts.settings),
            identifier,
            by=operator(),
            reason=reason,
            store=store,
            clock=parts.clock,
        )
        with store.reading() as unit:
            touched = unit.objections.touched(line)
    value = _plain(line, touched) | {"excluded": settled.excluded, "queued_again": settled.requeued}
    say(value, "\n".join(in_words(line, settled, touched)), as_json=as_json)


def in_words(line: Objection, settled: Settled, touched: dict[str, tuple[ResultId, ...]]) -> list[str]:
    """Return what was done, and what a person must look at: results that were delivered before."""
    if line.word is Word.LIFT:
        return [f"lifted: objection {line.id}; {len(settled.requeued)} results are queued again"]
    delivered = touched.get("delivered", ())
    told = [f"recorded: objection {line.id}; {len(settled.excluded)} results are excluded"]
    if delivered:
        told.append(f"{len(delivered)} were delivered before, and stay where they are; look at each, or aval retract:")
    return [*told, *delivered]


def _counted(touched: dict[str, tuple[ResultId, ...]]) -> str:
    return ", ".join(f"{len(found)} {state}" for state, found in sorted(touched.items())) or "none"


def _plain(line: Objection, touched: dict[str, tuple[ResultId, ...]]) -> dict[str, Any]:
    return {
        "id": line.id,
        "word": str(line.word),
        "by": line.by,
        "at": time_text(line.at),
        "results": {state: list(found) for state, found in sorted(touched.items())},
    }
