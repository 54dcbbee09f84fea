"""``aval models promote | rollback | trial``: which version works for patients, and which one is tried beside it."""

import secrets
from pathlib import Path
from typing import Any

import click

from bridge.accounts import verify_code
from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, operator, say, table
from bridge.config import ConfigError
from bridge.flows import rollout as flow
from bridge.wiring.parts import Parts
from bridge.wiring.versions import require_usable
from guarantee.result import Mode
from guarantee.rollout import SEED_CHARS, SHARE_MAX, Appointment, Step, Trial, TrialEnd
from guarantee.states import ResultState

_WORK = {
    "queued": {ResultState.QUEUED},
    "awaiting review": {ResultState.AWAITING_REVIEW},
    "endorsed, on the way": {ResultState.VALIDATED, ResultState.AMENDED},
    "delivered": {ResultState.DELIVERED},
}
"""How the work of a version is told when it is left."""

_GOING_ON = {
    False: ("queued", "awaiting review", "endorsed, on the way"),
    True: ("endorsed, on the way",),
}
"""What of the version that was left goes on, and whether it was gone back from; what else waits is given back then."""

reason_option = click.option("--reason", required=True, help="why; it is kept beside the journal's line")


def _word(reason: str) -> flow.Word:
    return flow.Word(by=operator(), reason=reason)


@click.command()
@click.argument("version")
@click.option("--as", "first", required=True, metavar="LOGIN", help="who asks for it")
@click.option("--code", required=True, help="their one-time code")
@click.option("--second", required=True, metavar="LOGIN", help="who grants it: a radiologist or clinician")
@click.option("--second-code", required=True, help="their one-time code")
@reason_option
@folder_option
@json_option
@errors_as_exit_codes
def promote(
    version: str,
    first: str,
    code: str,
    second: str,
    second_code: str,
    reason: str,
    folder: Path,
    as_json: bool,
) -> None:
    """Put VERSION (name@version) in routine, from pilot: new work goes to it, and trials of that model are over.

    Two named people, each with their one-time code; who grants it asked for none of its earlier stages.
    """
    with opened(folder) as parts:
        require_usable(version, parts)
        one = verify_code(first, code, parts.sign_in)
        other = verify_code(second, second_code, parts.sign_in)
        done = flow.promote(version, one, other, reason=reason, store=parts.store("desk"), clock=parts.clock)
    _tell(done, as_json=as_json)


@click.command()
@click.argument("name")
@reason_option
@click.option("--stop", "and_stop", is_flag=True, help="also stop the version that is left: nothing of it goes out")
@click.option("--further", is_flag=True, help="go back once more, from a version that was itself gone back to")
@click.option("--dry-run", is_flag=True, help="say what would be, and do nothing")
@folder_option
@json_option
@errors_as_exit_codes
def rollback(name: str, reason: str, and_stop: bool, further: bool, dry_run: bool, folder: Path, as_json: bool) -> None:
    """Put the version of NAME before the present one in routine again, at once; trials of that model are over.

    One person says so: back is the safe direction. Two people promote.

    What the version that is left has queued or drafted, and nobody decided, is given to the version before within
    seconds, as out of date with that cause; what it released stays. All is counted here. --stop holds what it sends.
    """
    with opened(folder) as parts:
        store = parts.store("desk")
        with store.reading() as unit:
            lines = {line.seq: line for line in unit.rollouts.appointments(name)}
        present = lines[max(lines)] if lines else None
        if present is not None and present.below is not None:
            require_usable(lines[present.below].model, parts)
        if dry_run:
            done = flow.foresee(name, _word(reason), further=further, store=store, clock=parts.clock)
        else:
            done = flow.roll_back(name, _word(reason), stop=and_stop, further=further, store=store, clock=parts.clock)
    _tell(done, as_json=as_json, dry_run=dry_run)


def _tell(done: flow.Replaced, *, as_json: bool, dry_run: bool = False) -> None:
    work = _told_work(done.work)
    value = {
        "in_routine": done.line.model,
        "step": str(done.line.step),
        "left": done.left,
        "trials_over": [trial.id for trial in done.ended],
        "work_left": work,
        "stopped": done.stopped,
    }
    back = done.line.step is Step.ROLLBACK
    given = sum(work.get(what, 0) for what in ("queued", "awaiting review")) if back else 0
    if back:
        value |= {"given_back": given, "dry_run": dry_run}
    lines = [f"in routine: {done.line.model}"]
    if dry_run:
        lines = [f"nothing was done. In routine would be: {done.line.model}, and"]
    lines += [f"trial {trial.id[:8]} of {trial.model} is over" for trial in done.ended]
    if done.left:
        lines += [f"{done.left}: {', '.join(f'{count} {what}' for what, count in work.items()) or 'no work'}"]
    if done.stopped:
        lines += [f"{done.left} is stopped: nothing of it is computed, decided or sent"]
    elif any(work.get(what) for what in _GOING_ON[back]):
        lines += [
            f"What {'is on its way' if back else 'waits'} goes on. "
            f"To hold it: aval stop --version {done.left} --reason …"
        ]
    if given:
        lines += [
            f"{given} that nobody decided: given to {done.line.model} within seconds, unless it had looked already"
        ]
    if work.get("delivered"):
        lines += ["What was delivered stays where it is: aval results list --state delivered; aval retract"]
    say(value, "\n".join(lines), as_json=as_json)


