"""Writes the lives, identities, changes and when a case is complete: ``python -m tests.guarantee.state_tables``."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from guarantee import completeness, declarations, incident, lifecycle, objections, revalidation
from guarantee.identity import table
from guarantee.states import CASE_LIFE, RESULT_LIFE, CaseState, ResultState, mermaid

FIRST_PAGE: Final = Path(__file__).parent.parent.parent / "README.md"
README: Final = FIRST_PAGE.parent / "guarantee" / "README.md"

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
    """Return ``text`` with each block between its markers."""
    for name in LIVES:
        text = _between(text, f"life of a {name}", block(name))
    text = _between(text, "table of identities", table())
    text = _between(text, "what an objection does", objections.printed())
    text = _between(text, "what a change asks for", revalidation.printed())
    text = _between(text, "levels", revalidation.levels_printed())
    text = _between(text, "life of a version", lifecycle.printed())
    text = _between(text, "what a grade sets off", incident.printed())
    text = _between(text, "declarations", declarations.printed())
    return _between(text, "when a case is complete", completeness.printed())


def drawn(text: str) -> str:
    """Return the first page with the drawing of a result's life between its markers."""
    return _between(text, "life of a result", f"```mermaid\n{mermaid(RESULT_LIFE)}\n```")


def _between(text: str, name: str, content: str) -> str:
    start, end = f"<!-- {name}: generated -->", f"<!-- end of the {name} -->"
    assert text.count(start) == text.count(end) == 1, name
    before, _, rest = text.partition(start)
    return f"{before}{start}\n{content}\n{end}{rest.partition(end)[2]}"


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
    FIRST_PAGE.write_text(drawn(FIRST_PAGE.read_text()))
