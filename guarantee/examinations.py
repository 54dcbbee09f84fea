"""Golden cases that were asked of a model version, and what came out: nothing that was stopped resumes without them.

The rule, in one place: two people may resume a scope when, for each version at work that it covers, the last
examination since the stop came out. A passed examination says that this machine still answers what was answered when
the package was made; that the cause of the stop is mended, the two people say.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from guarantee.errors import Malformed
from guarantee.ids import Digest, derive, parse_digest
from guarantee.stops import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """The golden cases of one version were asked once.

    Args:
        model: "name@version".
        cases: digest of the golden cases as they were asked.
        failure: the first case that did not come out, and how; "" when all did.
        by: who asked: the worker, or the first of the two people.
    """

    model: str
    cases: Digest
    failure: str
    by: str
    at: datetime

    def __post_init__(self) -> None:
        parse_digest(self.cases)
        if "@" not in self.model or not self.by:
            raise Malformed("an examination says of which version, as name@version, and who asked")

    @property
    def id(self) -> str:
        """The same examination has the same name."""
        return derive("examination", self.model, self.by, self.at.isoformat())

    @property
    def is_green(self) -> bool:
        """Whether every golden case came out."""
        return self.failure == ""


class Examinations(Protocol):
    """What was asked; append-only."""

    def add(self, examination: Examination) -> None:
        """Append one."""

    def last(self, model: str) -> Examination | None:
        """Return the last examination of a version, or None."""

    def concerned(self, scope: Scope, target: str) -> tuple[str, ...]:
        """Return the versions that must be examined before this scope resumes, by name.

        Those at work that it covers (in routine, or tried), and the one that a stop of a version names; never a
        retired one.
        """
