"""Pauses: an engineer leaves a destination alone on purpose, and lets it go on.

Pauses are appended, never edited. While one is in force nothing is sent there, word of a withdrawal included: whoever
pauses a PACS moves it or mends it, and what is sent into the middle of that may be lost. Everything waits, visibly.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from guarantee.breaker import Health
from guarantee.errors import Malformed


class PauseAction(StrEnum):
    """What a line says."""

    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """One line of the append-only list.

    Args:
        by: who says so.
        reason: why; may be "" for a resumption.
    """

    destination: str
    action: PauseAction
    by: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        if not self.destination or not self.by:
            raise Malformed("a pause or a resumption says who and of which destination")
        if self.action is PauseAction.PAUSE and not self.reason.strip():
            raise Malformed("a pause says why")


def paused(lines: Iterable[Pause]) -> dict[str, Pause]:
    """Return the pause in force of each destination that has one, given every line, oldest first."""
    last = {line.destination: line for line in lines}
    return {name: line for name, line in last.items() if line.action is PauseAction.PAUSE}


class Destinations(Protocol):
    """How the destinations answer, and which of them a person paused."""

    def health(self, name: str) -> Health:
        """Return how a destination answered so far, locked until the transaction ends."""

    def keep(self, health: Health) -> None:
        """Write ``health`` over what was known."""

    def pauses(self) -> tuple[Pause, ...]:
        """Return every line of the append-only list of pauses, oldest first."""

    def add(self, pause: Pause) -> None:
        """Append a line."""
