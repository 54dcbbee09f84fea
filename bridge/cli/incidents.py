"""``aval incidents``: what somebody reports of a result, what follows, and what is declared to whom until when."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from bridge.accounts import verify_code
from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, say, table
from bridge.config import ConfigError
from bridge.db.incidents import Listed
from bridge.flows import incidents as flow
from bridge.wiring.incidents import fei_of, fei_pdf, tools_of
from bridge.wiring.parts import Parts
from guarantee.codec import time_text
from guarantee.declarations import QUESTIONS, SETTLED, Answer, timers
from guarantee.errors import Absent
from guarantee.ids import ResultId
from guarantee.incident import File, Grade, near_misses
from guarantee.opinion import Reader

SHOWN_MAX = 1_000
"""Most incidents that are listed or counted at once, the newest first."""

_who = click.option("--as", "who", nargs=2, required=True, metavar="LOGIN CODE", help="who says so, with their code")
_second = click.option("--second", nargs=2, default=None, metavar="LOGIN CODE", help="the other person")
_grade = click.option(
    "--grade",
    type=click.Choice([str(one) for one in Grade]),
    required=True,
    help="D0 none, D1 wording, D2 follow-up changes, D3 management changes now, D4 harm or near-harm",
)
_reason = click.option("--reason", required=True, help="what is discordant; no patient's name")


@click.group()
def incidents() -> None:
    """Discordances and incidents: report, grade, declare, act, close."""


@incidents.command()
@click.argument("result_id", metavar="RESULT")
@_grade
@_reason
@_who
@folder_option
@json_option
@errors_as_exit_codes
def report(result_id: str, grade: str, reason: str, who: tuple[str, str], folder: Path, *, as_json: bool) -> None:
    """Report a discordance on RESULT. A D4 stops the version and freezes the evidence, at once."""
    with opened(folder) as parts:
        by = _person(who, parts)
        try:
            file = flow.report(ResultId(result_id), Grade(grade), reason, by, tools_of(parts))
        except Absent:
            raise ConfigError(f"there is no result {result_id}; nothing was reported") from None
        _say(file.incident.id, parts, as_json=as_json)


@incidents.command("list")
@click.option("--open", "only_open", is_flag=True, help="only those that somebody still has to look at")
@folder_option
@json_option
@errors_as_exit_codes
def list_incidents(*, only_open: bool, folder: Path, as_json: bool) -> None:
    """List incidents, the newest first, and how many serious ones the gate caught."""
    with opened(folder) as parts, parts.store("desk").reading() as unit:
        known = [one for one in unit.incidents.all(SHOWN_MAX) if one.file.is_open or not only_open]
        rows = [_row(one, parts) for one in known]
    caught = near_misses(one.file for one in known)
    text = table(("INCIDENT", "GRADE", "STATE", "DUE", "OVERDUE", "VERSION", "RESULT"), rows) if rows else "no incident"
    plain = {"near_misses": caught, "incidents": [_plain(one, parts) for one in known]}
    say(plain, f"{text}\n\nnear-misses: {caught}", as_json=as_json)


@incidents.command()
@click.argument("incident")
@folder_option
@json_option
@errors_as_exit_codes
def show(incident: str, folder: Path, *, as_json: bool) -> None:
    """Show an incident, what may have to be declared until when, and which results may be concerned."""
    with opened(folder) as parts:
        _say(_find(incident, parts), parts, as_json=as_json)


@incidents.command()
@click.argument("incident")
@_grade
@_reason
@_who
@folder_option
@errors_as_exit_codes
def grade(incident: str, grade: str, reason: str, who: tuple[str, str], folder: Path) -> None:
    """Grade again: a line more, which counts from now on."""
    _write(folder, incident, who, lambda key, by, tools: flow.grade_again(key, Grade(grade), reason, by, tools))


@incidents.command()
@click.argument("incident")
@click.argument("answers", nargs=-1, metavar="QUESTION=yes|no|unknown…")
@_who
@folder_option
@errors_as_exit_codes
def answer(incident: str, answers: tuple[str, ...], who: tuple[str, str], folder: Path) -> None:
    """Answer the short form; without answers, print it."""
    if not answers:
        click.echo(table(("QUESTION", "ASKS"), list(QUESTIONS.items())))
        return
    said = _answers(answers)
    _write(folder, incident, who, lambda key, by, tools: flow.answer_form(key, said, by, tools))


@incidents.command()
@click.argument("incident")
@click.argument("what")
@click.option("--due", default="", metavar="DAY", help="until when, e.g. 2026-12-31")
@_who
@folder_option
@errors_as_exit_codes
def action(incident: str, what: str, due: str, who: tuple[str, str], folder: Path) -> None:
    """Add a corrective action."""
    _write(folder, incident, who, lambda key, by, tools: flow.ask_action(key, what, due, by, tools))


@incidents.command()
@click.argument("incident")
@click.argument("number")
@click.argument("what")
@_who
@folder_option
@errors_as_exit_codes
def done(incident: str, number: str, what: str, who: tuple[str, str], folder: Path) -> None:
    """Say that action NUMBER was done, and how."""
    _write(folder, incident, who, lambda key, by, tools: flow.say_done(key, number, what, by, tools))


@incidents.command()
@click.argument("incident")
@click.argument("duty")
@click.argument("reference")
@click.option("--note", default="déclaré", help="what else is to be known of it")
@_who
@folder_option
@errors_as_exit_codes
def declared(incident: str, duty: str, reference: str, note: str, who: tuple[str, str], folder: Path) -> None:
    """Say that a declaration was made, under REFERENCE. Aval sends none by itself."""
    _write(folder, incident, who, lambda key, by, tools: flow.say_declared(key, duty, reference, note, by, tools))


@incidents.command("set-aside")
@click.argument("incident")
@click.argument("duty")
@_reason
@_who
@folder_option
@errors_as_exit_codes
def set_aside(incident: str, duty: str, reason: str, who: tuple[str, str], folder: Path) -> None:
    """Say, in your name and with a reason, that this is not to be declared."""
    _write(folder, incident, who, lambda key, by, tools: flow.set_aside(key, duty, reason, by, tools))


@incidents.command()
@click.argument("incident")
@click.option("--effect", required=True, help="how it was checked that the corrective actions have an effect")
@_who
@_second
@folder_option
@errors_as_exit_codes
def close(incident: str, effect: str, who: tuple[str, str], second: tuple[str, str] | None, folder: Path) -> None:
    """Close an incident, once its actions are done; from D3 on, by two people."""
    with opened(folder) as parts:
        other = _person(second, parts).login if second else ""
        key, by = _find(incident, parts), _person(who, parts)
        flow.close(key, effect, by, tools_of(parts), second=other)
        click.echo(f"{key} is closed")


@incidents.command()
@click.argument("incident")
@_reason
@_who
@folder_option
@errors_as_exit_codes
def reopen(incident: str, reason: str, who: tuple[str, str], folder: Path) -> None:
    """Open a closed incident again."""
    _write(folder, incident, who, lambda key, by, tools: flow.reopen(key, reason, by, tools))


@incidents.command()
@click.argument("incident")
@_who
@folder_option
@errors_as_exit_codes
def freeze(incident: str, who: tuple[str, str], folder: Path) -> None:
    """Freeze the evidence: nothing of its case is deleted until two people lift it."""
    _write(folder, incident, who, flow.freeze)


@incidents.command()
@click.argument("incident")
@_reason
@_who
@click.option("--second", nargs=2, required=True, metavar="LOGIN CODE", help="the other person")
@folder_option
@errors_as_exit_codes
def lift(incident: str, reason: str, who: tuple[str, str], second: tuple[str, str], folder: Path) -> None:
    """Lift the freeze of an incident, by two people who oversee it."""
    with opened(folder) as parts:
        both = (_person(who, parts), _person(second, parts))
        many = flow.lift(_find(incident, parts), reason, both, tools_of(parts))
    click.echo(f"{many} freeze{'s' if many > 1 else ''} lifted")


@incidents.command()
@click.argument("incident")
@click.option("--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="write a page to print")
@click.option("--pdf", type=click.Path(path_type=Path, dir_okay=False), help="write a PDF")
@folder_option
@errors_as_exit_codes
def fei(incident: str, page: Path | None, pdf: Path | None, folder: Path) -> None:
    """Print the pre-filled fiche d'événement indésirable as JSON; it names no patient."""
    with opened(folder) as parts:
        sheet = fei_of(_find(incident, parts), parts)
    if page:
        page.write_text(sheet.html(), encoding="utf-8")
    if pdf:
        pdf.write_bytes(fei_pdf(sheet))
    if not page and not pdf:
        say(sheet.plain(), "", as_json=True)


