"""``aval rights``: who may endorse which model, where, until when; given by the AI committee, ended by anybody."""

from collections import Counter
from datetime import datetime, timedelta
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
from bridge.config import ConfigError
from bridge.flows import rights as flow
from bridge.flows.rights import Wish
from bridge.wiring.rights import house_of
from bridge.wiring.rights_table import RightsMalformed, day, read_table
from guarantee.codec import time_text
from guarantee.habilitation import Act, Grant, Rights, Standing
from guarantee.preparation import Outcome

granter_options = (
    click.option("--as", "granter", required=True, metavar="LOGIN", help="member of the AI committee who gives it"),
    click.option("--code", required=True, help="their one-time code"),
)


def _by_the_committee(function: click.decorators.FC) -> click.decorators.FC:
    for option in reversed(granter_options):
        function = option(function)
    return function


@click.group()
def rights() -> None:
    """Who may endorse what. Without a right nobody sees a draft, and nothing of theirs is sent."""


@rights.command()
@click.argument("person", metavar="LOGIN")
@click.option("--model", required=True, help="name of the model")
@click.option("--major", required=True, help="major version, e.g. 1; another one needs another right")
@click.option("--site", default="", help="where; this installation's site when left out")
@click.option("--evidence", required=True, help="what shows that they can: module, date, score, supervised cases")
@click.option(
    "--act",
    type=click.Choice([str(act) for act in Act]),
    default=str(Act.ENDORSE),
    show_default=True,
    help="prepare: a learner's right, whose answers wait for somebody to co-sign them",
)
@click.option("--until", default="", metavar="DAY", help="e.g. 2027-06-30; a year from now when left out, never longer")
@_by_the_committee
@folder_option
@errors_as_exit_codes
def grant(  # noqa: PLR0913 - one parameter for each option
    *,
    person: str,
    model: str,
    major: str,
    site: str,
    evidence: str,
    act: str,
    until: str,
    granter: str,
    code: str,
    folder: Path,
) -> None:
    """Give LOGIN the right to endorse a model, or to prepare for a co-signature; on PostgreSQL, as its owner."""
    with opened(folder) as parts:
        wish = Wish(
            person=person,
            model=model,
            major=major,
            site=site or parts.settings.site.name,
            evidence=evidence,
            until=day(until),
            act=Act(act),
        )
        fault = house_of(parts).fault(wish)
        if fault:
            raise ConfigError(f"{fault}; nothing was given")
        by = verify_code(granter, code, parts.sign_in)
        (given,) = flow.give([wish], by=by, store=parts.store("desk"), clock=parts.clock)
    click.echo(f"{given.person} may {given.act} {_what(given)} until {_day(given.until)}: right {given.id}")


@rights.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--dry-run", is_flag=True, help="say what is wrong, and give nothing")
@_by_the_committee
@folder_option
@errors_as_exit_codes
def import_(file: Path, dry_run: bool, granter: str, code: str, folder: Path) -> None:
    """Give the rights of a CSV table: all of them, or none when a line is wrong; on PostgreSQL, as its owner."""
    with opened(folder) as parts:
        try:
            wishes = read_table(file, house_of(parts), by=granter, now=parts.clock.now())
        except RightsMalformed as wrong:
            for fault in wrong.faults:
                click.echo(fault, err=True)
            raise
        if dry_run:
            click.echo(f"{len(wishes)} rights could be given; none was")
            return
        by = verify_code(granter, code, parts.sign_in)
        given = flow.give(wishes, by=by, store=parts.store("desk"), clock=parts.clock)
    click.echo(f"{len(given)} rights given")


@rights.command()
@click.argument("right", metavar="RIGHT")
@click.option("--reason", required=True, help="why; kept with the revocation")
@click.option(
    "--decisions-stand", is_flag=True, help="what they signed is still sent: they left, and did nothing wrong"
)
@folder_option
@errors_as_exit_codes
def revoke(right: str, reason: str, decisions_stand: bool, folder: Path) -> None:
    """End RIGHT (the beginning of its identifier) now. What was signed under it and is not sent yet stays here."""
    with opened(folder) as parts:
        store = parts.store("desk")
        ended = flow.revoke(
            right, by=operator(), reason=reason, holds=not decisions_stand, store=store, clock=parts.clock
        )
        with store.reading() as unit:
            used = unit.habilitations.used(ended.id)
    click.echo(f"{ended.person} may no longer {ended.act} {_what(ended)}")
    if used:
        click.echo(f"{len(used)} results were endorsed under it; look back: aval rights used {ended.id}")


