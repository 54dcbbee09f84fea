"""``aval models pack | keygen | add | diff``: packages as files, whose they are, and what a new one changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, say, table
from bridge.cli.model_card import change_value
from bridge.config import FILE, ConfigError
from bridge.seal import create_key, lone_ring
from bridge.wiring.parts import Parts
from bridge.wiring.registering import compared, register
from guarantee.opinion import Seal
from guarantee.revalidation import MEANING, TABLE, Comparison, Level, compare
from inference import archive
from inference.card import Package, keep_package, load_package
from inference.facts import facts
from inference.signature import payload, read_signature


@click.command()
@click.argument("package", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "-o", "out", type=click.Path(path_type=Path, dir_okay=False), help=f"by default NAME-VERSION{archive.SUFFIX}, here"
)
@click.option("--key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="private key to sign with")
@errors_as_exit_codes
def pack(package: Path, out: Path | None, key: Path | None) -> None:
    """Write a model package (a folder) as one archive: what its card lists and nothing else, the same bytes anywhere.

    Without --key a signature that lies in the folder goes along.
    """
    loaded = load_package(package)
    target = out or Path(loaded.card.model.id.replace("@", "-") + archive.SUFFIX)
    if target.exists():
        raise ConfigError(f"{target} exists already; nothing was written")
    seal = read_signature(loaded) if key is None else _sign(loaded, key)
    archive.pack(loaded, target, seal)
    click.echo(f"{target}: {loaded.card.model.id}, {f'signed by key {seal.key}' if seal else 'not signed'}")


def _sign(package: Package, key: Path) -> Seal:
    try:
        return lone_ring(key).seal(payload(package))
    except ValueError as error:
        raise ConfigError(f"{key}: not a private key as `aval models keygen` writes it") from error


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@errors_as_exit_codes
def keygen(path: Path) -> None:
    """Make a publisher's key pair: PATH.key, to sign packages with, and PATH.pub, for those who trust them."""
    private = path.with_name(f"{path.name}.key")
    if private.exists():
        raise ConfigError(f"{private} exists already; nothing was changed")
    if (path.parent / "desk.pub").exists():
        raise ConfigError(
            f"{path.parent} holds an installation's own keys, all of which it trusts: choose another folder"
        )
    public = create_key(path)
    click.echo(
        f"{private} signs: keep it away from every installation. Where its packages are trusted, "
        f'{FILE} says:\n[models.publishers]\n{path.name} = "{public}"'
    )


@click.command()
@click.argument("package", type=click.Path(path_type=Path, exists=True))
@folder_option
@errors_as_exit_codes
def add(package: Path, folder: Path) -> None:
    """Check a model package, a folder or an archive, and copy it into the data folder's ``models``.

    Says whose signature it bears, what it changes of the version it follows, and where its life begins.
    """
    with opened(folder) as parts, archive.opened(package, beside=folder / "models") as loaded:
        model = loaded.card.model
        target = folder / "models" / model.id.replace("@", "-")
        if target.exists():
            raise ConfigError(f"{target} exists already; a changed model is a new version")
        origin = parts.publishers.require(loaded)
        change = _make_known(loaded, parts)
        keep_package(loaded, target)
        with parts.store("desk").reading() as unit:
            lines = unit.lives.of(model.id)
    where = f"Its life begins at {lines[-1].stage}" if lines else "`aval migrate` begins its life"
    click.echo(
        f"{model.id} is in {target}. It {origin.said}.\n{_said(change)}\n{where} (aval models advance).\n"
        f"To run it, add that folder to models.packages in {folder / FILE}, name the model in a route, and restart. "
        "Where another version is in routine it gets no work until it is tried (`aval models trial start`) or promoted "
        "(`aval models promote`)."
    )


def _make_known(package: Package, parts: Parts) -> Comparison:
    """Compare ``package``, and make it known where this process may: on PostgreSQL only the database's owner does."""
    with parts.store("desk").reading() as unit:
        change = compared(package, unit)
    if parts.embedded:
        with parts.store("").transaction("register") as unit:
            register(package, parts.publishers.require(package), unit, parts.clock.now())
    return change


@click.command()
@click.argument("before")
@click.argument("after")
@folder_option
@json_option
@errors_as_exit_codes
def diff(before: str, after: str, folder: Path, as_json: bool) -> None:
    """Say what changes from BEFORE to AFTER (name@version, a folder or an archive), and what must be shown again."""
    with opened(folder) as parts, _found(before, parts) as one, _found(after, parts) as other:
        change = compare(facts(one), facts(other))
    rows = [
        (str(row.facet), "changed" if row.facet in change.changed else "same", str(row.level), row.holds)
        for row in TABLE
    ]
    text = f"{table(('PART', '', 'ASKS FOR', 'WHAT IT IS'), rows)}\n\n{_said(change)}"
    say(change_value(change), text, as_json=as_json)


@contextmanager
def _found(word: str, parts: Parts) -> Iterator[Package]:
    package = parts.catalogue.package(word)
    if package is not None:
        yield package
    elif Path(word).exists():
        with archive.opened(Path(word)) as unpacked:
            yield unpacked
    else:
        raise ConfigError(f"{word}: neither a version that `aval models list` prints nor a package")


def _said(change: Comparison) -> str:
    if not change.before:
        return f"No version of it was known. Re-validation: {change.level} ({MEANING[Level.NEW_MODEL]})."
    parts = ", ".join(change.changed) or "nothing that is compared"
    return f"Changed since {change.before}: {parts}. Re-validation: {change.level} ({MEANING[change.level]})."
