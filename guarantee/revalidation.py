"""What changed between two versions of a model, and what must be shown again before the new one is believed.

Nothing of a model changes without another version (card.py, result.py). So the question is not whether something
changed, but what: two versions are compared part by part, by digest, and the strictest line of the table below that a
changed part asks for is the level of the new version. The table is printed in the README; a test holds both together.

A level says what people have to do, and where the life of the new version begins (lifecycle.py). It never says that
they have done it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from guarantee.errors import Malformed
from guarantee.ids import Digest, parse_digest
from guarantee.result import ModelVersion


class Level(StrEnum):
    """What must be shown again, the least first."""

    NONE = "none"
    TEXTS = "texts"
    GOLDEN = "golden"
    OWN_CASES = "own-cases"
    NEW_MODEL = "new-model"


MEANING: Final[Mapping[Level, str]] = {
    Level.NONE: "nothing: no part is another",
    Level.TEXTS: "the texts are read by those who answer for the model",
    Level.GOLDEN: "its golden cases come out on the machines that run it",
    Level.OWN_CASES: "it is validated on the hospital's own cases",
    Level.NEW_MODEL: "it is framed and validated as a model that nobody here knows",
}


class Facet(StrEnum):
    """A part of a package."""

    IDENTITY = "identity"
    PURPOSE = "purpose"
    WEIGHTS = "weights"
    PREPROCESSING = "preprocessing"
    POSTPROCESSING = "postprocessing"
    PARAMETERS = "parameters"
    INPUTS = "inputs"
    CONDITIONS = "conditions"
    REVIEW = "review"
    RUNTIME = "runtime"
    GOLDEN = "golden"
    TEXTS = "texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a changed part asks for.

    Args:
        holds: what the part is, in words.
        why: why no less.
    """

    facet: Facet
    holds: str
    level: Level
    why: str


TABLE: Final = (
    Row(
        facet=Facet.IDENTITY,
        holds="kind of case, recipe, regulatory status",
        level=Level.NEW_MODEL,
        why="it does something else, or somebody else answers for it",
    ),
    Row(
        facet=Facet.PURPOSE,
        holds="the stated purpose",
        level=Level.OWN_CASES,
        why="a program cannot tell a corrected word from another use",
    ),
    Row(facet=Facet.WEIGHTS, holds="model.onnx", level=Level.OWN_CASES, why="every answer may be another"),
    Row(
        facet=Facet.PREPROCESSING,
        holds="preprocess.onnx",
        level=Level.OWN_CASES,
        why="the model is shown something else",
    ),
    Row(
        facet=Facet.POSTPROCESSING,
        holds="postprocess.onnx",
        level=Level.OWN_CASES,
        why="its answer is read otherwise",
    ),
    Row(
        facet=Facet.PARAMETERS,
        holds="threshold, features, units, bounds: what the recipe is set by",
        level=Level.OWN_CASES,
        why="the same answer becomes another finding",
    ),
    Row(
        facet=Facet.INPUTS,
        holds="declared inputs and outputs, what it is told of the patient",
        level=Level.OWN_CASES,
        why="it is computed from something else",
    ),
    Row(
        facet=Facet.CONDITIONS,
        holds="envelope, burned-in text, incomplete cases",
        level=Level.OWN_CASES,
        why="it meets other patients than those it was validated on",
    ),
    Row(
        facet=Facet.REVIEW,
        holds="review policy, mode",
        level=Level.GOLDEN,
        why="other people stand behind its results, or nobody does",
    ),
    Row(
        facet=Facet.RUNTIME,
        holds="deadline, memory, cases of one run",
        level=Level.GOLDEN,
        why="a run may now end, or be ended, otherwise",
    ),
    Row(facet=Facet.GOLDEN, holds="golden.json", level=Level.GOLDEN, why="what it is examined by is another"),
    Row(
        facet=Facet.TEXTS,
        holds="every other text: label, limits, figures, sentences of the report, licence, objectives",
        level=Level.TEXTS,
        why="the numbers are the same, and what a reader is told is not",
    ),
)
"""Each part once, the strictest first: what has no row is not compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is compared of one version.

    Args:
        parts: digest of each part; one that the package does not have is not here.
    """

    model: ModelVersion
    parts: Mapping[Facet, Digest]

    def __post_init__(self) -> None:
        for part in self.parts.values():
            parse_digest(part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What changed, and what follows.

    Args:
        before: "name@version" that was compared with; "" where the name is new.
        changed: the parts that are not the same, in the order of the table.
    """

    before: str
    after: str
    changed: tuple[Facet, ...]
    level: Level


def compare(before: Facts | None, after: Facts) -> Comparison:
    """Return what changed from ``before`` to ``after``.

    Args:
        before: None when no version of this name is known: everything is new.
    """
    if before is None:
        return Comparison(before="", after=after.model.id, changed=(), level=Level.NEW_MODEL)
    changed = tuple(row.facet for row in TABLE if before.parts.get(row.facet) != after.parts.get(row.facet))
    levels = [row.level for row in TABLE if row.facet in changed]
    return Comparison(
        before=before.model.id, after=after.model.id, changed=changed, level=max(levels, key=_order, default=Level.NONE)
    )


def predecessor(new: ModelVersion, known: Iterable[Facts]) -> Facts | None:
    """Return the version that ``new`` is compared with: the highest below it, or else the highest; None without any."""
    others = sorted((facts for facts in known if facts.model.name == new.name and facts.model.id != new.id), key=_place)
    below = [facts for facts in others if numbers(facts.model.version) < numbers(new.version)]
    return (below or others)[-1] if others else None


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, to be ordered by.

    Raises:
        Malformed: it is not made of numbers joined by dots.
    """
    parts = version.split(".")
    if not all(part.isascii() and part.isdecimal() for part in parts):
        raise Malformed(f"{version[:40]!r} is not a version: numbers joined by .")
    return tuple(int(part) for part in parts)


def printed() -> str:
    """Return the table in Markdown, for the README."""
    rows = [(f"`{row.facet}`: {row.holds}", f"`{row.level}`", row.why) for row in TABLE]
    head = ("what changed", "level", "why no less")
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows))


def levels_printed() -> str:
    """Return what each level asks for in Markdown, for the README."""
    rows = [(f"`{level}`", MEANING[level]) for level in Level]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (("level", "asks that"), ("---", "---"), *rows))


def _order(level: Level) -> int:
    return list(Level).index(level)


def _place(facts: Facts) -> tuple[int, ...]:
    return numbers(facts.model.version)
