"""``aval models``: what runs here, and whether its bytes are those of its card."""

import shutil
import sys
from pathlib import Path

import click

from bridge.cli.common import FAULT_FOUND, errors_as_exit_codes, folder_option, json_option, opened, say, table
from bridge.config import FILE, ConfigError
from bridge.wiring.models import host_options
from inference.card import load_package
from inference.errors import PackageRefused


@click.group()
def models() -> None:
    """The models of this installation."""


@models.command("list")
@folder_option
@json_option
@errors_as_exit_codes
def list_models(folder: Path, as_json: bool) -> None:
    """List the models that run here."""
    with opened(folder) as parts:
        cards = parts.catalogue.cards()
    values = [
        {
            "id": card.model.id,
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
    rows = [(c.model.id, str(c.kind), c.regulatory.status, str(c.mode), c.model.digest[:12], c.label.en) for c in cards]
    say(values, table(("MODEL", "KIND", "STATUS", "MODE", "DIGEST", "LABEL"), rows), as_json=as_json)


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
    card = load_package(package).card
    target = folder / "models" / card.model.id.replace("@", "-")
    if target.exists():
        raise ConfigError(f"{target} exists already; a changed model is a new version")
    shutil.copytree(package, target)
    click.echo(
        f"{card.model.id} is in {target}. To run it, add that folder to models.packages in {folder / FILE}, "
        "name the model in a route, and restart."
    )
