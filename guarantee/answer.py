"""What a reader sends back when asked about a draft."""

from dataclasses import dataclass

from guarantee.amend import Edits
from guarantee.ids import PreparationId
from guarantee.opinion import Reason, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An opinion before it is signed.

    Args:
        nonce: the one-time number of the question that this answers.
        shown: digest of the draft that was on the reader's screen.
        patient_informed: "yes", "to-do" or "not-possible".
        edits: only with AMEND.
        prepared: what a learner prepared, as it was on the reader's screen; None when nothing was.
        cosigns: whether the reader signs what was prepared as it stands; verdict and reason are then the learner's.
    """

    nonce: str
    shown: str
    verdict: Verdict
    reason: Reason | None
    comment: str
    patient_informed: str
    edits: Edits | None
    prepared: PreparationId | None = None
    cosigns: bool = False
