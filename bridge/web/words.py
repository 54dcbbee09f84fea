"""Every coded value that a person reads, as words: never a bare code, never colour alone.

English here, translated by the catalogues. A code that this table does not know is shown as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.web.i18n import N_, Language
from bridge.web.person import visible
from bridge.web.services import Line, View
from guarantee.case import Case, CaseKind
from guarantee.content import Presence
from guarantee.gesture import Level
from guarantee.identity import Doubt
from guarantee.ids import digest
from guarantee.opinion import Reason, Statement, Verdict
from guarantee.policy import Role
from guarantee.preparation import Outcome, outcome
from guarantee.release import WithdrawalReason
from guarantee.result import Cause, Priority
from guarantee.states import ResultState


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A state as a person sees it.

    Args:
        text: message to translate.
        icon: name of a symbol in templates/_icons.html.
        tone: "ai", "human", "wait", "alert" or "quiet"; a colour that repeats what the text says.
    """

    text: str
    icon: str
    tone: str


STATES: Final[Mapping[ResultState, Word]] = {
    ResultState.QUEUED: Word(text=N_("Being computed"), icon="clock", tone="quiet"),
    ResultState.AWAITING_REVIEW: Word(text=N_("To review"), icon="eye", tone="ai"),
    ResultState.VALIDATED: Word(text=N_("Accepted, being sent"), icon="send", tone="human"),
    ResultState.AMENDED: Word(text=N_("Amended, being sent"), icon="send", tone="human"),
    ResultState.DELIVERED: Word(text=N_("Delivered"), icon="check", tone="human"),
    ResultState.REJECTED: Word(text=N_("Rejected"), icon="cross", tone="quiet"),
    ResultState.FAILED: Word(text=N_("Computation failed"), icon="alert", tone="alert"),
    ResultState.EXCLUDED: Word(text=N_("Not eligible"), icon="minus", tone="wait"),
    ResultState.EXPIRED: Word(text=N_("Expired, not reviewed"), icon="hourglass", tone="wait"),
    ResultState.STALE: Word(text=N_("Out of date"), icon="history", tone="wait"),
    ResultState.RETRACTED: Word(text=N_("Withdrawn"), icon="undo", tone="wait"),
}

LEVELS: Final[Mapping[Level, str]] = {
    Level.SEAL: N_("Seal of the desk, after a sign-in with two factors (L1)"),
    Level.GESTURE: N_("Gesture with a passkey over this statement (L2)"),
}
"""What a signature proves, named as it is."""


def statement_digest(statement: Statement) -> str:
    """Return the beginning of the digest of a statement, as the page showed it while it was being signed."""
    return digest(statement.to_bytes())[:16]


HELD: Final = Word(text=N_("Suspended by a stop"), icon="pause", tone="alert")
UNDELIVERED: Final = Word(text=N_("Delivery refused or withheld"), icon="alert", tone="alert")
UNWITHDRAWN: Final = Word(text=N_("Withdrawn here; a destination refused the withdrawal"), icon="alert", tone="alert")
OVERTAKEN: Final = Word(text=N_("Delivered; the exam changed since"), icon="history", tone="alert")


def state_word(line: Line) -> Word:
    """Return what a row says of its result: what a person must look at comes before the state itself."""
    if line.held:
        return HELD
    if line.undelivered is not None:
        return UNWITHDRAWN if line.result.state is ResultState.RETRACTED else UNDELIVERED
    return OVERTAKEN if line.overtaken else STATES[line.result.state]


PRIORITIES: Final[Mapping[Priority, Word]] = {
    Priority.STAT: Word(text=N_("Urgent"), icon="up", tone="alert"),
    Priority.ROUTINE: Word(text=N_("Standard"), icon="dot", tone="quiet"),
}

ROLES: Final[Mapping[Role, str]] = {
    Role.RADIOLOGIST: N_("Radiologist"),
    Role.CLINICIAN: N_("Clinician"),
    Role.LEARNER: N_("Learner"),
    Role.ENGINEER: N_("Biomedical engineer"),
    Role.COMMITTEE: N_("Member of the AI committee"),
    Role.DPO: N_("Data protection officer"),
    Role.SECURITY: N_("Security officer"),
    Role.SECRETARY: N_("Secretary"),
}

PRESENCES: Final[Mapping[Presence, str]] = {
    Presence.PRESENT: N_("Present"),
    Presence.ABSENT: N_("Absent"),
    Presence.UNDETERMINED: N_("Undetermined"),
}

VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.ACCEPT: N_("Accepted as it stood"),
    Verdict.AMEND: N_("Accepted with amendments"),
    Verdict.REJECT: N_("Rejected"),
}