# --------------------------------------------------------------------------------------------------------- inside


def _person(who: tuple[str, str], parts: Parts) -> Reader:
    return verify_code(who[0], who[1], parts.sign_in)


def _find(prefix: str, parts: Parts) -> str:
    with parts.store("desk").reading() as unit:
        found = unit.incidents.find(prefix)
    if len(found) != 1:
        raise ConfigError(f"{len(found) or 'no'} incidents begin with {prefix!r}; see `aval incidents list`")
    return found[0]


def _write(folder: Path, prefix: str, who: tuple[str, str], step: Callable[[str, Reader, flow.Tools], object]) -> None:
    with opened(folder) as parts:
        key = _find(prefix, parts)
        step(key, _person(who, parts), tools_of(parts))
        _say(key, parts, as_json=False)


def _answers(words: tuple[str, ...]) -> Mapping[str, Answer]:
    pairs = [word.partition("=") for word in words]
    for word, (_, _, said) in zip(words, pairs, strict=True):
        if said not in set(Answer):
            raise click.UsageError(f"{word}: an answer is QUESTION=yes, =no or =unknown")
    return {question: Answer(said) for question, _, said in pairs}


def _state(file: File) -> str:
    return "closed" if file.is_closed else "open" if file.is_open else "counted"


def _late(file: File, parts: Parts) -> list[str]:
    now = parts.clock.now()
    late = ["college"] if file.is_overdue(now) else []
    return late + [one.duty.code for one in timers(file) if not file.is_closed and one.is_overdue(now)]


