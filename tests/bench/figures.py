"""Figures: medians, ratios paired by repetition, what a target asks and whether it holds; and where they are kept."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

FORMAT: Final = 1
"""Version of the results file."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of repetitions, and how far they lie apart."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{_short(self.median)} ({_short(self.least)}–{_short(self.most)})"


def paired(ours: Sequence[float | None], theirs: Sequence[float | None]) -> Spread | None:
    """Return our value over theirs, repetition by repetition; None when no repetition has both.

    Repetitions of one rank ran within minutes of each other: what the machine did to one, it did to the other.
    """
    ratios = [a / b for a, b in zip(ours, theirs, strict=True) if a is not None and b]
    return Spread.of(ratios) if ratios else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing that must hold.

    Args:
        asks: "at least" or "at most".
        value: None when it could not be measured; then it does not hold.
        why: what was measured, or why it was not.
    """

    name: str
    asks: str
    limit: float
    value: float | None
    least: float | None = None
    most: float | None = None
    why: str = ""

    @property
    def holds(self) -> bool:
        """Whether the median is on the right side of the limit."""
        if self.value is None:
            return False
        return self.value >= self.limit if self.asks == "at least" else self.value <= self.limit

    def to_json(self) -> dict[str, Any]:
        """Return it as the results file has it."""
        rounded = {name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(self).items()}
        return {**rounded, "holds": self.holds}

    def __str__(self) -> str:
        value = "not measured" if self.value is None else _short(self.value)
        spread = "" if self.least is None or self.most is None else f" ({_short(self.least)}–{_short(self.most)})"
        verdict = "holds" if self.holds else "DOES NOT HOLD"
        return f"{self.name}: {value}{spread}, asked {self.asks} {_short(self.limit)}: {verdict}  {self.why}".rstrip()


def target(name: str, asks: str, limit: float, measured: Spread | None, why: str = "") -> Target:
    """Return a target on the median of repetitions."""
    if measured is None:
        return Target(name=name, asks=asks, limit=limit, value=None, why=why or "not measured in this run")
    spread = {"value": measured.median, "least": measured.least, "most": measured.most}
    return Target(name=name, asks=asks, limit=limit, why=why, **spread)


def results(kind: str, *, machine: Mapping[str, Any], commit: str, at: str, **parts: Any) -> dict[str, Any]:
    """Return the whole of a run as the results file has it."""
    return {"format": FORMAT, "benchmark": kind, "at": at, "commit": commit, "machine": dict(machine), **parts}


def write_results(found: Mapping[str, Any], place: Path) -> None:
    """Write the results file."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def publish(page: Path, name: str, text: str) -> None:
    """Put ``text`` between the markers of ``name`` on a page.

    Raises:
        ValueError: the page has no such markers.
    """
    first, last = f"<!-- figures {name}: generated -->", f"<!-- end of the figures {name} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(first)
    _, ended, after = rest.partition(last)
    if not (found and ended):
        raise ValueError(f"{page.name} has no lines {first!r} and {last!r}")
    page.write_text(f"{before}{first}\n{text.strip()}\n{last}{after}", encoding="utf-8")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table that also reads well on a terminal."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(w.ljust(widths[n]) for n, w in enumerate(line)) + " |" for line in lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
