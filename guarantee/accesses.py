"""Everything that is kept of one patient leaves for that patient (GDPR, article 15; CSP, article L.1111-7).

It is no release: no destination of care receives it. Only the data protection officer takes it out, and that is
recorded before the first file is written: a crash in between leaves a record too many, never one too few.
"""

from dataclasses import dataclass
from datetime import datetime

from guarantee.errors import Malformed, NotEntitled
from guarantee.ids import derive
from guarantee.opinion import Reader
from guarantee.policy import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One extract of everything that is kept of one patient.

    Args:
        issuer, value: the number that was asked for, and who gave it.
        by: the data protection officer who takes it out.
        reason: why, e.g. the number of the request; never a name.
        lines, objects: how many rows, and objects of the vault, were about to be written.
    """

    issuer: str
    value: str
    by: Reader
    reason: str
    lines: int
    objects: int
    at: datetime

    def __post_init__(self) -> None:
        if not self.issuer or not self.value or not self.reason.strip():
            raise Malformed("an extract names a patient number and who gave it, and says why")
        if self.by.role is not Role.DPO:
            raise NotEntitled(f"{self.by.login} is no data protection officer: aval users add --role dpo")

    @property
    def id(self) -> str:
        """Identifier: the same person asking at the same moment is one extract."""
        return derive("access", self.by.login, self.at.isoformat())
