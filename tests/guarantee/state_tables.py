"""Writes the two lives into guarantee/README.md, between markers: ``python -m tests.guarantee.state_tables``."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from guarantee.states import CASE_LIFE, RESULT_LIFE, CaseState, ResultState, mermaid

README: Final = Path(__file__).parent.parent.parent / "guarantee" / "README.md"

LIVES: Final[dict[str, tuple[type[StrEnum], Mapping[Any, Any]]]] = {
    "case": (CaseState, CASE_LIFE),
    "result": (ResultState, RESULT_LIFE),
}


def block(name: str) -> str:
    """Return the table and the diagram of one life."""
    states, life = LIVES[name]
    rows = ["| state | verbs, and what it becomes |", "| --- | --- |"]
    for state in states:
        steps = [f"{verb} → {target}" for (source, verb), target in life.items() if source is state]
        rows.append(f"| `{state}` | {', '.join(steps) or '– (final)'} |")
    return "\n".join([*rows, "", "```mermaid", mermaid(life), "```"])


def written(text: str) -> str:
    """Return ``text`` with both blocks between their markers."""
    for name in LIVES:
        start, end = f"<!-- life of a {name}: generated -->", f"<!-- end of the life of a {name} -->"
        assert text.count(start) == text.count(end) == 1, name
        text = re.sub(
            rf"{re.escape(start)}.*?{re.escape(end)}",
            lambda _, name=name, start=start, end=end: f"{start}\n{block(name)}\n{end}",
            text,
            flags=re.DOTALL,
        )
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
