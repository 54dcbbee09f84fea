"""A reviewed case leaves under a pseudonym, for research or teaching: who took it out, and why.

It is no release: nothing about the patient is said to anybody, and no destination of care receives it. It is recorded
before the first file is written, as an attempt to send is: a crash in between leaves a record too many, never one too
few.
"""

from dataclasses import dataclass
from datetime import datetime

from guarantee.errors import Malformed
from guarantee.ids import DecisionId, ResultId, derive


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One export of one decided result.

    Args:
        by: who, e.g. "operator:root".
        reason: why, as that person wrote it.
        profile: how identity was taken out, e.g. "basic+modified-dates".
        objects: how many objects were about to be written.
    """

    result: ResultId
    decision: DecisionId
    by: str
    reason: str
    profile: str
    objects: int
    at: datetime

    def __post_init__(self) -> None:
        if not self.by or not self.reason.strip():
            raise Malformed("an export says who takes the case out, and why")

    @property
    def id(self) -> str:
        """Identifier: the same person taking the same result at the same moment is one export."""
        return derive("export", self.result, self.by, self.at.isoformat())
