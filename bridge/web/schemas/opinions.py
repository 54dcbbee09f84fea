"""What a reader sends back."""

from typing import Annotated, Final, Literal

from pydantic import Field

from bridge.web.first_read import RESULT_FORM
from bridge.web.schemas.base import DigestText, In
from bridge.web.schemas.passkeys import GestureIn
from guarantee.amend import NOTE_CHARS_MAX, AddedFinding, Edits, FindingEdit, QuantityEdit
from guarantee.answer import Answer
from guarantee.codec import parse_decimal
from guarantee.content import FINDINGS_MAX, TEXT_CHARS_MAX, Presence
from guarantee.ids import PreparationId
from guarantee.opinion import COMMENT_CHARS_MAX, Reason, Verdict
from guarantee.release import WithdrawalReason

Nonce = Annotated[str, Field(min_length=1, max_length=200)]

PreparationText = Annotated[str, Field(pattern=RESULT_FORM)]

QUANTITIES_MAX: Final = 50
"""Most numbers edited in one finding; a measured finding has under ten."""


class QuantityEditIn(In):
    """Another value for one number of a finding."""

    index: int = Field(ge=0, lt=QUANTITIES_MAX)
    value: str = Field(pattern=r"^-?\d{1,12}(\.\d{1,9})?$", examples=["412.50"])


class FindingEditIn(In):
    """What changes in one finding; None leaves it."""

    key: str = Field(min_length=1, max_length=200)
    keep: bool = True
    presence: Presence | None = None
    quantities: tuple[QuantityEditIn, ...] = Field(default=(), max_length=QUANTITIES_MAX)


class AddedFindingIn(In):
    """What the reader saw and the model did not say."""

    label: str = Field(min_length=1, max_length=NOTE_CHARS_MAX)
    presence: Presence = Presence.PRESENT


class EditsIn(In):
    """Everything a reader changes in one go. The server applies it to the stored draft."""

    report: str | None = Field(default=None, min_length=1, max_length=TEXT_CHARS_MAX)
    findings: tuple[FindingEditIn, ...] = Field(default=(), max_length=FINDINGS_MAX)
    added: tuple[AddedFindingIn, ...] = Field(default=(), max_length=FINDINGS_MAX)

    def to_edits(self) -> Edits:
        """Return the value that the guarantee applies."""
        return Edits(
            report=self.report,
            findings=tuple(_finding_edit(edit) for edit in self.findings),
            added=tuple(AddedFinding(label=note.label, presence=note.presence) for note in self.added),
        )


def _finding_edit(edit: FindingEditIn) -> FindingEdit:
    numbers = tuple(QuantityEdit(index=q.index, value=parse_decimal(q.value)) for q in edit.quantities)
    return FindingEdit(key=edit.key, keep=edit.keep, presence=edit.presence, quantities=numbers)


class OpinionIn(In):
    """A reader's answer to the question that was asked."""

    nonce: Nonce
    shown: DigestText = Field(description="digest of the draft that was on the screen")
    verdict: Verdict
    reason: Reason | None = Field(default=None, description="required to amend or reject")
    comment: str = Field(default="", max_length=COMMENT_CHARS_MAX)
    patient_informed: Literal["yes", "to-do", "not-possible"]
    edits: EditsIn | None = Field(default=None, description="with amend only")
    prepared: PreparationText | None = Field(default=None, description="what a learner prepared, as it was shown")
    cosigns: bool = Field(default=False, description="sign what was prepared as it stands, with its verdict")

    def to_answer(self) -> Answer:
        """Return the value that the desk takes."""
        return Answer(
            nonce=self.nonce,
            shown=self.shown,
            verdict=self.verdict,
            reason=self.reason,
            comment=self.comment.strip(),
            patient_informed=self.patient_informed,
            edits=self.edits.to_edits() if self.edits is not None else None,
            prepared=PreparationId(self.prepared) if self.prepared else None,
            cosigns=self.cosigns,
        )


class SignedOpinionIn(OpinionIn):
    """The same with what the reader's passkey signed."""

    gesture: GestureIn | None = Field(default=None, description="over the statement that was prepared")


class WithdrawalIn(In):
    """Why a released result is taken back everywhere."""

    reason: WithdrawalReason
    comment: str = Field(min_length=1, max_length=COMMENT_CHARS_MAX)
