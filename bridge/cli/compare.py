"""``aval models compare``: two versions of a model over the cases that both were given."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from bridge.cli.common import errors_as_exit_codes, folder_option, json_option, opened, say
from bridge.discordance import Agreement, Code, Difference, Shift
from bridge.figures import N_MIN, Share, Spread
from bridge.web.model_words import INSUFFICIENT
from bridge.wiring.compare import Compared, compared
from bridge.wiring.models import language_of

ALWAYS: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any result."""

CSV_HEAD: Final = ("section", "what", "first", "second", "n", "value", "low", "high")


@click.command()
@click.argument("first", metavar="VERSION")
@click.argument("second", metavar="VERSION")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), default=None, help="queued since, UTC")
@click.option("--csv", "as_csv", is_flag=True, help="answer as CSV")
@folder_option
@json_option
@errors_as_exit_codes
def compare(first: str, second: str, since: datetime | None, as_csv: bool, folder: Path, as_json: bool) -> None:
    """Compare two VERSIONs of a model (name@version) over the cases that both were given.

    It says how far they agree with each other, never which of them is right: look at the cases that are listed.
    """
    begin = since.replace(tzinfo=UTC) if since else ALWAYS
    with opened(folder) as parts:
        found = compared(first, second, begin, parts)
        too_few = language_of(parts.settings).text(INSUFFICIENT)
    if as_csv:
        click.echo(_csv(found), nl=False)
    else:
        say(_value(found), "\n".join(_lines(found, too_few)), as_json=as_json)


# ------------------------------------------------------------------------------------------------------- for a person


def _lines(made: Compared, too_few: str) -> Iterator[str]:
    found = made.found
    yield f"{made.first} and {made.second}: {found.n} cases that both were given ({made.given[0]} and {made.given[1]})"
    if made.is_cut:
        yield "  the newest only: there are more than are compared at once; give --since"
    yield f"  both made a draft: {found.drafted}; neither: {found.neither}; on different series: {found.elsewhere}"
    if made.unreadable:
        yield f"  left out, a draft is no longer in the vault: {made.unreadable}"
    for (which, cause), count in sorted(found.alone.items()):
        only, other = (made.first, made.second) if which == "first" else (made.second, made.first)
        yield f"  draft of {only} alone: {count} ({other}: {cause})"
    yield f"the same of every finding: {_rate(found.same, found.drafted, too_few)}"
    for one in found.findings:
        yield f"  {_name(one.code)}: the same in {_rate(one.same, one.n, too_few)}"
        yield from (f"    {a} / {b}: {count}" for (a, b), count in sorted(one.counts.items()) if a != b)
    for shift in found.numbers:
        yield f"  {_name(shift.code)}, second minus first: {_moved(shift, too_few)}"
    for version, taken in zip((made.first, made.second), found.seconds, strict=True):
        yield f"time of {version}: {_taken(taken, too_few)}"
    if found.furthest:
        yield "cases to look at, the most discordant first:"
    yield from (f"  {one.case}  {_why(one)}" for one in found.furthest)


def _rate(rate: Share | None, n: int, too_few: str) -> str:
    if rate is None:
        return f"{too_few} (n = {n}, {N_MIN} asked)"
    return f"{rate.count} of {rate.n}, {100 * rate.value:.1f} % [{100 * rate.low:.1f}; {100 * rate.high:.1f}]"


def _moved(shift: Shift, too_few: str) -> str:
    if shift.quantiles is None or shift.limits is None:
        return f"{too_few} (n = {shift.n}, {N_MIN} asked)"
    q5, _, median, _, q95 = shift.quantiles
    mean, low, high = shift.limits
    spread = f"median {median:g} (5–95 %: {q5:g} to {q95:g})"
    return f"{spread}; mean {mean:g}, limits of agreement {low:g} to {high:g} (n = {shift.n})"


