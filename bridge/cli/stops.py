"""``aval stop`` and ``aval resume``."""

from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Final

import click

from bridge.accounts import verify_code
from bridge.cli.common import errors_as_exit_codes, folder_option, opened, operator
from bridge.flows import stop as flow
from bridge.wiring.models import examine
from bridge.wiring.parts import Parts
from bridge.wiring.sources import senders
from guarantee.errors import NotEntitled
from guarantee.stops import Scope, require_may_resume

NAMES_MAX: Final = 10
"""Most names that are listed when none is close to what somebody typed."""

_SCOPES = (("model", Scope.MODEL), ("version", Scope.VERSION), ("site", Scope.SITE), ("device", Scope.DEVICE))


def scope_options(function: click.decorators.FC) -> click.decorators.FC:
    """Add the options that say what is meant."""
    for option in (
        click.option("--model", help="every version of a model, by name"),
        click.option("--version", help="one version, as name@version"),
        click.option("--site", help="everything at one site"),
        click.option("--device", help="everything computed from what this sender sent, by its name in aval.toml"),
        click.option("--all", "everything", is_flag=True, help="every model"),
        click.option("--reason", required=True, help="why; the journal keeps it"),
    ):
        function = option(function)
    return function


def _scope(chosen: dict[str, str | None], *, everything: bool) -> tuple[Scope, str]:
    named = [(scope, chosen[name]) for name, scope in _SCOPES if chosen[name]]
    if len(named) + everything != 1:
        raise click.UsageError("say exactly one of --model, --version, --site, --device, --all")
    return (Scope.ALL, "") if everything else (named[0][0], str(named[0][1]))


@click.command()
@scope_options
@folder_option
@errors_as_exit_codes
def stop(*, everything: bool, reason: str, folder: Path, **chosen: str | None) -> None:
    """Stop a model now: nothing of it is decided or sent until two people resume it."""
    scope, target = _scope(chosen, everything=everything)
    with opened(folder) as parts:
        line = flow.stop(scope, target, by=operator(), reason=reason, store=parts.store("desk"), clock=parts.clock)
        known = _known(scope, parts)
    click.echo(f"stopped: {line.scope} {line.target}".rstrip())
    if known and target not in known:
        close = get_close_matches(target, known, n=3, cutoff=0.4) or sorted(known)[:NAMES_MAX]
        click.echo(f"aval: no {scope} is called {target!r} here; did you mean {', '.join(close)}?", err=True)


def _known(scope: Scope, parts: Parts) -> set[str]:
    """Return the names that mean something; empty where nobody can say. The stop is in force whatever they are."""
    match scope:
        case Scope.DEVICE:
            return senders(parts.settings)
        case Scope.MODEL:
            return {card.model.name for card in parts.catalogue.cards()}
        case Scope.VERSION:
            return {card.model.id for card in parts.catalogue.cards()}
        case _:
            return set()


@click.command()
@scope_options
@click.option("--as", "first", required=True, metavar="LOGIN", help="first person")
@click.option("--code", required=True, help="their one-time code")
@click.option("--second", required=True, metavar="LOGIN", help="second person")
@click.option("--second-code", required=True, help="their one-time code")
@folder_option
@errors_as_exit_codes
def resume(
    *,
    everything: bool,
    reason: str,
    first: str,
    code: str,
    second: str,
    second_code: str,
    folder: Path,
    **chosen: str | None,
) -> None:
    """Resume what was stopped: two named people, each with their one-time code, once its golden cases come out."""
    scope, target = _scope(chosen, everything=everything)
    with opened(folder) as parts:
        one = verify_code(first, code, parts.sign_in)
        other = verify_code(second, second_code, parts.sign_in)
        if one.login == other.login:
            raise NotEntitled("two different people resume what was stopped")
        require_may_resume(one.role, other.role)
        flow.resume(
            scope,
            target,
            by=one.login,
            second=other.login,
            reason=reason,
            examine=partial(examine, parts=parts),
            store=parts.store("desk"),
            clock=parts.clock,
        )
    click.echo(f"resumed: {scope} {target}".rstrip())