PREPARED: Final[Mapping[Outcome, str]] = {
    Outcome.WAITS: N_("Waits for a co-signature"),
    Outcome.COSIGNED: N_("Co-signed as it stood"),
    Outcome.OTHERWISE: N_("Decided otherwise"),
}


def prepared_outcome(view: View) -> Outcome | None:
    """Return what became of what a learner prepared; None when nobody did."""
    decided = view.decision.opinion if view.decision else None
    said = next((opinion.statement for opinion in view.opinions if opinion.id == decided), None)
    return outcome(view.preparation, said) if view.preparation else None


REASONS: Final[Mapping[Reason, str]] = {
    Reason.FALSE_POSITIVE: N_("False positive"),
    Reason.FALSE_NEGATIVE: N_("False negative"),
    Reason.WRONG_PLACE: N_("Wrong place or side"),
    Reason.WRONG_MEASURE: N_("Wrong measurement"),
    Reason.WRONG_CLASS: N_("Wrong category"),
    Reason.WORDING: N_("Wording"),
    Reason.OUT_OF_SCOPE: N_("Outside the intended use"),
    Reason.IMAGE_QUALITY: N_("Image quality, artefact"),
    Reason.WRONG_PATIENT: N_("Wrong patient or exam"),
    Reason.TOO_LATE: N_("Came too late"),
    Reason.DUPLICATE: N_("Duplicate"),
    Reason.OTHER: N_("Other (explain in the comment)"),
}

WITHDRAWAL_REASONS: Final[Mapping[WithdrawalReason, str]] = {
    WithdrawalReason.WRONG_PATIENT: N_("Wrong patient or exam"),
    WithdrawalReason.WRONG_RESULT: N_("The result is wrong"),
    WithdrawalReason.MODEL_DEFECT: N_("Defect of the AI system"),
    WithdrawalReason.SUPERSEDED: N_("Replaced by another result"),
    WithdrawalReason.OTHER: N_("Other (explain in the comment)"),
}

INFORMED: Final[Mapping[str, str]] = {
    "yes": N_("Yes"),
    "to-do": N_("To be done"),
    "not-possible": N_("Not possible"),
}

DELIVERIES: Final[Mapping[str, Word]] = {
    "due": Word(text=N_("To be sent"), icon="clock", tone="wait"),
    "confirmed": Word(text=N_("Confirmed"), icon="check", tone="human"),
    "declined": Word(text=N_("Refused"), icon="alert", tone="alert"),
    "withheld": Word(text=N_("Withheld"), icon="pause", tone="wait"),
}

METHODS: Final[Mapping[str, str]] = {
    "storage-commitment": N_("confirmed by storage commitment"),
    "read-back": N_("read back and compared"),
    "query": N_("found there by a query"),
    "version-id": N_("read back with its version"),
    "hl7-ack": N_("acknowledged by it, in HL7v2"),
}

KINDS: Final[Mapping[str, str]] = {
    "result": N_("Result"),
    "withdrawal": N_("Withdrawal"),
}

