"""The page on drift as values: what was asked for, what came out, and where the bars of its drawings stand."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bridge.comparison import Asked, Drift, Group, Period
from bridge.drift import N_MIN, Bin, Compared, Verdict
from bridge.web.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from bridge.web.i18n import Language
from bridge.web.monitoring import plain
from guarantee.codec import time_text
from guarantee.errors import Malformed

DRAWN_MAX: Final = 12
"""Most features of one group that are drawn, those that deserve a look first; the table has all of them."""

COUNTS: Final = (200, 500, 1000, 5000)
"""Results of each period that the form offers."""

_GAP: Final = 0.2
"""Part of a bin's width that stays empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What somebody typed, as the form gives it back.

    Args:
        times: from and to of the reference, then of the recent period; "" for none.
        wrong: whether it is nothing that can be compared; the periods by count are then shown.
    """

    asked: Asked | None
    model: str
    mode: str
    by: str
    count: int
    times: tuple[str, str, str, str]
    wrong: bool


def form_of(said: Mapping[str, str], model: str, language: Language) -> Form:
    """Return what an address asks for.

    Args:
        said: its parameters: mode, by, count, reference_from, reference_to, recent_from, recent_to.
        model: the version to show; "" when there is none yet.
    """
    mode, by = said["mode"], said["by"]
    times = tuple(said[f"{period}_{end}"] for period in ("reference", "recent") for end in ("from", "to"))
    try:
        count = int(said["count"] or N_MIN)
        periods = [_period(times[0], times[1], language), _period(times[2], times[3], language)]
        asked = Asked(model=model, mode=mode, by=by, count=count, reference=periods[0], recent=periods[1])
        wrong = False
    except (ValueError, OverflowError, Malformed):
        asked, wrong = Asked(model=model), True
    return Form(
        asked=asked if model else None,
        model=model,
        mode=asked.mode,
        by=asked.by,
        count=asked.count,
        times=("", "", "", "") if wrong else (times[0], times[1], times[2], times[3]),
        wrong=wrong,
    )


def _period(begin: str, end: str, language: Language) -> Period | None:
    if not begin and not end:
        return None
    since, until = (datetime.fromisoformat(said).replace(tzinfo=language.zone) for said in (begin, end))
    return since, until


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One bin as two bars, of the reference and of the recent period.

    Args:
        x: of the left bar; width is that of each.
        tops: where the bars end, in the units of the drawing.
        number: of the bin, as in the table below.
    """

    x: float
    width: float
    tops: tuple[float, float]
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One feature with its bars; shares are the part of each period that lies in each bin."""

    row: Compared
    columns: Sequence[Column]
    shares: Sequence[tuple[Bin, float, float]]


def drawn(group: Group) -> Sequence[Drawn]:
    """Return the features of a group that are drawn."""
    return [_drawn(row) for row in group.rows if row.bins][:DRAWN_MAX]


def _drawn(row: Compared) -> Drawn:
    shares = [(one, _share(one.reference, row.n_reference), _share(one.recent, row.n_recent)) for one in row.bins]
    most = max(max(before, after) for _, before, after in shares) or 1.0
    each = (WIDTH - LEFT - RIGHT) / len(shares)
    floor, height = HEIGHT - BOTTOM, HEIGHT - TOP - BOTTOM
    columns = [
        Column(
            x=LEFT + number * each + each * _GAP / 2,
            width=each * (1 - _GAP) / 2,
            tops=(floor - height * before / most, floor - height * after / most),
            number=number + 1,
        )
        for number, (_, before, after) in enumerate(shares)
    ]
    return Drawn(row=row, columns=columns, shares=shares)


def _share(count: int, n: int) -> float:
    return count / n if n else 0.0


def strongest(row: Compared) -> tuple[Bin, float, float] | None:
    """Return the bin whose share changed most, with its two shares; None where n is too small."""
    shares = [(one, _share(one.reference, row.n_reference), _share(one.recent, row.n_recent)) for one in row.bins]
    return max(shares, key=lambda found: abs(found[2] - found[1]), default=None)


# -------------------------------------------------------------------------------------------------------- export

_HEAD: Final = (
    *("model", "mode", "by", "group", "side", "feature", "reference_from", "reference_to", "recent_from", "recent_to"),
    *("reference_n", "recent_n", "psi", "quantile", "p_corrected", "verdict", "reference_median", "recent_median"),
    *("bin", "bin_reference", "bin_recent"),
)


def to_csv(drift: Drift) -> str:
    """Return one line for each bin of each feature, and one for a feature without any (RFC 4180)."""
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(_HEAD)
    for group in drift.groups:
        for row in group.rows:
            facts = [drift.asked.model, drift.asked.mode, drift.asked.by if group.name else "", plain(group.name)]
            facts += [str(row.side), plain(row.name), *_ends(group.reference), *_ends(group.recent), *_figures(row)]
            writer.writerows([*facts, *cells] for cells in _cells(row))
    return table.getvalue()


def _ends(period: Period | None) -> list[str]:
    return [time_text(end) for end in period] if period else ["", ""]


def _figures(row: Compared) -> list[str]:
    judged = ["" if value is None else f"{value:.6g}" for value in (row.psi, row.quantile, row.p)]
    medians = [f"{value:.6g}" for value in row.medians] if row.medians else ["", ""]
    return [str(row.n_reference), str(row.n_recent), *judged, str(row.verdict), *medians]


def _cells(row: Compared) -> Iterator[list[str]]:
    if row.verdict is Verdict.FEW:
        yield ["", "", ""]
    for one in row.bins:
        yield [bin_text(one), str(one.reference), str(one.recent)]


def bin_text(one: Bin) -> str:
    """Return a bin as a program reads it."""
    if one.kind == "range":
        return f"{one.low:g}..{one.high:g}"
    return plain(one.word) if one.kind == "word" else f"({one.kind})"
