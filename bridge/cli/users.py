"""``aval users``: local accounts, for the demonstration and for cut-off mode."""

from datetime import timedelta
from pathlib import Path

import click

from bridge.accounts import add_person, current_code
from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, operator, say, table
from bridge.config import ConfigError
from bridge.flows.rights import ENDORSERS
from bridge.wiring.entrance import entrance, open_local
from bridge.wiring.processes import launching, signing
from guarantee.codec import time_text
from guarantee.opinion import Reader
from guarantee.policy import Role


@click.group()
def users() -> None:
    """People who may sign in at the desk."""


@users.command()
@click.argument("login")
@click.option("--name", required=True, help="DICOM form, e.g. MARTIN^Élodie^^Dr")
@click.option("--role", type=click.Choice([str(role) for role in Role]), required=True)
@click.option("--professional-id", required=True, help="IDNPS, i.e. 8 followed by the RPPS number")
@click.option("--no-password", is_flag=True, help="they sign in at the identity provider alone (desk.oidc)")
@click.option("--password", default="", help="asked for when neither is given")
@folder_option
@errors_as_exit_codes
def add(login: str, name: str, role: str, professional_id: str, no_password: bool, password: str, folder: Path) -> None:
    """Add a person, and print the secret for their authenticator; on PostgreSQL, as its owner."""
    if no_password and password:
        raise click.UsageError("--no-password and --password exclude each other")
    if not no_password:
        password = password or click.prompt("Password", hide_input=True, confirmation_prompt=True)
    with opened(folder) as parts:
        with parts.store("desk").reading() as unit:
            if unit.accounts.find(login) is not None:
                raise ConfigError(f"somebody is called {login} already; nothing was changed")
        site = parts.settings.site
        reader = Reader(
            login=login,
            name=name,
            role=Role(role),
            professional_id=professional_id,
            organisation=site.organisation,
            organisation_id=site.organisation_id,
        )
        secret = add_person(reader, password, parts.sign_in)
    click.echo(f"{login} added. Authenticator secret (shown once): {secret}")
    if Role(role) in ENDORSERS:
        click.echo(
            f"{login} may endorse nothing yet. Next, for each model, a member of the AI committee gives the right: "
            f"aval rights grant {login} --model … --major … --evidence …",
            err=True,
        )


@users.command("list")
@folder_option
@json_option
@errors_as_exit_codes
def list_users(folder: Path, as_json: bool) -> None:
    """List the people who may sign in."""
    with opened(folder) as parts, parts.store("desk").reading() as unit:
        people = unit.accounts.all()
    values = [{"login": p.reader.login, "role": str(p.reader.role), "active": p.active} for p in people]
    rows = [(p.reader.login, str(p.reader.role), "open" if p.active else "closed") for p in people]
    say(values, table(("LOGIN", "ROLE", "ACCOUNT"), rows), as_json=as_json)


@users.command()
@click.argument("login")
@folder_option
@errors_as_exit_codes
def code(login: str, folder: Path) -> None:
    """Print the one-time code that LOGIN's authenticator shows now; works offline."""
    with opened(folder) as parts:
        click.echo(current_code(login, parts.sign_in))


@users.command()
@click.argument("login")
@folder_option
@errors_as_exit_codes
def close(login: str, folder: Path) -> None:
    """Close an account: from now on it neither signs in nor endorses; on PostgreSQL, as its owner."""
    with opened(folder) as parts, parts.store("desk").transaction("operator") as unit:
        if not unit.accounts.set_active(login, active=False):
            raise ConfigError(f"nobody is called {login}")
    click.echo(f"{login} is closed")


@users.group()
def local() -> None:
    """Cut-off mode: when accounts may sign in with password and code although there is an identity provider."""


@local.command("open")
@click.option("--hours", type=click.FloatRange(min=0.1, max=168), required=True, help="for how long, a week at most")
@click.option("--reason", required=True, help="why, e.g. the network is down; the journal keeps that it was opened")
@folder_option
@errors_as_exit_codes
def open_accounts(hours: float, reason: str, folder: Path) -> None:
    """Let local accounts sign in for a time; on PostgreSQL, as its owner."""
    with opened(folder) as parts:
        opening = open_local(parts, timedelta(hours=hours), by=operator(), reason=reason)
    click.echo(f"local accounts may sign in until {time_text(opening.until)}")


@local.command("close")
@click.option("--reason", required=True, help="why, e.g. the provider answers again")
@folder_option
@errors_as_exit_codes
def close_accounts(reason: str, folder: Path) -> None:
    """Let local accounts sign in no more; who is signed in stays so until their session ends."""
    with opened(folder) as parts:
        open_local(parts, timedelta(0), by=operator(), reason=reason)
    click.echo("local accounts may sign in no more")


@local.command("show")
@folder_option
@json_option
@errors_as_exit_codes
def show_local(folder: Path, as_json: bool) -> None:
    """Say whether local accounts may sign in now."""
    with opened(folder) as parts:
        ways = entrance(parts, launching(parts, "desk"))
        with parts.store("desk").reading() as unit:
            last = unit.local_openings.last()
        is_open = ways.local()
    value = {"mode": ways.when_local, "open": is_open, "until": None, "by": "", "reason": ""}
    if last is not None:
        value |= {"until": time_text(last.until), "by": last.by, "reason": last.reason}
    say(value, f"{ways.when_local}: {'open' if is_open else 'closed'}", as_json=as_json)


@users.group()
def passkeys() -> None:
    """With what people sign; each adds their own at the desk, under "My means of signature"."""


@passkeys.command("list")
@click.argument("login")
@folder_option
@json_option
@errors_as_exit_codes
def list_passkeys(login: str, folder: Path, as_json: bool) -> None:
    """List the passkeys of LOGIN, revoked ones too."""
    with opened(folder) as parts:
        found = signing(parts).means(login)
    values = [
        {
            "passkey": one.id,
            "name": one.name,
            "algorithm": one.algorithm,
            "added_at": time_text(one.added_at),
            "revoked_at": time_text(one.ended_at) if one.ended_at else None,
        }
        for one in found
    ]
    rows = [(one.id, one.name, one.algorithm, "revoked" if one.ended_at else "in use") for one in found]
    say(values, table(("PASSKEY", "NAME", "ALGORITHM", "STATE"), rows), as_json=as_json)


@passkeys.command("revoke")
@click.argument("passkey")
@click.option("--reason", required=True, help="why, e.g. lost; without a patient's name")
@folder_option
@errors_as_exit_codes
def revoke_passkey(passkey: str, reason: str, folder: Path) -> None:
    """Let a passkey sign nothing from now on, e.g. one that was lost; what it signed before stands."""
    with opened(folder) as parts:
        signing(parts).passkeys.revoke(passkey, by=operator(), reason=reason)
    click.echo(f"{passkey} is revoked")
