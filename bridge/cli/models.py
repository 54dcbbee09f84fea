"""``aval models``: what runs here, where each version stands, and whether its bytes are those of its card."""

import sys
from pathlib import Path

import click

from bridge.accounts import verify_code
from bridge.cli.common import (
    FAULT_FOUND,
    errors_as_exit_codes,
    folder_option,
    json_option,
    opened,
    operator,
    say,
    table,
)
from bridge.cli.compare import compare
from bridge.cli.drift import drift
from bridge.cli.model_card import card_text, card_value
from bridge.cli.model_packages import add, diff, keygen, pack
from bridge.cli.rollout import promote, rollback, trial
from bridge.config import ConfigError
from bridge.flows import advance as stages
from bridge.flows import retire as flow
from bridge.web.model_words import STATES
from bridge.wiring.models import host_options, language_of, lives, require_unrouted
from bridge.wiring.parts import Parts
from bridge.wiring.versions import in_routine
from guarantee.lifecycle import STAGES, Stage
from inference.card import Package
from inference.errors import PackageRefused


@click.group()
def models() -> None:
    """The models of this installation."""


for _verb in (compare, drift, promote, rollback, trial):
    models.add_command(_verb)


@models.command("list")
@folder_option
@json_option
@errors_as_exit_codes
def list_models(folder: Path, as_json: bool) -> None:
    """List the models of this installation, and where each version stands in its life."""
    with opened(folder) as parts:
        cards, standing = parts.catalogue.cards(), lives(parts)
    values = [
        {
            "id": card.model.id,
            "state": str(standing[card.model.id].state),
            "why": standing[card.model.id].why,
            "stage": standing[card.model.id].stage,
            "origin": standing[card.model.id].origin.word,
            "revalidation": str(standing[card.model.id].change.level),
            "routes": list(standing[card.model.id].routes),
            "label": {"fr": card.label.fr, "en": card.label.en},
            "kind": str(card.kind),
            "digest": card.model.digest,
            "card": card.model.card,
            "regulatory": card.regulatory.status,
            "mode": str(card.mode),
            "licence": card.licence,
            "needs": [str(trait) for trait in card.needs],
            "burned_in": str(card.burned_in),
        }
        for card in cards
    ]
    rows = [
        (
            card.model.id,
            STATES[standing[card.model.id].state],
            str(standing[card.model.id].stage or "–"),
            str(card.kind),
            card.regulatory.status,
            str(card.mode),
            card.model.digest[:12],
            standing[card.model.id].why or card.label.en,
        )
        for card in cards
    ]
    head = ("MODEL", "STATE", "STAGE", "KIND", "STATUS", "MODE", "DIGEST", "LABEL, OR WHY")
    say(values, table(head, rows), as_json=as_json)


@models.command()
@click.argument("model")
@click.option("--lang", type=click.Choice(["fr", "en"]), default=None, help="by default the language of the site")
@folder_option
@json_option
@errors_as_exit_codes
def show(model: str, lang: str | None, folder: Path, as_json: bool) -> None:
    """Show the card of MODEL (a name, or name@version): what it is for, its limits, its digests, where it stands."""
    with opened(folder) as parts:
        package = _package(model, parts)
        life = lives(parts)[package.card.model.id]
        language = language_of(parts.settings, lang)
        say(card_value(package, life), card_text(package, life, language), as_json=as_json)


@models.command()
@click.argument("version")
@click.option("--reason", required=True, help="why; it is shown wherever the version is")
@click.option("--although-routed", is_flag=True, help="even while a route sends work to it")
@folder_option
@errors_as_exit_codes
def retire(version: str, reason: str, although_routed: bool, folder: Path) -> None:
    """End VERSION (name@version) for ever: no new draft; what is queued is excluded, drafts that wait are reviewed."""
    with opened(folder) as parts:
        _require_known(version, parts)
        if not although_routed:
            require_unrouted(version, parts)
        flow.retire(version, by=operator(), reason=reason, store=parts.store("desk"), clock=parts.clock)
    click.echo(f"retired: {version}")


@models.command()
@folder_option
@json_option
@errors_as_exit_codes
def verify(folder: Path, as_json: bool) -> None:
    """Check digests, graphs and golden cases of every model."""
    with opened(folder) as parts:
        try:
            count = len(parts.catalogue.cards())
            faults = parts.catalogue.verify(golden=host_options(parts.settings))
        except PackageRefused as refusal:  # a package that cannot even be loaded; the others are not looked at
            count, faults = 0, [str(refusal)]
    say({"models": count, "faults": faults}, "\n".join(faults) or f"{count} models hold", as_json=as_json)
    sys.exit(FAULT_FOUND if faults else 0)


@models.command()
@click.argument("version")
@click.option(
    "--to", type=click.Choice([str(stage) for stage in STAGES[1:]]), required=True, help="the next stage, or back"
)
@click.option("--as", "login", required=True, metavar="LOGIN", help="who signs for it")
@click.option("--code", required=True, help="their one-time code")
@click.option("--reason", required=True, help="why; the journal keeps who, and this stays beside it")
@folder_option
@errors_as_exit_codes
def advance(version: str, to: str, login: str, code: str, reason: str, folder: Path) -> None:
    """Sign for the next stage of VERSION (name@version), or for going back one. Into routine: aval models promote."""
    with opened(folder) as parts:
        _require_known(version, parts)
        by = verify_code(login, code, parts.sign_in)
        line = stages.advance(version, Stage(to), by=by, reason=reason, store=parts.store("desk"), clock=parts.clock)
    click.echo(f"{version}: {line.stage}")


for command in (add, diff, keygen, pack):
    models.add_command(command)


def _require_known(version: str, parts: Parts) -> None:
    with parts.store("desk").reading() as unit:
        if unit.registry.model(version) is None:
            raise ConfigError(
                f"{version} was never known here: give name@version, as `aval models list` prints it; `aval migrate` "
                "makes known what models.packages names"
            )


def _package(model: str, parts: Parts) -> Package:
    """Return the package of a version, or of the version in routine of a name."""
    with parts.store("desk").reading() as unit:
        rollout = unit.rollouts.now()
    card = parts.catalogue.card_of(model) or in_routine(model, rollout, parts)
    package = parts.catalogue.package(card.model.id) if card else None
    if package is None:
        raise ConfigError(f"{model} is not installed here: `aval models list` prints what is")
    return package
