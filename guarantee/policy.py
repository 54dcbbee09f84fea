"""How many people, and which, must agree before a result may leave. Frozen on each result.

One reader is the default. A policy that asks for nobody cannot be written: the constructor and the database refuse it.
"""

from dataclasses import dataclass
from enum import StrEnum

from guarantee.errors import Malformed

READERS_MAX = 3
"""Blind double reading with adjudication is the most that the catalogue foresees."""

SHARE_MAX = 1000
"""Every result, in per mille."""

GESTURES = frozenset({"", "passkey"})
"""What a policy may ask of each opinion beyond a sign-in with two factors."""

LEARNERS = frozenset({"", "cosign"})
"""What a policy may let learners do."""


class Role(StrEnum):
    """What a person is, as their card or the site says it. The last four decide nothing about a patient."""

    RADIOLOGIST = "radiologist"
    CLINICIAN = "clinician"
    LEARNER = "learner"
    ENGINEER = "engineer"
    COMMITTEE = "committee"
    DPO = "dpo"
    SECURITY = "security"
    SECRETARY = "secretary"


class OnObjection(StrEnum):
    """What becomes of AI for a patient who objects to it (objections.py)."""

    STOP = "stop"
    """No model looks at their exams."""

    HIDE = "hide"
    """Models run; nothing of it is shown, decided or sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A review policy.

    Args:
        id: e.g. "validate-each".
        version: goes up at any change.
        readers: how many distinct people must endorse the same content, 1 to 3.
        roles: who may endorse.
        expires_after_s: waiting time after which the draft expires, in seconds. Time never approves.
        first_read: share of the pairs of result and reader that are read before AI is shown (first_read.py), in per
            mille; 0 for none, 1000 for all.
        gesture: "passkey" when each opinion must be signed by the reader's authenticator (L2); "" when the desk's
            seal after a sign-in with two factors is enough (L1).
        objection: what becomes of AI for a patient who objects to it.
        learners: "cosign" when people with a right to prepare may do so, for a senior to answer for
            (preparation.py); "" when they are shown nothing.
    """

    id: str
    version: int
    readers: int
    roles: frozenset[Role]
    expires_after_s: int
    first_read: int = 0
    gesture: str = ""
    objection: OnObjection = OnObjection.STOP
    learners: str = ""

    def __post_init__(self) -> None:
        if not self.id or "@" in self.id or self.version < 1:
            raise Malformed("a policy has an id (without @) and a version from 1")
        if not 1 <= self.readers <= READERS_MAX:
            raise Malformed(f"policy {self.id}: between 1 and {READERS_MAX} readers, never none")
        if not self.roles or not self.roles <= {Role.RADIOLOGIST, Role.CLINICIAN}:
            raise Malformed(f"policy {self.id}: only radiologists and clinicians endorse")
        if self.expires_after_s <= 0:
            raise Malformed(f"policy {self.id}: a draft expires after a positive time")
        if not 0 <= self.first_read <= SHARE_MAX:
            raise Malformed(f"policy {self.id}: first_read is a share from 0 to {SHARE_MAX} per mille")
        if self.gesture not in GESTURES:
            raise Malformed(f"policy {self.id}: the gesture asked for is passkey, or none")
        if self.learners not in LEARNERS:
            raise Malformed(f"policy {self.id}: learners prepare for a co-signature (cosign), or not at all")

    @property
    def ref(self) -> str:
        """Id and version, e.g. "validate-each@1"."""
        return f"{self.id}@{self.version}"

    @property
    def lets_prepare(self) -> bool:
        """Whether somebody may prepare what a senior answers for."""
        return self.learners == "cosign"

    def shows(self, role: Role) -> bool:
        """Return whether somebody of ``role`` may be shown a draft: to endorse it, or to prepare it."""
        return role in self.roles or (self.lets_prepare and role is Role.LEARNER)