def _taken(taken: Spread, too_few: str) -> str:
    if taken.p50_s is None or taken.p95_s is None:
        return f"{too_few} (n = {taken.n}, {N_MIN} asked)"
    return f"p50 {taken.p50_s:.3f} s, p95 {taken.p95_s:.3f} s (n = {taken.n})"


def _why(one: Difference) -> str:
    if one.alone is not None:
        return f"a draft of the {one.alone[0]} alone: {one.alone[1]}"
    if one.elsewhere:
        return "on different series"
    said = [f"{_name(code)} {a} / {b}" for code, (a, b) in sorted(one.said.items()) if a != b]
    numbers = [f"{_name(code)} {a:g} / {b:g}" for code, (a, b) in sorted(one.numbers.items()) if a != b]
    return "; ".join([*said, *numbers])


def _name(code: Code) -> str:
    return " ".join(part for part in code if part)


# ------------------------------------------------------------------------------------------------------- for a script


def _value(made: Compared) -> dict[str, Any]:
    found = made.found
    return {
        "first": made.first,
        "second": made.second,
        "since": made.since,
        "given": list(made.given),
        "cut": made.is_cut,
        "unreadable": made.unreadable,
        "n": found.n,
        "drafted": found.drafted,
        "neither": found.neither,
        "elsewhere": found.elsewhere,
        "n_min": N_MIN,
        "same": _plain_rate(found.same),
        "alone": [{"drafted_by": which, "cause": cause, "n": n} for (which, cause), n in sorted(found.alone.items())],
        "findings": [_plain_finding(one) for one in found.findings],
        "numbers": [
            {"code": list(one.code), "n": one.n, "quantiles": one.quantiles, "limits": one.limits}
            for one in found.numbers
        ],
        "seconds": [{"n": each.n, "p50": each.p50_s, "p95": each.p95_s} for each in found.seconds],
        "discordant": [{"case": one.case, "why": _why(one)} for one in found.furthest],
    }


def _plain_finding(one: Agreement) -> dict[str, Any]:
    counts = [{"first": a, "second": b, "n": n} for (a, b), n in sorted(one.counts.items())]
    return {"code": list(one.code), "n": one.n, "same": _plain_rate(one.same), "counts": counts}


def _plain_rate(rate: Share | None) -> dict[str, Any] | None:
    return None if rate is None else {"n": rate.n, "share": rate.value, "low": rate.low, "high": rate.high}


def _csv(made: Compared) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    writer.writerows(_rows(made))
    return text.getvalue()


def _rows(made: Compared) -> Iterator[tuple[object, ...]]:
    found = made.found
    yield ("cases", "both given", made.first, made.second, found.n, "", "", "")
    for what, count in (("drafted", found.drafted), ("neither", found.neither), ("elsewhere", found.elsewhere)):
        yield ("cases", what, "", "", count, "", "", "")
    for (which, cause), count in sorted(found.alone.items()):
        yield ("alone", cause, *(("draft", "") if which == "first" else ("", "draft")), count, "", "", "")
    yield ("same", "every finding", "", "", found.drafted, *_ends(found.same))
    for one in found.findings:
        yield ("same", _name(one.code), "", "", one.n, *_ends(one.same))
        yield from (("said", _name(one.code), a, b, n, "", "", "") for (a, b), n in sorted(one.counts.items()))
    for shift in found.numbers:
        q5, _, median, _, q95 = shift.quantiles or ("", "", "", "", "")
        yield ("median difference", _name(shift.code), "", "", shift.n, median, q5, q95)
        yield ("limits of agreement", _name(shift.code), "", "", shift.n, *(shift.limits or ("", "", "")))
    for version, taken in zip((made.first, made.second), found.seconds, strict=True):
        yield ("seconds", version, "", "", taken.n, taken.p50_s or "", "", taken.p95_s or "")
    yield from (("discordant", one.case, "", "", "", _why(one), "", "") for one in found.furthest)


def _ends(rate: Share | None) -> tuple[object, object, object]:
    return ("", "", "") if rate is None else (rate.value, rate.low, rate.high)