def _row(one: Listed, parts: Parts) -> tuple[str, ...]:
    file = one.file
    due = time_text(file.due)[:16] if file.due and file.is_open else "-"
    late = ", ".join(_late(file, parts)) or "-"
    return (file.incident.id[:8], file.grade, _state(file), due, late, one.model, file.incident.result)


def _plain(one: Listed, parts: Parts) -> dict[str, Any]:
    file = one.file
    return {
        "incident": file.incident.id,
        "result": file.incident.result,
        "model": one.model,
        "site": one.site,
        "at": time_text(file.incident.at),
        "by": file.incident.by,
        "grade": str(file.grade),
        "caught": file.incident.caught,
        "near_miss": file.is_near_miss,
        "state": _state(file),
        "due": time_text(file.due) if file.due else None,
        "overdue": _late(file, parts),
        "frozen": one.frozen,
        "lines": [
            {"n": line.n, "kind": str(line.kind), "subject": line.subject, "word": line.word, "note": line.note}
            | {"by": line.by, "second": line.second, "at": time_text(line.at)}
            for line in file.lines
        ],
        "declarations": [
            {"code": t.duty.code, "to": t.duty.to, "standing": str(t.standing), "until": time_text(t.until)}
            | {"by": t.by, "said": t.said, "overdue": t.is_overdue(parts.clock.now()) and not file.is_closed}
            for t in timers(file)
        ],
    }


def _say(incident: str, parts: Parts, *, as_json: bool) -> None:
    with parts.store("desk").reading() as unit:
        file = unit.incidents.get(incident)
        one = next(listed for listed in unit.incidents.of_result(file.incident.result) if listed.file == file)
    say(_plain(one, parts), "\n".join(_story(one)), as_json=as_json)


def _story(one: Listed) -> list[str]:
    file = one.file
    near = "; a near-miss: the gate caught it" if file.is_near_miss else ""
    lines = [
        f"incident  {file.incident.id}",
        f"result    {file.incident.result} of {one.model} at {one.site}",
        f"grade     {file.grade}, {_state(file)}{near}",
        f"evidence  {'frozen' if one.frozen else 'not frozen'}",
        "",
        table(
            ("N", "AT", "BY", "SAYS", "ABOUT", "", "NOTE"),
            [_said(line) for line in file.lines],
        ),
    ]
    running = [t for t in timers(file) if t.standing not in SETTLED or t.said]
    if running:
        rows = [(t.duty.code, str(t.standing), time_text(t.until)[:16], t.duty.to, t.said) for t in running]
        lines += ["", table(("DECLARATION", "STANDING", "UNTIL", "TO", "SAID"), rows)]
    if file.grade.is_serious:
        found = f"aval results select --version {one.model} --site {one.site} --out found"
        lines += ["", f"results that may be concerned: {found}"]
    return lines


def _said(line: Any) -> tuple[str, ...]:
    by = f"{line.by} and {line.second}" if line.second else line.by
    return (str(line.n), time_text(line.at)[:16], by, str(line.kind), line.subject, line.word, line.note)
