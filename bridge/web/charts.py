"""Where the marks of a chart stand, in the units of its drawing. Templates draw them as SVG; no script is needed.

Everything drawn here is also in a table under the chart.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WIDTH: Final = 960.0
HEIGHT: Final = 280.0
LEFT: Final = 80.0
RIGHT: Final = 16.0
TOP: Final = 28.0
BOTTOM: Final = 30.0
"""The drawing, and the margins that hold its labels."""

CELLS: Final = (220, 60)
"""Columns and rows of a grid; one dot stands for all results of its cell, so that 10,000 of them stay a small page."""

STEPS_S: Final = (0.1, 1, 10, 60, 600, 3600, 36_000, 86_400, 864_000)
"""Lines of the scale of durations, in seconds."""

TICKS: Final = 6
"""Times written along a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """Results of about the same time and duration."""

    x: float
    y: float
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a scale, or of an event, with what it says."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """Durations over time, on a logarithmic scale.

    Args:
        seconds: lines of the scale; each label is its number of seconds, which the page writes as words.
        moments: times along the window, likewise.
        events: what may explain a change, numbered as in the table of events.
    """

    dots: Sequence[Dot]
    seconds: Sequence[tuple[float, float]]
    moments: Sequence[tuple[float, datetime]]
    events: Sequence[Line]


def scatter(
    points: Sequence[tuple[datetime, float, bool]],
    events: Sequence[datetime],
    since: datetime,
    until: datetime,
) -> Scatter:
    """Return where results stand.

    Args:
        points: when a result was queued, how long it took in seconds, whether that is longer than its objective.
        events: newest first; they are numbered from 1 on.
    """
    lowest, highest = _bounds([seconds for _, seconds, _ in points])
    span_s = (until - since).total_seconds()

    def x(moment: datetime) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (moment - since).total_seconds() / span_s

    def y(seconds: float) -> float:
        share = math.log(max(seconds, lowest) / lowest) / math.log(highest / lowest)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(1.0, share)

    return Scatter(
        dots=_thinned([Dot(x=x(moment), y=y(seconds), late=late) for moment, seconds, late in points]),
        seconds=[(y(step), step) for step in STEPS_S if lowest <= step <= highest],
        moments=[
            (x(moment), moment) for moment in (since + timedelta(seconds=span_s * n / TICKS) for n in range(TICKS))
        ],
        events=[Line(at=x(moment), label=str(number)) for number, moment in enumerate(events, start=1)],
    )


def _bounds(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the lines of the scale below and above everything."""
    least, most = min(seconds, default=1.0), max(seconds, default=60.0)
    lowest = max((step for step in STEPS_S if step <= least), default=STEPS_S[0])
    return lowest, min((step for step in STEPS_S if step >= most and step > lowest), default=max(most, STEPS_S[-1] + 1))


def _thinned(dots: Sequence[Dot]) -> list[Dot]:
    """Return one dot for each cell of the grid; one that is late is never hidden by one that is not."""
    kept: dict[tuple[int, int, bool], Dot] = {}
    for dot in dots:
        kept.setdefault((int(dot.x * CELLS[0] / WIDTH), int(dot.y * CELLS[1] / HEIGHT), dot.late), dot)
    return sorted(kept.values(), key=lambda dot: (dot.late, dot.x))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a bar.

    Args:
        share: of the whole bar, from 0 to 1.
    """

    stage: str
    x: float
    width: float
    share: float


def bar(seconds: Mapping[str, float], order: Sequence[str]) -> Sequence[Part]:
    """Return the parts of a bar that shows where time went; nothing when none was spent."""
    total = sum(seconds.values())
    parts, x = [], 0.0
    for stage in order:
        share = seconds.get(stage, 0.0) / total if total else 0.0
        width = share * WIDTH
        if share:
            parts.append(Part(stage=stage, x=x, width=width, share=share))
        x += width
    return parts