@rights.command("revoke-all")
@click.option("--model", required=True, help="name of the model")
@click.option("--major", required=True, help="major version")
@click.option("--reason", required=True, help="why, e.g. the incident; kept with each revocation")
@click.option("--decisions-stand", is_flag=True, help="what was signed is still sent")
@folder_option
@errors_as_exit_codes
def revoke_all(model: str, major: str, reason: str, decisions_stand: bool, folder: Path) -> None:
    """End everybody's right to a major version, after an incident: they learn it anew, and are given it again."""
    with opened(folder) as parts:
        ended = flow.revoke_all(
            model,
            major,
            by=operator(),
            reason=reason,
            holds=not decisions_stand,
            store=parts.store("desk"),
            clock=parts.clock,
        )
    click.echo(f"{len(ended)} rights to endorse {model} {major} ended; stop the model too if nobody should wait for it")


@rights.command()
@click.argument("right", metavar="RIGHT")
@folder_option
@json_option
@errors_as_exit_codes
def used(right: str, folder: Path, as_json: bool) -> None:
    """List the results that were endorsed under RIGHT, the look-back after a revocation."""
    with opened(folder) as parts, parts.store("desk").reading() as unit:
        grant = flow.meant(right, unit)
        found = unit.habilitations.used(grant.id)
    values = [{"result": result, "state": state, "signed_at": at} for result, state, at in found]
    say(values, table(("RESULT", "STATE", "SIGNED"), found), as_json=as_json)


@rights.command()
@click.argument("person", metavar="LOGIN")
@folder_option
@json_option
@errors_as_exit_codes
def supervised(person: str, folder: Path, as_json: bool) -> None:
    """Count the cases that LOGIN prepared: co-signed as they stood, decided otherwise, waiting. Evidence for a right.

    For the committee that gives the right to endorse, and for nothing else: no page shows how a person compares.
    """
    with opened(folder) as parts, parts.store("desk").reading() as unit:
        cases = unit.preparations.supervised(person)
    counts: dict[tuple[str, str], Counter[Outcome]] = {}
    for case in cases:
        counts.setdefault((case.model, case.major), Counter())[case.outcome] += 1
    values = [
        {"model": model, "major": major, "prepared": found.total()} | {str(what): found[what] for what in Outcome}
        for (model, major), found in sorted(counts.items())
    ]
    head = ("MODEL", "PREPARED", *(str(what).upper() for what in Outcome))
    rows = [
        (f"{value['model']} {value['major']}", str(value["prepared"]), *(str(value[str(what)]) for what in Outcome))
        for value in values
    ]
    say(values, table(head, rows), as_json=as_json)


@rights.command("list")
@click.option("--person", default="", metavar="LOGIN", help="only theirs")
@click.option("--expiring", type=click.IntRange(1, 366), metavar="DAYS", help="only those that end within so many days")
@folder_option
@json_option
@errors_as_exit_codes
def list_(person: str, expiring: int | None, folder: Path, as_json: bool) -> None:
    """List rights, those that ended too; leaves with 1 when --expiring finds any."""
    with opened(folder) as parts:
        now = parts.clock.now()
        with parts.store("desk").reading() as unit:
            known = unit.habilitations.all()
    soon = now + timedelta(days=expiring) if expiring else None
    shown = [
        grant
        for grant in known.grants
        if person in {"", grant.person}
        and (soon is None or (known.standing(grant, now) is Standing.IN_FORCE and grant.until <= soon))
    ]
    values = [_plain(grant, known, now) for grant in shown]
    head = ("RIGHT", "PERSON", "ACT", "MODEL", "SITE", "UNTIL", "STANDS", "GIVEN BY", "EVIDENCE")
    rows = [
        (
            *(grant.id[:8], grant.person, str(grant.act), f"{grant.model} {grant.major}", grant.site),
            *(_day(grant.until), value["stands"], grant.by, grant.evidence),
        )
        for grant, value in zip(shown, values, strict=True)
    ]
    say(values, table(head, rows), as_json=as_json)
    if expiring and shown:
        raise SystemExit(FAULT_FOUND)


def _plain(grant: Grant, known: Rights, now: datetime) -> dict[str, str]:
    return {
        "id": grant.id,
        "person": grant.person,
        "model": grant.model,
        "major": grant.major,
        "site": grant.site,
        "act": str(grant.act),
        "evidence": grant.evidence,
        "by": grant.by,
        "since": time_text(grant.since),
        "until": time_text(grant.until),
        "stands": str(known.standing(grant, now)),
    }


def _what(grant: Grant) -> str:
    return f"{grant.model} {grant.major} at {grant.site}"


def _day(at: datetime) -> str:
    return time_text(at)[:10]
