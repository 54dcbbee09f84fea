"""``aval models``: what runs here, where each version stands, and whether its bytes are those of its card."""

import sys
from pathlib import Path

import click

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
from bridge.cli.rollout import promote, rollback, trial
from bridge.config import FILE, ConfigError
from bridge.flows import retire as flow
from bridge.web.model_words import STATES
from bridge.wiring.models import host_options, language_of, lives, require_unrouted
from bridge.wiring.parts import Parts
from bridge.wiring.versions import in_routine
from inference.card import Package, keep_package, load_package
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
            str(card.kind),
            card.regulatory.status,
            str(card.mode),
            card.model.digest[:12],
            standing[card.model.id].why or card.label.en,
        )
        for card in cards
    ]
    head = ("MODEL", "STATE", "KIND", "STATUS", "MODE", "DIGEST", "LABEL, OR WHY")
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
        with parts.store("desk").reading() as unit:
            known = unit.registry.model(version)
        if known is None:
            raise ConfigError(f"{version} was never known here: give name@version, as `aval models list` prints it")
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
@click.argument("package", type=click.Path(path_type=Path, exists=True, file_okay=False))
@folder_option
@errors_as_exit_codes
def add(package: Path, folder: Path) -> None:
    """Check a model package (card.yaml, model.onnx, …) and copy it into the data folder's ``models``."""
    loaded = load_package(package)
    card = loaded.card
    target = folder / "models" / card.model.id.replace("@", "-")
    if target.exists():
        raise ConfigError(f"{target} exists already; a changed model is a new version")
    keep_package(loaded, target)
    click.echo(
        f"{card.model.id} is in {target}. To run it, add that folder to models.packages in {folder / FILE}, "
        "name the model in a route, and restart. Where another version is in routine it gets no work until it is tried "
        "(`aval models trial start`) or promoted (`aval models promote`)."
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
