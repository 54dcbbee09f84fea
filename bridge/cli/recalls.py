"""``aval withdrawals``, and the part of ``aval retract`` that takes many results back."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from bridge.accounts import verify_code
from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, operator, say, table
from bridge.config import ConfigError
from bridge.db.recalls import Progress
from bridge.flows import recall as flow
from bridge.wiring.parts import Parts
from bridge.wiring.processes import review_tools
from guarantee.codec import time_text
from guarantee.errors import Absent
from guarantee.ids import ResultId
from guarantee.recalls import Recall

RESULTS_MAX: Final = 100_000
"""Most results of one order: a file of them is read into memory, and one is withdrawn in some tens of milliseconds."""


NOTICES_MAX: Final = 1_000
"""Most notices that are listed at once, the oldest first."""


@click.group()
def withdrawals() -> None:
    """Results that are taken back together, and how far that has come."""


@withdrawals.command("list")
@click.option("--limit", default=20, show_default=True)
@folder_option
@json_option
@errors_as_exit_codes
def list_recalls(limit: int, folder: Path, as_json: bool) -> None:
    """List the last orders, the newest first."""
    with opened(folder) as parts, parts.store("desk").reading() as unit:
        known = [unit.recalls.progress(recall) for recall in unit.recalls.all(limit)]
    lines = [(one.recall.id, _percent(one), str(one.recall.many), str(one.recall.reason), _who(one)) for one in known]
    text = table(("ORDER", "PROVED", "RESULTS", "REASON", "BY"), lines) if lines else "nothing was taken back together"
    say([_plain(one) for one in known], text, as_json=as_json)


@withdrawals.command()
@click.argument("order")
@folder_option
@json_option
@errors_as_exit_codes
def show(order: str, folder: Path, as_json: bool) -> None:
    """Show how far one order has come; the first characters of its identifier are enough."""
    with opened(folder) as parts:
        say_progress(_find(order, parts), parts, as_json=as_json)


@withdrawals.command("go-on")
@click.argument("order")
@folder_option
@json_option
@errors_as_exit_codes
def go_on(order: str, folder: Path, as_json: bool) -> None:
    """Withdraw what is left of an order: what was broken off, or could not be taken back when it was tried."""
    with opened(folder) as parts:
        found = _find(order, parts)
        flow.carry_out(found.id, review_tools(parts))
        say_progress(found, parts, as_json=as_json)


@withdrawals.command()
@click.argument("login")
@folder_option
@json_option
@errors_as_exit_codes
def notices(login: str, folder: Path, as_json: bool) -> None:
    """List what a person was shown, somebody else took back since, and they have not read so."""
    with opened(folder) as parts, parts.store("desk").reading() as unit:
        told = unit.recalls.notices(login, NOTICES_MAX)
    lines = [(one.result, str(one.reason), time_text(one.at)[:19] + "Z") for one in told]
    text = table(("RESULT", "REASON", "TAKEN BACK"), lines) if lines else "nothing to read"
    say([asdict(one) for one in told], text, as_json=as_json)


@withdrawals.command()
@click.argument("result_id")
@click.option("--as", "who", nargs=2, required=True, metavar="LOGIN CODE", help="who has read it, with their code")
@folder_option
@errors_as_exit_codes
def acknowledge(result_id: str, who: tuple[str, str], folder: Path) -> None:
    """Say that one has read that a result was taken back."""
    with opened(folder) as parts:
        reader = verify_code(who[0], who[1], parts.sign_in)
        with parts.store("desk").transaction(f"desk:{reader.login}") as unit:
            unit.recalls.acknowledge(ResultId(result_id), reader.login, parts.clock.now())
    click.echo(f"{reader.login} has read that {result_id} was taken back")


def read_selected(path: Path) -> tuple[str, tuple[ResultId, ...]]:
    """Return how the results of a file were found, and their identifiers: as `aval results select --out` writes them.

    Raises:
        ConfigError: none, or too many.
    """
    with path.open(encoding="utf-8") as lines:
        said = [line.strip() for line in lines if line.strip()]
    criteria = next((line.removeprefix("#").strip() for line in said if line.startswith("#")), "")
    found = tuple(ResultId(line) for line in said if not line.startswith("#"))
    if not 0 < len(found) <= RESULTS_MAX:
        raise ConfigError(f"{path} names {len(found)} results; an order is about 1 to {RESULTS_MAX}")
    return criteria, found


def take_back(results: tuple[ResultId, ...], said: flow.Order, parts: Parts, *, as_json: bool) -> None:
    """Give an order, carry it out, and say how far it came."""
    tools = review_tools(parts)
    try:
        made = flow.order(results, said, tools)
    except Absent:
        raise ConfigError("a result of the list does not exist here; nothing was ordered") from None
    flow.carry_out(made.id, tools)
    say_progress(made, parts, as_json=as_json)


def people(who: tuple[tuple[str, str] | None, tuple[str, str] | None], parts: Parts) -> tuple[str, str]:
    """Return the logins of those who order; the operator alone when nobody is named.

    Raises:
        NotEntitled: login or one-time code is wrong.
    """
    first, second = (verify_code(one[0], one[1], parts.sign_in).login if one else "" for one in who)
    return first or operator(), second


def say_progress(recall: Recall, parts: Parts, *, as_json: bool) -> None:
    """Print how far an order has come."""
    with parts.store("desk").reading() as unit:
        known = unit.recalls.progress(recall)
    say(_plain(known), "\n".join(_story(known)), as_json=as_json)


def _find(prefix: str, parts: Parts) -> Recall:
    with parts.store("desk").reading() as unit:
        names = unit.recalls.find(prefix)
        found = unit.recalls.get(names[0]) if len(names) == 1 else None
    if found is None:
        raise ConfigError(f"{len(names) or 'no'} orders begin with {prefix!r}; see `aval withdrawals list`")
    return found


def _percent(known: Progress) -> str:
    return f"{100 * known.proved // known.recall.many} %"


def _who(known: Progress) -> str:
    return " and ".join(one for one in (known.recall.by, known.recall.second) if one)


def _why(known: Progress) -> str:
    reason, comment = str(known.recall.reason), known.recall.comment
    return reason if comment in {"", reason} else f"{reason}, {comment}"


def _story(known: Progress) -> list[str]:
    recall = known.recall
    lines = [
        f"order      {recall.id}",
        f"given      {time_text(recall.at)[:19]}Z by {_who(known)}: {_why(known)}",
        f"withdrawn  {known.withdrawn} of {recall.many}; proved everywhere {known.proved} ({_percent(known)})",
        *([f"found by   {recall.criteria}"] if recall.criteria else []),
        *([f"copies     {recall.copies}"] if recall.copies else []),
        *(
            f"{place}: {', '.join(f'{n} {state}' for state, n in sorted(of.items()))}"
            for place, of in known.states.items()
        ),
    ]
    if known.unresolved:
        rows = [
            (one.result, one.destination or "(not withdrawn)", one.cause.code, one.cause.detail)
            for one in known.unresolved
        ]
        lines += ["", table(("UNRESOLVED", "WHERE", "CAUSE", "DETAIL"), rows)]
    if known.shown:
        rows_of = [(login, str(many), str(read)) for login, (many, read) in known.shown.items()]
        lines += ["", table(("WAS SHOWN THEM", "RESULTS", "HAS READ OF IT"), rows_of)]
    return lines


def _plain(known: Progress) -> dict[str, Any]:
    recall = known.recall
    return {
        "order": recall.id,
        "at": time_text(recall.at),
        "by": recall.by,
        "second": recall.second,
        "reason": str(recall.reason),
        "comment": recall.comment,
        "criteria": recall.criteria,
        "copies": recall.copies,
        "total": recall.many,
        "withdrawn": known.withdrawn,
        "proved": known.proved,
        "destinations": known.states,
        "unresolved": [asdict(one) for one in known.unresolved],
        "shown": {login: {"results": many, "read": read} for login, (many, read) in known.shown.items()},
    }
