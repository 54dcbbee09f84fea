"""What a launch leads to: one draft, several, or none, and then what is known instead. Never "normal"."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bridge.web.i18n import N_
from bridge.web.services import Found, Line
from bridge.web.words import CAUSES, DOUBTS, Word
from guarantee.case import Case
from guarantee.states import CaseState, ResultState

_BARE: Final[Mapping[CaseState, Word]] = {
    CaseState.RECEIVING: Word(text=N_("Being received; no AI system has begun"), icon="clock", tone="quiet"),
    CaseState.COMPLETE: Word(text=N_("Received; no AI system here looks at it"), icon="minus", tone="wait"),
    CaseState.QUARANTINED: Word(text=N_("Held: a person must decide first"), icon="pause", tone="alert"),
    CaseState.SUPERSEDED: Word(text=N_("The inputs changed; a new revision follows"), icon="history", tone="wait"),
}


def waiting(found: Found) -> Sequence[Line]:
    """Return the drafts that wait for a reader."""
    return [line for line in found.lines if line.result.state is ResultState.AWAITING_REVIEW]


def page_of(found: Found) -> dict[str, Any]:
    """Return what the page of a launch shows."""
    drafts = waiting(found)
    if drafts:
        title = N_("AI results to review")
    else:
        title = N_("No AI result to review") if found.lines else N_("No AI result")
    return {"found": found, "drafts": drafts, "title": title, "state_of": bare_word, "cause_of": bare_cause}


def bare_word(case: Case) -> Word:
    """Return where an exam without a result stands."""
    return _BARE[case.state]


def bare_cause(case: Case) -> str:
    """Return why, as a message; the cause itself when nobody has words for it, "" when there is none."""
    return DOUBTS.get(case.cause) or CAUSES.get(case.cause, case.cause)