CAUSES: Final[Mapping[str, str]] = {
    "held": N_("A stop is in force"),
    "right-revoked": N_("A right that this was endorsed under was revoked: a person must look before it is sent"),
    "inputs-changed": N_("Images or data arrived after the computation"),
    "inputs-rejected": N_("The archive rejected images after the computation"),
    "incomplete": N_("Images are missing, or may be, and this system does not run on an incomplete exam"),
    "manifest-changed": N_("The inputs are no longer those the model was given"),
    "identity-changed": N_("The patient's identity was merged or corrected"),
    "order-contradicts": N_("The order of this exam is about somebody else"),
    "order-cancelled": N_("The order of this exam was cancelled"),
    "stay-cancelled": N_("The record cancelled this stay"),
    "objection": N_("The patient objects to AI: until the objection is lifted, nothing more is decided or sent"),
    "shadow": N_("This system runs in shadow mode: its results never leave"),
    "not-reviewed-in-time": N_("Nobody reviewed it in the time its policy allows"),
    "rule": N_("A rule of this site keeps the system from running on this exam"),
    "burned-in": N_("Text is burned into the images, and this system is not given such images"),
    "version-left": N_("This version of the AI system was gone back from; the one before it looks at the exam"),
    "model-retired": N_("This version of the AI system was retired"),
    "not-granted": N_("This version of the AI system may not run yet: nobody has signed for it"),
    "model-missing": N_("The worker does not hold exactly this model version"),
    "worker-died": N_("The worker died each time it began the computation"),
    "not-endorsed": N_("What was to be sent is not what was endorsed"),
    "destination-resting": N_("The destination does not answer; it is tried again soon"),
    "destination-paused": N_("The destination is paused"),
    "timeout": N_("The computation took too long"),
    "crashed": N_("The model crashed"),
    "memory": N_("The model needed too much memory"),
    "inputs-missing": N_("Required data are missing"),
    "no-images": N_("The exam holds no usable image"),
    "not-a-volume": N_("The series is not a volume"),
    "too-few-slices": N_("Too few slices"),
    "too-large": N_("The series is too large"),
    "slices-missing": N_("Slices are missing"),
    "spacing-irregular": N_("The slice spacing is irregular"),
    "duplicate-position": N_("Two slices are at the same place"),
    "orientation-mixed": N_("The slices have different orientations"),
    "frame-of-reference-mixed": N_("The images have different frames of reference"),
    "size-mixed": N_("The images have different sizes"),
    "gantry-tilt": N_("The gantry was tilted"),
    "samples-unsupported": N_("This pixel format is not supported"),
    "pixels-unreadable": N_("The image cannot be decoded"),
    "multi-frame-not-supported": N_("A multi-frame image that is not one stack of slices"),
    "modality": N_("The modality is outside the intended use"),
    "two-matches": N_("The destination holds two objects with this identifier"),
    "no-transaction": N_("The destination does not take transactions"),
    "hl7-ar": N_("The destination refused the message"),
    "hl7-cr": N_("The destination refused the message"),
    **{str(reason): text for reason, text in WITHDRAWAL_REASONS.items()},
    **{str(reason): text for reason, text in REASONS.items()},
}


def cause_text(cause: Cause) -> str:
    """Return the message for a cause; its own code when the table has none."""
    return CAUSES.get(cause.code, cause.code)


ACTIONS: Final[Mapping[str, str]] = {
    "case.receiving": N_("First input received"),
    "case.complete": N_("Inputs complete"),
    "case.superseded": N_("The inputs changed: a new revision was opened"),
    "case.quarantined": N_("Inputs set aside"),
    "case.identity-changed": N_("The record said something new of the patient's identity"),
    "order.wanted": N_("An order was heard of"),
    "order.cancelled": N_("An order was cancelled"),
    "admission.admit": N_("Inputs admitted by a person"),
    "admission.keep-apart": N_("Inputs kept apart for good"),
    "judgement.complete": N_("Judged complete"),
    "judgement.short": N_("Judged incomplete: something is missing, or may be"),
    "result.queued": N_("Computation requested"),
    "result.awaiting_review": N_("Draft made, waiting for a reader"),
    "result.validated": N_("Result accepted"),
    "result.amended": N_("Result accepted with amendments"),
    "result.rejected": N_("Result rejected"),
    "result.failed": N_("Computation failed"),
    "result.excluded": N_("Found not eligible"),
    "result.expired": N_("Expired without a review"),
    "result.stale": N_("Out of date"),
    "result.delivered": N_("Every destination has confirmed"),
    "result.retracted": N_("Result withdrawn"),
    "launch.opened": N_("Opened from another system"),
    "first-read.opened": N_("Images opened for a first read, nothing of AI shown"),
    "first-read.impression": N_("First impression kept"),
    "exposure.reveal": N_("Draft revealed"),
    "exposure.result": N_("What was decided was shown"),
    "draft.shown": N_("Draft shown to a reader"),
    "preparation.accept": N_("Prepared for a co-signature: accept"),
    "preparation.amend": N_("Prepared for a co-signature: amend"),
    "preparation.reject": N_("Prepared for a co-signature: reject"),
    "opinion.accept": N_("Opinion signed: accept"),
    "opinion.amend": N_("Opinion signed: amend"),
    "opinion.reject": N_("Opinion signed: reject"),
    "gesture.made": N_("Signed by the reader’s passkey"),
    "decision.accept": N_("Decision: accepted"),
    "decision.amend": N_("Decision: accepted with amendments"),
    "decision.reject": N_("Decision: rejected"),
    "release.result": N_("Release made"),
    "release.withdrawal": N_("Release of the withdrawal made"),
    "withdrawal": N_("Withdrawal signed"),
    "delivery.attempted": N_("Sending began"),
    "delivery.receipt": N_("Receipt recorded"),
    "delivery.due": N_("Sending postponed"),
    "delivery.confirmed": N_("Destination confirmed"),
    "delivery.declined": N_("Destination refused"),
    "delivery.withheld": N_("Sending withheld"),
    "delivery.ordered-again": N_("Asked to be sent again"),
    "stop.stop": N_("Stop given"),
    "stop.resume": N_("Resumed by two people"),
    "incident.reported": N_("A discordance was reported"),
    "incident.grade": N_("The discordance was graded"),
    "incident": N_("Something was said of the discordance"),
    "evidence.frozen": N_("The evidence was frozen"),
    "evidence.released": N_("Two people lifted the freeze of the evidence"),
    "recall.item": N_("Taken back with others, by one order"),
    "withdrawal.acknowledged": N_("A reader has read that it was taken back"),
}


