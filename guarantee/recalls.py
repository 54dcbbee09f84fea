"""Many results are taken back together: ordered once, by two people above a few; each is then its own withdrawal.

A recall is only the order. What takes a result back is its own sealed notice (release.py), with its own word to each
place that may hold a copy, and its own receipts. So a recall that was broken off goes on where it was, nothing is
taken back twice, and what could not be taken back keeps its cause.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from guarantee.errors import Malformed
from guarantee.ids import ResultId, derive
from guarantee.release import WithdrawalReason
from guarantee.result import Cause

FEW: Final = 10
"""Most results that one person takes back in one order. A site may lower it, never raise it: the database knows it."""

TEXT_CHARS_MAX: Final = 2_000
"""Longest comment, and longest note of where else copies went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """The order to take results back.

    Args:
        criteria: how they were found, as a person may read it; no patient data.
        copies: where else copies went (a letter, a shared record), as a person knows it; "" when nobody said.
        many: how many results.
        second: the other person; "" for a few results, which one person may take back.
    """

    id: str
    reason: WithdrawalReason
    comment: str
    criteria: str
    copies: str
    many: int
    by: str
    second: str
    at: datetime

    def __post_init__(self) -> None:
        if not self.by or not self.comment.strip() or self.many < 1:
            raise Malformed("a recall says who, why, and at least one result")
        if max(len(self.comment), len(self.copies), len(self.criteria)) > TEXT_CHARS_MAX:
            raise Malformed(f"what is said of a recall has at most {TEXT_CHARS_MAX} characters")
        if self.second == self.by:
            raise Malformed("two different people take many results back")
        if self.many > FEW and not self.second:
            raise Malformed(f"{self.many} results are more than the {FEW} that one person may take back at once")


def recall_id(results: Sequence[ResultId], reason: WithdrawalReason, by: str) -> str:
    """Return the identifier that this order always has: given twice, it is the same one, which goes on."""
    return derive("recall", str(reason), by, *sorted(results))


class Recalls(Protocol):
    """Orders to take results back, and who has read of it."""

    def add(self, recall: Recall, results: Sequence[ResultId]) -> bool:
        """Insert an order and its results; return False when it was given already."""

    def get(self, recall: str) -> Recall | None:
        """Return an order, or None."""

    def left(self, recall: str) -> tuple[ResultId, ...]:
        """Return the results of an order that are not withdrawn yet."""

    def note(self, recall: str, result: ResultId, cause: Cause | None, at: datetime) -> None:
        """Note how taking one result back went; ``cause`` says why it could not be."""

    def acknowledge(self, result: ResultId, login: str, at: datetime) -> bool:
        """Note that somebody has read that a result was taken back; return False when they had."""