def _told_work(work: Any) -> dict[str, int]:
    """Return how many results there are of care in each standing that a person asks about, and in shadow mode."""
    told = {
        what: sum(count for (mode, state), count in work.items() if mode is Mode.CARE and state in states)
        for what, states in _WORK.items()
    }
    told["in shadow mode"] = sum(count for (mode, _), count in work.items() if mode is Mode.SHADOW)
    return {what: count for what, count in told.items() if count}


# ------------------------------------------------------------------------------------------------------------ trials


@click.group()
def trial() -> None:
    """Versions that are tried beside the one in routine."""


@trial.command()
@click.argument("version")
@click.option("--against", default="", metavar="VERSION", help="the version in routine; refused when another one is")
@click.option("--shadow", is_flag=True, help="both versions look at each case; the one without care in shadow mode")
@click.option("--canary", type=click.IntRange(1, SHARE_MAX), default=None, metavar="PERCENT", help="get it for care")
@click.option("--site", default="", help="only cases of this site")
@reason_option
@folder_option
@json_option
@errors_as_exit_codes
def start(
    version: str,
    against: str,
    shadow: bool,
    canary: int | None,
    site: str,
    reason: str,
    folder: Path,
    as_json: bool,
) -> None:
    """Try VERSION (name@version) beside the one in routine: in shadow mode, for a share of the cases, or both.

    Which cases a canary gets is drawn by lot, from a seed that the journal keeps: `aval route try` repeats the draw.
    """
    if not shadow and canary is None:
        raise click.UsageError("say --shadow, --canary PERCENT, or both")
    with opened(folder) as parts:
        require_usable(version, parts, for_care=canary is not None)
        plan = flow.Plan(
            model=version,
            against=against,
            shadow=shadow,
            share=canary or 0,
            site=site,
            seed=secrets.token_hex(SEED_CHARS // 2),
        )
        made = flow.begin(plan, _word(reason), store=parts.store("desk"), clock=parts.clock)
    value = {"trial": made.id, "model": made.model, "shadow": made.shadow, "canary": made.share, "seed": made.seed}
    say(value, f"trial {made.id[:8]}: {made.model}, {_what(made)}", as_json=as_json)


@trial.command("end")
@click.argument("which", metavar="TRIAL")
@reason_option
@folder_option
@errors_as_exit_codes
def end_(which: str, reason: str, folder: Path) -> None:
    """End TRIAL (its first characters are enough): new cases get the version in routine alone."""
    with opened(folder) as parts:
        ended = flow.end(which, _word(reason), store=parts.store("desk"), clock=parts.clock)
    click.echo(f"trial {ended.id[:8]} of {ended.model} is over; what is queued for it is still computed")


@trial.command("list")
@folder_option
@json_option
@errors_as_exit_codes
def list_(folder: Path, as_json: bool) -> None:
    """List trials, newest first, and how each stands."""
    with opened(folder) as parts:
        values = _trials(parts)
    head = ("TRIAL", "STANDS", "VERSION", "AGAINST", "WHAT", "SITE", "BEGUN", "BY")
    rows = [
        (v["trial"][:8], v["stands"], v["model"], v["against"], v["what"], v["site"] or "every", v["at"][:10], v["by"])
        for v in values
    ]
    say(values, table(head, rows), as_json=as_json)


@trial.command()
@click.argument("which", metavar="TRIAL")
@folder_option
@json_option
@errors_as_exit_codes
def show(which: str, folder: Path, as_json: bool) -> None:
    """Show TRIAL: why it was begun, by what the lot is drawn, how its versions work."""
    with opened(folder) as parts:
        found = [value for value in _trials(parts) if value["trial"].startswith(which)]
        if len(found) != 1:
            raise ConfigError(f"{len(found)} trials are called {which!r}…: `aval models trial list`")
        value = found[0]
        with parts.store("desk").reading() as unit:
            value["work"] = {name: _told_work(unit.rollouts.work(value[name])) for name in ("model", "against")}
    lines = [f"{name}: {said}" for name, said in value.items() if name != "work" and said != ""]
    lines += [
        f"{value[name]}: {', '.join(f'{count} {what}' for what, count in value['work'][name].items()) or 'no work yet'}"
        for name in ("model", "against")
    ]
    lines += [f"To compare: aval models compare {value['against']} {value['model']}"]
    say(value, "\n".join(lines), as_json=as_json)


def _trials(parts: Parts) -> list[dict[str, Any]]:
    with parts.store("desk").reading() as unit:
        known, lines = unit.rollouts.trials(), {line.seq: line for line in unit.rollouts.appointments()}
        opened_ = {one.id for one in unit.rollouts.now().trials}
    return [_value(one, end, lines, is_open=one.id in opened_) for one, end in reversed(known)]


def _value(one: Trial, end: TrialEnd | None, lines: dict[int, Appointment], *, is_open: bool) -> dict[str, Any]:
    over = f"{end.at:%Y-%m-%d}, {end.by}: {end.reason}" if end else ""
    if not is_open and not end:
        after = next(line for line in lines.values() if line.seq > one.under and line.name == one.name)
        over = f"{after.at:%Y-%m-%d}, {after.by}: {after.model} put in routine by {after.step}"
    return {
        "trial": one.id,
        "stands": "open" if is_open else "over",
        "model": one.model,
        "against": lines[one.under].model,
        "what": _what(one),
        "site": one.site,
        "seed": one.seed,
        "at": f"{one.at:%Y-%m-%dT%H:%M:%SZ}",
        "by": one.by,
        "reason": one.reason,
        "over": over,
    }


def _what(one: Trial) -> str:
    parts = [*(["shadow"] if one.shadow else []), *([f"canary {one.share} %"] if one.share else [])]
    return " and ".join(parts)