def action_text(action: str) -> str:
    """Return what a journal line says happened; the action itself when the table has no words for it."""
    return ACTIONS.get(action) or ACTIONS.get(action.partition(".")[0]) or action


UNITS: Final[Mapping[str, str]] = {
    "mm[Hg]": "mmHg",
    "Cel": "°C",
    "ug": "µg",
    "ug/L": "µg/L",
    "umol/L": "µmol/L",
    "10*9/L": "10⁹/L",
    "mm2": "mm²",
    "mm3": "mm³",
    "cm2": "cm²",
    "cm3": "cm³",
    "1": "",
    "[pH]": "",
    "{score}": "",
    "[degF]": "°F",
    "mL/(24.h)": "mL/24 h",
    "a": N_("years"),
}
"""UCUM codes whose printed form differs from the code (UCUM, table of units, column "print symbol")."""

STAYS: Final[Mapping[str, str]] = {
    "IMP": N_("Hospital stay"),
    "ACUTE": N_("Hospital stay, acute care"),
    "NONAC": N_("Hospital stay, not acute"),
    "SS": N_("Short stay"),
    "OBSENC": N_("Observation"),
    "EMER": N_("Emergency visit"),
    "AMB": N_("Outpatient visit"),
    "HH": N_("Care at home"),
    "VR": N_("Remote visit"),
}
"""Kinds of stay (HL7 v3 ActCode, ActEncounterCode), as a record case names them."""


def case_title(case: Case, language: Language) -> str:
    """Return what a case is about: in our words where they are ours, else exactly as received; never empty."""
    if case.kind is CaseKind.RECORD and case.description in STAYS:
        return language.text(STAYS[case.description])
    if case.description:
        return visible(case.description)
    return language.text(N_("Record data") if case.kind is CaseKind.RECORD else N_("Exam"))


DOUBTS: Final[Mapping[str, str]] = {
    Doubt.TWO_PATIENTS: N_("its images name two patients"),
    Doubt.IDENTITY_DOUBTFUL: N_("its images contradict each other about the patient"),
    Doubt.IDENTITY_COLLISION: N_("its patient number is that of somebody else in another exam"),
    Doubt.SENDER_UNKNOWN: N_("it comes from an unknown sender"),
    Doubt.CHANGED_BYTES: N_("another image came under a known name"),
    Doubt.IDENTITY_CHANGED: N_("the record merged, moved or corrected the identity of its patient"),
    Doubt.ORDER_CONTRADICTS: N_("its order is about somebody else"),
    Doubt.ORDER_CANCELLED: N_("its order was cancelled"),
}
"""Why a case is held."""

FLAGS: Final[Mapping[str, str]] = {
    Doubt.SPELLED_OTHERWISE: N_("Some images spell the patient otherwise, or leave a trait out."),
    Doubt.TWO_PATIENTS: N_("The images name two patients; a person admitted the exam all the same."),
    Doubt.IDENTITY_DOUBTFUL: N_("The images contradict each other about the patient; a person admitted the exam."),
    Doubt.IDENTITY_COLLISION: N_("The patient number is somebody else's in another exam; a person admitted this one."),
    Doubt.SENDER_UNKNOWN: N_("The images came from an unknown sender; a person admitted the exam."),
    Doubt.CHANGED_BYTES: N_("Another image came under a known name; the first one is used."),
    Doubt.IDENTITY_CHANGED: N_(
        "The record merged, moved or corrected the patient's identity; a person admitted the exam."
    ),
    Doubt.ORDER_CONTRADICTS: N_("The order names another patient; a person admitted the exam."),
    Doubt.ORDER_CANCELLED: N_("The order was cancelled; a person admitted the exam."),
}
"""What a reader is told of a doubt that did not hold the case, or no longer."""


def doubt_text(cause: str) -> str:
    """Return why a case is held, in words; a cause that nobody translated as it is."""
    return DOUBTS.get(cause, cause)


def flag_text(doubt: str) -> str:
    """Return what a reader is told of a doubt."""
    return FLAGS.get(doubt, doubt)
