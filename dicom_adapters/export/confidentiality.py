"""What becomes of each attribute when an object is de-identified, as data (confidentiality.tsv).

Source: PS3.15, Annex E (Attribute Confidentiality Profiles), Table E.1-1; PS3.16, CID 7050 (method codes).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from dicom_adapters.errors import NotExportable

TABLE: Final = Path(__file__).parent / "confidentiality.tsv"


class Option(StrEnum):
    """The options of Annex E that we can keep. The others ask for a judgement on pixels or free text that no code of
    ours makes, or would keep what a pseudonymous export must not."""

    RETAIN_DEVICE = "retain-device"
    RETAIN_INSTITUTION = "retain-institution"
    RETAIN_PATIENT = "retain-patient-characteristics"
    MODIFIED_DATES = "modified-dates"


class Action(StrEnum):
    """What is done with one attribute (PS3.15, E.1)."""

    DUMMY = "D"
    EMPTY = "Z"
    REMOVE = "X"
    KEEP = "K"
    CLEAN = "C"
    UID = "U"


_ACTIONS: Final = {
    "D": Action.DUMMY,
    "Z": Action.EMPTY,
    "X": Action.REMOVE,
    "U": Action.UID,
    "Z/D": Action.DUMMY,
    "X/Z": Action.EMPTY,
    "X/D": Action.DUMMY,
    "X/Z/D": Action.DUMMY,
    "X/Z/U*": Action.UID,
}
"""Where the table offers a choice by the type of the attribute in its IOD, the one that is valid for every type."""

_EMPTIED: Final = frozenset({0x00401001})
"""Requested Procedure ID: the table removes it, and a report needs it, if empty (PS3.3, C.17.2, type 2)."""

_COLUMNS: Final = {
    Option.RETAIN_DEVICE: "device",
    Option.RETAIN_INSTITUTION: "institution",
    Option.RETAIN_PATIENT: "patient",
    Option.MODIFIED_DATES: "dates",
}

_CODES: Final = {
    Option.RETAIN_DEVICE: ("113109", "Retain Device Identity Option"),
    Option.RETAIN_INSTITUTION: ("113112", "Retain Institution Identity Option"),
    Option.RETAIN_PATIENT: ("113108", "Retain Patient Characteristics Option"),
    Option.MODIFIED_DATES: ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
}
_BASIC: Final = ("113100", "Basic Application Confidentiality Profile")
_STRUCTURED: Final = ("113104", "Clean Structured Content Option")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The basic profile with options.

    Args:
        options: those asked for.
    """

    options: frozenset[Option]

    @classmethod
    def basic(cls, names: Iterable[str]) -> "Profile":
        """Return the basic profile with the named options.

        Raises:
            NotExportable: "option-unknown"; the message lists those that exist.
        """
        known = {str(option) for option in Option}
        wrong = sorted(set(names) - known)
        if wrong:
            raise NotExportable("option-unknown", f"{', '.join(wrong)}; there are {', '.join(sorted(known))}")
        return cls(options=frozenset(Option(name) for name in names))

    @property
    def name(self) -> str:
        """For the journal, e.g. "basic+modified-dates"."""
        return "+".join(["basic", *sorted(self.options)])

    @property
    def shifts_dates(self) -> bool:
        """Whether dates are moved by a constant number of days instead of removed (PS3.15, E.3.6)."""
        return Option.MODIFIED_DATES in self.options

    def action(self, tag: int) -> Action | None:
        """Return what is done with an attribute; None when the table does not list it."""
        row = _table().get(tag)
        if row is None:
            return None
        if tag in _EMPTIED:
            return Action.EMPTY
        for option in self.options:
            changed = row.options.get(_COLUMNS[option])
            if changed == "K" or (changed == "C" and option is Option.MODIFIED_DATES):
                return Action(changed)
        return row.action

    def method_codes(self, *, structured: bool) -> tuple[tuple[str, str], ...]:
        """Return code and meaning of everything that was done, for De-identification Method Code Sequence.

        Args:
            structured: whether the content tree of a report was cleaned.
        """
        more = [_STRUCTURED] if structured else []
        return (_BASIC, *more, *(_CODES[option] for option in sorted(self.options)))


@dataclass(frozen=True, slots=True)
class _Row:
    action: Action
    options: Mapping[str, str]


@cache
def _table() -> Mapping[int, _Row]:
    found = {}
    for line in TABLE.read_text(encoding="ascii").splitlines():
        if line.startswith("#"):
            continue
        tag, _, action, options = [*line.split("\t"), ""][:4]
        found[int(tag, 16)] = _Row(_ACTIONS[action], dict(pair.split("=") for pair in options.split()))
    return found


def listed() -> frozenset[int]:
    """Return every tag of the table."""
    return frozenset(_table())
